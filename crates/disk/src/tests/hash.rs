//! Reading files whole: what is refused, and that holes do not matter.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

use proptest::prelude::*;
use shoal_engine::chunk::ZEROS;
use shoal_engine::observe::{Code, HashTrouble};

use super::*;

#[test]
fn case_65_the_chunks_of_a_file_add_up_at_every_edge() {
    let mut place = Place::new();
    for size in [0, 1, 131_071, 131_072, 131_073, 196_608, 262_143, 262_144, 262_145, 3_000_000] {
        let bytes = noise(size, usize::try_from(size).expect("a small size"));
        place.write("f", &bytes);
        let (hashed, manifest) = place.root.hash(&path("f"), None).expect("a file that keeps still");
        assert_eq!((manifest.size(), hashed.print.size), (size, size));
        assert_eq!(place.name(&bytes).0, hashed.content);
        let whole = usize::from(size > 0);
        assert!(size > 131_072 || manifest.chunks.len() == whole, "{size}");
    }
}

#[test]
fn contents_keep_their_names_for_ever() {
    let mut place = Place::new();
    let golden = [
        (0, "c54450c10bac4baa42cb2d4f14902b8858384609769e3e7c37d76227f6e1789d"),
        (5, "c0a54428a1f0c94dfcad2c4a7f96d5d69279939bd62740aae117574a16249ac4"),
        (131_072, "cafd6219fb48c36e9a97febeeb047342c720d42d12806c68fd037d3f970b53b7"),
        (131_073, "977cf689607a3877399db10457040de0468027fa411cabb585c03d202d63ee7a"),
        (5_000_000, "6c2512389e5cc8b765934f3b2dd5851b81e9f4758a57e75d32f44da0df3cdbe7"),
    ];
    for (size, id) in golden {
        place.write("f", &noise(1, size));
        assert_eq!(place.hash("f").content.to_string(), id, "{size} bytes");
    }
}

#[test]
fn case_64_a_terabyte_of_hole_costs_nothing() {
    let place = Place::new();
    let file = File::create(place.at("sparse")).expect("a file");
    file.set_len(1 << 40).expect("a hole");
    file.write_all_at(b"island", 1 << 39).expect("an island");
    drop(file);
    let begun = std::time::Instant::now();
    let (hashed, manifest) = place.root.hash(&path("sparse"), None).expect("a file that keeps still");
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!(hashed.print.size, 1 << 40);
    let holes: Vec<u64> =
        manifest.chunks.iter().filter(|chunk| chunk.hash == ZEROS).map(|chunk| chunk.length).collect();
    assert_eq!(holes.len(), 2, "{:?}", manifest.chunks);
    assert!(holes.iter().sum::<u64>() >= (1 << 40) - (4 << 20));
}

#[test]
fn an_edited_file_keeps_its_level() {
    let place = Place::new();
    place.write("f", &noise(1, 65 << 20));
    let level = |before| place.root.hash(&path("f"), before).expect("a file").1.level;
    assert_eq!((level(None), level(Some(Level(1)))), (Level(2), Level(1)));
}

#[test]
fn what_is_no_file_is_gone_and_is_never_opened() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).expect("a directory");
    symlink("/etc/passwd", place.at("link")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, place.at("fifo"), rustix::fs::Mode::RWXU).expect("a fifo");
    for name in ["dir", "link", "link/x", "fifo", "nothing", "nothing/x"] {
        assert_eq!(place.root.hash(&path(name), None).err(), Some(HashTrouble::Gone), "{name}");
    }
}

#[test]
fn case_67_a_file_we_may_not_read_is_refused() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let place = Place::new();
    place.write("f", b"x");
    fs::set_permissions(place.at("f"), fs::Permissions::from_mode(0o000)).expect("permissions");
    assert_eq!(place.root.hash(&path("f"), None).err(), Some(HashTrouble::Refused(Code::NotAllowed)));
    assert!(matches!(place.root.look(&path("f")), Ok(Some(Seen::File { .. }))));
}

#[test]
fn case_43_a_file_that_changes_while_it_is_read_is_not_taken() {
    let place = Place::new();
    place.write("f", &noise(1, 30 << 20));
    let at = place.at("f");
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = is_over.clone();
    let writer = std::thread::spawn(move || {
        let file = File::options().write(true).open(at).expect("a file");
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all_at(b"busy", 12_345).expect("written");
        }
    });
    let result = place.root.hash(&path("f"), None);
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("a thread");
    assert_eq!(result.err(), Some(HashTrouble::Changed));
}

#[test]
fn a_write_just_after_hashing_always_shows() {
    let place = Place::new();
    for round in 0..200_u32 {
        place.write("f", &round.to_le_bytes());
        let (hashed, _) = place.root.hash(&path("f"), None).expect("a file that keeps still");
        place.write("f", &(round + 1).to_le_bytes());
        assert_ne!(place.print("f"), hashed.print, "round {round}");
    }
}

#[test]
fn a_reader_notices_that_its_file_changed() {
    let mut place = Place::new();
    place.write("f", b"first");
    let hashed = place.hash("f");
    let reader = place.root.reader(&path("f"), &hashed.print).expect("a reader");
    let mut buffer = [0; 8];
    assert_eq!((reader.read_at(1, &mut buffer), reader.still_same()), (Ok(4), true));
    place.write("f", b"other");
    assert!(!reader.still_same());
    assert_eq!(place.root.reader(&path("f"), &hashed.print).err(), Some(HashTrouble::Changed));
}

/// Stretches of a file: how long, and whether it is bytes, zeros written, or a hole.
fn stretches() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((1_usize..300_000, 0_u8..3), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_content_does_not_depend_on_holes(stretches in stretches()) {
        let mut place = Place::new();
        let create = |name: &str| File::create(place.at(name)).expect("a file");
        let (dense, sparse) = (create("dense"), create("sparse"));
        let mut offset = 0;
        for (length, kind) in stretches {
            let bytes = if kind == 0 { noise(offset, length) } else { vec![0; length] };
            dense.write_all_at(&bytes, offset).expect("written");
            if kind != 2 {
                sparse.write_all_at(&bytes, offset).expect("written");
            }
            offset += length as u64;
            sparse.set_len(offset).expect("written");
        }
        prop_assert_eq!(place.hash("dense").content, place.hash("sparse").content);
        let bytes = place.read("dense").expect("written");
        prop_assert_eq!(place.name(&bytes).0, place.hash("dense").content);
    }
}
