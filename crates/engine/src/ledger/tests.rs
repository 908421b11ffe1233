//! The ledger keeps its rules, whatever order records come in.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::effect::RecordRange;
use crate::entry::Kind;
use crate::membership::Member;
use crate::path::RelPath;

mod laws;
mod rules;

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn device(number: u8) -> DeviceId {
    DeviceId(key(number).verifying_key().to_bytes())
}

fn chain(number: u8, incarnation: u64) -> ChainId {
    ChainId { device: device(number), incarnation }
}

fn members(roles: &[(u8, Role)]) -> BTreeMap<DeviceId, Member> {
    roles.iter().map(|&(number, role)| (device(number), Member { role, name: format!("device {number}") })).collect()
}

fn file(name: &str, supersedes: &[VersionId]) -> Entry {
    Entry {
        path: RelPath::parse(name).expect("plain"),
        kind: Kind::Deleted,
        supersedes: supersedes.to_vec(),
        moved_from: None,
    }
}

/// A folder of device 1 in which the others are editors.
fn founded(editors: &[u8]) -> (Ledger, Vec<Vec<u8>>) {
    let genesis = Ledger::write_recoverable_genesis(&key(1), [5; 32], "Photos", Timestamp(1), device(99));
    let mut ledger = Ledger::found(&genesis).expect("our own");
    let mut roles = vec![(1, Role::Owner)];
    roles.extend(editors.iter().map(|&number| (number, Role::Editor)));
    let membership = ledger.write_membership(&key(1), members(&roles), device(1), Timestamp(2)).expect("owner");
    (ledger, vec![genesis, membership.bytes])
}

fn joined(records: &[Vec<u8>]) -> Ledger {
    Ledger::load(records).expect("founded").ledger
}

fn write(ledger: &mut Ledger, number: u8, name: &str) -> Vec<u8> {
    ledger.write_block(&key(number), chain(number, 7), Timestamp(3), &[file(name, &[])]).expect("a writer").bytes
}

fn accepted(learned: Learned) -> Vec<AcceptedRecord> {
    match learned {
        Learned::Accepted(records) => records,
        other @ (Learned::Known | Learned::Waiting | Learned::Refused(_) | Learned::Forked(_)) => {
            panic!("not accepted: {other:?}")
        }
    }
}

#[test]
fn what_one_device_writes_the_other_reads() {
    let (mut ann, start) = founded(&[2]);
    let mut ben = joined(&start);
    let first = write(&mut ann, 1, "a");
    let learned = accepted(ben.learn(&first));
    let Content::Block(block) = &learned[0].content else { panic!("a block") };
    assert_eq!(block.entries[0].entry, file("a", &[]));
    assert_eq!(learned[0].bytes, first);
    assert!(matches!(ben.learn(&first), Learned::Known));
    let id = block.entries[0].id;
    let answer = ben.write_block(&key(2), chain(2, 9), Timestamp(4), &[file("a", &[id])]).expect("a writer");
    let learned = accepted(ann.learn(&answer.bytes));
    let Content::Block(block) = &learned[0].content else { panic!("a block") };
    assert_eq!((block.lamport, block.entries[0].entry.supersedes.clone()), (2, vec![id]));
    assert_eq!(ann.digest(), ben.digest());
}
