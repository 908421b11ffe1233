//! What the disk saw: fingerprints, listings, and what came of a change.

use crate::id::ContentId;
use crate::path::RelPath;
use crate::time::Timestamp;

/// What tells, without reading it, that a file is still the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Length in bytes.
    pub size: u64,
    /// Modified time in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Changed time (of the inode) in nanoseconds since 1970; 0 where the system has none.
    pub changed_ns: i64,
    /// Inode number; 0 where the system has none.
    pub inode: u64,
}

impl Fingerprint {
    /// The modified time as entries carry it.
    pub fn modified(&self) -> Timestamp {
        Timestamp(u64::try_from(self.modified_ns / 1_000_000).unwrap_or(0))
    }
}

/// How far a device's own records in a folder are, as noted in the shared directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// The incarnation under which it writes.
    pub incarnation: u64,
    /// How many blocks it has written under it.
    pub blocks: u64,
    /// How many membership entries it knows.
    pub memberships: u64,
    /// How many records it knows, whoever wrote them.
    pub records: u64,
}

/// What stands at a path on this disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A regular file.
    File {
        /// Its fingerprint.
        print: Fingerprint,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link; never followed.
    Link {
        /// Its text.
        target: String,
    },
    /// Something we leave alone, with the reason.
    Skipped(Code),
}

/// Why a path cannot be synced, or a change was not made. The interface turns each into a sentence with a mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// We may not read or write it.
    NotAllowed,
    /// A FIFO, socket, device or other special file.
    SpecialFile,
    /// Another file system is mounted there.
    ForeignMount,
    /// A name that is not UTF-8.
    NameNotText,
    /// A name that this system cannot store.
    NameImpossible,
    /// Two names that this disk takes for one.
    NameClash,
    /// A symbolic link that leaves the folder.
    LinkLeaves,
    /// A program has it open or keeps changing it.
    Busy,
    /// The disk is full, or a quota or its inodes are used up.
    DiskFull,
    /// The disk reported an error.
    DiskError,
    /// A directory that cannot go because something not shared lives in it.
    DirectoryInUse,
    /// A path with our own private name.
    OurName,
    /// Too deep, too long or too large for us.
    TooLarge,
    /// Nobody who has it is here.
    NoSource,
    /// A change made here that we may not share.
    ReadOnlyRole,
}

/// Why a folder must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// Its directory is not there.
    Missing,
    /// A directory is there, but no marker that can be read: it was made anew, or something is not mounted.
    Unmarked,
    /// There is a marker, but another one, or another file system.
    Replaced,
    /// The ledger on this device cannot be read.
    LedgerUnreadable,
    /// Our own disk refuses what must be remembered: it is full, or broken.
    LedgerUnwritable,
    /// Somebody else writes with this device's key: a copy of its home runs on another computer.
    SameKey,
    /// A broken assumption of ours.
    Bug,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where.
    pub path: RelPath,
    /// What.
    pub seen: Seen,
}

/// A file that was read whole and did not change meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Its fingerprint before and after reading.
    pub print: Fingerprint,
    /// The hash of its manifest.
    pub content: ContentId,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Why a file could not be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashTrouble {
    /// It changed while it was read; look again later.
    Changed,
    /// It is not there any more, or no regular file.
    Gone,
    /// It cannot be read.
    Refused(Code),
}

/// What a change expects to find at its path; the disk refuses if it finds anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Absent,
    /// This very file.
    File {
        /// Its fingerprint.
        print: Fingerprint,
        /// Its content, under which it is kept when it is displaced.
        content: ContentId,
    },
    /// A directory.
    Directory,
    /// A link with this text.
    Link {
        /// Its text.
        target: String,
    },
}

/// Where the bytes of a file to be published come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The stage, complete and checked.
    Stage,
    /// A copy of another file in the same folder; checked against the manifest while copying.
    Copy {
        /// That file.
        from: RelPath,
        /// Its fingerprint.
        print: Fingerprint,
    },
    /// The very file at another path, moved here without copying.
    Move {
        /// Where it stands.
        from: RelPath,
        /// Its fingerprint.
        print: Fingerprint,
    },
    /// A kept version.
    Kept,
}

/// What to do at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Put this file there; what it replaces goes to the versions.
    Publish {
        /// The content.
        content: ContentId,
        /// Its length in bytes.
        size: u64,
        /// Whether to set the executable bits.
        executable: bool,
        /// The modified time to set.
        modified: Timestamp,
        /// Where the bytes are.
        source: Source,
    },
    /// Change only the executable bit and the modified time of the file that is there.
    Touch {
        /// Whether to set the executable bits.
        executable: bool,
        /// The modified time to set.
        modified: Timestamp,
    },
    /// Make a directory, and those above it.
    MakeDirectory,
    /// Make a symbolic link.
    MakeLink {
        /// Its text.
        target: String,
    },
    /// Move the file or link to the versions, or remove the directory if it is empty.
    Remove,
}

/// One change to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: RelPath,
    /// What must stand there for the change to be made.
    pub expected: Expected,
    /// What to do.
    pub act: Act,
}

/// What came of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the fingerprint if a file stands there now.
    Done {
        /// Of the file now at the path.
        print: Option<Fingerprint>,
    },
    /// Done, but what came out was not what was expected: it stands at `copy` now, for everybody to see.
    Displaced {
        /// Of the file now at the path.
        print: Option<Fingerprint>,
        /// Where the unexpected file stands now.
        copy: RelPath,
    },
    /// Not done: something else stands there. It must be looked at first.
    Unexpected,
    /// Not done: the bytes were not where they should be.
    SourceGone,
    /// Not done, with the reason.
    Refused(Code),
}
