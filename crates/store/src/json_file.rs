//! Small JSON files that people can read: written atomically, with a second copy that stands in for a damaged one.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{StoreError, failed};
use crate::files;

/// What the `.bak` file beside a JSON file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backup {
    /// What the file held before: a mistake can be undone.
    Previous,
    /// The same: what was taken away (a trusted device, an old incarnation) must not come back.
    Same,
    /// There is none.
    None,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded<T> {
    /// No file.
    Absent,
    /// The file.
    Sound(T),
    /// The `.bak` file, because the file was damaged or gone.
    Restored(T),
    /// Neither can be read; they were set aside as `.broken` files.
    Unreadable,
}

impl<T> Loaded<T> {
    /// The value, if there is one, and whether something was wrong.
    pub(crate) fn into_parts(self) -> (Option<T>, bool) {
        match self {
            Loaded::Absent => (None, false),
            Loaded::Sound(value) => (Some(value), false),
            Loaded::Restored(value) => (Some(value), true),
            Loaded::Unreadable => (None, true),
        }
    }
}

/// Reads a file, or its backup if the file makes no sense.
pub(crate) fn load<T: DeserializeOwned>(
    path: &Path,
    makes_sense: impl Fn(&T) -> bool,
) -> Result<Loaded<T>, StoreError> {
    let backup = files::beside(path, ".bak");
    match (read(path, &makes_sense)?, read(&backup, &makes_sense)?) {
        (Ok(value), _) => Ok(Loaded::Sound(value)),
        (Err(Trouble::Absent), Err(Trouble::Absent)) => Ok(Loaded::Absent),
        (Err(trouble), Ok(value)) => {
            set_aside(path, trouble)?;
            // From here on the backup is what holds; the next reader should not stumble again.
            let bytes = fs::read(&backup).map_err(failed("read", &backup))?;
            files::publish(path, &bytes)?;
            Ok(Loaded::Restored(value))
        }
        (Err(first), Err(second)) => {
            set_aside(path, first)?;
            set_aside(&backup, second)?;
            Ok(Loaded::Unreadable)
        }
    }
}

/// Writes a file so that a crash leaves the old one or the new one, whole.
pub(crate) fn save<T: Serialize>(path: &Path, value: &T, backup: Backup) -> Result<(), StoreError> {
    let unwritable = |error| StoreError::Unwritable { path: path.to_owned(), source: io::Error::other(error) };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(unwritable)?;
    bytes.push(b'\n');
    let kept = files::beside(path, ".bak");
    if backup == Backup::Previous && path.exists() {
        let before = fs::read(path).map_err(failed("read", path))?;
        files::publish(&kept, &before)?;
    }
    files::publish(path, &bytes)?;
    if backup == Backup::Same { files::publish(&kept, &bytes) } else { Ok(()) }
}

/// Removes a file and its backup.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    // The backup first: alone it would bring the file back.
    files::remove(&files::beside(path, ".bak"))?;
    files::remove(path)
}

/// The disk cannot read what is there: `EIO`, or `ERROR_CRC`.
const DISK_ERROR: i32 = if cfg!(windows) { 23 } else { 5 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Absent,
    Broken,
}

fn read<T: DeserializeOwned>(path: &Path, makes_sense: impl Fn(&T) -> bool) -> Result<Result<T, Trouble>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) if makes_sense(&value) => Ok(Ok(value)),
            Ok(_) | Err(_) => {
                tracing::warn!(path = %path.display(), "a file makes no sense");
                Ok(Err(Trouble::Broken))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(Trouble::Absent)),
        Err(error) if error.raw_os_error() == Some(DISK_ERROR) => Ok(Err(Trouble::Broken)),
        // It may be fine (no permission, too many open files): the copy must not take its place.
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn set_aside(path: &Path, trouble: Trouble) -> Result<(), StoreError> {
    match trouble {
        Trouble::Absent => Ok(()),
        Trouble::Broken => {
            let aside = files::beside(path, ".broken");
            fs::rename(path, &aside).map_err(failed("set aside", path))
        }
    }
}
