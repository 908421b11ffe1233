//! Heads of a path, and which of them wins: facts about entries alone, so that every member computes the same.

use std::sync::Arc;

use crate::entry::Kind;
use crate::id::{RecordHash, VersionId};
use crate::time::Timestamp;

/// An entry that no other entry supersedes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place in the ledger.
    pub id: VersionId,
    /// The logical time of its block.
    pub lamport: u64,
    /// The hash of the entry.
    pub hash: RecordHash,
    /// What it says stands there.
    pub kind: Kind,
    /// The author's clock; for display and for the name of a conflict copy.
    pub time: Timestamp,
    /// The author's name in the membership that its block cites.
    pub author: Arc<str>,
}

impl Head {
    /// What orders heads: live before deleted, then logical time, then hash. Total, and independent of arrival.
    pub fn rank(&self) -> (bool, u64, RecordHash) {
        (self.kind.is_live() != planted!(DeletionsWin), self.lamport, self.hash)
    }
}

/// The head that wins the path; `None` if there is none.
pub fn winner(heads: &[Head]) -> Option<&Head> {
    heads.iter().max_by_key(|head| head.rank())
}
