//! Holding back a batch that takes too much away, until a person says yes.
//!
//! On the device that saw the files go, they are not recorded; on a device that would apply it, they stay. Moves do
//! not count: nothing is lost by them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::effect::{Effect, Tell};
use crate::entry::{Entry, Kind};
use crate::folder::Folder;
use crate::id::DeviceId;
use crate::limits::{HOLD_FILES_MAX, HOLD_FILES_MIN};
use crate::observe::{Act, Change, Expected};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::status::HoldStatus;
use crate::time::Timestamp;
use crate::turn::Turn;

/// Removals this close together are one batch, however they arrive.
const BATCH_WINDOW: Duration = Duration::from_secs(10);
/// Paths shown as examples.
const EXAMPLES_MAX: usize = 20;

/// What waits for a yes, and what was taken away lately.
#[derive(Default)]
pub(crate) struct Holding {
    /// Seen gone on this disk and not recorded.
    here: BTreeSet<RelPath>,
    /// Not applied here: the change, and who wants it.
    there: BTreeMap<RelPath, (Change, DeviceId)>,
    since: Option<Timestamp>,
    /// Files taken away lately, and when; one that is saved again and again is one file.
    recent: BTreeMap<RelPath, Timestamp>,
    /// Paths a person said yes to.
    allowed: BTreeSet<RelPath>,
}

impl Holding {
    /// Forgets what is held about a path: it is being planned anew.
    pub(super) fn forget(&mut self, path: &RelPath) {
        self.there.remove(path);
        if self.is_empty() {
            self.since = None;
        }
    }

    /// Something stands at a path after all.
    pub(super) fn not_gone(&mut self, path: &RelPath) {
        self.here.remove(path);
        if self.is_empty() {
            self.since = None;
        }
    }

    /// Forgets everything that can be worked out again.
    pub(super) fn clear(&mut self) {
        *self = Holding { recent: std::mem::take(&mut self.recent), ..Holding::default() };
    }

    /// Whether nothing waits for a yes.
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty() && self.there.is_empty()
    }

    /// A person said yes to these before they were gone.
    pub(super) fn allow(&mut self, paths: Vec<RelPath>) {
        self.allowed.extend(paths);
    }

    /// The yes for these was for a removal that was not made.
    pub(super) fn forget_allowed(&mut self, paths: &[RelPath]) {
        self.allowed.retain(|path| !paths.contains(path));
    }

    /// Whether a path waits for a yes, and if so, whether it was taken away on this disk.
    pub(super) fn holds(&self, path: &RelPath) -> Option<bool> {
        let is_ours = self.here.contains(path);
        (is_ours || self.there.contains_key(path)).then_some(is_ours)
    }

    /// Paths at which a change of somebody else waits for a yes.
    pub(super) fn there(&self) -> impl Iterator<Item = &RelPath> {
        self.there.keys()
    }

    fn lately(&mut self, now: Timestamp) -> usize {
        self.recent.retain(|_, at| now.since(*at) < BATCH_WINDOW);
        self.recent.len()
    }
}

/// Whether taking `number` of `of` files away is too much without a yes.
fn is_too_much(number: usize, of: u64) -> bool {
    number > HOLD_FILES_MAX || number >= HOLD_FILES_MIN && number as u64 * 4 > of
}

impl Folder {
    /// What stood on this disk and stands there no more: records it, or holds it.
    pub(super) fn judge_gone(&mut self, gone: BTreeSet<RelPath>, turn: &mut Turn<'_>) {
        let (allowed, gone): (BTreeSet<RelPath>, BTreeSet<RelPath>) =
            gone.into_iter().partition(|path| self.hold.allowed.contains(path));
        self.hold.allowed.retain(|path| !allowed.contains(path));
        self.record_gone(allowed, turn);
        let lost: BTreeSet<RelPath> = gone.iter().filter(|path| self.is_lost(path, &gone)).cloned().collect();
        let lately = self.hold.lately(turn.now);
        let is_held = !self.hold.here.is_empty() || is_too_much(lost.len() + lately, self.index.files + lately as u64);
        if is_held && !lost.is_empty() && !self.record.never_hold {
            self.start_hold(turn);
            // What moved is no loss and goes on; a directory waits for what was in it.
            let (held, moved): (BTreeSet<RelPath>, BTreeSet<RelPath>) =
                gone.into_iter().partition(|path| lost.contains(path) || lost.iter().any(|file| file.is_inside(path)));
            self.hold.here.extend(held);
            return self.record_gone(moved, turn);
        }
        self.hold.recent.extend(lost.into_iter().map(|path| (path, turn.now)));
        self.record_gone(gone, turn);
    }

    /// Whether a file that is gone from this path stands nowhere else in the folder.
    fn is_lost(&self, path: &RelPath, gone: &BTreeSet<RelPath>) -> bool {
        let Some(content) = self.index.disk(path).and_then(|disk| disk.kind.content()) else { return false };
        !self.index.places_of(content).any(|(place, _)| {
            place != path && !gone.contains(place) && !self.recording.is_gone(place) && !self.hold.here.contains(place)
        })
    }

    /// Whether a change must wait for a yes; it is kept until then.
    pub(super) fn is_held(&mut self, change: &Change, turn: &mut Turn<'_>) -> bool {
        let takes_away = matches!(change.expected, Expected::File { .. })
            && !matches!(change.act, Act::Touch { .. })
            && self.takes_last(&change.path);
        let Some(author) = self.index.reconciled(&change.path).winner.map(|head| head.id.chain.device) else {
            return false;
        };
        if !takes_away || author == self.me || self.record.never_hold || self.hold.allowed.remove(&change.path) {
            return false;
        }
        let lately = self.hold.lately(turn.now);
        let waiting = self.hold.there.len() + self.losing().count();
        if self.hold.there.is_empty() && !is_too_much(waiting + lately + 1, self.index.files + lately as u64) {
            return false;
        }
        self.start_hold(turn);
        self.hold.there.insert(change.path.clone(), (change.clone(), author));
        // What is ready belongs to the same batch.
        let ready: Vec<RelPath> = self.losing().cloned().collect();
        for path in ready {
            let author = self.index.reconciled(&path).winner.map_or(self.me, |head| head.id.chain.device);
            if author != self.me
                && let Some(ready) = self.planning.take_ready(&path)
            {
                self.hold.there.insert(path, (ready, author));
            }
        }
        true
    }

    /// Paths at which a ready change takes a file away that stands nowhere else.
    fn losing(&self) -> impl Iterator<Item = &RelPath> {
        let takes_away = |change: &Change| {
            matches!(change.expected, Expected::File { .. }) && !matches!(change.act, Act::Touch { .. })
        };
        let ready = self.planning.ready.iter().filter(move |(_, change)| takes_away(change));
        ready.map(|(path, _)| path).filter(|path| self.takes_last(path))
    }

    /// Whether changing a path takes away a content that stands nowhere else and goes nowhere else.
    pub(super) fn takes_last(&self, path: &RelPath) -> bool {
        !self.planning.is_moving(path) && self.is_lost(path, &BTreeSet::new())
    }

    /// Notes that the disk takes files away.
    pub(super) fn note_taken(&mut self, paths: Vec<RelPath>, now: Timestamp) {
        self.hold.recent.extend(paths.into_iter().map(|path| (path, now)));
    }

    fn start_hold(&mut self, turn: &mut Turn<'_>) {
        if self.hold.since.is_none() {
            self.hold.since = Some(turn.wall);
            turn.tell(Tell::Held(self.id));
        }
    }

    /// A person answers: go on with the batch, or keep the files.
    pub(crate) fn answer_hold(&mut self, is_yes: bool, turn: &mut Turn<'_>) {
        let here = std::mem::take(&mut self.hold.here);
        let there = std::mem::take(&mut self.hold.there);
        self.hold.since = None;
        self.hold.recent.clear();
        if is_yes {
            // What was seen gone then may stand there again: it is made sure of once more.
            self.hold.allowed.extend(here.iter().chain(there.keys()).cloned());
            here.into_iter().for_each(|path| self.recording.gone(path, turn.now));
            self.recording.gone_at_once();
        } else {
            for path in &here {
                // Nothing stands there, and no version says so: what the others have is fetched again.
                self.note_disk(path, Some(Materialised { versions: Vec::new(), kind: Kind::Deleted, print: None }));
            }
            let kept = there.keys().filter_map(|path| self.keep_entry(path)).collect();
            self.write(kept, &BTreeMap::new(), turn);
            for path in here {
                self.planning.reconsider(path);
            }
        }
        for path in there.into_keys() {
            self.planning.reconsider(path);
        }
    }

    /// Never asks again in this folder.
    pub(crate) fn never_hold(&mut self, turn: &mut Turn<'_>) {
        self.record.never_hold = true;
        turn.push(Effect::SaveFolder(self.record.clone()));
    }

    /// What stands here, said anew over everything others said: it stays for everybody.
    fn keep_entry(&self, path: &RelPath) -> Option<Entry> {
        let state = self.index.get(path)?;
        let kind = state.standing().filter(|kind| **kind != Kind::Directory)?.clone();
        let supersedes = state.heads.iter().map(|head| head.id).collect();
        self.may_write().then_some(Entry { path: path.clone(), kind, supersedes, moved_from: None })
    }

    /// What people see of it.
    pub(super) fn hold_status(&self) -> Option<HoldStatus> {
        let since = self.hold.since?;
        let is_file = |path: &&RelPath| self.index.disk(path).is_some_and(|disk| disk.kind.content().is_some());
        let here = self.hold.here.iter().filter(is_file).count();
        let removes = here + self.hold.there.values().filter(|(change, _)| change.act == Act::Remove).count();
        let examples = self.hold.here.iter().chain(self.hold.there.keys()).take(EXAMPLES_MAX).cloned().collect();
        Some(HoldStatus {
            by: if self.hold.here.is_empty() { self.hold.there.values().next().map(|(_, by)| *by) } else { None },
            removes: removes as u64,
            rewrites: (here + self.hold.there.len() - removes) as u64,
            of: self.index.files,
            examples,
            since,
        })
    }
}
