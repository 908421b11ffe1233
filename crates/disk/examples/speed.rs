//! Measures walking, hashing and applying, by the clock and by computing time: `cargo run --release -p shoal-disk --example speed`.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use shoal_disk::Root;
use shoal_engine::chunk::{Chunk, Level, Manifest};
use shoal_engine::id::ChunkHash;
use shoal_engine::observe::{Act, Change, Expected, Outcome, Source};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

/// What this thread has computed so far, in seconds: unlike the clock, it does not depend on what else runs.
fn computed() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temp = tempfile::tempdir()?;
    let root = Root::create(&temp.path().join("folder"), [7; 16]).map_err(|error| format!("{error:?}"))?;
    apply(&root, 10_000, 10_000);
    apply(&root, 10_000, 256);
    apply(&root, 20, 1);
    walk(&root, 200_000)?;
    hash(&root, 1 << 30)?;
    Ok(())
}

fn apply(root: &Root, files: u32, batch: usize) {
    let (mut changes, mut staging, mut cpu) = (Vec::new(), Instant::now(), computed());
    for number in 0..files {
        let bytes = format!("{number} of {files} in {batch}, and some more bytes to make it a small file").repeat(20);
        let hash = ChunkHash(*blake3::hash(bytes.as_bytes()).as_bytes());
        let manifest = Manifest { level: Level(0), chunks: vec![Chunk { hash, length: bytes.len() as u64 }] };
        let content = manifest.content_id();
        let staged = root.stage().open(content, &Arc::new(manifest)).expect("a staged file");
        staged.write_chunk(0, bytes.as_bytes()).expect("the right bytes");
        let size = bytes.len() as u64;
        let act = Act::Publish { content, size, executable: false, modified: Timestamp(1), source: Source::Stage };
        let path = RelPath::parse(&format!("{batch}/d{}/f{number}", number / 100)).expect("a plain path");
        changes.push(Change { path, expected: Expected::Absent, act });
    }
    let staged = (staging.elapsed(), computed() - cpu);
    (staging, cpu) = (Instant::now(), computed());
    for changes in changes.chunks(batch) {
        let outcomes = root.apply(changes, &|_| None);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { print: Some(_) })));
    }
    println!(
        "{files} small files in batches of {batch}: staged in {staged:?}, applied in {:?}",
        (staging.elapsed(), computed() - cpu)
    );
}

fn walk(root: &Root, files: u32) -> std::io::Result<()> {
    for number in 0..files {
        let dir = root.dir().join(format!("tree/a{}/b{}", number % 10, number % 1000));
        if number < 1000 {
            fs::create_dir_all(&dir)?;
        }
        fs::write(dir.join(format!("file-{number}.txt")), b"x")?;
    }
    for _ in 0..3 {
        let (begun, mut entries) = (computed(), 0);
        root.walk(None, &mut |_, listed, _| entries += listed.map_or(0, |listed| listed.len()));
        let per_second = f64::from(u32::try_from(entries).unwrap_or(0)) / (computed() - begun);
        println!("walked {entries} entries: {per_second:.0}/s of computing");
    }
    Ok(())
}

fn hash(root: &Root, size: usize) -> std::io::Result<()> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    fs::write(root.dir().join("large"), &bytes)?;
    let path = RelPath::parse("large").expect("a plain path");
    for level in [1, 2, 3] {
        let begun = computed();
        let (_, manifest) = root.hash(&path, Some(Level(level))).expect("a file that keeps still");
        let rate = size as f64 / (computed() - begun) / 1e9;
        println!("hashed {size} bytes at {:?} into {} chunks: {rate:.2} GB/s", manifest.level, manifest.chunks.len());
    }
    Ok(())
}
