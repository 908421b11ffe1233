//! What is remembered may be lost: the index is only a help.

use std::fs;

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

/// Waits until Ben's record of the folder names as many blocks as there are, which is when all of it stands there.
fn marked(ana: &Shoal, ben: &Shoal) {
    let blocks = |shoal: &Shoal| -> Option<u64> {
        let file = fs::read_dir(shoal.home.join("config/folders")).ok()?.next()?.ok()?.path();
        let record: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
        record["mark"].as_array()?.iter().map(|chain| chain[2].as_u64()).sum()
    };
    // Both set it in a calm moment, and both have the same ledger.
    until("both have set their mark", || blocks(ana).filter(|number| *number > 0 && blocks(ben) == Some(*number)));
}
