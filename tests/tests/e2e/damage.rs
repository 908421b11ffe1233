//! What a home remembers is damaged while Shoal is stopped: nothing is lost, removed or brought back by it, and both go
//! on, or one stops and says how to mend it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::harness::acts::{agree, connected, pair, share};
use crate::harness::{Shoal, World, read, tree, write};
use crate::memory::{copy_tree, marked};

/// One way to damage a home.
struct Damage {
    what: &'static str,
    /// Given the home, and how it was in the beginning.
    act: fn(&Path, &Path),
    then: Then,
}

/// What must follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Everything goes on by itself.
    GoesOn,
    /// It does not start, and says how to mend that.
    Refuses,
}

const DAMAGES: &[Damage] = &[
    Damage { what: "the index is removed", act: |home, _| remove(&home.join("data/index")), then: Then::GoesOn },
    Damage {
        what: "the index is empty files",
        act: |home, _| each_below(home, "data/index", |file| cut(file, 0)),
        then: Then::GoesOn,
    },
    Damage {
        what: "the index is cut in half",
        act: |home, _| each_below(home, "data/index", |file| cut(file, length(file) / 2)),
        then: Then::GoesOn,
    },
    Damage { what: "the index is noise", act: |home, _| each_below(home, "data/index", scramble), then: Then::GoesOn },
    Damage {
        what: "the ledger's last record is torn",
        act: |home, _| {
            let file = segment(home);
            cut(&file, length(&file) - 7)
        },
        then: Then::GoesOn,
    },
    Damage {
        what: "the ledger ends in the middle",
        act: |home, _| {
            let file = segment(home);
            cut(&file, length(&file) / 2)
        },
        then: Then::GoesOn,
    },
    Damage {
        what: "the ledger's first record is damaged",
        act: |home, _| flip(&segment(home), 110),
        then: Then::GoesOn,
    },
    Damage {
        what: "a record in the middle of the ledger is damaged",
        act: |home, _| {
            let file = segment(home);
            flip(&file, length(&file) / 2)
        },
        then: Then::GoesOn,
    },
    Damage { what: "the ledger's header is damaged", act: |home, _| flip(&segment(home), 3), then: Then::GoesOn },
    Damage { what: "the ledger is empty", act: |home, _| cut(&segment(home), 0), then: Then::GoesOn },
    Damage { what: "the ledger is removed", act: |home, _| remove(&home.join("data/ledger")), then: Then::GoesOn },
    Damage { what: "all data is removed", act: |home, _| remove(&home.join("data")), then: Then::GoesOn },
    Damage {
        what: "the settings are cut",
        act: |home, _| {
            let file = home.join("config/config.json");
            cut(&file, length(&file) / 2)
        },
        then: Then::GoesOn,
    },
    Damage {
        what: "the settings are empty",
        act: |home, _| cut(&home.join("config/config.json"), 0),
        then: Then::GoesOn,
    },
    Damage {
        what: "the devices are garbage",
        act: |home, _| scramble(&home.join("config/trust.json")),
        then: Then::GoesOn,
    },
    Damage { what: "the folder's record is empty", act: |home, _| cut(&record(home), 0), then: Then::GoesOn },
    Damage {
        what: "the folder's record says another number",
        act: |home, _| change_a_digit(&record(home)),
        then: Then::GoesOn,
    },
    Damage { what: "the index is an old one", act: |home, old| set_back(home, old, "data/index"), then: Then::GoesOn },
    Damage {
        what: "the ledger is an old one",
        act: |home, old| set_back(home, old, "data/ledger"),
        then: Then::GoesOn,
    },
    Damage {
        what: "the settings and records are old ones",
        act: |home, old| set_back(home, old, "config/folders"),
        then: Then::GoesOn,
    },
    Damage { what: "all data are old ones", act: |home, old| set_back(home, old, "data"), then: Then::GoesOn },
    Damage { what: "the key is cut", act: |home, _| cut(&home.join("config/device.key"), 31), then: Then::Refuses },
    Damage {
        what: "the key has one other bit",
        act: |home, _| flip(&home.join("config/device.key"), 16),
        then: Then::Refuses,
    },
    Damage { what: "the key is gone", act: |home, _| remove(&home.join("config/device.key")), then: Then::Refuses },
];

/// Every way to damage a home in the table, one after the other, while both go on writing and removing.
#[test]
fn case_102_whatever_is_damaged_nothing_is_lost_and_nothing_comes_back() {
    let world = World::new();
    let mut two = Two::begin(&world, 0, DAMAGES.len());
    for (number, damage) in DAMAGES.iter().enumerate() {
        println!("{}", damage.what);
        two.round(number, damage.what, damage.then, &damage.act);
    }
}

/// Damage of any kind in any file of a home, by dice: `SHOAL_DAMAGES` says how often, `SHOAL_DICE` from which number on.
#[test]
fn case_102_damage_anywhere_loses_nothing() {
    let number =
        |name: &str, otherwise: usize| std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"));
    let (rounds, first) = (number("SHOAL_DAMAGES", 4), number("SHOAL_DICE", 1));
    let world = World::new();
    let mut two = Two::begin(&world, first, rounds);
    for number in first..first + rounds {
        let mut dice = Dice { seed: number as u64, count: 0 };
        let files = two.files();
        let file = &files[dice.roll(files.len())];
        let key = two.ben.home.join("config/device.key");
        let how = dice.roll(5);
        let what = format!("SHOAL_DICE={number}: {} gets damage of kind {how}", file.display());
        println!("{what}");
        let then = if two.ben.home.join(file) == key { Then::Refuses } else { Then::GoesOn };
        two.round(number, &what, then, &|home, _| dice.clone().damage(&home.join(file), how));
    }
}

/// Chance that is the same in every run.
#[derive(Clone)]
struct Dice {
    seed: u64,
    count: u64,
}

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.count += 1;
        let hash = blake3::hash(&[self.seed.to_le_bytes(), self.count.to_le_bytes()].concat());
        let number = u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight bytes"));
        usize::try_from(number % below.max(1) as u64).expect("below a usize")
    }

    fn damage(mut self, file: &Path, how: usize) {
        let mut bytes = fs::read(file).expect("a file");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        match how {
            0 => return remove(file),
            1 => bytes.truncate(self.roll(used)),
            2 => {
                let (from, count) = (self.roll(used), 1 + self.roll(2_000));
                bytes.iter_mut().skip(from).take(count).for_each(|byte| *byte = 0);
            }
            _ => (0..1 + self.roll(5)).for_each(|_| {
                let at = self.roll(used);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (at % 8));
            }),
        }
        fs::write(file, bytes).expect("damaged");
    }
}

/// Two who share a folder; the second one's home is damaged.
struct Two {
    ana: Shoal,
    ben: Shoal,
    here: PathBuf,
    there: PathBuf,
    /// The second one's home as it was in the beginning.
    old: PathBuf,
}

impl Two {
    /// Shares a folder with a file for each round to come, all of which stand on both sides when the rounds begin.
    fn begin(world: &World, first: usize, rounds: usize) -> Two {
        let (ana, ben) = (world.start("Ana"), world.start("Ben"));
        pair(&ana, &ben);
        let (here, there) = (world.dir("Ana"), world.path("Ben"));
        write(&here, "kept.txt", "kept\n");
        for number in 0..20 {
            write(&here, &format!("many/{number}.txt"), format!("file {number}\n"));
        }
        for number in first..first + rounds {
            write(&here, &format!("removed there {number}.txt"), "removed there\n");
        }
        share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
        let mut two = Two { ana, ben, here, there, old: world.path("old home of Ben") };
        two.agree();
        marked(&two.ana, &two.ben);
        two.ben.quit();
        copy_tree(&two.ben.home, &two.old);
        two.ben.start();
        connected(&two.ana, &two.ben);
        two
    }

    fn agree(&self) {
        agree(&[(&self.ana, &self.here), (&self.ben, &self.there)]);
    }

    /// The files in which the second one remembers, below its home.
    fn files(&self) -> Vec<PathBuf> {
        let parts = ["config", "data", "state"].map(|part| files_below(&self.ben.home.join(part)));
        let files = parts.concat().into_iter().filter(|file| !file.components().any(|part| part.as_os_str() == "logs"));
        files.map(|file| file.strip_prefix(&self.ben.home).expect("below the home").to_owned()).collect()
    }

    /// Stops the second one, damages its home, changes things on both sides, starts it again, and looks.
    fn round(&mut self, number: usize, what: &str, then: Then, act: &dyn Fn(&Path, &Path)) {
        for name in ["edited there", "edited here", "removed here"] {
            write(&self.here, &format!("{name} {number}.txt"), format!("{name}, first\n"));
        }
        self.agree();
        write(&self.there, &format!("of Ben {number}.txt"), "written by Ben\n");
        self.agree();
        self.ben.quit();
        let key = self.ben.home.join("config/device.key");
        let sound = fs::read(&key).expect("a key");
        act(&self.ben.home, &self.old);
        write(&self.here, &format!("edited here {number}.txt"), "edited here, second\n");
        write(&self.here, &format!("new here {number}.txt"), "new here\n");
        fs::remove_file(self.here.join(format!("removed here {number}.txt"))).expect("removed");
        write(&self.there, &format!("edited there {number}.txt"), "edited there, second\n");
        write(&self.there, &format!("new there {number}.txt"), "new there\n");
        fs::remove_file(self.there.join(format!("removed there {number}.txt"))).expect("removed");
        if then == Then::Refuses {
            self.refuses(what);
            fs::write(&key, sound).expect("put back from a backup");
        }
        self.ben.start();
        connected(&self.ana, &self.ben);
        self.agree();
        self.look(number, what);
    }

    /// It does not start, changes nothing, and says what to do.
    fn refuses(&self, what: &str) {
        let key = self.ben.home.join("config/device.key");
        let before = fs::read(&key).ok();
        let output = self.ben.serve_command().stderr(Stdio::piped()).output().expect("it ran");
        assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("device.key") && words.contains("from a backup"), "{what}: {words}");
        assert_eq!(fs::read(&key).ok(), before, "{what}: the key was touched");
    }

    fn look(&self, number: usize, what: &str) {
        for (name, text) in [
            ("edited here", "edited here, second\n"),
            ("new here", "new here\n"),
            ("edited there", "edited there, second\n"),
            ("new there", "new there\n"),
            ("of Ben", "written by Ben\n"),
        ] {
            let found = tree::look(&self.here);
            let is_there = found.keys().filter_map(|path| read(&self.here, path)).any(|found| found == text);
            assert!(is_there, "{what}: {name} {number} is lost: {:?}", found.keys());
            assert!(found.contains_key(&format!("{name} {number}.txt")), "{what}: {name} {number} has no file");
        }
        assert!(!self.here.join(format!("removed here {number}.txt")).exists(), "{what}: a removed file came back");
        let came_back = self.here.join(format!("removed there {number}.txt")).exists();
        assert!(!came_back, "{what}: what was removed while it was damaged came back");
        let others = tree::look(&self.here);
        assert_eq!(others.keys().filter(|path| path.starts_with("many/")).count(), 20, "{what}: a file was removed");
        let verified = self.ben.run(&["verify"]);
        assert_eq!(verified["folders"][0]["ok"], true, "{what}: {verified}");
    }
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("a file").len()
}

/// Puts a part of the home back as it was once.
fn set_back(home: &Path, old: &Path, part: &str) {
    remove(&home.join(part));
    copy_tree(&old.join(part), &home.join(part));
}

fn cut(file: &Path, length: u64) {
    File::options().write(true).open(file).and_then(|file| file.set_len(length)).expect("cut");
}

fn flip(file: &Path, at: u64) {
    let open = File::options().read(true).write(true).open(file).expect("opened");
    let mut byte = [0];
    open.read_exact_at(&mut byte, at).expect("read");
    open.write_all_at(&[byte[0] ^ 0x10], at).expect("written");
}

fn scramble(file: &Path) {
    let bytes = crate::harness::noise(7, usize::try_from(length(file)).expect("small"));
    fs::write(file, bytes).expect("written");
}

fn change_a_digit(file: &Path) {
    let text = fs::read_to_string(file).expect("text");
    let at = text.find("\"mark\"").expect("a mark");
    let number = at + text[at..].rfind(|letter: char| letter.is_ascii_digit()).expect("a number");
    let mut bytes = text.into_bytes();
    bytes[number] ^= 1;
    fs::write(file, bytes).expect("written");
}

fn each_below(home: &Path, dir: &str, act: impl Fn(&Path)) {
    for file in files_below(&home.join(dir)) {
        act(&file);
    }
}

/// Every file below a directory, sorted.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn segment(home: &Path) -> PathBuf {
    files_below(&home.join("data/ledger"))
        .into_iter()
        .find(|file| file.extension().is_some_and(|end| end == "seg"))
        .expect("a segment")
}

fn record(home: &Path) -> PathBuf {
    files_below(&home.join("config/folders"))
        .into_iter()
        .find(|file| file.extension().is_some_and(|end| end == "json"))
        .expect("a record")
}
