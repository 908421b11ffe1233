//! Tests of `history`.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use shoal_engine::id::{ChainId, ContentId};
use shoal_engine::membership::Member;
use shoal_engine::path::RelPath;
use shoal_engine::request::Role;
use shoal_engine::time::Timestamp;

use super::*;

struct World {
    key: SigningKey,
    chain: ChainId,
    ledger: Ledger,
    records: Vec<Vec<u8>>,
    now: u64,
    sequence: u64,
}

impl World {
    fn new() -> Self {
        let key = SigningKey::from_bytes(&[1; 32]);
        let device = DeviceId(key.verifying_key().to_bytes());
        let genesis = Ledger::write_genesis(&key, [5; 32], "Photos", Timestamp(1));
        let mut ledger = Ledger::found(&genesis).expect("our own");
        let owner = Member { role: Role::Owner, name: "Ana".to_owned() };
        let members = BTreeMap::from([(device, owner)]);
        let membership = ledger.write_membership(&key, members, device, Timestamp(2)).expect("owner");
        Self {
            chain: ChainId { device, incarnation: 7 },
            key,
            ledger,
            records: vec![genesis, membership.bytes],
            now: 1_000,
            sequence: 0,
        }
    }

    /// Writes one block and returns the versions its entries got.
    fn write(&mut self, entries: Vec<Entry>) -> Vec<VersionId> {
        self.now += 1_000;
        let written = self.ledger.write_block(&self.key, self.chain, Timestamp(self.now), &entries);
        self.records.push(written.expect("a writer").bytes);
        let first = self.sequence;
        self.sequence += entries.len() as u64;
        (first..self.sequence).map(|sequence| VersionId { chain: self.chain, sequence }).collect()
    }

    fn stored(&self) -> Stored<'_> {
        Stored { folder: self.ledger.folder(), name: "Photos", records: &self.records }
    }
}

fn file(path: &str, supersedes: &[VersionId]) -> Entry {
    Entry {
        path: RelPath::parse(path).expect("plain"),
        kind: Kind::File { content: ContentId([3; 32]), size: 12, executable: false, modified: Timestamp(0) },
        supersedes: supersedes.to_vec(),
        moved_from: None,
    }
}

fn gone(path: &str, supersedes: &[VersionId]) -> Entry {
    Entry { kind: Kind::Deleted, ..file(path, supersedes) }
}

fn ana(_: DeviceId) -> String {
    "Ana".to_owned()
}

#[test]
fn every_kind_of_change_is_told_newest_first() {
    let mut world = World::new();
    let made = world.write(vec![file("a", &[]), file("b", &[])]);
    let edited = world.write(vec![file("a", &made[..1])]);
    let moved = Entry { moved_from: Some(made[1]), ..file("c", &[]) };
    world.write(vec![gone("b", &made[1..]), moved]);
    world.write(vec![gone("a", &edited)]);

    let page = page(&[world.stored()], &ana, 0);
    let told: Vec<(&str, ChangeKind)> = page.rows.iter().map(|row| (row.path.as_str(), row.kind)).collect();
    use ChangeKind::{Changed, Created, Moved, Removed};
    assert_eq!(told[..3], [("a", Removed), ("c", Moved), ("a", Changed)]);
    assert!(told[3..].iter().all(|(_, kind)| *kind == Created));
    assert_eq!((page.total, page.pages, page.rows[1].from.as_deref()), (5, 1, Some("b")));
    assert_eq!(page.rows[0].device, "Ana");
}

#[test]
fn what_is_settled_at_its_path_is_moved_nowhere() {
    let mut world = World::new();
    let made = world.write(vec![file("a", &[])]);
    let other = world.write(vec![file("a", &[])]);
    world.write(vec![Entry { moved_from: Some(made[0]), ..file("a", &[made[0], other[0]]) }]);
    let page = page(&[world.stored()], &ana, 0);
    assert_eq!((page.rows[0].kind, page.rows[0].from.as_deref()), (ChangeKind::Settled, None));
}

#[test]
fn a_sound_history_is_said_to_be_sound() {
    let mut world = World::new();
    world.write(vec![file("a", &[]), file("b", &[])]);
    let found = verify(&world.stored(), &ana);
    assert!(found.ok, "{:?}", found.troubles);
    assert_eq!((found.entries, found.devices, found.memberships), (2, 1, 1));
}

#[test]
fn one_changed_bit_anywhere_is_found() {
    let mut world = World::new();
    world.write(vec![file("a", &[])]);
    for number in 0..world.records.len() {
        let sound = world.records[number].clone();
        for at in [1, sound.len() / 2, sound.len() - 1] {
            world.records[number][at] ^= 1;
            let found = verify(&world.stored(), &ana);
            assert!(!found.ok && !found.troubles.is_empty(), "record {number}, byte {at}");
            world.records[number] = sound.clone();
        }
    }
}
