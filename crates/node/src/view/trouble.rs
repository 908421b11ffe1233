//! What goes wrong, as codes; the page has the sentences.

#![allow(missing_docs, reason = "most fields and cases say what they are by name")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What went wrong: a code with what its sentence needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Trouble {
    pub code: ErrorCode,
    /// What the sentence names, by the names in `ErrorCode`: sizes and counts as numbers.
    pub params: BTreeMap<String, Param>,
}

/// A value in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum Param {
    Number(u64),
    Text(String),
}

impl Trouble {
    /// A trouble whose sentence needs nothing.
    pub fn plain(code: ErrorCode) -> Self {
        Self { code, params: BTreeMap::new() }
    }

    /// Adds a text the sentence names.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.insert(name.to_owned(), Param::Text(value.into()));
        self
    }

    /// Adds a size, a count or a time the sentence names.
    #[must_use]
    pub fn number(mut self, name: &str, value: u64) -> Self {
        self.params.insert(name.to_owned(), Param::Number(value));
        self
    }
}

/// Every trouble the interface has a sentence for. Codes are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub enum ErrorCode {
    /// Announcements do not reach this computer. Params: `network`.
    #[serde(rename = "NET-01")]
    NoMulticast,
    /// Params: `port`, `other`.
    #[serde(rename = "NET-06")]
    PortTaken,
    /// Seen, does not answer. Params: `device`.
    #[serde(rename = "NET-07")]
    Unreachable,
    /// Its version cannot talk to this one. Params: `device`.
    #[serde(rename = "NET-08")]
    TooOld,
    /// What was typed is no address or pairing link.
    #[serde(rename = "NET-09")]
    BadAddress,
    /// Params: `person`, `n` tries left.
    #[serde(rename = "PAIR-01")]
    WrongCode,
    /// A known name with another key. Params: `device`.
    #[serde(rename = "PAIR-02")]
    KeyChanged,
    /// The link was used or is too old.
    #[serde(rename = "PAIR-03")]
    InviteUsed,
    /// Another computer uses this computer's key.
    #[serde(rename = "PAIR-04")]
    SameKey,
    /// Three codes were used up. Params: `person`, `until` (time).
    #[serde(rename = "PAIR-05")]
    PairLocked,
    /// The other person said no. Params: `person`.
    #[serde(rename = "PAIR-06")]
    PairRefused,
    /// Nobody answered in time, or the other side gave up. Params: `person`.
    #[serde(rename = "PAIR-07")]
    PairExpired,
    /// Only possible with a paired device. Params: `device`.
    #[serde(rename = "PAIR-08")]
    NotPaired,
    /// A proof did not hold: somebody may sit in between, or a version is at fault. Params: `person`.
    #[serde(rename = "PAIR-09")]
    PairBroken,
    /// The side that types gave up. Params: `person`.
    #[serde(rename = "PAIR-10")]
    PairGivenUp,
    /// Params: `person`, `size`, `percent`.
    #[serde(rename = "XFER-01")]
    TheirDiskFull,
    /// Params: `device`.
    #[serde(rename = "XFER-02")]
    DeviceAsleep,
    /// Params: `file`.
    #[serde(rename = "XFER-03")]
    ChangedWhileSending,
    /// Params: `person`, `size`, `file`.
    #[serde(rename = "XFER-04")]
    PieceDamaged,
    /// Params: `person`.
    #[serde(rename = "XFER-05")]
    BiggerThanClaimed,
    /// Params: `n`, `file`.
    #[serde(rename = "XFER-06")]
    NoCopyLeft,
    /// A file to send is not there any more. Params: `file`.
    #[serde(rename = "XFER-07")]
    SourceGone,
    /// Params: `path`.
    #[serde(rename = "FOLD-01")]
    FolderMissing,
    /// Params: `n`, `file`.
    #[serde(rename = "FOLD-02")]
    NotAllowed,
    /// A batch is held. Params: `n`, `folder`.
    #[serde(rename = "FOLD-03")]
    ManyDeletions,
    /// Params: `limit`, `folder`, `n`.
    #[serde(rename = "FOLD-04")]
    WatchLimit,
    /// Params: `path`, `other`.
    #[serde(rename = "FOLD-05")]
    Overlaps,
    /// Params: `folder`.
    #[serde(rename = "FOLD-06")]
    LooksRolledBack,
    /// Params: `folder`, `owner`, `n` changes.
    #[serde(rename = "FOLD-07")]
    ReadOnlyRole,
    /// Params: `file`.
    #[serde(rename = "FOLD-08")]
    BusyFile,
    /// A home folder, a disk root or Shoal's own folder cannot be shared. Params: `path`.
    #[serde(rename = "FOLD-09")]
    BadPlace,
    /// Params: `path`.
    #[serde(rename = "FOLD-10")]
    PlaceNotWritable,
    /// The membership contradicts itself. Params: `folder`.
    #[serde(rename = "FOLD-11")]
    MembershipFrozen,
    /// The owner removed this computer; its files stay. Params: `folder`.
    #[serde(rename = "FOLD-12")]
    NotMember,
    /// A link that leads out of the folder, or names a full path. Params: `file`.
    #[serde(rename = "FOLD-23")]
    LinkLeaves,
    /// A device file, another file system, a name that is no text. Params: `file`.
    #[serde(rename = "FOLD-13")]
    CannotShare,
    /// A folder was removed elsewhere, and holds something here that is not shared. Params: `file`.
    #[serde(rename = "FOLD-14")]
    DirectoryInUse,
    /// It carries the mark of a share that this Shoal does not know. Params: `path`.
    #[serde(rename = "FOLD-15")]
    UnknownMark,
    /// Another Shoal that runs on this computer shares it. Params: `path`.
    #[serde(rename = "FOLD-16")]
    SharedByAnother,
    /// A directory is there, but its mark is missing: not the shared one, or nothing is mounted. Params: `path`, `folder`.
    #[serde(rename = "FOLD-17")]
    FolderUnmarked,
    /// A directory is there with the mark of another share. Params: `path`, `folder`.
    #[serde(rename = "FOLD-18")]
    FolderReplaced,
    /// A folder needs no other place: it is where it was. Params: `path`, `folder`.
    #[serde(rename = "FOLD-19")]
    FolderIsThere,
    /// A file where a directory is asked for. Params: `path`.
    #[serde(rename = "FOLD-20")]
    NotDirectory,
    /// What was typed is not there, nor is the directory it would be made in. Params: `path`.
    #[serde(rename = "FOLD-21")]
    PlaceMissing,
    /// What a crash left half done could not be cleared up. Params: `path`.
    #[serde(rename = "FOLD-22")]
    NotClearedUp,
    /// What was remembered of a shared folder cannot be read. Params: `file`.
    #[serde(rename = "FOLD-24")]
    FolderForgotten,
    /// Params: `file`, `system`.
    #[serde(rename = "NAME-01")]
    NameImpossible,
    /// Params: `a`, `b`, `c` the name given.
    #[serde(rename = "NAME-02")]
    CaseClash,
    /// Params: `size` left.
    #[serde(rename = "DISK-01")]
    AlmostFull,
    /// Params: `file`.
    #[serde(rename = "DISK-02")]
    DiskUnreliable,
    /// Params: `file`, `n` good copies.
    #[serde(rename = "DISK-03")]
    BitRot,
    /// Params: `size` needed, `free`; or `file`, which has no room.
    #[serde(rename = "DISK-04")]
    NoRoom,
    /// Params: `device`.
    #[serde(rename = "HIST-01")]
    EntryInvalid,
    /// Params: `device`.
    #[serde(rename = "HIST-02")]
    Forked,
    /// The index is being rebuilt.
    #[serde(rename = "HIST-03")]
    IndexRebuilt,
    /// A folder's history was damaged on this disk, and made whole. Params: `path`.
    #[serde(rename = "HIST-06")]
    HistoryMended,
    /// There is no such version of it.
    #[serde(rename = "HIST-04")]
    NoVersion,
    /// The folder is paused or still being looked through. Params: `folder`.
    #[serde(rename = "HIST-05")]
    NotNow,
    /// Another Shoal has this home.
    #[serde(rename = "APP-01")]
    AlreadyRunning,
    /// A fault of our own.
    #[serde(rename = "APP-02")]
    EngineStopped,
    /// A command or question that is malformed or too long.
    #[serde(rename = "APP-03")]
    NotUnderstood,
    /// What the command names is not there any more.
    #[serde(rename = "APP-04")]
    NotThere,
    /// Only the owner may do this. Params: `owner`, `folder`.
    #[serde(rename = "APP-05")]
    OwnerOnly,
    /// This backend cannot do it, such as native pickers in a browser.
    #[serde(rename = "APP-06")]
    NotHere,
    /// The browser is not signed in.
    #[serde(rename = "WEB-01")]
    SessionEnded,
    /// The page lost the engine; said by the page itself.
    #[serde(rename = "WEB-02")]
    ConnectionLost,
}
