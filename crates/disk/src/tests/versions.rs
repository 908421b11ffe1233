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
