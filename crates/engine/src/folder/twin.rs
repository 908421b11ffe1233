//! A twin: another device that writes with our key, because a home was copied and both copies run.
//!
//! An old block of ours that comes back says only that our memory was set back. But a block that is signed with our key,
//! that we did not write, and whose author knew what we wrote since we started, was written by somebody else meanwhile.
//! Nothing was mixed up until then, since a fork makes both write under numbers of their own; going on would let two
//! people take turns in one name. So the folder stands still until the next start.

use std::collections::BTreeMap;

use crate::entry::{Entry, Kind};
use crate::folder::record::Draft;
use crate::folder::{Folder, Root};
use crate::id::{ChainId, VersionId};
use crate::ledger::{AcceptedRecord, Content, Ledger};
use crate::observe::Stop;
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::turn::Turn;

/// Our chains that were written to since the start, and the first block that was.
pub(super) type Written = BTreeMap<ChainId, u64>;

impl Folder {
    /// Whether somebody else was found to write with our key.
    pub(super) fn has_twin(&self) -> bool {
        self.root == Root::Stopped(Stop::SameKey)
    }

    /// Notes a block that we wrote.
    pub(super) fn note_written(&mut self, record: &AcceptedRecord) {
        if let Content::Block(block) = &record.content {
            self.written.entry(block.chain).or_insert(block.index);
        }
    }

    /// Whether one of these records, which came from others, was written by somebody else with our key.
    pub(super) fn is_of_twin(&self, records: &[AcceptedRecord]) -> bool {
        let knows_us = |chain: ChainId, index: u64| {
            self.written.iter().any(|(own, first)| {
                if *own == chain { index > *first } else { self.ledger.blocks_seen(chain, *own) > *first }
            })
        };
        records.iter().any(|record| match &record.content {
            Content::Block(block) => block.chain.device == self.me && knows_us(block.chain, block.index),
            Content::Membership | Content::Fork(_) => false,
        })
    }

    /// Stands still because of a twin.
    pub(super) fn stop_for_twin(&mut self, turn: &mut Turn<'_>) {
        self.stop(Stop::SameKey, turn);
    }

    /// What was removed here by entries that a fork took back, with the heads that each path had.
    pub(super) fn removed_in_vain(&self) -> Vec<(RelPath, Vec<VersionId>)> {
        let heads = |path: &RelPath| self.index.heads(path).iter().map(|head| head.id).collect();
        let removed = self.taken_back().filter(|(_, disk)| disk.kind == Kind::Deleted);
        removed.map(|(path, _)| (path.clone(), heads(path))).collect()
    }

    /// Says again, under a number of our own, what this disk said in entries that a fork or a cut-off took back: what a
    /// person put here stays, and what a person removed stays away.
    pub(super) fn say_again(&mut self, before: &Ledger, removed: Vec<(RelPath, Vec<VersionId>)>, turn: &mut Turn<'_>) {
        if self.ledger.needs_refold() {
            return;
        }
        let live = self.taken_back().filter(|(_, disk)| disk.kind.is_live());
        let live: Vec<(RelPath, Materialised)> = live.map(|(path, disk)| (path.clone(), disk.clone())).collect();
        if !self.may_write() {
            // Said without a right to: it stays here, and nobody hears of it.
            for (path, disk) in live {
                self.note_disk(&path, Some(Materialised { versions: Vec::new(), ..disk }));
            }
            return;
        }
        for (path, disk) in live {
            self.recording.redraft(path, Draft::new(disk.kind, disk.print));
        }
        let mut entries = Vec::new();
        for (path, heads_then) in removed {
            // What comes to light again was known and removed; what is new was not.
            let is_known = |version: &VersionId| before.knows(*version) && !heads_then.contains(version);
            let heads = self.index.heads(&path).iter().map(|head| head.id);
            let supersedes: Vec<VersionId> = heads.filter(is_known).collect();
            if !supersedes.is_empty() {
                entries.push(Entry { path, kind: Kind::Deleted, supersedes, moved_from: None });
            }
        }
        self.write(entries, &BTreeMap::new(), turn);
    }

    /// What this disk said and the ledger does not know any more.
    fn taken_back(&self) -> impl Iterator<Item = (&RelPath, &Materialised)> {
        let is_gone = |version: &VersionId| version.chain.device == self.me && !self.ledger.knows(*version);
        let disks = self.index.iter().filter_map(|(path, state)| Some((path, state.disk.as_ref()?)));
        disks.filter(move |(_, disk)| !disk.versions.is_empty() && disk.versions.iter().all(is_gone))
    }
}
