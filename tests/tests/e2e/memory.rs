//! What is remembered may be lost: the index is only a help.

use std::fs;
use std::path::Path;

use crate::harness::acts::{agree, connected, folder, pair, share};
use crate::harness::{Shoal, World, read, tree, until, write};

/// A lost index loses and invents nothing: what is unchanged stays one file, what was edited or removed meanwhile is
/// an edit and a removal, because the folder's record says up to where everything stood on this disk.
#[test]
fn a_lost_index_loses_and_invents_nothing() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..40 {
        write(&here, &format!("many/{number}.txt"), format!("file {number}\n"));
    }
    write(&here, "kept.txt", "kept\n");
    write(&here, "edited.txt", "first\n");
    write(&here, "removed.txt", "removed\n");
    write(&here, "removed before.txt", "removed before\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    fs::remove_file(there.join("removed before.txt")).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
    marked(&ana, &ben);
    ben.quit();
    let index = ben.home.join("data/index");
    assert!(index.is_dir(), "the index is where it was");
    fs::remove_dir_all(index).expect("removed");
    write(&there, "edited.txt", "edited\n");
    fs::remove_file(there.join("removed.txt")).expect("removed");
    let mut expected = tree::look(&here);
    expected.remove("removed.txt");
    ben.start();
    connected(&ana, &ben);
    agree(&[(&ana, &here), (&ben, &there)]);
    let found = tree::look(&here);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "nothing lost or invented");
    assert_eq!(read(&here, "edited.txt").as_deref(), Some("edited\n"));
    for shoal in [&ana, &ben] {
        assert_eq!(folder(&shoal.view())["conflict_count"], 0, "{}", shoal.name);
    }
}

/// A home that is set back to an older copy, as from a backup, brings nothing back that was deleted since, calls nothing
/// its own that it had heard of, and uses no number twice.
#[test]
fn a_home_set_back_to_a_backup_brings_nothing_back() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "kept.txt", "kept\n");
    write(&here, "edited.txt", "first\n");
    write(&here, "deleted later.txt", "known to the backup\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    ben.quit();
    let backup = world.path("backup of Ben");
    copy_tree(&ben.home, &backup);
    ben.start();
    connected(&ana, &ben);
    write(&here, "edited.txt", "second\n");
    write(&here, "short-lived.txt", "not known to the backup\n");
    write(&there, "mine.txt", "written by Ben after the backup\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    ben.quit();
    fs::remove_file(here.join("short-lived.txt")).expect("removed");
    fs::remove_file(here.join("deleted later.txt")).expect("removed");
    write(&here, "edited.txt", "third\n");
    write(&there, "offline.txt", "written by Ben before the home was set back\n");
    fs::remove_dir_all(&ben.home).expect("removed");
    copy_tree(&backup, &ben.home);
    ben.start();
    connected(&ana, &ben);
    agree(&[(&ana, &here), (&ben, &there)]);
    let found = tree::look(&here);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["edited.txt", "kept.txt", "mine.txt", "offline.txt"]);
    assert_eq!(read(&there, "edited.txt").as_deref(), Some("third\n"));
    for shoal in [&ana, &ben] {
        assert_eq!(folder(&shoal.view())["conflict_count"], 0, "{}", shoal.name);
        shoal.run(&["verify"]);
    }
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_file() {
            fs::copy(&source, &target).expect("copied");
        }
    }
}

/// Waits until Ben's record of the folder names as many blocks as there are, which is when all of it stands there.
pub(crate) fn marked(ana: &Shoal, ben: &Shoal) {
    let blocks = |shoal: &Shoal| -> Option<u64> {
        let mut files = fs::read_dir(shoal.home.join("config/folders")).ok()?.flatten().map(|entry| entry.path());
        let file = files.find(|file| file.extension().is_some_and(|ending| ending == "json"))?;
        let record: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
        record["mark"].as_array()?.iter().map(|chain| chain[2].as_u64()).sum()
    };
    // Both set it in a calm moment, and both have the same ledger.
    until("both have set their mark", || blocks(ana).filter(|number| *number > 0 && blocks(ben) == Some(*number)));
}
