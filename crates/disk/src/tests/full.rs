//! A disk that is full: the old state stays whole, and things go on once there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use shoal_engine::observe::Code;

use super::*;
use crate::WriteTrouble;

/// A small file system that goes when this is dropped.
struct Small(PathBuf);

impl Small {
    /// `None` where mounting is not allowed.
    fn mount(at: &Path) -> Option<Small> {
        fs::create_dir_all(at).expect("a directory");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(at).status();
        mount.is_ok_and(|status| status.success()).then(|| Small(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn case_76_a_full_disk_refuses_and_keeps_the_old_state() {
    let mut place = Place::new();
    let Some(_small) = Small::mount(&place.temp.path().join("small")) else {
        eprintln!("skipped: mounting is not allowed here");
        return;
    };
    place.root = Root::create(&place.temp.path().join("small/folder"), ROOT_ID).expect("a folder");
    place.write("f", &noise(1, 300_000));
    let hashed = place.hash("f");
    let staged = place.stage(b"small change");
    let filler = place.temp.path().join("small/filler");
    let _ = fs::write(&filler, vec![1; 2 << 20]);
    let (content, manifest) = place.name(&noise(2, 100_000));
    let wrote = place.root.stage().open(content, &manifest).map(|file| file.write_chunk(0, &noise(2, 100_000)));
    assert!(matches!(wrote, Err(Code::DiskFull) | Ok(Err(WriteTrouble::Refused(Code::DiskFull)))), "{wrote:?}");
    let copy = Source::Copy { from: path("f"), print: hashed.print };
    let act = publication(hashed.content, 300_000, copy);
    let change = Change { path: path("copy"), expected: Expected::Absent, act };
    assert_eq!(place.apply_one(change), Outcome::Refused(Code::DiskFull));
    let expected = Expected::File { print: hashed.print, content: hashed.content };
    let replace = Change { path: path("f"), expected, act: publication(staged, 12, Source::Stage) };
    let outcome = place.apply_one(replace.clone());
    if outcome == Outcome::Refused(Code::DiskFull) {
        assert_eq!(place.read("f"), Some(noise(1, 300_000)));
        fs::remove_file(&filler).expect("room");
        done_print(&place.apply_one(replace));
    }
    assert_eq!(place.read("f").as_deref(), Some(&b"small change"[..]));
    assert_eq!(place.kept_bytes(), [noise(1, 300_000)]);
    assert_eq!((place.count("swap"), place.count("journal")), (0, 0));
}
