//! Blocks that name what is not here yet, each waiting for the first thing it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::block::Block;
use crate::id::{ChainId, RecordHash};
use crate::limits::{HELD_BLOCKS_MAX, HELD_BYTES_MAX};

/// What a held block waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wait {
    /// That its own chain has this many blocks.
    Previous(ChainId, u64),
    /// That a chain it names has this many blocks.
    After(ChainId, u64),
    /// The membership it cites.
    Membership(RecordHash),
    /// It is void; that something names the block of that chain and index.
    Needed(ChainId, u64),
    /// That the ledger is loaded anew.
    Refold,
}

/// The held blocks; when there are too many, the oldest goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    blocks: BTreeMap<u64, (Block, Wait)>,
    next: u64,
    bytes: usize,
    by_hash: BTreeMap<RecordHash, u64>,
    by_place: BTreeSet<(ChainId, u64, u64)>,
    by_wait: BTreeSet<(Wait, u64)>,
}

impl Held {
    pub(super) fn contains(&self, hash: RecordHash) -> bool {
        self.by_hash.contains_key(&hash)
    }

    /// Whether a held block names this block of a chain.
    pub(super) fn names(&self, chain: ChainId, index: u64) -> bool {
        let range = (Wait::After(chain, index + 1), 0)..=(Wait::After(chain, u64::MAX), u64::MAX);
        self.by_wait.range(range).next().is_some()
    }

    /// Held blocks of a chain whose index is this one or the one beside it.
    pub(super) fn beside(&self, chain: ChainId, index: u64) -> impl Iterator<Item = &Block> {
        let range = (chain, index.saturating_sub(1), 0)..=(chain, index + 1, u64::MAX);
        self.by_place.range(range).filter_map(|(_, _, id)| self.blocks.get(id).map(|(block, _)| block))
    }

    pub(super) fn insert(&mut self, block: Block, wait: Wait) {
        if self.contains(block.hash) || planted!(HeldForgotten) {
            return;
        }
        let id = self.next;
        self.next += 1;
        self.bytes += block.record.len();
        self.by_hash.insert(block.hash, id);
        self.by_place.insert((block.header.chain, block.header.index, id));
        self.by_wait.insert((wait, id));
        self.blocks.insert(id, (block, wait));
        while self.blocks.len() > HELD_BLOCKS_MAX || self.bytes > HELD_BYTES_MAX {
            let Some(oldest) = self.blocks.keys().next().copied() else { return };
            self.remove(oldest);
        }
    }

    /// Takes out the blocks that wait for anything in that range.
    pub(super) fn take(&mut self, waits: RangeInclusive<Wait>) -> Vec<Block> {
        let range = (*waits.start(), 0)..=(*waits.end(), u64::MAX);
        let ids: Vec<u64> = self.by_wait.range(range).map(|&(_, id)| id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Takes out the blocks that wait for a chain to have at most this many blocks.
    pub(super) fn take_after(&mut self, chain: ChainId, blocks: u64) -> Vec<Block> {
        let mut taken = self.take(Wait::Previous(chain, 0)..=Wait::Previous(chain, blocks));
        taken.extend(self.take(Wait::After(chain, 0)..=Wait::After(chain, blocks)));
        taken
    }

    /// Takes out the void blocks that a block waiting for `wait` names.
    pub(super) fn take_needed(&mut self, wait: &Wait) -> Vec<Block> {
        match *wait {
            Wait::After(chain, blocks) => {
                self.take(Wait::Needed(chain, 0)..=Wait::Needed(chain, blocks.saturating_sub(1)))
            }
            Wait::Previous(..) | Wait::Membership(_) | Wait::Needed(..) | Wait::Refold => Vec::new(),
        }
    }

    /// Takes out everything that is held of or waits for a chain.
    pub(super) fn take_chain(&mut self, chain: ChainId) -> Vec<Block> {
        let mut taken = self.take_after(chain, u64::MAX);
        let range = (chain, 0, 0)..=(chain, u64::MAX, u64::MAX);
        let ids: Vec<u64> = self.by_place.range(range).map(|&(_, _, id)| id).collect();
        taken.extend(ids.into_iter().filter_map(|id| self.remove(id)));
        taken
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> Vec<Block> {
        let held = std::mem::take(self);
        // Newest last in, first out: the caller takes from the end, and older ones are likelier to free others.
        held.blocks.into_values().rev().map(|(block, _)| block).collect()
    }

    /// Everything that is held, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Block> {
        self.blocks.values().map(|(block, _)| block)
    }

    fn remove(&mut self, id: u64) -> Option<Block> {
        let (block, wait) = self.blocks.remove(&id)?;
        self.bytes -= block.record.len();
        self.by_hash.remove(&block.hash);
        self.by_place.remove(&(block.header.chain, block.header.index, id));
        self.by_wait.remove(&(wait, id));
        Some(block)
    }
}
