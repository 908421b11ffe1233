//! Which directories become a folder, and whether one still is the folder.

use std::fs;

use shoal_engine::observe::{Stop, Witness};

use super::*;
use crate::{DiskError, measure};

#[test]
fn a_folder_is_created_once_and_opened_again() {
    let place = Place::new();
    let dir = place.root.dir();
    assert_eq!(place.root.check(), Ok(()));
    assert!(Root::open(dir, ROOT_ID).is_ok_and(|root| root.check() == Ok(())));
    assert!(Root::create(dir, ROOT_ID).is_ok());
    assert!(matches!(Root::create(dir, [1; 16]), Err(DiskError::InUse { .. })));
    assert_eq!(Root::open(dir, [1; 16]).err(), Some(Stop::Replaced));
    assert_eq!(Root::open(&place.at("nothing"), ROOT_ID).err(), Some(Stop::Missing));
    assert!(place.root.free_bytes() > 0);
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(place.at(".shoal")).expect("our directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_folder_of_nobody_who_runs_is_taken_over_with_its_kept_versions() {
    let mut place = Place::new();
    place.write("a", b"old");
    let expected = place.expected("a");
    let change = place.publish("a", expected, b"new");
    done_print(&place.apply_one(change));
    let Place { temp, root, .. } = place;
    let far = Witness { incarnation: 1, blocks: 9, memberships: 9, records: 99 };
    assert_eq!(root.note_witness(far), Ok(()));
    let dir = root.dir().to_owned();
    assert!(matches!(Root::take_over(&dir, [1; 16]), Err(DiskError::InUse { .. })), "it is open");
    assert!(matches!(Root::look_for_mark(&dir), Err(DiskError::InUse { .. })));
    drop(root);
    let id_in = |found: Result<(), DiskError>| match found {
        Err(DiskError::Marked { root_id, .. }) => root_id,
        other => panic!("{other:?}"),
    };
    assert_eq!(id_in(Root::create(&dir, [1; 16]).map(drop)), Some(ROOT_ID));
    assert_eq!(id_in(Root::look_for_mark(&dir)), Some(ROOT_ID));
    let taken = Root::take_over(&dir, [1; 16]).expect("taken over");
    assert_eq!(taken.witness(), None, "that was about the former folder");
    assert_eq!(taken.kept(Some(&path("a"))).expect("the log").len(), 1);
    assert_eq!(fs::read(dir.join("a")).expect("a file"), b"new");
    assert_eq!(Root::open(&dir, ROOT_ID).err(), Some(Stop::Replaced), "the former folder stops");
    drop(taken);
    fs::write(dir.join(".shoal/marker"), "07").expect("damaged");
    assert_eq!(id_in(Root::look_for_mark(&dir)), None);
    assert!(Root::take_over(&dir, [2; 16]).is_ok());
    assert!(matches!(Root::take_over(temp.path(), [3; 16]), Err(DiskError::Overlaps { .. })));
    assert!(Root::look_for_mark(&dir.join("nothing")).is_ok());
}

#[test]
fn case_32_overlapping_folders_are_refused() {
    let place = Place::new();
    let above = place.temp.path();
    assert!(matches!(Root::create(&place.at("in/side"), [1; 16]), Err(DiskError::Overlaps { .. })));
    assert!(matches!(Root::create(above, [1; 16]), Err(DiskError::Overlaps { .. })));
    assert!(matches!(Root::create(&place.at(".shoal/stage"), [1; 16]), Err(DiskError::OurOwn { .. })));
}

#[test]
fn case_33_a_place_that_is_too_much_is_refused() {
    let home = std::env::home_dir().expect("a home directory");
    for dir in [std::path::Path::new("/"), &home] {
        assert!(matches!(Root::create(dir, [1; 16]), Err(DiskError::TooMuch { .. })), "{dir:?}");
    }
    let place = Place::new();
    place.write("file", b"x");
    assert!(Root::create(&place.at("file"), [1; 16]).is_err());
}

#[test]
fn case_86_an_empty_directory_in_the_place_of_the_folder_is_noticed() {
    let mut place = Place::new();
    place.write("a", b"x");
    let expected = place.expected("a");
    let dir = place.root.dir().to_owned();
    fs::rename(&dir, place.temp.path().join("unmounted")).expect("renamed");
    fs::create_dir(&dir).expect("an empty mount point");
    assert_eq!(place.root.check(), Err(Stop::Unmarked));
    assert_eq!(Root::open(&dir, ROOT_ID).err(), Some(Stop::Unmarked));
    let change = Change { path: path("a"), expected, act: Act::Remove };
    assert_eq!(place.apply_one(change), Outcome::Unexpected);
    assert!(place.temp.path().join("unmounted/a").exists());
}

#[test]
fn case_85_a_copy_in_the_place_of_the_folder_is_noticed() {
    let place = Place::new();
    let dir = place.root.dir().to_owned();
    fs::rename(&dir, place.temp.path().join("moved")).expect("renamed");
    fs::create_dir_all(dir.join(".shoal")).expect("a directory");
    fs::copy(place.temp.path().join("moved/.shoal/marker"), dir.join(".shoal/marker")).expect("a copy");
    assert_eq!(place.root.check(), Err(Stop::Replaced));
}

#[test]
fn case_89_a_removed_or_damaged_marker_stops_the_folder() {
    let place = Place::new();
    fs::write(place.at(".shoal/marker"), "07").expect("damaged");
    assert_eq!(place.root.check(), Err(Stop::Unmarked));
    fs::write(place.at(".shoal/marker"), "01".repeat(16)).expect("another id");
    assert_eq!(place.root.check(), Err(Stop::Replaced));
    fs::remove_file(place.at(".shoal/marker")).expect("removed");
    assert_eq!(place.root.check(), Err(Stop::Unmarked));
}

#[test]
fn the_place_of_an_offer_gets_our_directory_only_while_it_is_needed() {
    let mut place = Place::new();
    let outside = Root::open_plain(&place.temp.path().join("outside")).expect("a directory");
    assert!(!place.outside(".shoal").exists());
    let (content, manifest) = place.name(b"offered");
    let staged = outside.stage().open(content, &manifest).expect("a staged file");
    staged.write_chunk(0, b"offered").expect("the right bytes");
    let act = publication(content, 7, Source::Stage);
    let change = Change { path: path("got"), expected: Expected::Absent, act };
    done_print(&outside.apply(&[change], &|_| None).remove(0));
    outside.forget_private();
    assert!(!place.outside(".shoal").exists());
    assert_eq!(fs::read(place.outside("got")).expect("a file"), b"offered");
    assert!(outside.stage().open(content, &manifest).is_ok(), "it is made again");
    assert!(matches!(Root::open_plain(&place.outside("nothing")), Err(DiskError::Missing { .. })));
}

#[test]
fn measuring_counts_what_would_be_shared() {
    let place = Place::new();
    place.write("a", b"12345");
    place.write("d/e/b", b"123");
    std::os::unix::fs::symlink("a", place.at("l")).expect("a link");
    let measured = measure(place.root.dir()).expect("a directory");
    assert_eq!((measured.files, measured.directories, measured.bytes, measured.skipped), (2, 2, 8, 0));
}

#[test]
fn the_witness_is_noted_over_and_over_and_survives_garbage() {
    let place = Place::new();
    let of = |blocks| Witness { incarnation: u64::MAX, blocks, memberships: 3, records: 5 };
    assert_eq!(place.root.witness(), None);
    for blocks in [0, u64::MAX, 7] {
        assert_eq!(place.root.note_witness(of(blocks)), Ok(()));
        assert_eq!(place.root.witness(), Some(of(blocks)));
    }
    fs::write(place.at(".shoal/witness"), "half of it").expect("written");
    assert_eq!(place.root.witness(), None);
    assert_eq!(place.root.note_witness(of(8)), Ok(()));
    assert_eq!(place.root.witness(), Some(of(8)));
}
