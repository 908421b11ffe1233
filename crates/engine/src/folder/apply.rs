//! Handing changes to the disk in batches, and taking in what came of them.

use crate::effect::Effect;
use crate::entry::Kind;
use crate::folder::Folder;
use crate::folder::planning::{Begun, moved_source};
use crate::id::{Scope, VersionId};
use crate::limits::APPLY_BATCH_MAX;
use crate::observe::{Act, Change, Code, Expected, Fingerprint, Outcome, Source, Stop};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::time::Timestamp;
use crate::turn::Turn;

impl Folder {
    /// Hands the next batch to the disk, one at a time.
    pub(super) fn apply_due(&mut self, turn: &mut Turn<'_>) {
        if !self.planning.applying.is_empty() || self.planning.ready.is_empty() {
            return;
        }
        let mut batch: Vec<Change> = Vec::new();
        let mut removals: Vec<Change> = Vec::new();
        let paths: Vec<RelPath> = self.planning.ready.keys().cloned().collect();
        for path in paths {
            if batch.len() + removals.len() == APPLY_BATCH_MAX {
                break;
            }
            if !self.may_begin(&path) {
                continue;
            }
            let Some(change) = self.planning.take_ready(&path) else { continue };
            self.index.set_busy(&path, true);
            if let Some(from) = moved_source(&change) {
                self.index.set_busy(from, true);
            }
            if change.act == Act::Remove { removals.push(change) } else { batch.push(change) }
        }
        // What is copied from another path goes before that path changes.
        batch.sort_by_key(|change| !matches!(&change.act, Act::Publish { source: Source::Copy { .. }, .. }));
        // What stands deepest goes first, so that directories are empty when their turn comes.
        removals.reverse();
        let taken = batch
            .iter()
            .chain(&removals)
            .filter(|change| matches!(change.expected, Expected::File { .. }))
            .map(|change| change.path.clone())
            .filter(|path| self.takes_last(path))
            .collect();
        self.note_taken(taken, turn.now);
        batch.extend(removals);
        if batch.is_empty() {
            return;
        }
        let work = turn.work();
        let with_versions = batch
            .iter()
            .map(|change| Begun {
                change: change.clone(),
                versions: self.closing_of(change),
                source_versions: self.closing_of_source(change),
            })
            .collect();
        self.planning.applying.insert(work, with_versions);
        turn.push(Effect::Apply { scope: Scope::Folder(self.id), work, changes: batch });
    }

    /// Whether the disk may begin with a ready change now.
    fn may_begin(&mut self, path: &RelPath) -> bool {
        // A file that moves goes away by the move.
        if self.planning.is_moving(path) || self.index.get(path).is_some_and(|state| state.is_busy) {
            return false;
        }
        let from = self.planning.ready.get(path).and_then(moved_source);
        if !planted!(AppliesOverNews) && (self.is_unsure(path) || from.is_some_and(|from| self.is_unsure(from))) {
            // Looked at again: planned when it is known what stands there.
            self.planning.take_ready(path);
            self.planning.reconsider(path.clone());
            return false;
        }
        // Or a crash could leave on the disk what our ledger does not know, and we would take it for our user's.
        self.is_said_durably(path)
    }

    /// Whether everything that is said of a path is durable.
    fn is_said_durably(&self, path: &RelPath) -> bool {
        let heads = self.index.heads(path);
        planted!(AppliesUnsaid) || heads.iter().all(|head| self.exchange.is_durable(head.id))
    }

    /// The versions a change puts on the disk, as known when it is begun.
    fn closing_of(&self, change: &Change) -> Vec<VersionId> {
        let reconciled = self.index.reconciled(&change.path);
        let (Some(winner), Some(state)) = (reconciled.winner, self.index.get(&change.path)) else { return Vec::new() };
        let kind = after(change).or_else(|| self.touched(change));
        let is_done = kind.as_ref().is_some_and(|kind| kind.is_same(&winner.kind))
            || change.act == Act::Remove && !winner.kind.is_live();
        let is_closed = |head: &&crate::version::Head| {
            is_done && (head.kind.is_same(&winner.kind) || matches!(head.kind, Kind::Deleted | Kind::Directory))
        };
        state.heads.iter().filter(is_closed).map(|head| head.id).collect()
    }

    fn closing_of_source(&self, change: &Change) -> Option<Vec<VersionId>> {
        let from = moved_source(change)?;
        let heads = self.index.heads(from);
        Some(heads.iter().filter(|head| head.kind == Kind::Deleted).map(|head| head.id).collect())
    }

    /// What came of a batch.
    pub(crate) fn applied(&mut self, work: u64, outcomes: Vec<Outcome>, root: Result<(), Stop>, turn: &mut Turn<'_>) {
        let Some(changes) = self.planning.applying.remove(&work) else { return };
        for Begun { change, .. } in &changes {
            for path in moved_source(change).into_iter().chain([&change.path]) {
                self.index.set_busy(path, false);
                self.looking.outdate(path, turn.now);
            }
        }
        for (begun, outcome) in changes.into_iter().zip(outcomes) {
            self.take_outcome(begun, outcome, turn);
        }
        if let Err(stop) = root
            && self.is_running()
        {
            self.stop(stop, turn);
        }
    }

    fn take_outcome(&mut self, begun: Begun, outcome: Outcome, turn: &mut Turn<'_>) {
        let change = &begun.change;
        let (path, now) = (&change.path, turn.now);
        match outcome {
            Outcome::Done { print } => self.made(begun, print, turn),
            Outcome::Displaced { print, copy } => {
                self.made(begun, print, turn);
                self.looking.hint(copy, true, now);
            }
            Outcome::Unexpected if planted!(UnexpectedIsDone) => self.made(begun, None, turn),
            Outcome::Unexpected => {
                self.planning.put_off(path, now);
                self.looking.hint(path.clone(), true, now);
            }
            Outcome::SourceGone => self.source_gone(change, now, turn),
            Outcome::Refused(code) => {
                self.planning.put_off(path, now);
                // A directory that still holds something of this device's own is in nobody's way.
                let is_quiet = code == Code::DirectoryInUse && self.index.has_live_below(path);
                self.index.set_problem(path, (!is_quiet).then_some(code));
                if code == Code::DirectoryInUse && !is_quiet {
                    // By something that we do not know of, or not any more.
                    self.looking.walk(self.id, path.clone(), turn);
                }
                self.planning.reconsider(path.clone());
            }
        }
    }

    fn source_gone(&mut self, change: &Change, now: Timestamp, turn: &mut Turn<'_>) {
        if let Act::Publish { content, source, .. } = &change.act {
            match source {
                Source::Stage => {
                    self.swarm.forget(Scope::Folder(self.id), *content, turn);
                    // All who wait for it want it anew.
                    self.content_complete(*content);
                }
                Source::Kept => {
                    self.planning.kept.remove(content);
                }
                Source::Copy { from, .. } | Source::Move { from, .. } => self.looking.hint(from.clone(), true, now),
            }
        }
        self.planning.put_off(&change.path, now);
        self.planning.reconsider(change.path.clone());
    }

    /// A change was made.
    fn made(&mut self, begun: Begun, print: Option<Fingerprint>, turn: &mut Turn<'_>) {
        let Begun { change, versions, source_versions } = begun;
        let path = &change.path;
        self.index.set_problem(path, None);
        self.planning.succeeded(path);
        if let Expected::File { content, .. } = change.expected {
            self.planning.keep(content);
            self.has_now(content);
        }
        self.planning.note_made(path, matches!(change.act, Act::Publish { .. }));
        let is_unspoken = self.index.heads(path).is_empty();
        let disk = match after(&change) {
            Some(Kind::Deleted) if is_unspoken => None,
            Some(kind) => Some(Materialised { versions, kind, print }),
            None => self.index.disk(path).cloned().zip(self.touched(&change)).map(|(before, kind)| Materialised {
                versions,
                kind,
                print: print.or(before.print),
            }),
        };
        self.note_disk(path, disk);
        if let (Some(from), Some(versions)) = (moved_source(&change).cloned(), source_versions) {
            self.note_disk(&from, Some(Materialised { versions, kind: Kind::Deleted, print: None }));
            self.planning.reconsider_around(&from);
        }
        if let Act::Publish { content, source: Source::Stage, .. } = change.act {
            self.content_published(content, path, turn);
        }
        if !matches!(change.act, Act::Remove) {
            self.note_parents(path, turn.now);
        }
        self.planning.reconsider_around(path);
    }

    /// What stands at the path after a change of the file's bits alone.
    fn touched(&self, change: &Change) -> Option<Kind> {
        let (Kind::File { content, size, .. }, Act::Touch { executable, modified }) =
            (&self.index.disk(&change.path)?.kind, &change.act)
        else {
            return None;
        };
        Some(Kind::File { content: *content, size: *size, executable: *executable, modified: *modified })
    }

    /// The directories above something that was made exist now.
    fn note_parents(&mut self, path: &RelPath, now: Timestamp) {
        for dir in path.ancestors() {
            if self.index.get(&dir).and_then(|state| state.standing()).is_some() {
                continue;
            }
            let heads = self.index.heads(&dir);
            let versions = heads.iter().filter(|head| head.kind == Kind::Directory).map(|head| head.id).collect();
            self.looking.outdate(&dir, now);
            self.note_disk(&dir, Some(Materialised { versions, kind: Kind::Directory, print: None }));
        }
    }

    /// A staged content stands in the folder now; others that wait for it copy it from there.
    fn content_published(&mut self, content: crate::id::ContentId, path: &RelPath, turn: &mut Turn<'_>) {
        let others = self.planning.waiting_for(content);
        // Published first: nothing of it is left in the stage to be thrown away.
        self.swarm.published(content, turn);
        self.unwant(path, None, turn);
        others.into_iter().for_each(|other| self.planning.reconsider(other));
    }
}

/// What stands at the path after a change; `None` if only the file's bits changed.
fn after(change: &Change) -> Option<Kind> {
    match &change.act {
        Act::Publish { content, size, executable, modified, .. } => {
            Some(Kind::File { content: *content, size: *size, executable: *executable, modified: *modified })
        }
        Act::Touch { .. } => None,
        Act::MakeDirectory => Some(Kind::Directory),
        Act::MakeLink { target } => Some(Kind::Link { target: target.clone() }),
        Act::Remove => Some(Kind::Deleted),
    }
}
