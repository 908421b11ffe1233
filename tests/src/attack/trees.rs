//! What stands in folders and in kept versions, by content.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::contents::{Contents, Id};
use crate::harness::tree;

/// A file's identity: as long as this is the same, its bytes are.
type Print = (u64, u64, i64, i64, i64, i64);

/// Reads files, but none twice that did not change.
#[derive(Debug, Default)]
pub struct Reader {
    hashes: HashMap<Print, blake3::Hash>,
}

impl Reader {
    /// The hash of a file's bytes; none if it is not there.
    pub fn hash(&mut self, path: &Path) -> Option<blake3::Hash> {
        let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
        if let Some(hash) = self.hashes.get(&print(&metadata)) {
            return Some(*hash);
        }
        let hash = blake3::hash(&fs::read(path).ok()?);
        // Another file may have come in between: what was read belongs to neither print then.
        if fs::symlink_metadata(path).is_ok_and(|after| print(&after) == print(&metadata)) {
            self.hashes.insert(print(&metadata), hash);
        }
        Some(hash)
    }
}

fn print(metadata: &fs::Metadata) -> Print {
    let (mtime, ctime) = ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
    (metadata.ino(), metadata.len(), mtime.0, mtime.1, ctime.0, ctime.1)
}

/// Every file below a directory that is no part of what is Shoal's own, by its path.
pub fn files(dir: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    list(dir, "", &mut found);
    found
}

fn list(dir: &Path, above: &str, found: &mut Vec<(String, PathBuf)>) {
    // Files come and go while we look.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        let Ok(kind) = entry.file_type() else { continue };
        if path == ".shoal" {
        } else if kind.is_dir() {
            list(&entry.path(), &path, found);
        } else if kind.is_file() {
            found.push((path, entry.path()));
        }
    }
}

/// The contents in a folder, by path; what nobody wrote is none.
pub fn contents(dir: &Path, reader: &mut Reader, known: &Contents) -> BTreeMap<String, Option<Id>> {
    let read = |(path, place): (String, PathBuf)| Some((path, known.recognise(&reader.hash(&place)?)));
    files(dir).into_iter().filter_map(read).collect()
}

/// The contents among the kept versions of a folder.
pub fn kept(dir: &Path, reader: &mut Reader, known: &Contents) -> BTreeSet<Id> {
    let Ok(objects) = fs::read_dir(dir.join(".shoal/versions/objects")) else { return BTreeSet::new() };
    objects.flatten().filter_map(|object| known.recognise(&reader.hash(&object.path())?)).collect()
}

/// Where two or more folders differ, if they do.
pub fn difference(dirs: &[PathBuf]) -> Option<String> {
    let (first, rest) = dirs.split_first()?;
    rest.iter().find_map(|other| tree::difference(first, other))
}
