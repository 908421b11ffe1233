//! What two devices tell each other of a ledger: its ends, what one lacks, what the other gives.

use std::collections::BTreeSet;

use crate::effect::RecordRange;
use crate::id::{ChainId, RecordHash};
use crate::limits::{EXCHANGE_BYTES_MAX, RANGES_MAX};
use crate::message::ChainHead;

use super::chain::Chain;
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
    /// The end of each chain. Equal ends mean an equal past.
    pub fn heads(&self) -> Vec<ChainHead> {
        self.chains.keys().filter_map(|&id| self.head(id)).collect()
    }

    /// The end of one chain, if it has any blocks that others should have, or is frozen.
    pub fn head(&self, id: ChainId) -> Option<ChainHead> {
        let chain = self.chains.get(&id)?;
        let blocks = self.kept(id, chain);
        let last = blocks.checked_sub(1).and_then(|last| chain.hash_at(last));
        match self.frozen.get(&id) {
            Some(frozen) => Some(ChainHead { chain: id, blocks, hash: frozen_hash(frozen.index, last) }),
            None => last.map(|hash| ChainHead { chain: id, blocks, hash }),
        }
    }

    /// A hash over the membership and all heads: equal on two devices that know the same.
    pub fn digest(&self) -> RecordHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"shoal-digest-v1").update(&self.membership().hash.0);
        hasher.update(&[u8::from(self.is_membership_frozen())]);
        for head in self.heads() {
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
        if self.is_membership_frozen() {
            return None;
        }
        if their > self.memberships() {
            return Some(self.memberships());
        }
        // Somebody cites a membership that is not in our line, which is as long: the lines differ.
        (their == self.memberships() && self.held.waits_for_membership()).then_some(0)
    }

    /// Proofs of forks that somebody with these heads does not know, to be sent unasked.
    pub fn proofs_for(&self, their_memberships: u64, their: &[ChainHead]) -> Vec<RecordRange> {
        let is_split = self.is_membership_frozen() && their_memberships > self.memberships();
        let split = is_split.then_some(RecordRange::Memberships { from: PROOF_INDEX, to: PROOF_INDEX + 1 });
        let unaware = |head: &&ChainHead| {
            self.frozen.get(&head.chain).is_some_and(|frozen| frozen.proof.is_some() && head.blocks > frozen.index)
        };
        split.into_iter().chain(their.iter().filter(unaware).map(|head| proof_range(head.chain))).collect()
    }

    /// What to send to somebody who asks for memberships from that one on and for these chains from these indexes on.
    ///
    /// What is asked for from somewhere beyond the end is not sent. Bounded; the asker asks again from where it is then.
    pub fn ranges_for(&self, memberships_from: u64, chains: &[(ChainId, u64)]) -> Answer {
        let mut answer = Answer::default();
        let (from, to) = (memberships_from, self.memberships());
        if from < to {
            answer.ranges.push(RecordRange::Memberships { from, to });
        }
        if self.is_membership_frozen() {
            answer.ranges.push(RecordRange::Memberships { from: PROOF_INDEX, to: PROOF_INDEX + 1 });
        }
        let is_proven = |id: &ChainId| self.frozen.get(id).is_some_and(|frozen| frozen.proof.is_some());
        let proofs = chains.iter().map(|&(id, _)| id).filter(is_proven).take(RANGES_MAX / 2);
        answer.ranges.extend(proofs.map(proof_range));
        self.add_blocks(&mut answer, chains);
        answer
    }

    fn lacking_from(&self, head: &ChainHead) -> Option<u64> {
        let empty = Chain::default();
        let chain = self.chains.get(&head.chain).unwrap_or(&empty);
        let is_behind = head.blocks.checked_sub(1).and_then(|last| chain.hash_at(last)) == Some(head.hash);
        if is_behind || self.head(head.chain).as_ref() == Some(head) {
            return None;
        }
        if self.is_frozen(head.chain) {
            // Theirs may be frozen earlier; if it is longer, they do not know yet.
            let index = self.frozen.get(&head.chain).map_or(0, |frozen| frozen.index);
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

fn proof_range(chain: ChainId) -> RecordRange {
    RecordRange::Blocks { chain, from: PROOF_INDEX, to: PROOF_INDEX + 1 }
}

/// The end of a frozen chain looks unlike that of the same chain where nobody knows of the fork yet, so they will ask.
fn frozen_hash(index: u64, last: Option<RecordHash>) -> RecordHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"shoal-frozen-v1").update(&index.to_le_bytes());
    hasher.update(&last.map_or([0; 32], |hash| hash.0));
    RecordHash(*hasher.finalize().as_bytes())
}
