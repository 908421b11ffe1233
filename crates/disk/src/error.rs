//! What can go wrong with a whole directory, and which code a failed system call means for one path.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use shoal_engine::observe::Code;

/// Why a directory cannot be shared or opened.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A system call failed.
    #[error("cannot {what} {path}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk, a quota or the inodes are used up.
    #[error("the disk holding {path} is full")]
    Full {
        /// Where.
        path: PathBuf,
    },
    /// We may not read or write there.
    #[error("not allowed to use {path}")]
    NotAllowed {
        /// Where.
        path: PathBuf,
    },
    /// It is not there.
    #[error("{path} does not exist")]
    Missing {
        /// What.
        path: PathBuf,
    },
    /// It is a file, not a directory.
    #[error("{path} is not a directory")]
    NotDirectory {
        /// What.
        path: PathBuf,
    },
    /// It is the root of the system or a home directory itself.
    #[error("{path} is too much to share")]
    TooMuch {
        /// What.
        path: PathBuf,
    },
    /// It lies in Shoal's own directory.
    #[error("{path} is Shoal's own")]
    OurOwn {
        /// What.
        path: PathBuf,
    },
    /// It is shared already, as another folder.
    #[error("{path} is already shared")]
    AlreadyShared {
        /// What.
        path: PathBuf,
    },
    /// It carries the mark of a share.
    #[error("{path} carries the mark of another share")]
    Marked {
        /// What.
        path: PathBuf,
        /// The root id in the mark, if it can be read.
        root_id: Option<[u8; 16]>,
    },
    /// A Shoal that runs on this computer has it open.
    #[error("{path} is shared by another Shoal on this computer")]
    InUse {
        /// What.
        path: PathBuf,
        /// The root id in its mark, if it can be read.
        root_id: Option<[u8; 16]>,
    },
    /// It lies in a shared folder, or one lies in it.
    #[error("{path} overlaps the shared folder {other}")]
    Overlaps {
        /// What was to be shared.
        path: PathBuf,
        /// The folder that is shared.
        other: PathBuf,
    },
}

impl DiskError {
    pub(crate) fn new(what: &'static str, path: impl Into<PathBuf>, errno: Errno) -> DiskError {
        let path = path.into();
        if errno == Errno::NOTDIR {
            return DiskError::NotDirectory { path };
        }
        if errno == Errno::NOENT {
            return DiskError::Missing { path };
        }
        let code = code_of(errno);
        if code == Code::DiskFull {
            return DiskError::Full { path };
        }
        if code == Code::NotAllowed {
            return DiskError::NotAllowed { path };
        }
        DiskError::Io { what, path, source: errno.into() }
    }
}

/// The code that tells a person what this failure of a system call means.
pub(crate) fn code_of(errno: Errno) -> Code {
    match errno {
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Code::NotAllowed,
        Errno::NOSPC | Errno::DQUOT => Code::DiskFull,
        Errno::FBIG | Errno::OVERFLOW => Code::TooLarge,
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Code::NameImpossible,
        Errno::XDEV => Code::ForeignMount,
        Errno::NOTEMPTY | Errno::EXIST => Code::DirectoryInUse,
        // A handle or a lock will be free again: the same call can succeed later.
        Errno::BUSY | Errno::TXTBSY | Errno::AGAIN | Errno::MFILE | Errno::NFILE | Errno::NOMEM => Code::Busy,
        _ => Code::DiskError,
    }
}

/// Whether the path simply is not there: nothing, or a file or link where a directory would have to be.
pub(crate) fn is_absent(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}
