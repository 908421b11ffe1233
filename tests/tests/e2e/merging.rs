//! Two edits of one text, made while apart, become one text; where that leaves doubt, both are kept.

use std::path::{Path, PathBuf};

use super::harness::acts::{agree, connected, folder, join, pair, text};
use super::harness::{Shoal, World, read, tree, until, write};

const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";

/// Ana and Ben share a folder in which a text was recorded by itself.
fn shared(world: &World) -> (Shoal, Shoal, PathBuf, PathBuf) {
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "plan.txt", BASE);
    ana.run(&["share", text(&here), "--name", "Reef", "--with", "Ben"]);
    join(&ben, "Reef", &there);
    agree(&[(&ana, &here), (&ben, &there)]);
    (ana, ben, here, there)
}

/// Both edit while Ben is away, and meet again.
fn edit_apart(ana: &Shoal, ben: &mut Shoal, [here, there]: [&Path; 2], [mine, theirs]: [&str; 2]) {
    ben.quit();
    write(here, "plan.txt", mine);
    write(there, "plan.txt", theirs);
    agree(&[(ana, here)]);
    ben.start();
    connected(ana, ben);
}

#[test]
fn edits_of_different_places_become_one_text() {
    let world = World::new();
    let (ana, mut ben, here, there) = shared(&world);
    let edits = ["ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nFIVE\n"];
    edit_apart(&ana, &mut ben, [&here, &there], edits);
    let merged = Some("ONE\ntwo\nthree\nfour\nFIVE\n");
    until("one text on both sides", || {
        (read(&here, "plan.txt").as_deref() == merged && read(&there, "plan.txt").as_deref() == merged).then_some(())
    });
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!((tree::look(&here).len(), tree::look(&there).len()), (1, 1), "and no copy");
    // Each side can be had back, on the other computer too.
    let file = here.join("plan.txt");
    let versions = ana.run(&["history", text(&file)])["versions"].as_array().expect("versions").clone();
    let mut found = Vec::new();
    for version in &versions {
        ana.run(&["restore", text(&file), "--version", version["id"].as_str().expect("an id")]);
        agree(&[(&ana, &here), (&ben, &there)]);
        found.push(read(&here, "plan.txt").expect("there"));
    }
    assert_eq!(versions.len(), 4, "{versions:#?}");
    assert!(edits.iter().all(|words| found.contains(&(*words).to_owned())), "{found:?}");
}

#[test]
fn edits_of_one_place_are_both_kept_and_so_are_all_where_merging_is_off() {
    let world = World::new();
    let (ana, mut ben, here, there) = shared(&world);
    edit_apart(&ana, &mut ben, [&here, &there], ["1\ntwo\nthree\nfour\nfive\n", "uno\ntwo\nthree\nfour\nfive\n"]);
    ana.until("conflict", |view| (folder(view)["conflict_count"] == 1).then_some(()));
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(tree::look(&here).len(), 2);

    let world = World::new();
    let (ana, mut ben, here, there) = shared(&world);
    for shoal in [&ana, &ben] {
        shoal.run(&["merge", "Reef", "off"]);
        assert_eq!(shoal.run(&["merge", "Reef"])["merges"], false);
    }
    let edits = ["ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nFIVE\n"];
    edit_apart(&ana, &mut ben, [&here, &there], edits);
    ana.until("conflict", |view| (folder(view)["conflict_count"] == 1).then_some(()));
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(tree::look(&here).len(), 2);
}
