//! What was, and getting back there: the versions of a path, and putting a file, a directory or a folder back.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::harness::acts::{agree, pair, share, text};
use crate::harness::{Shoal, World, json, noise, read, tree, write};

fn versions(shoal: &Shoal, path: &Path) -> Vec<Value> {
    shoal.run(&["history", text(path)])["versions"].as_array().expect("versions").clone()
}

fn id(version: &Value) -> &str {
    version["id"].as_str().expect("an id")
}

/// A file's versions are listed with where their bytes are; each can be put back, also one that only another computer
/// kept, and putting back can be undone.
#[test]
fn each_version_of_a_file_can_be_put_back() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    let both = [(&ana, here.as_path()), (&ben, there.as_path())];
    write(&here, "a.bin", noise(1, 3_000_000));
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&both);
    write(&there, "a.bin", noise(2, 3_000_000));
    agree(&both);
    write(&here, "a.bin", "three\n");
    agree(&both);
    let file = here.join("a.bin");
    let found = versions(&ana, &file);
    let bytes: Vec<&str> = found.iter().map(|one| one["bytes"]["type"].as_str().expect("a word")).collect();
    assert_eq!(bytes, ["stands", "elsewhere", "kept"], "{found:#?}");
    let devices: Vec<&Value> = found.iter().map(|one| &one["device"]).collect();
    assert_eq!(devices, ["Ana", "Ben", "Ana"]);
    ana.run(&["restore", text(&file), "--version", id(&found[1])]);
    agree(&both);
    assert_eq!(fs::read(&file).expect("there"), noise(2, 3_000_000), "it came from Ben, who kept it");
    ana.run(&["restore", text(&file), "--version", id(&found[0])]);
    agree(&both);
    assert_eq!(read(&there, "a.bin").as_deref(), Some("three\n"));
    fs::remove_file(&file).expect("removed");
    agree(&both);
    ana.run(&["restore", text(&file)]);
    agree(&both);
    assert_eq!(read(&there, "a.bin").as_deref(), Some("three\n"), "the last version comes back without being named");
    let output = ana.try_run(&["restore", text(&file), "--version", "00000000"]);
    assert_eq!(json(&output)["code"], "HIST-04");
}

/// A folder goes back to a moment: first said, then done, nothing lost, and undone by another one.
#[test]
fn a_folder_goes_back_to_a_moment_and_forth_again() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    let both = [(&ana, here.as_path()), (&ben, there.as_path())];
    for number in 0..10 {
        write(&here, &format!("docs/{number}.txt"), format!("{number}\n"));
    }
    write(&here, "swap/one", "one\n");
    write(&here, "swap/two", "two\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&both);
    let (before, moment) = (tree::look(&here), now());
    fs::remove_dir_all(there.join("docs")).expect("removed");
    agree(&both);
    fs::rename(there.join("swap/one"), there.join("x")).expect("moved");
    fs::rename(there.join("swap/two"), there.join("swap/one")).expect("moved");
    fs::rename(there.join("x"), there.join("swap/two")).expect("moved");
    for number in 0..25 {
        write(&there, &format!("new/{number}.txt"), format!("new {number}\n"));
    }
    agree(&both);
    let (after, later) = (tree::look(&here), now());
    let said = ana.run(&["restore", text(&here), "--at", &moment, "--dry-run"]);
    assert_eq!((&said["creates"], &said["replaces"], &said["removes"]), (&11.into(), &2.into(), &26.into()), "{said}");
    assert_eq!(tree::look(&here), after, "nothing was changed");
    let refused = ana.try_run(&["restore", text(&here), "--at", &moment]);
    assert_eq!(refused.status.code(), Some(2), "{}", json(&refused));
    assert_eq!(tree::look(&here), after, "nothing was changed");
    let done = ana.run(&["restore", text(&here), "--at", &moment, "--yes"]);
    assert_eq!(done["undone"], 0, "{done}");
    assert_eq!(tree::look(&here), before);
    ben.until("the question", |view| view["folders"][0]["hold"].is_object().then_some(()));
    assert!(ana.view()["folders"][0]["hold"].is_null(), "who said yes is not asked again");
    ben.run(&["held", "Reef", "remove"]);
    agree(&both);
    assert_eq!(tree::look(&there), before);
    ana.run(&["restore", text(&here), "--at", &later, "--yes"]);
    assert_eq!(tree::look(&here), after, "putting back is undone by putting back");
}

/// A program that goes on writing through a handle from before a replacement loses nothing: what it wrote comes back
/// beside the file, for everybody.
#[test]
fn a_late_write_through_an_old_handle_comes_back_for_everybody() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    let both = [(&ana, here.as_path()), (&ben, there.as_path())];
    write(&here, "log.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&both);
    let late = fs::File::options().append(true).open(there.join("log.txt")).expect("a program's handle");
    write(&here, "log.txt", "replaced\n");
    agree(&both);
    std::io::Write::write_all(&mut &late, b"late words\n").expect("written");
    let is_late = |dir: &Path| {
        let copies = tree::look(dir).into_keys().filter(|name| name.starts_with("log ("));
        copies.filter_map(|name| read(dir, &name)).any(|text| text == "first\nlate words\n")
    };
    crate::harness::until("the late words", || (is_late(&there) && is_late(&here)).then_some(()));
    agree(&both);
    assert_eq!(read(&here, "log.txt").as_deref(), Some("replaced\n"));
    let kept = ben.run(&["keep", "Reef", "--days", "forever", "--bytes", "2GB"]);
    assert_eq!(kept["type"], "done");
    let wanted = serde_json::json!({"days": null, "forever": true, "bytes": 2_000_000_000_u64});
    // Shown once it is written down.
    crate::harness::until("what is kept", || (ben.run(&["keep", "Reef"])["kept"]["keep"] == wanted).then_some(()));
}

/// The time as it can be typed, a moment after everything so far.
fn now() -> String {
    std::thread::sleep(Duration::from_millis(1_100));
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let text = format!("{}", Stamp(since.as_secs() - 1));
    std::thread::sleep(Duration::from_millis(1_100));
    text
}

/// Seconds since 1970 as `2026-11-23T14:02:05Z`.
struct Stamp(u64);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = shoal_engine::time::civil((self.0 / 86_400) as i64);
        let second = self.0 % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.999Z")
    }
}
