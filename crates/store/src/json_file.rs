//! Small JSON files that people can read: written atomically, with a second copy that stands in for a damaged one.
//!
//! Those that are not made for editing carry a checksum in their last line, `check`: a number with one wrong bit is still
//! a number, and a wrong one could say that files stood here that never did. Without the line nothing is checked.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
    let mut value = serde_json::to_value(value).map_err(unwritable)?;
    // The settings may be edited by hand.
    if let (Value::Object(fields), Backup::Same | Backup::None) = (&mut value, backup) {
        let check = check_of(fields);
        fields.insert(CHECK.to_owned(), check);
    }
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(unwritable)?;
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

/// The field of the checksum.
const CHECK: &str = "check";

/// The disk cannot read what is there: `EIO`, or `ERROR_CRC`.
const DISK_ERROR: i32 = if cfg!(windows) { 23 } else { 5 };

/// Whether the disk itself cannot read what is there.
pub(crate) fn is_disk_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(DISK_ERROR)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Absent,
    Broken,
}

/// The checksum over all other fields.
fn check_of(fields: &serde_json::Map<String, Value>) -> Value {
    let others: serde_json::Map<String, Value> =
        fields.iter().filter(|(name, _)| *name != CHECK).map(|(name, value)| (name.clone(), value.clone())).collect();
    let text = Value::Object(others).to_string();
    Value::String(blake3::hash(text.as_bytes()).to_hex()[..16].to_owned())
}

/// Reads a value, unless it is not the one that was written.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    if let Value::Object(fields) = &mut value
        && fields.contains_key(CHECK)
    {
        let check = check_of(fields);
        if fields.remove(CHECK) != Some(check) {
            return None;
        }
    }
    serde_json::from_value(value).ok()
}

fn read<T: DeserializeOwned>(path: &Path, makes_sense: impl Fn(&T) -> bool) -> Result<Result<T, Trouble>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => match parse(&bytes) {
            Some(value) if makes_sense(&value) => Ok(Ok(value)),
            Some(_) | None => {
                tracing::warn!(path = %path.display(), "a file makes no sense");
                Ok(Err(Trouble::Broken))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(Trouble::Absent)),
        Err(error) if is_disk_error(&error) => Ok(Err(Trouble::Broken)),
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
