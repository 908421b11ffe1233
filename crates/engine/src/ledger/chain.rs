//! What is remembered of one chain: a line per block, and how far it counts.

use std::collections::BTreeMap;

use crate::block::{Block, Header};
use crate::id::{ChainId, RecordHash};

use super::{Ledger, Wait};

/// What is remembered of a block.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) hash: RecordHash,
    pub(super) lamport: u64,
    pub(super) first_sequence: u64,
    pub(super) count: u32,
    /// The record's length.
    pub(super) bytes: u32,
}

/// One chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// The linked blocks.
    pub(super) blocks: Vec<Line>,
    /// How many blocks of each other chain this chain's blocks name.
    pub(super) seen: BTreeMap<ChainId, u64>,
    /// Where in the line of memberships the one stands that the first and the last block cite.
    pub(super) first_cited: u64,
    pub(super) cited: u64,
    /// How many blocks are named by blocks that are kept.
    pub(super) needed: u64,
    /// How many blocks its author has signed, for all we have seen.
    pub(super) tallest: u64,
    /// How many entries were handed out.
    pub(super) handed: u64,
    /// What void blocks name.
    pub(super) void_after: BTreeMap<u64, Vec<(ChainId, u64)>>,
}

impl Chain {
    pub(super) fn len(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// How many entries the linked blocks have.
    pub(super) fn entries(&self) -> u64 {
        self.blocks.last().map_or(0, |line| line.first_sequence + u64::from(line.count))
    }

    pub(super) fn line(&self, index: u64) -> Option<&Line> {
        self.blocks.get(usize::try_from(index).ok()?)
    }

    pub(super) fn hash_at(&self, index: u64) -> Option<RecordHash> {
        self.line(index).map(|line| line.hash)
    }

    /// How many entries the first `blocks` blocks have.
    pub(super) fn entries_in(&self, blocks: u64) -> u64 {
        blocks
            .checked_sub(1)
            .and_then(|last| self.line(last))
            .map_or(0, |line| line.first_sequence + u64::from(line.count))
    }

    /// How many blocks have an entry before `limit`.
    pub(super) fn counting(&self, limit: u64) -> u64 {
        self.blocks.partition_point(|line| line.first_sequence < limit) as u64
    }

    pub(super) fn push(&mut self, block: &Block, cited: u64) {
        let header = &block.header;
        if self.blocks.is_empty() {
            self.first_cited = cited;
        }
        self.cited = cited;
        self.seen.extend(header.after.iter().map(|head| (head.chain, head.blocks)));
        self.blocks.push(Line {
            hash: block.hash,
            lamport: header.lamport,
            first_sequence: header.first_sequence,
            count: header.count,
            bytes: u32::try_from(block.record.len()).unwrap_or(u32::MAX),
        });
    }
}

impl Ledger {
    /// How many entries of a chain count.
    pub(super) fn limit(&self, id: ChainId, chain: &Chain) -> u64 {
        if planted!(CutOffsForgotten) {
            return u64::MAX;
        }
        self.line.entries_accepted(id, chain.first_cited)
    }

    /// How many blocks of a chain others should have: those that count and those that something that counts names.
    pub(super) fn kept(&self, id: ChainId, chain: &Chain) -> u64 {
        chain.counting(self.limit(id, chain)).max(chain.needed.min(chain.len()))
    }

    /// Keeps everything that an accepted block names, and what that names, if the block itself is kept.
    pub(super) fn keep(&mut self, header: &Header, is_void: bool, freed: &mut Vec<Block>) {
        let is_needed = self.chains.get(&header.chain).is_some_and(|chain| chain.needed > header.index);
        if is_void && !is_needed {
            return;
        }
        let mut named: Vec<(ChainId, u64)> = header.after.iter().map(|head| (head.chain, head.blocks)).collect();
        while let Some((id, blocks)) = named.pop() {
            let Some(chain) = self.chains.get_mut(&id) else { continue };
            if chain.needed >= blocks {
                continue;
            }
            // Void blocks that were not kept before are kept now, and with them what they name.
            let newly = chain.void_after.range(chain.needed..blocks).flat_map(|(_, names)| names.iter().copied());
            named.extend(newly);
            chain.needed = blocks;
            freed.extend(self.held.take(Wait::Needed(id, 0)..=Wait::Needed(id, blocks - 1)));
        }
    }

    /// Notes that the author of a chain has signed this block, so that it never signs another one in its place.
    pub(super) fn note(&mut self, block: &Block) {
        let id = block.header.chain;
        let is_bounded =
            self.chains.contains_key(&id) || (self.line.was_member(id.device) && !self.has_many_chains(id));
        if is_bounded {
            let chain = self.chains.entry(id).or_default();
            chain.tallest = chain.tallest.max(block.header.index + 1);
        }
    }

    /// Whether a device has as many chains here as a device may have, or all devices together.
    pub(super) fn has_many_chains(&self, id: ChainId) -> bool {
        let first = ChainId { device: id.device, incarnation: 0 };
        let last = ChainId { device: id.device, incarnation: u64::MAX };
        self.chains.len() >= crate::limits::CHAINS_MAX
            || self.chains.range(first..=last).count() >= crate::limits::INCARNATIONS_MAX
    }
}
