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

/// A home with a whole ledger of one segment, and every record in it.
fn home_with_basis(blocks_max: u64) -> (tempfile::TempDir, Vec<(RecordKey, Vec<u8>)>) {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    let mut records = vec![(RecordKey::Genesis, b"genesis".to_vec()), (RecordKey::Membership(0), b"first".to_vec())];
    store.append(FOLDER, &records).expect("durable");
    store.append(FOLDER, &blocks(0..blocks_max)).expect("durable");
    records.extend(blocks(0..blocks_max));
    (home, records)
}

/// Opens a damaged home and demands that what is found is part of what was written, that the damaged file is kept, and
/// that it goes on; returns how many records are left.
fn is_part_of(home: &Path, damaged: &[u8], all: &[Vec<u8>], what: &str) -> usize {
    let (store, _) = open(home);
    let found = only_folder(&store);
    let ledger = found.ledger.unwrap_or_else(|| panic!("{what}: the ledger is not mended"));
    // A cut between two records leaves a whole ledger; only the index and the folder's witness can tell.
    let is_clean = damaged.len() >= 84 && fs::read(segment(home)).is_ok_and(|left| left == damaged);
    assert!(found.is_torn || is_clean, "{what}: our own chain may be short, and nobody says so");
    assert!(all[..2].iter().all(|record| ledger.contains(record)), "{what}: genesis and membership must stay");
    let mut rest = all.iter();
    let is_part =
        ledger[..].iter().filter(|record| !all[..2].contains(record)).all(|record| rest.any(|one| one == record));
    assert!(is_part, "{what}: {ledger:?}");
    let kept = files_below(&home.join("data"));
    let is_kept = |path: &PathBuf| {
        fs::read(path).is_ok_and(|bytes| !bytes.is_empty() && (damaged.ends_with(&bytes) || bytes.starts_with(damaged)))
    };
    assert!(kept.iter().any(is_kept), "{what}: what was there is kept");
    store.append(FOLDER, &blocks(50..51)).expect("it goes on");
    drop(store);
    let (store, _) = open(home);
    let again = only_folder(&store).ledger.expect("sound");
    assert_eq!((again.len(), store.mended_ledgers().len()), (ledger.len() + 1, 0), "{what}: mended once");
    ledger.len()
}

/// However a segment is damaged: never a record that was not written, never without genesis and memberships.
#[test]
fn case_102_a_ledger_with_any_flipped_bit_is_made_whole_of_its_sound_records() {
    let (home, records) = home_with_basis(4);
    let whole = fs::read(segment(home.path())).expect("a segment");
    let all = bytes(&records);
    let mut lost = [0; 7];
    for at in 0..whole.len() {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(segment(copy.path()), &damaged).expect("damaged");
        lost[all.len() - is_part_of(copy.path(), &damaged, &all, &format!("byte {at}"))] += 1;
    }
    println!("{} places for a wrong bit: records lost by {lost:?} of them, from none to all", whole.len());
    assert!(lost[0] > 84 && lost[1] > 0, "{lost:?}");
}

#[test]
fn case_102_damage_of_many_bytes_leaves_nothing_that_was_not_written() {
    let (home, records) = home_with_basis(40);
    let whole = fs::read(segment(home.path())).expect("a segment");
    let all = bytes(&records);
    let mut roll = dice(23);
    for round in 0..120 {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let mut damaged = whole.clone();
        match round % 3 {
            0 => damaged.truncate(roll(whole.len() - 80)),
            1 => {
                let (from, count) = (roll(whole.len()), 1 + roll(200));
                damaged.iter_mut().skip(from).take(count).for_each(|byte| *byte = 0);
            }
            _ => (0..1 + roll(30)).for_each(|_| damaged[roll(whole.len())] ^= 1 << roll(8)),
        }
        fs::write(segment(copy.path()), &damaged).expect("damaged");
        if damaged != whole {
            is_part_of(copy.path(), &damaged, &all, &format!("round {round}"));
        }
    }
}

#[test]
fn case_102_the_second_copy_of_genesis_and_memberships_may_be_damaged_at_any_byte() {
    let (home, records) = home_with_basis(2);
    let basis = PathBuf::from(format!("config/folders/{FOLDER}.basis"));
    let whole = fs::read(home.path().join(&basis)).expect("a second copy");
    for at in 0..whole.len() {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(copy.path().join(&basis), &damaged).expect("damaged");
        let found = only_folder(&open(copy.path()).0);
        assert_eq!((found.ledger, found.is_torn), (Some(bytes(&records)), false), "byte {at}");
        assert_eq!(fs::read(copy.path().join(&basis)).expect("there"), whole, "byte {at}: written again");
    }
}

#[test]
fn case_102_a_ledger_that_is_gone_begins_again_from_genesis_and_memberships() {
    let (home, records) = home_with_basis(5);
    fs::remove_dir_all(home.path().join("data")).expect("removed");
    let found = only_folder(&open(home.path()).0);
    assert_eq!((found.ledger, found.is_torn), (Some(bytes(&records[..2])), true));
}

#[test]
fn case_114_a_ledger_of_a_newer_version_is_left_alone_and_refuses_to_grow() {
    let (home, _) = home_with_basis(2);
    let mut header = fs::read(segment(home.path())).expect("a segment")[..84].to_vec();
    header[8] = 2;
    let checksum = blake3::hash(&[&[0; 16], &header[..68]].concat());
    header[68..].copy_from_slice(&checksum.as_bytes()[..16]);
    header.extend_from_slice(b"what only a newer version can read");
    fs::write(segment(home.path()), &header).expect("written");
    let (store, _) = open(home.path());
    assert_eq!(only_folder(&store).ledger, None);
    assert!(store.append(FOLDER, &blocks(2..3)).is_err());
    assert!(store.reload(FOLDER).is_err());
    store.remember(FOLDER, &[(path("a"), Some(b"b".to_vec()))]);
    assert_eq!(fs::read(segment(home.path())).expect("a segment"), header);
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
