//! What the people of one run do, and which names only one of them touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::attack::contents::Id;
use crate::attack::group::Group;
use crate::sim::dice::Dice;

/// Names in the directory of a run: two for each device, which it prefers, and two for all.
const NAMES: [&str; 8] = ["a0", "b0", "a1", "b1", "a2", "b2", "s", "t"];
/// Longest content: within one page, so that a write is seen whole or not at all.
const BYTES_MAX: usize = 3000;

/// The people of one run.
#[derive(Debug)]
pub(super) struct People {
    /// The directory of this run in the folder.
    dir: String,
    /// Who touched a name, and everything that it became: names that were renamed into each other are one.
    touched: BTreeMap<usize, BTreeSet<usize>>,
    /// Which names belong together.
    family: [usize; NAMES.len()],
    /// What was left at each path by the one who touched it last.
    left: BTreeMap<String, Option<Id>>,
    done: Vec<String>,
    fresh: u64,
}

impl People {
    /// The people of the run with this number.
    pub(super) fn new(number: u64) -> People {
        let family = std::array::from_fn(|at| at);
        let dir = format!("run-{number}");
        People { dir, touched: BTreeMap::new(), family, left: BTreeMap::new(), done: Vec::new(), fresh: 0 }
    }

    /// Notes something for whoever reads what happened.
    pub(super) fn say(&mut self, what: String) {
        self.done.push(what);
    }

    /// Everything that happened.
    pub(super) fn done(&self) -> &[String] {
        &self.done
    }

    /// One person does one thing.
    pub(super) fn act(&mut self, dice: &mut Dice, group: &Group, device: usize) {
        let (name, other) = (draw_name(dice, device), draw_name(dice, device));
        let path = self.draw_path(dice, group, device, name);
        let deed = match dice.below(100) {
            0..25 => self.save(dice, group, device, &path),
            25..40 => self.save_in_place(dice, group, device, &path),
            40..50 => self.append(dice, group, device, &path),
            50..55 => self.truncate(group, device, &path),
            55..68 => self.delete(group, device, &path),
            68..80 => self.rename(dice, group, device, &path, (name, other)),
            80..86 => self.make_directory(group, device, name),
            86..92 => self.move_directory(group, device, name, other),
            92..96 => self.swap(group, device, name, other),
            _ => self.change_mode(group, device, &path),
        };
        let Some(deed) = deed else { return };
        self.say(format!("{} {deed}", group.shoals[device].name));
    }

    fn save(&mut self, dice: &mut Dice, group: &Group, device: usize, path: &str) -> Option<String> {
        let (id, bytes) = group.witnessed.contents.fresh(dice.number(), dice.place(BYTES_MAX));
        self.fresh += 1;
        let fresh = group.outside().join(format!("{}-{device}-{}", self.dir, self.fresh));
        fs::write(&fresh, bytes).ok()?;
        let place = self.place(group, device, path);
        fs::create_dir_all(place.parent()?).ok()?;
        self.take_away(group, device, &place);
        fs::rename(fresh, &place).ok()?;
        self.has_left(group, device, path, Some(id));
        Some(format!("saves {path}, content {id}"))
    }

    fn save_in_place(&mut self, dice: &mut Dice, group: &Group, device: usize, path: &str) -> Option<String> {
        let (id, bytes) = group.witnessed.contents.fresh(dice.number(), dice.place(BYTES_MAX));
        let place = self.place(group, device, path);
        fs::create_dir_all(place.parent()?).ok()?;
        self.take_away(group, device, &place);
        fs::write(&place, bytes).ok()?;
        self.has_left(group, device, path, Some(id));
        Some(format!("writes {path} in place, content {id}"))
    }

    fn append(&mut self, dice: &mut Dice, group: &Group, device: usize, path: &str) -> Option<String> {
        let place = self.place(group, device, path);
        let mut bytes = fs::read(&place).ok().filter(|bytes| bytes.len() < BYTES_MAX)?;
        let more = format!("\nmore {}\n", dice.number());
        bytes.extend(more.as_bytes());
        let id = group.witnessed.contents.note(&bytes);
        self.take_away(group, device, &place);
        let mut file = OpenOptions::new().append(true).open(&place).ok()?;
        file.write_all(more.as_bytes()).ok()?;
        // The program may have replaced the file between the look and the write: then it is another content.
        self.has_left_what_stands(group, device, path, Some(id)).then(|| format!("appends to {path}, content {id}"))
    }

    fn truncate(&mut self, group: &Group, device: usize, path: &str) -> Option<String> {
        let place = self.place(group, device, path);
        let bytes = fs::read(&place).ok()?;
        let half = bytes.len() / 2;
        let id = group.witnessed.contents.note(&bytes[..half]);
        self.take_away(group, device, &place);
        OpenOptions::new().write(true).open(&place).ok()?.set_len(half as u64).ok()?;
        self.has_left_what_stands(group, device, path, Some(id)).then(|| format!("cuts {path}, content {id}"))
    }

    fn delete(&mut self, group: &Group, device: usize, path: &str) -> Option<String> {
        let place = self.place(group, device, path);
        self.take_away(group, device, &place);
        fs::remove_file(&place).ok()?;
        self.has_left(group, device, path, None);
        Some(format!("deletes {path}"))
    }

    fn rename(
        &mut self,
        dice: &mut Dice,
        group: &Group,
        device: usize,
        path: &str,
        (name, other): (usize, usize),
    ) -> Option<String> {
        let to = self.draw_path(dice, group, device, other);
        let (from, place) = (self.place(group, device, path), self.place(group, device, &to));
        if to == path || !from.is_file() || place.is_dir() {
            return None;
        }
        fs::create_dir_all(place.parent()?).ok()?;
        self.take_away(group, device, &place);
        fs::rename(from, &place).ok()?;
        self.join(name, other);
        self.has_left(group, device, path, None);
        self.has_left_what_stands(group, device, &to, None);
        Some(format!("renames {path} to {to}"))
    }

    fn make_directory(&mut self, group: &Group, device: usize, name: usize) -> Option<String> {
        let path = NAMES[name];
        let place = self.place(group, device, path);
        if place.exists() {
            return None;
        }
        fs::create_dir_all(place).ok()?;
        self.touch(device, name);
        Some(format!("makes the directory {path}"))
    }

    fn move_directory(&mut self, group: &Group, device: usize, name: usize, other: usize) -> Option<String> {
        let (from, to) = (self.place(group, device, NAMES[name]), self.place(group, device, NAMES[other]));
        if name == other || !from.is_dir() || to.exists() {
            return None;
        }
        self.join(name, other);
        fs::rename(from, to).ok()?;
        self.moved(group, device, name, other);
        Some(format!("moves the directory {} to {}", NAMES[name], NAMES[other]))
    }

    fn swap(&mut self, group: &Group, device: usize, name: usize, other: usize) -> Option<String> {
        let (one, two) = (self.place(group, device, NAMES[name]), self.place(group, device, NAMES[other]));
        if name == other || !one.is_file() || !two.is_file() {
            return None;
        }
        let between = group.outside().join(format!("{}-{device}-between", self.dir));
        self.join(name, other);
        fs::rename(&one, &between).ok()?;
        fs::rename(&two, &one).ok()?;
        // Something may have come there meanwhile.
        self.take_away(group, device, &two);
        fs::rename(&between, &two).ok()?;
        self.has_left_what_stands(group, device, NAMES[name], None);
        self.has_left_what_stands(group, device, NAMES[other], None);
        Some(format!("swaps {} and {}", NAMES[name], NAMES[other]))
    }

    fn change_mode(&mut self, group: &Group, device: usize, path: &str) -> Option<String> {
        let place = self.place(group, device, path);
        let mode = fs::metadata(&place).ok().filter(fs::Metadata::is_file)?.permissions().mode() ^ 0o111;
        fs::set_permissions(&place, PermissionsExt::from_mode(mode)).ok()?;
        self.touch(device, name_of(path)?);
        Some(format!("changes the mode of {path}"))
    }

    /// A name itself, or a file in it where it is a directory.
    fn draw_path(&self, dice: &mut Dice, group: &Group, device: usize, name: usize) -> String {
        let name = NAMES[name];
        if self.place(group, device, name).is_dir() {
            format!("{name}/{}", dice.pick(&["x", "y"]))
        } else {
            name.to_owned()
        }
    }

    fn place(&self, group: &Group, device: usize, path: &str) -> PathBuf {
        group.dirs[device].join(&self.dir).join(path)
    }

    /// The person at this device is about to do away with what stands there.
    fn take_away(&self, group: &Group, device: usize, place: &Path) {
        let Some(id) = read(group, place) else { return };
        group.witnessed.account.stands(device, id);
        group.witnessed.account.taken(device, id);
    }

    fn has_left(&mut self, group: &Group, device: usize, path: &str, id: Option<Id>) {
        if let Some(id) = id {
            group.witnessed.account.stands(device, id);
        }
        self.left.insert(path.to_owned(), id);
        if let Some(name) = name_of(path) {
            self.touch(device, name);
        }
    }

    /// The same, but the program may have come in between: what stands there counts. True if that is as it should be.
    fn has_left_what_stands(&mut self, group: &Group, device: usize, path: &str, wanted: Option<Id>) -> bool {
        let place = self.place(group, device, path);
        if let Ok(bytes) = fs::read(&place)
            && wanted.is_some()
        {
            // Whatever it is now, this person made it.
            group.witnessed.contents.note(&bytes);
        }
        let there = read(group, &place);
        self.has_left(group, device, path, there);
        there == wanted
    }

    fn moved(&mut self, group: &Group, device: usize, name: usize, other: usize) {
        let (from, to) = (format!("{}/", NAMES[name]), NAMES[other]);
        let below: Vec<String> = self.left.keys().filter(|path| path.starts_with(&from)).cloned().collect();
        for path in below {
            self.left.insert(path, None);
        }
        for file in ["x", "y"] {
            let path = format!("{to}/{file}");
            let id = read(group, &self.place(group, device, &path));
            self.has_left(group, device, &path, id);
        }
        self.touch(device, name);
    }

    fn touch(&mut self, device: usize, name: usize) {
        self.touched.entry(name).or_default().insert(device);
    }

    fn join(&mut self, one: usize, other: usize) {
        let (from, to) = (self.family[one], self.family[other]);
        self.family.iter_mut().filter(|family| **family == from).for_each(|family| *family = to);
    }

    /// How many names only one person touched, and what is wrong with them.
    pub(super) fn faults(&self, group: &mut Group) -> (u64, Vec<String>) {
        let prefix = format!("{}/", self.dir);
        let found: BTreeMap<String, Option<Id>> = group
            .contents(0)
            .into_iter()
            .filter_map(|(path, id)| Some((path.strip_prefix(&prefix)?.to_owned(), id)))
            .collect();
        let alone = |path: &str| name_of(path).is_some_and(|name| self.toucher_count(name) == 1);
        let mut faults = Vec::new();
        let judged: Vec<&String> = self.left.keys().filter(|path| alone(path)).collect();
        for path in &judged {
            let (wanted, there) = (self.left[*path], found.get(*path).copied().flatten());
            if wanted != there {
                let rule = if wanted.is_none() { "I5" } else { "I6 or I7" };
                let why = group.why(&format!("{prefix}{path}"));
                faults.push(format!("{rule}: {path} holds {there:?} instead of {wanted:?}\n{why}"));
            }
        }
        for path in found.keys().filter(|path| alone(path) && path.contains(" (")) {
            faults.push(format!("I23: {path} is a conflict copy, though only one person touched the name"));
        }
        (judged.len() as u64, faults)
    }

    /// How many people touched a name or one that it was renamed to or from.
    fn toucher_count(&self, name: usize) -> usize {
        let kin = (0..NAMES.len()).filter(|other| self.family[*other] == self.family[name]);
        kin.filter_map(|kin| self.touched.get(&kin)).flatten().collect::<BTreeSet<_>>().len()
    }
}

fn read(group: &Group, place: &Path) -> Option<Id> {
    group.witnessed.contents.recognise(&blake3::hash(&fs::read(place).ok()?))
}

fn draw_name(dice: &mut Dice, device: usize) -> usize {
    let own = 2 * device + dice.place(2);
    if dice.chance(60) { own } else { dice.place(NAMES.len()) }
}

/// The name above all of a path, without what a conflict copy adds to it.
fn name_of(path: &str) -> Option<usize> {
    let first = path.split(['/', ' ']).next()?;
    NAMES.iter().position(|name| *name == first)
}
