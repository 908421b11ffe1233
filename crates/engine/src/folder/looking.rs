//! What is being looked at: hints, looks, walks and readings under way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use crate::effect::Effect;
use crate::event::WorkId;
use crate::id::FolderId;
use crate::limits::{FULL_SCAN_EVERY, QUIET_BEFORE_SCAN, QUIET_WAIT_MAX};
use crate::observe::Code;
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::turn::Turn;

/// A file that was read this recently is read again only after this long: programs that save many times a second.
pub(super) const REREAD_AFTER: Duration = Duration::from_millis(500);
/// When something that could not be read is looked at again.
pub(super) const RELOOK_AFTER: Duration = Duration::from_secs(10);
/// When something that the disk is changing for us is looked at again.
const RELOOK_BUSY_AFTER: Duration = Duration::from_millis(100);
/// How often a stopped folder is tried again by itself.
pub(super) const REOPEN_EVERY: Duration = Duration::from_secs(5);
/// Files in one `Hash`: small enough that a first scan is recorded as it goes.
pub(super) const HASH_BATCH_MAX: usize = 256;
/// `Hash` effects under way at a time: one works, one waits.
pub(super) const HASHES_MAX: usize = 2;

/// A hint that waits until its path is quiet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hint {
    pub(super) first: Timestamp,
    pub(super) due: Timestamp,
}

/// A walk under way.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) is_full: bool,
    /// Nothing is known to have changed: until it finds something, everything is taken to be as it was.
    pub(super) is_routine: bool,
    /// What stood there and was not in its directory's listing.
    pub(super) missing: Vec<RelPath>,
}

/// Whether a problem says that something could not be read, so that reading it ends the problem.
pub(super) fn is_of_reading(code: Code) -> bool {
    matches!(code, Code::NotAllowed | Code::DiskError | Code::DiskFull | Code::Busy)
}

/// The bounds of the paths below a directory, by its span; of all paths without one.
pub(super) fn bounds(span: Option<&(String, String)>) -> (Bound<&str>, Bound<&str>) {
    span.map_or((Bound::Unbounded, Bound::Unbounded), |(first, end)| (Bound::Included(first), Bound::Excluded(end)))
}

/// Whether a path is directly in a directory that it is below of (`None` for the root).
pub(super) fn is_child(path: &RelPath, dir: Option<&RelPath>) -> bool {
    !path.as_str()[dir.map_or(0, |dir| dir.as_str().len() + 1)..].contains('/')
}

/// Everything that is being looked at.
#[derive(Default)]
pub(crate) struct Looking {
    pub(super) hints: BTreeMap<RelPath, Hint>,
    pub(super) looks: BTreeMap<WorkId, BTreeSet<RelPath>>,
    pub(super) walks: BTreeMap<WorkId, Walk>,
    pub(super) to_hash: BTreeSet<RelPath>,
    pub(super) hashes: BTreeMap<WorkId, BTreeSet<RelPath>>,
    /// Where, when it was last looked at, something stood that could not be read or is left alone. What was recorded
    /// there before may be what is wanted, but that is not what stands there.
    pub(super) unread: BTreeSet<RelPath>,
    /// When each path was last read, for those read in the last seconds.
    pub(super) read: BTreeMap<RelPath, Timestamp>,
    /// What was looked at or changed while a walk is under way: the walk's own word on it may be older.
    pub(super) news: BTreeSet<RelPath>,
    /// A first full walk since the root was opened is over.
    pub(crate) is_walked: bool,
    /// Paths seen by the walk under way.
    pub(crate) seen: u64,
    pub(super) full_walk_due: Option<Timestamp>,
    /// The full walk that is due is no routine: changes may have been missed.
    is_unsure: bool,
    pub(super) reopen: Option<Timestamp>,
}

impl Looking {
    /// Whether what stands at this path is not known for sure at the moment.
    pub(crate) fn has(&self, path: &RelPath) -> bool {
        self.hints.contains_key(path)
            || self.to_hash.contains(path)
            || self.looks.values().any(|paths| paths.contains(path))
            || self.hashes.values().any(|paths| paths.contains(path))
    }

    /// Whether nothing is being looked at.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_walked
            && self.hints.is_empty()
            && self.looks.is_empty()
            && self.walks.values().all(|walk| walk.is_routine && walk.missing.is_empty())
            && self.to_hash.is_empty()
            && self.hashes.is_empty()
    }

    /// Whether there may be files that were never read.
    pub(super) fn is_counting(&self) -> bool {
        !self.is_walked || !self.to_hash.is_empty() || !self.hashes.is_empty()
    }

    /// Looks at everything.
    pub(crate) fn walk_all(&mut self, folder: FolderId, turn: &mut Turn<'_>) {
        if self.walks.values().any(|walk| walk.is_full) {
            // What changed behind the walk under way would be missed: once more when it is over.
            self.full_walk_due = Some(turn.now);
            self.is_unsure = true;
            return;
        }
        self.begin_full_walk(folder, false, turn);
    }

    /// Looks at everything because it was not looked at for long.
    pub(super) fn walk_by_routine(&mut self, folder: FolderId, turn: &mut Turn<'_>) {
        let is_routine = self.is_walked && !std::mem::take(&mut self.is_unsure);
        self.begin_full_walk(folder, is_routine, turn);
    }

    fn begin_full_walk(&mut self, folder: FolderId, is_routine: bool, turn: &mut Turn<'_>) {
        let work = turn.work();
        self.seen = 0;
        self.full_walk_due = Some(turn.now.after(FULL_SCAN_EVERY));
        self.walks.insert(work, Walk { is_full: true, is_routine, missing: Vec::new() });
        turn.push(Effect::Walk { folder, work, dir: None });
    }

    /// Notes a look that was asked for. Answers may overtake each other: of several looks at a path only the last counts.
    pub(crate) fn note_look(&mut self, work: WorkId, paths: &[RelPath]) {
        for older in self.looks.values_mut() {
            paths.iter().for_each(|path| {
                older.remove(path);
            });
        }
        self.looks.entry(work).or_default().extend(paths.iter().cloned());
    }

    /// No file stands at a path: whatever is still being read there was read too early.
    pub(super) fn forget_reading(&mut self, path: &RelPath) {
        self.to_hash.remove(path);
        self.hashes.values_mut().for_each(|paths| {
            paths.remove(path);
        });
    }

    /// A path was looked at, or the disk changed it for us: a walk under way may have seen it before that.
    pub(super) fn note_news(&mut self, path: &RelPath) {
        if !self.walks.is_empty() {
            self.news.insert(path.clone());
        }
    }

    /// The disk changed a path for us: what was asked about it before may be answered as it was before.
    pub(super) fn outdate(&mut self, path: &RelPath, now: Timestamp) {
        if planted!(OldAnswersStand) {
            return;
        }
        self.note_news(path);
        let is_asked = self.looks.values().any(|paths| paths.contains(path)) || self.to_hash.contains(path);
        let is_read = self.hashes.values().any(|paths| paths.contains(path));
        if is_asked || is_read {
            self.forget_reading(path);
            self.looks.values_mut().for_each(|paths| {
                paths.remove(path);
            });
            self.hint(path.clone(), true, now);
        }
    }

    /// No directory stands at a path: what was asked before about paths in it may be answered as it was before.
    pub(super) fn outdate_below(&mut self, dir: &RelPath, now: Timestamp) {
        // Asked for every file that is looked at.
        let span = dir.span();
        let asked = self.looks.values().chain(self.hashes.values()).chain([&self.to_hash]);
        let below: Vec<RelPath> = asked.flat_map(|paths| paths.range::<str, _>(bounds(Some(&span)))).cloned().collect();
        below.iter().for_each(|path| self.outdate(path, now));
    }

    /// A directory was listed: what was asked before about its children may be answered as it was before or after.
    pub(super) fn outdate_children(&mut self, dir: Option<&RelPath>, now: Timestamp) {
        // Asked for every directory of a walk.
        let span = dir.map(RelPath::span);
        let asked = self.looks.values().flat_map(|paths| paths.range::<str, _>(bounds(span.as_ref())));
        let asked: Vec<RelPath> = asked.filter(|path| is_child(path, dir)).cloned().collect();
        asked.iter().for_each(|path| self.outdate(path, now));
    }

    /// Looks at a directory and all below it.
    pub(crate) fn walk(&mut self, folder: FolderId, dir: RelPath, turn: &mut Turn<'_>) {
        let work = turn.work();
        self.walks.insert(work, Walk::default());
        turn.push(Effect::Walk { folder, work, dir: Some(dir) });
    }

    /// Forgets everything under way.
    pub(crate) fn clear(&mut self) {
        *self = Looking { read: std::mem::take(&mut self.read), ..Looking::default() };
    }

    /// Tries the root again after a while.
    pub(crate) fn reopen_after(&mut self, now: Timestamp) {
        self.reopen = Some(now.after(REOPEN_EVERY));
    }

    /// Whether the root is to be tried again now.
    pub(crate) fn take_reopen(&mut self, now: Timestamp) -> bool {
        self.reopen.take_if(|due| *due <= now).is_some()
    }

    /// Looks at a path soon.
    pub(crate) fn hint(&mut self, path: RelPath, is_settled: bool, now: Timestamp) {
        let last_read = self.read.get(&path).copied();
        let hint = self.hints.entry(path).or_insert(Hint { first: now, due: now });
        let quiet = if is_settled { now } else { now.after(QUIET_BEFORE_SCAN) };
        let latest = hint.first.after(QUIET_WAIT_MAX);
        let spaced = last_read.map_or(now, |read| read.after(REREAD_AFTER));
        hint.due = quiet.max(spaced).min(latest.max(now));
    }

    /// Looks at a path after a pause.
    pub(crate) fn hint_later(&mut self, path: RelPath, wait: Duration, now: Timestamp) {
        self.hints.entry(path).or_insert(Hint { first: now, due: now.after(wait) });
    }

    /// Looks at a path when the disk has changed it for us: a person may have been there already.
    pub(super) fn hint_when_idle(&mut self, path: RelPath, now: Timestamp) {
        if !planted!(BusyHintsForgotten) {
            self.hint_later(path, RELOOK_BUSY_AFTER, now);
        }
    }

    /// When a hint is due next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.hints.values().map(|hint| hint.due).min()
    }

    /// When everything is looked at again.
    pub(crate) fn full_walk_due(&self) -> Option<Timestamp> {
        self.full_walk_due.filter(|_| self.is_walked)
    }

    /// When a stopped root is tried again.
    pub(crate) fn reopen_due(&self) -> Option<Timestamp> {
        self.reopen
    }
}
