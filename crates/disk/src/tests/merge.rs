//! Two edits of one text are merged from what is on this disk, and what comes of it is kept.

use std::fs;

use shoal_engine::effect::Texts;

use super::*;

const BASE: &[u8] = b"one\ntwo\nthree\nfour\nfive\n";
const MINE: &[u8] = b"ONE\ntwo\nthree\nfour\nfive\n";
const THEIRS: &[u8] = b"one\ntwo\nthree\nfour\nFIVE\n";

/// A path at which a text stood, was edited here, and then replaced by what another had made of it.
fn conflict(place: &mut Place, name: &str, [base, mine, theirs]: [&[u8]; 3]) -> Texts {
    place.write(name, base);
    let hashed = place.hash(name);
    place.root.keep_bases(&[(path(name), hashed.print, hashed.content)]).expect("kept");
    place.write(name, mine);
    let edited = place.hash(name);
    let expected = place.expected(name);
    let change = place.publish(name, expected, theirs);
    done_print(&place.apply_one(change));
    let winner = place.hash(name).content;
    Texts { base: hashed.content, winner, loser: edited.content }
}

fn merge(place: &Place, name: &str, texts: Texts) -> Option<(ContentId, Manifest)> {
    let manifest_of = |content| place.manifests.get(&content).cloned();
    place.root.merge((&path(name), &place.print(name)), texts, &manifest_of).expect("the disk works")
}

fn kept_bytes(place: &Place, content: ContentId) -> Vec<u8> {
    let reader = place.root.open_kept(content).expect("readable").expect("kept");
    let mut bytes = vec![0; usize::try_from(reader.size()).expect("small")];
    assert_eq!(reader.read_at(0, &mut bytes), Ok(bytes.len()));
    bytes
}

#[test]
fn two_edits_become_one_text_that_is_kept_under_its_own_content() {
    let mut place = Place::new();
    let texts = conflict(&mut place, "d/a.txt", [BASE, MINE, THEIRS]);
    let (content, manifest) = merge(&place, "d/a.txt", texts).expect("no doubt");
    assert_eq!(kept_bytes(&place, content), b"ONE\ntwo\nthree\nfour\nFIVE\n");
    assert_eq!(place.read("d/a.txt").as_deref(), Some(THEIRS), "nothing is published by merging");
    place.write("same", b"ONE\ntwo\nthree\nfour\nFIVE\n");
    assert_eq!((place.hash("same").content, content), (content, manifest.content_id()), "as a file read from the disk");
    assert_eq!(merge(&place, "d/a.txt", texts).map(|(again, _)| again), Some(content), "and once more");
    assert_eq!(kept_bytes(&place, content).len(), 24);
}

#[test]
fn a_long_text_gets_the_manifest_that_reading_it_gives() {
    let mut place = Place::new();
    let line = |number: usize| format!("line {number} {}\n", "x".repeat(60));
    let text = |edits: &[usize]| -> String {
        (0..3000).map(|number| if edits.contains(&number) { "edited\n".to_owned() } else { line(number) }).collect()
    };
    let (base, mine, theirs) = (text(&[]), text(&[5]), text(&[2900]));
    assert!(base.len() as u64 > shoal_engine::limits::WHOLE_FILE_BYTES_MAX);
    let texts = conflict(&mut place, "a", [base.as_bytes(), mine.as_bytes(), theirs.as_bytes()]);
    let (content, _) = merge(&place, "a", texts).expect("no doubt");
    place.write("same", text(&[5, 2900]).as_bytes());
    assert_eq!(place.hash("same").content, content);
}

#[test]
fn nothing_is_merged_from_bytes_that_are_not_what_they_are_named() {
    let mut place = Place::new();
    let texts = conflict(&mut place, "a", [BASE, MINE, THEIRS]);
    let object = place.at(&format!(".shoal/versions/objects/{}", texts.loser));
    let good = fs::read(&object).expect("kept");
    fs::write(&object, b"ONE\ntwo\nthree\nfour\nfiv!\n").expect("rotten");
    assert_eq!(merge(&place, "a", texts), None);
    fs::write(&object, good).expect("mended");
    let base = place.at(&format!(".shoal/bases/{}", texts.base));
    fs::write(&base, b"one\ntwo\nthree\nfour\n\0\0\0\0\n").expect("torn");
    assert_eq!(merge(&place, "a", texts), None);
    assert!(!base.exists(), "what is torn goes, so that a whole copy can take its place");
    let print = place.print("a");
    place.write("a", b"changed by a person meanwhile\n");
    let manifest_of = |content| place.manifests.get(&content).cloned();
    assert_eq!(place.root.merge((&path("a"), &print), texts, &manifest_of), Ok(None));
}

#[test]
fn only_short_texts_are_kept_aside_and_the_oldest_go_first() {
    let mut place = Place::new();
    let count = |place: &Place| fs::read_dir(place.at(".shoal/bases")).map_or(0, Iterator::count);
    for (name, bytes) in [("bytes", &[0_u8; 100][..]), ("long", &[b'x'; 300 << 10]), ("empty", b"")] {
        place.write(name, bytes);
        let hashed = place.hash(name);
        place.root.keep_bases(&[(path(name), hashed.print, hashed.content)]).expect("nothing to do");
    }
    assert_eq!(count(&place), 0);
    for name in ["a", "b"] {
        place.write(name, name.as_bytes());
        let hashed = place.hash(name);
        place.root.keep_bases(&[(path(name), hashed.print, hashed.content)]).expect("kept");
    }
    assert_eq!(count(&place), 2);
    let first = place.hash("a").content;
    let old = place.at(&format!(".shoal/bases/{first}"));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(31 * 24 * 3600);
    fs::File::options().write(true).open(&old).expect("there").set_modified(long_ago).expect("a time");
    place.root.trim_bases().expect("looked");
    assert_eq!(count(&place), 1);
    assert!(!old.exists());
    for number in 0..4_200 {
        fs::write(place.at(&format!(".shoal/bases/{number}")), b"x").expect("written");
    }
    place.root.trim_bases().expect("looked");
    assert_eq!(count(&place), 4_096);
}
