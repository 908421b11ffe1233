//! `shoal why`: what is said of a path is true, whatever stands there and whoever is here.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::acts::{agree, connected, pair, share, text};
use crate::harness::{Shoal, World, big, until, write};

fn why(shoal: &Shoal, path: &Path) -> Value {
    shoal.run(&["why", text(path)])
}

fn verdict(shoal: &Shoal, path: &Path) -> String {
    why(shoal, path)["verdict"]["type"].as_str().expect("a verdict").to_owned()
}

/// Files, directories, links, what is left alone, what is gone, what never was, and what lies outside.
#[test]
fn every_kind_of_path_is_explained() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "a.txt", "a\n");
    write(&here, "sub/b.txt", "b\n");
    write(&here, "old.txt", "old\n");
    std::os::unix::fs::symlink("sub", here.join("in")).expect("linked");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    let told = |shoal: &Shoal, path: &Path, wanted: &str| {
        until(wanted, || (verdict(shoal, path) == wanted).then_some(()));
    };
    told(&ben, &there.join("sub/b.txt"), "same");
    fs::remove_file(here.join("old.txt")).expect("removed");
    told(&ben, &there.join("old.txt"), "gone");
    let said = why(&ben, &there.join("old.txt"));
    assert_eq!(
        (&said["here"]["type"], &said["versions"][0]["is_removal"]),
        (&"nothing".into(), &true.into()),
        "{said}"
    );
    assert_eq!((&said["kept"][0]["size"], &said["kept"][0]["was_removed"]), (&4.into(), &true.into()), "{said}");
    until("both have it", || (why(&ana, &here.join("a.txt"))["members"][0]["has"]["type"] == "all").then_some(()));
    for (path, wanted) in [
        ("a.txt", "same"),
        ("sub", "same"),
        ("in", "same"),
        ("in/b.txt", "behind_link"),
        ("never.txt", "unknown"),
        (".shoal/versions", "ours"),
        ("", "folder"),
        ("../Ana/a.txt", "same"),
        ("../elsewhere", "outside"),
    ] {
        assert_eq!(verdict(&ana, &here.join(path)), wanted, "{path}");
    }
    std::os::unix::fs::symlink("/etc", here.join("out")).expect("linked");
    told(&ana, &here.join("out"), "problem");
    let said = why(&ana, &here.join("sub"));
    assert_eq!((&said["below"]["files"], &said["here"]["type"]), (&1.into(), &"directory".into()), "{said}");
    ana.run(&["pause", "Reef"]);
    assert_eq!(verdict(&ana, &here.join("a.txt")), "paused");
    let words = ana.command(&["why", text(&here.join("a.txt"))]).env("SHOAL_JSON", "0").output().expect("it ran");
    assert!(words.status.success());
}

/// A file whose only owner is away waits for its bytes, and says who may have them; when she is back it comes.
#[test]
fn a_file_waits_for_who_has_it() {
    let world = World::new();
    let (mut ana, ben, cem) = (world.start("Ana"), world.start("Ben"), world.start("Cem"));
    pair(&ana, &ben);
    pair(&ana, &cem);
    pair(&ben, &cem);
    let (here, there, yonder) = (world.dir("Ana"), world.path("Ben"), world.path("Cem"));
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor"), (&cem, &yonder, "editor")]);
    agree(&[(&ana, &here), (&ben, &there), (&cem, &yonder)]);
    big(&world.path("big.bin"), 7, 400 << 20);
    fs::rename(world.path("big.bin"), here.join("big.bin")).expect("moved");
    until("the news", || (verdict(&ben, &there.join("big.bin")) == "lacking").then_some(()));
    ana.kill();
    let lacks = |shoal: &Shoal, path: &Path| {
        let said = why(shoal, path);
        let is_away = |member: &Value| member["name"] == "Ana" && member["has"]["type"] == "away";
        let knows = said["members"].as_array()?.iter().any(is_away);
        (said["verdict"]["type"] == "lacking" && knows && said["here"]["type"] == "nothing").then_some(())
    };
    until("word that Ana is away", || lacks(&ben, &there.join("big.bin")));
    ana.start();
    connected(&ana, &ben);
    agree(&[(&ana, &here), (&ben, &there), (&cem, &yonder)]);
    assert_eq!(verdict(&ben, &there.join("big.bin")), "same");
}
