//! A virtual directory tree with fingerprints, and a write cache that a power cut empties from its end.
//!
//! The model is a journalling file system: changes become durable in their order, all of them at every sync and by
//! themselves after a few seconds. A power cut undoes some of the last ones; a killed process undoes nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use shoal_engine::id::ContentId;
use shoal_engine::observe::{Fingerprint, Listed, Seen, Witness};
use shoal_engine::path::RelPath;

use super::content::Content;
use super::dice::Dice;

/// After how many milliseconds a change is durable without a sync.
const WRITEBACK_MS: u64 = 5_000;

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Node {
    /// A regular file.
    File(FileNode),
    /// A directory.
    Directory,
    /// A symbolic link with its text.
    Link(Rc<str>),
}

/// A regular file.
#[derive(Clone, Debug)]
pub struct FileNode {
    /// Its bytes.
    pub content: Rc<Content>,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its inode.
    pub inode: u64,
    /// Its modified time.
    pub modified_ns: i64,
    /// Its changed time: different after every change.
    pub changed_ns: i64,
}

impl FileNode {
    /// What tells without reading that it is still the same.
    pub fn print(&self) -> Fingerprint {
        Fingerprint {
            size: self.content.size,
            modified_ns: self.modified_ns,
            changed_ns: self.changed_ns,
            inode: self.inode,
        }
    }
}

impl Node {
    /// The content, if it is a file.
    pub fn content(&self) -> Option<ContentId> {
        match self {
            Node::File(file) => Some(file.content.id),
            Node::Directory | Node::Link(_) => None,
        }
    }

    /// As the disk adapter reports it.
    pub fn seen(&self) -> Seen {
        match self {
            Node::File(file) => Seen::File { print: file.print(), executable: file.executable },
            Node::Directory => Seen::Directory,
            Node::Link(target) => Seen::Link { target: target.to_string() },
        }
    }
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user, with no sync.
    User,
    /// Shoal.
    Shoal,
}

/// A hint as the watcher has it.
#[derive(Clone, Debug)]
pub struct Hint {
    /// Where.
    pub path: RelPath,
    /// Closed after writing, or renamed into place.
    pub is_settled: bool,
}

/// One change as it can be undone.
#[derive(Debug)]
struct Undo {
    at: u64,
    by: By,
    before: Vec<(RelPath, Option<Node>)>,
}

/// A directory tree on one device, with its private part: the stage and the kept versions.
#[derive(Debug)]
pub struct Disk {
    tree: BTreeMap<RelPath, Node>,
    cached: VecDeque<Undo>,
    counter: u64,
    /// Hints that the watcher has not delivered.
    pub hints: Vec<Hint>,
    /// Which chunks of each content are staged.
    pub stage: BTreeMap<ContentId, Vec<bool>>,
    /// The kept versions.
    pub kept: BTreeMap<ContentId, Rc<Content>>,
    /// Texts that were read and are kept aside, so that edits of them can be merged.
    pub bases: BTreeSet<ContentId>,
    /// It takes names that differ in case only for one, and keeps the spelling of the first.
    pub folds_names: bool,
    /// Whether the file system that holds it is mounted.
    pub is_here: bool,
    /// The marker in the private directory.
    pub marker: [u8; 16],
    /// How far its owner's records were, as noted in the private directory.
    pub witness: Option<Witness>,
}

impl Disk {
    /// An empty directory with a marker.
    pub fn new(marker: [u8; 16]) -> Self {
        Disk {
            tree: BTreeMap::new(),
            cached: VecDeque::new(),
            counter: 1_700_000_000_000_000_000,
            hints: Vec::new(),
            stage: BTreeMap::new(),
            kept: BTreeMap::new(),
            bases: BTreeSet::new(),
            folds_names: false,
            is_here: true,
            marker,
            witness: None,
        }
    }

    /// Everything in it, by path.
    pub fn tree(&self) -> &BTreeMap<RelPath, Node> {
        &self.tree
    }

    /// What stands at a path.
    pub fn get(&self, path: &RelPath) -> Option<&Node> {
        self.tree.get(path)
    }

    /// The file at a path.
    pub fn file(&self, path: &RelPath) -> Option<&FileNode> {
        match self.tree.get(path)? {
            Node::File(file) => Some(file),
            Node::Directory | Node::Link(_) => None,
        }
    }

    /// The contents of its files.
    pub fn contents(&self) -> impl Iterator<Item = ContentId> {
        self.tree.values().filter_map(Node::content)
    }

    /// Everything below a directory, or everything.
    pub fn below(&self, dir: Option<&RelPath>) -> Vec<RelPath> {
        match dir {
            None => self.tree.keys().cloned().collect(),
            Some(dir) => {
                let from = self.tree.range(dir.clone()..).map(|(path, _)| path);
                // Names such as "d-x" sort between "d" and "d/x".
                let is_near = |path: &&RelPath| path.as_str().starts_with(dir.as_str());
                from.take_while(is_near).filter(|path| path.is_inside(dir)).cloned().collect()
            }
        }
    }

    /// A path as this disk finds it: in the spelling of what stands there.
    pub fn spelled(&self, path: &RelPath) -> RelPath {
        if !self.folds_names {
            return path.clone();
        }
        let mut found: Option<RelPath> = None;
        for part in path.as_str().split('/') {
            let is_it = |other: &RelPath| other.parent() == found && other.name().eq_ignore_ascii_case(part);
            let there = self.tree.keys().find(|other| is_it(other)).cloned();
            let plain = || found.as_ref().map_or_else(|| RelPath::parse(part), |dir| dir.join(part));
            found = there.or_else(|| plain().ok());
        }
        found.unwrap_or_else(|| path.clone())
    }

    /// The names in a directory, as a listing has them.
    pub fn list(&self, dir: Option<&RelPath>) -> Vec<Listed> {
        let is_child = |path: &RelPath| path.parent().as_ref() == dir;
        let all = self.below(dir).into_iter().filter(is_child);
        all.map(|path| Listed { seen: self.tree[&path].seen(), path }).collect()
    }

    /// Whether a path's parent stands there as a directory.
    pub fn has_parent(&self, path: &RelPath) -> bool {
        path.parent().is_none_or(|dir| matches!(self.tree.get(&dir), Some(Node::Directory)))
    }

    /// Whether the directories above a path are there or can be made.
    pub fn may_have_parents(&self, path: &RelPath) -> bool {
        path.ancestors().all(|dir| matches!(self.tree.get(&dir), None | Some(Node::Directory)))
    }

    /// The directories above a path that are missing, topmost first, as edits.
    pub fn missing_parents(&self, path: &RelPath) -> Vec<(RelPath, Option<Node>)> {
        let missing = path.ancestors().filter(|dir| !self.tree.contains_key(dir));
        let mut edits: Vec<_> = missing.map(|dir| (dir, Some(Node::Directory))).collect();
        edits.reverse();
        edits
    }

    /// A new file with a new inode.
    pub fn new_file(&mut self, content: &Rc<Content>, executable: bool, modified_ns: i64) -> Node {
        self.counter += 1;
        Node::File(FileNode {
            content: content.clone(),
            executable,
            inode: self.counter & 0xffff_ffff,
            modified_ns,
            changed_ns: self.next_changed(),
        })
    }

    /// The changed time of a change that happens now.
    pub fn next_changed(&mut self) -> i64 {
        self.counter += 1_000;
        self.counter as i64
    }

    /// Puts or removes several things as one change that a power cut undoes as a whole.
    pub fn change(&mut self, now: u64, by: By, edits: Vec<(RelPath, Option<Node>)>) {
        self.forget_written(now);
        let mut before = Vec::with_capacity(edits.len());
        for (path, node) in edits {
            self.hints.push(Hint { path: path.clone(), is_settled: !matches!(node, Some(Node::Directory)) });
            let old = match node {
                Some(node) => self.tree.insert(path.clone(), node),
                None => self.tree.remove(&path),
            };
            before.push((path, old));
        }
        self.cached.push_back(Undo { at: now, by, before });
    }

    /// Moves a thing and all below it; what stood at the target goes. The changed time of a moved inode changes.
    pub fn rename(&mut self, now: u64, by: By, from: &RelPath, to: &RelPath) {
        let mut edits = Vec::new();
        for path in std::iter::once(from.clone()).chain(self.below(Some(from))) {
            let rest = &path.as_str()[from.as_str().len()..];
            let Ok(target) = RelPath::parse(&format!("{to}{rest}")) else { continue };
            let mut node = self.tree[&path].clone();
            if let (Node::File(file), true) = (&mut node, path == *from) {
                file.changed_ns = self.next_changed();
            }
            edits.push((path, None));
            edits.push((target, Some(node)));
        }
        // A target inside the removed names must be put after every removal.
        edits.sort_by_key(|(_, node)| node.is_some());
        let count = self.hints.len();
        self.change(now, by, edits);
        // A watcher reports a moved directory, not what is in it.
        self.hints.truncate(count);
        self.hints.push(Hint { path: from.clone(), is_settled: true });
        self.hints.push(Hint { path: to.clone(), is_settled: true });
    }

    /// Makes everything durable.
    pub fn sync(&mut self) {
        self.cached.clear();
    }

    /// Cuts the power: some of the last changes are undone. Returns the paths where the user's changes were.
    pub fn cut_power(&mut self, now: u64, dice: &mut Dice) -> Vec<(RelPath, Option<Node>)> {
        self.forget_written(now);
        let undone = dice.place(self.cached.len() + 1);
        let mut lost = Vec::new();
        for _ in 0..undone {
            let Some(undo) = self.cached.pop_back() else { break };
            for (path, node) in undo.before.into_iter().rev() {
                let was = match node {
                    Some(node) => self.tree.insert(path.clone(), node),
                    None => self.tree.remove(&path),
                };
                if undo.by == By::User {
                    lost.push((path, was));
                }
            }
        }
        self.cached.clear();
        lost
    }

    fn forget_written(&mut self, now: u64) {
        while self.cached.front().is_some_and(|undo| undo.at + WRITEBACK_MS <= now) {
            self.cached.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::Contents;
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("plain")
    }

    fn write(disk: &mut Disk, now: u64, at: &str, content: &Rc<Content>) {
        let node = disk.new_file(content, false, 0);
        let mut edits = disk.missing_parents(&path(at));
        edits.push((path(at), Some(node)));
        disk.change(now, By::User, edits);
    }

    #[test]
    fn a_power_cut_undoes_only_the_last_changes_and_nothing_that_was_synced() {
        for seed in 0..50 {
            let mut contents = Contents::default();
            let (one, two) = (contents.of(vec![1]), contents.of(vec![2]));
            let mut disk = Disk::new([0; 16]);
            write(&mut disk, 0, "d/a", &one);
            disk.sync();
            write(&mut disk, 1, "d/a", &two);
            write(&mut disk, 2, "d/b", &two);
            disk.cut_power(3, &mut Dice::from_seed(seed));
            let a = disk.file(&path("d/a")).map(|file| file.content.number);
            let b = disk.file(&path("d/b")).map(|file| file.content.number);
            assert!(a.is_some(), "what was synced stands");
            assert!(b.is_none() || a == Some(two.number), "a later change never outlives an earlier one");
        }
    }

    #[test]
    fn what_stood_five_seconds_survives_a_power_cut() {
        let mut disk = Disk::new([0; 16]);
        write(&mut disk, 0, "a", &Contents::default().of(vec![1]));
        for seed in 0..20 {
            assert!(disk.cut_power(5_000, &mut Dice::from_seed(seed)).is_empty());
        }
        assert!(disk.file(&path("a")).is_some());
    }

    #[test]
    fn a_moved_directory_takes_everything_with_it_and_comes_back_whole() {
        let content = Contents::default().of(vec![1]);
        let mut disk = Disk::new([0; 16]);
        for at in ["d/a", "d/e/b", "d-x", "d.y/z"] {
            write(&mut disk, 0, at, &content);
        }
        disk.sync();
        disk.rename(1, By::User, &path("d"), &path("f"));
        let names: Vec<_> = disk.tree().keys().map(RelPath::as_str).collect();
        assert_eq!(names, ["d-x", "d.y", "d.y/z", "f", "f/a", "f/e", "f/e/b"]);
        let mut dice = Dice::from_seed(0);
        while disk.cut_power(2, &mut dice).is_empty() {
            disk.rename(1, By::User, &path("f"), &path("d"));
            disk.sync();
            disk.rename(1, By::User, &path("d"), &path("f"));
        }
        assert!(disk.file(&path("d/e/b")).is_some() && disk.get(&path("f")).is_none());
    }

    #[test]
    fn a_listing_holds_the_children_and_nothing_deeper() {
        let content = Contents::default().of(vec![1]);
        let mut disk = Disk::new([0; 16]);
        for at in ["d/a", "d/e/b", "d-x"] {
            write(&mut disk, 0, at, &content);
        }
        let names = |dir: Option<&RelPath>| disk.list(dir).into_iter().map(|l| l.path.to_string()).collect::<Vec<_>>();
        assert_eq!(names(None), ["d", "d-x"]);
        assert_eq!(names(Some(&path("d"))), ["d/a", "d/e"]);
    }
}
