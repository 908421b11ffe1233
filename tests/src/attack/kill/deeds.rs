//! What people do around a kill point, and the tree that must come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::attack::contents::Id;
use crate::attack::group::Group;
use crate::sim::dice::Dice;

/// Files in the folder: more would only slow the looks, and nothing depends on their number.
const FILES_MAX: usize = 24;
/// Directories they stand in.
const DIRECTORIES: u64 = 4;
/// From this size on a file has several chunks; such a file is written once and then only moved, because its kept
/// versions would be packed and could not be recognised by their bytes.
const LARGE_BYTES: usize = 400_000;

/// What must stand in the folder once all is calm.
#[derive(Debug, Default)]
pub(super) struct Expected {
    files: BTreeMap<String, Id>,
    /// Written on both sides at once: either may win.
    contested: BTreeSet<String>,
    large: BTreeSet<Id>,
    written: u64,
    /// What was done since the last rest, for a person.
    done: Vec<String>,
}

impl Expected {
    /// One person at one device does one thing. Every name is touched by one side only between two rests.
    pub(super) fn act(&mut self, dice: &mut Dice, group: &Group, device: usize, touched: &mut BTreeMap<String, usize>) {
        let mine = |path: &String| touched.get(path).is_none_or(|owner| *owner == device);
        let free: Vec<String> = self.files.keys().filter(|path| mine(path)).cloned().collect();
        let small: Vec<String> = free.iter().filter(|path| !self.large.contains(&self.files[*path])).cloned().collect();
        let choice = dice.below(100);
        let path = match (choice, small.as_slice()) {
            (40..70, [_, ..]) => {
                let path = dice.pick(&small).clone();
                self.save(dice, group, device, &path, false);
                path
            }
            (70..82, [_, ..]) if free.len() > FILES_MAX / 3 => {
                let path = dice.pick(&small).clone();
                self.take_away(group, device, &path);
                self.files.remove(&path);
                let _ = fs::remove_file(group.dirs[device].join(&path));
                self.note(group, device, &format!("deletes {path}"));
                path
            }
            (82..92, [_, ..]) => {
                let (from, to) = (dice.pick(&free).clone(), self.fresh_name(dice));
                self.rename(group, device, &from, &to);
                touched.insert(from, device);
                to
            }
            _ if self.files.len() < FILES_MAX => {
                let path = self.fresh_name(dice);
                self.save(dice, group, device, &path, dice.clone().chance(12));
                path
            }
            _ => return,
        };
        touched.insert(path, device);
    }

    /// Both write the same path, neither having seen what the other wrote.
    pub(super) fn contest(&mut self, dice: &mut Dice, group: &Group, touched: &mut BTreeMap<String, usize>) {
        // Not a copy of an earlier conflict: its name would grow with every further one.
        let is_plain = |path: &&String| !touched.contains_key(*path) && !path.contains(" (");
        let small = |path: &&String| is_plain(path) && !self.large.contains(&self.files[*path]);
        let candidates: Vec<String> = self.files.keys().filter(small).cloned().collect();
        if candidates.is_empty() {
            return;
        }
        let path = dice.pick(&candidates).clone();
        for device in 0..group.dirs.len() {
            self.save(dice, group, device, &path, false);
        }
        // Whatever else was done to it would have two outcomes.
        touched.insert(path.clone(), usize::MAX);
        self.contested.insert(path);
    }

    /// Saves as an editor does: a new file beside the folder, renamed over the old one.
    fn save(&mut self, dice: &mut Dice, group: &Group, device: usize, path: &str, is_large: bool) {
        let length = if is_large { LARGE_BYTES + dice.place(LARGE_BYTES) } else { 20 + dice.place(6000) };
        let (id, bytes) = group.witnessed.contents.fresh(dice.number(), length);
        let fresh = group.outside().join(format!("{device}-{}", self.written));
        self.written += 1;
        fs::write(&fresh, bytes).expect("written");
        let place = group.dirs[device].join(path);
        make_parent(&place);
        self.take_away(group, device, path);
        fs::rename(fresh, place).expect("saved");
        group.witnessed.account.stands(device, id);
        self.note(group, device, &format!("saves {path}, {}", group.witnessed.contents.name(id)));
        self.files.insert(path.to_owned(), id);
        if is_large {
            self.large.insert(id);
        }
    }

    fn rename(&mut self, group: &Group, device: usize, from: &str, to: &str) {
        let (old, new) = (group.dirs[device].join(from), group.dirs[device].join(to));
        make_parent(&new);
        if fs::rename(old, new).is_ok()
            && let Some(id) = self.files.remove(from)
        {
            self.files.insert(to.to_owned(), id);
            self.note(group, device, &format!("renames {from} to {to}"));
        }
    }

    fn note(&mut self, group: &Group, device: usize, what: &str) {
        self.done.push(format!("{} {what}", group.shoals[device].name));
    }

    /// The person at this device is about to do away with what stands at a path.
    fn take_away(&self, group: &Group, device: usize, path: &str) {
        let place = group.dirs[device].join(path);
        let Ok(bytes) = fs::read(&place) else { return };
        if let Some(id) = group.witnessed.contents.recognise(&blake3::hash(&bytes)) {
            group.witnessed.account.stands(device, id);
            group.witnessed.account.taken(device, id);
        }
    }

    fn fresh_name(&mut self, dice: &mut Dice) -> String {
        self.written += 1;
        match dice.below(DIRECTORIES + 2) {
            directory if directory < DIRECTORIES => format!("d{directory}/f{}.txt", self.written),
            _ => format!("f{}.txt", self.written),
        }
    }

    /// What is wrong with the tree at rest; what came of contested paths is taken as it is.
    pub(super) fn faults(&mut self, group: &mut Group) -> Vec<String> {
        let found = group.contents(0);
        let mut faults = Vec::new();
        for (path, id) in &self.files {
            match found.get(path) {
                Some(Some(there)) if there == id || self.contested.contains(path) => {}
                None => faults.push(format!("I6: {path} is gone, nobody deleted it\n{}", group.why(path))),
                Some(other) => {
                    let name =
                        other.map_or("what nobody wrote".to_owned(), |other| group.witnessed.contents.name(other));
                    let wanted = group.witnessed.contents.name(*id);
                    faults.push(format!("I7: {path} holds {name} instead of {wanted}\n{}", group.why(path)));
                }
            }
        }
        let is_copy = |path: &str| self.contested.iter().any(|contested| is_copy_of(path, contested));
        for path in found.keys().filter(|path| !self.files.contains_key(*path)) {
            if !is_copy(path) {
                faults.push(format!("I5 or I23: {path} is there, and should not be\n{}", group.why(path)));
            }
        }
        if !faults.is_empty() {
            faults.extend(self.done.iter().map(|done| format!("  done: {done}")));
        }
        faults
    }

    /// Goes on from what is there.
    pub(super) fn settle(&mut self, group: &mut Group) {
        self.contested.clear();
        self.done.clear();
        self.files = group.contents(0).into_iter().filter_map(|(path, id)| Some((path, id?))).collect();
    }
}

/// Whether a name is that of a conflict copy: the stem, then who wrote it.
fn is_copy_of(path: &str, of: &str) -> bool {
    path.strip_prefix(of.trim_end_matches(".txt")).is_some_and(|rest| rest.starts_with(" ("))
}

fn make_parent(place: &Path) {
    fs::create_dir_all(place.parent().expect("a parent")).expect("made");
}
