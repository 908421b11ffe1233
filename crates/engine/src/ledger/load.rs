//! A ledger out of its stored records, after a restart or when something was taken back.

use crate::block::{BLOCK, GENESIS, Invalid, MEMBERSHIP, PROOF};
use crate::codec::Garbage;

use super::{AcceptedRecord, Content, Learned, Ledger};

/// How often a ledger is loaded again because of what loading it brought to light.
const ROUNDS_MAX: usize = 16;

/// A ledger and everything in it, each record after all that it names.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The ledger.
    pub ledger: Ledger,
    /// What it accepted: first what was stored, without bytes, then what is new.
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
    /// The caller folds `accepted` from nothing and appends the new ones.
    pub fn refold(&self, records: &[Vec<u8>]) -> Loaded {
        let mut loaded = self.load_once(records);
        for _ in 0..ROUNDS_MAX {
            if !loaded.ledger.is_stale {
                break;
            }
            loaded = loaded.ledger.load_once(records);
        }
        loaded
    }

    fn load_once(&self, records: &[Vec<u8>]) -> Loaded {
        let mut ledger = Ledger {
            genesis: self.genesis.clone(),
            line: crate::membership::Line::new(self.line.genesis().clone()),
            chains: Default::default(),
            frozen: self.frozen.clone(),
            suspects: self.suspects.clone(),
            held: Default::default(),
            is_stale: false,
            is_loading: true,
        };
        let (mut accepted, mut new) = (Vec::new(), Vec::new());
        for kind in [MEMBERSHIP, PROOF, BLOCK] {
            for record in records.iter().filter(|record| record.first() == Some(&kind)) {
                let Learned::Accepted(learned) = ledger.learn(record) else { continue };
                for mut record in learned {
                    if matches!(record.content, Content::Fork(_)) && !records.contains(&record.bytes) {
                        new.push(record);
                    } else {
                        record.bytes = Vec::new();
                        accepted.push(record);
                    }
                }
            }
        }
        ledger.is_loading = false;
        // What is known of a line or a fork and was not stored yet must not be forgotten.
        let unsaved = self.membership_records(0).into_iter().chain(self.held.all().map(|block| block.record.clone()));
        for record in unsaved {
            if let Learned::Accepted(learned) = ledger.learn(&record) {
                new.extend(learned);
            }
        }
        let new_from = accepted.len();
        accepted.extend(new);
        Loaded { ledger, accepted, new_from }
    }
}
