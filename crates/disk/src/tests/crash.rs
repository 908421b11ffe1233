//! Killed at every step, or disturbed by a user at every step: no byte is lost, no file is half.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::fail;

const OLD: &[u8] = b"the old content";
const NEW: &[u8] = b"the new content!";
const EDIT: &[u8] = b"what the user wrote meanwhile";

/// One batch with every kind of change that has more than one step.
fn batch(place: &mut Place) -> Vec<Change> {
    for name in ["replaced", "removed", "d/removed", "moved", "touched", "to-directory"] {
        place.write(name, &[OLD, name.as_bytes()].concat());
    }
    std::os::unix::fs::symlink("old", place.at("link")).expect("a link");
    let mut changes = Vec::new();
    for name in ["removed", "d/removed"] {
        changes.push(Change { path: path(name), expected: place.expected(name), act: Act::Remove });
    }
    let expected = place.expected("replaced");
    changes.push(place.publish("replaced", expected, &[NEW, b"replaced"].concat()));
    changes.push(place.publish("new/file", Expected::Absent, &[NEW, b"new/file"].concat()));
    let moved = place.hash("moved");
    let source = Source::Move { from: path("moved"), print: moved.print };
    let act = publication(moved.content, OLD.len() + 5, source);
    changes.push(Change { path: path("moved-here"), expected: Expected::Absent, act });
    let touched = place.expected("touched");
    let act = Act::Touch { executable: true, modified: THEN };
    changes.push(Change { path: path("touched"), expected: touched, act });
    let expected = place.expected("to-directory");
    changes.push(Change { path: path("to-directory"), expected, act: Act::MakeDirectory });
    let expected = Expected::Link { target: "old".to_owned() };
    changes.push(Change { path: path("link"), expected, act: Act::MakeLink { target: "new".to_owned() } });
    changes
}

/// Everything that was there before is at its path or kept, and logged; whatever is new is whole.
fn check(place: &Place, step: u32) {
    let tree = place.tree();
    let everywhere: BTreeSet<Vec<u8>> = tree.iter().map(|(_, bytes)| bytes.clone()).chain(place.kept_bytes()).collect();
    for name in ["replaced", "removed", "d/removed", "moved", "touched", "to-directory"] {
        let bytes = [OLD, name.as_bytes()].concat();
        assert!(everywhere.contains(&bytes), "step {step}: {name} is lost");
        let is_kept = place.kept_bytes().contains(&bytes);
        let is_logged = !place.root.kept(Some(&path(name))).expect("the log").is_empty();
        assert_eq!(is_kept, is_logged, "step {step}: {name} must be logged if it is kept");
    }
    for (name, bytes) in &tree {
        let is_whole = bytes.starts_with(OLD) || *bytes == [NEW, name.as_bytes()].concat();
        assert!(is_whole, "step {step}: {name} is half");
    }
    assert!(tree.len() <= 7, "step {step}: something was put beside: {tree:?}");
    assert_eq!((place.count("swap"), place.count("journal")), (0, 0), "step {step}");
}

fn reopen(place: &mut Place) {
    place.root = Root::open(&place.temp.path().join("folder"), ROOT_ID).expect("our folder");
}

fn killed_at_every_step(has_exchange: bool) {
    for step in 0.. {
        let mut place = Place::new();
        let changes = batch(&mut place);
        if !has_exchange {
            fail::forget_exchange();
        }
        fail::after(step);
        place.apply(&changes);
        let is_killed = fail::disarm();
        // The recovery is killed too, one step later each time, until it gets through.
        for again in 0.. {
            reopen(&mut place);
            if !has_exchange {
                fail::forget_exchange();
            }
            fail::after(again);
            let recovered = place.root.recover();
            let is_killed_again = fail::disarm();
            if recovered.is_ok() && !is_killed_again {
                break;
            }
            assert!(again < 500, "recovery never ends");
        }
        check(&place, step);
        let before = place.tree();
        assert_eq!(place.root.recover().expect("nothing to do"), []);
        assert_eq!(place.tree(), before);
        if !is_killed {
            assert!(step > 20, "only {step} steps");
            return;
        }
    }
}

#[test]
fn case_118_killed_at_every_step_and_again_while_recovering_nothing_is_lost() {
    killed_at_every_step(true);
}

#[test]
fn case_118_and_73_killed_without_exchange_nothing_is_lost() {
    killed_at_every_step(false);
}

#[test]
fn a_batch_that_was_killed_can_be_repeated() {
    for step in 0.. {
        let mut place = Place::new();
        let expected = {
            place.write("a", OLD);
            place.expected("a")
        };
        let change = place.publish("a", expected, NEW);
        fail::after(step);
        place.apply(std::slice::from_ref(&change));
        let is_killed = fail::disarm();
        reopen(&mut place);
        place.root.recover().expect("recovered");
        if place.read("a").as_deref() != Some(NEW) {
            assert_eq!(place.read("a").as_deref(), Some(OLD), "step {step}");
            // A rename sets the changed time, so the engine looks again first.
            let expected = place.expected("a");
            done_print(&place.apply_one(Change { expected, ..change }));
        }
        assert_eq!(place.read("a").as_deref(), Some(NEW));
        assert_eq!(place.kept_bytes(), [OLD]);
        if !is_killed {
            return;
        }
    }
}

/// Lets a user save `name` before every step of a change, and checks that both their bytes and the old ones remain.
fn disturbed(save: fn(&std::path::Path), change_of: fn(&mut Place, Expected) -> Change) {
    for step in 0.. {
        let mut place = Place::new();
        place.write("a", OLD);
        let expected = place.expected("a");
        let change = change_of(&mut place, expected);
        let at = place.at("a");
        fail::at(step, move || save(&at));
        let outcome = place.apply_one(change);
        if !fail::disarm() {
            assert!(step > 5, "only {step} steps");
            return;
        }
        let everywhere: Vec<Vec<u8>> =
            place.tree().into_iter().map(|(_, bytes)| bytes).chain(place.kept_bytes()).collect();
        assert!(everywhere.contains(&EDIT.to_vec()), "step {step}: the edit is lost; {outcome:?}");
        if let Outcome::Displaced { copy, .. } = &outcome {
            assert_eq!(place.read(copy.as_str()).as_deref(), Some(EDIT), "step {step}");
        }
        if let Outcome::Done { print: Some(print) } = outcome {
            let is_edited = place.read("a").as_deref() == Some(EDIT);
            assert!(!is_edited || place.print("a") != print, "step {step}: the edit would not be noticed");
        }
        for kept in place.root.kept(None).expect("the log") {
            let crate::KeptKind::File { content, .. } = kept.kind else { continue };
            let object = fs::read(place.at(".shoal/versions/objects").join(content.to_string())).expect("an object");
            assert_eq!(place.name(&object).0, content, "step {step}: an edit was kept under another content's name");
        }
        assert_eq!((place.count("swap"), place.count("journal")), (0, 0), "step {step}");
    }
}

fn save_in_place(at: &std::path::Path) {
    fs::write(at, EDIT).expect("saved");
}

fn save_by_rename(at: &std::path::Path) {
    let new = at.with_file_name("new-by-editor");
    fs::write(&new, EDIT).expect("written");
    fs::rename(&new, at).expect("renamed");
}

fn publish_change(place: &mut Place, expected: Expected) -> Change {
    place.publish("a", expected, NEW)
}

fn remove_change(_: &mut Place, expected: Expected) -> Change {
    Change { path: path("a"), expected, act: Act::Remove }
}

#[test]
fn case_35_a_save_in_place_before_any_step_of_a_replacement_survives() {
    disturbed(save_in_place, publish_change);
}

#[test]
fn case_35_a_save_by_rename_before_any_step_of_a_replacement_survives() {
    disturbed(save_by_rename, publish_change);
}

#[test]
fn case_40_a_save_in_place_before_any_step_of_a_deletion_survives() {
    disturbed(save_in_place, remove_change);
}

#[test]
fn case_40_a_save_by_rename_before_any_step_of_a_deletion_survives() {
    disturbed(save_by_rename, remove_change);
}
