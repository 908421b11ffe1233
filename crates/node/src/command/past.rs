//! What happened in folders, and what comes of it: the surface's own types.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::why::WhyKept;
use crate::view::Trouble;

/// One page of what happened, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryPage {
    pub rows: Vec<HistoryRow>,
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

/// One change, as its author signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryRow {
    /// By its author's clock.
    pub time: u64,
    /// Name of the device that made the change.
    pub device: String,
    pub folder: String,
    pub folder_name: String,
    pub path: String,
    pub kind: ChangeKind,
    /// Bytes of the file after the change.
    pub size: Option<u64>,
    /// Where it was before, when it was moved.
    pub from: Option<String>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Created,
    Changed,
    Removed,
    Moved,
    /// Closed a conflict: several versions before, one after.
    Settled,
}

/// What checking one folder's whole history found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Verification {
    pub folder: String,
    pub name: String,
    pub entries: u64,
    /// Devices that wrote any of them.
    pub devices: u32,
    pub memberships: u32,
    /// Every signature and every link holds.
    pub ok: bool,
    pub troubles: Vec<Trouble>,
}

/// Which earlier state is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Moment {
    /// The newest version of a file that stands there no more.
    Last,
    /// A version of one path, by the beginning of its id.
    Version { id: String },
    /// What stood there at a time, by the clocks of those who wrote it.
    At { time: u64 },
}

/// Every version of one path, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PathHistory {
    pub folder: String,
    pub folder_name: String,
    pub path: String,
    /// At most 500.
    pub versions: Vec<Version>,
    /// Kept on this computer, and never recorded in the history.
    pub unrecorded: Vec<WhyKept>,
}

/// One version of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Version {
    /// What `shoal restore --version` takes.
    pub id: String,
    /// By its author's clock.
    pub time: u64,
    /// Name of the device that wrote it.
    pub device: String,
    pub kind: ChangeKind,
    pub size: Option<u64>,
    /// Where it was then, if not here.
    pub at: Option<String>,
    pub bytes: VersionBytes,
}

/// Where the bytes of a version are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum VersionBytes {
    /// It has none: a directory, a link or a removal.
    None,
    /// It stands at its path on this computer.
    Stands,
    /// Among the kept versions of this computer.
    Kept,
    /// Another file on this computer has the same.
    Same { path: String },
    /// Not on this computer; putting it back asks the others.
    Elsewhere,
}

/// What putting back does, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Restoration {
    pub folder: String,
    pub folder_name: String,
    /// Empty for the whole folder.
    pub path: String,
    /// It concerns one file or link and nothing else.
    pub is_single: bool,
    /// False for a dry run.
    pub is_done: bool,
    pub creates: u64,
    pub replaces: u64,
    pub removes: u64,
    /// Bytes of the files that come.
    pub bytes: u64,
    /// Paths that stay as they are, because something was in the way.
    pub undone: u64,
    /// At most 200, first those that stay as they are.
    pub items: Vec<RestoreItem>,
}

/// One path that is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RestoreItem {
    pub path: String,
    pub act: RestoreAct,
    pub size: Option<u64>,
    pub state: RestoreState,
}

/// What putting back does at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAct {
    Create,
    Replace,
    Remove,
}

/// How far one path is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RestoreState {
    /// Everything for it is on this computer.
    Ready,
    /// Its bytes are not on this computer: the others will be asked.
    Elsewhere,
    Done,
    /// Nobody who is connected has its bytes.
    Nowhere,
    /// Something is being changed there, or what stands there is not recorded.
    Busy,
    Failed {
        trouble: Trouble,
    },
}
