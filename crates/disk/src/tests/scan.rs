//! Looking and listing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use shoal_engine::observe::Code;

use super::*;

/// Everything a walk tells, by path, and every name that is no path.
fn walk(root: &Root, dir: Option<&RelPath>) -> (BTreeMap<String, Seen>, Vec<(String, Code)>) {
    let (mut all, mut skipped, mut dirs) = (BTreeMap::new(), Vec::new(), Vec::new());
    root.walk(dir, &mut |dir, entries, names| {
        let is_known = dir.as_ref().is_none_or(|dir| dirs.is_empty() || all.contains_key(dir.as_str()));
        assert!(is_known, "parents come first");
        dirs.push(dir);
        skipped.extend(names);
        all.extend(
            entries.expect("a readable directory").into_iter().map(|entry| (entry.path.to_string(), entry.seen)),
        );
    });
    (all, skipped)
}

#[test]
fn a_walk_and_single_looks_see_the_same() {
    let place = Place::new();
    place.write("a", b"x");
    place.write("d/e/b", b"y");
    place.write("d/.hidden", b"z");
    fs::create_dir(place.at("empty")).expect("a directory");
    symlink("d/e", place.at("l")).expect("a link");
    let (all, skipped) = walk(&place.root, None);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "d", "d/.hidden", "d/e", "d/e/b", "empty", "l"]);
    assert_eq!(skipped, []);
    for (name, seen) in &all {
        assert_eq!(place.root.look(&path(name)), Ok(Some(seen.clone())), "{name}");
    }
    assert_eq!(walk(&place.root, Some(&path("d"))).0.len(), 3);
    for name in ["nothing", "a/b", "l/b", "nothing/x"] {
        assert_eq!(place.root.look(&path(name)), Ok(None), "{name}");
    }
}

#[test]
fn case_63_special_files_are_listed_and_never_opened() {
    let place = Place::new();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.at("fifo"), rustix::fs::Mode::RWXU).expect("a fifo");
    let _socket = std::os::unix::net::UnixListener::bind(place.at("socket")).expect("a socket");
    let (all, _) = walk(&place.root, None);
    assert!(all.values().all(|seen| *seen == Seen::Skipped(Code::SpecialFile)), "{all:?}");
    assert_eq!(all.len(), 2);
}

#[test]
fn case_8_a_name_that_is_no_text_is_listed_apart() {
    let place = Place::new();
    fs::write(place.at("x").with_file_name(OsStr::from_bytes(b"bad\xff")), b"x").expect("a file");
    let (all, skipped) = walk(&place.root, None);
    assert_eq!((all.len(), skipped), (0, vec![("bad\u{fffd}".to_owned(), Code::NameNotText)]));
    symlink(OsStr::from_bytes(b"\xff"), place.at("l")).expect("a link");
    assert_eq!(place.root.look(&path("l")), Ok(Some(Seen::Skipped(Code::NameNotText))));
}

#[test]
fn case_16_our_own_directory_is_not_listed_and_a_nested_one_is_left_alone() {
    let place = Place::new();
    place.write("d/.shoal/stage/x", b"x");
    let (all, _) = walk(&place.root, None);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["d", "d/.shoal"]);
    assert_eq!(all["d/.shoal"], Seen::Skipped(Code::OurName));
    assert_eq!(place.root.look(&path("d/.shoal/stage")), Ok(Some(Seen::Skipped(Code::OurName))));
}

#[test]
fn case_59_link_loops_end() {
    let place = Place::new();
    symlink("l", place.at("l")).expect("a link");
    symlink("..", place.at("up")).expect("a link");
    assert_eq!(walk(&place.root, None).0.len(), 2);
}

#[test]
fn case_58_a_link_that_leaves_is_left_alone_where_it_stands() {
    let place = Place::new();
    place.write("d/a", b"x");
    for (name, target) in [("d/up", "../.."), ("off", "/etc"), ("d/in", "../d/a")] {
        symlink(target, place.at(name)).expect("a link");
    }
    let (all, _) = walk(&place.root, None);
    for name in ["d/up", "off"] {
        assert_eq!(all[name], Seen::Skipped(Code::LinkLeaves));
        assert_eq!(place.root.look(&path(name)), Ok(Some(all[name].clone())));
    }
    assert_eq!(all["d/in"], Seen::Link { target: "../d/a".to_owned() });
}

#[test]
fn case_80_a_directory_that_cannot_be_listed_is_an_error_and_not_empty() {
    let place = Place::new();
    place.write("a", b"x");
    for gone in ["nothing", "a"] {
        let mut calls = Vec::new();
        place.root.walk(Some(&path(gone)), &mut |dir, entries, _| calls.push((dir, entries)));
        assert_eq!(calls, [(Some(path(gone)), Err(Code::Busy))]);
    }
}

#[test]
fn case_18_a_deep_tree_is_listed_to_the_depth_that_paths_have() {
    let place = Place::new();
    let mut dir = place.root.dir().to_owned();
    for _ in 0..500 {
        dir.push("d");
    }
    fs::create_dir_all(&dir).expect("a deep directory");
    fs::write(dir.join("f"), b"deep").expect("a file");
    let (all, skipped) = walk(&place.root, None);
    assert_eq!((all.len(), skipped.len()), (501, 0));
    let deep = path(&format!("{}f", "d/".repeat(500)));
    assert!(place.root.hash(&deep, None).is_ok());
}

#[test]
fn foreign_mounts_are_left_alone() {
    let place = Place::new();
    fs::create_dir(place.at("m")).expect("a directory");
    let is_mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "none"])
        .arg(place.at("m"))
        .status()
        .is_ok_and(|status| status.success());
    if !is_mounted {
        eprintln!("skipped: mounting is not allowed here");
        return;
    }
    fs::write(place.at("m/f"), b"foreign").expect("a file");
    let (all, _) = walk(&place.root, None);
    let looks = (place.root.look(&path("m")), place.root.look(&path("m/f")));
    let removed = place.apply_one(Change { path: path("m"), expected: Expected::Directory, act: Act::Remove });
    let is_unmounted = std::process::Command::new("umount").arg(place.at("m")).status();
    assert!(is_unmounted.is_ok_and(|status| status.success()));
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [("m".to_owned(), Seen::Skipped(Code::ForeignMount))]);
    assert_eq!(looks, (Ok(Some(Seen::Skipped(Code::ForeignMount))), Err(Code::ForeignMount)));
    assert_eq!(removed, Outcome::Refused(Code::ForeignMount));
}
