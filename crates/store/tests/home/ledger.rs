//! The ledger as the store keeps it.

use std::fs;
use std::time::Instant;

use shoal_engine::effect::RecordRange;

use super::*;

fn segment(home: &Path) -> PathBuf {
    home.join(format!("data/ledger/{FOLDER}/00000001.seg"))
}

fn bytes(records: &[(RecordKey, Vec<u8>)]) -> Vec<Vec<u8>> {
    records.iter().map(|(_, bytes)| bytes.clone()).collect()
}

/// A home with one folder and these blocks.
fn home_with(count: u64) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.append(FOLDER, &blocks(0..count)).expect("durable");
    home
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_kept_beside_and_told() {
    let home = home_with(4);
    let whole = fs::read(segment(home.path())).expect("a segment");
    let last = whole.len() - (20 + 49 + b"block 3".len());
    for length in last..=whole.len() {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        fs::write(segment(copy.path()), &whole[..length]).expect("cut");
        let is_cut_inside = length != last && length != whole.len();
        let count = if length == whole.len() { 4 } else { 3 };

        let (store, _) = open(copy.path());
        let found = only_folder(&store);
        assert_eq!((found.ledger, found.is_torn), (Some(bytes(&blocks(0..count))), is_cut_inside), "cut at {length}");
        let kept = files_below(&copy.path().join("data/ledger"));
        let kept: Vec<&PathBuf> = kept.iter().filter(|path| path.extension().is_some_and(|e| e == "torn")).collect();
        if is_cut_inside {
            assert_eq!(fs::read(kept[0]).expect("kept"), &whole[last..length]);
        } else {
            assert!(kept.is_empty());
        }
        store.append(FOLDER, &blocks(count..6)).expect("it goes on");
        drop(store);
        let found = only_folder(&open(copy.path()).0);
        assert_eq!((found.ledger, found.is_torn), (Some(bytes(&blocks(0..6))), is_cut_inside), "the doubt lasts");
    }
}

#[test]
fn a_new_incarnation_ends_the_doubt() {
    let home = home_with(2);
    let whole = fs::read(segment(home.path())).expect("a segment");
    fs::write(segment(home.path()), &whole[..whole.len() - 1]).expect("cut");
    let (store, _) = open(home.path());
    assert!(only_folder(&store).is_torn);
    store.save_folder(&FolderRecord { incarnation: 5, ..folder() }).expect("saved");
    drop(store);
    assert!(!only_folder(&open(home.path()).0).is_torn);
}

#[test]
fn any_flipped_byte_leaves_a_true_beginning_or_a_ledger_that_is_not_touched() {
    let home = home_with(4);
    let whole = fs::read(segment(home.path())).expect("a segment");
    let all = bytes(&blocks(0..4));
    for at in 0..whole.len() {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(segment(copy.path()), &damaged).expect("damaged");
        let found = only_folder(&open(copy.path()).0);
        match found.ledger {
            Some(ledger) => {
                assert!(found.is_torn && all.starts_with(&ledger) && ledger.len() < 4, "byte {at}");
                let torn = files_below(&copy.path().join("data/ledger"));
                let torn = torn.iter().find(|path| path.extension().is_some_and(|ending| ending == "torn"));
                let kept = fs::read(torn.expect("kept")).expect("kept");
                assert_eq!([fs::read(segment(copy.path())).expect("a segment"), kept].concat(), damaged);
            }
            None => {
                assert!(at < 84, "only the header makes the first segment unreadable, not byte {at}");
                assert_eq!(fs::read(segment(copy.path())).expect("a segment"), damaged);
            }
        }
    }
}

#[test]
fn a_ledger_that_cannot_be_read_refuses_to_grow() {
    let home = home_with(2);
    fs::write(segment(home.path()), b"SHLEDGER and something else").expect("damaged");
    let (store, _) = open(home.path());
    assert_eq!(only_folder(&store).ledger, None);
    assert!(store.append(FOLDER, &blocks(2..3)).is_err());
    assert!(store.reload(FOLDER).is_err());
    store.remember(FOLDER, &[(path("a"), Some(b"b".to_vec()))]);
    assert_eq!(fs::read(segment(home.path())).expect("a segment"), b"SHLEDGER and something else");
}

#[test]
fn a_ledger_that_vanished_is_empty_and_in_doubt() {
    let home = home_with(2);
    fs::remove_dir_all(home.path().join("data/ledger")).expect("removed");
    for _ in 0..2 {
        let found = only_folder(&open(home.path()).0);
        assert_eq!((found.ledger, found.is_torn), (Some(Vec::new()), true));
    }
}

#[test]
fn records_are_not_written_twice_but_a_fork_is_kept() {
    let home = home_with(2);
    let (store, _) = open(home.path());
    store.append(FOLDER, &blocks(0..3)).expect("durable");
    let fork = (RecordKey::Block(CHAIN, 1), b"another block 1".to_vec());
    store.append(FOLDER, std::slice::from_ref(&fork)).expect("durable");
    let mut all = bytes(&blocks(0..3));
    assert_eq!(store.read(FOLDER, fork.0).expect("sound"), Some(all[1].clone()), "peers were told the first");
    all.push(fork.1);
    drop(store);
    assert_eq!(only_folder(&open(home.path()).0).ledger, Some(all));
}

#[test]
fn ranges_are_read_in_bounded_parts() {
    let home = home_with(10);
    let (store, _) = open(home.path());
    let read = |from, to, bytes_max| {
        let range = RecordRange::Blocks { chain: CHAIN, from, to };
        store.read_range(FOLDER, range, bytes_max).expect("sound")
    };
    assert_eq!(read(2, 5, 1000), bytes(&blocks(2..5)));
    assert_eq!(read(2, 5, 14), bytes(&blocks(2..4)));
    assert_eq!(read(2, 5, 1), bytes(&blocks(2..3)), "at least one, or nobody gets on");
    assert_eq!(read(8, 20, 1000), bytes(&blocks(8..10)));
    assert_eq!(read(0, u64::MAX, 1000).len(), 10);
    let memberships = RecordRange::Memberships { from: 0, to: 3 };
    assert!(store.read_range(FOLDER, memberships, 1000).expect("sound").is_empty());
}

#[test]
fn a_folder_that_was_left_and_is_joined_again_begins_empty() {
    let home = home_with(3);
    let (store, _) = open(home.path());
    store.remember(FOLDER, &[(path("a"), Some(b"b".to_vec()))]);
    store.drop_folder(FOLDER).expect("dropped");
    store.drop_folder(FOLDER).expect("it may be dropped twice");
    assert!(load(&store).folders.is_empty());
    store.save_folder(&FolderRecord { incarnation: 2, ..folder() }).expect("saved");
    store.append(FOLDER, &blocks(0..1)).expect("durable");
    drop(store);
    let found = only_folder(&open(home.path()).0);
    assert_eq!((found.ledger, found.is_torn), (Some(bytes(&blocks(0..1))), false));
    assert!(found.index.is_empty());
    let removed = home.path().join(format!("data/removed/{FOLDER}-1/00000001.seg"));
    assert!(removed.exists(), "the old ledger is kept");
}

#[test]
fn many_threads_append_and_read_at_once() {
    let home = home_with(0);
    let (store, _) = open(home.path());
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            let store = &store;
            scope.spawn(move || {
                for at in 0..25 {
                    let record = blocks(writer * 25 + at..writer * 25 + at + 1);
                    store.append(FOLDER, &record).expect("durable");
                    assert_eq!(store.read(FOLDER, record[0].0).expect("sound"), Some(record[0].1.clone()));
                    store.remember(FOLDER, &[(path(&format!("{writer}/{at}")), Some(b"x".to_vec()))]);
                }
            });
        }
    });
    drop(store);
    let found = only_folder(&open(home.path()).0);
    assert_eq!(found.ledger.map(|ledger| ledger.len()), Some(100));
    assert_eq!((found.index.len(), found.is_torn), (100, false));
}

#[test]
fn appending_and_loading_take_this_long() {
    let home = home_with(0);
    let (store, _) = open(home.path());
    let body = vec![7; 100_000];
    let big: Vec<_> = (0..1000).map(|index| (RecordKey::Block(CHAIN, index), body.clone())).collect();
    let begin = Instant::now();
    big.chunks(10).for_each(|group| store.append(FOLDER, group).expect("durable"));
    let appended = begin.elapsed();
    let begin = Instant::now();
    for at in 1000..1100 {
        store.append(FOLDER, &blocks(at..at + 1)).expect("durable");
    }
    let single = begin.elapsed() / 100;
    drop(store);
    let begin = Instant::now();
    let (store, _) = open(home.path());
    let found = only_folder(&store);
    println!(
        "100 MB of ledger: appended in groups of 1 MB {appended:?}, one small append {single:?}, opened and loaded {:?}",
        begin.elapsed()
    );
    assert_eq!(found.ledger.map(|ledger| ledger.len()), Some(1100));
    assert_eq!(files_below(&home.path().join("data/ledger")).iter().filter(|p| p.ends_with("00000002.seg")).count(), 1);
}
