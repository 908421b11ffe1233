//! Everything known of one path, for a person who asks why: facts, no sentences.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::view::Trouble;

/// Everything known of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Why {
    /// As it was asked for, shown to people.
    pub asked: String,
    /// The folder it lies in; none if it lies in none.
    pub folder: Option<String>,
    pub folder_name: String,
    /// Inside the folder; empty for the folder itself.
    pub path: String,
    pub verdict: WhyVerdict,
    /// What stands there now.
    pub here: WhyHere,
    /// The versions that no other replaces; the one that stands, or should, comes first.
    pub versions: Vec<WhyVersion>,
    /// What stands here is what the first version says.
    pub is_same: bool,
    /// The other members, and what they have of it.
    pub members: Vec<WhyMember>,
    /// Conflict copies beside it.
    pub copies: Vec<String>,
    /// The path whose conflict copy it is, and the device whose change is in it.
    pub copy_of: Option<String>,
    pub copy_by: Option<String>,
    /// Earlier versions of it that are kept on this computer, newest first; at most 100.
    pub kept: Vec<WhyKept>,
    /// For a directory: what lies below it.
    pub below: WhyBelow,
}

/// What stands at a path now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WhyHere {
    Nothing,
    File {
        size: u64,
        modified: u64,
    },
    Directory,
    Link {
        target: String,
    },
    /// Something that is left alone.
    Skipped {
        trouble: Trouble,
    },
    /// It cannot be told, such as in a folder that is not there.
    Unknown,
}

/// The one thing that decides what becomes of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WhyVerdict {
    /// In no shared folder; the places of those there are, at most 50.
    Outside {
        places: Vec<String>,
    },
    /// Shoal's own directory.
    Ours,
    /// Its name cannot be one in a shared folder.
    BadName,
    /// Reached through a link, which is shared as a link only.
    BehindLink {
        link: String,
    },
    /// The folder itself; ask for it with `shoal folders`.
    Folder,
    NotMember,
    Stopped {
        trouble: Trouble,
    },
    Paused,
    FirstLook,
    Problem {
        trouble: Trouble,
    },
    /// Waits for a yes: it was taken away on this computer, or would be.
    Held {
        is_ours: bool,
    },
    Looking,
    Recording,
    Applying,
    Settling,
    /// A file stands where a directory above it must be.
    Blocked,
    Lacking {
        sources: u32,
        is_nowhere: bool,
    },
    PutOff,
    Pending,
    /// It stands here, and no entry speaks of it.
    NotSeen,
    /// Nothing stands there, and no entry speaks of it.
    Unknown,
    Same,
    Gone,
    StaysForOthers,
}

/// One version that no other replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WhyVersion {
    /// What `shoal restore --version` takes.
    pub id: String,
    /// Name of the device that wrote it.
    pub device: String,
    /// By its author's clock.
    pub time: u64,
    /// A tombstone.
    pub is_removal: bool,
    pub size: Option<u64>,
}

/// Another member, and what it has of the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WhyMember {
    pub device: String,
    pub name: String,
    pub has: WhyHas,
}

/// What another member has of a path, as far as it said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WhyHas {
    /// It is as far as this computer's history.
    All,
    Part,
    Nothing,
    NotHeard,
    Behind {
        files: u64,
        problems: u64,
    },
    Unknown,
    Away {
        since: Option<u64>,
    },
    Invited,
}

/// An earlier version that is kept on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WhyKept {
    /// When it was put away.
    pub time: u64,
    pub was_removed: bool,
    pub size: u64,
    /// What `shoal restore --version` takes.
    pub id: String,
}

/// Files below a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WhyBelow {
    pub files: u64,
    pub lacking: u64,
    pub problems: u64,
}
