//! The laws: whatever devices do to each other and in whatever order records arrive, those who know the same records
//! have the same ledger.

use super::*;
use crate::block::{Header, hash};
use crate::ledger::check::next_lamport;
use crate::message::ChainHead;

/// One device's ledger with its segments and what was folded of it.
#[derive(Clone)]
struct Replica {
    ledger: Ledger,
    stored: Vec<(RecordKey, Vec<u8>)>,
    folded: BTreeMap<VersionId, RecordHash>,
}

impl Replica {
    fn new(genesis: &[u8]) -> Replica {
        let stored = vec![(RecordKey::Genesis, genesis.to_vec())];
        Replica { ledger: Ledger::found(genesis).expect("a genesis"), stored, folded: BTreeMap::new() }
    }

    /// Returns whether anything was new.
    fn learn(&mut self, record: &[u8]) -> bool {
        let is_new = self.hear(record);
        self.refold();
        is_new
    }

    /// As `learn`, but leaves the ledger as it is when something was taken back, as while the segments are read.
    fn hear(&mut self, record: &[u8]) -> bool {
        let learned = self.ledger.learn(record);
        let mut is_new = matches!(learned, Learned::Forked(_));
        if let Learned::Accepted(records) = learned {
            is_new = true;
            self.take(records);
        }
        is_new
    }

    fn take(&mut self, records: Vec<AcceptedRecord>) {
        for record in records {
            assert!(!record.bytes.is_empty(), "a new record without bytes");
            self.fold(&record);
            self.stored.push((record.key, record.bytes));
        }
    }

    fn fold(&mut self, record: &AcceptedRecord) {
        let Content::Block(block) = &record.content else { return };
        assert_eq!(block.is_void, block.entries.is_empty());
        for entry in &block.entries {
            let before = self.folded.insert(entry.id, entry.hash);
            assert_eq!(before, None, "an entry was handed out twice");
        }
    }

    fn refold(&mut self) {
        if !self.ledger.needs_refold() {
            return;
        }
        let records: Vec<Vec<u8>> = self.stored.iter().map(|(_, record)| record.clone()).collect();
        let Loaded { ledger, accepted, new_from } = self.ledger.refold(&records);
        assert!(!ledger.needs_refold(), "a loaded ledger is stale");
        self.ledger = ledger;
        self.folded.clear();
        for (place, record) in accepted.into_iter().enumerate() {
            self.fold(&record);
            assert_eq!(record.bytes.is_empty(), place < new_from);
            if place >= new_from {
                self.stored.push((record.key, record.bytes));
            }
        }
    }

    /// Stops and starts again: only what was stored is left.
    fn restart(&mut self) {
        self.refold();
        let records: Vec<Vec<u8>> = self.stored.iter().map(|(_, record)| record.clone()).collect();
        let loaded = Ledger::load(&records).expect("founded");
        assert_eq!((loaded.new_from, loaded.ledger.heads()), (loaded.accepted.len(), self.ledger.heads()));
        self.ledger = loaded.ledger;
    }

    /// The record under a key, the first one if there are several, as the store has it.
    fn read(&self, key: RecordKey) -> Vec<u8> {
        let found = self.stored.iter().find(|(stored, _)| *stored == key);
        found.unwrap_or_else(|| panic!("{key:?} was promised and is not stored")).1.clone()
    }

    fn serve(&self, ranges: &[RecordRange]) -> Vec<Vec<u8>> {
        let keys = ranges.iter().flat_map(|range| match *range {
            RecordRange::Memberships { from, to } => (from..to).map(RecordKey::Membership).collect::<Vec<_>>(),
            RecordRange::Blocks { chain, from, to } => (from..to).map(|at| RecordKey::Block(chain, at)).collect(),
        });
        keys.map(|key| self.read(key)).collect()
    }

    /// Asks another device for what it has more, as the exchange does. Returns whether anything came.
    fn ask(&mut self, other: &mut Replica) -> bool {
        let (count, heads) = (other.ledger.memberships(), other.ledger.heads());
        let chains = self.ledger.lacking(&heads);
        let from = self.ledger.lacking_memberships(count).unwrap_or(count);
        let mut is_new = false;
        if !chains.is_empty() || from < count {
            let answer = other.ledger.ranges_for(from, &chains);
            assert!(!answer.has_more);
            for record in other.serve(&answer.ranges) {
                is_new |= self.learn(&record);
            }
        }
        let proofs = self.serve(&self.ledger.proofs_for(other.ledger.memberships(), &other.ledger.heads()));
        for proof in proofs {
            is_new |= other.learn(&proof);
        }
        is_new
    }

    fn same(&self, other: &Replica) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.ledger.membership(), other.ledger.membership());
        prop_assert_eq!(self.ledger.forks(), other.ledger.forks());
        prop_assert_eq!(self.ledger.heads(), other.ledger.heads());
        prop_assert_eq!(self.ledger.digest(), other.ledger.digest());
        prop_assert_eq!(&self.folded, &other.folded);
        Ok(())
    }
}

const DEVICES: usize = 5;

/// What may happen in a folder. The first device is the founder, the last one no member at first.
#[derive(Clone, Debug)]
enum Act {
    Write {
        who: usize,
    },
    Tell {
        from: usize,
        to: usize,
        part: usize,
    },
    SetRole {
        whom: usize,
        role: Role,
    },
    Transfer {
        whom: usize,
    },
    /// A device is taken in, or put out.
    Admit {
        whom: usize,
        is_in: bool,
    },
    /// A device is copied, and both copies go on.
    Clone {
        who: usize,
    },
    /// The owner's device is copied, and both copies decide.
    CloneOwner {
        whom: usize,
    },
    Recover {
        on: usize,
    },
    /// A device signs a block that breaks a rule.
    Break {
        who: usize,
        how: u8,
    },
}

fn acts(is_hostile: bool) -> impl Strategy<Value = Vec<Act>> {
    let role = prop_oneof![Just(Role::Editor), Just(Role::Viewer)];
    let calm = prop_oneof![
        6 => (0..DEVICES).prop_map(|who| Act::Write { who }),
        6 => (0..DEVICES, 0..DEVICES, 0..8_usize).prop_map(|(from, to, part)| Act::Tell { from, to, part }),
        2 => (0..DEVICES, role).prop_map(|(whom, role)| Act::SetRole { whom, role }),
        1 => (0..DEVICES).prop_map(|whom| Act::Transfer { whom }),
        2 => (0..DEVICES, any::<bool>()).prop_map(|(whom, is_in)| Act::Admit { whom, is_in }),
    ];
    let hostile = prop_oneof![
        2 => (0..DEVICES).prop_map(|who| Act::Clone { who }),
        1 => (0..DEVICES).prop_map(|whom| Act::CloneOwner { whom }),
        1 => (0..DEVICES).prop_map(|on| Act::Recover { on }),
        2 => (0..DEVICES, 0..6_u8).prop_map(|(who, how)| Act::Break { who, how }),
    ];
    let hostile_weight = if is_hostile { 1 } else { 0 };
    proptest::collection::vec(prop_oneof![4 => calm.boxed(), hostile_weight => hostile.boxed()], 1..40)
}

struct World {
    devices: Vec<Replica>,
    incarnations: [u64; DEVICES],
    /// Every record that anybody ever signed.
    pool: Vec<Vec<u8>>,
    count: u64,
}

impl World {
    fn new() -> World {
        let (ledger, records) = founded(&[2, 3, 4]);
        let genesis = ledger.genesis().to_vec();
        let mut first = Replica::new(&genesis);
        records.iter().for_each(|record| {
            first.learn(record);
        });
        World { devices: vec![first; DEVICES], incarnations: [1; DEVICES], pool: records[1..].to_vec(), count: 0 }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Write { who } => self.write(who),
            Act::Tell { from, to, part } => self.tell(from, to, part),
            Act::SetRole { whom, role } => self.decide(|members, _| set_role(members, whom, role)),
            Act::Admit { whom, is_in } => self.decide(|members, _| admit(members, whom, is_in)),
            Act::Transfer { whom } => self.decide(|members, owner| {
                set_role(members, 9, Role::Editor);
                members.values_mut().filter(|member| member.role == Role::Owner).for_each(|m| m.role = Role::Editor);
                set_role(members, whom, Role::Owner);
                *owner = device(whom as u8 + 1);
            }),
            Act::Clone { who } => {
                let before = (self.devices[who].clone(), self.incarnations[who]);
                self.write(who);
                self.write(who);
                let after = std::mem::replace(&mut self.devices[who], before.0);
                self.incarnations[who] = before.1;
                self.write(who);
                if who % 2 == 0 {
                    self.devices[who] = after;
                }
            }
            Act::CloneOwner { whom } => {
                let before = self.devices.clone();
                self.decide(|members, _| set_role(members, whom, Role::Viewer));
                self.devices = before;
                self.decide(|members, _| set_role(members, whom, Role::Editor));
            }
            Act::Recover { on } => {
                let mut members = self.devices[on].ledger.membership().members.clone();
                members.values_mut().for_each(|member| member.name.push('!'));
                let owner = self.devices[on].ledger.membership().owner;
                self.write_membership(on, 99, members, owner);
            }
            Act::Break { who, how } => self.break_rules(who, how),
        }
    }

    fn write(&mut self, who: usize) {
        self.count += 1;
        let replica = &mut self.devices[who];
        let known: Vec<VersionId> = replica.folded.keys().copied().collect();
        let replaced: Vec<VersionId> = known.iter().copied().skip(self.count as usize % 3).step_by(3).take(4).collect();
        let entries: Vec<Entry> =
            (0..self.count % 3 + 1).map(|at| file(&format!("{}-{at}", self.count), &replaced)).collect();
        let number = who as u8 + 1;
        for _ in 0..3 {
            let id = chain(number, self.incarnations[who]);
            match replica.ledger.write_block(&key(number), id, Timestamp(self.count), &entries) {
                Ok(record) => {
                    self.pool.push(record.bytes.clone());
                    replica.take(vec![record]);
                    return;
                }
                Err(CannotWrite::ChainClosed) => self.incarnations[who] += 1,
                Err(CannotWrite::NotAllowed) => return,
                Err(trouble) => panic!("{trouble:?}"),
            }
        }
        panic!("a new incarnation does not help");
    }

    fn tell(&mut self, from: usize, to: usize, part: usize) {
        let told: Vec<Vec<u8>> = self.devices[from].stored.iter().map(|(_, record)| record.clone()).collect();
        for record in &told[..told.len() * (part + 1) / 8] {
            self.devices[to].learn(record);
        }
    }

    fn decide(&mut self, change: impl Fn(&mut BTreeMap<DeviceId, Member>, &mut DeviceId)) {
        let is_owner = |who: &usize| self.devices[*who].ledger.role(device(*who as u8 + 1)) == Some(Role::Owner);
        let Some(who) = (0..DEVICES).find(is_owner) else { return };
        let now = self.devices[who].ledger.membership();
        let (mut members, mut owner) = (now.members.clone(), now.owner);
        change(&mut members, &mut owner);
        self.write_membership(who, who as u8 + 1, members, owner);
    }

    fn write_membership(&mut self, who: usize, number: u8, members: BTreeMap<DeviceId, Member>, owner: DeviceId) {
        self.count += 1;
        let replica = &mut self.devices[who];
        if let Ok(record) = replica.ledger.write_membership(&key(number), members, owner, Timestamp(self.count)) {
            self.pool.push(record.bytes.clone());
            replica.take(vec![record]);
            replica.refold();
        }
    }

    fn break_rules(&mut self, who: usize, how: u8) {
        self.count += 1;
        let number = who as u8 + 1;
        let id = chain(number, self.incarnations[who]);
        let ledger = &self.devices[who].ledger;
        let last = ledger.chains.get(&id).and_then(|chain| chain.blocks.last());
        let another = chain(if number == 1 { 2 } else { 1 }, 1);
        let unheard = ChainHead { chain: another, blocks: self.count % 3 + 1, hash: RecordHash([9; 32]) };
        let header = Header {
            folder: ledger.folder(),
            chain: id,
            index: last.map_or(0, |_| ledger.chains[&id].len()),
            previous: last.map(|line| if how == 0 { hash(b"another") } else { line.hash }),
            after: if how == 4 { vec![unheard] } else { Vec::new() },
            lamport: next_lamport(last.map_or(0, |line| line.lamport)) + u64::from(how == 1),
            membership: match how {
                2 => RecordHash([8; 32]),
                5 => RecordHash(ledger.folder().0),
                _ => ledger.membership().hash,
            },
            time: Timestamp(self.count),
            first_sequence: last.map_or(0, |line| line.first_sequence + u64::from(line.count)),
            count: 0,
            entries_root: RecordHash([0; 32]),
            table: std::collections::BTreeSet::from([chain(1, 1), chain(2, 1)]).into_iter().collect(),
        };
        let unseen = [VersionId { chain: another, sequence: 1 << 40 }];
        let entries = [file("broken", if how == 3 { &unseen } else { &[] })];
        self.pool.push(header.seal(&key(number), &entries).expect("small"));
    }
}

fn set_role(members: &mut BTreeMap<DeviceId, Member>, whom: usize, role: Role) {
    if let Some(member) = members.get_mut(&device(whom as u8 + 1)).filter(|member| member.role != Role::Owner) {
        member.role = role;
    }
}

fn admit(members: &mut BTreeMap<DeviceId, Member>, whom: usize, is_in: bool) {
    let id = device(whom as u8 + 1);
    if is_in {
        members.entry(id).or_insert(Member { role: Role::Editor, name: "back".to_owned() });
    } else if members.get(&id).is_some_and(|member| member.role != Role::Owner) {
        members.remove(&id);
    }
}

/// An order of things that follows from a seed.
fn shuffled<T: Clone>(things: &[T], seed: u64) -> Vec<T> {
    let mut order: Vec<usize> = (0..things.len()).chain((0..things.len()).step_by(3)).collect();
    order.sort_by_cached_key(|&at| *blake3::hash(&[seed.to_le_bytes(), (at as u64).to_le_bytes()].concat()).as_bytes());
    order.into_iter().map(|at| things[at].clone()).collect()
}

/// A device that hears of everything in an order of its own, again and again until nothing is new. Some are quicker
/// than others to load their ledger anew, and some are stopped and started meanwhile.
fn told_all(genesis: &[u8], pool: &[Vec<u8>], seed: u64) -> Replica {
    let mut replica = Replica::new(genesis);
    let (quickness, calm) = (seed % 5, seed / 5 % 4);
    for round in 0..50 {
        let mut news = 0;
        for (place, record) in shuffled(pool, seed + round).iter().enumerate() {
            news += u64::from(replica.hear(record));
            if (place as u64).is_multiple_of(quickness + 1) {
                replica.refold();
            }
            if calm == 0 && round < 2 && place % 7 == 6 {
                replica.restart();
            }
        }
        replica.refold();
        if news == 0 && round > 1 {
            return replica;
        }
    }
    panic!("no end of news");
}

fn order_does_not_matter(acts: &[Act], seed: u64) -> Result<(), TestCaseError> {
    let mut world = World::new();
    acts.iter().for_each(|act| world.act(act));
    let genesis = world.devices[0].ledger.genesis().to_vec();
    let one = told_all(&genesis, &world.pool, seed);
    for other in 1..4 {
        one.same(&told_all(&genesis, &world.pool, seed + 1009 * other))?;
    }
    for device in &mut world.devices {
        for record in world.pool.iter().chain(&world.pool) {
            device.learn(record);
        }
        one.same(device)?;
        let records: Vec<Vec<u8>> = device.stored.iter().map(|(_, record)| record.clone()).collect();
        let loaded = Ledger::load(&records).expect("founded");
        prop_assert_eq!(loaded.ledger.heads(), one.ledger.heads());
        prop_assert!(loaded.accepted.iter().all(|record| record.bytes.is_empty()));
        prop_assert!(!loaded.ledger.needs_refold());
    }
    Ok(())
}

/// Device 1 keeps every rule and stays in; the others do what they like.
fn honest_work_counts(acts: &[Act], seed: u64) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for act in acts {
        match act {
            Act::CloneOwner { .. } | Act::Recover { .. } | Act::Transfer { .. } => {}
            Act::Clone { who: 0 } => world.act(&Act::Clone { who: 1 }),
            Act::Break { who: 0, how } => world.act(&Act::Break { who: 1, how: *how }),
            Act::Write { .. }
            | Act::Tell { .. }
            | Act::SetRole { .. }
            | Act::Admit { .. }
            | Act::Clone { .. }
            | Act::Break { .. } => world.act(act),
        }
    }
    let written = |record: &&Vec<u8>| Block::parse(record).is_ok_and(|block| block.header.chain == chain(1, 1));
    let count = world.pool.iter().filter(written).count() as u64;
    let genesis = world.devices[0].ledger.genesis().to_vec();
    let told = told_all(&genesis, &world.pool, seed);
    prop_assert_eq!(told.ledger.head(chain(1, 1)).map_or(0, |head| head.blocks), count);
    Ok(())
}

fn talking_makes_equal(acts: &[Act]) -> Result<(), TestCaseError> {
    let mut world = World::new();
    acts.iter().for_each(|act| world.act(act));
    let mut devices = world.devices;
    let mut quiet = 0;
    for _ in 0..200 {
        let mut is_new = false;
        for (one, other) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (3, 2), (2, 1), (4, 3), (1, 0)] {
            let mut asked = devices[other].clone();
            is_new |= devices[one].ask(&mut asked);
            devices[other] = asked;
        }
        // Something held is no news and may still lead to another question.
        quiet = if is_new { 0 } else { quiet + 1 };
        if quiet == 3 {
            break;
        }
    }
    for device in &devices[1..] {
        devices[0].same(device)?;
    }
    Ok(())
}

#[test]
fn what_once_went_wrong_goes_right() {
    let (first, last) = (Act::SetRole { whom: 0, role: Role::Editor }, Act::Recover { on: 3 });
    let recovered_twice = [first, last.clone(), last];
    let told_between = [
        Act::CloneOwner { whom: 0 },
        Act::Recover { on: 3 },
        Act::Recover { on: 0 },
        Act::Tell { from: 3, to: 0, part: 7 },
        Act::CloneOwner { whom: 0 },
    ];
    let all_at_once =
        [Act::Write { who: 0 }, Act::Recover { on: 0 }, Act::CloneOwner { whom: 0 }, Act::Clone { who: 1 }];
    let void_and_forked = [
        Act::SetRole { whom: 2, role: Role::Editor },
        Act::Write { who: 2 },
        Act::SetRole { whom: 2, role: Role::Viewer },
        Act::Write { who: 0 },
        Act::Clone { who: 2 },
        Act::Tell { from: 2, to: 1, part: 6 },
        Act::Write { who: 1 },
    ];
    for acts in [&recovered_twice[..], &told_between, &all_at_once, &void_and_forked] {
        talking_makes_equal(acts).expect("equal");
        order_does_not_matter(acts, 138_894_759_672).expect("equal");
    }
}

/// A few cases of each law, or as many as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { asked } else { ProptestConfig { cases: 64, ..asked } }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn among_honest_devices_the_order_of_arrival_does_not_matter(acts in acts(false), seed in 0..1_u64 << 40) {
        order_does_not_matter(&acts, seed)?;
    }

    #[test]
    fn among_broken_devices_the_order_of_arrival_does_not_matter(acts in acts(true), seed in 0..1_u64 << 40) {
        order_does_not_matter(&acts, seed)?;
    }

    #[test]
    fn what_an_honest_device_wrote_counts_whatever_the_others_do(acts in acts(true), seed in 0..1_u64 << 40) {
        honest_work_counts(&acts, seed)?;
    }

    #[test]
    fn honest_devices_become_equal_by_talking(acts in acts(false)) {
        talking_makes_equal(&acts)?;
    }

    #[test]
    fn broken_devices_become_equal_by_talking(acts in acts(true)) {
        talking_makes_equal(&acts)?;
    }
}
