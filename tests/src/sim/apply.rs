//! Makes one change on a virtual disk as the publish protocol of `cases/catalogue.md` does: look, stage, swap, look
//! at what came out. Each call is one atomic step; crashes fall between calls.

use std::rc::Rc;

use shoal_engine::chunk::ZEROS;
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Act, Change, Code, Expected, Fingerprint, Outcome, Source};
use shoal_engine::path::RelPath;
use shoal_engine::planted::{self, Bug};
use shoal_engine::time::Timestamp;

use super::content::{Content, Contents};
use super::disk::{By, Disk, FileNode, Node};

/// What is known when a change is made.
pub struct Moment<'a> {
    /// World time in milliseconds.
    pub now: u64,
    /// Every content there is.
    pub contents: &'a Contents,
    /// What the first look found, a moment ago.
    pub begun: Begun,
}

/// What was found when a change was begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// What was expected stood there.
    pub stood: bool,
    /// The bytes were where they should be, and were set aside; a file that moves is not.
    pub has_bytes: bool,
}

/// The first look at a change: sets its bytes aside.
pub fn begin(disk: &Disk, change: &Change, contents: &Contents) -> Begun {
    let has_bytes = match &change.act {
        Act::Publish { content, source, .. } => contents.get(*content).is_some_and(|content| match source {
            Source::Stage => is_staged(disk, content),
            Source::Copy { from, print } | Source::Move { from, print } => is_that(disk, from, print, content.id),
            Source::Kept => disk.kept.contains_key(&content.id),
        }),
        Act::Touch { .. } | Act::MakeDirectory | Act::MakeLink { .. } | Act::Remove => true,
    };
    Begun { stood: stands(disk, change), has_bytes }
}

fn is_that(disk: &Disk, from: &RelPath, print: &Fingerprint, content: ContentId) -> bool {
    disk.file(from).is_some_and(|file| file.print() == *print && file.content.id == content)
}

/// Whether what a change expects stands at its path.
pub fn stands(disk: &Disk, change: &Change) -> bool {
    if planted::is(Bug::ReplacesUnchecked) {
        return true;
    }
    match (&change.expected, disk.get(&change.path)) {
        (Expected::Absent, None) => disk.may_have_parents(&change.path),
        (Expected::File { print, content: _ }, Some(Node::File(file))) => file.print() == *print,
        (Expected::Directory, Some(Node::Directory)) => true,
        (Expected::Link { target }, Some(Node::Link(text))) => **text == **target,
        (Expected::Absent | Expected::File { .. } | Expected::Directory | Expected::Link { .. }, _) => false,
    }
}

/// Makes a change, or says why not.
pub fn make(disk: &mut Disk, change: &Change, moment: &Moment<'_>) -> Outcome {
    let path = &change.path;
    if disk.spelled(path) != *path {
        return Outcome::Refused(Code::NameClash);
    }
    match &change.act {
        Act::Publish { content, size: _, executable, modified, source } => {
            publish(disk, change, moment, *content, (*executable, *modified), source)
        }
        Act::Touch { executable, modified } => match disk.file(path) {
            Some(file) if stands(disk, change) => {
                let file = file.clone();
                touch(disk, path, file, moment.now, *executable, *modified)
            }
            Some(_) | None => Outcome::Unexpected,
        },
        // One that an earlier change made for a file in it will do.
        Act::MakeDirectory if matches!(disk.get(path), Some(Node::Directory)) => Outcome::Done { print: None },
        Act::MakeDirectory if !stands(disk, change) => Outcome::Unexpected,
        Act::MakeDirectory => {
            let mut edits = disk.missing_parents(path);
            keep(disk, path);
            edits.push((path.clone(), Some(Node::Directory)));
            disk.change(moment.now, By::Shoal, edits);
            Outcome::Done { print: None }
        }
        Act::MakeLink { target } => replace(disk, change, moment, Node::Link(target.as_str().into()), None),
        Act::Remove => remove(disk, change, moment.now),
    }
}

/// Whether a content is wholly in the stage.
pub fn is_staged(disk: &Disk, content: &Content) -> bool {
    let staged = disk.stage.get(&content.id);
    content
        .manifest
        .chunks
        .iter()
        .enumerate()
        .all(|(at, chunk)| chunk.hash == ZEROS || staged.is_some_and(|flags| flags.get(at) == Some(&true)))
}

fn publish(
    disk: &mut Disk,
    change: &Change,
    moment: &Moment<'_>,
    content: ContentId,
    (executable, modified): (bool, Timestamp),
    source: &Source,
) -> Outcome {
    let Some(content) = moment.contents.get(content).cloned() else { return Outcome::SourceGone };
    let moved_from = match source {
        Source::Move { from, print }
            if change.expected == Expected::Absent && is_that(disk, from, print, content.id) =>
        {
            Some(from.clone())
        }
        Source::Move { .. } => return Outcome::SourceGone,
        Source::Stage | Source::Copy { .. } | Source::Kept if moment.begun.has_bytes => None,
        Source::Stage | Source::Copy { .. } | Source::Kept => return Outcome::SourceGone,
    };
    let modified_ns = i64::try_from(modified.0).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
    let mut node = disk.new_file(&content, executable, modified_ns);
    if let (Some(old), Node::File(file)) = (moved_from.as_ref().and_then(|from| disk.file(from)), &mut node) {
        file.inode = old.inode;
    }
    let outcome = replace(disk, change, moment, node, moved_from);
    if matches!((&outcome, source), (Outcome::Done { .. } | Outcome::Displaced { .. }, Source::Stage)) {
        disk.stage.remove(&content.id);
    }
    outcome
}

/// Swaps a node in. What came out unexpectedly gets a name of its own, as after an exchange.
fn replace(disk: &mut Disk, change: &Change, moment: &Moment<'_>, node: Node, moved_from: Option<RelPath>) -> Outcome {
    let path = &change.path;
    let mut edits = Vec::new();
    let mut copy = None;
    if !stands(disk, change) {
        // The first look found what was expected, and the swap something else: only then is it exchanged.
        let is_swapped = moment.begun.stood && matches!(disk.get(path), Some(Node::File(_) | Node::Link(_)));
        if !is_swapped || change.expected == Expected::Absent {
            return Outcome::Unexpected;
        }
        let name = free_copy_name(disk, path);
        edits.push((name.clone(), disk.get(path).cloned()));
        copy = Some(name);
    } else if change.expected == Expected::Directory && !disk.below(Some(path)).is_empty() {
        return Outcome::Refused(Code::DirectoryInUse);
    } else {
        keep(disk, path);
    }
    edits.extend(disk.missing_parents(path));
    if let Some(from) = moved_from {
        edits.push((from, None));
    }
    let print = match &node {
        Node::File(file) => Some(file.print()),
        Node::Directory | Node::Link(_) => None,
    };
    edits.push((path.clone(), Some(node)));
    disk.change(moment.now, By::Shoal, edits);
    match copy {
        Some(copy) => Outcome::Displaced { print, copy },
        None => Outcome::Done { print },
    }
}

fn remove(disk: &mut Disk, change: &Change, now: u64) -> Outcome {
    if !stands(disk, change) {
        return Outcome::Unexpected;
    }
    if change.expected == Expected::Directory && !disk.below(Some(&change.path)).is_empty() {
        return Outcome::Refused(Code::DirectoryInUse);
    }
    keep(disk, &change.path);
    if change.expected != Expected::Absent {
        disk.change(now, By::Shoal, vec![(change.path.clone(), None)]);
    }
    Outcome::Done { print: None }
}

fn touch(
    disk: &mut Disk,
    path: &RelPath,
    mut file: FileNode,
    now: u64,
    executable: bool,
    modified: Timestamp,
) -> Outcome {
    file.executable = executable;
    file.modified_ns = i64::try_from(modified.0).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
    file.changed_ns = disk.next_changed();
    let print = Some(file.print());
    disk.change(now, By::Shoal, vec![(path.clone(), Some(Node::File(file)))]);
    Outcome::Done { print }
}

/// Puts the file at a path into the versions.
fn keep(disk: &mut Disk, path: &RelPath) {
    if let Some(content) = disk.file(path).map(|file| Rc::clone(&file.content)) {
        disk.kept.insert(content.id, content);
    }
}

fn free_copy_name(disk: &Disk, path: &RelPath) -> RelPath {
    let names = (1..).map(|number| path.with_name(&format!("{} (found here {number})", path.name())));
    names.flatten().find(|name| disk.get(name).is_none()).unwrap_or_else(|| path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("plain")
    }

    struct Scene {
        disk: Disk,
        contents: Contents,
        old: Rc<Content>,
        new: Rc<Content>,
    }

    /// A disk with `old` at `a` and `new` in the stage.
    fn scene() -> Scene {
        let mut contents = Contents::default();
        let (old, new) = (contents.of(vec![1]), contents.of(vec![2, 3, 4]));
        let mut disk = Disk::new([0; 16]);
        let node = disk.new_file(&old, false, 0);
        disk.change(0, By::User, vec![(path("a"), Some(node))]);
        disk.stage.insert(new.id, vec![true; 3]);
        Scene { disk, contents, old, new }
    }

    fn publish_over_a(scene: &Scene) -> Change {
        let print = scene.disk.file(&path("a")).expect("there").print();
        let expected = Expected::File { print, content: scene.old.id };
        let (content, size) = (scene.new.id, scene.new.size);
        let act = Act::Publish { content, size, executable: false, modified: Timestamp(5), source: Source::Stage };
        Change { path: path("a"), expected, act }
    }

    fn user_writes(scene: &mut Scene, at: &str, cells: Vec<u32>) -> Rc<Content> {
        let content = scene.contents.of(cells);
        let node = scene.disk.new_file(&content, false, 0);
        scene.disk.change(1, By::User, vec![(path(at), Some(node))]);
        content
    }

    fn make_it(scene: &mut Scene, change: &Change, begun: Begun) -> Outcome {
        make(&mut scene.disk, change, &Moment { now: 2, contents: &scene.contents, begun })
    }

    #[test]
    fn what_is_replaced_goes_to_the_versions() {
        let mut scene = scene();
        let change = publish_over_a(&scene);
        let begun = begin(&scene.disk, &change, &scene.contents);
        assert!(matches!(make_it(&mut scene, &change, begun), Outcome::Done { print: Some(_) }));
        assert!(scene.disk.kept.contains_key(&scene.old.id));
        assert!(scene.disk.file(&path("a")).is_some_and(|file| file.content.id == scene.new.id));
        assert!(scene.disk.stage.is_empty());
    }

    #[test]
    fn a_file_saved_before_the_first_look_is_left_alone() {
        let mut scene = scene();
        let change = publish_over_a(&scene);
        let saved = user_writes(&mut scene, "a", vec![9]);
        let begun = begin(&scene.disk, &change, &scene.contents);
        assert_eq!(make_it(&mut scene, &change, begun), Outcome::Unexpected);
        assert!(scene.disk.file(&path("a")).is_some_and(|file| file.content.id == saved.id));
    }

    #[test]
    fn a_file_saved_between_look_and_swap_stands_beside() {
        let mut scene = scene();
        let change = publish_over_a(&scene);
        let begun = begin(&scene.disk, &change, &scene.contents);
        let saved = user_writes(&mut scene, "a", vec![9]);
        let Outcome::Displaced { copy, .. } = make_it(&mut scene, &change, begun) else { panic!("not displaced") };
        assert!(scene.disk.file(&copy).is_some_and(|file| file.content.id == saved.id));
    }

    #[test]
    fn a_partly_staged_content_is_not_published() {
        let mut scene = scene();
        scene.disk.stage.insert(scene.new.id, vec![true, false, true]);
        let change = publish_over_a(&scene);
        let begun = begin(&scene.disk, &change, &scene.contents);
        assert_eq!(make_it(&mut scene, &change, begun), Outcome::SourceGone);
    }

    #[test]
    fn a_directory_with_something_in_it_is_not_removed() {
        let mut scene = scene();
        scene.disk.change(0, By::User, vec![(path("d"), Some(Node::Directory))]);
        user_writes(&mut scene, "d/x", vec![7]);
        let change = Change { path: path("d"), expected: Expected::Directory, act: Act::Remove };
        let begun = begin(&scene.disk, &change, &scene.contents);
        assert_eq!(make_it(&mut scene, &change, begun), Outcome::Refused(Code::DirectoryInUse));
    }
}
