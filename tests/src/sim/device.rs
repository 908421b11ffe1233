//! One device: its engine, its clock, its store, its disks and the work it has under way.

use std::collections::{BTreeMap, BTreeSet};

use shoal_engine::event::WorkId;
use shoal_engine::id::{ContentId, DeviceId, FolderId, OfferId, Scope};
use shoal_engine::message::FetchRequest;
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use super::brain::Brain;
use super::disk::Disk;
use super::store::Store;

/// What every clock shows when a world begins, give or take its skew: a day in 2026.
const BEGIN_MS: i64 = 1_795_000_000_000;

/// A device and everything on it.
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its key's seed.
    pub key: [u8; 32],
    /// What decides; `None` while the program does not run.
    pub brain: Option<Box<dyn Brain>>,
    /// How often it was started: answers to an earlier life are dropped.
    pub life: u32,
    /// The machine is on, so that its user can work.
    pub is_on: bool,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// When the engine is called next for its deadline.
    pub tick: Option<u64>,
    /// What it remembers.
    pub store: Store,
    /// A backup of what it remembered some time ago.
    pub backup: Option<Store>,
    /// The directory that is shared.
    pub home: Disk,
    /// Directories of offers.
    pub offers: BTreeMap<OfferId, Disk>,
    /// Folders whose root is open and watched.
    pub open: BTreeSet<FolderId>,
    /// Manifests it remembers.
    pub manifests: BTreeSet<ContentId>,
    /// Fetches under way.
    pub fetches: BTreeMap<WorkId, Fetch>,
    /// Streams that peers opened: who asks, in which life, by which fetch.
    pub asks: BTreeMap<WorkId, (usize, u32, WorkId)>,
    /// The last stream's number.
    pub last_ask: WorkId,
    /// Paths that an `Apply` is at work on.
    pub busy: BTreeSet<RelPath>,
    /// Applies in flight, for what a crash may leave unknown.
    pub applies: u32,
}

/// A fetch under way.
#[derive(Debug)]
pub struct Fetch {
    /// From whom.
    pub from: usize,
    /// On which life of the link.
    pub epoch: u64,
    /// What.
    pub request: FetchRequest,
    /// What the peer serves, once it answered: its ask number and places.
    pub serve: Option<Vec<shoal_engine::effect::ServeItem>>,
    /// The item that comes next, and the chunk of it (in the order asked).
    pub next: (usize, usize),
}

impl Device {
    /// A device that was never started.
    pub fn new(key: [u8; 32], marker: [u8; 16], name: String) -> Self {
        let public = ed25519_dalek::SigningKey::from_bytes(&key).verifying_key().to_bytes();
        Device {
            id: DeviceId(public),
            key,
            brain: None,
            life: 0,
            is_on: true,
            skew: 0,
            tick: None,
            store: Store { name, ..Store::default() },
            backup: None,
            home: Disk::new(marker),
            offers: BTreeMap::new(),
            open: BTreeSet::new(),
            manifests: BTreeSet::new(),
            fetches: BTreeMap::new(),
            asks: BTreeMap::new(),
            last_ask: 0,
            busy: BTreeSet::new(),
            applies: 0,
        }
    }

    /// What its clock shows.
    pub fn clock(&self, now: u64) -> Timestamp {
        Timestamp(u64::try_from(BEGIN_MS + now as i64 + self.skew).unwrap_or(0))
    }

    /// When, in world time, its clock will show that.
    pub fn when(&self, clock: Timestamp) -> u64 {
        let at = i64::try_from(clock.0).unwrap_or(i64::MAX / 2) - BEGIN_MS - self.skew;
        u64::try_from(at).unwrap_or(0)
    }

    /// What files written now get as modified time.
    pub fn modified_ns(&self, now: u64) -> i64 {
        i64::try_from(self.clock(now).0).unwrap_or(0) * 1_000_000 + 123_456
    }

    /// The directory of a scope.
    pub fn disk(&self, scope: &Scope) -> Option<&Disk> {
        match scope {
            Scope::Folder(_) => Some(&self.home),
            Scope::Offer(offer) => self.offers.get(offer),
        }
    }

    /// The directory of a scope, to change it.
    pub fn disk_mut(&mut self, scope: &Scope) -> Option<&mut Disk> {
        match scope {
            Scope::Folder(_) => Some(&mut self.home),
            Scope::Offer(offer) => self.offers.get_mut(offer),
        }
    }

    /// Whether the folder's root is there and the one that was opened.
    pub fn has_root(&self, scope: &Scope) -> bool {
        self.disk(scope).is_some_and(|disk| disk.is_here)
    }
}
