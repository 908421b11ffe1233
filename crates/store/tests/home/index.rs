//! The index: quick to save and load, and never in the way when it is damaged or gone.

use std::fs;
use std::time::Instant;

use super::*;

fn home_with_index(count: usize) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.append(FOLDER, &blocks(0..3)).expect("durable");
    store.remember(FOLDER, &entries(count));
    home
}

fn entries(count: usize) -> Vec<(RelPath, Option<Vec<u8>>)> {
    let place = |at| path(&format!("projects/year {}/department {}/file number {at:07}.ods", at / 10_000, at / 100));
    (0..count).map(|at| (place(at), Some(vec![b'a' + u8::try_from(at % 26).expect("small"); 140]))).collect()
}

#[test]
fn a_hundred_thousand_records_save_and_load_in_seconds() {
    let home = home_with_index(0);
    let (store, _) = open(home.path());
    let entries = entries(100_000);
    let begin = Instant::now();
    store.remember(FOLDER, &entries);
    store.flush();
    let saved = begin.elapsed();
    let bytes = store.index_bytes() / 100_000;
    drop(store);
    let begin = Instant::now();
    let (store, _) = open(home.path());
    let opened = begin.elapsed();
    let found = only_folder(&store).index;
    println!(
        "100,000 index records: saved {saved:?}, opened {opened:?}, loaded {:?}, {bytes} bytes each",
        begin.elapsed() - opened
    );
    assert_eq!(found.len(), 100_000);
    let found: std::collections::BTreeMap<_, _> = found.into_iter().collect();
    for (path, bytes) in &entries {
        assert_eq!(found.get(path), bytes.as_deref().and_then(decode).as_ref());
    }
    for _ in 0..3 {
        store.remember(FOLDER, &entries);
    }
    store.flush();
    println!("after saving everything three times more: {} bytes each", store.index_bytes() / 100_000);
}

#[test]
fn a_deleted_index_costs_nothing_but_the_index() {
    let home = home_with_index(50);
    fs::remove_dir_all(home.path().join("data/index")).expect("removed");
    let (store, opened) = open(home.path());
    assert_eq!(opened, Opened::default());
    let found = only_folder(&store);
    assert_eq!((found.ledger.map(|ledger| ledger.len()), found.index.len(), found.is_torn), (Some(3), 0, false));
    store.remember(FOLDER, &entries(5));
    drop(store);
    assert_eq!(only_folder(&open(home.path()).0).index.len(), 5);
}

#[test]
fn an_index_that_saw_more_than_the_ledger_has_is_dropped_and_casts_doubt() {
    let home = home_with_index(50);
    let segment = home.path().join(format!("data/ledger/{FOLDER}/00000001.seg"));
    let whole = fs::read(&segment).expect("a segment");
    // Cut between two records: nothing in the segment itself shows it.
    fs::write(&segment, &whole[..whole.len() - (20 + 49 + 7)]).expect("cut");
    let (store, _) = open(home.path());
    let found = only_folder(&store);
    assert_eq!((found.ledger.map(|ledger| ledger.len()), found.index.len(), found.is_torn), (Some(2), 0, true));
    store.append(FOLDER, &blocks(2..3)).expect("it goes on");
    drop(store);
    assert!(only_folder(&open(home.path()).0).is_torn, "until another incarnation");
}

#[test]
fn an_index_that_lags_behind_the_ledger_is_kept() {
    let home = home_with_index(50);
    let (store, _) = open(home.path());
    store.append(FOLDER, &blocks(3..9)).expect("durable");
    drop(store);
    let found = only_folder(&open(home.path()).0);
    assert_eq!((found.index.len(), found.is_torn), (50, false));
}

#[test]
fn folders_do_not_see_each_others_paths() {
    let home = home_with_index(10);
    let (store, _) = open(home.path());
    let other = FolderRecord { folder: FolderId([8; 32]), ..folder() };
    store.save_folder(&other).expect("saved");
    store.append(other.folder, &blocks(0..1)).expect("durable");
    store.remember(other.folder, &entries(2500));
    store.drop_folder(FOLDER).expect("dropped");
    let third = FolderRecord { folder: FolderId([9; 32]), ..folder() };
    store.save_folder(&third).expect("saved");
    store.append(third.folder, &blocks(0..1)).expect("durable");
    store.remember(third.folder, &entries(3));
    let counts: Vec<usize> = load(&store).folders.iter().map(|folder| folder.index.len()).collect();
    assert_eq!(counts, [2500, 3]);
}

#[test]
fn a_forgotten_disk_stays_forgotten_and_the_ledger_stays() {
    let home = home_with_index(20);
    let (store, _) = open(home.path());
    let before = only_folder(&store).ledger;
    store.forget_disk(FOLDER).expect("forgotten");
    assert_eq!(only_folder(&store).index.len(), 0);
    drop(store);
    let (store, opened) = open(home.path());
    let found = only_folder(&store);
    assert_eq!((found.index.len(), found.ledger, opened.index_rebuilt), (0, before, None));
    store.remember(FOLDER, &entries(3));
    assert_eq!(only_folder(&store).index.len(), 3);
}

#[test]
fn values_that_the_engine_cannot_read_are_forgotten() {
    let home = home_with_index(2);
    let (store, _) = open(home.path());
    store.remember(FOLDER, &[(path("bad"), Some(vec![0xff]))]);
    assert_eq!(only_folder(&store).index.len(), 2);
}

#[test]
fn a_damaged_index_never_keeps_the_store_from_opening_nor_harms_the_ledger() {
    let home = home_with_index(3000);
    let files = files_below(&home.path().join("data/index"));
    let mut roll = dice(11);
    let (mut rebuilt, mut whole) = (0, 0);
    for round in 0..120 {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let file = &files[round % files.len()];
        let file = copy.path().join(file.strip_prefix(home.path()).expect("below the home"));
        let mut bytes = fs::read(&file).expect("a file");
        if round % 3 == 0 {
            bytes.truncate(roll(bytes.len().max(1)));
        } else {
            for _ in 0..1 + roll(6) {
                // Most of the first megabytes is padding; what counts stands at the front.
                let reach =
                    [bytes.len().max(1), 4096.min(bytes.len().max(1)), 700_000.min(bytes.len().max(1))][roll(3)];
                let at = roll(reach);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (round % 8));
            }
        }
        fs::write(&file, bytes).expect("damaged");
        let (store, opened) = open(copy.path());
        let found = only_folder(&store);
        assert_eq!((found.ledger.map(|ledger| ledger.len()), found.is_torn), (Some(3), false), "round {round}");
        store.remember(FOLDER, &entries(7));
        store.flush();
        let again = only_folder(&store).index.len();
        assert!(again >= 7 || opened.index_rebuilt.is_none(), "round {round}: {again}");
        rebuilt += usize::from(opened.index_rebuilt.is_some());
        whole += usize::from(found.index.len() == 3000);
    }
    println!("120 damaged indexes: {rebuilt} set aside when opened, {whole} read whole all the same");
}

/// Whatever is damaged in it, an index says of a path only what was said of it once, or nothing; how many damaged ones
/// are tried is `SHOAL_DAMAGES`.
#[test]
fn case_102_a_damaged_index_says_nothing_that_was_not_said_once() {
    let home = home_with_index(0);
    let said = |round: usize, at: usize| format!("{at} in round {round} {}", "x".repeat(60)).into_bytes();
    for round in 0..6 {
        // Several runs, so that older states of the same paths are in the file as well.
        let (store, _) = open(home.path());
        let value = |at: usize| (path(&format!("dir {}/file {at}", at / 10)), Some(said(round, at)));
        store.remember(
            FOLDER,
            &(0..150).filter(|at: &usize| at.is_multiple_of(round + 1)).map(value).collect::<Vec<_>>(),
        );
        store.flush();
    }
    let files: Vec<PathBuf> = files_below(&home.path().join("data/index"));
    let rounds = std::env::var("SHOAL_DAMAGES").map_or(60, |text| text.parse().expect("a number"));
    let mut roll = dice(31);
    let (mut whole, mut partly, mut older) = (0, 0, 0);
    for round in 0..rounds {
        let copy = tempfile::tempdir().expect("a directory");
        copy_dir(home.path(), copy.path());
        let file = &files[round % files.len()];
        let file = copy.path().join(file.strip_prefix(home.path()).expect("below the home"));
        damage(&file, &mut roll);
        let found = only_folder(&open(copy.path()).0).index;
        let mut is_older = false;
        for (path, seen) in &found {
            let at: usize = path.as_str().rsplit(' ').next().and_then(|text| text.parse().ok()).expect("a number");
            let once: Vec<usize> = (0..6).filter(|round: &usize| at.is_multiple_of(round + 1)).collect();
            let is = |round: &usize| decode(&said(*round, at)).as_ref() == Some(seen);
            assert!(once.iter().any(is), "damage {round}: {path} says {seen:?}");
            is_older |= !once.last().is_some_and(is);
        }
        whole += usize::from(found.len() == 150 && !is_older);
        partly += usize::from(found.len() != 150);
        older += usize::from(is_older);
    }
    println!("{rounds} damaged indexes: {whole} said all, {partly} said less, {older} said something older");
}

/// Flips bits where something stands, cuts off, or overwrites a stretch.
fn damage(file: &Path, roll: &mut impl FnMut(usize) -> usize) {
    let mut bytes = fs::read(file).expect("a file");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    match roll(4) {
        0 => bytes.truncate(roll(used)),
        1 => {
            let (from, count) = (roll(used), 1 + roll(600));
            bytes.iter_mut().skip(from).take(count).for_each(|byte| *byte = 0);
        }
        _ => (0..1 + roll(4)).for_each(|_| {
            let at = roll(used);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << roll(8));
        }),
    }
    fs::write(file, bytes).expect("damaged");
}

#[test]
fn at_most_two_broken_indexes_are_kept() {
    let home = home_with_index(1);
    for _ in 0..4 {
        fs::remove_dir_all(home.path().join("data/index")).expect("removed");
        fs::write(home.path().join("data/index"), b"no directory").expect("written");
        let (_, opened) = open(home.path());
        assert!(opened.index_rebuilt.is_some());
    }
    let names = fs::read_dir(home.path().join("data")).expect("a directory").flatten();
    let broken = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("index.broken-"));
    assert_eq!(broken.count(), 2);
}

#[test]
fn an_index_that_ends_the_program_twice_is_not_opened_a_third_time() {
    let home = home_with_index(5);
    fs::write(home.path().join("data/index.opening"), b"..").expect("written");
    let (store, opened) = open(home.path());
    assert!(opened.index_rebuilt.is_some());
    assert_eq!(only_folder(&store).index.len(), 0);
    drop(store);
    assert_eq!(open(home.path()).1, Opened::default());
}

#[test]
fn a_second_opening_is_refused_and_breaks_nothing() {
    let home = home_with_index(5);
    let (store, _) = open(home.path());
    assert!(matches!(Store::open(&dirs(home.path())), Err(shoal_store::StoreError::IndexInUse { .. })));
    assert_eq!(only_folder(&store).index.len(), 5);
}
