//! Noticing what changed on the disk: hints, looks, walks, and which files must be read.

use std::collections::{BTreeMap, BTreeSet};

use super::looking::{HASH_BATCH_MAX, HASHES_MAX, Hint, RELOOK_AFTER, REREAD_AFTER, is_of_reading};
use crate::effect::Effect;
use crate::entry::Kind;
use crate::event::{Noticed, WorkId};
use crate::folder::Folder;
use crate::folder::record::Draft;
use crate::id::Scope;
use crate::index::PathState;
use crate::limits::LOOK_BATCH_MAX;
use crate::observe::{Code, Fingerprint, HashTrouble, Hashed, Listed, Seen, Stop};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::time::Timestamp;
use crate::turn::Turn;

impl Folder {
    /// The watcher noticed something.
    pub(crate) fn noticed(&mut self, paths: Vec<Noticed>, turn: &mut Turn<'_>) {
        if !self.is_running() {
            return;
        }
        if paths.is_empty() {
            self.looking.walk_all(self.id, turn);
        }
        for noticed in paths {
            if self.planning.take_ready(&noticed.path).is_some() {
                // Planned again when it is known what stands there.
                self.planning.reconsider(noticed.path.clone());
            }
            self.looking.hint(noticed.path, noticed.is_settled, turn.now);
        }
    }

    /// Asks the disk about what is due.
    pub(super) fn look_due(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        if self.looking.full_walk_due.is_some_and(|due| due <= now) && self.looking.walks.is_empty() {
            self.looking.walk_by_routine(self.id, turn);
        }
        let is_due = |hint: &Hint| hint.due <= now;
        if self.looking.hints.values().any(is_due) {
            let due: Vec<RelPath> =
                self.looking.hints.iter().filter(|(_, hint)| is_due(hint)).map(|(path, _)| path.clone()).collect();
            for batch in due.chunks(LOOK_BATCH_MAX) {
                let work = turn.work();
                for path in batch {
                    self.looking.hints.remove(path);
                }
                self.looking.note_look(work, batch);
                turn.push(Effect::Look { folder: self.id, work, paths: batch.to_vec() });
            }
        }
        while self.looking.hashes.len() < HASHES_MAX && !self.looking.to_hash.is_empty() {
            let batch: BTreeSet<RelPath> = self.looking.to_hash.iter().take(HASH_BATCH_MAX).cloned().collect();
            self.looking.to_hash.retain(|path| !batch.contains(path));
            let work = turn.work();
            let before = |path: &RelPath| self.index.disk(path).and_then(|disk| disk.kind.content());
            let files = batch.iter().map(|path| (path.clone(), before(path))).collect();
            for older in self.looking.hashes.values_mut() {
                older.retain(|path| !batch.contains(path));
            }
            self.looking.hashes.insert(work, batch);
            turn.push(Effect::Hash { scope: Scope::Folder(self.id), work, files });
        }
    }

    /// What stands at single paths.
    pub(crate) fn looked(
        &mut self,
        work: WorkId,
        seen: Vec<(RelPath, Result<Option<Seen>, Code>)>,
        root: Result<(), Stop>,
        turn: &mut Turn<'_>,
    ) {
        let Some(current) = self.looking.looks.remove(&work) else { return };
        if let Err(stop) = root
            && !planted!(MissingRootIsEmpty)
        {
            return self.stop(stop, turn);
        }
        let confirming = self.recording.take_confirming(work);
        for path in confirming.iter().flat_map(BTreeMap::keys).filter(|path| !current.contains(*path)) {
            // A newer look at it is under way, or was answered already.
            self.recording.gone(path.clone(), turn.now);
        }
        let mut gone = BTreeSet::new();
        for (path, what) in seen.into_iter().filter(|(path, _)| current.contains(path) || planted!(OldLooksBelieved)) {
            self.looking.note_news(&path);
            if !matches!(what, Ok(Some(Seen::File { .. })) | Err(_)) {
                self.looking.forget_reading(&path);
            }
            if !matches!(what, Ok(Some(Seen::Directory)) | Err(_)) {
                self.looking.outdate_below(&path, turn.now);
            }
            let known = confirming.as_ref().and_then(|paths| paths.get(&path));
            if what == Ok(None) && known == Some(&self.index.disk(&path).cloned()) && !self.looking.has(&path) {
                gone.insert(path);
                continue;
            }
            if self.index.get(&path).is_some_and(|state| state.is_busy) {
                self.looking.hint_when_idle(path, turn.now);
                continue;
            }
            match what {
                Ok(Some(Seen::Directory)) => self.saw_directory(path, true, turn),
                Ok(Some(seen)) => self.saw(path, seen, turn),
                Ok(None) => self.saw_nothing(&path, turn.now),
                Err(code) => self.unreadable(path, code, turn.now),
            }
        }
        if !gone.is_empty() {
            self.judge_gone(gone, turn);
        }
    }

    /// One directory's listing during a walk.
    pub(crate) fn listing(
        &mut self,
        work: WorkId,
        dir: Option<RelPath>,
        entries: Result<Vec<Listed>, Code>,
        skipped: Vec<(String, Code)>,
        turn: &mut Turn<'_>,
    ) {
        if !self.looking.walks.contains_key(&work) {
            return;
        }
        self.planning.note_skipped(dir.as_ref(), skipped.clone());
        let entries = match (entries, &dir) {
            (Err(_), _) if planted!(FailedListingsAreEmpty) => {
                let gone = self.index.children_standing(dir.as_ref()).into_iter().collect();
                return self.record_gone(gone, turn);
            }
            (Ok(entries), _) => entries,
            (Err(code), Some(dir)) => return self.unreadable(dir.clone(), code, turn.now),
            (Err(_), None) => return,
        };
        if let Some(dir) = &dir {
            self.looking.unread.remove(dir);
            if self.index.get(dir).is_some_and(|state| state.problem.is_some_and(is_of_reading)) {
                self.index.set_problem(dir, None);
            }
        }
        self.looking.seen += entries.len() as u64;
        self.looking.outdate_children(dir.as_ref(), turn.now);
        let names: BTreeSet<&RelPath> = entries.iter().map(|entry| &entry.path).collect();
        let mut missing = self.index.children_standing(dir.as_ref());
        if !planted!(HeldNotMissed) {
            missing.extend(self.recording.children(dir.as_ref()).cloned());
        }
        missing.retain(|child| !names.contains(child));
        if let Some(walk) = self.looking.walks.get_mut(&work) {
            walk.missing.extend(missing);
        }
        for entry in entries {
            if self.index.get(&entry.path).is_some_and(|state| state.is_busy) {
                self.looking.hint_when_idle(entry.path, turn.now);
                continue;
            }
            if self.looking.news.contains(&entry.path) && !planted!(OldWalksBelieved) {
                // It was looked at or changed since the walk began, which may have seen it before that.
                self.looking.hint(entry.path, true, turn.now);
                continue;
            }
            match entry.seen {
                Seen::Directory => self.saw_directory(entry.path, false, turn),
                seen @ (Seen::File { .. } | Seen::Link { .. } | Seen::Skipped(_)) => self.saw(entry.path, seen, turn),
            }
        }
    }

    /// A walk is over: what was missing is looked at once more before it counts as gone.
    pub(crate) fn walked(&mut self, work: WorkId, root: Result<(), Stop>, turn: &mut Turn<'_>) {
        let Some(walk) = self.looking.walks.remove(&work) else { return };
        if self.looking.walks.is_empty() {
            self.looking.news.clear();
        }
        if let Err(stop) = root
            && !planted!(MissingRootIsEmpty)
        {
            return self.stop(stop, turn);
        }
        for path in walk.missing.into_iter().filter(|_| !planted!(MissingNotLookedAt)) {
            self.looking.hint(path, true, turn.now);
        }
        if walk.is_full && !self.looking.is_walked {
            self.looking.is_walked = true;
            self.planning.reconsider_all();
        }
    }

    /// Files that were read.
    pub(crate) fn hashed(
        &mut self,
        work: WorkId,
        files: Vec<(RelPath, Result<Hashed, HashTrouble>)>,
        turn: &mut Turn<'_>,
    ) {
        let Some(current) = self.looking.hashes.remove(&work) else { return };
        for (path, result) in files.into_iter().filter(|(path, _)| current.contains(path)) {
            match result {
                Ok(hashed) => {
                    self.looking.read.insert(path.clone(), turn.now);
                    self.was_seen(&path);
                    let kind = Kind::File {
                        content: hashed.content,
                        size: hashed.print.size,
                        executable: hashed.executable,
                        modified: hashed.print.modified(),
                    };
                    self.draft(path, Draft::new(kind, Some(hashed.print)));
                }
                Err(HashTrouble::Changed) => self.looking.hint(path, false, turn.now),
                Err(HashTrouble::Gone) => self.looking.hint(path, true, turn.now),
                Err(HashTrouble::Refused(code)) => {
                    self.planning.reconsider(path.clone());
                    self.unreadable(path, code, turn.now);
                }
            }
        }
        let now = turn.now;
        self.looking.read.retain(|_, read| now.since(*read) < REREAD_AFTER);
    }

    /// A path could be read: nothing was in the way but, perhaps, that we may not share what stands there.
    fn was_seen(&mut self, path: &RelPath) {
        self.looking.unread.remove(path);
        if self.index.get(path).and_then(|state| state.problem) != Some(Code::ReadOnlyRole) {
            self.index.set_problem(path, None);
        }
    }

    /// Something cannot be read: listed, and looked at again if that may pass by itself.
    fn unreadable(&mut self, path: RelPath, code: Code, now: Timestamp) {
        self.looking.unread.insert(path.clone());
        self.index.set_problem(&path, Some(code));
        if matches!(code, Code::DiskError | Code::DiskFull | Code::Busy) {
            self.looking.hint_later(path, RELOOK_AFTER, now);
        }
    }

    /// A file, a link, or something we leave alone stands there.
    fn saw(&mut self, path: RelPath, seen: Seen, turn: &mut Turn<'_>) {
        self.recording.not_gone(&path);
        self.hold.not_gone(&path);
        if self.index.has_standing_below(&path) || self.recording.has_below(&path) {
            // What stood in the directory is gone before the file is there, or the two would be a conflict.
            self.saw_nothing_below(&path, turn.now);
            self.recording.gone_at_once();
        }
        let standing = self.index.get(&path).and_then(|state| state.standing()).cloned();
        let print_before = self.index.disk(&path).and_then(|disk| disk.print);
        match (seen, standing) {
            (Seen::File { print, executable }, Some(Kind::File { content, executable: was, .. }))
                if print_before == Some(print) =>
            {
                self.index.confirm_disk(&path);
                self.was_seen(&path);
                if executable == was || planted!(ModesIgnored) {
                    self.planning.reconsider(path);
                } else {
                    let kind = Kind::File { content, size: print.size, executable, modified: print.modified() };
                    self.draft(path, Draft::new(kind, Some(print)));
                }
            }
            (Seen::File { print, .. }, _) => {
                self.hint_other_names(&path, print.inode, turn.now);
                self.looking.to_hash.insert(path);
            }
            (Seen::Link { target }, Some(Kind::Link { target: was })) if target == was => {
                self.was_seen(&path);
                self.planning.reconsider(path);
            }
            (Seen::Link { target }, _) => {
                self.looking.unread.remove(&path);
                self.draft(path, Draft::new(Kind::Link { target }, None))
            }
            (Seen::Skipped(code), _) => {
                self.looking.unread.insert(path.clone());
                self.index.set_problem(&path, Some(code));
            }
            (Seen::Directory, _) => {}
        }
    }

    /// A file was written in place: watchers tell only of the name it was opened by, not of its hard links.
    fn hint_other_names(&mut self, path: &RelPath, inode: u64, now: Timestamp) {
        let is_same = |print: Option<Fingerprint>| print.is_some_and(|print| print.inode == inode);
        let Some(before) = self.index.disk(path).filter(|disk| is_same(disk.print)) else { return };
        let Some(content) = before.kind.content() else { return };
        // What is being looked at is left alone, or two names would keep each other from ever being read.
        let is_other = |place: &RelPath, print| place != path && is_same(print) && !self.is_unsure(place);
        let others = self.index.places_of(content).filter(|(place, disk)| is_other(place, disk.print));
        let others: Vec<RelPath> = others.map(|(place, _)| place.clone()).collect();
        others.into_iter().for_each(|place| self.looking.hint(place, true, now));
    }

    /// A directory stands there. A walk lists it by itself; a look at something new must start one.
    ///
    /// Every directory gets an entry: whoever removes one says so, and nobody has to guess who emptied it.
    fn saw_directory(&mut self, path: RelPath, is_look: bool, turn: &mut Turn<'_>) {
        // A file that was seen here before is gone again.
        self.recording.undraft(&path);
        self.recording.not_gone(&path);
        self.hold.not_gone(&path);
        let was = self.index.get(&path).and_then(|state| state.standing()).cloned();
        let is_new = was != Some(Kind::Directory);
        let is_known_absent = self.index.disk(&path).is_some_and(|disk| disk.kind == Kind::Deleted);
        let versions = self.live_directory_heads(&path);
        let is_unspoken = self.index.heads(&path).is_empty();
        let is_news = match was {
            Some(Kind::Directory) => false,
            Some(Kind::File { .. } | Kind::Link { .. }) => true,
            // With a tombstone and no memory of it, this is a removal that was not made here yet.
            Some(Kind::Deleted) | None => {
                let is_in_the_way = self.may_write() && self.wants_bytes(&path);
                versions.is_empty() && (is_unspoken || is_known_absent || is_in_the_way)
            }
        };
        if is_news && self.index.below(Some(&path)).any(|(_, state)| state.is_busy) {
            // Perhaps the disk made it for what we put there, which is no news of anybody.
            return self.looking.hint_when_idle(path, turn.now);
        }
        if is_news && !planted!(DirectoriesUnsaid) {
            self.draft(path.clone(), Draft::new(Kind::Directory, None));
        } else if is_new {
            self.note_disk(&path, Some(Materialised { versions, kind: Kind::Directory, print: None }));
        }
        self.planning.reconsider(path.clone());
        // Also one that stood there before: it may be another one by now, moved here or made anew with other things in it.
        if is_look {
            self.looking.walk(self.id, path, turn);
        }
    }

    /// Whether a file or link should stand at a path.
    fn wants_bytes(&self, path: &RelPath) -> bool {
        self.index
            .reconciled(path)
            .winner
            .is_some_and(|head| matches!(head.kind, Kind::File { .. } | Kind::Link { .. }))
    }

    fn live_directory_heads(&self, path: &RelPath) -> Vec<crate::id::VersionId> {
        let heads = self.index.heads(path);
        heads.iter().filter(|head| head.kind == Kind::Directory).map(|head| head.id).collect()
    }

    /// Nothing stands there, nor below it.
    fn saw_nothing(&mut self, path: &RelPath, now: Timestamp) {
        self.saw_nothing_below(path, now);
        self.looking.unread.remove(path);
        self.index.set_problem(path, None);
        self.recording.undraft(path);
        if self.index.get(path).is_some_and(|state| state.standing().is_some()) {
            self.recording.gone(path.clone(), now);
        } else {
            self.planning.reconsider(path.clone());
        }
    }

    fn saw_nothing_below(&mut self, dir: &RelPath, now: Timestamp) {
        if self.index.below(Some(dir)).any(|(_, state)| state.is_busy) {
            // What the disk is putting there would be taken to stand, and the directory with it.
            self.looking.hint_when_idle(dir.clone(), now);
        }
        let is_gone = |state: &PathState| state.standing().is_some() && !state.is_busy;
        let below = self.index.below(Some(dir)).filter(|(_, state)| is_gone(state));
        let below: Vec<RelPath> = below.map(|(path, _)| path.clone()).collect();
        for path in below {
            self.recording.gone(path, now);
        }
        // What was seen there before and waits to be recorded is looked for once more.
        if !planted!(HeldBelowKept) {
            let held = self.recording.undraft_below(dir);
            held.into_iter().for_each(|path| self.looking.hint(path, true, now));
        }
    }

    /// Where a new file stood before, as far as this disk is remembered: the same bytes in the same inode.
    pub(super) fn origin(&self, path: &RelPath, draft: &Draft) -> Option<&RelPath> {
        let (content, inode) = (draft.kind.content()?, draft.print?.inode);
        let is_it = |place: &RelPath, disk: &Materialised| {
            place != path && !disk.versions.is_empty() && disk.print.is_some_and(|print| print.inode == inode)
        };
        self.index.places_of(content).find(|(place, disk)| is_it(place, disk)).map(|(place, _)| place)
    }
}
