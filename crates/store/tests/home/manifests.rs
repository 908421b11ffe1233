//! Manifests, their pieces and the places of chunks.

use std::time::Instant;

use shoal_engine::chunk::{Chunk, Encoded, Level, Manifest, ZEROS};
use shoal_engine::id::{ChunkHash, ContentId};

use super::*;

fn hash(number: u64) -> ChunkHash {
    ChunkHash(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn manifest(chunks: impl IntoIterator<Item = ChunkHash>) -> (ContentId, Encoded) {
    let chunks = chunks.into_iter().map(|hash| Chunk { hash, length: 1000 }).collect();
    let manifest = Manifest { level: Level(1), chunks };
    (manifest.content_id(), manifest.encode())
}

#[test]
fn manifests_and_the_places_of_their_chunks_are_there_again() {
    let home = tempfile::tempdir().expect("a directory");
    let short = manifest([hash(1), ZEROS, hash(2), hash(1)]);
    let single = manifest([hash(1)]);
    let long = manifest((0..9000).map(hash));
    let edited = manifest((0..9000).map(|at| hash(if at == 20 { 77_777 } else { at })));
    let all = [short.clone(), single.clone(), long.clone(), edited.clone()];
    {
        let (store, _) = open(home.path());
        store.save_manifests(&all);
        store.save_manifests(&all);
    }
    let (store, _) = open(home.path());
    for (content, encoded) in &all {
        assert_eq!(store.manifest(*content).as_ref(), Some(encoded));
    }
    assert_eq!(store.manifest(ContentId([4; 32])), None);
    let mut places = store.chunk_places(hash(1));
    places.sort_unstable();
    let mut wanted = vec![(short.0, 0), (long.0, 1), (edited.0, 1)];
    wanted.sort_unstable();
    assert_eq!(places, wanted, "each content once, and files of one chunk are found by their content");
    assert_eq!(store.chunk_places(hash(77_777)), [(edited.0, 20)]);
    assert!(store.chunk_places(ZEROS).is_empty() && store.chunk_places(hash(123_456)).is_empty());
}

#[test]
fn manifests_that_nobody_wants_go_and_shared_pieces_stay() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    let long = manifest((0..9000).map(hash));
    let edited = manifest((0..9000).map(|at| hash(if at == 20 { 77_777 } else { at })));
    store.save_manifests(&[long.clone(), edited.clone()]);
    store.keep_manifests(&|content| content == edited.0);
    assert_eq!(store.manifest(long.0), None);
    assert_eq!(store.manifest(edited.0), Some(edited.1.clone()));
    assert_eq!(store.chunk_places(hash(20)), []);
    assert_eq!(store.chunk_places(hash(8999)), [(edited.0, 8999)]);
    store.save_manifests(std::slice::from_ref(&long));
    assert_eq!(store.manifest(long.0), Some(long.1));
    assert_eq!(store.chunk_places(hash(20)), [(long.0, 20)]);
}

#[test]
fn a_chunk_in_every_file_has_a_bounded_number_of_places() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    let many: Vec<_> = (100..200).map(|at| manifest([hash(1), hash(at)])).collect();
    store.save_manifests(&many);
    assert_eq!(store.chunk_places(hash(1)).len(), 16);
}

#[test]
fn a_hundred_thousand_chunks_take_this_much() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    let empty = store.index_bytes();
    let files: Vec<_> = (0..500).map(|file| manifest((0..200).map(|at| hash(file * 1000 + at)))).collect();
    let begin = Instant::now();
    store.save_manifests(&files);
    store.flush();
    let saved = begin.elapsed();
    let bytes = (store.index_bytes() - empty) / 100_000;
    let begin = Instant::now();
    for file in 0..500 {
        assert_eq!(store.chunk_places(hash(file * 1000 + 7)), [(files[usize::try_from(file).expect("small")].0, 7)]);
    }
    println!(
        "100,000 chunks in 500 files: saved {saved:?}, {bytes} bytes each, a place found in {:?}",
        begin.elapsed() / 500
    );
}

#[test]
fn places_survive_runs_merges_and_restarts() {
    let home = tempfile::tempdir().expect("a directory");
    let file = |at: u64| manifest((0..1000).map(move |chunk| hash(at * 1000 + chunk)));
    let files: Vec<_> = (0..250).map(file).collect();
    for part in files.chunks(50) {
        let (store, _) = open(home.path());
        store.save_manifests(part);
    }
    let find = |store: &Store, at: u64| store.chunk_places(hash(at));
    let place =
        |at: u64| vec![(files[usize::try_from(at / 1000).expect("small")].0, u32::try_from(at % 1000).expect("small"))];
    let (store, _) = open(home.path());
    for at in (0..250_000).step_by(997) {
        assert_eq!(find(&store, at), place(at));
    }
    store.keep_manifests(&|content| content != files[3].0);
    for at in (0..250_000).step_by(997) {
        assert_eq!(find(&store, at), if at / 1000 == 3 { Vec::new() } else { place(at) });
    }
    store.save_manifests(&files[3..4]);
    drop(store);
    let (store, _) = open(home.path());
    for at in (0..250_000).step_by(997) {
        assert_eq!(find(&store, at), place(at));
    }
}

#[test]
fn an_index_that_lost_most_of_its_contents_gives_room_back() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.append(FOLDER, &blocks(0..1)).expect("durable");
    store.remember(FOLDER, &[(path("a"), Some(b"b".to_vec()))]);
    let files: Vec<_> = (0..1000).map(|at| manifest((0..1000).map(move |chunk| hash(at * 1000 + chunk)))).collect();
    store.save_manifests(&files);
    store.flush();
    let before = store.index_bytes();
    store.keep_manifests(&|content| content == files[7].0);
    let after = store.index_bytes();
    println!("{} MB before, {} MB after", before >> 20, after >> 20);
    assert!(after < 10 << 20, "{before} before, {after} after");
    assert_eq!(store.manifest(files[7].0).as_ref(), Some(&files[7].1));
    assert_eq!(store.chunk_places(hash(7005)), [(files[7].0, 5)]);
    drop(store);
    let (store, opened) = open(home.path());
    assert_eq!((opened, only_folder(&store).index.len()), (Opened::default(), 1));
    assert_eq!(store.chunk_places(hash(7005)), [(files[7].0, 5)]);
}
