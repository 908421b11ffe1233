//! Reads the answer to a fetch: manifests and chunks, each checked before anybody hears of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use shoal_engine::chunk::{Manifest, ROOT_BYTES_MAX, pieces_of};
use shoal_engine::event::{Event, FetchEnd, WorkId};
use shoal_engine::id::{ContentId, Scope};
use shoal_engine::message::Chunks;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{NotTaken, SILENCE_MAX, STREAM_BUFFER_BYTES, asked, travels};

/// Most pieces between stream and disk: a bundle of small files keeps the disk's thread busy without waking it for each.
const PIECES_WAITING_MAX: usize = 64;

/// Most KiB of pieces between stream and disk: one largest chunk, or many ordinary ones.
const KIB_WAITING_MAX: usize = 16 * 1024;

/// How long arrived chunks may go untold; the engine's answer to each batch costs more than the wait.
const TELL_AFTER: Duration = Duration::from_millis(50);

/// How many arrived chunks are told at once.
const TELL_CHUNKS_MAX: usize = 64;

/// One item of the request, with its manifest unless that is asked for too.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) content: ContentId,
    pub(crate) chunks: Chunks,
    pub(crate) known: Option<Arc<Manifest>>,
}

/// Where arrived pieces go. Every call may block.
pub(crate) trait Take: Send + 'static {
    /// Remembers a manifest that hashes to its content.
    fn keep_manifest(&mut self, content: ContentId, manifest: &Arc<Manifest>) -> Result<(), NotTaken>;
    /// Checks one chunk and puts it into the stage.
    fn keep_chunk(
        &mut self,
        content: ContentId,
        manifest: &Arc<Manifest>,
        index: u32,
        bytes: &[u8],
    ) -> Result<(), NotTaken>;
    /// Hears of a run of zeros that was asked for: nothing travels, the stage may have to know.
    fn keep_zeros(&mut self, content: ContentId, manifest: &Arc<Manifest>, index: u32) -> Result<(), NotTaken>;
    /// Tells the engine.
    fn tell(&mut self, event: Event);
}

/// What came over the stream.
enum Arrived {
    Manifest { content: ContentId, manifest: Arc<Manifest> },
    Chunk { content: ContentId, manifest: Arc<Manifest>, index: u32, bytes: Vec<u8>, _room: OwnedSemaphorePermit },
    Zeros { content: ContentId, manifest: Arc<Manifest>, index: u32 },
}

/// Reads the whole answer; `take` gets the pieces on a thread of its own. `count` hears of every byte.
pub(crate) async fn run<S, T>(
    stream: S,
    (fetch, scope): (WorkId, Scope),
    items: Vec<Wanted>,
    take: T,
    count: impl Fn(u64),
    stop: &CancellationToken,
) -> FetchEnd
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: Take,
{
    let (arrived, to_keep) = mpsc::channel(PIECES_WAITING_MAX);
    let runtime = Handle::current();
    let keeper = Keeper { fetch, scope, take, untold: BTreeMap::new(), untold_count: 0 };
    let keeping = tokio::task::spawn_blocking(move || keeper.run(to_keep, &runtime));
    let mut reader = Answer { stream: BufReader::with_capacity(STREAM_BUFFER_BYTES, stream), arrived, count };
    let read = tokio::select! {
        read = reader.read_all(items) => read,
        () = stop.cancelled() => Err(FetchEnd::Broken),
    };
    // Whatever arrived is kept and told before the end is.
    drop(reader);
    match keeping.await {
        Ok(Ok(())) => read.err().unwrap_or(FetchEnd::Done),
        Ok(Err(NotTaken::Lied)) => FetchEnd::Lied,
        Ok(Err(NotTaken::Refused(code))) => FetchEnd::Refused(code),
        Err(_) => FetchEnd::Broken,
    }
}

/// The stream's side.
struct Answer<S, C> {
    stream: BufReader<S>,
    arrived: mpsc::Sender<Arrived>,
    count: C,
}

impl<S, C> Answer<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Fn(u64),
{
    async fn read_all(&mut self, items: Vec<Wanted>) -> Result<(), FetchEnd> {
        let room = Arc::new(Semaphore::new(KIB_WAITING_MAX));
        for item in items {
            if self.flag().await? {
                self.read_item(item, &room).await?;
            }
        }
        Ok(())
    }

    async fn read_item(&mut self, item: Wanted, room: &Arc<Semaphore>) -> Result<(), FetchEnd> {
        let Wanted { content, chunks, known } = item;
        let manifest = match known {
            Some(manifest) => manifest,
            None => {
                let manifest = Arc::new(self.read_manifest(content).await?);
                self.pass(Arrived::Manifest { content, manifest: Arc::clone(&manifest) }).await?;
                manifest
            }
        };
        for (index, chunk) in asked(&manifest, &chunks) {
            if !travels(chunk) {
                self.pass(Arrived::Zeros { content, manifest: Arc::clone(&manifest), index }).await?;
                continue;
            }
            if !self.flag().await? {
                return Ok(());
            }
            let kib = u32::try_from(chunk.length.div_ceil(1024)).unwrap_or(u32::MAX).min(KIB_WAITING_MAX as u32);
            let room = Arc::clone(room).acquire_many_owned(kib).await.map_err(|_| FetchEnd::Broken)?;
            let bytes = self.exactly(chunk.length as usize).await?;
            self.pass(Arrived::Chunk { content, manifest: Arc::clone(&manifest), index, bytes, _room: room }).await?;
        }
        Ok(())
    }

    async fn read_manifest(&mut self, content: ContentId) -> Result<Manifest, FetchEnd> {
        let length = self.exactly(4).await?;
        let length = u32::from_le_bytes(length.try_into().map_err(|_| FetchEnd::Lied)?) as usize;
        if length > ROOT_BYTES_MAX {
            return Err(FetchEnd::Lied);
        }
        let root = self.exactly(length).await?;
        if *blake3_of(&root) != content.0 {
            return Err(FetchEnd::Lied);
        }
        let listed = pieces_of(&root).map_err(|_| FetchEnd::Lied)?;
        let mut pieces = Vec::with_capacity(listed.len());
        if !listed.is_empty() {
            // We keep whole manifests, not their pieces: all are asked for.
            let mut lacking = vec![0_u8; listed.len().div_ceil(8)];
            (0..listed.len()).for_each(|at| lacking[at / 8] |= 1 << (at % 8));
            let asked = async {
                self.stream.write_all(&lacking).await?;
                self.stream.flush().await
            };
            timeout(SILENCE_MAX, asked).await.map_err(|_| FetchEnd::Broken)?.map_err(broken)?;
            for piece in &listed {
                pieces.push(self.exactly(piece.length as usize).await?);
            }
        }
        Manifest::decode(&root, &pieces).map_err(|_| FetchEnd::Lied)
    }

    async fn flag(&mut self) -> Result<bool, FetchEnd> {
        match self.exactly(1).await?.as_slice() {
            [1] => Ok(true),
            [0] => Ok(false),
            _ => Err(FetchEnd::Lied),
        }
    }

    /// Reads `length` bytes, whose bound was checked before, as long as some come in time.
    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, FetchEnd> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let lacking = length - bytes.len();
            let mut rest = (&mut bytes).limit(lacking);
            let read = timeout(SILENCE_MAX, self.stream.read_buf(&mut rest));
            match read.await.map_err(|_| FetchEnd::Broken)?.map_err(broken)? {
                0 => return Err(FetchEnd::Broken),
                count => (self.count)(count as u64),
            }
        }
        Ok(bytes)
    }

    async fn pass(&mut self, arrived: Arrived) -> Result<(), FetchEnd> {
        // The keeper closes its end only when it failed; its own reason wins.
        self.arrived.send(arrived).await.map_err(|_| FetchEnd::Broken)
    }
}

fn broken(_: io::Error) -> FetchEnd {
    FetchEnd::Broken
}

fn blake3_of(bytes: &[u8]) -> Box<[u8; 32]> {
    Box::new(*blake3::hash(bytes).as_bytes())
}

/// The disk's side: runs on a blocking thread.
struct Keeper<T> {
    fetch: WorkId,
    scope: Scope,
    take: T,
    untold: BTreeMap<ContentId, Vec<u32>>,
    untold_count: usize,
}

impl<T: Take> Keeper<T> {
    fn run(mut self, mut to_keep: mpsc::Receiver<Arrived>, runtime: &Handle) -> Result<(), NotTaken> {
        let mut tell_at = None;
        let kept = loop {
            match next(&mut to_keep, tell_at, runtime) {
                Next::Arrived(arrived) => {
                    if let Err(refused) = self.keep(arrived) {
                        break Err(refused);
                    }
                }
                Next::Closed => break Ok(()),
                Next::TimeToTell => self.tell(),
            }
            if self.untold_count >= TELL_CHUNKS_MAX {
                self.tell();
            }
            tell_at = match self.untold_count {
                0 => None,
                _ => tell_at.or_else(|| Some(Instant::now() + TELL_AFTER)),
            };
        };
        self.tell();
        kept
    }

    fn keep(&mut self, arrived: Arrived) -> Result<(), NotTaken> {
        let (content, index) = match arrived {
            Arrived::Manifest { content, manifest } => {
                self.take.keep_manifest(content, &manifest)?;
                self.take.tell(Event::ManifestFetched { scope: self.scope, content, manifest });
                return Ok(());
            }
            Arrived::Chunk { content, manifest, index, bytes, _room } => {
                self.take.keep_chunk(content, &manifest, index, &bytes)?;
                (content, index)
            }
            Arrived::Zeros { content, manifest, index } => {
                self.take.keep_zeros(content, &manifest, index)?;
                (content, index)
            }
        };
        self.untold.entry(content).or_default().push(index);
        self.untold_count += 1;
        Ok(())
    }

    fn tell(&mut self) {
        for (content, chunks) in std::mem::take(&mut self.untold) {
            self.take.tell(Event::Fetched { fetch: self.fetch, content, chunks });
        }
        self.untold_count = 0;
    }
}

/// What the keeper waits for.
enum Next {
    Arrived(Arrived),
    Closed,
    TimeToTell,
}

/// Waits on a blocking thread. Only the waiting is a future: what is done with a piece may block.
fn next(to_keep: &mut mpsc::Receiver<Arrived>, tell_at: Option<Instant>, runtime: &Handle) -> Next {
    if let Ok(arrived) = to_keep.try_recv() {
        return Next::Arrived(arrived);
    }
    let next = match tell_at {
        None => Ok(to_keep.blocking_recv()),
        Some(at) => runtime.block_on(async { timeout_at(at, to_keep.recv()).await }),
    };
    match next {
        Ok(Some(arrived)) => Next::Arrived(arrived),
        Ok(None) => Next::Closed,
        Err(_) => Next::TimeToTell,
    }
}
