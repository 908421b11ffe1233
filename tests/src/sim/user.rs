//! Users: they save, move, delete and rename as people and their programs do, on the names they all like.

use std::rc::Rc;

use shoal_engine::path::RelPath;

use super::content::Content;
use super::disk::{By, Node};
use super::queue::{Due, UserWrite};
use super::world::World;

/// Names that everybody uses.
const COMMON: [&str; 14] =
    ["a", "b", "c", "d/a", "d/b", "d/e/a", "d/e/f/a", "d/e", "f", "f/x", "f/y", "g/a", "d", "notes.txt"];
/// Directories in which fresh names are made.
const HOMES: [&str; 8] = ["", "", "", "d/", "d/e/", "f/", "g/", "h/i/"];

impl World {
    /// The user of a device does something.
    pub fn act(&mut self, on: usize) {
        if !self.devices[on].home.is_here || !self.devices[on].is_on {
            return;
        }
        match self.dice.below(100) {
            0..25 => self.save_new(on),
            25..48 => self.edit(on),
            48..60 => self.delete(on),
            60..72 => self.rename(on),
            72..77 => self.make_directory(on),
            77..82 => self.delete_directory(on),
            82..86 => self.change_mode(on),
            86..89 => self.touch(on),
            89..92 => self.make_link(on),
            92..95 => self.copy(on),
            95..97 => self.swap_names(on),
            _ => self.turn_into_other_kind(on),
        }
        self.drain_hints(on);
    }

    /// A name to write to.
    fn any_path(&mut self, on: usize) -> RelPath {
        let text = if self.dice.chance(self.plan.common_names_percent) {
            (*self.dice.pick(&COMMON)).to_owned()
        } else {
            self.fresh_names += 1;
            format!("{}n{}", self.dice.pick(&HOMES), self.fresh_names)
        };
        let text = if self.plan.folds_from.is_some() && self.dice.chance(30) { text.to_uppercase() } else { text };
        let path = RelPath::parse(&text).unwrap_or_else(|_| unreachable!("{text} is plain"));
        self.devices[on].home.spelled(&path)
    }

    /// Something that is there and passes the test.
    fn any_there(&mut self, on: usize, is_fit: fn(&Node) -> bool) -> Option<RelPath> {
        let tree = self.devices[on].home.tree();
        let fit: Vec<&RelPath> = tree.iter().filter(|(_, node)| is_fit(node)).map(|(path, _)| path).collect();
        let at = self.dice.place(fit.len());
        fit.get(at).map(|path| (*path).clone())
    }

    fn any_file(&mut self, on: usize) -> Option<RelPath> {
        self.any_there(on, |node| matches!(node, Node::File(_)))
    }

    /// Writes a file, as a user, with the directories above it; `false` if something is in the way.
    pub fn put(&mut self, on: usize, path: &RelPath, content: &Rc<Content>, executable: bool) -> bool {
        let (now, modified) = (self.now, self.devices[on].modified_ns(self.now));
        let disk = &mut self.devices[on].home;
        if !disk.may_have_parents(path) || matches!(disk.get(path), Some(Node::Directory)) {
            return false;
        }
        let replaced = disk.file(path).map(|file| file.content.id);
        let node = disk.new_file(content, executable, modified);
        let mut edits = disk.missing_parents(path);
        edits.push((path.clone(), Some(node)));
        let edited: Vec<RelPath> = edits.iter().map(|(path, _)| path.clone()).collect();
        disk.change(now, By::User, edits);
        for dir in &edited[..edited.len() - 1] {
            self.account.deed(on, dir);
        }
        if let Some(replaced) = replaced.filter(|replaced| *replaced != content.id) {
            self.account.replaced(on, replaced);
        }
        self.account.wrote(on, path, content.id, now);
        self.trace.name_content(content);
        self.say_user(on, format_args!("writes c{} at {path}", content.number));
        true
    }

    /// Writes into the file that is there, keeping its inode.
    fn put_into(&mut self, on: usize, path: &RelPath, content: &Rc<Content>) {
        let (now, modified) = (self.now, self.devices[on].modified_ns(self.now));
        let disk = &mut self.devices[on].home;
        let Some(mut file) = disk.file(path).cloned() else { return };
        let replaced = std::mem::replace(&mut file.content, content.clone()).id;
        (file.modified_ns, file.changed_ns) = (modified, disk.next_changed());
        disk.change(now, By::User, vec![(path.clone(), Some(Node::File(file)))]);
        self.account.replaced(on, replaced);
        self.account.wrote(on, path, content.id, now);
        self.trace.name_content(content);
        self.say_user(on, format_args!("writes c{} into {path}", content.number));
    }

    fn save_new(&mut self, on: usize) {
        let path = self.any_path(on);
        let content = self.contents.fresh(&mut self.dice);
        let executable = self.dice.chance(10);
        self.put(on, &path, &content, executable);
    }

    fn edit(&mut self, on: usize) {
        let Some(path) = self.any_file(on) else { return self.save_new(on) };
        let Some(file) = self.devices[on].home.file(&path).cloned() else { return };
        let content = match self.dice.chance(30) {
            true => self.contents.appended(&file.content),
            false => self.contents.edited(&file.content, &mut self.dice),
        };
        match self.dice.below(4) {
            0 => self.put_into(on, &path, &content),
            1 => {
                let half = self.contents.edited(&content, &mut self.dice);
                self.put_into(on, &path, &half);
                let wait = self.dice.between(1, 400);
                self.queue.add(self.now + wait, Due::Write(on, UserWrite::Rest(path, file.inode, content)));
            }
            2 => {
                self.put(on, &path, &content, file.executable);
            }
            _ => self.save_by_rename(on, &path, &content, file.executable),
        }
    }

    /// As editors do: a temporary file, then a rename over the old one.
    fn save_by_rename(&mut self, on: usize, path: &RelPath, content: &Rc<Content>, executable: bool) {
        self.fresh_names += 1;
        let Ok(temporary) = path.with_name(&format!(".{}.tmp{}", path.name(), self.fresh_names)) else { return };
        if self.put(on, &temporary, content, executable) {
            let wait = if self.dice.chance(80) { 1 } else { self.dice.between(1, 200) };
            self.queue.add(self.now + wait, Due::Write(on, UserWrite::Rename(temporary, path.clone())));
        }
    }

    /// A user's program goes on.
    pub fn go_on_writing(&mut self, on: usize, write: UserWrite) {
        if !self.devices[on].is_on || !self.devices[on].home.is_here {
            return;
        }
        match write {
            UserWrite::Rest(path, inode, content) => {
                if self.devices[on].home.file(&path).is_some_and(|file| file.inode == inode) {
                    self.put_into(on, &path, &content);
                }
            }
            UserWrite::Rename(from, to) => self.rename_to(on, &from, &to),
        }
        self.drain_hints(on);
    }

    fn delete(&mut self, on: usize) {
        if let Some(path) = self.any_there(on, |node| !matches!(node, Node::Directory)) {
            self.delete_all(on, &path);
        }
    }

    /// Deletes a thing and all below it.
    pub(super) fn delete_all(&mut self, on: usize, path: &RelPath) {
        let disk = &mut self.devices[on].home;
        let mut paths = disk.below(Some(path));
        paths.push(path.clone());
        // Children first, as `rm -r` does.
        paths.sort_by(|a, b| b.cmp(a));
        for path in paths {
            let disk = &mut self.devices[on].home;
            let content = disk.file(&path).map(|file| file.content.id);
            disk.change(self.now, By::User, vec![(path.clone(), None)]);
            match content {
                Some(content) => self.account.deleted(on, &path, content),
                None => self.account.deed(on, &path),
            }
        }
        self.say_user(on, format_args!("deletes {path}"));
    }

    fn rename(&mut self, on: usize) {
        let Some(from) = self.any_there(on, |_| true) else { return };
        let to = self.any_path(on);
        self.rename_to(on, &from, &to);
    }

    /// Renames as `mv -T` does, over a file but not over a directory.
    pub(super) fn rename_to(&mut self, on: usize, from: &RelPath, to: &RelPath) {
        let disk = &mut self.devices[on].home;
        let is_odd = from == to || to.is_inside(from) || from.is_inside(to) || !disk.may_have_parents(to);
        let is_directory = matches!(disk.get(from), Some(Node::Directory));
        let is_blocked = disk.get(to).is_some_and(|node| is_directory || matches!(node, Node::Directory));
        if is_odd || is_blocked || disk.get(from).is_none() {
            return;
        }
        let parents = disk.missing_parents(to);
        let mut acted: Vec<RelPath> = parents.iter().map(|(path, _)| path.clone()).collect();
        if !parents.is_empty() {
            disk.change(self.now, By::User, parents);
        }
        let replaced = disk.file(to).map(|file| file.content.id);
        let below = disk.below(Some(from));
        disk.rename(self.now, By::User, from, to);
        let moved: Vec<_> = disk.below(Some(to)).into_iter().chain([to.clone()]).collect();
        let contents: Vec<_> = moved.iter().filter_map(|path| disk.file(path)).map(|file| file.content.id).collect();
        acted.extend(below.into_iter().chain([from.clone()]).chain(moved));
        acted.iter().for_each(|path| self.account.deed(on, path));
        // Also if both are the same: whoever moves a copy over its twin gives one of them up.
        if let Some(replaced) = replaced {
            self.account.replaced(on, replaced);
        }
        contents.into_iter().for_each(|content| self.account.moved(on, content));
        self.say_user(on, format_args!("renames {from} to {to}"));
    }

    fn make_directory(&mut self, on: usize) {
        let path = self.any_path(on);
        self.make_directory_at(on, &path);
    }

    /// Makes a directory with those above it, if nothing is in the way.
    pub(super) fn make_directory_at(&mut self, on: usize, path: &RelPath) {
        let disk = &mut self.devices[on].home;
        if disk.get(path).is_none() && disk.may_have_parents(path) {
            let mut edits = disk.missing_parents(path);
            edits.push((path.clone(), Some(Node::Directory)));
            let made: Vec<RelPath> = edits.iter().map(|(path, _)| path.clone()).collect();
            disk.change(self.now, By::User, edits);
            made.iter().for_each(|path| self.account.deed(on, path));
            self.say_user(on, format_args!("makes directory {path}"));
        }
    }

    fn delete_directory(&mut self, on: usize) {
        if let Some(path) = self.any_there(on, |node| matches!(node, Node::Directory)) {
            self.delete_all(on, &path);
        }
    }

    fn change_mode(&mut self, on: usize) {
        if let Some(path) = self.any_file(on) {
            self.change_mode_of(on, &path);
        }
    }

    /// Makes a file a program, or no program any more.
    pub(super) fn change_mode_of(&mut self, on: usize, path: &RelPath) {
        let disk = &mut self.devices[on].home;
        let Some(mut file) = disk.file(path).cloned() else { return };
        file.executable = !file.executable;
        file.changed_ns = disk.next_changed();
        let content = file.content.id;
        disk.change(self.now, By::User, vec![(path.clone(), Some(Node::File(file)))]);
        self.account.deed(on, path);
        self.account.moved(on, content);
        self.say_user(on, format_args!("changes the mode of {path}"));
    }

    fn touch(&mut self, on: usize) {
        let Some(path) = self.any_file(on) else { return };
        let modified = self.devices[on].modified_ns(self.now);
        let disk = &mut self.devices[on].home;
        let Some(mut file) = disk.file(&path).cloned() else { return };
        (file.modified_ns, file.changed_ns) = (modified, disk.next_changed());
        disk.change(self.now, By::User, vec![(path.clone(), Some(Node::File(file)))]);
        self.say_user(on, format_args!("touches {path}"));
    }

    fn make_link(&mut self, on: usize) {
        let path = self.any_path(on);
        let target: Rc<str> = (*self.dice.pick(&["a", "b", "d/a"])).into();
        let disk = &mut self.devices[on].home;
        if !disk.may_have_parents(&path) || matches!(disk.get(&path), Some(Node::Directory | Node::File(_))) {
            return;
        }
        let mut edits = disk.missing_parents(&path);
        edits.push((path.clone(), Some(Node::Link(target))));
        let made: Vec<RelPath> = edits.iter().map(|(path, _)| path.clone()).collect();
        disk.change(self.now, By::User, edits);
        made.iter().for_each(|path| self.account.deed(on, path));
        self.say_user(on, format_args!("links {path}"));
    }

    fn copy(&mut self, on: usize) {
        let Some(from) = self.any_file(on) else { return };
        let Some(file) = self.devices[on].home.file(&from).cloned() else { return };
        let to = self.any_path(on);
        self.account.moved(on, file.content.id);
        self.put(on, &to, &file.content, file.executable);
    }

    fn swap_names(&mut self, on: usize) {
        let (Some(a), Some(b)) = (self.any_file(on), self.any_file(on)) else { return };
        self.fresh_names += 1;
        let Ok(between) = RelPath::parse(&format!("swap{}", self.fresh_names)) else { return };
        if a != b {
            self.rename_to(on, &a, &between);
            self.rename_to(on, &b, &a);
            self.rename_to(on, &between, &b);
        }
    }

    /// A file becomes a directory with something in it, or a directory becomes a file.
    fn turn_into_other_kind(&mut self, on: usize) {
        let Some(path) = self.any_there(on, |_| true) else { return };
        let is_directory = matches!(self.devices[on].home.get(&path), Some(Node::Directory));
        self.delete_all(on, &path);
        let content = self.contents.fresh(&mut self.dice);
        let target = if is_directory { Ok(path) } else { path.join("inner") };
        if let Ok(target) = target {
            self.put(on, &target, &content, false);
        }
    }

    fn say_user(&mut self, on: usize, what: std::fmt::Arguments<'_>) {
        self.deeds += 1;
        self.last_deed = self.now;
        self.trace.say(self.now, &format!("D{on} **"), format_args!("user {what}"));
    }
}
