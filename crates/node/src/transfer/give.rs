//! Writes the answer to somebody's fetch: manifests and chunks, from live files or the stage.

use std::io;
use std::sync::Arc;

use shoal_engine::chunk::Manifest;
use shoal_engine::effect::ServeItem;
use shoal_engine::message::{FetchItem, FetchRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{SILENCE_MAX, STREAM_BUFFER_BYTES, asked, travels};

/// Most buffers between disk and stream: the disk reads on while one is being sent.
const BUFFERS_WAITING_MAX: usize = 4;

/// Where the bytes are. Every call may block.
pub(crate) trait Give: Send + 'static {
    /// The manifest of an item's content, if it is remembered or can be found again.
    fn manifest(&mut self, item: &ServeItem) -> Option<Arc<Manifest>>;
    /// Opens the place of the item that follows; `false` if it is not there any more.
    fn open(&mut self, item: &ServeItem, manifest: &Arc<Manifest>) -> bool;
    /// One chunk of the open item; `None` if it is not there any more.
    fn chunk(&mut self, index: u32) -> Option<Vec<u8>>;
}

/// What the disk's side hands to the stream's side.
enum Out {
    Bytes(Vec<u8>),
    /// Wait for the asker's bitmap of lacking pieces.
    Bitmap {
        bytes: usize,
        answer: oneshot::Sender<Vec<u8>>,
    },
}

/// Answers a request whole. `count` hears of every byte.
pub(crate) async fn run<S, G>(
    mut stream: S,
    request: FetchRequest,
    items: Vec<ServeItem>,
    give: G,
    count: impl Fn(u64),
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    G: Give,
{
    let (out, mut to_send) = mpsc::channel(BUFFERS_WAITING_MAX);
    let feeding = tokio::task::spawn_blocking(move || {
        let mut feeder = Feeder { give, out, buffer: Vec::new() };
        // A closed channel means that the asker is gone: nothing is left to do.
        let _ = feeder.feed(&request.items, &items);
    });
    let sent = send_all(&mut stream, &mut to_send, count).await;
    drop(to_send);
    let fed = feeding.await;
    sent?;
    fed.map_err(io::Error::other)?;
    timeout(SILENCE_MAX, stream.shutdown()).await?
}

async fn send_all<S>(stream: &mut S, to_send: &mut mpsc::Receiver<Out>, count: impl Fn(u64)) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(out) = to_send.recv().await {
        match out {
            Out::Bytes(bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let written = timeout(SILENCE_MAX, stream.write(rest)).await??;
                    if written == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                    count(written as u64);
                    rest = &rest[written..];
                }
            }
            Out::Bitmap { bytes, answer } => {
                timeout(SILENCE_MAX, stream.flush()).await??;
                let mut lacking = vec![0; bytes];
                timeout(SILENCE_MAX, stream.read_exact(&mut lacking)).await??;
                let _ = answer.send(lacking);
            }
        }
    }
    timeout(SILENCE_MAX, stream.flush()).await?
}

/// The asker is gone.
struct Closed;

/// The disk's side: runs on a blocking thread.
struct Feeder<G> {
    give: G,
    out: mpsc::Sender<Out>,
    buffer: Vec<u8>,
}

impl<G: Give> Feeder<G> {
    fn feed(&mut self, asked: &[FetchItem], items: &[ServeItem]) -> Result<(), Closed> {
        for (at, item) in asked.iter().enumerate() {
            let served = items.get(at).filter(|served| served.content == item.content && served.place.is_some());
            let manifest = served.and_then(|served| Some((served, self.give.manifest(served)?)));
            match manifest.filter(|(served, manifest)| self.give.open(served, manifest)) {
                Some((_, manifest)) => self.feed_item(item, &manifest)?,
                None => self.push(&[0])?,
            }
        }
        self.flush()
    }

    fn feed_item(&mut self, item: &FetchItem, manifest: &Arc<Manifest>) -> Result<(), Closed> {
        self.push(&[1])?;
        if item.with_manifest {
            self.feed_manifest(manifest)?;
        }
        for (index, chunk) in asked(manifest, &item.chunks) {
            if !travels(chunk) {
                continue;
            }
            match self.give.chunk(index).filter(|bytes| bytes.len() as u64 == chunk.length) {
                Some(bytes) => {
                    self.push(&[1])?;
                    self.push_owned(bytes)?;
                }
                None => return self.push(&[0]),
            }
        }
        Ok(())
    }

    fn feed_manifest(&mut self, manifest: &Arc<Manifest>) -> Result<(), Closed> {
        let encoded = manifest.encode();
        let length = u32::try_from(encoded.root.len()).unwrap_or(u32::MAX);
        self.push(&length.to_le_bytes())?;
        self.push(&encoded.root)?;
        if encoded.pieces.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let (answer, lacking) = oneshot::channel();
        self.send(Out::Bitmap { bytes: encoded.pieces.len().div_ceil(8), answer })?;
        let lacking = lacking.blocking_recv().map_err(|_| Closed)?;
        let is_lacking = |at: usize| lacking.get(at / 8).is_some_and(|byte| byte & (1 << (at % 8)) != 0);
        for (at, piece) in encoded.pieces.iter().enumerate() {
            if is_lacking(at) {
                self.push(piece)?;
            }
        }
        Ok(())
    }

    /// Collects small things, so that many share one buffer.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= STREAM_BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands on a chunk: a large one as it is, a small one in the shared buffer.
    fn push_owned(&mut self, bytes: Vec<u8>) -> Result<(), Closed> {
        if self.buffer.len() + bytes.len() <= STREAM_BUFFER_BYTES {
            return self.push(&bytes);
        }
        self.flush()?;
        self.send(Out::Bytes(bytes))
    }

    fn flush(&mut self) -> Result<(), Closed> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.buffer);
        self.send(Out::Bytes(bytes))
    }

    fn send(&mut self, out: Out) -> Result<(), Closed> {
        self.out.blocking_send(out).map_err(|_| Closed)
    }
}
