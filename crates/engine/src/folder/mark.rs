//! The mark: up to which blocks everything stood on this disk once. It stands in for an index that was lost.
//!
//! Without it a file that was edited meanwhile would be a conflict with itself, and one that was deleted would come
//! back. The mark is part of the folder's record, so it is durable; it is set in calm moments only.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::effect::Effect;
use crate::folder::Folder;
use crate::id::{ChainId, VersionId};
use crate::ledger::{AcceptedRecord, Content};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::version::{Head, ancestors};

/// Pause between two marks: each costs a sync of the disk.
const MARK_EVERY: Duration = Duration::from_secs(5);

impl Folder {
    /// Sets the mark if everything that is known stands on this disk.
    pub(super) fn mark_due(&mut self, turn: &mut Turn<'_>) {
        self.mark.is_due = (self.is_settled() || planted!(MarkedTooEarly))
            && (self.planning.lacking.is_empty() || planted!(MarkedTooEarly))
            && self.index.problems.iter().all(|path| self.is_unspoken(path))
            && self.mark.digest != Some(self.ledger.digest());
        if !self.mark.is_due || self.mark.set_at.is_some_and(|at| turn.now.since(at) < MARK_EVERY) {
            return;
        }
        self.mark = Mark { digest: Some(self.ledger.digest()), set_at: Some(turn.now), is_due: false };
        // The memberships are shown as a chain of the folder's own.
        let chains = self.ledger.heads().into_iter().filter(|head| head.chain.device.0 != self.id.0);
        let mark: BTreeMap<ChainId, u64> = chains.map(|head| (head.chain, head.blocks)).collect();
        if mark != self.record.mark {
            self.record.mark = mark;
            turn.push(Effect::SaveFolder(self.record.clone()));
        }
    }

    /// Whether the ledger has everything that the mark names.
    pub(super) fn has_marked(&self) -> bool {
        let mut mark = self.record.mark.iter();
        mark.all(|(chain, blocks)| self.ledger.head(*chain).is_some_and(|head| head.blocks >= *blocks))
    }

    /// Whether no entry speaks of a path and nothing of it is remembered: what is left alone there, such as a link that
    /// leaves the folder, says nothing about what stood elsewhere.
    fn is_unspoken(&self, path: &RelPath) -> bool {
        self.index.get(path).is_none_or(|state| state.heads.is_empty() && state.disk.is_none())
    }

    /// Folds accepted records, and on the way takes what stood here at the mark for what stands here, where the memory
    /// of this disk says nothing or something older.
    pub(super) fn fold_over_mark(
        &mut self,
        accepted: &[AcceptedRecord],
        mut memory: BTreeMap<RelPath, Materialised>,
    ) -> BTreeMap<RelPath, Materialised> {
        let mark = if self.has_marked() { self.record.mark.clone() } else { BTreeMap::new() };
        let is_before = |record: &&AcceptedRecord| match &record.content {
            Content::Block(block) => mark.get(&block.chain).is_some_and(|blocks| block.index < *blocks),
            Content::Membership | Content::Fork(_) => false,
        };
        // What the mark names is closed under what it names: folding it first changes nothing in the end.
        let (before, after): (Vec<&AcceptedRecord>, Vec<&AcceptedRecord>) = accepted.iter().partition(is_before);
        let mut entries: BTreeMap<ChainId, u64> = BTreeMap::new();
        for record in before {
            self.fold(record);
            if let Content::Block(block) = &record.content
                && let Some(last) = block.entries.last()
            {
                entries.entry(block.chain).or_default().clone_from(&(last.id.sequence + 1));
            }
        }
        let is_marked = |version: &VersionId| entries.get(&version.chain).is_some_and(|end| version.sequence < *end);
        for (path, state) in self.index.iter() {
            let reconciled = self.index.reconciled(path);
            let Some(winner) = reconciled.winner.filter(|_| !reconciled.gives_way) else { continue };
            let is_older = |known: &Materialised| {
                let is_head = |version: &VersionId| state.heads.iter().any(|head| head.id == *version);
                !known.versions.is_empty()
                    && known.versions.iter().all(|version| is_marked(version) && !is_head(version))
            };
            if memory.get(path).is_none_or(is_older) {
                let versions = self.closing(path, &winner.kind);
                memory.insert(path.clone(), Materialised { versions, kind: winner.kind.clone(), print: None });
            }
        }
        after.into_iter().for_each(|record| self.fold(record));
        for (path, version) in self.written_here(accepted) {
            // It stood here when it was recorded; the index had no time to say so.
            let Some(state) = self.index.get(&path) else { continue };
            let is_older = |head: &Head, known: &Materialised| {
                let before = ancestors(head, &state.past);
                let is_before = |version: &VersionId| before.iter().any(|old| old.id == *version);
                // Beside another head that one may stand here by now.
                state.heads.len() == 1 && !known.versions.is_empty() && known.versions.iter().all(is_before)
            };
            let head = state.heads.iter().find(|head| head.id == version);
            if let Some(head) = head.filter(|head| memory.get(&path).is_none_or(|known| is_older(head, known))) {
                let versions = self.closing(&path, &head.kind);
                memory.insert(path, Materialised { versions, kind: head.kind.clone(), print: None });
            }
        }
        memory
    }

    /// What this memory's own chain says of each path last, if that was seen on this disk. A settled conflict was not.
    fn written_here(&self, accepted: &[AcceptedRecord]) -> BTreeMap<RelPath, VersionId> {
        let mut written = BTreeMap::new();
        for record in accepted {
            let Content::Block(block) = &record.content else { continue };
            for accepted in block.entries.iter().filter(|_| block.chain == self.own_chain() && !block.is_void) {
                let entry = &accepted.entry;
                if entry.kind.is_live() && entry.settled_from().is_none() {
                    written.insert(entry.path.clone(), accepted.id);
                } else {
                    written.remove(&entry.path);
                }
            }
        }
        written
    }
}

/// When the mark was set, and for which ledger.
#[derive(Default)]
pub(super) struct Mark {
    digest: Option<crate::id::RecordHash>,
    set_at: Option<Timestamp>,
    is_due: bool,
}

impl Mark {
    /// The mark was taken away: it is set again when everything stands on this disk.
    pub(super) fn forget(&mut self) {
        *self = Mark::default();
    }

    /// When the mark is to be set.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.set_at.filter(|_| self.is_due).map(|at| at.after(MARK_EVERY))
    }
}
