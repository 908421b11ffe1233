//! The two ends of a stream against each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use shoal_engine::chunk::{Chunk, Level, Manifest, ZEROS};
use shoal_engine::effect::{Place, ServeItem};
use shoal_engine::event::{Event, FetchEnd};
use shoal_engine::id::{ChunkHash, ContentId, FolderId, Scope};
use shoal_engine::message::{Chunks, FetchItem, FetchRequest};

use super::NotTaken;
use super::fetch::{self, Take, Wanted};
use super::give::{self, Give};
use tokio_util::sync::CancellationToken;

const SCOPE: Scope = Scope::Folder(FolderId([1; 32]));

#[derive(Clone, Default)]
struct Memory {
    manifests: BTreeMap<ContentId, Arc<Manifest>>,
    chunks: BTreeMap<(ContentId, u32), Vec<u8>>,
    open: Option<ContentId>,
}

impl Memory {
    fn add(&mut self, chunks: &[Vec<u8>]) -> ContentId {
        let name = |bytes: &Vec<u8>| match bytes.iter().all(|byte| *byte == 0) {
            true => Chunk { hash: ZEROS, length: bytes.len() as u64 },
            false => Chunk { hash: ChunkHash(*blake3::hash(bytes).as_bytes()), length: bytes.len() as u64 },
        };
        let manifest = Manifest { level: Level(1), chunks: chunks.iter().map(name).collect() };
        let content = manifest.content_id();
        self.manifests.insert(content, Arc::new(manifest));
        for (index, bytes) in chunks.iter().enumerate() {
            self.chunks.insert((content, index as u32), bytes.clone());
        }
        content
    }
}

impl Give for Memory {
    fn manifest(&mut self, item: &ServeItem) -> Option<Arc<Manifest>> {
        self.manifests.get(&item.content).cloned()
    }
    fn open(&mut self, item: &ServeItem, _: &Arc<Manifest>) -> bool {
        self.open = Some(item.content);
        true
    }
    fn chunk(&mut self, index: u32) -> Option<Vec<u8>> {
        self.chunks.get(&(self.open?, index)).cloned()
    }
}

#[derive(Clone, Default)]
struct Taken {
    memory: Arc<Mutex<Memory>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Take for Taken {
    fn keep_manifest(&mut self, content: ContentId, manifest: &Arc<Manifest>) -> Result<(), NotTaken> {
        self.memory.lock().expect("whole").manifests.insert(content, Arc::clone(manifest));
        Ok(())
    }
    fn keep_chunk(
        &mut self,
        content: ContentId,
        manifest: &Arc<Manifest>,
        index: u32,
        bytes: &[u8],
    ) -> Result<(), NotTaken> {
        if *blake3::hash(bytes).as_bytes() != manifest.chunks[index as usize].hash.0 {
            return Err(NotTaken::Lied);
        }
        self.memory.lock().expect("whole").chunks.insert((content, index), bytes.to_vec());
        Ok(())
    }
    fn keep_zeros(&mut self, content: ContentId, manifest: &Arc<Manifest>, index: u32) -> Result<(), NotTaken> {
        let zeros = vec![0; manifest.chunks[index as usize].length as usize];
        self.memory.lock().expect("whole").chunks.insert((content, index), zeros);
        Ok(())
    }
    fn tell(&mut self, event: Event) {
        self.events.lock().expect("whole").push(event);
    }
}

fn place() -> Option<Place> {
    Some(Place::Stage)
}

async fn carry(from: Memory, wanted: Vec<Wanted>, places: Vec<ServeItem>) -> (FetchEnd, Taken, u64) {
    let item = |wanted: &Wanted| FetchItem {
        content: wanted.content,
        with_manifest: wanted.known.is_none(),
        chunks: wanted.chunks.clone(),
    };
    let request = FetchRequest { scope: SCOPE, items: wanted.iter().map(item).collect() };
    let (here, there) = tokio::io::duplex(10_000);
    let taken = Taken::default();
    let giving = tokio::spawn(give::run(there, request, places, from, |_| ()));
    let counted = Mutex::new(0);
    let end = fetch::run(
        here,
        (7, SCOPE),
        wanted,
        taken.clone(),
        |bytes| *counted.lock().expect("whole") += bytes,
        &CancellationToken::new(),
    )
    .await;
    let _ = giving.await.expect("no panic");
    let counted = *counted.lock().expect("whole");
    (end, taken, counted)
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed) | 1).collect()
}

#[tokio::test]
async fn many_small_files_and_a_large_one_come_whole() {
    let mut from = Memory::default();
    let mut contents: Vec<ContentId> = (0..200).map(|seed| from.add(&[bytes(seed, 10 + seed as usize)])).collect();
    contents.push(from.add(&[]));
    contents.push(from.add(&[bytes(1, 300_000), vec![0; 1 << 20], bytes(2, 700_000)]));
    let wanted =
        contents.iter().map(|content| Wanted { content: *content, chunks: Chunks::All, known: None }).collect();
    let places = contents.iter().map(|content| ServeItem { content: *content, place: place() }).collect();
    let (end, taken, counted) = carry(from.clone(), wanted, places).await;
    assert_eq!(end, FetchEnd::Done);
    let memory = taken.memory.lock().expect("whole");
    assert_eq!(memory.chunks, from.chunks);
    assert_eq!(memory.manifests, from.manifests);
    assert!(counted > 1_000_000 && counted < 1_100_000, "zeros did not travel: {counted}");
    let told = |event: &Event| if let Event::Fetched { chunks, .. } = event { chunks.len() } else { 0 };
    let told: usize = taken.events.lock().expect("whole").iter().map(told).sum();
    assert_eq!(told, 203);
}

#[tokio::test]
async fn a_long_manifest_comes_in_pieces() {
    let mut from = Memory::default();
    let chunks: Vec<Vec<u8>> = (0..9000_u32).map(|at| (at + 1).to_le_bytes().to_vec()).collect();
    let content = from.add(&chunks);
    let wanted = vec![Wanted { content, chunks: Chunks::Ranges(vec![(0, 3), (8999, 5)]), known: None }];
    let (end, taken, _) = carry(from.clone(), wanted, vec![ServeItem { content, place: place() }]).await;
    assert_eq!(end, FetchEnd::Done);
    let memory = taken.memory.lock().expect("whole");
    assert_eq!(memory.manifests, from.manifests);
    assert_eq!(memory.chunks.keys().map(|(_, index)| *index).collect::<Vec<_>>(), [0, 1, 2, 8999]);
}

#[tokio::test]
async fn what_is_gone_is_said_and_the_rest_comes() {
    let mut from = Memory::default();
    let (gone, cut, whole) =
        (from.add(&[bytes(1, 9)]), from.add(&[bytes(2, 9), bytes(3, 9)]), from.add(&[bytes(4, 9)]));
    from.chunks.remove(&(cut, 1));
    let known = |content| from.manifests.get(&content).cloned();
    let wanted = [gone, cut, whole].map(|content| Wanted { content, chunks: Chunks::All, known: known(content) });
    let places = [(gone, None), (cut, place()), (whole, place())].map(|(content, place)| ServeItem { content, place });
    let (end, taken, _) = carry(from.clone(), wanted.to_vec(), places.to_vec()).await;
    assert_eq!(end, FetchEnd::Done);
    let came: Vec<_> = taken.memory.lock().expect("whole").chunks.keys().copied().collect();
    assert_eq!(came, {
        let mut came = vec![(cut, 0), (whole, 0)];
        came.sort();
        came
    });
}

#[tokio::test]
async fn bytes_that_do_not_match_are_a_lie() {
    let mut from = Memory::default();
    let content = from.add(&[bytes(1, 9), bytes(2, 9)]);
    from.chunks.insert((content, 1), bytes(3, 9));
    let wanted = vec![Wanted { content, chunks: Chunks::All, known: None }];
    let (end, taken, _) = carry(from, wanted, vec![ServeItem { content, place: place() }]).await;
    assert_eq!(end, FetchEnd::Lied);
    assert_eq!(taken.memory.lock().expect("whole").chunks.len(), 1);
}

#[tokio::test]
async fn a_stream_that_ends_early_is_broken() {
    let (here, there) = tokio::io::duplex(100);
    drop(there);
    let wanted = vec![Wanted { content: ContentId([1; 32]), chunks: Chunks::All, known: None }];
    assert_eq!(
        fetch::run(here, (7, SCOPE), wanted, Taken::default(), |_| (), &CancellationToken::new()).await,
        FetchEnd::Broken
    );
}
