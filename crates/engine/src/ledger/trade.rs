//! What two devices tell each other of a ledger: its ends, what one lacks, what the other gives.

use std::collections::BTreeSet;

use crate::effect::RecordRange;
use crate::id::{ChainId, DeviceId, RecordHash};
use crate::limits::{EXCHANGE_BYTES_MAX, RANGES_MAX};
use crate::message::ChainHead;

use super::chain::Chain;
use super::fork::Frozen;
use super::{Ledger, PROOF_INDEX};

/// How far before two ends that differ the blocks are asked for, to find where they part.
const LOOK_BACK: u64 = 16;

/// What to send to somebody who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// In this order, each record after what it names.
    pub ranges: Vec<RecordRange>,
    /// There is more; the asker asks again.
    pub has_more: bool,
}

impl Ledger {
    /// The end of each chain, and of the memberships, which go by the name of a chain of their own. Equal ends mean an
    /// equal past.
    pub fn heads(&self) -> Vec<ChainHead> {
        self.chains.keys().filter_map(|&id| self.head(id)).chain([self.line_head()]).collect()
    }

    /// The end of one chain, if it has any blocks that others should have, or is frozen.
    pub fn head(&self, id: ChainId) -> Option<ChainHead> {
        let chain = self.chains.get(&id)?;
        let blocks = self.kept(id, chain);
        let last = blocks.checked_sub(1).and_then(|last| chain.hash_at(last));
        match self.frozen_at(id) {
            Some(frozen) => Some(ChainHead { chain: id, blocks, hash: frozen_hash(frozen.index, last) }),
            None => last.map(|hash| ChainHead { chain: id, blocks, hash }),
        }
    }

    /// How many records there are, but for the genesis and proofs.
    pub fn records(&self) -> u64 {
        let blocks: u64 = self.chains.iter().map(|(id, chain)| self.kept(*id, chain)).sum();
        blocks + self.memberships()
    }

    /// A hash over the membership and all heads: equal on two devices that know the same.
    pub fn digest(&self) -> RecordHash {
        *self.digest.get_or_init(|| self.hash_heads())
    }

    fn hash_heads(&self) -> RecordHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"shoal-digest-v1").update(&self.membership().hash.0);
        hasher.update(&[u8::from(self.is_membership_frozen())]);
        for head in self.chains.keys().filter_map(|&id| self.head(id)) {
            hasher.update(&head.chain.device.0).update(&head.chain.incarnation.to_le_bytes());
            hasher.update(&head.blocks.to_le_bytes()).update(&head.hash.0);
        }
        RecordHash(*hasher.finalize().as_bytes())
    }

    /// Which blocks to ask of somebody with these heads: per chain, from which index on.
    pub fn lacking(&self, their: &[ChainHead]) -> Vec<(ChainId, u64)> {
        their.iter().filter_map(|head| Some((head.chain, self.lacking_from(head)?))).collect()
    }

    /// From which membership entry on to ask somebody who has that many.
    pub fn lacking_memberships(&self, their: u64) -> Option<u64> {
        (their > self.memberships()).then_some(self.memberships())
    }

    /// Proofs of forks that somebody with these heads does not know, to be sent unasked.
    pub fn proofs_for(&self, their_memberships: u64, their: &[ChainHead]) -> Vec<RecordRange> {
        let is_split = self.is_membership_frozen() && their_memberships > self.memberships();
        let split = is_split.then(|| self.split_range());
        let unaware = |head: &&ChainHead| {
            self.frozen_at(head.chain).is_some_and(|frozen| frozen.proof.is_some() && head.blocks > frozen.index)
        };
        let proofs = their.iter().filter(unaware).take(RANGES_MAX).filter_map(|head| self.proof_range(head.chain));
        split.into_iter().chain(proofs).collect()
    }

    /// What to send to somebody who asks for memberships from that one on and for these chains from these indexes on.
    ///
    /// What is asked for from somewhere beyond the end is not sent. Bounded; the asker asks again from where it is then.
    pub fn ranges_for(&self, memberships_from: u64, chains: &[(ChainId, u64)]) -> Answer {
        let mut answer = Answer::default();
        let line = self.line_head().chain;
        let from = chains.iter().filter(|(id, _)| *id == line).map(|&(_, from)| from).min().unwrap_or(memberships_from);
        for (key, _) in self.line.entries_from(from.min(memberships_from)) {
            match answer.ranges.last_mut() {
                Some(RecordRange::Memberships { to, .. }) if *to == key => *to += 1,
                Some(_) | None => answer.ranges.push(RecordRange::Memberships { from: key, to: key + 1 }),
            }
        }
        answer.ranges.extend(self.is_membership_frozen().then(|| self.split_range()));
        let proofs = chains.iter().filter_map(|&(id, _)| self.proof_range(id)).take(RANGES_MAX / 2);
        answer.ranges.extend(proofs);
        self.add_blocks(&mut answer, chains);
        answer
    }

    /// The end of the memberships: a chain that no device can have, since its device is the folder.
    fn line_head(&self) -> ChainHead {
        let chain = ChainId { device: DeviceId(self.folder().0), incarnation: 0 };
        let (blocks, last) = (self.memberships(), self.membership().hash);
        let hash = if self.is_membership_frozen() { frozen_hash(blocks, Some(last)) } else { last };
        ChainHead { chain, blocks, hash }
    }

    fn split_range(&self) -> RecordRange {
        let from = PROOF_INDEX + self.memberships();
        RecordRange::Memberships { from, to: from + 1 }
    }

    fn proof_range(&self, chain: ChainId) -> Option<RecordRange> {
        let frozen = self.frozen_at(chain).filter(|frozen| frozen.proof.is_some())?;
        let from = PROOF_INDEX + frozen.index;
        Some(RecordRange::Blocks { chain, from, to: from + 1 })
    }

    fn lacking_from(&self, head: &ChainHead) -> Option<u64> {
        let line = self.line_head();
        if head.chain == line.chain {
            // Longer than ours is asked for by number. As long or shorter, it is the beginning of ours or another one.
            let is_beginning = self.line.place_of(head.hash) == Some(head.blocks);
            let is_parted = head.blocks <= line.blocks || self.line.is_parted();
            return (is_parted && !is_beginning && *head != line).then_some(0);
        }
        let empty = Chain::default();
        let chain = self.chains.get(&head.chain).unwrap_or(&empty);
        let is_behind = head.blocks.checked_sub(1).and_then(|last| chain.hash_at(last)) == Some(head.hash);
        if is_behind || self.head(head.chain).as_ref() == Some(head) {
            return None;
        }
        if let Some(&Frozen { index, .. }) = self.frozen_at(head.chain) {
            // Theirs may be frozen earlier; if it is longer, they do not know yet.
            let is_short = chain.len() < index && head.blocks > chain.len();
            let is_earlier = head.blocks <= index;
            return if is_short {
                Some(chain.len())
            } else {
                is_earlier.then_some(head.blocks.saturating_sub(LOOK_BACK))
            };
        }
        if head.blocks > chain.len() {
            return Some(chain.len());
        }
        // As long as ours or shorter, but another end: frozen there, or another branch.
        Some(head.blocks.saturating_sub(LOOK_BACK))
    }

    /// Adds blocks, lowest lamport first: a block's lamport is greater than that of all it names.
    fn add_blocks(&self, answer: &mut Answer, chains: &[(ChainId, u64)]) {
        let next = |id: ChainId, index: u64| {
            let chain = self.chains.get(&id)?;
            let line = chain.line(index).filter(|_| index < self.kept(id, chain))?;
            Some((line.lamport, id, index, u64::from(line.bytes)))
        };
        let mut ready: BTreeSet<_> = chains.iter().filter_map(|&(id, from)| next(id, from)).collect();
        let mut bytes = 0;
        while let Some((_, id, index, size)) = ready.pop_first() {
            let is_full = bytes > 0 && bytes + size > EXCHANGE_BYTES_MAX as u64;
            if is_full || answer.ranges.len() >= RANGES_MAX {
                answer.has_more = true;
                return;
            }
            bytes += size;
            match answer.ranges.last_mut() {
                Some(RecordRange::Blocks { chain, to, .. }) if *chain == id && *to == index => *to += 1,
                Some(_) | None => {
                    answer.ranges.push(RecordRange::Blocks { chain: id, from: index, to: index + 1 });
                }
            }
            ready.extend(next(id, index + 1));
        }
    }
}

/// The end of a frozen chain looks unlike that of the same chain where nobody knows of the fork yet, so they will ask.
fn frozen_hash(index: u64, last: Option<RecordHash>) -> RecordHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"shoal-frozen-v1").update(&index.to_le_bytes());
    hasher.update(&last.map_or([0; 32], |hash| hash.0));
    RecordHash(*hasher.finalize().as_bytes())
}
