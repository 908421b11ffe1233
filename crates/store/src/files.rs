//! Files that survive a power cut: written whole, synced, renamed into place, the directory synced too.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{StoreError, failed};

/// Makes a directory that only its owner may enter, with those above it.
pub(crate) fn make_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make the directory", path))?;
    // The new name must survive a power cut before anything inside it is relied on.
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes renames, creations and removals in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync the directory", path))?;
    }
    Ok(())
}

/// Puts a file with these bytes at `path`, replacing what was there only once the new one is durable.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fresh = beside(path, ".new");
    write_new(&fresh, bytes).map_err(failed("write", &fresh))?;
    fs::rename(&fresh, path).map_err(failed("put in place", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Removes a file or does nothing if it is not there; durable when it returns.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", path)(error)),
    }
}

/// The path with `ending` added to its last part.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// The names in a directory, sorted; none if it is not there. Names that are not UTF-8 are not ours.
pub(crate) fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let listing = match fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(failed("list", dir))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Moves `path` to `<place>/<name>-<n>` under the first free number and keeps only the newest `keep` of that name.
pub(crate) fn move_aside(path: &Path, place: &Path, name: &str, keep: usize) -> Result<PathBuf, StoreError> {
    make_dir(place)?;
    let prefix = format!("{name}-");
    let number = |entry: &String| entry.strip_prefix(&prefix)?.parse::<u64>().ok();
    let mut numbers: Vec<u64> = names_in(place)?.iter().filter_map(number).collect();
    numbers.sort_unstable();
    let next = numbers.last().map_or(1, |last| last + 1);
    let target = place.join(format!("{prefix}{next}"));
    fs::rename(path, &target).map_err(failed("move aside", path))?;
    sync_dir(place)?;
    let surplus = (numbers.len() + 1).saturating_sub(keep);
    for old in numbers.iter().take(surplus) {
        let old = place.join(format!("{prefix}{old}"));
        // What is left over is only in the way; the next time it is tried again.
        let _ = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
    }
    Ok(target)
}

/// Options for a file that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A leftover of a crash may have another mode; a fresh file has ours.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
