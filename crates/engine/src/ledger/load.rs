//! A ledger out of its stored records, after a restart or when something was taken back.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::block::{BLOCK, GENESIS, Invalid, MEMBERSHIP, PROOF, hash};
use crate::codec::Garbage;
use crate::effect::RecordKey;
use crate::id::RecordHash;
use crate::membership::Line;

use super::{AcceptedRecord, Chain, Held, Learned, Ledger};

/// How often a ledger is loaded again because of what loading it brought to light.
const ROUNDS_MAX: usize = 16;

/// A ledger and everything in it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The ledger.
    pub ledger: Ledger,
    /// What it accepted: first what was stored, without bytes; then what is new.
    pub accepted: Vec<AcceptedRecord>,
    /// Where in `accepted` the new records begin, which are to be appended.
    pub new_from: usize,
}

impl Ledger {
    /// Loads a ledger from all its stored records, the genesis among them.
    ///
    /// Better than learning them one by one: memberships and proofs go first, so nothing is handed out and taken back.
    pub fn load(records: &[Vec<u8>]) -> Result<Loaded, Invalid> {
        let genesis = records.iter().find(|record| record.first() == Some(&GENESIS));
        let ledger = Ledger::found(genesis.ok_or(Garbage("a ledger without a genesis"))?)?;
        Ok(ledger.refold(records))
    }

    /// Loads this ledger anew from all its stored records, keeping what it holds and suspects.
    ///
    /// The caller folds `accepted` from nothing and appends what is new in it.
    pub fn refold(&self, records: &[Vec<u8>]) -> Loaded {
        let stored: BTreeSet<RecordHash> = records.iter().map(|record| hash(record)).collect();
        let mut loaded = self.load_once(records, &[], &stored);
        for _ in 0..ROUNDS_MAX {
            if !loaded.ledger.is_stale {
                break;
            }
            let new: Vec<Vec<u8>> = loaded.accepted.into_iter().map(|record| record.bytes).collect();
            loaded = loaded.ledger.load_once(records, &new, &stored);
        }
        loaded
    }

    fn load_once(&self, records: &[Vec<u8>], new: &[Vec<u8>], stored: &BTreeSet<RecordHash>) -> Loaded {
        let mut ledger = Ledger {
            genesis: self.genesis.clone(),
            line: Line::new(self.line.genesis().clone()),
            // A frozen chain is there even without blocks: others may name it before any of its blocks come.
            chains: self.frozen.keys().map(|&id| (id, Chain::default())).collect(),
            frozen: self.frozen.clone(),
            suspects: self.suspects.clone(),
            held: Held::default(),
            is_stale: false,
            is_loading: true,
            digest: OnceLock::new(),
        };
        let held = self.held.all().map(|block| block.record.clone());
        let unstored: Vec<Vec<u8>> =
            self.membership_records(0).into_iter().chain(new.iter().cloned()).chain(held).collect();
        let mut accepted = Vec::new();
        for kind in [MEMBERSHIP, PROOF, BLOCK] {
            for (is_loading, records) in [(true, records), (false, &unstored)] {
                ledger.is_loading = is_loading;
                for record in records.iter().filter(|record| record.first() == Some(&kind)) {
                    if let Learned::Accepted(learned) = ledger.learn(record) {
                        accepted.extend(learned);
                    }
                }
            }
        }
        // A proof found in an earlier round is known in this one, and still to be stored.
        let told: BTreeSet<RecordKey> = accepted.iter().map(|record| record.key).collect();
        let proofs = ledger.fork_records().filter(|proof| !told.contains(&proof.key));
        accepted.extend(proofs.filter(|proof| !stored.contains(&hash(&proof.bytes))));
        for record in &mut accepted {
            if stored.contains(&hash(&record.bytes)) {
                record.bytes = Vec::new();
            }
        }
        accepted.sort_by_key(|record| !record.bytes.is_empty());
        let new_from = accepted.partition_point(|record| record.bytes.is_empty());
        Loaded { ledger, accepted, new_from }
    }
}
