//! A real directory tree to share, and the comparison of two.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Most files copied from this computer: enough to be real, few enough to be quick.
const FILES_MAX: usize = 400;

/// Largest file copied, in bytes.
const FILE_BYTES_MAX: u64 = 2_000_000;

/// Most bytes copied in all.
const BYTES_MAX: u64 = 40_000_000;

/// Places with files of all kinds and sizes that anybody may read.
const SOURCES: [&str; 4] =
    [concat!(env!("CARGO_MANIFEST_DIR"), "/.."), "/usr/share/doc", "/usr/share/misc", "/Library/Documentation"];

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) directories: usize,
}

/// Makes the tree: some hundred real files, and what is rarely thought of.
pub(super) fn make(dir: &Path) -> io::Result<Made> {
    fs::create_dir_all(dir.join("plans/deep/er"))?;
    fs::create_dir_all(dir.join("nothing in here"))?;
    fs::write(dir.join("plans/deep/er/down.txt"), "far down\n")?;
    fs::write(dir.join("notes.txt"), "Shared by Ana.\n")?;
    fs::write(dir.join("old.txt"), "to be deleted\n")?;
    fs::write(dir.join("empty.txt"), "")?;
    fs::write(dir.join("Ünï 日本 name.txt"), "names are names\n")?;
    fs::write(dir.join("run.sh"), "#!/bin/sh\necho shoal\n")?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir.join("run.sh"), fs::Permissions::from_mode(0o755))?;
        std::os::unix::fs::symlink("notes.txt", dir.join("link to notes"))?;
    }
    let mut made = Made::default();
    let to = dir.join("from this computer");
    fs::create_dir_all(&to)?;
    for (number, source) in SOURCES.iter().enumerate() {
        if Path::new(source).is_dir() {
            copy(Path::new(source), &to.join(number.to_string()), &mut made)?;
        }
    }
    let whole = look(dir)?;
    made.files = whole.values().filter(|seen| matches!(seen, Seen::File(..))).count();
    made.directories = whole.values().filter(|seen| matches!(seen, Seen::Directory)).count();
    Ok(made)
}

/// Copies readable plain files, until there are enough.
fn copy(from: &Path, to: &Path, made: &mut Made) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    entries.sort();
    for path in entries {
        let (Ok(found), Some(name)) = (fs::symlink_metadata(&path), path.file_name()) else { continue };
        let is_enough = made.files >= FILES_MAX || made.bytes >= BYTES_MAX;
        if found.is_dir() && !is_enough {
            copy(&path, &to.join(name), made)?;
        } else if found.is_file() && !is_enough && found.len() <= FILE_BYTES_MAX {
            let Ok(bytes) = fs::read(&path) else { continue };
            fs::create_dir_all(to)?;
            fs::write(to.join(name), &bytes)?;
            made.files += 1;
            made.bytes += bytes.len() as u64;
        }
    }
    Ok(())
}

/// Adds a line to a file.
pub(super) fn append(path: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())
}

/// Bytes that do not compress and are the same each time.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(step).collect()
}

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Directory,
    /// Its bytes, and whether it may be executed.
    File(Vec<u8>, bool),
    Link(PathBuf),
}

/// The first path at which two trees differ, leaving out Shoal's own directory.
pub(super) fn difference(one: &Path, other: &Path) -> io::Result<Option<String>> {
    let (one, other) = (look(one)?, look(other)?);
    let all = one.keys().chain(other.keys());
    let mut differing = all.filter(|path| one.get(*path) != other.get(*path));
    Ok(differing.next().map(|path| path.to_string_lossy().into_owned()))
}

fn look(dir: &Path) -> io::Result<BTreeMap<PathBuf, Seen>> {
    let mut seen = BTreeMap::new();
    look_into(dir, Path::new(""), &mut seen)?;
    Ok(seen)
}

fn look_into(top: &Path, inside: &Path, seen: &mut BTreeMap<PathBuf, Seen>) -> io::Result<()> {
    for entry in fs::read_dir(top.join(inside))? {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        if path == Path::new(".shoal") {
            continue;
        }
        let found = fs::symlink_metadata(entry.path())?;
        if found.is_dir() {
            seen.insert(path.clone(), Seen::Directory);
            look_into(top, &path, seen)?;
        } else if found.is_symlink() {
            seen.insert(path, Seen::Link(fs::read_link(entry.path())?));
        } else {
            seen.insert(path, Seen::File(fs::read(entry.path())?, is_executable(&found)));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_found: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_one_bit_or_one_empty_directory_makes_a_difference() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let made = make(&one).expect("made");
        assert!(made.files > 5 && made.directories > 4, "{made:?}");
        make(&other).expect("made");
        assert_eq!(difference(&one, &other).expect("compared"), None);

        fs::write(other.join("notes.txt"), "Shared by Anb.\n").expect("written");
        assert_eq!(difference(&one, &other).expect("compared").as_deref(), Some("notes.txt"));
        fs::write(other.join("notes.txt"), "Shared by Ana.\n").expect("written");
        fs::remove_dir(other.join("nothing in here")).expect("removed");
        assert_eq!(difference(&one, &other).expect("compared").as_deref(), Some("nothing in here"));
    }
}
