//! Settling conflicts: one block that moves every loser beside the winner.
//!
//! Names and contents come from the entries alone, so two devices that settle the same conflict write the same versions.

use std::collections::BTreeMap;

use crate::conflict::copy_path;
use crate::effect::Tell;
use crate::entry::Entry;
use crate::folder::Folder;
use crate::limits::SETTLE_GRACE;
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::turn::Turn;

impl Folder {
    /// Notes or forgets that the heads of a path conflict.
    pub(super) fn note_conflict(&mut self, path: &RelPath, now: Timestamp) {
        if self.index.reconciled(path).is_conflict() {
            self.conflicts.entry(path.clone()).or_insert(now);
        } else {
            self.conflicts.remove(path);
        }
    }

    /// Settles what is ours to settle at once, and what nobody settled in time.
    pub(super) fn settle_due(&mut self, turn: &mut Turn<'_>) {
        if self.conflicts.is_empty() || !self.may_write() {
            return;
        }
        let is_due = |(path, since): &(&RelPath, &Timestamp)| {
            let is_ours = self.index.reconciled(path).losers.iter().any(|loser| loser.id.chain.device == self.me);
            !self.is_unsure(path)
                && (is_ours || !planted!(OnlyAuthorsSettle) && turn.now.since(**since) >= SETTLE_GRACE)
        };
        let due: Vec<RelPath> = self.conflicts.iter().filter(is_due).map(|(path, _)| path.clone()).collect();
        for path in due {
            self.conflicts.remove(&path);
            self.settle(&path, turn);
        }
    }

    /// Moves every loser to its copy: an entry there that supersedes it here.
    ///
    /// The winner's own entry stays the head, so an edit of it that is under way elsewhere is no new conflict.
    fn settle(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        let reconciled = self.index.reconciled(path);
        let heads = self.index.heads(path);
        let (mut entries, mut copies) = (Vec::new(), Vec::new());
        for loser in &reconciled.losers {
            let copy = copy_path(path, loser);
            if copy == *path {
                continue;
            }
            let there = self.index.heads(&copy);
            let is_closed = |head: &&crate::version::Head| head.kind.is_same(&loser.kind);
            let supersedes = heads.iter().chain(there).filter(is_closed).map(|head| head.id).collect();
            entries.push(Entry {
                path: copy.clone(),
                kind: loser.kind.clone(),
                supersedes,
                moved_from: Some(loser.id),
            });
            copies.push(copy);
        }
        self.write(entries, &BTreeMap::new(), turn);
        for copy in copies {
            turn.tell(Tell::Conflict(self.id, path.clone(), copy));
        }
    }
}
