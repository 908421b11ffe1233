//! A disk as a value: names, inodes and their bytes, read from a directory and built in another one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::trace::Recorded;

/// Which inode, in the order in which they were first met.
pub type Inode = usize;

/// A name below the recorded directory.
pub type Name = String;

/// What is on a disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub dirs: std::collections::BTreeSet<Name>,
    pub names: BTreeMap<Name, Inode>,
    pub bytes: BTreeMap<Inode, Vec<u8>>,
    /// Times and numbers of the inodes that stood there before.
    pub known: BTreeMap<Inode, Known>,
}

/// What an inode was when it was read.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its number there; intents name it.
    pub number: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Disk {
    /// Reads a directory. What the index has is left out: it is only a help, and here it is lost each time.
    pub fn read(place: &Path) -> Disk {
        let mut disk = Disk::default();
        let mut numbers = HashMap::new();
        disk.read_into(place, "", &mut numbers);
        disk
    }

    fn read_into(&mut self, dir: &Path, above: &str, numbers: &mut HashMap<u64, Inode>) {
        for entry in fs::read_dir(dir).expect("listed").flatten() {
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            let metadata = entry.metadata().expect("there");
            if name.starts_with(super::trace::INDEX) {
            } else if metadata.is_dir() {
                self.dirs.insert(name.clone());
                self.read_into(&entry.path(), &format!("{name}/"), numbers);
            } else {
                let next = numbers.len();
                let inode = *numbers.entry(metadata.ino()).or_insert(next);
                self.names.insert(name, inode);
                self.bytes.insert(inode, fs::read(entry.path()).expect("read"));
                let known =
                    Known { number: metadata.ino(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() };
                self.known.insert(inode, known);
            }
        }
    }

    /// What tells this disk from others.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for dir in &self.dirs {
            hasher.update(dir.as_bytes()).update(b"/\n");
        }
        for (name, inode) in &self.names {
            hasher.update(name.as_bytes()).update(&inode.to_le_bytes());
            hasher.update(blake3::hash(&self.bytes[inode]).as_bytes());
        }
        hasher.finalize()
    }

    /// Makes it real. Inodes have other numbers there, so the numbers in intents are made theirs.
    pub fn build(&self, place: &Path, recorded: &Recorded) {
        fs::create_dir_all(place).expect("made");
        for dir in &self.dirs {
            fs::create_dir_all(place.join(dir)).expect("made");
        }
        let mut first: HashMap<Inode, &Name> = HashMap::new();
        for (name, inode) in &self.names {
            let at = place.join(name);
            if let Some(other) = first.get(inode) {
                fs::hard_link(place.join(other), at).expect("linked");
                continue;
            }
            first.insert(*inode, name);
            fs::write(&at, &self.bytes[inode]).expect("written");
            if let Some(known) = self.known.get(inode) {
                let since = Duration::new(known.seconds as u64, known.nanoseconds as u32);
                let file = fs::File::options().write(true).open(&at).expect("opened");
                file.set_modified(UNIX_EPOCH + since).expect("a set time");
            }
        }
        let number = |inode: Inode| {
            let name = first.get(&inode)?;
            fs::symlink_metadata(place.join(name)).ok().map(|metadata| metadata.ino())
        };
        for (name, inode) in self.names.iter().filter(|(name, _)| name.contains("/.shoal/journal/")) {
            if let Some(text) = renumbered(&self.bytes[inode], &|slot| recorded.slots.get(slot).copied(), self, &number)
            {
                fs::write(place.join(name), text).expect("written");
            }
        }
    }
}

/// A whole journal with the numbers of the built inodes; none if it is torn.
fn renumbered(
    bytes: &[u8],
    in_slot: &dyn Fn(&str) -> Option<Inode>,
    disk: &Disk,
    number: &dyn Fn(Inode) -> Option<u64>,
) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, seal) = text.strip_suffix('\n')?.rsplit_once("\nend ")?;
    if seal != blake3::hash(format!("{body}\n").as_bytes()).to_hex().as_str() {
        return None;
    }
    // A number that names nothing on the built disk.
    let lost = |inode: Option<Inode>| inode.and_then(number).unwrap_or(u64::MAX);
    let mut fresh = String::new();
    for line in body.lines() {
        let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if fields.len() == 5 {
            if fields[1] != "0" {
                fields[1] = lost(in_slot(&fields[0])).to_string();
            }
            let mut was: Vec<String> = fields[4].split(' ').map(str::to_owned).collect();
            if was.len() == 5 {
                let old = was[3].parse::<u64>().ok()?;
                let inode = disk.known.iter().find(|(_, known)| known.number == old).map(|(inode, _)| *inode);
                was[3] = lost(inode).to_string();
                fields[4] = was.join(" ");
            }
        }
        fresh.push_str(&fields.join("\t"));
        fresh.push('\n');
    }
    let seal = blake3::hash(fresh.as_bytes()).to_hex();
    Some(format!("{fresh}end {seal}\n"))
}

impl fmt::Display for Disk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, inode) in &self.names {
            let start = String::from_utf8_lossy(&self.bytes[inode]).chars().take(40).collect::<String>();
            writeln!(to, "    {name}: inode {inode}, {} bytes, {start:?}", self.bytes[inode].len())?;
        }
        Ok(())
    }
}
