//! Making changes: what stands where afterwards, and that nothing unexpected is overwritten.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use shoal_engine::observe::Code;

use super::*;
use crate::fail;

fn remove(name: &str, expected: Expected) -> Change {
    Change { path: path(name), expected, act: Act::Remove }
}

fn change(name: &str, expected: Expected, act: Act) -> Change {
    Change { path: path(name), expected, act }
}

#[test]
fn a_new_file_appears_with_its_directories_time_and_mode() {
    let mut place = Place::new();
    let change = place.publish("a/b/new.txt", Expected::Absent, b"hello");
    let print = done_print(&place.apply_one(change));
    assert_eq!(place.read("a/b/new.txt").as_deref(), Some(&b"hello"[..]));
    assert_eq!(place.print("a/b/new.txt"), print);
    let meta = fs::metadata(place.at("a/b/new.txt")).expect("a file");
    assert_eq!((meta.mode() & 0o7777, meta.mtime()), (0o666 & !crate::unix::mask(), 1_700_000_000));
    assert_eq!((place.count("stage"), place.count("swap"), place.count("journal")), (0, 0, 0));
}

#[test]
fn a_replaced_file_goes_to_the_versions_and_leaves_its_permissions() {
    let mut place = Place::new();
    place.write("a", b"old");
    fs::set_permissions(place.at("a"), fs::Permissions::from_mode(0o4660)).expect("permissions");
    let expected = place.expected("a");
    let mut change = place.publish("a", expected, b"new one");
    if let Act::Publish { executable, .. } = &mut change.act {
        *executable = true;
    }
    done_print(&place.apply_one(change));
    assert_eq!(place.read("a").as_deref(), Some(&b"new one"[..]));
    assert_eq!(fs::metadata(place.at("a")).expect("a file").mode() & 0o7777, 0o770);
    assert_eq!(place.kept_bytes(), [b"old"]);
    let kept = place.root.kept(Some(&path("a"))).expect("the log");
    assert_eq!((kept.len(), kept[0].reason), (1, crate::Reason::Replaced));
}

/// Sets the permission bits of a file.
fn allow(place: &Place, name: &str, mode: u32) {
    fs::set_permissions(place.at(name), fs::Permissions::from_mode(mode)).expect("permissions");
}

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.at(name)).expect("a file").mode() & 0o7777
}

#[test]
fn a_file_that_goes_and_comes_back_keeps_its_permissions() {
    let mut place = Place::new();
    place.write("a", b"old");
    allow(&place, "a", 0o600);
    let expected = place.expected("a");
    place.apply_one(remove("a", expected));
    let change = place.publish("a", Expected::Absent, b"new one");
    done_print(&place.apply_one(change));
    assert_eq!(mode(&place, "a"), 0o600);
    let change = place.publish("b", Expected::Absent, b"another");
    done_print(&place.apply_one(change));
    assert_eq!(mode(&place, "b"), 0o666 & !crate::unix::mask());
}

#[test]
fn a_file_that_makes_room_for_another_leaves_its_permissions_and_takes_them_along() {
    let mut place = Place::new();
    place.write("a", b"mine");
    allow(&place, "a", 0o600);
    let hashed = place.hash("a");
    let source = Source::Move { from: path("a"), print: hashed.print };
    done_print(&place.apply_one(change("a (mine)", Expected::Absent, publication(hashed.content, 4, source))));
    let winner = place.publish("a", Expected::Absent, b"theirs");
    done_print(&place.apply_one(winner));
    assert_eq!((mode(&place, "a"), mode(&place, "a (mine)")), (0o600, 0o600));
}

#[test]
fn a_copy_and_a_version_that_is_put_back_hide_what_their_source_hides() {
    let mut place = Place::new();
    place.write("a", b"secret");
    allow(&place, "a", 0o600);
    let hashed = place.hash("a");
    let source = Source::Copy { from: path("a"), print: hashed.print };
    done_print(&place.apply_one(change("copy", Expected::Absent, publication(hashed.content, 6, source))));
    assert_eq!(mode(&place, "copy"), 0o600);
    let expected = place.expected("a");
    place.apply_one(remove("a", expected));
    let kept = publication(hashed.content, 6, Source::Kept);
    done_print(&place.apply_one(change("back", Expected::Absent, kept)));
    assert_eq!(mode(&place, "back"), 0o600);
}

#[test]
fn a_copy_over_a_file_keeps_the_permissions_of_that_file() {
    let mut place = Place::new();
    place.write("a", b"open");
    allow(&place, "a", 0o644);
    place.write("b", b"secret");
    allow(&place, "b", 0o600);
    let hashed = place.hash("a");
    let source = Source::Copy { from: path("a"), print: hashed.print };
    let over = place.expected("b");
    done_print(&place.apply_one(change("b", over, publication(hashed.content, 4, source))));
    assert_eq!((place.read("b").as_deref(), mode(&place, "b")), (Some(&b"open"[..]), 0o600));
}

#[test]
fn a_removed_file_goes_to_the_versions() {
    let mut place = Place::new();
    place.write("d/a", b"old");
    let expected = place.expected("d/a");
    assert_eq!(place.apply_one(remove("d/a", expected)), Outcome::Done { print: None });
    assert_eq!(place.read("d/a"), None);
    assert_eq!(place.kept_bytes(), [b"old"]);
    assert_eq!(place.root.kept(None).expect("the log")[0].reason, crate::Reason::Deleted);
}

#[test]
fn case_35_an_edit_that_was_not_looked_at_is_not_replaced() {
    let mut place = Place::new();
    place.write("a", b"old");
    let expected = place.expected("a");
    place.write("a", b"edited");
    let content = place.stage(b"new");
    let act = publication(content, 3, Source::Stage);
    assert_eq!(place.apply_one(change("a", expected.clone(), act)), Outcome::Unexpected);
    assert_eq!(place.apply_one(remove("a", expected)), Outcome::Unexpected);
    assert_eq!(place.read("a").as_deref(), Some(&b"edited"[..]));
    assert_eq!((place.count("swap"), place.count("stage")), (0, 1), "the content is still staged");
}

#[test]
fn case_36_a_file_that_is_there_already_is_not_replaced_by_a_new_one() {
    let mut place = Place::new();
    place.write("a", b"mine");
    let change = place.publish("a", Expected::Absent, b"theirs");
    assert_eq!(place.apply_one(change), Outcome::Unexpected);
    assert_eq!(place.tree(), [("a".to_owned(), b"mine".to_vec())]);
}

#[test]
fn one_content_at_many_paths_is_copied() {
    let mut place = Place::new();
    let bytes = noise(1, 300_000);
    let changes: Vec<Change> =
        ["x", "y", "d/z"].map(|name| place.publish(name, Expected::Absent, &bytes)).into_iter().collect();
    for outcome in place.apply(&changes) {
        done_print(&outcome);
    }
    assert!(place.tree().iter().all(|(_, found)| *found == bytes));
    assert_eq!(place.tree().len(), 3);
}

#[test]
fn an_incomplete_content_is_not_published() {
    let mut place = Place::new();
    let bytes = noise(2, 300_000);
    let (content, manifest) = place.name(&bytes);
    drop(place.root.stage().open(content, &manifest));
    let act = publication(content, bytes.len(), Source::Stage);
    assert_eq!(place.apply_one(change("a", Expected::Absent, act.clone())), Outcome::SourceGone);
    place.root.stage().remove(content);
    assert_eq!(place.apply_one(change("a", Expected::Absent, act)), Outcome::SourceGone);
    assert_eq!(place.tree(), []);
}

#[test]
fn a_copy_is_checked_against_its_manifest() {
    let mut place = Place::new();
    let bytes = noise(3, 400_000);
    place.write("a", &bytes);
    let hashed = place.hash("a");
    let source = Source::Copy { from: path("a"), print: hashed.print };
    let act = publication(hashed.content, bytes.len(), source.clone());
    done_print(&place.apply_one(change("d/b", Expected::Absent, act)));
    assert_eq!(place.read("d/b"), Some(bytes));
    let (other, _) = place.name(&noise(4, 400_000));
    let lie = publication(other, 400_000, source);
    assert_eq!(place.apply_one(change("c", Expected::Absent, lie)), Outcome::SourceGone);
    assert_eq!(place.read("c"), None);
}

#[test]
fn a_kept_version_comes_back_unless_it_was_written_to() {
    let mut place = Place::new();
    place.write("a", b"first");
    let expected = place.expected("a");
    let content = place.hash("a").content;
    place.apply_one(remove("a", expected));
    let back = || change("a", Expected::Absent, publication(content, 5, Source::Kept));
    done_print(&place.apply_one(back()));
    assert_eq!(place.read("a").as_deref(), Some(&b"first"[..]));
    fs::remove_file(place.at("a")).expect("removed");
    let object = place.at(".shoal/versions/objects").join(content.to_string());
    fs::write(object, b"wrong").expect("written");
    assert_eq!(place.apply_one(back()), Outcome::SourceGone);
}

#[test]
fn a_move_keeps_the_inode_and_an_edited_source_is_not_moved() {
    let mut place = Place::new();
    place.write("a", b"bytes");
    let hashed = place.hash("a");
    let act = |print| publication(hashed.content, 5, Source::Move { from: path("a"), print });
    let stale = Fingerprint { modified_ns: 1, ..hashed.print };
    assert_eq!(place.apply_one(change("d/b", Expected::Absent, act(stale))), Outcome::SourceGone);
    let print = done_print(&place.apply_one(change("d/b", Expected::Absent, act(hashed.print))));
    assert_eq!(print.inode, hashed.print.inode);
    assert_eq!((place.read("a"), place.read("d/b")), (None, Some(b"bytes".to_vec())));
    assert_eq!(place.print("d/b"), print);
}

#[test]
fn case_50_a_touch_changes_only_time_and_bit() {
    let mut place = Place::new();
    place.write("a", b"bytes");
    let expected = place.expected("a");
    let act = Act::Touch { executable: true, modified: THEN };
    let print = done_print(&place.apply_one(change("a", expected.clone(), act.clone())));
    assert_eq!(print.modified(), THEN);
    assert!(matches!(place.root.look(&path("a")), Ok(Some(Seen::File { executable: true, .. }))));
    assert_eq!(place.apply_one(change("a", expected, act)), Outcome::Unexpected);
}

#[test]
fn case_20_a_file_becomes_a_directory_and_back() {
    let mut place = Place::new();
    place.write("a", b"bytes");
    let expected = place.expected("a");
    assert_eq!(place.apply_one(change("a", expected, Act::MakeDirectory)), Outcome::Done { print: None });
    assert_eq!(place.root.look(&path("a")), Ok(Some(Seen::Directory)));
    assert_eq!(place.kept_bytes(), [b"bytes"]);
    let change = place.publish("a", Expected::Directory, b"file");
    done_print(&place.apply_one(change));
    assert_eq!(place.read("a").as_deref(), Some(&b"file"[..]));
}

#[test]
fn case_30_a_directory_that_is_not_empty_stays() {
    let mut place = Place::new();
    place.write("d/unseen", b"x");
    let in_use = Outcome::Refused(Code::DirectoryInUse);
    assert_eq!(place.apply_one(remove("d", Expected::Directory)), in_use);
    let change = place.publish("d", Expected::Directory, b"file");
    assert_eq!(place.apply_one(change), in_use);
    assert_eq!(place.tree(), [("d/unseen".to_owned(), b"x".to_vec())]);
    fs::remove_file(place.at("d/unseen")).expect("removed");
    assert_eq!(place.apply_one(remove("d", Expected::Directory)), Outcome::Done { print: None });
}

#[test]
fn a_batch_runs_in_order() {
    let mut place = Place::new();
    place.write("d/a", b"one");
    let expected = place.expected("d/a");
    let changes =
        [remove("d/a", expected), remove("d", Expected::Directory), place.publish("d", Expected::Absent, b"file")];
    let outcomes = place.apply(&changes);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { .. })), "{outcomes:?}");
    assert_eq!(place.tree(), [("d".to_owned(), b"file".to_vec())]);
}

#[test]
fn links_are_made_replaced_and_removed_as_text() {
    let mut place = Place::new();
    let link = |target: &str| Act::MakeLink { target: target.to_owned() };
    let is = |target: &str| Expected::Link { target: target.to_owned() };
    assert_eq!(place.apply_one(change("d/l", Expected::Absent, link("../x"))), Outcome::Done { print: None });
    assert_eq!(place.root.look(&path("d/l")), Ok(Some(Seen::Link { target: "../x".to_owned() })));
    assert_eq!(place.apply_one(change("d/l", is("../x"), link("y"))), Outcome::Done { print: None });
    assert_eq!(place.apply_one(change("d/l", is("../x"), link("z"))), Outcome::Unexpected);
    let change_to_file = place.publish("d/l", is("y"), b"file");
    done_print(&place.apply_one(change_to_file));
    let expected = place.expected("d/l");
    assert_eq!(place.apply_one(change("d/l", expected, link("z"))), Outcome::Done { print: None });
    assert_eq!(place.apply_one(remove("d/l", is("z"))), Outcome::Done { print: None });
    assert_eq!(place.root.look(&path("d/l")), Ok(None));
    assert_eq!(place.root.kept(Some(&path("d/l"))).expect("the log").len(), 4);
    assert_eq!(place.count("swap"), 0);
}

#[test]
fn case_58_a_link_that_leaves_is_not_made() {
    let place = Place::new();
    for target in ["/etc/passwd", "../..", "a/../../x", ""] {
        let act = Act::MakeLink { target: target.to_owned() };
        assert_eq!(place.apply_one(change("d/l", Expected::Absent, act)), Outcome::Refused(Code::LinkLeaves));
    }
    assert_eq!(place.root.look(&path("d")), Ok(None));
}

#[test]
fn case_21_a_directory_replaced_by_a_link_is_not_deleted_through() {
    let mut place = Place::new();
    place.write("real/a", b"precious");
    place.write("dir/a", b"precious");
    let expected = place.expected("dir/a");
    fs::remove_dir_all(place.at("dir")).expect("removed");
    symlink("real", place.at("dir")).expect("a link");
    assert_eq!(place.apply_one(remove("dir/a", expected)), Outcome::Unexpected);
    let change = place.publish("dir/b", Expected::Absent, b"x");
    assert_eq!(place.apply_one(change), Outcome::Unexpected);
    assert_eq!(place.tree(), [("real/a".to_owned(), b"precious".to_vec())]);
}

#[test]
fn case_16_a_nested_name_of_ours_is_left_alone() {
    let mut place = Place::new();
    let change = place.publish("a/.shoal/marker", Expected::Absent, b"x");
    assert_eq!(place.apply_one(change), Outcome::Refused(Code::OurName));
    assert_eq!(place.root.look(&path("a")), Ok(None));
}

#[test]
fn case_9_and_11_long_and_strange_names_arrive() {
    let mut place = Place::new();
    for name in ["x".repeat(255), "ü".repeat(127), "a\n\u{1b}[31m\u{202e}.txt".to_owned(), "con".to_owned()] {
        let change = place.publish(&name, Expected::Absent, name.as_bytes());
        done_print(&place.apply_one(change));
        let expected = place.expected(&name);
        let change = place.publish(&name, expected, b"second");
        done_print(&place.apply_one(change));
        assert_eq!(place.root.kept(Some(&path(&name))).expect("the log").len(), 1, "{name:?}");
    }
}

#[test]
fn case_61_a_hard_link_elsewhere_does_not_change_what_is_kept() {
    let mut place = Place::new();
    place.write("a", b"shared");
    fs::hard_link(place.at("a"), place.at("b")).expect("a hard link");
    let expected = place.expected("a");
    let change = place.publish("a", expected, b"new");
    done_print(&place.apply_one(change));
    place.write("b", b"edited");
    assert_eq!(place.kept_bytes(), [b"shared"]);
}

#[test]
fn case_73_without_exchange_files_are_replaced_and_kept_all_the_same() {
    let mut place = Place::new();
    place.write("a", b"old");
    let expected = place.expected("a");
    let replace = place.publish("a", expected, b"new");
    let create = place.publish("b", Expected::Absent, b"b");
    let taken = place.publish("a", Expected::Absent, b"other");
    fail::forget_exchange();
    let outcomes = place.apply(&[replace, create, taken]);
    fail::disarm();
    done_print(&outcomes[0]);
    done_print(&outcomes[1]);
    assert_eq!(outcomes[2], Outcome::Unexpected);
    assert_eq!(place.tree(), [("a".to_owned(), b"new".to_vec()), ("b".to_owned(), b"b".to_vec())]);
    assert_eq!(place.kept_bytes(), [b"old"]);
    assert_eq!(place.count("swap"), 0);
}

#[test]
fn case_65_sizes_at_the_edges_arrive() {
    let mut place = Place::new();
    for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 262_144, 1_000_001] {
        let bytes = noise(size, usize::try_from(size).expect("a small size"));
        let name = format!("f{size}");
        let change = place.publish(&name, Expected::Absent, &bytes);
        done_print(&place.apply_one(change));
        assert_eq!(place.read(&name), Some(bytes), "{size}");
    }
}

#[test]
fn ten_thousand_small_files_take_one_batch() {
    let mut place = Place::new();
    let changes: Vec<Change> = (0..10_000_u32)
        .map(|number| place.publish(&format!("d{}/f{number}", number % 100), Expected::Absent, &number.to_le_bytes()))
        .collect();
    let begun = std::time::Instant::now();
    let outcomes = place.apply(&changes);
    eprintln!("10,000 small files: {:?}", begun.elapsed());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { print: Some(_) })));
}
