//! The road everybody takes: find, pair, share, change, part, meet again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::acts::{agree, connected, folder, join, pair, pair_at, share, text};
use crate::harness::{World, read, tree, until, write};

/// A moment that no test runs at, in seconds since 1970.
const LONG_AGO: u64 = 1_000_000_000;

/// Whatever one editor does to files, the other one has it, in both directions.
#[test]
fn what_one_does_the_other_has() {
    let world = World::new();
    let (ana, ben) = (world.start_with("Ana", &[]), world.start_with("Ben", &[]));
    // Found by the list of instances on this computer, and named by what it calls itself.
    ana.until("Ben nearby", |view| view["devices"].as_array()?.iter().find(|device| device["name"] == "Ben").map(drop));
    pair_at(&ana, "Ben", &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "notes.txt", "from Ana\n");
    write(&here, "sub/deep/file.bin", [0, 1, 2, 255]);
    fs::create_dir_all(here.join("empty/inside")).expect("made");
    fs::set_permissions(here.join("notes.txt"), fs::Permissions::from_mode(0o644)).expect("set");
    tree::set_modified(&here.join("notes.txt"), LONG_AGO);
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    let both = [(&ana, here.as_path()), (&ben, there.as_path())];
    agree(&both);
    assert_eq!(tree::modified(&there.join("notes.txt")), Some(u128::from(LONG_AGO) * 1000), "times travel");
    change(&here, "Ana");
    agree(&both);
    check(&there, "Ana");
    change(&there, "Ben");
    agree(&both);
    check(&here, "Ben");
    let found = ben.run(&["verify"]);
    assert_eq!(found["folders"][0]["ok"], true, "{found}");
}

/// Adds, edits, renames, removes, and what is rarely thought of.
fn change(dir: &Path, by: &str) {
    write(dir, &format!("{by} was here/new.txt"), by);
    write(dir, "notes.txt", format!("edited by {by}\n"));
    tree::set_modified(&dir.join("notes.txt"), LONG_AGO + by.len() as u64);
    let old = if by == "Ana" { "sub" } else { "moved by Ana" };
    fs::rename(dir.join(old), dir.join(format!("moved by {by}"))).expect("renamed");
    write(dir, &format!("{by}.sh"), "#!/bin/sh\n");
    fs::set_permissions(dir.join(format!("{by}.sh")), fs::Permissions::from_mode(0o755)).expect("set");
    fs::create_dir_all(dir.join(format!("empty of {by}"))).expect("made");
    let gone = if by == "Ana" { "empty/inside" } else { "empty of Ana" };
    fs::remove_dir(dir.join(gone)).expect("removed");
    if by == "Ben" {
        fs::remove_file(dir.join("Ana was here/new.txt")).expect("removed");
    }
}

fn check(dir: &Path, by: &str) {
    assert_eq!(read(dir, "notes.txt"), Some(format!("edited by {by}\n")));
    assert_eq!(tree::modified(&dir.join("notes.txt")), Some(u128::from(LONG_AGO + by.len() as u64) * 1000));
    assert!(dir.join(format!("moved by {by}/deep/file.bin")).is_file());
    assert!(!dir.join("sub").exists());
    let mode = fs::metadata(dir.join(format!("{by}.sh"))).expect("there").permissions().mode();
    assert_ne!(mode & 0o100, 0, "a program stays one");
    assert!(dir.join(format!("empty of {by}")).is_dir());
}

/// What a viewer changes stays with the viewer, is listed, and harms nobody.
#[test]
fn a_viewers_change_stays_at_home() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "viewer")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&there, "mine.txt", "Ben’s\n");
    write(&there, "a.txt", "changed by Ben\n");
    ben.until("word about the viewer’s changes", |view| {
        let problems = folder(view)["problems"].as_array()?;
        problems.iter().any(|problem| problem["trouble"]["code"] == "FOLD-07").then_some(())
    });
    // What comes later from the owner shows that the viewer's changes had their chance.
    write(&here, "later.txt", "later\n");
    until("a later file", || read(&there, "later.txt"));
    assert_eq!(read(&here, "a.txt").as_deref(), Some("a\n"));
    assert!(!here.join("mine.txt").exists());
    assert_eq!(read(&there, "mine.txt").as_deref(), Some("Ben’s\n"), "nothing of the viewer’s is lost");
}

/// Two edits made while apart are both kept, the same on both sides, under the name the model says.
#[test]
fn edits_made_apart_are_both_kept() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "plan.txt", "first\n");
    ana.run(&["share", text(&here), "--name", "Reef", "--with", "Ben"]);
    join(&ben, "Reef", &there);
    agree(&[(&ana, &here), (&ben, &there)]);
    ben.quit();
    write(&here, "plan.txt", "Ana’s words\n");
    write(&there, "plan.txt", "Ben’s words\n");
    agree(&[(&ana, &here)]);
    ben.start();
    connected(&ana, &ben);
    ana.until("conflict", |view| (folder(view)["conflict_count"] == 1).then_some(()));
    agree(&[(&ana, &here), (&ben, &there)]);
    let names: Vec<String> = tree::look(&here).into_keys().collect();
    let copy = names.iter().find(|name| *name != "plan.txt").expect("a copy");
    assert_eq!(names.len(), 2, "{names:?}");
    let words = [read(&here, "plan.txt").expect("there"), read(&here, copy).expect("there")];
    assert!(words.contains(&"Ana’s words\n".to_owned()) && words.contains(&"Ben’s words\n".to_owned()), "{words:?}");
    let loser = if words[1].starts_with("Ana") { "Ana" } else { "Ben" };
    assert!(is_copy_name(copy, loser), "{copy}");
}

/// `plan (Ben, 2026-11-23 09.40, a1b2).txt`
fn is_copy_name(name: &str, loser: &str) -> bool {
    let inside = name.strip_prefix(&format!("plan ({loser}, ")).and_then(|rest| rest.strip_suffix(").txt"));
    let Some((time, hash)) = inside.and_then(|inside| inside.split_once(", ")) else { return false };
    let shape: String = time.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    shape == "0000-00-00 00.00" && hash.len() == 4 && hash.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// Tidying is no mass deletion: a directory of many files is renamed while single files go, and nobody is asked.
#[test]
fn a_renamed_directory_and_a_deleted_file_need_no_yes() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..100 {
        write(&here, &format!("one/{number}.txt"), format!("one {number}\n"));
        write(&here, &format!("two/{number}.txt"), format!("two {number}\n"));
    }
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    fs::rename(there.join("one"), there.join("uno")).expect("renamed");
    fs::remove_file(there.join("two/1.txt")).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
    fs::remove_file(there.join("two/2.txt")).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
    assert!(!here.join("one").exists() && here.join("uno/99.txt").exists());
    assert!(!here.join("two/1.txt").exists() && !here.join("two/2.txt").exists());
    assert_eq!(tree::look(&here).keys().filter(|path| path.ends_with(".txt")).count(), 198);
}
