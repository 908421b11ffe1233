//! Disks that are not like others: without room for names, that ignore case, that refuse, or whose bytes rot. Each is a
//! small file system in a file, mounted for the test; where that is not possible, the test says so and is over.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use crate::harness::acts::{agree, folder, pair, share, text};
use crate::harness::{Shoal, World, read, tree, until, write};

/// A file system in a file, mounted until the end.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// Makes one with a command, or says that the test is skipped.
    fn make(world: &World, bytes: u64, make: &[&str], mount: &[&str]) -> Option<Disk> {
        let disk = Disk { image: world.path("disk image"), at: world.dir("disk") };
        File::create(&disk.image).and_then(|file| file.set_len(bytes)).expect("an image");
        let is_made = is_done(Command::new(make[0]).args(&make[1..]).arg(&disk.image)) && disk.mount(mount);
        if !is_made {
            println!("skipped: {} and mounting it need root, a kernel and programs that can", make[0]);
        }
        is_made.then_some(disk)
    }

    fn mount(&self, mount: &[&str]) -> bool {
        is_done(Command::new(mount[0]).args(&mount[1..]).args([&self.image, &self.at]))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has it open loses it when they end.
        let _ = is_done(Command::new("umount").args(["-l", text(&self.at)]));
        let script = r#"losetup -j "$0" | cut -d: -f1 | xargs -r losetup -d"#;
        let _ = is_done(Command::new("sh").args(["-c", script, text(&self.image)]));
    }
}

fn is_done(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn problem(shoal: &Shoal, path: &str, code: &str) {
    shoal.until("a problem", |view| {
        let all = folder(view)["problems"].as_array()?;
        all.iter().find(|one| one["path"] == path && one["trouble"]["code"] == code).map(drop)
    });
}

/// Two names that differ in case only are one on such a disk: it takes one, lists the other, and overwrites nothing. It
/// has no exchange of names either, and rounds times.
#[test]
fn case_1_and_73_a_disk_that_ignores_case_takes_one_of_two_names_and_lists_the_other() {
    let world = World::new();
    let mount = ["sh", "-c", r#"mount.exfat-fuse "$(losetup -f --show "$0")" "$1""#];
    let Some(disk) = Disk::make(&world, 64 << 20, &["mkfs.exfat"], &mount) else { return };
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), disk.at.join("Ben"));
    write(&here, "plain.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&here, "plain.txt", "second\n");
    write(&there, "of Ben.txt", "written on that disk\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&there, "plain.txt", "third\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&here, "a.txt", "small\n");
    until("the first name", || read(&there, "a.txt"));
    write(&here, "A.txt", "large\n");
    problem(&ben, "A.txt", "NAME-02");
    assert_eq!(read(&there, "a.txt").as_deref(), Some("small\n"), "nothing is overwritten");
    write(&here, "plain.txt", "fourth\n");
    until("what came later", || read(&there, "plain.txt").filter(|text| text == "fourth\n"));
    assert_eq!(read(&here, "a.txt").as_deref(), Some("small\n"));
    assert_eq!(read(&here, "A.txt").as_deref(), Some("large\n"));
    // Directories too: nothing is put into one of another name.
    write(&here, "dir/small.txt", "small\n");
    until("the first directory", || read(&there, "dir/small.txt"));
    write(&here, "DIR/large.txt", "large\n");
    problem(&ben, "DIR/large.txt", "NAME-02");
    write(&here, "plain.txt", "fifth\n");
    until("what came later", || read(&there, "plain.txt").filter(|text| text == "fifth\n"));
    assert!(!there.join("dir/large.txt").exists(), "it would be told as a new file of another directory");
    assert_eq!(read(&here, "dir/small.txt").as_deref(), Some("small\n"));
    assert_eq!(read(&here, "DIR/large.txt").as_deref(), Some("large\n"));
    fs::remove_file(here.join("a.txt")).expect("removed");
    until("the other name", || tree::look(&there).contains_key("A.txt").then_some(()));
    assert_eq!(read(&there, "A.txt").as_deref(), Some("large\n"));
}

const EXT4: (&[&str], &[&str]) = (&["mkfs.ext4", "-q", "-F"], &["mount", "-o", "loop"]);

/// A file that must not be changed is listed, the rest goes on, and it is taken when it may be.
#[test]
fn case_74_an_immutable_file_is_listed_and_replaced_once_it_may_be() {
    let world = World::new();
    let Some(disk) = Disk::make(&world, 64 << 20, EXT4.0, EXT4.1) else { return };
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), disk.at.join("Ben"));
    write(&here, "fixed.txt", "first\n");
    write(&here, "removed.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let both = ["fixed.txt", "removed.txt"].map(|name| there.join(name));
    assert!(is_done(Command::new("chattr").arg("+i").args(&both)), "made immutable");
    write(&here, "fixed.txt", "second\n");
    fs::remove_file(here.join("removed.txt")).expect("removed");
    write(&here, "other.txt", "other\n");
    problem(&ben, "fixed.txt", "FOLD-02");
    problem(&ben, "removed.txt", "FOLD-02");
    until("the rest", || read(&there, "other.txt"));
    assert_eq!(read(&there, "fixed.txt").as_deref(), Some("first\n"));
    assert_eq!(read(&here, "fixed.txt").as_deref(), Some("second\n"), "nobody else is harmed");
    assert!(is_done(Command::new("chattr").arg("-i").args(&both)));
    ben.run(&["rescan", "Reef"]);
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// A disk that has room for bytes but for no more names waits for room, keeps what is there, and goes on.
#[test]
fn case_78_a_disk_without_inodes_waits_for_room_and_goes_on() {
    let world = World::new();
    let at = world.dir("disk");
    let disk = Disk { image: PathBuf::from("shoal-names"), at };
    if !disk.mount(&["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=120"]) {
        println!("skipped: needs to mount a small file system, which only root may do");
        return;
    }
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), disk.at.join("Ben"));
    write(&here, "old.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let in_the_way = disk.at.join("in the way");
    fs::create_dir(&in_the_way).expect("made");
    let filled = (0..200).take_while(|number| File::create(in_the_way.join(number.to_string())).is_ok()).count();
    assert!(filled < 120, "{filled} names");
    write(&here, "old.txt", "second\n");
    for number in 0..10 {
        write(&here, &format!("new {number}.txt"), format!("new {number}\n"));
    }
    ben.until("the folder to say that it waits for room", |view| {
        (folder(view)["state"]["type"] == "no_room").then_some(())
    });
    assert!(read(&there, "old.txt").is_some_and(|text| text == "first\n" || text == "second\n"), "whole");
    assert_eq!(tree::look(&here).len(), 11, "nothing is removed elsewhere");
    fs::remove_dir_all(&in_the_way).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// Without file handles nothing is read, nothing is taken for removed, and it goes on when there are some again.
#[test]
fn case_79_without_file_handles_nothing_is_taken_for_removed() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    for number in 0..300 {
        write(&here, &format!("dir {}/{number}.txt", number % 30), format!("{number}\n"));
    }
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let before = tree::look(&here);
    let open = ben.handles();
    ben.limit_handles(open + 1);
    for number in 0..20 {
        write(&there, &format!("dir {}/{number}.txt", number % 30), format!("{number} again\n"));
    }
    write(&here, "news.txt", "news\n");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let during = tree::look(&here);
    let missing: Vec<&String> = before.keys().filter(|path| !during.contains_key(*path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    ben.limit_handles(1024);
    ben.run(&["rescan", "Reef"]);
    agree(&[(&ana, &here), (&ben, &there)]);
    assert_eq!(read(&here, "dir 7/7.txt").as_deref(), Some("7 again\n"));
    assert_eq!(read(&there, "news.txt").as_deref(), Some("news\n"));
}
