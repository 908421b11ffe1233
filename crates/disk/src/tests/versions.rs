//! What was put away stays what it says, and late writes come back.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::*;
use crate::{KeptKind, Reason};

#[test]
fn versions_are_listed_in_order_and_can_be_read() {
    let mut place = Place::new();
    place.write("a", b"one");
    for bytes in [&b"two"[..], b"three"] {
        let expected = place.expected("a");
        let change = place.publish("a", expected, bytes);
        done_print(&place.apply_one(change));
    }
    let expected = place.expected("a");
    place.apply_one(Change { path: path("a"), expected, act: Act::Remove });
    let kept = place.root.kept(Some(&path("a"))).expect("the log");
    let reasons: Vec<Reason> = kept.iter().map(|kept| kept.reason).collect();
    assert_eq!(reasons, [Reason::Replaced, Reason::Replaced, Reason::Deleted]);
    for (kept, bytes) in kept.iter().zip([&b"one"[..], b"two", b"three"]) {
        let KeptKind::File { content, size, .. } = kept.kind else { panic!("{kept:?}") };
        let reader = place.root.open_kept(content).expect("readable").expect("kept");
        let mut buffer = vec![0; usize::try_from(size).expect("small")];
        assert_eq!(reader.read_at(0, &mut buffer), Ok(bytes.len()));
        assert_eq!(buffer, bytes);
    }
    assert_eq!(place.root.kept(Some(&path("b"))).expect("the log"), []);
}

#[test]
fn a_write_through_an_old_handle_comes_back_as_a_conflict_copy() {
    let mut place = Place::new();
    place.write("d/a", b"first");
    let late = File::options().write(true).open(place.at("d/a")).expect("a program's handle");
    let expected = place.expected("d/a");
    let change = place.publish("d/a", expected, b"new");
    done_print(&place.apply_one(change));
    late.write_all_at(b"late bytes", 0).expect("written");
    assert_eq!(place.root.revisit_kept().expect("looked"), [], "not before it has settled");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    late.set_modified(long_ago).expect("a time");
    let found = place.root.revisit_kept().expect("looked");
    assert_eq!(found.len(), 1);
    assert!(found[0].as_str().starts_with("d/a (found here, "));
    assert_eq!(place.read(found[0].as_str()).as_deref(), Some(&b"late bytes"[..]));
    assert_eq!(place.root.revisit_kept().expect("looked"), []);
}

#[test]
fn the_log_survives_a_torn_line() {
    let mut place = Place::new();
    let remove = |place: &mut Place, name: &str| {
        place.write(name, name.as_bytes());
        let expected = place.expected(name);
        place.apply_one(Change { path: path(name), expected, act: Act::Remove });
    };
    remove(&mut place, "a\tb\n");
    let log = place.at(".shoal/versions/log");
    let mut text = fs::read(&log).expect("the log");
    text.extend_from_slice(b"1234\tdele");
    fs::write(&log, text).expect("torn");
    remove(&mut place, "c");
    let kept = place.root.kept(None).expect("the log");
    assert_eq!(kept.iter().map(|kept| kept.path.as_str()).collect::<Vec<_>>(), ["a\tb\n", "c"]);
}

/// A disk with room, whatever the one under the test has.
fn roomy() {
    crate::fail::pretend_room(50 << 30, 100 << 30);
}

/// Puts one version after the other at a path; what was there before is kept.
fn replace(place: &mut Place, name: &str, bytes: &[u8]) -> ContentId {
    let expected = place.expected(name);
    let Expected::File { content, .. } = expected else { panic!("no file") };
    let change = place.publish(name, expected, bytes);
    done_print(&place.apply_one(change));
    content
}

fn pack(place: &Place) -> usize {
    place.root.pack_kept(&|content| place.manifests.get(&content).cloned()).expect("packed")
}

fn read_kept(place: &Place, content: ContentId) -> Option<Vec<u8>> {
    let reader = place.root.open_kept(content).expect("readable")?;
    let mut bytes = vec![0; usize::try_from(reader.size()).expect("small")];
    assert_eq!(reader.read_at(0, &mut bytes), Ok(bytes.len()));
    Some(bytes)
}

#[test]
fn many_versions_of_a_file_share_their_chunks() {
    roomy();
    let mut place = Place::new();
    let mut bytes = noise(1, 8 << 20);
    place.write("a", &bytes);
    let mut versions = Vec::new();
    for number in 0..20_u64 {
        let before = bytes.clone();
        let at = usize::try_from(number).expect("small") * 300_000;
        bytes[at..at + 8192].copy_from_slice(&noise(100 + number, 8192));
        versions.push((replace(&mut place, "a", &bytes), before));
    }
    assert_eq!((pack(&place), place.count("versions/objects")), (20, 0));
    let kept = place.root.retain_kept(crate::Keep::default(), 8 << 20).expect("retained");
    assert_eq!((kept.versions, kept.gone.len()), (20, 0));
    assert!(kept.bytes < 16 << 20, "{} bytes for 20 versions of 8 MiB", kept.bytes);
    for (content, bytes) in &versions {
        assert!(read_kept(&place, *content).as_ref() == Some(bytes));
    }
    let (content, old) = &versions[3];
    let expected = place.expected("a");
    let act = publication(*content, old.len(), Source::Kept);
    done_print(&place.apply_one(Change { path: path("a"), expected, act }));
    assert!(place.read("a").as_ref() == Some(old));
    assert_eq!(pack(&place), 1, "what was replaced by it is packed like any other");
}

#[test]
fn a_file_that_a_program_still_writes_to_is_not_packed_and_comes_back() {
    let mut place = Place::new();
    place.write("a", &noise(1, 1 << 20));
    let late = File::options().write(true).open(place.at("a")).expect("a program's handle");
    let content = replace(&mut place, "a", &noise(2, 1 << 20));
    assert_eq!(pack(&place), 0, "somebody has it open");
    late.write_all_at(b"late bytes", 100).expect("written");
    late.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).expect("a time");
    drop(late);
    assert_eq!(pack(&place), 0, "it is not what it was");
    let found = place.root.revisit_kept().expect("looked");
    assert_eq!(place.read(found[0].as_str()).expect("there")[100..110], *b"late bytes");
    assert_eq!(read_kept(&place, content), None);
}

#[test]
fn a_packed_file_that_others_may_not_read_comes_back_as_one() {
    use std::os::unix::fs::PermissionsExt;
    let mut place = Place::new();
    let bytes = noise(1, 1 << 20);
    place.write("a", &bytes);
    fs::set_permissions(place.at("a"), fs::Permissions::from_mode(0o600)).expect("set");
    let expected = place.expected("a");
    let Expected::File { content, .. } = expected else { panic!("no file") };
    place.apply_one(Change { path: path("a"), expected, act: Act::Remove });
    assert_eq!(pack(&place), 1);
    let act = publication(content, bytes.len(), Source::Kept);
    done_print(&place.apply_one(Change { path: path("b"), expected: Expected::Absent, act }));
    let mode = fs::metadata(place.at("b")).expect("there").permissions().mode();
    assert_eq!((mode & 0o777, place.read("b")), (0o600, Some(bytes)));
}

#[test]
fn a_damaged_chunk_is_noticed() {
    let mut place = Place::new();
    place.write("a", &noise(1, 1 << 20));
    let content = replace(&mut place, "a", b"small");
    assert_eq!(pack(&place), 1);
    let chunk = fs::read_dir(place.at(".shoal/versions/chunks")).expect("chunks").next().expect("one").expect("one");
    let mut bytes = fs::read(chunk.path()).expect("a chunk");
    bytes[7] ^= 1;
    fs::write(chunk.path(), bytes).expect("damaged");
    let expected = place.expected("a");
    let act = publication(content, 1 << 20, Source::Kept);
    let change = Change { path: path("a"), expected, act };
    assert_eq!(place.apply_one(change), Outcome::SourceGone);
    assert_eq!(place.read("a").as_deref(), Some(&b"small"[..]));
}

#[test]
fn killed_at_every_step_of_packing_and_of_letting_go_nothing_is_lost_or_unreadable() {
    roomy();
    let keep_none = crate::Keep { days: Some(0), bytes: Some(0) };
    for step in 0.. {
        let mut place = Place::new();
        let versions = [noise(1, 300_000), noise(2, 300_000)];
        place.write("a", &versions[0]);
        let first = replace(&mut place, "a", &versions[1]);
        let second = replace(&mut place, "a", b"small");
        crate::fail::after(step);
        let packed = place.root.pack_kept(&|content| place.manifests.get(&content).cloned());
        let is_killed = crate::fail::disarm();
        for (content, bytes) in [first, second].into_iter().zip(&versions) {
            assert!(read_kept(&place, content).as_ref() == Some(bytes), "step {step}");
        }
        assert_eq!(place.root.kept(None).expect("the log").len(), 2, "step {step}");
        pack(&place);
        assert_eq!(place.count("versions/objects"), 0, "step {step}");
        // Young as they are, nothing goes.
        assert_eq!(place.root.retain_kept(keep_none, 0).expect("retained").gone, [], "step {step}");
        age_log(&place);
        crate::fail::after(step);
        let retained = place.root.retain_kept(keep_none, 0);
        let is_killed_again = crate::fail::disarm();
        for content in [first, second] {
            let is_listed = place.root.kept(None).expect("the log").iter().any(|kept| is_of(kept, content));
            assert!(!is_listed || read_kept(&place, content).is_some(), "step {step}: listed and not readable");
        }
        place.root.retain_kept(keep_none, 0).expect("retained");
        assert_eq!((place.count("versions/chunks"), place.count("versions/packed")), (0, 0), "step {step}");
        if !is_killed && !is_killed_again && packed.is_ok() && retained.is_ok() {
            return;
        }
        assert!(step < 500, "it never ends");
    }
}

fn is_of(kept: &crate::KeptVersion, wanted: ContentId) -> bool {
    matches!(kept.kind, KeptKind::File { content, .. } if content == wanted)
}

/// Makes every line of the log a month older.
fn age_log(place: &Place) {
    let log = place.at(".shoal/versions/log");
    let text = fs::read_to_string(&log).expect("the log");
    let aged = text.lines().map(|line| {
        let (time, rest) = line.split_once('\t').expect("fields");
        let time: i64 = time.parse().expect("a time");
        format!("{}\t{rest}\n", time - 31 * 24 * 3600 * 1_000_000_000)
    });
    fs::write(&log, aged.collect::<String>()).expect("aged");
}

#[test]
fn a_content_put_away_again_with_another_time_is_no_late_write() {
    let mut place = Place::new();
    place.write("a", b"one");
    place.hash("a");
    for seconds in [1_000_000_000, 1_100_000_000] {
        place.write("a", b"one");
        let file = File::options().write(true).open(place.at("a")).expect("opened");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        file.set_modified(time).expect("a time");
        drop(file);
        replace(&mut place, "a", b"two");
        // The first goes as retention lets it go, and leaves its line to the second.
        if seconds == 1_000_000_000 {
            for entry in fs::read_dir(place.at(".shoal/versions/objects")).expect("objects") {
                fs::remove_file(entry.expect("an entry").path()).expect("removed");
            }
        }
    }
    assert_eq!(place.root.revisit_kept().expect("looked"), []);
    assert_eq!(place.count("versions/objects"), 1);
}
