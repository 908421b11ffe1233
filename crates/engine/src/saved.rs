//! What the engine must find again after a restart.

use std::collections::BTreeMap;

use crate::entry::Kind;
use crate::id::{ChainId, DeviceId, FolderId, OfferId, VersionId};
use crate::message::OfferItem;
use crate::observe::{Expected, Fingerprint};
use crate::path::RelPath;
use crate::time::Timestamp;

/// Everything remembered, as the store had it.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// This device's name.
    pub name: String,
    /// Devices we verified or blocked.
    pub trust: Vec<TrustRecord>,
    /// Folders.
    pub folders: Vec<SavedFolder>,
    /// Offers under way.
    pub offers: Vec<OfferRecord>,
}

/// One folder with its ledger and index.
#[derive(Clone, Debug)]
pub struct SavedFolder {
    /// Its record.
    pub record: FolderRecord,
    /// Every ledger record in the order in which it was appended; `None` if the segments cannot be read.
    pub ledger: Option<Vec<Vec<u8>>>,
    /// The end of the ledger was torn: our own chain may have lost its tail.
    pub is_torn: bool,
    /// What the index remembers of the disk; may be empty or stale.
    pub index: Vec<(RelPath, Materialised)>,
}

/// A device we know by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRecord {
    /// Its key.
    pub device: DeviceId,
    /// What we call it.
    pub name: String,
    /// What kind of system it said it is: "linux", "macos", "windows" or "".
    pub platform: String,
    /// Since when it is verified; `None` if it is blocked.
    pub verified: Option<Timestamp>,
    /// The secret both sides derived while pairing; zeros if blocked.
    pub secret: [u8; 32],
    /// When it last answered.
    pub last_seen: Timestamp,
}

/// A folder on this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRecord {
    /// Which.
    pub folder: FolderId,
    /// Its place on the disk, as the node understands it.
    pub place: String,
    /// The marker in `.shoal/` that proves the place is ours.
    pub root_id: [u8; 16],
    /// The incarnation under which this device writes; a new one is chosen when its memory cannot be trusted.
    pub incarnation: u64,
    /// Whether the user paused it.
    pub is_paused: bool,
    /// Devices that were invited and have not answered.
    pub invited: Vec<DeviceId>,
    /// Mass deletions need no yes here.
    pub never_hold: bool,
    /// Two edits of one text are never merged here: one of them goes to a conflict copy.
    pub never_merge: bool,
    /// It is being shared or joined, and its ledger may not be durable yet: without one it never began.
    pub is_founding: bool,
    /// Blocks of each chain up to which everything stood on this disk once.
    pub mark: BTreeMap<ChainId, u64>,
}

/// What this device last saw or put at a path, and which versions that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Materialised {
    /// The versions it stands for; empty if it is not recorded yet.
    pub versions: Vec<VersionId>,
    /// What it is.
    pub kind: Kind,
    /// The file's fingerprint.
    pub print: Option<Fingerprint>,
}

impl Materialised {
    /// What a change expects to find where this stands.
    pub fn expected(&self) -> Expected {
        match (&self.kind, self.print) {
            (Kind::File { content, .. }, Some(print)) => Expected::File { print, content: *content },
            (Kind::Directory, _) => Expected::Directory,
            (Kind::Link { target }, _) => Expected::Link { target: target.clone() },
            // A remembered file without a fingerprint cannot be expected: the disk will say what stands there.
            (Kind::File { .. } | Kind::Deleted, _) => Expected::Absent,
        }
    }
}

/// An offer under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRecord {
    /// Which.
    pub offer: OfferId,
    /// Who sends it: this device or another.
    pub from: DeviceId,
    /// To whom (of ours), with what each answered.
    pub to: Vec<(DeviceId, OfferAnswer)>,
    /// What.
    pub items: Vec<OfferItem>,
    /// A few words.
    pub note: String,
    /// When it was made or arrived.
    pub time: Timestamp,
    /// Where accepted items go, as the node understands it; `None` while unanswered, or of ours.
    pub place: Option<String>,
    /// Accepted items that are not finished here.
    pub open: Vec<u32>,
    /// Whether it is over, for the list of transfers.
    pub is_over: bool,
}

/// What a receiver said to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferAnswer {
    /// Nothing yet.
    Waiting,
    /// Accepted some or all.
    Accepted,
    /// Declined.
    Declined,
    /// Has everything it accepted.
    Done,
}
