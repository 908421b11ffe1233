//! Staging: chunks are checked, and what is there is found again.

use std::fs;

use super::*;
use crate::WriteTrouble;

fn chunks_of(manifest: &Manifest, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut take = |length: u64| {
        let (chunk, after) = rest.split_at(usize::try_from(length).expect("a small chunk"));
        rest = after;
        chunk.to_vec()
    };
    manifest.chunks.iter().map(|chunk| take(chunk.length)).collect()
}

#[test]
fn case_112_bytes_that_are_not_the_chunk_are_not_written() {
    let mut place = Place::new();
    let bytes = noise(1, 300_000);
    let (content, manifest) = place.name(&bytes);
    let staged = place.root.stage().open(content, &manifest).expect("a staged file");
    let mut wrong = chunks_of(&manifest, &bytes)[0].clone();
    wrong[7] ^= 1;
    assert_eq!(staged.write_chunk(0, &wrong), Err(WriteTrouble::Mismatch));
    assert_eq!(staged.write_chunk(0, b"short"), Err(WriteTrouble::Mismatch));
    assert_eq!(staged.write_chunk(99, b""), Err(WriteTrouble::Mismatch));
    assert_eq!(place.root.stage().read_chunk(content, 0), Ok(None));
    assert!(staged.have().iter().all(|have| !have));
}

#[test]
fn what_was_staged_before_a_restart_is_found_and_what_was_damaged_is_not() {
    let mut place = Place::new();
    let bytes = noise(2, 1_000_000);
    let (content, manifest) = place.name(&bytes);
    let chunks = chunks_of(&manifest, &bytes);
    let staged = place.root.stage().open(content, &manifest).expect("a staged file");
    for index in [0, 2, 3] {
        staged.write_chunk(index, &chunks[index as usize]).expect("the right bytes");
    }
    assert_eq!(place.root.stage().read_chunk(content, 2), Ok(Some(chunks[2].clone())));
    assert_eq!(place.root.stage().read_chunk(content, 1), Ok(None));
    let file = place.at(".shoal/stage").join(content.to_string());
    let mut on_disk = fs::read(&file).expect("the staged file");
    on_disk[5] ^= 1;
    fs::write(&file, on_disk).expect("damaged");
    let again = Root::open(place.root.dir(), ROOT_ID).expect("our folder");
    let have = again.stage().open(content, &manifest).expect("a staged file").have();
    let found: Vec<usize> = have.iter().enumerate().filter(|(_, have)| **have).map(|(index, _)| index).collect();
    assert_eq!(found, [2, 3]);
}

#[test]
fn a_staged_file_of_the_wrong_length_is_begun_anew() {
    let mut place = Place::new();
    let bytes = noise(3, 10);
    let (content, manifest) = place.name(&bytes);
    fs::write(place.at(".shoal/stage").join(content.to_string()), noise(3, 11)).expect("written");
    let staged = place.root.stage().open(content, &manifest).expect("a staged file");
    assert_eq!(staged.have(), [false]);
    staged.write_chunk(0, &bytes).expect("the right bytes");
    assert!(staged.is_complete());
}

#[test]
fn runs_of_zeros_need_not_be_fetched() {
    let mut place = Place::new();
    let mut bytes = noise(4, 1_000_000);
    bytes[131_072..900_000].fill(0);
    let (content, manifest) = place.name(&bytes);
    let staged = place.root.stage().open(content, &manifest).expect("a staged file");
    let missing: u64 =
        manifest.chunks.iter().zip(staged.have()).filter(|(_, have)| !have).map(|(chunk, _)| chunk.length).sum();
    assert!(missing < 300_000, "{missing}");
    for (index, (chunk, have)) in chunks_of(&manifest, &bytes).iter().zip(staged.have()).enumerate() {
        if !have {
            staged.write_chunk(index as u32, chunk).expect("the right bytes");
        }
    }
    assert_eq!(fs::read(place.at(".shoal/stage").join(content.to_string())).expect("a file"), bytes);
    let act = publication(content, bytes.len(), Source::Stage);
    done_print(&place.apply_one(Change { path: path("f"), expected: Expected::Absent, act }));
    use std::os::unix::fs::MetadataExt;
    assert!(fs::metadata(place.at("f")).expect("a file").blocks() * 512 < 400_000, "holes stay holes");
}

#[test]
fn chunks_in_common_come_from_a_file_that_is_near() {
    let mut place = Place::new();
    let before = noise(5, 2_000_000);
    place.write("f", &before);
    let hashed = place.hash("f");
    let near = place.manifests[&hashed.content].clone();
    let mut after = before.clone();
    after.splice(500_000..500_000, *b"an insertion");
    let (content, manifest) = place.name(&after);
    let staged = place.root.stage().open(content, &manifest).expect("a staged file");
    let reader = place.root.reader(&path("f"), &hashed.print).expect("a reader");
    let filled = staged.fill_from(&reader, &near);
    let missing = staged.have().iter().filter(|have| !**have).count();
    assert!(missing <= 2 && filled + missing == manifest.chunks.len(), "{filled} filled, {missing} missing");
}

#[test]
fn a_sweep_throws_away_what_nobody_wants() {
    let mut place = Place::new();
    let (keep, _) = (place.stage(b"keep"), place.stage(b"drop"));
    fs::write(place.at(".shoal/stage/rubbish"), b"x").expect("written");
    assert_eq!(place.root.stage().sweep(&|content| content == keep), 2);
    assert_eq!(place.count("stage"), 1);
    place.root.stage().remove(keep);
    assert_eq!(place.count("stage"), 0);
}
