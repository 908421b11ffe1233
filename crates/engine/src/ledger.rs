//! A folder's truth: its memberships and the chains of all its writers, checked record by record.
//!
//! What holds is a function of the *set* of signed records, whatever order they came in:
//!
//! - The line of memberships is worked out by `membership`.
//! - A block is **linked** if its signature and links hold, its author may write by the membership it cites, everything
//!   it names is linked and its numbers follow from that. Linked blocks stay linked, whatever is learned later, but for
//!   forks.
//! - A linked entry is **void** if a membership's cut-off excludes it. Void entries are never handed out. A void block
//!   is **kept** (counted in heads, given to others) only as far as blocks that do count name it; so everybody can
//!   check those, and somebody who was removed cannot fill anybody's disk.
//! - Two headers of one chain that contradict each other are a **fork**: the chain ends for everybody before the place
//!   they contradict each other about, and what names blocks beyond it is taken as if they had been there.
//!
//! Blocks that name what is not here yet are held. When something learned later takes back what was handed out
//! already (a cut-off, a fork, a replaced membership), the ledger takes nothing more until it is loaded anew.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ed25519_dalek::SigningKey;

use crate::block::{BLOCK, Block, GENESIS, MEMBERSHIP, PROOF, SignedHeader};
use crate::codec::Garbage;
use crate::effect::RecordKey;
use crate::entry::Entry;
use crate::id::{ChainId, DeviceId, FolderId, RecordHash, VersionId};
use crate::limits::FRAME_BYTES_MAX;
use crate::membership::{Genesis, Joined, Line, Membership, SignedMembership};
use crate::request::Role;
use crate::time::Timestamp;

mod chain;
mod check;
mod fork;
mod held;
mod load;
mod trade;
mod write;

use chain::Chain;
use check::Verdict;
use fork::Frozen;
use held::{Held, Wait};

pub use crate::block::Invalid;
pub use load::Loaded;
pub use trade::Answer;
pub use write::{CannotWrite, batches};

/// Proofs of forks are stored and sent beside the blocks of their chain, or the memberships: under this number plus
/// the index of what was written twice. So no two records ever share a key.
pub const PROOF_INDEX: u64 = 1 << 63;

/// Everything known of one folder's chains, without the bodies of blocks.
#[derive(Clone, Debug)]
pub struct Ledger {
    genesis: Vec<u8>,
    line: Line,
    chains: BTreeMap<ChainId, Chain>,
    frozen: BTreeMap<ChainId, Frozen>,
    /// Headers that their authors signed and that are no part of their chains: half of a proof.
    suspects: BTreeMap<ChainId, Vec<SignedHeader>>,
    held: Held,
    /// Something that was handed out does not hold any more.
    is_stale: bool,
    /// Records come from our own disk: void blocks among them were needed when they were stored.
    is_loading: bool,
    /// The digest, until something is learned.
    digest: OnceLock<RecordHash>,
}

/// What became of a record.
#[derive(Clone, Debug)]
pub enum Learned {
    /// It is in the ledger already.
    Known,
    /// It is held until what it names is here, or until the ledger was loaded anew.
    Waiting,
    /// It is no part of this ledger.
    Refused(Invalid),
    /// It shows that its author wrote two of one. The ledger must be loaded anew, which also makes the proof.
    Forked(Fork),
    /// It and what it freed, each after everything it names. All of it is to be stored.
    Accepted(Vec<AcceptedRecord>),
}

/// A record that is part of the ledger now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedRecord {
    /// Its name in the segments.
    pub key: RecordKey,
    /// The record, to be stored and sent as it is; empty if it was loaded from the segments.
    pub bytes: Vec<u8>,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Who is in.
    Membership,
    /// What a writer did.
    Block(AcceptedBlock),
    /// The proof that somebody wrote two of one.
    Fork(Fork),
}

/// A block that is part of the ledger now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedBlock {
    /// Its chain.
    pub chain: ChainId,
    /// Its place in the chain.
    pub index: u64,
    /// Greater than the lamport of everything it names.
    pub lamport: u64,
    /// What its author's clock said; for display.
    pub time: Timestamp,
    /// Who wrote it.
    pub author: DeviceId,
    /// What the membership it cites calls the author: the same for everybody, whatever is decided later.
    pub author_name: String,
    /// The entries that count.
    pub entries: Vec<AcceptedEntry>,
    /// None of its entries count: it only links what does.
    pub is_void: bool,
}

/// An entry that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedEntry {
    /// Its place in the ledger.
    pub id: VersionId,
    /// BLAKE3 of its bytes.
    pub hash: RecordHash,
    /// What it says.
    pub entry: Entry,
}

/// Somebody wrote two of one: two blocks of a chain, or two memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The chain; `None` if it is the memberships.
    pub chain: Option<ChainId>,
    /// Who did.
    pub author: DeviceId,
    /// How many blocks or membership entries are left.
    pub index: u64,
}

impl Ledger {
    /// Begins the ledger of the folder that this genesis founds.
    pub fn found(genesis: &[u8]) -> Result<Ledger, Invalid> {
        Ok(Ledger {
            line: Line::new(Genesis::parse(genesis)?),
            genesis: genesis.to_vec(),
            chains: BTreeMap::new(),
            frozen: BTreeMap::new(),
            suspects: BTreeMap::new(),
            held: Held::default(),
            is_stale: false,
            is_loading: false,
            digest: OnceLock::new(),
        })
    }

    /// Founds a folder: writes its genesis, which makes the key's device the owner. `name` must fit `NAME_BYTES_MAX`.
    pub fn write_genesis(key: &SigningKey, nonce: [u8; 32], name: &str, time: Timestamp) -> Vec<u8> {
        Genesis::seal(key, nonce, name, time, None)
    }

    /// Founds a folder with a recovery key, which outranks every owner.
    pub fn write_recoverable_genesis(
        key: &SigningKey,
        nonce: [u8; 32],
        name: &str,
        time: Timestamp,
        recovery: DeviceId,
    ) -> Vec<u8> {
        Genesis::seal(key, nonce, name, time, Some(recovery))
    }

    /// The record the ledger began with.
    pub fn genesis(&self) -> &[u8] {
        &self.genesis
    }

    /// The folder's id.
    pub fn folder(&self) -> FolderId {
        self.line.genesis().folder
    }

    /// The name the folder was given when it was founded.
    pub fn name(&self) -> &str {
        &self.line.genesis().name
    }

    /// Who founded the folder.
    pub fn founder(&self) -> DeviceId {
        self.line.genesis().owner
    }

    /// Who is in now.
    pub fn membership(&self) -> &Membership {
        self.line.latest()
    }

    /// What a device may do now, `None` if it is no member.
    pub fn role(&self, device: DeviceId) -> Option<Role> {
        self.membership().role(device)
    }

    /// Whether a device was a member once and is none now.
    pub fn was_member(&self, device: DeviceId) -> bool {
        self.role(device).is_none()
            && self.line.entries_from(0).any(|(_, entry)| entry.membership.role(device).is_some())
    }

    /// How many membership entries there are.
    pub fn memberships(&self) -> u64 {
        self.line.count()
    }

    /// The membership entries from that one on, as records.
    pub fn membership_records(&self, from: u64) -> Vec<Vec<u8>> {
        self.line.entries_from(from).map(|(_, entry)| entry.record()).collect()
    }

    /// The memberships, and the proof if somebody wrote two of one, as they are to be stored.
    pub fn stored_memberships(&self) -> Vec<(RecordKey, Vec<u8>)> {
        let entries = self.line.entries_from(0).map(|(key, entry)| (RecordKey::Membership(key), entry.record()));
        entries.chain(self.split_record().map(|record| (record.key, record.bytes))).collect()
    }

    /// Whether the ledger holds that version and it counts.
    pub fn knows(&self, version: VersionId) -> bool {
        self.chains.get(&version.chain).is_some_and(|chain| version.sequence < chain.handed.min(chain.entries()))
    }

    /// Whether something was taken back that was handed out. The caller then reads all records, calls
    /// [`Ledger::refold`] and folds anew; until then the ledger holds every block and writes none.
    pub fn needs_refold(&self) -> bool {
        self.is_stale
    }

    /// Learns a record from a peer or from our own segments.
    pub fn learn(&mut self, record: &[u8]) -> Learned {
        if record.len() > FRAME_BYTES_MAX {
            return Learned::Refused(Invalid::Garbage(Garbage("a record too large")));
        }
        self.digest = OnceLock::new();
        let learned = match record.first() {
            Some(&GENESIS) if record == self.genesis => Ok(Learned::Known),
            Some(&GENESIS) => Err(Invalid::OtherFolder),
            Some(&MEMBERSHIP) => {
                SignedMembership::parse(record, self.folder()).map(|entry| self.learn_membership(entry))
            }
            Some(&BLOCK) => self.learn_block(record),
            Some(&PROOF) => self.learn_proof(record),
            Some(_) => Err(Invalid::Newer),
            None => Err(Invalid::Garbage(Garbage("an empty record"))),
        };
        learned.unwrap_or_else(Learned::Refused)
    }

    fn learn_membership(&mut self, entry: SignedMembership) -> Learned {
        let had_split = self.line.proof();
        let joined = self.line.learn(entry);
        let from = match joined {
            Joined::Known => return Learned::Known,
            Joined::Held => return Learned::Waiting,
            Joined::Refused(invalid) => return Learned::Refused(invalid),
            Joined::Grew(from) => from,
            Joined::Replaced(from) | Joined::Split(from) => {
                self.is_stale |= self.chains.values().any(|chain| !chain.blocks.is_empty());
                from
            }
        };
        self.is_stale |=
            self.chains.iter().any(|(&id, chain)| chain.handed != chain.entries().min(self.limit(id, chain)));
        let member = |(key, entry): (u64, &SignedMembership)| AcceptedRecord {
            key: RecordKey::Membership(key),
            bytes: entry.record(),
            content: Content::Membership,
        };
        let mut accepted: Vec<AcceptedRecord> = self.line.entries_from(from).map(member).collect();
        accepted.extend(self.split_record().filter(|record| Some(&record.bytes) != had_split.as_ref()));
        let freed = self.held.take_all();
        self.settle(freed, &mut accepted);
        Learned::Accepted(accepted)
    }

    fn learn_block(&mut self, record: &[u8]) -> Result<Learned, Invalid> {
        let block = Block::parse(record)?;
        if block.header.folder != self.folder() {
            return Err(Invalid::OtherFolder);
        }
        let known = self.chains.get(&block.header.chain).and_then(|chain| chain.hash_at(block.header.index));
        if known == Some(block.hash) {
            return Ok(Learned::Known);
        }
        if self.held.contains(block.hash) {
            return Ok(Learned::Waiting);
        }
        block.signed_header()?.verify()?;
        let mut accepted = Vec::new();
        let first = self.settle(vec![block], &mut accepted);
        Ok(match first {
            Some(learned) if accepted.is_empty() => learned,
            Some(_) | None => Learned::Accepted(accepted),
        })
    }

    /// Considers blocks, and those that are freed by them. Returns what became of the first one.
    fn settle(&mut self, mut queue: Vec<Block>, accepted: &mut Vec<AcceptedRecord>) -> Option<Learned> {
        let mut first = None;
        while let Some(block) = queue.pop() {
            let learned = if self.is_stale {
                self.held.insert(block, Wait::Refold);
                Learned::Waiting
            } else {
                self.consider(block, accepted, &mut queue)
            };
            first.get_or_insert(learned);
        }
        first
    }

    fn consider(&mut self, block: Block, accepted: &mut Vec<AcceptedRecord>, freed: &mut Vec<Block>) -> Learned {
        self.note(&block);
        if let Some(fork) = self.find_fork(&block) {
            let (fork, proof) = self.freeze(fork, freed);
            accepted.extend(proof);
            // Below the fork the block may be a good one.
            if block.header.index < fork.index {
                freed.push(block);
            }
            return Learned::Forked(fork);
        }
        match self.check(&block) {
            Verdict::Known => Learned::Known,
            Verdict::Wait(wait) => {
                freed.extend(self.held.take_needed(&wait));
                self.held.insert(block, wait);
                Learned::Waiting
            }
            Verdict::Refuse(invalid) => {
                self.suspect(&block);
                Learned::Refused(invalid)
            }
            Verdict::Accept(entries) => {
                accepted.push(self.accept(block, entries, freed));
                Learned::Known
            }
        }
    }

    fn accept(&mut self, block: Block, entries: Vec<(RecordHash, Entry)>, freed: &mut Vec<Block>) -> AcceptedRecord {
        let header = &block.header;
        let id = header.chain;
        let cited = self.line.place_of(header.membership).unwrap_or_default();
        let author_name = self.line.name_at(cited, id.device).unwrap_or_default().to_owned();
        let chain = self.chains.entry(id).or_default();
        chain.push(&block, cited);
        let chain = &self.chains[&id];
        let limit = self.limit(id, chain);
        let counts = usize::try_from(limit.saturating_sub(header.first_sequence)).unwrap_or(usize::MAX);
        let id_of = |sequence: u64| VersionId { chain: id, sequence };
        let entries: Vec<AcceptedEntry> = (header.first_sequence..)
            .zip(entries)
            .take(counts)
            .map(|(sequence, (hash, entry))| AcceptedEntry { id: id_of(sequence), hash, entry })
            .collect();
        let is_void = entries.is_empty();
        if let Some(chain) = self.chains.get_mut(&id) {
            chain.handed += entries.len() as u64;
            if is_void {
                let named = header.after.iter().map(|head| (head.chain, head.blocks)).collect();
                chain.void_after.insert(header.index, named);
            }
        }
        self.keep(header, is_void, freed);
        freed.extend(self.held.take_after(id, header.index + 1));
        AcceptedRecord {
            key: RecordKey::Block(id, header.index),
            content: Content::Block(AcceptedBlock {
                chain: id,
                index: header.index,
                lamport: header.lamport,
                time: header.time,
                author: id.device,
                author_name,
                entries,
                is_void,
            }),
            bytes: block.record,
        }
    }
}

#[cfg(test)]
mod tests;
