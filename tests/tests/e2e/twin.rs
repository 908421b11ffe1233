//! A home that was copied to a second computer, where both copies run: two devices with one key.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::acts::{agree, connected, folder, pair, share, text};
use crate::harness::{Shoal, World, json, read, tree, try_until, write};
use crate::memory::copy_tree;

/// Both copies go on writing until one of them sees that somebody else writes in its name. It stands still, so that only
/// one is left, and says what to do; nothing is lost on either, and no number stands for two things that both count.
#[test]
fn case_103_two_with_one_key_notice_each_other_and_lose_nothing() {
    let world = World::new();
    let (mut ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "shared.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    ana.quit();
    let (mut copy, over_there) = (world.prepare("Ana", &["--no-mdns"]), world.path("the copy"));
    copy.home = world.path("copied home");
    copy_tree(&ana.home, &copy.home);
    copy_tree(&here, &over_there);
    lies_at(&copy.home, &here, &over_there);
    ana.start();
    copy.start();
    let mut round = 0;
    let noticed = try_until(crate::harness::PATIENCE, || {
        round += 1;
        for (dir, name) in [(&here, "one"), (&over_there, "other")] {
            write(dir, &format!("of the {name} {round}.txt"), format!("by the {name}, {round}\n"));
            write(dir, "shared.txt", format!("by the {name}, {round}\n"));
        }
        std::thread::sleep(std::time::Duration::from_millis(700));
        (stands_still(&ana) || stands_still(&copy)).then_some(())
    });
    assert!(noticed.is_some(), "not noticed in {round} rounds\n{}\n{}", ana.log(), copy.log());
    println!("noticed in round {round}");
    for (dir, name) in [(&here, "one"), (&over_there, "other")] {
        for number in 1..=round {
            let kept = read(dir, &format!("of the {name} {number}.txt"));
            assert_eq!(kept, Some(format!("by the {name}, {number}\n")), "on its own computer");
        }
    }
    // As the word says: one of the two gets a home of its own, the other one is started again.
    copy.quit();
    fs::remove_dir_all(&copy.home).expect("removed");
    ana.quit();
    ana.start();
    connected(&ana, &ben);
    let cai = world.start("Cai");
    pair(&cai, &ana);
    pair(&cai, &ben);
    ana.run(&["people", "Reef", "add", &cai.id(), "--role", "editor"]);
    cai.until("invitation", |view| view["inbox"].as_array()?.first().map(drop));
    cai.run(&["join", "Reef", "--at", text(&over_there), "--take-over"]);
    agree(&[(&ana, &here), (&ben, &there), (&cai, &over_there)]);
    let texts: Vec<String> = tree::look(&there).keys().filter_map(|path| read(&there, path)).collect();
    for (name, number) in ["one", "other"].into_iter().flat_map(|name| (1..=round).map(move |number| (name, number))) {
        assert!(there.join(format!("of the {name} {number}.txt")).exists(), "of the {name} {number}");
    }
    for name in ["one", "other"] {
        assert!(texts.contains(&format!("by the {name}, {round}\n")), "what the {name} wrote last is lost");
    }
    for shoal in [&ana, &ben, &cai] {
        assert!(!stands_still(shoal));
        // The fork is told of, and everything else in the history holds.
        let verified = json(&shoal.try_run(&["verify"]));
        let troubles = verified["folders"][0]["troubles"].as_array().expect("troubles");
        assert!(troubles.iter().all(|trouble| trouble["code"] == "HIST-02"), "{verified}");
    }
}

/// Says in a home that a folder lies elsewhere.
fn lies_at(home: &Path, before: &Path, now: &Path) {
    for entry in fs::read_dir(home.join("config/folders")).expect("records").flatten() {
        if entry.path().extension().is_some_and(|ending| ending != "basis") {
            let record = fs::read_to_string(entry.path()).expect("text");
            let record: String = record.lines().filter(|line| !line.contains("\"check\"")).collect();
            fs::write(entry.path(), record.replace(text(before), text(now))).expect("written");
        }
    }
}

fn stands_still(shoal: &Shoal) -> bool {
    let view = shoal.view();
    let state: &Value = &folder(&view)["state"];
    state["type"] == "stopped" && state["trouble"]["code"] == "PAIR-04"
}
