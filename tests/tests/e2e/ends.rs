//! Devices that end, begin anew, or were removed: what they knew once takes nothing away from the others.

use std::fs;
use std::time::Duration;

use crate::harness::acts::{agree, connected, folder, join, pair, share};
use crate::harness::{World, big, hash, read, tree, try_until, until, write};

/// The end of a session in the middle of a transfer: gone within 5 s, and it goes on where it was.
#[test]
fn case_95_the_end_of_a_session_takes_no_longer_than_the_system_waits() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..200 {
        write(&here, &format!("small/{number}.txt"), format!("{number}\n"));
    }
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    big(&here.join("film.bin"), 9, 400_000_000);
    ben.until("the film on its way", |view| (folder(view)["state"]["type"] != "up_to_date").then_some(()));
    write(&there, "just saved.txt", "saved a moment before\n");
    let took = ben.end();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!there.join("film.bin").exists(), "no half file");
    ben.start();
    connected(&ana, &ben);
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(hash(&here.join("film.bin")), hash(&there.join("film.bin")));
    assert_eq!(read(&here, "just saved.txt").as_deref(), Some("saved a moment before\n"));
}

/// A removed device's history stays, and nothing in it wins over those who are left, however much it wrote.
#[test]
fn case_105_the_history_of_a_removed_device_never_wins() {
    let world = World::new();
    let (ana, ben, mut cai) = (world.start("Ana"), world.start("Ben"), world.start("Cai"));
    pair(&ana, &ben);
    pair(&ana, &cai);
    let (here, there, beyond) = (world.dir("Ana"), world.path("Ben"), world.path("Cai"));
    write(&here, "plan.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor"), (&cai, &beyond, "editor")]);
    agree(&[(&ana, &here), (&ben, &there), (&cai, &beyond)]);
    for number in 0..8 {
        // Long chains count for more in a conflict.
        write(&beyond, "plan.txt", format!("by Cai, {number}\n"));
        agree(&[(&ana, &here), (&ben, &there), (&cai, &beyond)]);
    }
    let id = cai.id();
    cai.quit();
    ana.run(&["people", "Reef", "remove", &id]);
    write(&here, "plan.txt", "by those who are left\n");
    fs::remove_file(here.join("plan.txt")).expect("removed");
    write(&here, "new plan.txt", "by those who are left\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    for number in 0..5 {
        write(&beyond, "plan.txt", format!("by a ghost, {number}\n"));
        write(&beyond, "new plan.txt", format!("by a ghost, {number}\n"));
    }
    cai.start();
    cai.until("word that it is out", |view| {
        view["folders"]
            .as_array()
            .is_none_or(Vec::is_empty)
            .then_some(())
            .or_else(|| (folder(view)["role"].is_null() || folder(view)["state"]["type"] == "stopped").then_some(()))
    });
    let dan = world.start("Dan");
    pair(&ana, &dan);
    pair(&ben, &dan);
    let fourth = world.path("Dan");
    ana.run(&["people", "Reef", "add", &dan.id(), "--role", "editor"]);
    join(&dan, "Reef", &fourth);
    agree(&[(&ana, &here), (&ben, &there), (&dan, &fourth)]);
    assert_eq!(tree::look(&fourth).keys().collect::<Vec<_>>(), ["new plan.txt"]);
    assert_eq!(read(&fourth, "new plan.txt").as_deref(), Some("by those who are left\n"));
    assert_eq!(read(&beyond, "new plan.txt").as_deref(), Some("by a ghost, 4\n"), "its files stay with it");
}

/// Somebody who lost everything but the key, and shows an empty directory and an empty history, removes nothing.
#[test]
fn case_108_an_empty_history_never_means_that_everything_was_removed() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..60 {
        write(&here, &format!("{number}.txt"), format!("{number}\n"));
    }
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let before = tree::look(&here);
    ben.quit();
    fs::remove_dir_all(ben.home.join("data")).expect("removed");
    fs::remove_dir_all(ben.home.join("config/folders")).expect("removed");
    fs::remove_dir_all(&there).expect("removed");
    ben.start();
    connected(&ana, &ben);
    let id = ben.id();
    ana.run(&["people", "Reef", "remove", &id]);
    ana.run(&["people", "Reef", "add", &id, "--role", "editor"]);
    join(&ben, "Reef", &there);
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(tree::look(&here), before);
    assert_eq!(tree::look(&there), before);
    // With its record, but without the rest: an empty directory with the folder's mark, and no memory.
    ben.quit();
    fs::remove_dir_all(ben.home.join("data")).expect("removed");
    for name in before.keys() {
        fs::remove_file(there.join(name)).expect("removed");
    }
    ben.start();
    connected(&ana, &ben);
    let is_held = |shoal: &crate::harness::Shoal| folder(&shoal.view())["hold"].is_object();
    let settled = try_until(Duration::from_secs(20), || (is_held(&ben) || tree::look(&there) == before).then_some(()));
    assert!(settled.is_some(), "{:#}", ben.view());
    until("nothing is removed", || (tree::look(&here) == before).then_some(()));
}
