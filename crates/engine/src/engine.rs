//! The engine: takes an event, says what to do. Only matches and forwards.

use crate::effect::Effect;
use crate::event::Event;
use crate::id::{DeviceId, FolderId};
use crate::path::RelPath;
use crate::saved::Saved;
use crate::status::{FileStatus, Status};
use crate::time::Timestamp;

/// Chance for the engine, as it came in: a seed, expanded by BLAKE3.
pub struct Dice([u8; 32], u64);

impl Dice {
    /// Dice that always fall the same way for one seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Dice(seed, 0)
    }

    /// Throws 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.1 += 1;
        *blake3::keyed_hash(&self.0, &self.1.to_le_bytes()).as_bytes()
    }

    /// Throws a number.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes()[..8].try_into().unwrap_or_default())
    }
}

/// Everything one device decides.
pub struct Engine {}

impl Engine {
    /// Continues from what was remembered. `key` is the device's Ed25519 seed; `dice` must be fresh and random.
    /// The first effects (open roots, …) come with the first `Event::Tick`, which the caller sends at once.
    pub fn restore(_key: [u8; 32], _dice: Dice, _saved: Saved) -> Self {
        Engine {}
    }

    /// Which device this is.
    pub fn me(&self) -> DeviceId {
        DeviceId([0; 32])
    }

    /// Learns what happened and says what to do about it.
    pub fn handle(&mut self, _now: Timestamp, _event: Event) -> Vec<Effect> {
        Vec::new()
    }

    /// Everything at a glance.
    pub fn status(&self, _now: Timestamp) -> Status {
        Status::default()
    }

    /// What stands in a directory of a folder, by name, directories first: `max` lines from the `from`th, and how many there are.
    pub fn files_in(&self, _folder: FolderId, _dir: Option<&RelPath>, _from: usize, _max: usize) -> (Vec<FileStatus>, usize) {
        (Vec::new(), 0)
    }

    /// Every live file of a folder with its content and size, for a dry run.
    pub fn contents_of(&self, _folder: FolderId) -> Vec<(RelPath, crate::entry::Kind)> {
        Vec::new()
    }

    /// When `Event::Tick` is wanted next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}
