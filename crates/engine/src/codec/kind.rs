//! What stands at a path, as entries and the index write it.

use super::record::{Empty, File, Kind as Wire, Link};
use super::{Garbage, id, text};
use crate::entry::Kind;
use crate::limits::LINK_TARGET_BYTES_MAX;
use crate::time::Timestamp;

/// Writes a kind.
pub(crate) fn write_kind(kind: &Kind) -> Wire {
    match kind {
        Kind::File { content, size, executable, modified } => {
            Wire::File(File { content: content.0.to_vec(), size: *size, executable: *executable, modified: modified.0 })
        }
        Kind::Directory => Wire::Directory(Empty {}),
        Kind::Link { target } => Wire::Link(Link { target: target.clone() }),
        Kind::Deleted => Wire::Deleted(Empty {}),
    }
}

/// Reads a kind.
pub(crate) fn read_kind(kind: Wire) -> Result<Kind, Garbage> {
    match kind {
        Wire::File(file) => Ok(Kind::File {
            content: id(&file.content)?,
            size: file.size,
            executable: file.executable,
            modified: Timestamp(file.modified),
        }),
        Wire::Directory(_) => Ok(Kind::Directory),
        Wire::Link(link) => Ok(Kind::Link { target: text(link.target, LINK_TARGET_BYTES_MAX)? }),
        Wire::Deleted(_) => Ok(Kind::Deleted),
    }
}
