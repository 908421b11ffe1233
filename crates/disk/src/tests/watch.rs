//! Watching: what is hinted, and what is not.

use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::*;
use crate::{Hint, Watcher};

struct Watched {
    _watcher: Watcher,
    hints: Receiver<Hint>,
}

impl Watched {
    fn start(root: &Root) -> Watched {
        let (sender, hints) = channel();
        let sink = Box::new(move |hint| drop(sender.send(hint)));
        Watched { _watcher: Watcher::start(root, sink).expect("a watcher"), hints }
    }

    /// Waits for a hint at this path; returns whether it was settled, and how long that took.
    fn wait(&self, name: &str, settled: bool) -> Duration {
        let begun = Instant::now();
        let wanted = Hint::Path { path: path(name), is_settled: settled };
        while let Ok(hint) = self.hints.recv_timeout(Duration::from_secs(5)) {
            if hint == wanted {
                return begun.elapsed();
            }
        }
        panic!("no hint at {name}");
    }

    fn rest(&self) -> Vec<Hint> {
        std::iter::from_fn(|| self.hints.recv_timeout(Duration::from_millis(200)).ok()).collect()
    }
}

#[test]
fn case_42_a_save_is_hinted_at_once_when_closed_or_renamed_into_place() {
    let place = Place::new();
    place.write("d/e/a", b"x");
    let watched = Watched::start(&place.root);
    place.write("d/e/a", b"y");
    assert!(watched.wait("d/e/a", true) < Duration::from_millis(500));
    place.write("d/b.tmp", b"y");
    fs::rename(place.at("d/b.tmp"), place.at("d/b")).expect("renamed");
    watched.wait("d/b", true);
    fs::remove_file(place.at("d/b")).expect("removed");
    watched.wait("d/b", false);
}

#[test]
fn reading_and_our_own_directory_are_not_hinted() {
    let mut place = Place::new();
    place.write("a", b"x");
    let watched = Watched::start(&place.root);
    place.hash("a");
    place.stage(b"something staged");
    assert_eq!(watched.rest(), []);
}

#[test]
fn a_directory_made_later_is_watched_too() {
    let place = Place::new();
    let watched = Watched::start(&place.root);
    fs::create_dir_all(place.at("new/deep/er")).expect("directories");
    watched.wait("new", false);
    watched.rest();
    place.write("new/deep/er/f", b"x");
    watched.wait("new/deep/er/f", true);
}

#[test]
fn a_directory_that_was_moved_is_watched_under_its_new_name() {
    let place = Place::new();
    place.write("old/sub/f", b"x");
    let watched = Watched::start(&place.root);
    fs::rename(place.at("old"), place.at("new")).expect("renamed");
    watched.wait("new", false);
    watched.rest();
    place.write("new/sub/f", b"y");
    watched.wait("new/sub/f", true);
    place.write("old/sub/f", b"again");
    watched.wait("old", false);
    watched.rest();
    place.write("old/sub/f", b"and again");
    watched.wait("old/sub/f", true);
}

#[test]
fn a_directory_that_came_from_outside_is_watched() {
    let place = Place::new();
    fs::create_dir_all(place.outside("tree/sub")).expect("directories");
    let watched = Watched::start(&place.root);
    fs::rename(place.outside("tree"), place.at("tree")).expect("renamed");
    watched.wait("tree", false);
    watched.rest();
    place.write("tree/sub/f", b"x");
    watched.wait("tree/sub/f", true);
}

#[test]
fn case_82_lost_hints_are_told() {
    let place = Place::new();
    let watched = Watched::start(&place.root);
    for round in 0..20_000_u32 {
        fs::write(place.at(&format!("f{}", round % 50)), round.to_le_bytes()).expect("written");
    }
    // Either every hint came or the loss is told; the last file must not be forgotten.
    let hints = watched.rest();
    let last = Hint::Path { path: path("f49"), is_settled: true };
    assert!(hints.contains(&Hint::Everything) || hints.contains(&last));
}

#[test]
fn case_85_a_removed_root_is_told() {
    let place = Place::new();
    let watched = Watched::start(&place.root);
    fs::rename(place.root.dir(), place.temp.path().join("away")).expect("renamed");
    assert!(watched.rest().contains(&Hint::Everything));
}

#[test]
#[ignore = "takes a minute"]
fn case_83_a_hundred_thousand_directories_are_watched_or_refused() {
    let place = Place::new();
    for number in 0..100_000_u32 {
        let name = format!("a{}/b{}/c{number}", number % 10, number % 1000);
        fs::create_dir_all(place.at(&name)).expect("a directory");
    }
    let begun = Instant::now();
    match Watcher::start(&place.root, Box::new(|_| ())) {
        Ok(_) | Err(crate::WatchTrouble::Limit) => eprintln!("{:?}", begun.elapsed()),
        Err(crate::WatchTrouble::Refused) => panic!("neither watched nor limited"),
    }
}
