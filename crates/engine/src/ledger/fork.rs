//! Authors who wrote two of one: finding the contradiction, freezing the chain, making and reading the proof.

use prost::Message as _;

use crate::block::{Block, Header, Invalid, PROOF, SignedHeader, with_kind};
use crate::codec::{Garbage, record};
use crate::effect::RecordKey;
use crate::id::{ChainId, RecordHash};
use crate::limits::SUSPECTS_MAX;
use crate::membership::SignedMembership;

use super::{AcceptedRecord, Content, Fork, Learned, Ledger, PROOF_INDEX};

/// Where a chain ends for everybody, and why.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    /// How many blocks are left.
    pub(super) index: u64,
    /// The record that proves it; `None` until the ledger is loaded anew.
    pub(super) proof: Option<Vec<u8>>,
}

/// Two statements of one author about one block.
pub(super) struct Contradiction {
    chain: ChainId,
    /// The block they contradict each other about.
    index: u64,
    one: SignedHeader,
    /// `None` if the other one is in the chain: only its hash is remembered.
    other: Option<SignedHeader>,
}

/// A header and its hash.
type Said<'a> = (&'a Header, RecordHash);

/// What contradicts a block.
enum Other<'a> {
    Held(&'a Block),
    Suspect(&'a SignedHeader),
    /// A block of the chain; its header is not at hand.
    Line,
}

impl Other<'_> {
    fn is_line(&self) -> bool {
        matches!(self, Other::Line)
    }
}

impl SignedHeader {
    fn said(&self) -> Said<'_> {
        (&self.header, self.hash)
    }
}

impl Ledger {
    /// Where somebody wrote two of one.
    pub fn forks(&self) -> Vec<Fork> {
        let split = self.line.split_author().map(|author| Fork { chain: None, author, index: self.line.count() });
        let forked = self.frozen.keys().filter_map(|&id| Some(fork(id, self.frozen_at(id)?.index)));
        split.into_iter().chain(forked).collect()
    }

    /// Whether a chain ends because its author wrote two of one.
    pub fn is_frozen(&self, chain: ChainId) -> bool {
        self.frozen_at(chain).is_some()
    }

    /// Where a chain ends because of a fork. Forks of devices that never were members, as the memberships stand now, do
    /// not exist: who heard of the memberships first never took them for forks.
    pub(super) fn frozen_at(&self, chain: ChainId) -> Option<&Frozen> {
        self.frozen.get(&chain).filter(|_| self.line.was_member(chain.device))
    }

    /// Whether the memberships end because somebody wrote two of one. Only the recovery key can go on.
    pub fn is_membership_frozen(&self) -> bool {
        self.line.split_author().is_some()
    }

    /// The lowest block about which this one and what its author signed before contradict each other.
    pub(super) fn find_fork(&self, block: &Block) -> Option<Contradiction> {
        let id = block.header.chain;
        // Chains beyond what a device may have are not remembered, so neither are their forks.
        if !self.line.was_member(id.device) || !self.chains.contains_key(&id) {
            return None;
        }
        let one = (&block.header, block.hash);
        let held = self.held.beside(id, block.header.index);
        let held = held.filter_map(|held| Some((contradiction(one, (&held.header, held.hash))?, Other::Held(held))));
        let suspects = self.suspects.get(&id).into_iter().flatten();
        let suspects = suspects.filter_map(|other| Some((contradiction(one, other.said())?, Other::Suspect(other))));
        let lines = self.line_contradiction(one).map(|index| (index, Other::Line));
        // A pair proves it to others, so it comes before one that only we can see.
        let (index, other) =
            held.chain(suspects).chain(lines).min_by_key(|(index, other)| (*index, other.is_line()))?;
        let is_new = self.frozen_at(id).is_none_or(|frozen| {
            index < frozen.index || (index == frozen.index && frozen.proof.is_none() && !other.is_line())
        });
        if !is_new {
            return None;
        }
        let other = match other {
            Other::Held(held) => held.signed_header().ok(),
            Other::Suspect(header) => Some(header.clone()),
            Other::Line => None,
        };
        Some(Contradiction { chain: id, index, one: block.signed_header().ok()?, other })
    }

    /// Ends a chain before the block that was contradicted.
    pub(super) fn freeze(&mut self, found: Contradiction, freed: &mut Vec<Block>) -> (Fork, Option<AcceptedRecord>) {
        let Contradiction { chain: id, index, one, other } = found;
        let proof = other.as_ref().map(|other| proof_of(&one, other));
        let chain = self.chains.entry(id).or_default();
        // Without a proof the ledger is loaded anew, too: then the one in the chain meets the one remembered here.
        self.is_stale |= chain.len() > index || proof.is_none();
        chain.blocks.truncate(usize::try_from(index).unwrap_or(usize::MAX));
        // What they say of the block before them may contradict a third one.
        self.remember(one);
        other.into_iter().for_each(|other| self.remember(other));
        self.frozen.insert(id, Frozen { index, proof: proof.clone() });
        freed.extend(self.held.take_chain(id));
        (fork(id, index), proof.map(|bytes| fork_record(id, index, bytes)))
    }

    /// Remembers what an author signed and should not have, in case it shows to have signed another one as well.
    pub(super) fn suspect(&mut self, block: &Block) {
        let (id, index) = (block.header.chain, block.header.index);
        let is_useless = self.frozen_at(id).is_some_and(|frozen| frozen.index < index);
        if self.chains.contains_key(&id)
            && !is_useless
            && let Ok(header) = block.signed_header()
        {
            self.remember(header);
        }
    }

    pub(super) fn learn_proof(&mut self, bytes: &[u8]) -> Result<Learned, Invalid> {
        let proof =
            record::Proof::decode(bytes.get(1..).unwrap_or_default()).map_err(|_| Garbage("proof not readable"))?;
        let (one, other) = proof.one.zip(proof.other).ok_or(Garbage("half a proof"))?;
        if proof.is_membership {
            return self.learn_split(one, other);
        }
        let (one, other) = (SignedHeader::parse(one)?, SignedHeader::parse(other)?);
        let id = one.header.chain;
        if one.header.folder != self.folder() || other.header.folder != self.folder() {
            return Err(Invalid::OtherFolder);
        }
        let index =
            contradiction(one.said(), other.said()).filter(|_| id == other.header.chain).ok_or(Invalid::Link)?;
        if !self.line.was_member(id.device) || (!self.chains.contains_key(&id) && self.has_many_chains(id)) {
            return Err(Invalid::NotAWriter);
        }
        if self.frozen_at(id).is_some_and(|frozen| frozen.index <= index && frozen.proof.is_some()) {
            return Ok(Learned::Known);
        }
        let (mut freed, mut accepted) = (Vec::new(), Vec::new());
        let (_, record) = self.freeze(Contradiction { chain: id, index, one, other: Some(other) }, &mut freed);
        accepted.extend(record);
        self.settle(freed, &mut accepted);
        Ok(Learned::Accepted(accepted))
    }

    /// The proofs of all forks of chains, as records to be stored.
    pub(super) fn fork_records(&self) -> impl Iterator<Item = AcceptedRecord> {
        self.frozen.iter().filter_map(|(&id, frozen)| Some(fork_record(id, frozen.index, frozen.proof.clone()?)))
    }

    /// The proof that somebody wrote two memberships, as a record to be stored.
    pub(super) fn split_record(&self) -> Option<AcceptedRecord> {
        let author = self.line.split_author()?;
        let fork = Fork { chain: None, author, index: self.line.count() };
        Some(AcceptedRecord {
            key: RecordKey::Membership(PROOF_INDEX + self.line.count()),
            bytes: self.line.proof()?,
            content: Content::Fork(fork),
        })
    }

    fn learn_split(&mut self, one: record::Signed, other: record::Signed) -> Result<Learned, Invalid> {
        let mut accepted = Vec::new();
        let mut last = Learned::Known;
        for signed in [one, other] {
            match self.learn_membership(SignedMembership::parse_signed(signed, self.folder())?) {
                Learned::Accepted(records) => accepted.extend(records),
                learned @ (Learned::Known | Learned::Waiting | Learned::Refused(_) | Learned::Forked(_)) => {
                    last = learned
                }
            }
        }
        // One of the two was part of the line for a moment only.
        let left: Vec<u64> = self.line.entries_from(0).map(|(key, _)| key).collect();
        accepted.retain(
            |record| !matches!(record.key, RecordKey::Membership(key) if key < PROOF_INDEX && !left.contains(&key)),
        );
        Ok(if accepted.is_empty() { last } else { Learned::Accepted(accepted) })
    }

    fn line_contradiction(&self, (header, hash): Said<'_>) -> Option<u64> {
        let chain = self.chains.get(&header.chain)?;
        let before = header.index.checked_sub(1).and_then(|before| Some((before, chain.hash_at(before)?)));
        match before {
            Some((before, known)) if Some(known) != header.previous => Some(before),
            Some(_) | None => (chain.hash_at(header.index)? != hash).then_some(header.index),
        }
    }

    fn remember(&mut self, header: SignedHeader) {
        let suspects = self.suspects.entry(header.header.chain).or_default();
        if suspects.iter().all(|other| other.hash != header.hash) {
            suspects.push(header);
            // The lowest can shorten a chain the most.
            suspects.sort_by_key(|header| (header.header.index, header.hash));
            suspects.truncate(SUSPECTS_MAX);
        }
    }
}

fn fork(chain: ChainId, index: u64) -> Fork {
    Fork { chain: Some(chain), author: chain.device, index }
}

fn fork_record(id: ChainId, index: u64, bytes: Vec<u8>) -> AcceptedRecord {
    AcceptedRecord { key: RecordKey::Block(id, PROOF_INDEX + index), bytes, content: Content::Fork(fork(id, index)) }
}

/// The index of the block about which two headers of one chain contradict each other.
fn contradiction((one, hash): Said<'_>, (other, other_hash): Said<'_>) -> Option<u64> {
    if one.index == other.index {
        // Two blocks before them, or only two of them.
        let index = if one.previous == other.previous { one.index } else { one.index.saturating_sub(1) };
        return (hash != other_hash).then_some(index);
    }
    let (early, early_hash, late) = if one.index < other.index { (one, hash, other) } else { (other, other_hash, one) };
    let is_next = early.index + 1 == late.index;
    (is_next && late.previous != Some(early_hash)).then_some(early.index)
}

fn proof_of(one: &SignedHeader, other: &SignedHeader) -> Vec<u8> {
    let (one, other) = if one.hash <= other.hash { (one, other) } else { (other, one) };
    let proof =
        record::Proof { one: Some(one.signed.clone()), other: Some(other.signed.clone()), is_membership: false };
    with_kind(PROOF, &proof)
}
