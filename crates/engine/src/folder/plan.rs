//! Comparing the heads of a path with what stands on this disk, and the change that follows.
//!
//! Plans are never stored: a path is reconsidered whenever something about it changed, from what is known then.

use super::planning::{ROUNDS_MAX, moved_source};
use crate::entry::Kind;
use crate::folder::Folder;
use crate::id::{ContentId, VersionId};
use crate::observe::{Act, Change, Code, Expected, Source};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::swarm::Near;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::version::Head;

impl Folder {
    /// Plans every path about which something changed.
    pub(super) fn plan_due(&mut self, turn: &mut Turn<'_>) {
        // Before the first walk the disk is only remembered, not seen.
        if !self.looking.is_walked && !planted!(PlansOnMemory) {
            return;
        }
        let now = turn.now;
        let due: Vec<RelPath> =
            self.planning.retry.iter().filter(|(_, (_, due))| *due <= now).map(|(path, _)| path.clone()).collect();
        for path in due {
            // The count stays, so that the next pause is longer.
            if let Some(entry) = self.planning.retry.get_mut(&path) {
                entry.1 = Timestamp(u64::MAX);
            }
            self.planning.queue.insert(path);
        }
        if std::mem::take(&mut self.planning.is_all) {
            let all: Vec<RelPath> = self.index.iter().map(|(path, _)| path.clone()).collect();
            self.planning.queue.extend(all);
            // Also what no entry speaks of any more and nothing stands for.
            let planned = self.planning.ready.keys().chain(self.planning.wants.keys());
            let planned: Vec<RelPath> = planned.chain(self.planning.lacking.keys()).cloned().collect();
            self.planning.queue.extend(planned);
        }
        // Planning one path may let another go on, such as one that waits for the same content.
        for _ in 0..ROUNDS_MAX {
            let queue = std::mem::take(&mut self.planning.queue);
            if queue.is_empty() {
                break;
            }
            // What goes is planned after what comes: by then it is known what only moves.
            let comes = |path: &RelPath| self.index.reconciled(path).winner.is_some_and(|head| head.kind.is_live());
            let (coming, going): (Vec<RelPath>, Vec<RelPath>) = queue.into_iter().partition(comes);
            coming.iter().chain(&going).for_each(|path| self.plan(path, turn));
        }
    }

    /// Plans one path.
    fn plan(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        self.planning.take_ready(path);
        self.hold.forget(path);
        let is_unsure = self.is_unsure(path);
        let Some(state) = self.index.get(path) else {
            return self.rest(path, turn);
        };
        if state.is_busy {
            return;
        }
        self.note_open(path, turn.now);
        if is_unsure && !planted!(PlansOverNews) {
            // Reconsidered when what stands there is known and recorded.
            return;
        }
        if let Some(content) = self.index.disk(path).and_then(|disk| disk.kind.content())
            && !self.planning.waiting_for(content).is_empty()
        {
            // It could not be copied from here while it was not sure what stands here.
            self.content_complete(content);
        }
        if self.is_unshared(path) && !self.is_same_now(path) {
            if !self.is_removal_overtaken(path) {
                self.index.set_problem(path, Some(Code::ReadOnlyRole));
                return self.rest(path, turn);
            }
            self.index.set_problem(path, None);
        }
        let reconciled = self.index.reconciled(path);
        let gives_way = reconciled.gives_way;
        match reconciled.winner.cloned() {
            // A file that a directory displaces stays until its copy is settled.
            Some(head) if gives_way && head.kind != Kind::Directory => self.rest(path, turn),
            Some(head) => self.plan_head(path, &head, turn),
            None => self.plan_headless(path, turn),
        }
    }

    fn is_same_now(&self, path: &RelPath) -> bool {
        let winner = self.index.reconciled(path).winner.map(|head| &head.kind);
        self.index.disk(path).zip(winner).is_some_and(|(disk, kind)| disk.kind.is_same(kind))
    }

    /// Whether a path was changed here without a right to: it stays as it is on this disk, and nobody hears of it.
    fn is_unshared(&self, path: &RelPath) -> bool {
        if planted!(ReadersOwnForgotten) {
            return false;
        }
        let Some(state) = self.index.get(path) else { return false };
        let is_ours = |disk: &Materialised| {
            disk.versions.is_empty() && matches!(disk.kind, Kind::File { .. } | Kind::Link { .. })
        };
        state.problem == Some(Code::ReadOnlyRole) || !self.may_write() && state.disk.as_ref().is_some_and(is_ours)
    }

    /// Whether what was removed here without a right to is not what the others have by now: the edit wins.
    fn is_removal_overtaken(&self, path: &RelPath) -> bool {
        let Some(removed) = self.index.disk(path).filter(|disk| disk.kind == Kind::Deleted) else { return false };
        let winner = self.index.reconciled(path).winner;
        winner.is_some_and(|head| head.kind.is_live() && !removed.versions.contains(&head.id))
    }

    /// Nothing to do at a path.
    fn rest(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        self.planning.set_lacking(path, None);
        // What cannot be read, or is left alone where it stands, stays listed until it is looked at again.
        let is_over = |code| code != Code::ReadOnlyRole && (is_of_working(code) || !self.looking.unread.contains(path));
        if self.index.get(path).and_then(|state| state.problem).is_some_and(is_over) {
            self.index.set_problem(path, None);
        }
        self.unwant(path, None, turn);
    }

    /// No entry speaks of the path any more: what was recorded here moved to a conflict copy.
    fn plan_headless(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        self.rest(path, turn);
        let Some(disk) = self.index.disk(path).cloned() else { return };
        match disk.kind {
            Kind::File { .. } | Kind::Link { .. } if !disk.versions.is_empty() => {
                self.make_ready(path, disk.expected(), Act::Remove, turn);
            }
            // A directory that was seen new has an entry; this one was made for what stood in it.
            Kind::Directory if !self.index.has_standing_below(path) => {
                self.make_ready(path, Expected::Directory, Act::Remove, turn);
            }
            Kind::File { .. } | Kind::Link { .. } | Kind::Directory | Kind::Deleted => {}
        }
    }

    fn plan_head(&mut self, path: &RelPath, head: &Head, turn: &mut Turn<'_>) {
        let disk = self.index.disk(path).cloned();
        let versions = self.closing(path, &head.kind);
        if let Some(disk) = disk.as_ref().filter(|disk| disk.kind.is_same(&head.kind)) {
            if disk.versions != versions {
                self.note_disk(path, Some(Materialised { versions, ..disk.clone() }));
            }
            self.planning.succeeded(path);
            // Nothing has to be done there, but what stands there may not be what is remembered.
            if !self.looking.unread.contains(path) {
                self.index.set_problem(path, None);
            }
            return self.rest(path, turn);
        }
        let stands = disk.as_ref().filter(|disk| disk.kind.is_live());
        if stands.is_none() && !head.kind.is_live() {
            self.note_disk(path, Some(Materialised { versions, kind: Kind::Deleted, print: None }));
            return self.rest(path, turn);
        }
        if !head.kind.is_live()
            && self.index.has_standing_below(path)
            && !planted!(FullDirectoriesRemoved)
            && stands.is_some_and(|disk| disk.kind == Kind::Directory)
        {
            // The directory stays while something stands in it. What is only wanted there brings it back when it comes,
            // so that disks with the same files have the same directories, even if nobody has the bytes any more.
            return self.rest(path, turn);
        }
        if stands.is_none() && head.kind == Kind::Directory && self.index.has_standing_below(path) {
            // It stands, or what is remembered below it does not.
            self.looking.hint(path.clone(), true, turn.now);
            return self.rest(path, turn);
        }
        if self.planning.is_put_off(path, turn.now) {
            return self.await_content(path, head, turn);
        }
        let expected = stands.map_or(Expected::Absent, Materialised::expected);
        match (&head.kind, &expected) {
            (_, Expected::Absent) if self.is_blocked(path) => {
                self.rest(path, turn);
                self.planning.set_lacking(path, size_of(&head.kind));
            }
            (Kind::File { .. }, Expected::Absent | Expected::File { .. }) => self.plan_file(path, head, expected, turn),
            (Kind::Directory, Expected::Absent) => self.make_ready(path, expected, Act::MakeDirectory, turn),
            (Kind::Link { target }, Expected::Absent) => {
                self.make_ready(path, expected, Act::MakeLink { target: target.clone() }, turn)
            }
            // Another kind of thing stands there: first that goes.
            (_, Expected::Directory) if self.index.has_standing_below(path) => {
                self.rest(path, turn);
                self.planning.set_lacking(path, size_of(&head.kind))
            }
            (_, Expected::File { .. } | Expected::Link { .. } | Expected::Directory) => {
                self.planning.set_lacking(path, size_of(&head.kind));
                self.make_ready(path, expected, Act::Remove, turn);
            }
            (Kind::Deleted, Expected::Absent) => self.rest(path, turn),
        }
    }

    /// The heads that stand for what `kind` puts on the disk: equal ones, and those that lose without a copy.
    pub(super) fn closing(&self, path: &RelPath, kind: &Kind) -> Vec<VersionId> {
        let heads = self.index.heads(path);
        let is_closed = |head: &&Head| head.kind.is_same(kind) || matches!(head.kind, Kind::Deleted | Kind::Directory);
        heads.iter().filter(is_closed).map(|head| head.id).collect()
    }

    /// Whether a file or link stands where a directory above this path must be.
    pub(super) fn is_blocked(&self, path: &RelPath) -> bool {
        path.ancestors().any(|dir| {
            matches!(
                self.index.get(&dir).and_then(|state| state.standing()),
                Some(Kind::File { .. } | Kind::Link { .. })
            )
        })
    }

    /// Still lacking, but not tried just now.
    fn await_content(&mut self, path: &RelPath, head: &Head, turn: &mut Turn<'_>) {
        self.planning.set_lacking(path, size_of(&head.kind));
        if !head.kind.is_live() {
            self.unwant(path, None, turn);
        }
    }

    /// A file is to stand there: takes its bytes from the nearest place.
    fn plan_file(&mut self, path: &RelPath, head: &Head, expected: Expected, turn: &mut Turn<'_>) {
        let Kind::File { content, size, executable, modified } = head.kind else { return };
        self.planning.set_lacking(path, Some(size));
        if let Expected::File { content: standing, .. } = expected
            && standing == content
        {
            self.unwant(path, None, turn);
            return self.make_ready(path, expected, Act::Touch { executable, modified }, turn);
        }
        let source = match self.local_source(path, content, &expected) {
            Some(source) => Some(source),
            None if self.planning.kept.contains(&content) => Some(Source::Kept),
            None if size == 0 || self.swarm.is_complete(content) => Some(Source::Stage),
            None => None,
        };
        match source {
            Some(source) => {
                if source != Source::Stage {
                    self.unwant(path, None, turn);
                }
                self.make_ready(path, expected, Act::Publish { content, size, executable, modified, source }, turn);
            }
            None => {
                let near = self.near(path);
                self.unwant(path, Some(content), turn);
                self.swarm.want(content, size, near);
            }
        }
    }

    /// Another file on this disk that holds the content already.
    fn local_source(&self, path: &RelPath, content: ContentId, expected: &Expected) -> Option<Source> {
        let is_usable = |place: &RelPath| {
            place != path
                && !self.index.get(place).is_none_or(|state| state.is_busy)
                && !self.looking.has(place)
                && !self.recording.has(place)
        };
        let mut copy = None;
        for (place, disk) in self.index.places_of(content).filter(|(place, _)| is_usable(place)).take(8) {
            let Some(print) = disk.print else { continue };
            let is_leaving = !self.index.reconciled(place).winner.is_some_and(|head| head.kind.is_live());
            if is_leaving
                && !disk.versions.is_empty()
                && *expected == Expected::Absent
                && !self.planning.moving.contains(place)
            {
                return Some(Source::Move { from: place.clone(), print });
            }
            copy.get_or_insert(Source::Copy { from: place.clone(), print });
        }
        copy
    }

    /// Files on this disk that probably share chunks with what is wanted at a path.
    fn near(&self, path: &RelPath) -> Vec<Near> {
        let disk = self.index.disk(path);
        disk.and_then(|disk| Some((path.clone(), disk.print?, disk.kind.content()?))).into_iter().collect()
    }

    /// Changes which content a path waits for.
    pub(super) fn unwant(&mut self, path: &RelPath, content: Option<ContentId>, turn: &mut Turn<'_>) {
        if let Some(unwanted) = self.planning.want(path, content) {
            self.swarm.forget(crate::id::Scope::Folder(self.id), unwanted, turn);
        }
    }

    /// All of a content is staged: the paths that wait for it can go on.
    pub(crate) fn content_complete(&mut self, content: ContentId) {
        for path in self.planning.waiting_for(content) {
            self.planning.reconsider(path);
        }
    }

    /// This disk refused to stage contents: listed at every path that waits for one.
    pub(crate) fn content_refused(&mut self, contents: &[ContentId], code: Code) {
        for path in contents.iter().flat_map(|content| self.planning.waiting_for(*content)) {
            if self.index.get(&path).and_then(|state| state.problem) != Some(Code::ReadOnlyRole) {
                self.index.set_problem(&path, Some(code));
            }
        }
    }

    /// A change can be made, unless it takes too much away without a yes.
    fn make_ready(&mut self, path: &RelPath, expected: Expected, act: Act, turn: &mut Turn<'_>) {
        if self.planning.is_put_off(path, turn.now) {
            return;
        }
        let change = Change { path: path.clone(), expected, act };
        if self.is_held(&change, turn) {
            return;
        }
        if let Some(from) = moved_source(&change) {
            self.planning.moving.insert(from.clone());
        }
        self.planning.ready.insert(path.clone(), change);
    }
}

/// Whether a problem is one of doing something that ends when nothing is left to do. What cannot be read is looked at
/// again by itself, and nothing is planned until then.
fn is_of_working(code: Code) -> bool {
    match code {
        Code::DirectoryInUse | Code::DiskError | Code::DiskFull | Code::Busy | Code::NoSource => true,
        Code::NotAllowed
        | Code::SpecialFile
        | Code::ForeignMount
        | Code::NameNotText
        | Code::NameImpossible
        | Code::NameClash
        | Code::LinkLeaves
        | Code::OurName
        | Code::TooLarge
        | Code::ReadOnlyRole => false,
    }
}

fn size_of(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::File { size, .. } => Some(*size),
        Kind::Link { .. } | Kind::Directory => Some(0),
        Kind::Deleted => None,
    }
}
