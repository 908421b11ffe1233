//! Writing our own blocks and memberships.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use crate::block::{Header, device_of};
use crate::entry::{Entry, Kind};
use crate::id::{ChainId, DeviceId, RecordHash, VersionId};
use crate::limits::{AFTER_MAX, BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, SUPERSEDES_MAX};
use crate::membership::{Decided, Member, seal};
use crate::message::ChainHead;
use crate::request::Role;
use crate::time::Timestamp;

use super::check::next_lamport;
use super::{AcceptedRecord, Learned, Ledger};

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotWrite {
    /// This device may not: no writer, or for memberships not the owner.
    NotAllowed,
    /// The chain is cut off or frozen, or its author has signed more than we hold of it: go on under a new incarnation.
    ChainClosed,
    /// The ledger must be loaded anew first.
    Stale,
    /// No entries, or more than a block holds; or more members than an entry holds.
    TooLarge,
    /// The members named make no sense: not exactly one owner, the one named as owner.
    Members,
}

/// Splits entries into batches that fit a block each.
pub fn batches(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += bytes_max(entry);
            bytes <= BLOCK_BYTES_MAX
        };
        let count = rest.iter().take(BLOCK_ENTRIES_MAX).take_while(fits).count();
        // A single entry always fits: its path, link and references are bounded.
        let (batch, after) = rest.split_at(count.max(1).min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

impl Ledger {
    /// Writes a block of our own chain and learns it. The record must be durable before any peer hears of it.
    ///
    /// References to versions that the ledger does not hold (void, or lost with a fork) are left out: nothing of them
    /// is left to be replaced.
    pub fn write_block(
        &mut self,
        key: &SigningKey,
        id: ChainId,
        now: Timestamp,
        entries: &[Entry],
    ) -> Result<AcceptedRecord, CannotWrite> {
        if self.is_stale {
            return Err(CannotWrite::Stale);
        }
        if id.device != device_of(key) || !self.membership().is_writer(id.device) {
            return Err(CannotWrite::NotAllowed);
        }
        if self.is_closed(id) && !planted!(ClosedChainsContinued) {
            return Err(CannotWrite::ChainClosed);
        }
        if entries.is_empty() || entries.iter().any(|entry| entry.supersedes.len() > SUPERSEDES_MAX) {
            return Err(CannotWrite::TooLarge);
        }
        let entries = self.known_only(id, entries);
        let header = self.next_header(id, now, &entries);
        let record = header.seal(key, &entries).map_err(|_| CannotWrite::TooLarge)?;
        self.learn_own(&record)
    }

    /// Writes a membership entry and learns it: the owner decides who is in, who may do what, and who owns it next.
    ///
    /// Whoever loses the right to write is cut off at what is accepted of its chains so far.
    pub fn write_membership(
        &mut self,
        key: &SigningKey,
        members: BTreeMap<DeviceId, Member>,
        owner: DeviceId,
        now: Timestamp,
    ) -> Result<AcceptedRecord, CannotWrite> {
        let (author, before) = (device_of(key), self.membership());
        if self.is_stale {
            return Err(CannotWrite::Stale);
        }
        let is_recovery = Some(author) == self.line.genesis().recovery;
        if !is_recovery && (author != before.owner || self.is_membership_frozen()) {
            return Err(CannotWrite::NotAllowed);
        }
        let owners = members.iter().filter(|(_, member)| member.role == Role::Owner).map(|(&device, _)| device);
        if !owners.eq([owner]) {
            return Err(CannotWrite::Members);
        }
        let is_loss = |(device, old): (&DeviceId, &Member)| members.get(device).is_none_or(|new| new.role > old.role);
        let epoch = before.epoch + u64::from(before.members.iter().any(is_loss));
        let mut cut_offs = before.cut_offs.clone();
        for (&id, chain) in &self.chains {
            let is_writer = members.get(&id.device).is_some_and(|member| member.role.may_write());
            if before.is_writer(id.device) && !is_writer && chain.handed > 0 {
                cut_offs.entry(id).or_insert(chain.handed);
            }
        }
        let decided = Decided { members, owner, epoch, cut_offs, time: now };
        let record = seal(key, self.folder(), before, decided).ok_or(CannotWrite::TooLarge)?;
        self.learn_own(&record)
    }

    /// How many blocks of a chain the author of another one knew when writing its last block.
    pub fn blocks_seen(&self, by: ChainId, of: ChainId) -> u64 {
        self.chains.get(&by).and_then(|chain| chain.seen.get(&of)).copied().unwrap_or(0)
    }

    /// Whether a chain of ours must not be continued.
    pub fn is_closed(&self, id: ChainId) -> bool {
        if self.is_frozen(id) {
            return true;
        }
        match self.chains.get(&id) {
            Some(chain) if chain.blocks.is_empty() => chain.tallest > 0,
            Some(chain) => chain.tallest > chain.len() || self.limit(id, chain) != u64::MAX,
            None => self.has_many_chains(id),
        }
    }

    fn learn_own(&mut self, record: &[u8]) -> Result<AcceptedRecord, CannotWrite> {
        match self.learn(record) {
            Learned::Accepted(mut accepted) => {
                // Our own record is the first and frees no other: nobody has seen it before.
                accepted.truncate(1);
                accepted.pop().ok_or(CannotWrite::TooLarge)
            }
            Learned::Refused(_) => Err(CannotWrite::NotAllowed),
            Learned::Known | Learned::Waiting | Learned::Forked(_) => Err(CannotWrite::ChainClosed),
        }
    }

    fn next_header(&self, id: ChainId, now: Timestamp, entries: &[Entry]) -> Header {
        let chain = self.chains.get(&id);
        let last = chain.and_then(|chain| chain.blocks.last());
        let after = self.news_for(id, entries);
        let named = after.iter().filter_map(|head| self.chains.get(&head.chain)?.line(head.blocks - 1));
        let lamport = named.chain(last).map(|line| line.lamport).max().unwrap_or(0);
        let mut table: BTreeSet<ChainId> = after.iter().map(|head| head.chain).collect();
        table.extend(
            entries.iter().flat_map(|entry| entry.supersedes.iter().chain(&entry.moved_from)).map(|of| of.chain),
        );
        table.remove(&id);
        Header {
            folder: self.folder(),
            chain: id,
            index: chain.map_or(0, |chain| chain.len()),
            previous: last.map(|line| line.hash),
            after,
            lamport: next_lamport(lamport),
            membership: self.membership().hash,
            time: now,
            first_sequence: chain.map_or(0, |chain| chain.entries()),
            count: 0,
            entries_root: RecordHash([0; 32]),
            table: table.into_iter().collect(),
        }
    }

    /// The ends of chains that our chain has not named yet, those first that the entries speak of.
    fn news_for(&self, id: ChainId, entries: &[Entry]) -> Vec<ChainHead> {
        let spoken: BTreeSet<ChainId> = entries
            .iter()
            .flat_map(|entry| entry.supersedes.iter().chain(&entry.moved_from))
            .map(|of| of.chain)
            .collect();
        let seen = |other: ChainId| self.chains.get(&id).and_then(|chain| chain.seen.get(&other)).copied().unwrap_or(0);
        let news = self.chains.iter().filter_map(|(&other, chain)| {
            // Only what counts: void blocks that nobody names are not worth keeping.
            let blocks = chain.counting(self.limit(other, chain));
            let hash = blocks.checked_sub(1).and_then(|last| chain.hash_at(last))?;
            (other != id && blocks > seen(other)).then_some(ChainHead { chain: other, blocks, hash })
        });
        let mut news: Vec<ChainHead> = news.collect();
        news.sort_by_key(|head| (!spoken.contains(&head.chain), head.chain));
        news.truncate(AFTER_MAX);
        news.sort_by_key(|head| head.chain);
        news
    }

    /// The entries without references to what the ledger does not hold.
    fn known_only(&self, id: ChainId, entries: &[Entry]) -> Vec<Entry> {
        let first = self.chains.get(&id).map_or(0, |chain| chain.entries());
        let known = |sequence: u64, version: &VersionId| {
            let counting = self.chains.get(&version.chain).map_or(0, |chain| chain.handed);
            version.sequence < if version.chain == id { sequence } else { counting }
        };
        let keep = |(sequence, entry): (u64, &Entry)| {
            let mut entry = entry.clone();
            entry.supersedes.retain(|version| known(sequence, version));
            entry.moved_from = entry.moved_from.filter(|version| known(sequence, version));
            entry
        };
        (first..).zip(entries).map(keep).collect()
    }
}

/// No fewer bytes than the entry takes in a block.
fn bytes_max(entry: &Entry) -> usize {
    const FIXED: usize = 128;
    const REFERENCE: usize = 24;
    let target = match &entry.kind {
        Kind::Link { target } => target.len(),
        Kind::File { .. } | Kind::Directory | Kind::Deleted => 0,
    };
    FIXED + entry.path.as_str().len() + target + REFERENCE * (entry.supersedes.len() + 1)
}
