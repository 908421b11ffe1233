//! Contents that are written once each, so that whoever finds some bytes knows which write they are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::harness::noise;

/// Which content something is, in the order in which they were written.
pub type Id = usize;

/// Every content that was ever written in one world.
#[derive(Debug, Default)]
pub struct Contents {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<blake3::Hash, Id>,
    texts: Vec<String>,
}

impl Contents {
    /// Bytes that were never written before: a line that says which they are, then noise.
    pub fn fresh(&self, seed: u64, length: usize) -> (Id, Vec<u8>) {
        let number = self.known().texts.len();
        let mut bytes = format!("content {number} of world {seed}\n").into_bytes();
        bytes.extend(noise(seed ^ ((number as u64) << 32), length));
        (self.note(&bytes), bytes)
    }

    /// Makes bytes known, if they are not.
    pub fn note(&self, bytes: &[u8]) -> Id {
        let mut known = self.known();
        let next = known.texts.len();
        let id = *known.by_hash.entry(blake3::hash(bytes)).or_insert(next);
        if id == next {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            known.texts.push(format!("{:?} ({} bytes)", String::from_utf8_lossy(line), bytes.len()));
        }
        id
    }

    /// Which content these bytes are; none if nobody ever wrote exactly them.
    pub fn recognise(&self, hash: &blake3::Hash) -> Option<Id> {
        self.known().by_hash.get(hash).copied()
    }

    /// What a content begins with, for a person.
    pub fn name(&self, id: Id) -> String {
        self.known().texts.get(id).cloned().unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
