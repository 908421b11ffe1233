//! What a person sees: everything the window, the browser and the command line draw.
//!
//! All numbers are below 2^53, all times are milliseconds since 1970, all sizes are bytes. Ids are opaque
//! strings. Nothing here is text for people, except names and places: troubles are codes, and
//! `ui/src/text/en.ts` has a sentence for each. `command::typescript` writes these types for the page.

#![allow(missing_docs, reason = "most fields and cases say what they are by name")]

use serde::{Deserialize, Serialize};
use ts_rs::TS;

mod inbox;
mod trouble;

pub use inbox::{
    DryRun, Invitation, InvitedMember, ItemKind, ItemWarning, KindTotal, Offer, OfferItem, Request, Sender,
};
pub use trouble::{ErrorCode, Param, Trouble};

/// Everything there is to draw, published whole, at most ten times a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct View {
    /// When this view was made, by the clock of the computer Shoal runs on.
    pub now: u64,
    pub me: Me,
    pub network: Network,
    /// Paired devices and others seen on the network, without blocked ones; any order.
    pub devices: Vec<Device>,
    pub blocked: Vec<BlockedDevice>,
    /// Pairings under way, and those that ended and were not yet dismissed by `CancelPair`.
    pub pairing: Vec<Pairing>,
    /// What waits for an answer of this person, oldest first. Holds are in their folders.
    pub inbox: Vec<Request>,
    pub folders: Vec<Folder>,
    /// Newest first; finished ones stay until cleared.
    pub transfers: Vec<Transfer>,
    pub rates: Rates,
    pub notices: Vec<Notice>,
}

/// This computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Me {
    pub id: String,
    pub name: String,
    /// Set when this is not the default home, so that several can be told apart.
    pub home_label: Option<String>,
    pub platform: Platform,
    pub version: String,
    /// True until `SetUp`; nothing is announced before.
    pub first_run: bool,
    /// Where received files go, as shown to people (`~/Downloads/Shoal`).
    pub downloads: String,
    /// Addresses another device can dial, complete with port and device id.
    pub addresses: Vec<String>,
    pub theme: Theme,
}

/// The system a device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Linux,
    Macos,
    Windows,
    Other,
}

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// How this computer is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Network {
    pub state: NetworkState,
    /// The name of the network where the system tells it (`Home-5G`).
    pub name: Option<String>,
    /// What is in the way of being found, such as NET-01; empty when all is well.
    pub troubles: Vec<Trouble>,
    /// Devices in the routing table of the distributed hash table; none when it is off.
    pub dht_peers: Option<u32>,
}

/// Whether there is a network at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NetworkState {
    /// The engine is still opening its port.
    Starting,
    Up,
    /// No interface has an address.
    None,
}

/// Another computer, paired or merely seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Device {
    pub id: String,
    /// The name this person gave it, else its own.
    pub name: String,
    /// The name it gives itself, when that differs from `name`.
    pub own_name: Option<String>,
    /// A few characters of the key, only when two devices have one name.
    pub suffix: Option<String>,
    pub platform: Platform,
    pub trust: Trust,
    /// When it was paired.
    pub verified_at: Option<u64>,
    pub presence: Presence,
    /// When this person last did something with it; orders the tiles.
    pub last_used: Option<u64>,
    pub warnings: Vec<DeviceWarning>,
    /// A full address it was last reached at, for the details.
    pub address: Option<String>,
    /// Bytes of files that went between the two since this Shoal started; left out when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub traffic: Option<Traffic>,
}

/// Bytes of files that came from a device and went to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Traffic {
    pub down: u64,
    pub up: u64,
}

/// What is known of a device's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    NotPaired,
    Verified,
    /// A known name with another key: nothing is allowed until paired again.
    KeyChanged,
}

/// Whether a device can be reached, from live connections and not from announcements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Presence {
    /// Connected and answering.
    Here { rtt_ms: Option<u32>, path: PathKind },
    /// Not reachable; `since` is its last answer, none when it never answered.
    Away { since: Option<u64> },
    /// Announced, not yet reached; after ten seconds `trouble` says why.
    Found { trouble: Option<Trouble> },
}

/// How a connection reaches the other device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// On the same network, or on the same computer.
    Lan,
    /// Over the internet without a middle.
    Direct,
    HolePunched,
    Relayed,
}

/// Something a person should know before trusting a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceWarning {
    /// Its name is the name of a verified device, its key is not.
    NameOfVerified,
    /// Its version cannot talk to this one.
    TooOld,
}

/// A device that is refused without a sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BlockedDevice {
    pub id: String,
    pub name: String,
    pub blocked_at: u64,
}

/// One pairing between this computer and another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Pairing {
    pub device: String,
    /// The other's name, also when it is not in `devices` yet.
    pub name: String,
    pub side: PairingSide,
    /// Six digits, only on the showing side.
    pub code: Option<String>,
    pub stage: PairingStage,
    pub tries_left: u32,
    /// After three wrong codes: until when no further try is taken.
    pub locked_until: Option<u64>,
    /// Three words both sides show after the match; a second look that replaces nothing.
    pub words: Vec<String>,
}

/// Who types the code: the side that started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PairingSide {
    Typing,
    Showing,
}

/// How far a pairing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PairingStage {
    /// Reaching the other device; no code yet.
    Asking,
    /// Typing side: the code can be typed. Showing side: the code is shown.
    EnterCode,
    /// The typed code is being compared.
    Checking,
    /// Typing side: right code, the other person has to allow it.
    Matched,
    /// Showing side: the other side reports a match, `ConfirmPair` is awaited.
    WaitingConfirm,
    Done,
    Failed {
        trouble: Trouble,
    },
}

/// What a member may do in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Editor,
    Viewer,
    Keeper,
}

/// A shared folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Folder {
    pub id: String,
    pub name: String,
    /// Where it is on this computer, as shown to people.
    pub place: String,
    /// What this computer may do in it.
    pub role: Role,
    pub state: FolderState,
    /// Files of this computer being read, in bytes: their contents get their names.
    pub reading: Option<Progress>,
    /// Files being copied in, in bytes.
    pub copying: Option<Progress>,
    pub files: u64,
    pub bytes: u64,
    /// The other devices; this computer is not listed.
    pub members: Vec<Member>,
    /// The first 50.
    pub problems: Vec<Problem>,
    pub problem_count: u32,
    /// The first 50.
    pub conflicts: Vec<Conflict>,
    pub conflict_count: u32,
    pub hold: Option<Hold>,
    pub kept: FolderKept,
    /// Two edits of one text are merged if that leaves no doubt; if not, one of them goes to a conflict copy.
    pub merges: bool,
}

/// What was replaced or removed in a folder and is kept on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FolderKept {
    /// Versions, and the bytes they take on the disk, as last counted.
    pub versions: u64,
    pub bytes: u64,
    pub keep: KeepFor,
}

/// How long a folder keeps what was replaced or removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeepFor {
    /// None for 30 days, unless `forever`.
    pub days: Option<u32>,
    pub forever: bool,
    /// None for a quarter of the folder or 10 GiB, whichever is more.
    pub bytes: Option<u64>,
}

/// Work on this computer that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
    /// So much a second.
    pub speed: u64,
    pub eta_s: Option<u32>,
}

/// What this computer is doing in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FolderState {
    /// Has all that any member told it of.
    UpToDate,
    /// Looking through the folder; `total` is known from the last look.
    Scanning {
        done: u64,
        total: Option<u64>,
        /// Paths a second, and how long it still takes.
        speed: u64,
        eta_s: Option<u32>,
    },
    /// Fetching what others have.
    Syncing {
        files_left: u64,
        bytes_left: u64,
        bytes_total: u64,
        speed: u64,
        eta_s: Option<u32>,
    },
    /// Lacks files that no reachable device has.
    Waiting {
        files_left: u64,
        bytes_left: u64,
    },
    /// Lacks files for which this disk has no room; goes on by itself when there is some.
    NoRoom {
        files_left: u64,
        bytes_left: u64,
    },
    Paused,
    /// Going on could harm files.
    Stopped {
        trouble: Trouble,
    },
    /// A batch waits for an answer, see `hold`; everything else goes on.
    Hold,
}

/// Another device of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Member {
    pub device: String,
    pub name: String,
    pub role: Role,
    pub state: MemberState,
}

/// How far another device is, as far as this one knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MemberState {
    UpToDate,
    Behind {
        files: u64,
        bytes: u64,
    },
    /// Not reachable; `files` changed since it was last known to be up to date.
    Away {
        since: Option<u64>,
        files: Option<u64>,
    },
    /// Connected, and has not yet said what it has.
    Unknown,
    /// Has not answered the invitation.
    Invited,
    /// Said no to the invitation.
    Declined,
}

/// One path that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Problem {
    pub path: String,
    pub trouble: Trouble,
}

/// A file that was changed on two devices while apart; both are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Conflict {
    /// The file that holds the name.
    pub path: String,
    /// The other one, kept beside it.
    pub copy: String,
    /// Name of the device whose change is in `copy`.
    pub by: String,
    pub at: Option<u64>,
}

/// Changes that wait for a yes, such as a mass deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hold {
    /// Name of the device where it began; none when that is this computer.
    pub by: Option<String>,
    /// Files the batch would remove.
    pub removes: u64,
    /// Files the batch would replace.
    pub replaces: u64,
    /// Files in the folder.
    pub of: u64,
    /// At most 20 of the paths.
    pub examples: Vec<String>,
    pub asked_at: u64,
}

/// Files sent or received once, or a folder's own traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Transfer {
    pub id: String,
    pub direction: Direction,
    /// The name of the only file or folder, else of the first.
    pub title: String,
    pub files_total: u32,
    pub files_done: u32,
    pub bytes_done: u64,
    pub bytes_total: u64,
    pub devices: Vec<TransferDevice>,
    /// Bytes a second, averaged over 5 s.
    pub speed: u64,
    /// A 20 s median; none when unknown.
    pub eta_s: Option<u32>,
    pub state: TransferState,
    /// Own files being read before they can go, in bytes.
    pub reading: Option<Progress>,
    /// Files that failed while others arrived.
    pub failed: u32,
    /// Where received files are, as shown to people.
    pub place: Option<String>,
    pub started_at: u64,
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Up,
    Down,
}

/// A device on the other end of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TransferDevice {
    pub id: String,
    pub name: String,
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TransferState {
    /// The other person was asked at `since`.
    Asking {
        since: u64,
    },
    /// Goes by itself once the device is reachable.
    Waiting {
        device: String,
        name: String,
    },
    Sending,
    Receiving,
    /// All bytes are there; their hashes are being compared.
    Checking,
    Done {
        at: u64,
    },
    Paused,
    /// The other person said no.
    Declined,
    Failed {
        trouble: Trouble,
    },
    Withdrawn,
}

/// Bytes a second, over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Rates {
    pub down: u64,
    pub up: u64,
}

/// Something that happened and concerns no single row; stays until dismissed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Notice {
    pub id: String,
    pub trouble: Trouble,
    pub at: u64,
}
