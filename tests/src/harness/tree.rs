//! What is in a directory, for comparing two of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Shoal's own directory in a shared folder.
const PRIVATE: &str = ".shoal";

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Directory,
    File { hash: blake3::Hash, length: u64, is_executable: bool },
    Link(PathBuf),
}

/// Everything below a directory, but not what is Shoal's own.
pub fn look(dir: &Path) -> BTreeMap<String, Seen> {
    let mut seen = BTreeMap::new();
    look_into(dir, "", &mut seen);
    seen
}

fn look_into(dir: &Path, above: &str, seen: &mut BTreeMap<String, Seen>) {
    // Files come and go while we look: what is gone is not there.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        let Some(found) = (path != PRIVATE).then(|| see(&entry.path())).flatten() else { continue };
        let is_directory = found == Seen::Directory;
        seen.insert(path.clone(), found);
        if is_directory {
            look_into(&entry.path(), &path, seen);
        }
    }
}

fn see(path: &Path) -> Option<Seen> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_dir() {
        return Some(Seen::Directory);
    }
    if metadata.is_symlink() {
        return fs::read_link(path).ok().map(Seen::Link);
    }
    let hash = blake3::hash(&fs::read(path).ok()?);
    let is_executable = metadata.permissions().mode() & 0o100 != 0;
    Some(Seen::File { hash, length: metadata.len(), is_executable })
}

/// The first path at which two directories differ.
pub fn difference(one: &Path, other: &Path) -> Option<String> {
    let (one, other) = (look(one), look(other));
    let path = one.keys().chain(other.keys()).find(|path| one.get(*path) != other.get(*path))?;
    Some(format!("{path}: {:?} and {:?}", one.get(path), other.get(path)))
}

/// When a file was changed, in milliseconds.
pub fn modified(path: &Path) -> Option<u128> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_millis())
}

/// Sets when a file was changed, in seconds since 1970.
pub fn set_modified(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a set time");
}
