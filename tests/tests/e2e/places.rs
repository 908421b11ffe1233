//! Directories that are not what they were: marks of forgotten shares, roots made anew, folders that moved.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::acts::{agree, connected, folder, join, pair, share, text};
use crate::harness::{Shoal, World, json, read, tree, until, write};

/// What a command that must fail says: its code, and its sentence.
fn refused(shoal: &Shoal, args: &[&str]) -> (String, String) {
    let output = shoal.try_run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    let said = json(&output);
    (said["code"].as_str().unwrap_or_default().to_owned(), said["text"].as_str().unwrap_or_default().to_owned())
}

fn stopped_with(shoal: &Shoal, code: &str) {
    let state = |view: &Value| folder(view)["state"].clone();
    shoal.until("stop", |view| (state(view)["trouble"]["code"] == code).then_some(()));
}

/// A directory whose Shoal lost its home can be shared again, if the person says so; what was kept in it stays.
#[test]
fn a_share_of_a_lost_home_can_be_taken_over() {
    let world = World::new();
    let mut ana = world.start("Ana");
    let dir = world.dir("Reef");
    write(&dir, "a.txt", "a\n");
    ana.run(&["share", text(&dir)]);
    ana.until("a look", |view| (folder(view)["files"] == 1).then_some(()));
    let kept = dir.join(".shoal/versions/objects/kept before");
    write(&dir, ".shoal/versions/objects/kept before", "old\n");
    let (code, _) = refused(&ana, &["share", text(&dir), "--take-over"]);
    assert_eq!(code, "FOLD-05", "shared by this very home");
    let ben = world.start("Ben");
    let (code, words) = refused(&ben, &["share", text(&dir), "--take-over"]);
    assert_eq!(code, "FOLD-16", "another one that runs has it: {words}");
    ana.quit();
    fs::remove_dir_all(&ana.home).expect("removed");
    fs::create_dir(&ana.home).expect("made");
    ana.start();
    let marker = fs::read(dir.join(".shoal/marker")).expect("a marker");
    for args in [&["share", text(&dir)][..], &["share", text(&dir), "--dry-run"]] {
        let (code, words) = refused(&ana, args);
        assert_eq!(code, "FOLD-15");
        assert!(words.contains("does not know") && words.contains("--take-over"), "{words}");
    }
    assert_eq!(fs::read(dir.join(".shoal/marker")).expect("a marker"), marker, "nothing was changed");
    ana.run(&["share", text(&dir), "--take-over"]);
    ana.run(&["unshare", "Reef"]);
    ana.run(&["share", text(&dir)]);
    ana.until("the file", |view| (folder(view)["files"] == 1).then_some(()));
    assert_eq!(fs::read(kept).expect("kept"), b"old\n");
    pair(&ana, &ben);
    ana.run(&["people", "Reef", "add", &ben.id()]);
    join(&ben, "Reef", &world.path("Ben"));
    agree(&[(&ana, &dir), (&ben, &world.path("Ben"))]);
}

/// A directory that came with its mark from elsewhere is joined only if the person says so.
#[test]
fn a_copied_mark_is_taken_over_when_joining() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.dir("Ben"));
    write(&here, "a.txt", "a\n");
    write(&there, "mine.txt", "mine\n");
    write(&there, ".shoal/marker", "07".repeat(16));
    ana.run(&["share", text(&here), "--name", "Reef"]);
    ana.run(&["people", "Reef", "add", &ben.id()]);
    ben.until("invitation", |view| view["inbox"].as_array()?.first().map(drop));
    assert_eq!(refused(&ben, &["join", "Reef", "--at", text(&there)]).0, "FOLD-15");
    ben.run(&["join", "Reef", "--at", text(&there), "--take-over"]);
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(read(&here, "mine.txt").as_deref(), Some("mine\n"));
}

/// An empty directory in the place of a folder is never taken for a removal, and becomes the folder when told to: also
/// after a crash in the middle, and for the one who wrote everything.
#[test]
fn a_directory_made_anew_gets_everything_back() {
    let world = World::new();
    let (mut ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..8 {
        write(&here, &format!("sub/{number}.txt"), format!("file {number}\n"));
    }
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&there, "by Ben.txt", "b\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    let all = tree::look(&here);
    for (dir, is_ben) in [(&there, true), (&here, false)] {
        let lost = if is_ben { &mut ben } else { &mut ana };
        fs::remove_dir_all(dir).expect("removed");
        fs::create_dir(dir).expect("made anew");
        stopped_with(lost, "FOLD-17");
        let (code, words) = refused(lost, &["resume", "Reef"]);
        assert_eq!(code, "FOLD-17");
        assert!(words.contains("resume Reef --here"), "{words}");
        assert!(!dir.join(".shoal").exists(), "nothing was done");
        lost.run(&["resume", "Reef", "--here"]);
        lost.kill();
        if !is_ben {
            // With the index gone too, nothing but the record says that she never saw her own files here.
            fs::remove_dir_all(lost.home.join("data/index")).expect("removed");
        }
        lost.start();
        connected(&ana, &ben);
        agree(&[(&ana, &here), (&ben, &there)]);
        assert_eq!(tree::look(&here), all);
    }
    fs::remove_file(here.join("a.txt")).expect("removed");
    until("a removal that is meant", || (!there.join("a.txt").exists()).then_some(()));
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// What stands in the new directory already is compared as a new device would: the same is the same, what differs is
/// kept beside, what is missing comes.
#[test]
fn what_stands_in_a_new_directory_is_compared() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for name in ["same.txt", "differs.txt", "missing.txt"] {
        write(&here, name, format!("{name}\n"));
    }
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    fs::remove_dir_all(&there).expect("removed");
    write(&there, "same.txt", "same.txt\n");
    write(&there, "differs.txt", "from a backup\n");
    write(&there, "only here.txt", "only here\n");
    stopped_with(&ben, "FOLD-17");
    ben.run(&["resume", "Reef", "--here"]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let found = tree::look(&here);
    assert_eq!(found.len(), 5, "{:?}", found.keys());
    let texts: Vec<String> = found.keys().filter_map(|path| read(&here, path)).collect();
    for expected in ["same.txt\n", "differs.txt\n", "missing.txt\n", "from a backup\n", "only here\n"] {
        assert!(texts.iter().any(|text| text == expected), "{expected}: {texts:?}");
    }
}

/// A folder that was moved goes on where it is told to; one that is where it was needs no other place.
#[test]
fn a_moved_folder_goes_on_in_its_new_place() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there, moved) = (world.dir("Ana"), world.path("Ben"), world.path("moved"));
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(refused(&ben, &["resume", "Reef", "--at", text(&moved)]).0, "FOLD-19");
    assert!(!moved.exists());
    ben.run(&["resume", "Reef", "--here"]);
    agree(&[(&ana, &here), (&ben, &there)]);
    fs::rename(&there, &moved).expect("moved");
    stopped_with(&ben, "FOLD-01");
    assert_eq!(refused(&ben, &["resume", "Reef", "--here"]).0, "FOLD-01");
    assert!(!there.exists(), "nothing is made where a drive may belong");
    assert_eq!(refused(&ben, &["share", text(&moved)]).0, "FOLD-05", "it is a folder of this home");
    ben.run(&["resume", "Reef", "--at", text(&moved)]);
    write(&here, "b.txt", "b\n");
    agree(&[(&ana, &here), (&ben, &moved)]);
    write(&moved, "c.txt", "c\n");
    agree(&[(&ana, &here), (&ben, &moved)]);
}

/// What a crash left half done and cannot be cleared up is told to the person, and the folder goes on.
#[test]
fn a_recovery_that_fails_is_told() {
    let world = World::new();
    let mut ana = world.start("Ana");
    let dir = world.dir("Reef");
    write(&dir, "a.txt", "a\n");
    ana.run(&["share", text(&dir)]);
    ana.quit();
    fs::create_dir(dir.join(".shoal/journal/0123456789abcdef")).expect("what is no intent");
    ana.start();
    let told = ana.until("notice", |view| view["notices"].as_array()?.first().cloned());
    assert_eq!(told["trouble"]["code"], "FOLD-22", "{told}");
    ana.until("a look", |view| (folder(view)["state"]["type"] == "up_to_date").then_some(()));
}

/// A path that cannot be shared is refused with what is true of it.
#[test]
fn a_path_that_is_no_directory_is_named_as_such() {
    let world = World::new();
    let ana = world.start("Ana");
    let dir = world.dir("Ana");
    write(&dir, "plain.txt", "x");
    let plain = dir.join("plain.txt");
    assert_eq!(refused(&ana, &["share", text(&plain)]).0, "FOLD-20");
    assert_eq!(refused(&ana, &["share", text(Path::new("/nonexistent/x"))]).0, "FOLD-21");
}
