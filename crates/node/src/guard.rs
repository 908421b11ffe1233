//! One Shoal per home: a file lock that the system lets go of when we die, however we die.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::home::Home;

/// Holds a home as long as it lives.
#[derive(Debug)]
pub struct Guard {
    _lock: File,
}

/// Why a home cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Another Shoal has it: APP-01.
    #[error("Shoal runs already for this home")]
    AlreadyRunning,
    /// The lock file cannot be made.
    #[error("cannot lock {path}")]
    Lock {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Guard {
    /// Takes the home, whose directories must be made, or says who has it.
    pub fn take(home: &Home) -> Result<Self, GuardError> {
        let path = home.run.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = opened.map_err(|source| GuardError::Lock { path: path.clone(), source })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(GuardError::AlreadyRunning),
            Err(TryLockError::Error(source)) => Err(GuardError::Lock { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_for_one_home_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = |name: &str| {
            let home = Home::at(&dir.path().join(name)).expect("a home");
            home.make().expect("made");
            home
        };
        let first = Guard::take(&home("ana")).expect("held");
        assert!(matches!(Guard::take(&home("ana")), Err(GuardError::AlreadyRunning)));
        Guard::take(&home("ben")).expect("another home is free");
        drop(first);
        Guard::take(&home("ana")).expect("free again");
    }
}
