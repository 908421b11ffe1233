//! Settling what the heads of a path leave open: losers go beside the winner, changes that go together become one, and an
//! edit follows the file that was moved.
//!
//! Names and contents come from the entries alone, so two devices that settle the same write the same versions.

use std::collections::BTreeMap;

use crate::conflict::copy_path;
use crate::effect::Tell;
use crate::entry::{Entry, Kind};
use crate::folder::Folder;
use crate::id::VersionId;
use crate::limits::SETTLE_GRACE;
use crate::path::RelPath;
use crate::reconcile::Reconciled;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::version::{Head, line};

/// What is known of a path whose heads leave something open.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Since when we know of it.
    pub(super) since: Timestamp,
    /// It was looked where its edit would follow a move.
    has_looked: bool,
}

impl Folder {
    /// Notes or forgets that the heads of a path leave something open.
    pub(super) fn note_open(&mut self, path: &RelPath, now: Timestamp) {
        if self.index.reconciled(path).is_open() || self.may_follow(path) {
            self.open_paths.entry(path.clone()).or_insert(Open { since: now, has_looked: false });
        } else {
            self.open_paths.remove(path);
        }
    }

    /// Settles what is ours to settle at once, and what nobody settled in time.
    pub(super) fn settle_due(&mut self, turn: &mut Turn<'_>) {
        if self.open_paths.is_empty() || !self.may_write() {
            return;
        }
        // What a person put there may have come to light since.
        let mut open = std::mem::take(&mut self.open_paths);
        open.retain(|path, _| self.index.reconciled(path).is_open() || self.may_follow(path));
        self.open_paths = open;
        let is_due = |(path, open): &(&RelPath, &Open)| {
            let is_overdue = || turn.now.since(open.since) >= SETTLE_GRACE && !planted!(OnlyAuthorsSettle);
            !self.is_unsure(path)
                && self.followed(path).is_none_or(|entry| !self.is_unsure(&entry.path))
                && (self.is_ours_to_settle(path) || is_overdue())
        };
        let due: Vec<RelPath> = self.open_paths.iter().filter(is_due).map(|(path, _)| path.clone()).collect();
        for path in due {
            if self.looks_first(&path, turn.now) || self.awaits_merge(&path, turn) {
                continue;
            }
            self.open_paths.remove(&path);
            self.settle(&path, turn);
        }
    }

    /// Before an edit follows a move, looks once more where it would go: its author may have moved the file there too and
    /// put something new in its old place, of which the watcher has not told yet.
    fn looks_first(&mut self, path: &RelPath, now: Timestamp) -> bool {
        let Some(to) = self.followed(path).map(|entry| entry.path) else { return false };
        let Some(open) = self.open_paths.get_mut(path).filter(|open| !open.has_looked) else { return false };
        open.has_looked = true;
        self.looking.hint(to, true, now);
        true
    }

    /// Whether this device wrote what gives way here, or what follows a move.
    fn is_ours_to_settle(&self, path: &RelPath) -> bool {
        let reconciled = self.index.reconciled(path);
        let is_mine = |head: &Head| head.id.chain.device == self.me;
        let winner = reconciled.winner.map(|head| head.id);
        let heads = self.index.heads(path).iter().filter(|head| matches!(head.kind, Kind::File { .. }));
        if !reconciled.is_open() {
            return reconciled.winner.is_some_and(is_mine);
        }
        reconciled.losers.iter().copied().any(is_mine)
            || reconciled.merged.is_some() && heads.into_iter().any(|head| Some(head.id) != winner && is_mine(head))
    }

    /// Moves every loser to its copy, by an entry there that supersedes it here; writes down what the others are together.
    ///
    /// The winner's own entry stays the head if it stays as it is, so an edit of it that is under way elsewhere is no new
    /// conflict.
    fn settle(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        if let Some(entry) = self.followed(path) {
            return self.write(vec![entry], &BTreeMap::new(), turn);
        }
        let reconciled = self.index.reconciled(path);
        let heads = self.index.heads(path);
        let (mut entries, mut copies) = (Vec::new(), Vec::new());
        for loser in &reconciled.losers {
            let copy = copy_path(path, loser);
            if copy == *path {
                continue;
            }
            let there = self.index.heads(&copy);
            let closed = heads.iter().filter(|head| head.kind.has_same_bytes(&loser.kind));
            let closed = closed.chain(there.iter().filter(|head| head.kind.is_same(&loser.kind)));
            let supersedes = closed.map(|head| head.id).collect();
            entries.push(Entry {
                path: copy.clone(),
                kind: loser.kind.clone(),
                supersedes,
                moved_from: Some(loser.id),
            });
            copies.push(copy);
        }
        if let Some(kind) = reconciled.merged.clone() {
            let supersedes = united(heads, &reconciled);
            // Made by settling, not seen on this disk: as with a copy, that is told by what it names as its origin.
            let moved_from = supersedes.first().copied();
            entries.push(Entry { path: path.clone(), kind, supersedes, moved_from });
        }
        self.write(entries, &BTreeMap::new(), turn);
        for copy in copies {
            turn.tell(Tell::Conflict(self.id, path.clone(), copy));
        }
    }

    /// Whether an edit goes where the file was moved.
    ///
    /// Only its author can tell an edit from a new file in the place of one that was moved away. What a person put where it
    /// would go was meant to be there too.
    fn may_follow(&self, path: &RelPath) -> bool {
        self.followed(path).is_some_and(|Entry { path: to, .. }| {
            let is_standing = self.index.get(&to).is_some_and(|state| state.standing().is_some());
            let is_free = !is_standing || self.planning.made.contains(&to) || planted!(FollowsBlindly);
            self.is_ours_to_settle(path) && (is_free || self.is_unsure(&to))
        })
    }

    /// The entry by which an edit goes where somebody else moved the file meanwhile.
    ///
    /// Here stands an edit beside a deletion of what it was made to. If whoever deleted that moved it, the file lives on
    /// there, and the edit is of that file.
    fn followed(&self, path: &RelPath) -> Option<Entry> {
        let state = self.index.get(path)?;
        let deletions = || state.heads.iter().filter(|head| !head.kind.is_live());
        // Asked for every path that is planned, and hardly ever so.
        deletions().next()?;
        let reconciled = self.index.reconciled(path);
        let edit = reconciled.winner.filter(|head| !reconciled.is_open() && matches!(head.kind, Kind::File { .. }))?;
        let before = line(edit, &state.past);
        let is_before = |version: &VersionId| before.iter().any(|old| old.id == *version);
        let moved: Vec<VersionId> =
            deletions().flat_map(|head| head.supersedes.iter().copied()).filter(is_before).collect();
        let to = self.index.place_after_moves(&moved).filter(|to| *to != path)?.clone();
        let there = self.index.get(&to)?;
        // What has been there already was moved here from there, or copied: both places are meant.
        let is_put_there = |head: &Head| {
            // By a person, not by settling.
            head.id.chain.device == edit.id.chain.device
                && !head.is_settled()
                && before.iter().any(|old| old.kind.has_same_bytes(&head.kind))
        };
        let is_known = |head: &Head| head.kind.has_same_bytes(&edit.kind) || is_put_there(head);
        if there.heads.iter().chain(&there.past).any(is_known) && !planted!(FollowsBlindly) {
            return None;
        }
        let stands = self.index.reconciled(&to).winner?;
        // What stands there was made of the latest of these versions.
        let made_of = line(stands, &there.past).into_iter().chain([stands]);
        let origins: Vec<VersionId> = made_of.filter_map(|head| head.moved_from.as_deref().copied()).collect();
        let base = before.iter().copied().chain([edit]).filter(|old| origins.contains(&old.id));
        let base = base.max_by_key(|old| (old.lamport, old.hash)).map(|old| &old.kind);
        let same = state.heads.iter().filter(|head| head.kind.is_same(&edit.kind)).map(|head| head.id);
        let (kind, closed) = match Kind::merged(base, &edit.kind, &stands.kind) {
            Some(kind) => (kind, self.closing(&to, &stands.kind)),
            // Both were edited: a conflict there, settled there.
            None => (edit.kind.clone(), Vec::new()),
        };
        Some(Entry { path: to, kind, supersedes: same.chain(closed).collect(), moved_from: Some(edit.id) })
    }
}

/// The heads that become one: all but those that lose.
fn united(heads: &[Head], reconciled: &Reconciled<'_>) -> Vec<VersionId> {
    let is_lost = |head: &Head| reconciled.losers.iter().any(|loser| loser.kind.has_same_bytes(&head.kind));
    heads.iter().filter(|head| !is_lost(head)).map(|head| head.id).collect()
}
