//! Settling conflicts: one block that keeps every loser beside the winner and closes all heads at once.
//!
//! Names and contents come from the entries alone, so two devices that settle the same conflict write the same versions.

use std::collections::BTreeMap;

use crate::conflict::copy_path;
use crate::effect::Tell;
use crate::entry::{Entry, Kind};
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
            let is_unsure = self.looking.has(path) || self.recording.has(path);
            !is_unsure && (is_ours || turn.now.since(**since) >= SETTLE_GRACE)
        };
        let due: Vec<RelPath> = self.conflicts.iter().filter(is_due).map(|(path, _)| path.clone()).collect();
        for path in due {
            self.conflicts.remove(&path);
            self.settle(&path, turn);
        }
    }

    fn settle(&mut self, path: &RelPath, turn: &mut Turn<'_>) {
        let reconciled = self.index.reconciled(path);
        let Some(winner) = reconciled.winner else { return };
        let heads = self.index.get(path).map(|state| state.heads.as_slice()).unwrap_or_default();
        let mut entries = Vec::new();
        let mut copies = Vec::new();
        for loser in &reconciled.losers {
            let copy = copy_path(path, loser);
            let is_there = self.index.reconciled(&copy).winner.is_some_and(|head| head.kind.is_same(&loser.kind));
            if copy != *path && !is_there {
                entries.push(Entry { path: copy.clone(), kind: loser.kind.clone(), supersedes: Vec::new(), moved_from: Some(loser.id) });
            }
            copies.push(copy);
        }
        // All heads, or two devices could settle differently and never notice.
        let kind = if reconciled.gives_way { Kind::Directory } else { winner.kind.clone() };
        entries.push(Entry { path: path.clone(), kind, supersedes: heads.iter().map(|head| head.id).collect(), moved_from: None });
        self.write(entries, &BTreeMap::new(), turn);
        for copy in copies {
            turn.tell(Tell::Conflict(self.id, path.clone(), copy));
        }
    }
}
