//! Bulk streams: a bounded header, then raw bytes with a sure end.
//!
//! A multiplexed stream reads as ended both when the other side closed it and when the connection broke. So bytes
//! go in records behind a four-byte length, and an empty record is the only true end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead as _, AsyncReadExt, AsyncWrite as _, AsyncWriteExt};
use libp2p::swarm::Stream;
use shoal_engine::id::DeviceId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::NetEvent;
use crate::limits::{BULK_HEADER_BYTES_MAX, BULK_HEADER_WAIT, BULK_RECORD_BYTES_MAX};
use crate::shared::Shared;
use crate::streams::RawStream;

/// Bytes to and from one device.
///
/// Reading ends with an error, not with an end, when the other side did not `shutdown` its half.
pub struct BulkStream {
    device: DeviceId,
    /// Boxed, since it travels inside events.
    stream: Box<Stream>,
    reading: Reading,
    writing: Writing,
    closed: Closed,
    _share: OwnedSemaphorePermit,
}

impl BulkStream {
    /// Says who is on the other side.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    pub(crate) fn new(device: DeviceId, raw: RawStream, share: OwnedSemaphorePermit) -> Self {
        let (stream, closed) = (Box::new(raw.stream), raw.closed);
        let reading = Reading::Head { bytes: [0; 4], got: 0 };
        // One for each half: they may be polled by different tasks.
        let wait = || Box::pin(closed.clone().cancelled_owned());
        let closed = Closed { reading: wait(), writing: wait() };
        BulkStream { device, stream, reading, writing: Writing::default(), closed, _share: share }
    }
}

impl std::fmt::Debug for BulkStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BulkStream({})", self.device)
    }
}

/// Waits for the end of the connection.
struct Closed {
    reading: Pin<Box<WaitForCancellationFutureOwned>>,
    writing: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// Where in the records the reader is.
enum Reading {
    Head { bytes: [u8; 4], got: usize },
    Body { left: usize },
    Ended,
}

/// Where in the records the writer is.
#[derive(Default)]
struct Writing {
    head: [u8; 4],
    head_left: usize,
    body_left: usize,
    is_ending: bool,
}

/// Writes the header of a stream we opened.
pub(crate) async fn send_header(stream: &mut Stream, header: &[u8]) -> io::Result<()> {
    let mut bytes = (header.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(header);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Reads the header of an inbound stream and tells the node of it.
pub(crate) async fn receive(shared: Arc<Shared>, device: DeviceId, mut raw: RawStream) {
    let read = async {
        let share = shared.bulk_in(&device).await;
        let share = share.ok_or_else(|| io::Error::other("too many bulk streams at once"))?;
        Ok::<_, io::Error>((read_header(&mut raw.stream).await?, share))
    };
    match timeout(BULK_HEADER_WAIT, read).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok((header, share)) => {
            let stream = BulkStream::new(device, raw, share);
            // The node may be gone; the stream then closes by being dropped.
            let _ = shared.events.send(NetEvent::Bulk { device, header, stream }).await;
        }
        Err(error) => tracing::debug!(%device, %error, "dropped a bulk stream"),
    }
}

async fn read_header(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let claimed = u32::from_be_bytes(head) as usize;
    if claimed > BULK_HEADER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the header is too long"));
    }
    let mut header = vec![0; claimed];
    stream.read_exact(&mut header).await?;
    Ok(header)
}

impl BulkStream {
    /// Reads what there is; zero bytes mean that the stream ended without an end.
    fn poll_stream(
        stream: &mut Stream,
        closed: &mut Closed,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(stream).poll_read(cx, room) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(cut_off())),
            Poll::Pending if closed.reading.as_mut().poll(cx).is_ready() => Poll::Ready(Err(cut_off())),
            read @ (Poll::Ready(_) | Poll::Pending) => read,
        }
    }
}

impl AsyncRead for BulkStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match &mut this.reading {
                Reading::Ended => return Poll::Ready(Ok(())),
                Reading::Body { left } => {
                    let room = buf.initialize_unfilled_to((*left).min(buf.remaining()));
                    let read = ready!(Self::poll_stream(&mut this.stream, &mut this.closed, cx, room))?;
                    buf.advance(read);
                    *left -= read;
                    if *left == 0 {
                        this.reading = Reading::Head { bytes: [0; 4], got: 0 };
                    }
                    return Poll::Ready(Ok(()));
                }
                Reading::Head { bytes, got } => {
                    let room = &mut bytes[*got..];
                    *got += ready!(Self::poll_stream(&mut this.stream, &mut this.closed, cx, room))?;
                    if *got == bytes.len() {
                        this.reading = after_head(*bytes)?;
                    }
                }
            }
        }
    }
}

fn after_head(head: [u8; 4]) -> io::Result<Reading> {
    match u32::from_be_bytes(head) as usize {
        0 => Ok(Reading::Ended),
        left if left <= BULK_RECORD_BYTES_MAX => Ok(Reading::Body { left }),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a record is too long")),
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the bulk stream was cut off")
}

impl BulkStream {
    fn begin_record(&mut self, bytes: usize) {
        self.writing.head = (bytes as u32).to_be_bytes();
        self.writing.head_left = 4;
        self.writing.body_left = bytes;
    }

    fn poll_out(
        stream: &mut Stream,
        closed: &mut Closed,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Pending if closed.writing.as_mut().poll(cx).is_ready() => Poll::Ready(Err(cut_off())),
            written @ (Poll::Ready(_) | Poll::Pending) => written,
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.writing.head_left > 0 {
            let rest = &self.writing.head[4 - self.writing.head_left..];
            self.writing.head_left -= ready!(Self::poll_out(&mut self.stream, &mut self.closed, cx, rest))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BulkStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.writing.is_ending {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.writing.body_left == 0 {
            this.begin_record(buf.len().min(BULK_RECORD_BYTES_MAX));
        }
        ready!(this.poll_head(cx))?;
        let part = &buf[..buf.len().min(this.writing.body_left)];
        let written = ready!(Self::poll_out(&mut this.stream, &mut this.closed, cx, part))?;
        this.writing.body_left -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.as_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.writing.is_ending {
            if this.writing.body_left > 0 {
                // Bytes were announced and given up half way: this must not look like an end.
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, "a write was left unfinished")));
            }
            this.begin_record(0);
            this.writing.is_ending = true;
        }
        ready!(this.poll_head(cx))?;
        Pin::new(this.stream.as_mut()).poll_close(cx)
    }
}
