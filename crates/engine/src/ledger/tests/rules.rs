//! The rules one by one.

use std::collections::BTreeSet;

use super::*;
use crate::block::{Header, with_kind};
use crate::codec::record;
use crate::limits::{BLOCK_BYTES_MAX, BLOCK_ENTRIES_MAX, HELD_BLOCKS_MAX, INCARNATIONS_MAX};
use crate::message::ChainHead;
use prost::Message as _;

/// The header of the block that a device would write next, to be spoilt.
fn next(ledger: &Ledger, id: ChainId) -> Header {
    let table = BTreeSet::from([self::chain(1, 7), self::chain(2, 7)]).into_iter().collect();
    let chain = ledger.chains.get(&id).cloned().unwrap_or_default();
    Header {
        folder: ledger.folder(),
        chain: id,
        index: chain.len(),
        previous: chain.blocks.last().map(|line| line.hash),
        after: Vec::new(),
        lamport: chain.blocks.last().map_or(0, |line| line.lamport) + 1,
        membership: ledger.membership().hash,
        time: Timestamp(9),
        first_sequence: chain.entries(),
        count: 0,
        entries_root: RecordHash([0; 32]),
        table,
    }
}

fn seal(header: Header, number: u8, supersedes: &[VersionId]) -> Vec<u8> {
    header.seal(&key(number), &[file("x", supersedes)]).expect("small")
}

fn is_waiting(learned: &Learned) -> bool {
    matches!(learned, Learned::Waiting)
}

fn entries(records: &[AcceptedRecord]) -> Vec<VersionId> {
    let of = |record: &AcceptedRecord| match &record.content {
        Content::Block(block) => block.entries.iter().map(|entry| entry.id).collect(),
        Content::Membership | Content::Fork(_) => Vec::new(),
    };
    records.iter().flat_map(of).collect()
}

/// A folder of device 1 with editors 2 and 3, in which device 2 has written a block.
fn with_a_block() -> (Ledger, Vec<Vec<u8>>) {
    let (mut ledger, mut records) = founded(&[2, 3]);
    let mut ben = joined(&records);
    records.push(write(&mut ben, 2, "first"));
    accepted(ledger.learn(&records[2]));
    (ledger, records)
}

fn set(ledger: &mut Ledger, roles: &[(u8, Role)]) -> Vec<u8> {
    ledger.write_membership(&key(1), members(roles), device(1), Timestamp(9)).expect("the owner").bytes
}

#[test]
fn a_block_that_breaks_a_rule_is_refused() {
    let (ledger, _) = with_a_block();
    let id = chain(2, 7);
    let spoil = |change: &dyn Fn(&mut Header)| {
        let mut header = next(&ledger, id);
        change(&mut header);
        seal(header, 2, &[])
    };
    let head = ChainHead { chain: id, blocks: 1, hash: RecordHash([1; 32]) };
    let unseen = VersionId { chain: chain(1, 7), sequence: 0 };
    let itself = VersionId { chain: id, sequence: 1 };
    let cases: Vec<(Vec<u8>, Invalid)> = vec![
        (spoil(&|header| header.folder = FolderId([1; 32])), Invalid::OtherFolder),
        (spoil(&|header| header.lamport += 1), Invalid::Link),
        (spoil(&|header| header.lamport -= 1), Invalid::Link),
        (spoil(&|header| header.first_sequence += 1), Invalid::Link),
        (spoil(&|header| header.membership = RecordHash(header.folder.0)), Invalid::Link),
        (
            spoil(&|header| header.after = vec![head]),
            Invalid::Garbage(Garbage("a block that comes after its own chain")),
        ),
        (seal(next(&ledger, id), 3, &[]), Invalid::Signature),
        (seal(next(&ledger, id), 2, &[unseen]), Invalid::Supersedes),
        (seal(next(&ledger, id), 2, &[itself]), Invalid::Supersedes),
        (seal(next(&ledger, chain(4, 1)), 4, &[]), Invalid::NotAWriter),
        (Vec::new(), Invalid::Garbage(Garbage("an empty record"))),
        (vec![9, 1, 2], Invalid::Newer),
    ];
    for (place, (record, expected)) in cases.into_iter().enumerate() {
        match ledger.clone().learn(&record) {
            Learned::Refused(invalid) => assert_eq!(invalid, expected, "number {place}"),
            learned @ (Learned::Known | Learned::Waiting | Learned::Forked(_) | Learned::Accepted(_)) => {
                panic!("number {place}: {learned:?}")
            }
        }
    }
    assert_eq!(entries(&accepted(ledger.clone().learn(&spoil(&|_| ())))).len(), 1);
}

#[test]
fn a_block_of_a_newer_version_is_not_skipped() {
    let (mut ledger, records) = with_a_block();
    let block = record::Block::decode(&records[2][1..]).expect("a block");
    let mut header = record::Header::decode(&*block.header).expect("a header");
    header.format = 2;
    let newer = record::Block { header: header.encode_to_vec(), ..block };
    assert!(matches!(ledger.learn(&with_kind(BLOCK, &newer)), Learned::Refused(Invalid::Newer)));
}

#[test]
fn a_body_reduced_to_hashes_verifies_and_is_not_taken() {
    let (ledger, records) = with_a_block();
    let mut block = record::Block::decode(&records[2][1..]).expect("a block");
    block.pruned = block.entries.iter().flat_map(|entry| crate::block::hash(entry).0).collect();
    block.entries.clear();
    let mut fresh = joined(&records[..2]);
    assert!(matches!(fresh.learn(&with_kind(BLOCK, &block)), Learned::Refused(Invalid::Pruned)));
    block.pruned[0] ^= 1;
    assert!(matches!(fresh.learn(&with_kind(BLOCK, &block)), Learned::Refused(Invalid::Root)));
    drop(ledger);
}

#[test]
fn a_block_waits_for_what_it_names_and_comes_after_it() {
    let (mut ann, mut records) = founded(&[2]);
    let mut ben = joined(&records);
    records.extend((0..3).map(|at| write(&mut ann, 1, &format!("a{at}"))));
    records[2..].iter().for_each(|record| assert_eq!(entries(&accepted(ben.learn(record))).len(), 1));
    let answer = write(&mut ben, 2, "b");
    let mut cid = joined(&records[..2]);
    assert!(is_waiting(&cid.learn(&answer)));
    assert!(is_waiting(&cid.learn(&answer)));
    assert!(is_waiting(&cid.learn(&records[4])));
    assert!(is_waiting(&cid.learn(&records[3])));
    let freed = accepted(cid.learn(&records[2]));
    let keys: Vec<RecordKey> = freed.iter().map(|record| record.key).collect();
    let expected = [(1, 0), (1, 1), (1, 2), (2, 0)].map(|(who, at)| RecordKey::Block(chain(who, 7), at));
    assert_eq!(keys, expected);
    assert_eq!(cid.digest(), ben.digest());
}

#[test]
fn what_is_held_is_bounded() {
    let (mut ann, mut records) = founded(&[]);
    let mut ben = joined(&records);
    records.extend((0..HELD_BLOCKS_MAX + 50).map(|at| write(&mut ann, 1, &format!("{at}"))));
    records[3..].iter().for_each(|record| assert!(is_waiting(&ben.learn(record))));
    assert_eq!(ben.held.all().count(), HELD_BLOCKS_MAX);
    assert_eq!(accepted(ben.learn(&records[2])).len(), 1);
}

#[test]
fn what_somebody_wrote_before_the_removal_counts_and_nothing_after_it() {
    let (mut ann, mut records) = with_a_block();
    let mut ben = joined(&records);
    let mut cid = joined(&records);
    let late = write(&mut ben, 2, "late");
    // Cid hears of the second block before the removal, Ann never does.
    assert_eq!(entries(&accepted(cid.learn(&late))).len(), 1);
    records.push(set(&mut ann, &[(1, Role::Owner), (3, Role::Editor)]));
    assert_eq!(ann.membership().cut_offs, BTreeMap::from([(chain(2, 7), 1)]));
    assert_eq!(ann.membership().epoch, 1);
    assert!(is_waiting(&ann.learn(&late)));
    accepted(cid.learn(&records[3]));
    assert!(cid.needs_refold());
    let stored = [records.clone(), vec![late.clone()]].concat();
    let loaded = cid.refold(&stored);
    assert_eq!(entries(&loaded.accepted), [VersionId { chain: chain(2, 7), sequence: 0 }]);
    assert_eq!(loaded.ledger.digest(), ann.digest());
    assert_eq!(loaded.ledger.head(chain(2, 7)).map(|head| head.blocks), Some(1));
}

#[test]
fn a_void_block_is_kept_as_far_as_something_that_counts_names_it() {
    let (mut ann, mut records) = with_a_block();
    let mut ben = joined(&records);
    let mut cid = joined(&records);
    let late = write(&mut ben, 2, "late");
    let later = write(&mut ben, 2, "later");
    accepted(cid.learn(&late));
    let answer = write(&mut cid, 3, "an answer");
    records.push(set(&mut ann, &[(1, Role::Owner), (3, Role::Editor)]));
    assert!(is_waiting(&ann.learn(&late)));
    assert!(is_waiting(&ann.learn(&later)));
    let freed = accepted(ann.learn(&answer));
    assert_eq!(freed.len(), 2, "the void block and the one that names it");
    assert_eq!(entries(&freed), [VersionId { chain: chain(3, 7), sequence: 0 }]);
    assert_eq!(ann.head(chain(2, 7)).map(|head| head.blocks), Some(2));
}

#[test]
fn what_a_void_block_names_is_kept_with_it() {
    let (mut ann, mut records) = founded(&[2, 3, 4]);
    let [mut ben, mut cid, mut dan] = [0; 3].map(|_| joined(&records));
    let first = write(&mut ben, 2, "void");
    accepted(cid.learn(&first));
    let second = write(&mut cid, 3, "void, too");
    accepted(dan.learn(&first));
    accepted(dan.learn(&second));
    // Dan names only the later one, which names the earlier one.
    let after = vec![dan.head(chain(3, 7)).expect("just heard")];
    let header = Header { after, lamport: 3, table: vec![chain(3, 7)], ..next(&dan, chain(4, 7)) };
    let answer = seal(header, 4, &[]);
    records.push(set(&mut ann, &[(1, Role::Owner), (4, Role::Editor)]));
    for record in [&first, &second] {
        assert!(is_waiting(&ann.learn(record)));
    }
    assert_eq!(accepted(ann.learn(&answer)).len(), 3);
    assert_eq!([2, 3].map(|who| ann.head(chain(who, 7)).map(|head| head.blocks)), [Some(1); 2]);
}

#[test]
fn a_block_that_names_what_a_fork_cut_away_still_counts() {
    let (mut ann, records) = with_a_block();
    let (mut ben, mut copy, mut cid) = (joined(&records), joined(&records), joined(&records));
    let (one, other) = (write(&mut ben, 2, "one"), write(&mut copy, 2, "other"));
    accepted(cid.learn(&one));
    let replaced = VersionId { chain: chain(2, 7), sequence: 1 };
    let answer = cid.write_block(&key(3), chain(3, 7), Timestamp(1), &[file("x", &[replaced])]).expect("a writer");
    assert!(is_waiting(&ann.learn(&answer.bytes)));
    assert!(is_waiting(&ann.learn(&write(&mut ben, 2, "further"))));
    // The first of the two contradicts nothing; with the second both are gone, and the answer waits no more.
    accepted(ann.learn(&one));
    assert!(matches!(ann.learn(&other), Learned::Forked(_)));
    let loaded = ann.refold(&[records, vec![one, answer.bytes]].concat());
    let answered = VersionId { chain: chain(3, 7), sequence: 0 };
    assert_eq!(entries(&loaded.accepted), [VersionId { chain: chain(2, 7), sequence: 0 }, answered]);
}

#[test]
fn who_comes_back_starts_a_new_chain() {
    let (mut ann, mut records) = with_a_block();
    records.push(set(&mut ann, &[(1, Role::Owner), (2, Role::Viewer)]));
    let mut ben = joined(&records);
    let entry = [file("x", &[])];
    assert_eq!(ben.write_block(&key(2), chain(2, 7), Timestamp(1), &entry), Err(CannotWrite::NotAllowed));
    records.push(set(&mut ann, &[(1, Role::Owner), (2, Role::Editor)]));
    accepted(ben.learn(&records[4]));
    assert_eq!(ben.write_block(&key(2), chain(2, 7), Timestamp(1), &entry), Err(CannotWrite::ChainClosed));
    let back = ben.write_block(&key(2), chain(2, 8), Timestamp(1), &entry).expect("a writer again");
    assert_eq!(entries(&accepted(ann.learn(&back.bytes))).len(), 1);
    assert_eq!(ann.digest(), ben.digest());
}

#[test]
fn a_device_that_was_out_cannot_bring_a_hidden_chain_back() {
    let (mut ann, records) = with_a_block();
    let mut ben = joined(&records);
    let hidden = ben.write_block(&key(2), chain(2, 1), Timestamp(1), &[file("x", &[])]).expect("a writer").bytes;
    set(&mut ann, &[(1, Role::Owner)]);
    set(&mut ann, &[(1, Role::Owner), (2, Role::Editor)]);
    assert!(is_waiting(&ann.learn(&hidden)));
    assert_eq!(ann.head(chain(2, 1)), None);
}

#[test]
fn a_fork_ends_the_chain_for_everybody_who_sees_the_proof() {
    let (_, records) = with_a_block();
    let (mut ben, mut copy) = (joined(&records), joined(&records));
    let one = write(&mut ben, 2, "one");
    let other = write(&mut copy, 2, "other");
    let mut ann = joined(&[records.clone(), vec![one.clone()]].concat());
    let forked = ann.learn(&other);
    assert!(matches!(forked, Learned::Forked(Fork { chain: Some(_), author, index: 1 }) if author == device(2)));
    assert!(ann.needs_refold());
    let loaded = ann.refold(&[records.clone(), vec![one.clone()]].concat());
    let proof = loaded.accepted[loaded.new_from].clone();
    assert_eq!(proof.key, RecordKey::Block(chain(2, 7), PROOF_INDEX + 1));
    // Somebody who saw neither of the two blocks learns it from the proof alone.
    let mut cid = joined(&records);
    accepted(cid.learn(&proof.bytes));
    assert!(!cid.needs_refold());
    assert!(matches!(cid.learn(&one), Learned::Refused(Invalid::Frozen)));
    assert_eq!(cid.digest(), loaded.ledger.digest());
    assert_ne!(cid.digest(), joined(&records).digest());
    assert_eq!(cid.write_block(&key(2), chain(2, 7), Timestamp(1), &[file("x", &[])]), Err(CannotWrite::ChainClosed));
}

#[test]
fn a_void_block_is_kept_though_what_names_it_was_loaded_before_it() {
    let (mut ann, mut records) = founded(&[2, 3]);
    let [mut ben, mut cid] = [0; 2].map(|_| joined(&records));
    let first = write(&mut ben, 2, "first");
    let mut copy = ben.clone();
    let (one, other) = (write(&mut ben, 2, "one"), write(&mut copy, 2, "other"));
    accepted(cid.learn(&first));
    accepted(cid.learn(&one));
    let answer = write(&mut cid, 3, "an answer");
    records.push(set(&mut ann, &[(1, Role::Owner), (3, Role::Editor)]));
    // Ann hears of all in the order in which it was written.
    assert!(is_waiting(&ann.learn(&first)));
    assert!(is_waiting(&ann.learn(&one)));
    accepted(ann.learn(&other));
    accepted(ann.learn(&answer));
    // Dan hears of the fork and the answer, loads everything anew, and hears of the first block last.
    let mut dan = joined(&records);
    assert!(is_waiting(&dan.learn(&one)));
    for record in [&other, &answer] {
        records.extend(accepted(dan.learn(record)).into_iter().map(|record| record.bytes));
    }
    let mut dan = dan.refold(&records).ledger;
    accepted(dan.learn(&first));
    assert_eq!(dan.head(chain(2, 7)).map(|head| head.blocks), Some(1));
    assert_eq!(dan.digest(), ann.digest());
}

#[test]
fn every_proof_that_loading_makes_is_stored() {
    let (mut ann, mut records) = founded(&[2, 3]);
    let forked = [2, 3].map(|number| {
        let [mut one, mut copy] = [0; 2].map(|_| joined(&records));
        (write(&mut one, number, "one"), write(&mut copy, number, "other"))
    });
    for (one, _) in &forked {
        accepted(ann.learn(one));
        records.push(one.clone());
    }
    assert!(matches!(ann.learn(&forked[0].1), Learned::Forked(_)));
    // This one is held until the ledger was loaded anew, and makes that necessary once more.
    assert!(is_waiting(&ann.learn(&forked[1].1)));
    let Loaded { ledger, accepted, new_from } = ann.refold(&records);
    assert_eq!(ledger.forks().len(), 2);
    records.extend(accepted[new_from..].iter().map(|record| record.bytes.clone()));
    let restarted = joined(&records);
    assert_eq!(restarted.forks(), ledger.forks());
    assert_eq!(restarted.digest(), ledger.digest());
}

#[test]
fn who_never_was_a_member_has_no_forks() {
    let (mut ann, records) = founded(&[]);
    let [mut saved, mut told] = [0; 2].map(|_| joined(&records));
    let admission = set(&mut ann, &[(1, Role::Owner), (2, Role::Editor)]);
    let [one, other] = [0; 2].map(|_| joined(&[records.clone(), vec![admission.clone()]].concat()));
    let [one, other] = [(one, "one"), (other, "other")].map(|(mut ben, name)| write(&mut ben, 2, name));
    accepted(told.learn(&admission));
    assert!(matches!(told.learn(&one), Learned::Accepted(_)));
    assert!(matches!(told.learn(&other), Learned::Forked(_)));
    let stored = [records, vec![admission, one.clone()]].concat();
    let mut told = told.refold(&stored).ledger;
    assert_eq!(told.forks().len(), 1);
    let recovery = saved.write_membership(&key(99), members(&[(1, Role::Owner)]), device(1), Timestamp(1));
    let recovery = recovery.expect("recovery").bytes;
    accepted(told.learn(&recovery));
    assert!(!told.needs_refold(), "nothing of the device was ever handed out");
    for record in [&one, &other] {
        assert!(!matches!(saved.learn(record), Learned::Accepted(_) | Learned::Forked(_)));
    }
    assert_eq!(told.forks(), saved.forks());
    assert_eq!((told.heads(), told.digest()), (saved.heads(), saved.digest()));
}

#[test]
fn who_has_too_many_chains_cannot_fork_more() {
    let (mut ann, records) = founded(&[2]);
    let ben = joined(&records);
    let first = |incarnation: u64| seal(next(&ben, chain(2, incarnation)), 2, &[]);
    for incarnation in 0..INCARNATIONS_MAX as u64 {
        accepted(ann.learn(&first(incarnation)));
    }
    let beyond = |name: u8| {
        let previous = Some(RecordHash([name; 32]));
        let header = Header { index: 1, previous, ..next(&ben, chain(2, INCARNATIONS_MAX as u64)) };
        seal(header, 2, &[])
    };
    assert!(is_waiting(&ann.learn(&beyond(1))));
    assert!(is_waiting(&ann.learn(&beyond(2))));
    assert_eq!((ann.forks(), ann.chains.len()), (Vec::new(), INCARNATIONS_MAX));
}

#[test]
fn memberships_that_come_backward_and_split_are_all_told_of() {
    let (ann, records) = founded(&[2]);
    let [one, other] = [Role::Viewer, Role::Editor].map(|role| set(&mut ann.clone(), &[(1, Role::Owner), (2, role)]));
    let mut ben = joined(&records[..1]);
    assert!(is_waiting(&ben.learn(&one)));
    assert!(is_waiting(&ben.learn(&other)));
    let told = accepted(ben.learn(&records[1]));
    let keys: Vec<RecordKey> = told.iter().map(|record| record.key).collect();
    assert_eq!(keys, [RecordKey::Membership(0), RecordKey::Membership(PROOF_INDEX + 1)]);
    let stored: Vec<Vec<u8>> = told.into_iter().map(|record| record.bytes).collect();
    assert_eq!(joined(&[records[..1].to_vec(), stored].concat()).digest(), ben.digest());
}

#[test]
fn a_proof_of_nothing_is_refused() {
    let (mut ann, records) = with_a_block();
    let mut ben = joined(&records);
    let header = |record: &[u8]| {
        let block = record::Block::decode(&record[1..]).expect("a block");
        record::Signed { body: block.header, signature: block.signature }
    };
    let (first, second) = (header(&records[2]), header(&write(&mut ben, 2, "second")));
    let proof = |one: &record::Signed, other: &record::Signed| {
        let proof = record::Proof { one: Some(one.clone()), other: Some(other.clone()), is_membership: false };
        with_kind(PROOF, &proof)
    };
    assert!(matches!(ann.learn(&proof(&first, &second)), Learned::Refused(Invalid::Link)));
    assert!(matches!(ann.learn(&proof(&first, &first)), Learned::Refused(Invalid::Link)));
    let forged = record::Signed { body: second.body, signature: first.signature.clone() };
    assert!(matches!(ann.learn(&proof(&first, &forged)), Learned::Refused(Invalid::Signature)));
    assert!(!ann.is_frozen(chain(2, 7)));
}

#[test]
fn only_the_owner_and_the_recovery_key_decide_who_is_in() {
    let (mut ann, _) = founded(&[2, 3]);
    let roles = members(&[(1, Role::Editor), (2, Role::Owner)]);
    let mut ben = ann.clone();
    assert_eq!(ben.write_membership(&key(2), roles.clone(), device(2), Timestamp(1)), Err(CannotWrite::NotAllowed));
    assert_eq!(ann.write_membership(&key(1), roles.clone(), device(1), Timestamp(1)), Err(CannotWrite::Members));
    let given = ann.write_membership(&key(1), roles, device(2), Timestamp(1)).expect("the owner").bytes;
    accepted(ben.learn(&given));
    let alone = members(&[(2, Role::Owner)]);
    assert_eq!(ann.write_membership(&key(1), alone.clone(), device(2), Timestamp(1)), Err(CannotWrite::NotAllowed));
    ben.write_membership(&key(2), alone, device(2), Timestamp(2)).expect("the new owner");
    assert_eq!(ben.role(device(1)), None);
}

#[test]
fn two_memberships_of_one_owner_end_the_line_until_the_recovery_key_speaks() {
    let (mut ann, records) = founded(&[2, 3]);
    let mut copy = ann.clone();
    let one = set(&mut ann, &[(1, Role::Owner), (2, Role::Editor)]);
    let other = set(&mut copy, &[(1, Role::Owner), (3, Role::Editor)]);
    let split = accepted(ann.learn(&other));
    assert!(matches!(split[0].content, Content::Fork(Fork { chain: None, index: 1, .. })));
    accepted(copy.learn(&one));
    assert_eq!((ann.memberships(), ann.is_membership_frozen()), (1, true));
    assert_eq!(ann.digest(), copy.digest());
    let mut told = joined(&records);
    accepted(told.learn(&split[0].bytes));
    assert_eq!(told.digest(), ann.digest());
    let again = ann.write_membership(&key(1), members(&[(1, Role::Owner)]), device(1), Timestamp(1));
    assert_eq!(again, Err(CannotWrite::NotAllowed));
    let saved =
        told.write_membership(&key(99), members(&[(3, Role::Owner)]), device(3), Timestamp(1)).expect("recovery");
    accepted(ann.learn(&saved.bytes));
    assert_eq!((ann.membership().owner, ann.is_membership_frozen()), (device(3), false));
    assert!(matches!(ann.learn(&one), Learned::Refused(Invalid::Outranked)));
}

#[test]
fn versions_that_are_gone_are_left_out_of_what_we_write() {
    let (mut ann, _) = with_a_block();
    let known = VersionId { chain: chain(2, 7), sequence: 0 };
    let unknown = VersionId { chain: chain(2, 7), sequence: 1 };
    let entry = Entry { moved_from: Some(unknown), ..file("x", &[unknown, known]) };
    let record = ann.write_block(&key(1), chain(1, 7), Timestamp(1), &[entry]).expect("the owner");
    let Content::Block(block) = &record.content else { panic!("a block") };
    assert_eq!(block.entries[0].entry, file("x", &[known]));
}

#[test]
fn batches_fit_a_block_each_and_lose_nothing() {
    let (mut ann, _) = founded(&[]);
    let name = |at: usize, length: usize| format!("{at:06}{}", "/p".repeat(length));
    let long: Vec<Entry> = (0..5000).map(|at| file(&name(at, if at < 2500 { 1 } else { 400 }), &[])).collect();
    let all: Vec<&[Entry]> = batches(&long).collect();
    assert_eq!(all.concat(), long);
    assert!(all.len() > 3 && all[0].len() == BLOCK_ENTRIES_MAX && all[3].len() * 800 < BLOCK_BYTES_MAX);
    for batch in all {
        ann.write_block(&key(1), chain(1, 7), Timestamp(1), batch).expect("it fits");
    }
    assert_eq!(batches(&[]).count(), 0);
}

#[test]
fn a_long_answer_is_given_in_parts_that_each_make_sense() {
    let (mut ann, records) = founded(&[]);
    let entry = |at: usize| file(&format!("{at}{}", "/long".repeat(100)), &[]);
    for block in 0..12 {
        let entries: Vec<Entry> = (0..1000).map(|at| entry(block * 1000 + at)).collect();
        ann.write_block(&key(1), chain(1, 7), Timestamp(1), &entries).expect("it fits");
    }
    let ben = joined(&records);
    let asked = ben.lacking(&ann.heads());
    assert_eq!(asked, [(chain(1, 7), 0)]);
    let answer = ann.ranges_for(1, &asked);
    assert!(answer.has_more);
    let [RecordRange::Blocks { from: 0, to, .. }] = answer.ranges[..] else { panic!("{answer:?}") };
    assert!((6..12).contains(&to));
    assert!(!ann.ranges_for(1, &[(chain(1, 7), to)]).has_more);
    assert_eq!(ann.ranges_for(1, &[(chain(1, 7), 99), (chain(5, 5), 0)]), Answer::default());
}

proptest! {
    #[test]
    fn damaged_records_are_read_without_harm(
        which in 0..4_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut ann, mut records) = with_a_block();
        records[0] = write(&mut ann, 1, "another");
        let mut ben = joined(&[vec![ann.genesis().to_vec()], records[1..3].to_vec()].concat());
        let before = ben.digest();
        let mut record = records[which % records.len()].clone();
        let sound = record.clone();
        for (place, byte) in damage {
            let place = place.index(record.len());
            record[place] = byte;
        }
        // Fields that nobody reads may differ; whatever is signed may not.
        if let Learned::Accepted(accepted) = ben.learn(&record) {
            prop_assert_eq!(which % records.len(), 0);
            prop_assert_eq!(accepted.len(), 1);
        } else {
            prop_assert_eq!(ben.digest(), before);
        }
        ben.learn(&sound);
        ann.learn(&record);
    }

    #[test]
    fn random_records_are_read_without_harm(kind in 0..6_u8, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (mut ann, _) = with_a_block();
        let learned = ann.learn(&[vec![kind], bytes].concat());
        prop_assert!(matches!(learned, Learned::Refused(_)));
    }
}
