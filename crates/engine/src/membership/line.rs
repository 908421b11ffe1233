//! The line of memberships that holds, whatever order its entries came in.

use std::collections::BTreeMap;

use super::{Genesis, Membership, SignedMembership};
use crate::block::{Invalid, PROOF, with_kind};
use crate::codec::record;
use crate::id::{ChainId, DeviceId, RecordHash};
use crate::limits::HELD_MEMBERSHIPS_MAX;

/// The line of memberships, the genesis' own first.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    genesis: Genesis,
    /// What holds after no, one, two, … membership entries.
    line: Vec<Membership>,
    /// The signed entries of the line; `entries[n]` made `line[n + 1]`.
    entries: Vec<SignedMembership>,
    by_hash: BTreeMap<RecordHash, u64>,
    /// Two entries of one rank for the place after the line's end.
    split: Option<(SignedMembership, SignedMembership)>,
    held: BTreeMap<(u64, RecordHash), SignedMembership>,
    /// Per device that ever was a member: the last place in the line at which it might not write.
    outside: BTreeMap<DeviceId, Option<u64>>,
}

/// What became of a membership entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It is in the line already, or was told of before.
    Known,
    /// Held until the one before it is here.
    Held,
    /// The line grew at its end, from this many entries.
    Grew(u64),
    /// The line was cut back to this many entries and may have grown again from there.
    Replaced(u64),
    /// It and another one prove two histories; the line ends after this many entries.
    Split(u64),
    /// Not part of it.
    Refused(Invalid),
}

impl Line {
    pub(crate) fn new(genesis: Genesis) -> Line {
        let line = vec![genesis.alone()];
        let mut line = Line {
            genesis,
            line,
            entries: Vec::new(),
            by_hash: BTreeMap::new(),
            split: None,
            held: BTreeMap::new(),
            outside: BTreeMap::new(),
        };
        line.note(0);
        line
    }

    pub(crate) fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// What holds now.
    pub(crate) fn latest(&self) -> &Membership {
        // The line starts with the genesis' own and is never cut back beyond it.
        &self.line[self.line.len() - 1]
    }

    /// How many entries the line has.
    pub(crate) fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The place in the line of the membership with that hash.
    pub(crate) fn place_of(&self, hash: RecordHash) -> Option<u64> {
        self.by_hash.get(&hash).copied()
    }

    /// Whether a device might write at that place.
    pub(crate) fn is_writer_at(&self, place: u64, device: DeviceId) -> bool {
        planted!(EverybodyWrites)
            || self.line.get(place as usize).is_some_and(|membership| membership.is_writer(device))
    }

    /// What the membership at that place calls a device.
    pub(crate) fn name_at(&self, place: u64, device: DeviceId) -> Option<&str> {
        Some(&self.line.get(usize::try_from(place).ok()?)?.members.get(&device)?.name)
    }

    /// Whether a device is or was a member.
    pub(crate) fn was_member(&self, device: DeviceId) -> bool {
        self.outside.contains_key(&device)
    }

    /// How many entries of a chain count whose first block cites the membership at that place.
    pub(crate) fn entries_accepted(&self, chain: ChainId, first_cited: u64) -> u64 {
        if let Some(&accepted) = self.latest().cut_offs.get(&chain) {
            return accepted;
        }
        // Not cut off by name: all of it counts if its device could write ever since, else nothing. A device that
        // comes back must start a new chain, or nobody could tell what it wrote while it was out.
        match self.outside.get(&chain.device) {
            Some(None) => u64::MAX,
            Some(&Some(outside)) if first_cited > outside => u64::MAX,
            Some(Some(_)) | None => 0,
        }
    }

    /// The proof that somebody wrote two histories of this line, as a record.
    pub(crate) fn proof(&self) -> Option<Vec<u8>> {
        let (one, other) = self.split.as_ref()?;
        let proof =
            record::Proof { one: Some(one.signed.clone()), other: Some(other.signed.clone()), is_membership: true };
        Some(with_kind(PROOF, &proof))
    }

    /// Whether an entry is held that would follow here, but from another past.
    pub(crate) fn is_parted(&self) -> bool {
        self.held.first_key_value().is_some_and(|(&(index, _), _)| index <= self.count())
    }

    /// Who wrote two histories.
    pub(crate) fn split_author(&self) -> Option<DeviceId> {
        self.split.as_ref().map(|(one, _)| one.author)
    }

    /// The entries of the line from that one on, each with the number under which it is stored.
    ///
    /// That is its index, until the recovery key has spoken: what it replaced was stored before it under the index and
    /// must not be taken for it. From there on the hash is part of the number.
    pub(crate) fn entries_from(&self, from: u64) -> impl Iterator<Item = (u64, &SignedMembership)> {
        let mut is_recovered = false;
        let numbered = self.entries.iter().map(move |entry| {
            is_recovered |= self.rank(entry) > 0;
            (if is_recovered { number_by_hash(entry) } else { entry.index }, entry)
        });
        numbered.skip(usize::try_from(from).unwrap_or(usize::MAX))
    }

    /// Learns an entry, and the held ones it frees.
    pub(crate) fn learn(&mut self, entry: SignedMembership) -> Joined {
        let joined = self.join(entry);
        match joined {
            Joined::Grew(from) | Joined::Replaced(from) => match self.free() {
                // A freed entry may have cut the line back further still, or not as far as this one is new.
                Some(cut) => Joined::Replaced(cut.min(from)),
                None => joined,
            },
            Joined::Known | Joined::Held | Joined::Split(_) | Joined::Refused(_) => joined,
        }
    }

    fn join(&mut self, entry: SignedMembership) -> Joined {
        let count = self.count();
        if self.by_hash.contains_key(&entry.membership.hash) || self.is_in_split(&entry) {
            return Joined::Known;
        }
        let before = usize::try_from(entry.index).ok().and_then(|index| self.line.get(index));
        let Some(before) = before.filter(|before| before.hash == entry.previous) else {
            return self.hold(entry);
        };
        if let Err(invalid) = self.check(before, &entry) {
            return Joined::Refused(invalid);
        }
        let rank = self.rank(&entry);
        let rival = match self.entries.get(entry.index as usize) {
            Some(rival) => Some(rival.clone()),
            None => self.split.as_ref().map(|(one, _)| one.clone()),
        };
        match rival {
            None => {
                self.push(entry);
                Joined::Grew(count)
            }
            Some(rival) if self.rank(&rival) < rank => {
                let index = entry.index;
                self.cut(index);
                self.push(entry);
                Joined::Replaced(index)
            }
            Some(rival) if self.rank(&rival) > rank => Joined::Refused(Invalid::Outranked),
            Some(_) if self.split.is_some() && entry.index == count => Joined::Refused(Invalid::Frozen),
            Some(rival) => {
                let index = entry.index;
                self.cut(index);
                // In one order, so that every device tells of the same proof.
                let mut pair = [rival, entry];
                pair.sort_by_key(|entry| entry.membership.hash);
                let [one, other] = pair;
                self.split = Some((one, other));
                Joined::Split(index)
            }
        }
    }

    /// Joins what was held for the line's new end; says how far it was cut back on the way, if it was.
    fn free(&mut self) -> Option<u64> {
        let mut cut = None::<u64>;
        loop {
            let follows = |entry: &&SignedMembership| {
                self.line.get(entry.index as usize).is_some_and(|before| before.hash == entry.previous)
            };
            let Some(key) = self.held.values().find(follows).map(|entry| (entry.index, entry.membership.hash)) else {
                return cut;
            };
            let Some(entry) = self.held.remove(&key) else { return cut };
            match self.join(entry) {
                Joined::Replaced(at) | Joined::Split(at) => cut = Some(cut.map_or(at, |cut| cut.min(at))),
                Joined::Known | Joined::Held | Joined::Grew(_) | Joined::Refused(_) => {}
            }
        }
    }

    fn check(&self, before: &Membership, entry: &SignedMembership) -> Result<(), Invalid> {
        let next = &entry.membership;
        if entry.author != before.owner && Some(entry.author) != self.genesis.recovery {
            return Err(Invalid::NotTheOwner);
        }
        // What is void stays void: cut-offs are kept, and nothing is accepted later of somebody who was out.
        let is_kept =
            before.cut_offs.iter().all(|(chain, &old)| next.cut_offs.get(chain).is_some_and(|&new| new <= old));
        let is_new = |chain: &ChainId| !before.cut_offs.contains_key(chain);
        let is_fair = next.cut_offs.keys().all(|chain| !is_new(chain) || before.is_writer(chain.device));
        if is_kept && is_fair && next.epoch >= before.epoch { Ok(()) } else { Err(Invalid::Members) }
    }

    fn rank(&self, entry: &SignedMembership) -> u8 {
        u8::from(Some(entry.author) == self.genesis.recovery)
    }

    fn is_in_split(&self, entry: &SignedMembership) -> bool {
        let hash = entry.membership.hash;
        self.split.as_ref().is_some_and(|(one, other)| one.membership.hash == hash || other.membership.hash == hash)
    }

    fn hold(&mut self, entry: SignedMembership) -> Joined {
        self.held.insert((entry.index, entry.membership.hash), entry);
        if self.held.len() > HELD_MEMBERSHIPS_MAX {
            // The furthest one is the last that could be of use.
            self.held.pop_last();
        }
        Joined::Held
    }

    fn push(&mut self, entry: SignedMembership) {
        self.split = None;
        self.line.push(entry.membership.clone());
        self.entries.push(entry);
        self.note(self.line.len() - 1);
    }

    fn cut(&mut self, entries: u64) {
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        self.split = None;
        self.entries.truncate(entries);
        self.line.truncate(entries.saturating_add(1));
        self.by_hash.clear();
        self.outside.clear();
        (0..self.line.len()).for_each(|place| self.note(place));
    }

    /// Works out what follows from the membership at `place`, after those before it.
    fn note(&mut self, place: usize) {
        let (membership, number) = (&self.line[place], place as u64);
        self.by_hash.insert(membership.hash, number);
        for (&device, last) in &mut self.outside {
            if !membership.is_writer(device) {
                *last = Some(number);
            }
        }
        for &device in membership.members.keys() {
            let here = if membership.is_writer(device) { number.checked_sub(1) } else { Some(number) };
            self.outside.entry(device).or_insert(here);
        }
    }
}

/// A number below 2^63 that no other entry has: an index is below 2^40.
fn number_by_hash(entry: &SignedMembership) -> u64 {
    let [a, b, c, ..] = entry.membership.hash.0;
    (1 << 62) | (u64::from_le_bytes([a, b, c & 0x3f, 0, 0, 0, 0, 0]) << 40) | entry.index
}
