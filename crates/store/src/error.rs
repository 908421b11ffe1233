//! What can go wrong while remembering, each case saying what was attempted on what.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {act} {path}")]
    File {
        /// What was attempted.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room is left for what must be remembered.
    #[error("the disk holding {path} is full")]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// A ledger segment is damaged or missing. Nothing was thrown away.
    #[error("the ledger in {path} cannot be read: {fault}")]
    Ledger {
        /// The segment, or the directory of segments.
        path: PathBuf,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A newer version wrote this; it is left alone.
    #[error("a newer version of Shoal wrote {path}")]
    Newer {
        /// The segment.
        path: PathBuf,
    },
    /// A ledger record of a length that the format cannot hold.
    #[error("a ledger record of {bytes} bytes is too long")]
    RecordTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A value has no text form.
    #[error("cannot put {path} into words")]
    Unwritable {
        /// The file it was meant for.
        path: PathBuf,
        /// What the JSON writer said.
        source: io::Error,
    },
    /// Another process has the index open; the home's lock should have prevented that.
    #[error("the index in {path} is in use by another process")]
    IndexInUse {
        /// The index.
        path: PathBuf,
    },
}

/// Turns an I/O error into one that names the act and the path.
pub(crate) fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            StoreError::Full { path }
        } else {
            StoreError::File { act, path, source }
        }
    }
}
