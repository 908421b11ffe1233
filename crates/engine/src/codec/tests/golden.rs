//! Every format has these very bytes for ever: what one version wrote, every later one reads.

use ed25519_dalek::SigningKey;

use super::*;
use crate::entry::Entry;
use crate::ledger::{Ledger, PROOF_INDEX};
use crate::membership::Member;
use crate::request::Role;

/// Lines of a name and bytes in hexadecimal.
const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn every_format_keeps_its_bytes() {
    let written = all();
    let lines: String = written.iter().map(|(name, bytes)| format!("{name} {}\n", hex(bytes))).collect();
    for (line, golden) in lines.lines().zip(GOLDEN.lines()) {
        assert_eq!(line, golden);
    }
    assert_eq!(lines.lines().count(), GOLDEN.lines().count(), "all of them:\n{lines}");
}

#[test]
fn a_loaded_golden_ledger_means_what_it_meant() {
    let golden = |name: &str| {
        let line = GOLDEN.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
        let hex = line.split(' ').nth(1).expect("bytes");
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex")).collect::<Vec<u8>>()
    };
    let records = ["genesis", "membership", "block-1", "block-2"].map(golden);
    let loaded = Ledger::load(&records).expect("founded");
    assert_eq!(loaded.ledger.name(), "Photos");
    assert_eq!(loaded.accepted.len(), 3);
    assert_eq!(loaded.ledger.digest().to_string(), hex(&golden("digest")));
    let mut ledger = loaded.ledger;
    ledger.learn(&golden("proof"));
    assert!(ledger.is_frozen(ChainId { device: device(1), incarnation: 7 }));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn device(number: u8) -> DeviceId {
    DeviceId(SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes())
}

fn all() -> Vec<(String, Vec<u8>)> {
    let messages = every_message(3);
    let mut all: Vec<(String, Vec<u8>)> =
        messages.iter().enumerate().map(|(at, message)| (format!("message-{}", at + 1), encode(message))).collect();
    let requests = every_request(3).into_iter().map(|request| encode_request(&request));
    all.extend((1..).zip(requests).map(|(at, bytes)| (format!("request-{at}"), bytes)));
    let remembered = every_materialised(3).into_iter().map(|materialised| encode_materialised(&materialised));
    all.extend((1..).zip(remembered).map(|(at, bytes)| (format!("materialised-{at}"), bytes)));
    all.extend(records());
    all
}

fn records() -> Vec<(String, Vec<u8>)> {
    let (ann, ben) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let genesis = Ledger::write_recoverable_genesis(&ann, [5; 32], "Photos", Timestamp(1000), device(9));
    let mut ledger = Ledger::found(&genesis).expect("a genesis");
    let member = |role, name: &str| Member { role, name: name.to_owned() };
    let members = [
        (device(1), member(Role::Owner, "Ann")),
        (device(2), member(Role::Editor, "Ben")),
        (device(3), member(Role::Viewer, "")),
    ];
    let membership = ledger.write_membership(&ann, members.into(), device(1), Timestamp(2000)).expect("the owner");
    let path = |path: &str| RelPath::parse(path).expect("plain");
    let kinds = every_materialised(4).into_iter().take(4).map(|materialised| materialised.kind);
    let entry = |(at, kind)| Entry { path: path(&format!("a/{at}")), kind, supersedes: Vec::new(), moved_from: None };
    let entries: Vec<Entry> = kinds.enumerate().map(entry).collect();
    let chain = ChainId { device: device(1), incarnation: 7 };
    let mut copy = ledger.clone();
    let first = ledger.write_block(&ann, chain, Timestamp(3000), &entries).expect("a writer");
    let version = |sequence| VersionId { chain, sequence };
    let answer = Entry {
        path: path("b"),
        kind: Kind::Deleted,
        supersedes: vec![version(0), version(3)],
        moved_from: Some(version(1)),
    };
    let other = ChainId { device: device(2), incarnation: u64::MAX };
    let second = ledger.write_block(&ben, other, Timestamp(4000), &[answer]).expect("a writer");
    let digest = ledger.digest().0.to_vec();
    let rival = copy.write_block(&ann, chain, Timestamp(5000), &entries[..1]).expect("a writer");
    ledger.learn(&rival.bytes);
    let stored = [genesis.clone(), membership.bytes.clone(), first.bytes.clone(), second.bytes.clone()];
    let mut loaded = ledger.refold(&stored);
    let proof = loaded.accepted.pop().expect("a proof");
    assert_eq!(proof.key, crate::effect::RecordKey::Block(chain, PROOF_INDEX));
    [
        ("genesis", genesis),
        ("membership", membership.bytes),
        ("block-1", first.bytes),
        ("block-2", second.bytes),
        ("proof", proof.bytes),
        ("digest", digest),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .to_vec()
}
