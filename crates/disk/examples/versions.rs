//! Measures what many versions of a large file take: `cargo run -p shoal-disk --example versions -- DIR [MIB] [VERSIONS]`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use shoal_disk::{Keep, Root};
use shoal_engine::observe::{Act, Change, Expected};
use shoal_engine::path::RelPath;

/// One edit is this part of the file: 256 KiB of 256 MiB.
const EDIT_PART: u64 = 1024;

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().expect("a directory to work in");
    let mut number = |otherwise| args.next().map_or(otherwise, |text| text.parse().expect("a number"));
    let (mib, versions): (u64, u64) = (number(256), number(100));
    let edit = (mib << 20) / EDIT_PART;
    let root = Root::create(Path::new(&dir), [7; 16]).expect("a folder");
    let (path, outside) = (RelPath::parse("file").expect("plain"), Path::new(&dir).with_extension("file"));
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&outside).expect("a file");
    for part in 0..mib {
        file.write_all(&noise(part, 1 << 20)).expect("written");
    }
    let (mut manifests, mut packing) = (HashMap::new(), Duration::ZERO);
    for version in 0..versions {
        let at =
            blake3::hash(&version.to_le_bytes()).as_bytes()[..8].try_into().map(u64::from_le_bytes).expect("eight");
        let at = at % (mib << 20).saturating_sub(edit).max(1);
        file.write_all_at(&noise(1_000_000 + version, edit as usize), at).expect("edited");
        std::fs::copy(&outside, root.dir().join("file")).expect("saved");
        let (hashed, manifest) = root.hash(&path, None).expect("read");
        manifests.insert(hashed.content, std::sync::Arc::new(manifest));
        let expected = Expected::File { print: hashed.print, content: hashed.content };
        root.apply(&[Change { path: path.clone(), expected, act: Act::Remove }], &|_| None);
        let begun = Instant::now();
        let packed = root.pack_kept(&|content| manifests.get(&content).cloned()).expect("packed");
        packing += begun.elapsed();
        assert_eq!(packed, 1, "version {version}");
    }
    let keep = Keep { days: None, bytes: Some(u64::MAX) };
    let begun = Instant::now();
    let kept = root.retain_kept(keep, mib << 20).expect("counted");
    println!(
        "{} versions of {mib} MiB, each with an edit of {} KiB: {:.1} MiB; packing one took {:.2} s, counting all {:.2} s",
        kept.versions,
        edit >> 10,
        kept.bytes as f64 / f64::from(1 << 20),
        packing.as_secs_f64() / versions as f64,
        begun.elapsed().as_secs_f64(),
    );
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
