//! What an entry says of a path: the kind of thing there, and which versions that replaces.

use crate::id::{ContentId, VersionId};
use crate::path::RelPath;
use crate::time::Timestamp;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with these bytes.
    File {
        /// The hash of the manifest of its bytes.
        content: ContentId,
        /// Its length in bytes.
        size: u64,
        /// Whether it may be executed.
        executable: bool,
        /// Its modified time in milliseconds since 1970; for display and for the disk, it orders nothing.
        modified: Timestamp,
    },
    /// A directory; entries exist only to keep an empty one.
    Directory,
    /// A symbolic link with this text.
    Link {
        /// The link's text, as it stands on the disk.
        target: String,
    },
    /// Nothing any more.
    Deleted,
}

impl Kind {
    /// Whether two kinds are one version: same bytes and same executable bit; times do not count.
    pub fn is_same(&self, other: &Kind) -> bool {
        match (self, other) {
            (
                Kind::File { content: a, size: _, executable: x, modified: _ },
                Kind::File { content: b, size: _, executable: y, modified: _ },
            ) => a == b && x == y,
            (Kind::Link { target: a }, Kind::Link { target: b }) => a == b,
            (Kind::Directory, Kind::Directory) | (Kind::Deleted, Kind::Deleted) => true,
            (Kind::File { .. } | Kind::Directory | Kind::Link { .. } | Kind::Deleted, _) => false,
        }
    }

    /// Whether two kinds hold the same bytes: those of a file, whatever its bits, or the text of a link.
    pub fn has_same_bytes(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::File { content: a, .. }, Kind::File { content: b, .. }) => a == b,
            (Kind::Link { target: a }, Kind::Link { target: b }) => a == b,
            (Kind::File { .. } | Kind::Directory | Kind::Link { .. } | Kind::Deleted, _) => false,
        }
    }

    /// Whether something stands there.
    pub fn is_live(&self) -> bool {
        !matches!(self, Kind::Deleted)
    }

    /// What two changes of one file amount to together: a change of the bytes on one side and of the executable bit on
    /// the other. `base` is the file both changed, if it is known. `None` if both changed the bytes, or one is no file.
    pub fn merged(base: Option<&Kind>, mine: &Kind, theirs: &Kind) -> Option<Kind> {
        let (
            Kind::File { content: a, size: own_size, executable: x, modified: own_time },
            Kind::File { content: b, size, executable: y, modified },
        ) = (mine, theirs)
        else {
            return None;
        };
        let (content, bit) = match base {
            Some(Kind::File { content, executable, .. }) => (Some(content), Some(executable)),
            Some(Kind::Directory | Kind::Link { .. } | Kind::Deleted) | None => (None, None),
        };
        let executable = if bit == Some(x) { *y } else { *x };
        if a == b || content == Some(b) {
            Some(Kind::File { content: *a, size: *own_size, executable, modified: *own_time })
        } else if content == Some(a) {
            Some(Kind::File { content: *b, size: *size, executable, modified: *modified })
        } else {
            None
        }
    }

    /// The content, if it is a file.
    pub fn content(&self) -> Option<ContentId> {
        match self {
            Kind::File { content, .. } => Some(*content),
            Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
        }
    }
}

/// One statement about one path: what it holds now, and which versions this replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path it speaks of.
    pub path: RelPath,
    /// What stands there.
    pub kind: Kind,
    /// Exactly the versions that were on the author's disk when the change was made, or that a settlement closes.
    pub supersedes: Vec<VersionId>,
    /// The version that was moved here, where the author knows it. One that is also superseded was moved by a settlement.
    pub moved_from: Option<VersionId>,
}

impl Entry {
    /// The version that a settlement moved here, or made this of; `None` if the entry says what was seen on a disk.
    pub fn settled_from(&self) -> Option<VersionId> {
        self.moved_from.filter(|version| self.supersedes.contains(version))
    }
}
