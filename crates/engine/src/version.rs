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
    /// The versions it replaces.
    pub supersedes: Box<[VersionId]>,
    /// The version that was moved here, where the author knew it.
    pub moved_from: Option<Box<VersionId>>,
}

impl Head {
    /// Whether its author's settling made it, rather than that it was seen on a disk; as [`Entry::settled_from`].
    ///
    /// [`Entry::settled_from`]: crate::entry::Entry::settled_from
    pub fn is_settled(&self) -> bool {
        self.moved_from.as_deref().is_some_and(|version| self.supersedes.contains(version))
    }

    /// What orders heads: live before deleted, then logical time, then hash. Total, and independent of arrival.
    pub fn rank(&self) -> (bool, u64, RecordHash) {
        (self.kind.is_live() != planted!(DeletionsWin), self.lamport, self.hash)
    }
}

/// The head that wins the path; `None` if there is none.
pub fn winner(heads: &[Head]) -> Option<&Head> {
    heads.iter().max_by_key(|head| head.rank())
}

/// The versions among `past` that `head` replaces, directly or through others.
pub fn ancestors<'a>(head: &Head, past: &'a [Head]) -> Vec<&'a Head> {
    replaced(head, past, |_| true)
}

/// The versions among `past` that `head` was made of, one of the other: none from before a deletion.
pub fn line<'a>(head: &Head, past: &'a [Head]) -> Vec<&'a Head> {
    replaced(head, past, |old| old.kind.is_live())
}

fn replaced<'a>(head: &Head, past: &'a [Head], is_passed: impl Fn(&Head) -> bool) -> Vec<&'a Head> {
    let mut found: Vec<&Head> = Vec::new();
    let mut open: Vec<VersionId> = head.supersedes.to_vec();
    while let Some(id) = open.pop() {
        if let Some(old) = past.iter().find(|old| old.id == id && is_passed(old))
            && !found.iter().any(|known| known.id == id)
        {
            found.push(old);
            open.extend(old.supersedes.iter().copied());
        }
    }
    found
}

/// The latest live version that both heads replace, and that `a` was made of, as far as `past` reaches back.
///
/// None from before a deletion on the side of `a`: who puts an old content back after that did not leave it as it was.
pub fn origin<'a>(a: &Head, b: &Head, past: &'a [Head]) -> Option<&'a Head> {
    let of_b = if planted!(BasesIgnored) { Vec::new() } else { ancestors(b, past) };
    let is_common = |old: &&Head| of_b.iter().any(|other| other.id == old.id);
    line(a, past).into_iter().filter(is_common).max_by_key(|old| (old.lamport, old.hash))
}

/// The latest live version that both heads replace, as far as `past` reaches back.
pub fn base<'a>(a: &Head, b: &Head, past: &'a [Head]) -> Option<&'a Head> {
    let of_b = if planted!(BasesIgnored) { Vec::new() } else { ancestors(b, past) };
    let is_common = |old: &&Head| old.kind.is_live() && of_b.iter().any(|other| other.id == old.id);
    ancestors(a, past).into_iter().filter(is_common).max_by_key(|old| (old.lamport, old.hash))
}
