//! What the view is drawn from: the engine's status and what only the node knows.
//!
//! The loop fills a [`Snapshot`] at most ten times a second; `publish::view` turns it into a `View`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::status::Status;
use shoal_engine::time::Timestamp;

use crate::progress::Progress;
use crate::view::{DryRun, NetworkState, Notice, PathKind, Theme, Trouble};

/// Everything there is to draw.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was made.
    pub now: Timestamp,
    /// This device.
    pub me: DeviceId,
    /// What the engine knows. Offers that were cleared from the list are not in it any more.
    pub status: Status,
    /// What the user set.
    pub settings: Settings,
    /// The home's label, when it is not the default one.
    pub home_label: Option<String>,
    /// What the network told.
    pub net: NetFacts,
    /// Bytes and speeds per offer, sent or received.
    pub transfers: BTreeMap<OfferId, TransferFacts>,
    /// Bytes and speeds per folder.
    pub folders: BTreeMap<FolderId, FolderFacts>,
    /// What is known of the places where offers and invitations would go.
    pub offer_places: BTreeMap<OfferId, PlaceFacts>,
    /// The same for invitations.
    pub invitation_places: BTreeMap<FolderId, PlaceFacts>,
    /// Bytes a second over everything, down and up.
    pub rates: (u64, u64),
    /// Bytes of files that came from and went to each device since the start.
    pub traffic: BTreeMap<DeviceId, (u64, u64)>,
    /// What happened and concerns no single row.
    pub notices: Vec<Notice>,
    /// When this person last did something with a device.
    pub last_used: BTreeMap<DeviceId, Timestamp>,
}

/// What the user set, of what the view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This device's name.
    pub name: String,
    /// The first run is over.
    pub is_set_up: bool,
    /// Where received files go.
    pub downloads: PathBuf,
    /// Light or dark.
    pub theme: Theme,
}

/// What the network told.
#[derive(Clone, Debug)]
pub struct NetFacts {
    /// Whether there is a network.
    pub state: NetworkState,
    /// Addresses others can dial, complete with this device's id.
    pub addresses: Vec<String>,
    /// Devices with a live link.
    pub links: BTreeMap<DeviceId, LinkFacts>,
    /// Devices that were announced and not paired, with when that began and the last failure to reach them.
    pub found: BTreeMap<DeviceId, FoundFacts>,
    /// The address each device was last reached at.
    pub last_addresses: BTreeMap<DeviceId, String>,
    /// Devices in the routing table; `None` when it is off.
    pub dht_peers: Option<u32>,
    /// What is in the way of being found.
    pub troubles: Vec<Trouble>,
}

/// A live link.
#[derive(Clone, Debug)]
pub struct LinkFacts {
    /// Round trip, when measured.
    pub rtt_ms: Option<u32>,
    /// Which way it goes.
    pub path: PathKind,
}

/// A device that was announced.
#[derive(Clone, Debug)]
pub struct FoundFacts {
    /// Since when.
    pub since: Timestamp,
    /// Dialling it failed last time.
    pub has_failed: bool,
}

/// One offer's traffic and what the node alone knows of it.
#[derive(Clone, Debug, Default)]
pub struct TransferFacts {
    /// Bytes that went or came, per device on the other end.
    pub bytes: BTreeMap<DeviceId, u64>,
    /// Bytes a second, averaged over 5 s.
    pub speed: u64,
    /// Seconds left, a 20 s median.
    pub eta_s: Option<u32>,
    /// Bytes being read, to name what is in its files.
    pub reading: Option<Progress>,
    /// The user paused it.
    pub is_paused: bool,
    /// Received: where its files are.
    pub place: Option<PathBuf>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Received: the items that were accepted; `None` before the answer, and for own offers.
    pub accepted: Option<BTreeSet<u32>>,
    /// Why it failed, if the node knows.
    pub trouble: Option<Trouble>,
}

/// One folder's traffic.
#[derive(Clone, Debug, Default)]
pub struct FolderFacts {
    /// Bytes that came since it was last up to date.
    pub bytes_down: u64,
    /// Bytes a second, averaged over 5 s.
    pub speed_down: u64,
    /// The same, to others.
    pub speed_up: u64,
    /// Seconds left, a 20 s median.
    pub eta_s: Option<u32>,
    /// Paths being looked at.
    pub looking: Option<Progress>,
    /// Bytes being read, to name what is in files.
    pub reading: Option<Progress>,
    /// Bytes being copied in by `AddToFolder`.
    pub copying: Option<Progress>,
    /// What was replaced or removed, and is kept.
    pub kept: crate::view::FolderKept,
    /// Watching has a limit here; everything is found by looking.
    pub is_unwatched: bool,
}

/// A place where something would go.
#[derive(Clone, Debug, Default)]
pub struct PlaceFacts {
    /// Where.
    pub place: PathBuf,
    /// Free bytes on its disk.
    pub free: Option<u64>,
    /// Items that would get another name there.
    pub saved_as: BTreeMap<u32, String>,
    /// Invitations: what joining there would do.
    pub dry_run: Option<DryRun>,
}
