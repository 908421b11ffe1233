//! Somebody changes directories while we work in them.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn case_60_a_parent_that_becomes_a_link_never_leads_outside() {
    let mut place = Place::new();
    fs::write(place.outside("f"), b"secret").expect("a file");
    place.write("d/f", b"inside");
    let secret = place.name(b"secret").0;
    let (dir, link) = (place.at("d"), place.at("link"));
    symlink(place.temp.path().join("outside"), &link).expect("a link");
    let is_over = Arc::new(AtomicBool::new(false));
    let stop = is_over.clone();
    let racer = std::thread::spawn(move || {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        while !stop.load(Ordering::Relaxed) {
            renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).expect("exchanged");
        }
    });
    let mut seen = 0;
    for _ in 0..10_000 {
        if let Ok((hashed, _)) = place.root.hash(&path("d/f"), None) {
            assert_ne!(hashed.content, secret);
            seen += 1;
        }
        if let Ok(Some(Seen::File { print, .. })) = place.root.look(&path("d/f")) {
            assert_eq!(print.size, 6);
        }
    }
    let mut made = 0;
    for round in 0..300 {
        let name = format!("d/new{round}");
        let publish = place.publish(&name, Expected::Absent, b"inside");
        let act = Act::MakeDirectory;
        let outcomes = place.apply(&[publish, Change { path: path("d/sub"), expected: Expected::Absent, act }]);
        made += usize::from(matches!(outcomes[0], Outcome::Done { .. }));
        if let Ok(Some(Seen::File { print, .. })) = place.root.look(&path(&name)) {
            let expected = Expected::File { print, content: secret };
            place.apply_one(Change { path: path(&name), expected, act: Act::Remove });
        }
    }
    is_over.store(true, Ordering::Relaxed);
    racer.join().expect("a thread");
    assert!(seen > 0 && made > 0, "{seen} seen, {made} made");
    let outside: Vec<_> = fs::read_dir(place.temp.path().join("outside")).expect("a directory").collect();
    assert_eq!(outside.len(), 1);
    assert_eq!(fs::read(place.outside("f")).expect("a file"), b"secret");
}

#[test]
fn i2_whoever_reads_while_a_file_is_replaced_gets_one_content_or_the_other() {
    let mut place = Place::new();
    let (one, two) = (vec![b'1'; 200_000], vec![b'2'; 200_000]);
    place.write("f", &one);
    let at = place.at("f");
    let is_over = Arc::new(AtomicBool::new(false));
    let stop = is_over.clone();
    let reader = std::thread::spawn(move || {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            let bytes = fs::read(&at).expect("the file is always there");
            assert!(bytes.len() == 200_000 && bytes.iter().all(|byte| *byte == bytes[0]));
            count += 1;
        }
        count
    });
    for round in 0..60 {
        let expected = place.expected("f");
        let change = place.publish("f", expected, if round % 2 == 0 { &two } else { &one });
        done_print(&place.apply_one(change));
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(reader.join().expect("a thread") > 0);
}
