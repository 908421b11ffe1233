//! Whether a block is linked: every rule a block must keep, in one place.

use crate::block::{Block, Header, Invalid, NUMBER_MAX};
use crate::entry::Entry;
use crate::id::{ChainId, RecordHash, VersionId};

use super::{Chain, Ledger, Wait};

/// What is to become of a block.
pub(super) enum Verdict {
    /// It is in its chain already.
    Known,
    /// It names something that is not here.
    Wait(Wait),
    /// It breaks a rule.
    Refuse(Invalid),
    /// It is the next of its chain.
    Accept(Vec<(RecordHash, Entry)>),
}

/// Stops looking at a block: it has to wait, or breaks a rule.
enum Stop {
    Wait(Wait),
    Refuse(Invalid),
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Stop {
        Stop::Refuse(invalid)
    }
}

impl Ledger {
    /// Checks a block whose signature holds and that contradicts nothing its author signed.
    pub(super) fn check(&self, block: &Block) -> Verdict {
        let (header, empty) = (&block.header, Chain::default());
        let chain = self.chains.get(&header.chain).unwrap_or(&empty);
        if chain.hash_at(header.index) == Some(block.hash) {
            return Verdict::Known;
        }
        match self.check_next(block, chain) {
            Ok(entries) => Verdict::Accept(entries),
            Err(Stop::Wait(wait)) => Verdict::Wait(wait),
            Err(Stop::Refuse(invalid)) => Verdict::Refuse(invalid),
        }
    }

    fn check_next(&self, block: &Block, chain: &Chain) -> Result<Vec<(RecordHash, Entry)>, Stop> {
        let header = &block.header;
        if self.frozen_at(header.chain).is_some_and(|frozen| frozen.index <= header.index) {
            return Err(Stop::Refuse(Invalid::Frozen));
        }
        if header.index > chain.len() {
            return Err(Stop::Wait(Wait::Previous(header.chain, header.index)));
        }
        if header.previous != header.index.checked_sub(1).and_then(|before| chain.hash_at(before)) {
            return Err(Stop::Refuse(Invalid::Link));
        }
        if header.first_sequence != chain.entries() {
            return Err(Stop::Refuse(Invalid::Link));
        }
        let cited = self.check_author(header, chain)?;
        self.check_use(header, chain, cited)?;
        self.check_after(header, chain)?;
        let entries = block.entries()?;
        self.check_references(header, chain, &entries)?;
        Ok(entries)
    }

    /// The author may write by the membership it cites, which never goes backward.
    fn check_author(&self, header: &Header, chain: &Chain) -> Result<u64, Stop> {
        let cited = self.line.place_of(header.membership).ok_or(Stop::Wait(Wait::Membership(header.membership)))?;
        if cited < chain.cited {
            return Err(Stop::Refuse(Invalid::Link));
        }
        if !self.line.is_writer_at(cited, header.chain.device) {
            return Err(Stop::Refuse(Invalid::NotAWriter));
        }
        if !self.chains.contains_key(&header.chain) {
            return Err(Stop::Refuse(Invalid::TooManyChains));
        }
        Ok(cited)
    }

    /// A void block is only taken if something names it.
    fn check_use(&self, header: &Header, chain: &Chain, cited: u64) -> Result<(), Stop> {
        let first_cited = if header.index == 0 { cited } else { chain.first_cited };
        let is_void = header.first_sequence >= self.line.entries_accepted(header.chain, first_cited);
        let is_needed = chain.needed > header.index || self.held.names(header.chain, header.index);
        if is_void && !is_needed && !self.is_loading {
            return Err(Stop::Wait(Wait::Needed(header.chain, header.index)));
        }
        Ok(())
    }

    /// Everything it names is here, was not named before, and its lamport is one more than theirs.
    fn check_after(&self, header: &Header, chain: &Chain) -> Result<(), Stop> {
        let mut lamport = chain.blocks.last().map_or(0, |line| line.lamport);
        let mut is_waived = false;
        let mut last = None;
        for head in &header.after {
            let before = chain.seen.get(&head.chain).copied().unwrap_or(0);
            if head.chain == header.chain || head.blocks <= before || last >= Some(head.chain) {
                return Err(Stop::Refuse(Invalid::Link));
            }
            last = Some(head.chain);
            if self.frozen_at(head.chain).is_some_and(|frozen| frozen.index < head.blocks) {
                // Its author named a block that a fork has cut away. It cannot have known, and nobody can look.
                is_waived = true;
                continue;
            }
            match self.chains.get(&head.chain).and_then(|chain| chain.line(head.blocks - 1)) {
                Some(line) if line.hash == head.hash => lamport = lamport.max(line.lamport),
                // Another block in that place: a fork whose proof is still on its way.
                Some(_) | None => return Err(Stop::Wait(Wait::After(head.chain, head.blocks))),
            }
        }
        let expected = next_lamport(lamport);
        if header.lamport == expected || (is_waived && header.lamport > expected) {
            Ok(())
        } else {
            Err(Stop::Refuse(Invalid::Link))
        }
    }

    /// The entries only replace what the author knew.
    fn check_references(&self, header: &Header, chain: &Chain, entries: &[(RecordHash, Entry)]) -> Result<(), Stop> {
        let seen = |id: ChainId| {
            let here = header.after.iter().find(|head| head.chain == id).map(|head| head.blocks);
            here.or_else(|| chain.seen.get(&id).copied()).unwrap_or(0)
        };
        let mut known = std::collections::BTreeMap::<ChainId, u64>::new();
        let mut entries_known = |id: ChainId| *known.entry(id).or_insert_with(|| self.entries_in(id, seen(id)));
        for (sequence, (_, entry)) in (header.first_sequence..).zip(entries) {
            let is_known = |version: &VersionId| {
                version.sequence < if version.chain == header.chain { sequence } else { entries_known(version.chain) }
            };
            if !entry.supersedes.iter().chain(&entry.moved_from).all(is_known) {
                return Err(Stop::Refuse(Invalid::Supersedes));
            }
        }
        Ok(())
    }

    /// How many entries somebody knows who knows that many blocks of a chain; no bound beyond a fork.
    pub(crate) fn entries_in(&self, id: ChainId, blocks: u64) -> u64 {
        if self.frozen_at(id).is_some_and(|frozen| frozen.index < blocks) {
            return u64::MAX;
        }
        self.chains.get(&id).map_or(0, |chain| chain.entries_in(blocks))
    }
}

/// One more than that, as far as numbers go.
pub(super) fn next_lamport(lamport: u64) -> u64 {
    (lamport + 1).min(NUMBER_MAX - 1)
}
