//! What is remembered may be lost: the index is only a help.

use std::fs;

use crate::harness::acts::{agree, connected, folder, pair, share};
use crate::harness::{World, read, tree, write};

/// A lost index loses nothing: what is unchanged stays one file, what was edited meanwhile is kept beside the old one,
/// and what was removed meanwhile comes back, because nobody can tell it from a file that never came.
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
    ben.quit();
    let index = ben.home.join("data/index");
    assert!(index.is_dir(), "the index is where it was");
    fs::remove_dir_all(index).expect("removed");
    write(&there, "edited.txt", "edited\n");
    fs::remove_file(there.join("removed.txt")).expect("removed");
    let expected = tree::look(&here);
    ben.start();
    connected(&ana, &ben);
    agree(&[(&ana, &here), (&ben, &there)]);
    let mut found = tree::look(&here);
    let copy = found.keys().find(|path| path.starts_with("edited (")).expect("both versions").clone();
    let versions = [read(&here, "edited.txt"), read(&here, &copy)].map(Option::unwrap_or_default);
    assert!(versions.contains(&"first\n".to_owned()) && versions.contains(&"edited\n".to_owned()), "{versions:?}");
    found.remove(&copy);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "nothing lost or invented");
    assert_eq!(read(&there, "removed.txt").as_deref(), Some("removed\n"));
    for shoal in [&ana, &ben] {
        assert_eq!(folder(&shoal.view())["conflict_count"], 1, "{}", shoal.name);
    }
    // From here on the memory is whole again: a deletion deletes.
    fs::remove_file(there.join("removed.txt")).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
    assert!(!here.join("removed.txt").exists());
}
