//! What the engine knows, for people: the node turns it into the view.

pub use crate::folder::{Fetching, Standing};
use crate::id::{DeviceId, FolderId};
use crate::message::PairEnd;
use crate::observe::{Code, Stop};
use crate::path::RelPath;
use crate::request::Role;
use crate::saved::OfferRecord;
use crate::time::Timestamp;

/// Everything at a glance; lists inside are bounded, counts are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Devices that are verified, blocked or connected.
    pub devices: Vec<DeviceStatus>,
    /// Pairings under way, or ended and not yet dismissed.
    pub pairings: Vec<PairingStatus>,
    /// Invitations that wait for an answer here.
    pub invitations: Vec<InvitationStatus>,
    /// Folders on this device.
    pub folders: Vec<FolderStatus>,
    /// Offers, both ways.
    pub offers: Vec<OfferStatus>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Which.
    pub device: DeviceId,
    /// What we call it: the given name, else its own.
    pub name: String,
    /// Its own name, as its last Hello said.
    pub own_name: String,
    /// "linux", "macos", "windows" or "".
    pub platform: String,
    /// Since when it is verified.
    pub verified: Option<Timestamp>,
    /// Never to be heard of.
    pub is_blocked: bool,
    /// A link is up and a Hello came over it.
    pub is_here: bool,
    /// When it last answered.
    pub last_seen: Timestamp,
}

/// One pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingStatus {
    /// With whom.
    pub device: DeviceId,
    /// This side started and types the code.
    pub is_typing: bool,
    /// How far.
    pub stage: PairingStage,
    /// The code to show, on the showing side.
    pub code: Option<String>,
    /// Tries left in the window.
    pub tries_left: u32,
    /// No further try before this time.
    pub locked_until: Option<Timestamp>,
}

/// How far a pairing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingStage {
    /// Reaching the other side.
    Asking,
    /// The code can be typed, or is shown.
    Code,
    /// The code matched; the showing side must allow it.
    Matched,
    /// Both verified.
    Done,
    /// Over without success.
    Failed(PairEnd),
}

/// One invitation to join a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationStatus {
    /// Which folder.
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Who sent it.
    pub from: DeviceId,
    /// Who owns it.
    pub owner: DeviceId,
    /// What we may do.
    pub role: Role,
    /// Who else is in: device, role, name hint.
    pub members: Vec<(DeviceId, Role, String)>,
    /// Files the sender has.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The sender has not looked at all of them yet: there may be more.
    pub is_counting: bool,
    /// When it came.
    pub time: Timestamp,
}

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderStatus {
    /// Which.
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Where, as the node understands it.
    pub place: String,
    /// What we may do; `None` if we were removed.
    pub role: Option<Role>,
    /// What goes on.
    pub state: FolderState,
    /// Files on this disk and their bytes.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files we lack, and their bytes: without those that cannot come, which are listed as problems, and without those
    /// that wait for a yes.
    pub lacking: (u64, u64),
    /// The first of those files, at most 20.
    pub lacking_first: Vec<RelPath>,
    /// The other members.
    pub members: Vec<MemberStatus>,
    /// The first problems, at most 50.
    pub problems: Vec<(String, Code)>,
    /// How many there are.
    pub problem_count: usize,
    /// The first conflicts, at most 50.
    pub conflicts: Vec<ConflictStatus>,
    /// How many there are.
    pub conflict_count: usize,
    /// What waits for a yes.
    pub hold: Option<HoldStatus>,
    /// Two edits of one text are merged if that leaves no doubt.
    pub merges: bool,
}

/// What a folder is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// Looking at the disk.
    Scanning {
        /// Paths seen so far.
        done: u64,
    },
    /// Fetching or applying.
    Syncing,
    /// Lacks files that no connected device has.
    Waiting,
    /// Lacks files for which the disk has no room.
    Full,
    /// Nothing is left to do here but what waits for a yes.
    Held,
    /// Everything known is here, and everything here is recorded.
    UpToDate,
    /// By the user.
    Paused,
    /// Going on could harm files.
    Stopped(Stop),
}

/// Another member of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// Which device.
    pub device: DeviceId,
    /// What we call it, or the membership's hint.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How far it is.
    pub state: MemberState,
}

/// How far another member is, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It knows what we know and its disk has all of it.
    UpToDate,
    /// Its disk lacks this, or it does not know our newest changes yet.
    Behind {
        /// Files it lacks.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Not reachable.
    Away {
        /// When it last answered.
        since: Timestamp,
    },
    /// Connected; it has not said how far it is.
    Unknown,
    /// It has not answered the invitation.
    Invited,
}

/// One conflict copy that still exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictStatus {
    /// The path that both changed.
    pub path: RelPath,
    /// Where the other one is kept.
    pub copy: RelPath,
    /// The name, in the copy's own name, of the device whose change is in it.
    pub by: String,
}

/// A batch that waits for a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldStatus {
    /// Where it began; `None` for this device.
    pub by: Option<DeviceId>,
    /// Files it would remove.
    pub removes: u64,
    /// Files it would rewrite.
    pub rewrites: u64,
    /// Files in the folder.
    pub of: u64,
    /// At most 20 of the paths.
    pub examples: Vec<RelPath>,
    /// Since when.
    pub since: Timestamp,
}

/// One offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferStatus {
    /// What was offered, to whom and what they said.
    pub record: OfferRecord,
    /// Every page of its list is here.
    pub is_complete: bool,
    /// Received: bytes that arrived. Sent: bytes per receiver are counted by the node.
    pub bytes_done: u64,
    /// Received: files that are finished.
    pub files_done: u64,
    /// Received: files that cannot be finished, and why.
    pub failed: Vec<(u32, Code)>,
    /// It was taken back or given up.
    pub is_withdrawn: bool,
}

/// One line of a folder's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Its name.
    pub name: String,
    /// A directory.
    pub is_directory: bool,
    /// Its length in bytes.
    pub size: u64,
    /// Its modified time.
    pub modified: Timestamp,
    /// It stands on this disk as the folder wants it.
    pub is_here: bool,
    /// Why it cannot be synced.
    pub problem: Option<Code>,
}
