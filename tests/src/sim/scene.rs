//! Scenes: what few people do to one small tree while they hear nothing of each other. Everything else goes well, so that
//! what comes out is decided by reconciling and planning alone, and often known beforehand.

use std::collections::BTreeMap;

use shoal_engine::path::RelPath;
use shoal_engine::request::Request;

use super::queue::Due;
use super::world::World;

/// The paths of every scene: two plain names, a name that may be a directory, and a name in it.
pub const PATHS: [&str; 4] = ["a", "b", "d", "d/a"];
/// How long people hear nothing of each other: longer than anything waits to be recorded.
const APART_MS: u64 = 1_500;

/// What one person does. What cannot be done, as things stand, is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Writes new bytes.
    Write(&'static str),
    /// Writes bytes that are always the same, so that they may stand at several paths.
    WriteSame(&'static str),
    /// Deletes what is there, with all below it.
    Delete(&'static str),
    /// Renames, over a file but not over a directory.
    Move(&'static str, &'static str),
    /// Makes a directory.
    MakeDirectory(&'static str),
    /// Makes a file a program, or no program any more.
    Mode(&'static str),
}

/// A small tree, and who does what to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// How many people there are.
    pub people: usize,
    /// What the first one does before, in order; all have it then.
    pub before: Vec<Deed>,
    /// What is done while nobody hears of anybody.
    pub apart: Vec<(usize, Deed)>,
    /// Nobody hears because folders are paused, and then looked at as a whole; otherwise because links are down.
    pub is_paused: bool,
}

/// What stands at a path of a [`Model`]: as the worlds show it.
type Model = BTreeMap<String, String>;

impl Deed {
    /// Every deed there is.
    pub fn all() -> Vec<Deed> {
        let one = PATHS.into_iter().flat_map(|path| [Deed::Write(path), Deed::Delete(path), Deed::WriteSame(path)]);
        let two = PATHS.into_iter().flat_map(|from| PATHS.into_iter().map(move |to| Deed::Move(from, to)));
        let two = two.filter(|deed| !matches!(deed, Deed::Move(from, to) if is_near(from, to)));
        let others = [Deed::MakeDirectory("d"), Deed::MakeDirectory("b"), Deed::Mode("a"), Deed::Mode("d/a")];
        one.chain(two).chain(others).collect()
    }

    fn paths(self) -> Vec<&'static str> {
        match self {
            Deed::Write(path)
            | Deed::WriteSame(path)
            | Deed::Delete(path)
            | Deed::MakeDirectory(path)
            | Deed::Mode(path) => vec![path],
            Deed::Move(from, to) => vec![from, to],
        }
    }
}

/// Whether two paths are the same, or one is inside the other.
fn is_near(a: &str, b: &str) -> bool {
    let is_in = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    a == b || is_in(a, b) || is_in(b, a)
}

impl Scene {
    /// What everybody must have at the end, if no two people touched the same things: all that was done, and no conflict.
    pub fn expected(&self) -> Option<Model> {
        let is_apart = |(one, deed): &(usize, Deed), (two, other): &(usize, Deed)| {
            one == two || !deed.paths().iter().any(|a| other.paths().iter().any(|b| is_near(a, b)))
        };
        let all = self.before.iter().chain(self.apart.iter().map(|(_, deed)| deed));
        if all.clone().any(|deed| matches!(deed, Deed::WriteSame(_))) {
            return None;
        }
        if !self.apart.iter().all(|a| self.apart.iter().all(|b| is_apart(a, b))) {
            return None;
        }
        let mut model = Model::new();
        let deeds = self.before.iter().copied().chain(self.apart.iter().map(|(_, deed)| *deed));
        let mut writes = 0;
        for deed in deeds {
            act_on_model(&mut model, deed, writes);
            writes += usize::from(matches!(deed, Deed::Write(_)));
        }
        Some(model)
    }
}

fn act_on_model(model: &mut Model, deed: Deed, number: usize) {
    let is_directory = |model: &Model, path: &str| model.get(path).is_some_and(|what| what == "dir");
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    let may_have_parent = |model: &Model, path: &str| {
        parent(path).is_none_or(|dir| !model.contains_key(&dir) || is_directory(model, &dir))
    };
    let make_parent = |model: &mut Model, path: &str| parent(path).map(|dir| model.insert(dir, "dir".to_owned()));
    match deed {
        Deed::Write(path) if may_have_parent(model, path) && !is_directory(model, path) => {
            make_parent(model, path);
            model.insert(path.to_owned(), format!("c{number}"));
        }
        Deed::Delete(path) => {
            model.retain(|other, _| other != path && !(is_near(other, path) && other.len() > path.len()))
        }
        Deed::MakeDirectory(path) if may_have_parent(model, path) && !model.contains_key(path) => {
            make_parent(model, path);
            model.insert(path.to_owned(), "dir".to_owned());
        }
        Deed::Mode(path) => {
            if let Some(what) = model.get_mut(path).filter(|what| *what != "dir") {
                *what = what.strip_suffix('x').map_or_else(|| format!("{what}x"), str::to_owned);
            }
        }
        Deed::Move(from, to) if model.contains_key(from) && may_have_parent(model, to) => {
            let is_blocked = model.contains_key(to) && (is_directory(model, from) || is_directory(model, to));
            if !is_blocked {
                make_parent(model, to);
                let inside = format!("{from}/");
                let moved: Vec<String> =
                    model.keys().filter(|path| *path == from || path.starts_with(&inside)).cloned().collect();
                for path in moved {
                    let what = model.remove(&path).unwrap_or_default();
                    model.insert(format!("{to}{}", &path[from.len()..]), what);
                }
            }
        }
        Deed::Write(_) | Deed::WriteSame(_) | Deed::MakeDirectory(_) | Deed::Move(..) => {}
    }
}

/// How far a scene is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// What is there before is being made.
    Before,
    /// Everybody is to have it.
    Spreading,
    /// Nobody hears of anybody, and this many deeds were done.
    Apart(usize),
}

impl World {
    /// The next thing in a scene.
    pub fn play(&mut self, scene: &Scene) {
        let wait = match self.scene_act {
            Act::Before => {
                scene.before.iter().for_each(|deed| self.do_deed(0, *deed));
                self.scene_act = Act::Spreading;
                1_000
            }
            Act::Spreading if self.is_spread() => {
                self.part_all(scene.is_paused);
                self.scene_act = Act::Apart(0);
                300
            }
            Act::Spreading => 100,
            Act::Apart(done) => match scene.apart.get(done) {
                Some((on, deed)) => {
                    self.do_deed(*on, *deed);
                    self.scene_act = Act::Apart(done + 1);
                    if done + 1 == scene.apart.len() { APART_MS } else { self.dice.between(0, 120) }
                }
                None => return self.heal(),
            },
        };
        self.queue.add(self.now + wait, Due::Script);
    }

    fn is_spread(&self) -> bool {
        let first = self.shown_tree(0);
        self.last_change + 500 < self.now && (1..self.devices.len()).all(|on| self.shown_tree(on) == first)
    }

    fn part_all(&mut self, is_paused: bool) {
        if is_paused {
            let folder = self.folder;
            for on in 0..self.devices.len() {
                folder.into_iter().for_each(|folder| self.wish(on, Request::Pause(folder, true)));
            }
        } else {
            for pair in 0..self.links.len() {
                self.links[pair].is_reachable = false;
                self.break_link(pair, 50);
            }
        }
    }

    fn do_deed(&mut self, on: usize, deed: Deed) {
        let path = |text: &str| RelPath::parse(text).unwrap_or_else(|_| unreachable!("{text} is plain"));
        match deed {
            Deed::Write(at) => {
                let content = self.contents.fresh(&mut self.dice);
                self.put(on, &path(at), &content, false);
            }
            Deed::WriteSame(at) => {
                let fresh = self.contents.fresh(&mut self.dice);
                let content = self.same_content.get_or_insert(fresh).clone();
                self.put(on, &path(at), &content, false);
            }
            Deed::Delete(at) => {
                if self.devices[on].home.get(&path(at)).is_some() {
                    self.delete_all(on, &path(at));
                }
            }
            Deed::Move(from, to) => self.rename_to(on, &path(from), &path(to)),
            Deed::MakeDirectory(at) => self.make_directory_at(on, &path(at)),
            Deed::Mode(at) => self.change_mode_of(on, &path(at)),
        }
        self.drain_hints(on);
    }

    /// What must have come of a scene in which no two people touched the same things.
    pub fn check_scene(&mut self, scene: &Scene) {
        let Some(expected) = scene.expected() else { return };
        for on in 0..self.devices.len() {
            let found: Model = self.shown_tree(on).into_iter().map(|(path, what)| (path.to_string(), what)).collect();
            if found != expected {
                return self.violate("I3", format!("D{on} has {found:?}, not {expected:?}"));
            }
        }
        if self.conflicts > 0 {
            self.violate("I23", format!("{} conflicts, though nobody touched what another touched", self.conflicts));
        }
    }
}
