//! One link per device: greets on control streams, settles on one, carries frames both ways.
//!
//! Two devices may open several control streams to each other at once. The one with the smaller id leads: it
//! alone takes a stream, with one byte, and the other follows. So both always agree, and a link that has begun
//! moves only when its old connection does not answer or the other side has restarted. A move is told as
//! `Disconnected` and `Connected`, because frames may have been lost with the old connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use libp2p::swarm::{ConnectionId, Stream};
use shoal_engine::id::DeviceId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};
use tokio_util::sync::CancellationToken;

use crate::address::{Reach, reach};
use crate::budget::Bucket;
use crate::frame::{self, Broken, Word};
use crate::limits::{
    GOODBYE_WAIT, GREETING_WAIT, PROBE_WAIT, STRANGER_BYTES_BURST, STRANGER_BYTES_PER_SECOND, STRANGER_FRAMES_BURST,
    STRANGER_FRAMES_PER_SECOND, TWIN_TURN, WRITE_GATHER_BYTES,
};
use crate::shared::{Notice, Queue, Queued, Session, Shared};
use crate::streams::RawStream;
use crate::{LinkPath, NetEvent, tell};

/// Opens every control stream: what follows is ours, in this version.
const MAGIC: [u8; 8] = *b"shoal-1\n";
/// The leader's yes.
const TAKEN: u8 = 1;

/// A control stream on which both sides have greeted.
pub(crate) struct Candidate {
    pub(crate) device: DeviceId,
    connection: ConnectionId,
    path: LinkPath,
    instance: [u8; 16],
    stream: Compat<Stream>,
    closed: CancellationToken,
}

/// Greets on a fresh control stream and hands it to the device's task, if the leader takes it.
pub(crate) async fn greet(
    shared: Arc<Shared>,
    device: DeviceId,
    connection: ConnectionId,
    path: LinkPath,
    raw: RawStream,
) {
    let (mut stream, closed) = (raw.stream.compat(), raw.closed);
    let greeted = timeout(GREETING_WAIT, exchange(&mut stream, &shared, &device)).await;
    match greeted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(instance) => shared.offer(Candidate { device, connection, path, instance, stream, closed }),
        Err(error) => {
            tracing::debug!(%device, %connection, %error, "no link came of a control stream");
            // The network task may be gone already.
            let _ = shared.notices.send(Notice::Refused { connection }).await;
        }
    }
}

async fn exchange(stream: &mut Compat<Stream>, shared: &Shared, device: &DeviceId) -> io::Result<[u8; 16]> {
    let mut ours = MAGIC.to_vec();
    ours.extend_from_slice(&shared.instance);
    stream.write_all(&ours).await?;
    stream.flush().await?;
    let mut magic = MAGIC;
    stream.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a greeting of ours"));
    }
    let mut instance = [0; 16];
    stream.read_exact(&mut instance).await?;
    if !leads(shared, device) && stream.read_u8().await? != TAKEN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "neither taken nor refused"));
    }
    Ok(instance)
}

fn leads(shared: &Shared, device: &DeviceId) -> bool {
    shared.me < *device
}

/// Runs the links of one device, one after the other, until no control stream is left.
pub(crate) async fn run(shared: Arc<Shared>, device: DeviceId, mut candidates: mpsc::Receiver<Candidate>) {
    let mut next = None;
    loop {
        let candidate = match next.take() {
            Some(candidate) => candidate,
            None => match shared.next_or_forget(&device, &mut candidates) {
                Some(candidate) => candidate,
                None => return,
            },
        };
        let connection = candidate.connection;
        let end = live(&shared, candidate, &mut candidates).await;
        shared.set_session(&device, None);
        tracing::info!(%device, %connection, reason = %end, "link ended");
        if shared.events.send(NetEvent::Disconnected { device }).await.is_err() {
            return;
        }
        let has_misbehaved = matches!(end, End::Misbehaved(_));
        let close = match end {
            End::Broken(_) => false,
            End::Goodbye | End::Dismissed | End::Misbehaved(_) => true,
            End::Superseded(candidate) => {
                let is_other = candidate.connection != connection;
                next = Some(*candidate);
                is_other
            }
        };
        let _ = shared.notices.send(Notice::Ended { device, connection, close, has_misbehaved }).await;
    }
}

/// Why a link ended.
enum End {
    Broken(String),
    Goodbye,
    Dismissed,
    Misbehaved(String),
    Superseded(Box<Candidate>),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Broken(why) => write!(f, "the stream broke: {why}"),
            End::Goodbye => write!(f, "they said goodbye"),
            End::Dismissed => write!(f, "we said goodbye"),
            End::Misbehaved(what) => write!(f, "they broke the rules: {what}"),
            End::Superseded(candidate) => write!(f, "moved to connection {}", candidate.connection),
        }
    }
}

/// What the three halves of a living link tell each other.
#[derive(Default)]
struct Signals {
    ping: Notify,
    pong: Notify,
    heard: Notify,
    /// The reader waits for the node: silence then says nothing about the peer.
    is_delivering: AtomicBool,
    goodbye: CancellationToken,
}

async fn live(shared: &Arc<Shared>, candidate: Candidate, candidates: &mut mpsc::Receiver<Candidate>) -> End {
    let Candidate { device, connection, path, instance, mut stream, closed } = candidate;
    // An address of ours that cannot be read again would be a bug; it then counts as far away.
    let near = path.remote.parse().map_or(Reach::Public, |remote| reach(&remote));
    if leads(shared, &device) {
        let told = async { stream.write_u8(TAKEN).await.and(stream.flush().await) };
        match timeout(GREETING_WAIT, told).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return End::Broken(error.to_string()),
            Err(_) => return End::Broken("the greeting took too long".into()),
        }
    }
    let signals = Signals::default();
    let (queue, queued) = Queue::new();
    let session = Session { connection, queue: queue.clone(), goodbye: signals.goodbye.clone() };
    shared.set_session(&device, Some(session));
    shared.note_run(&device, instance);
    tracing::info!(%device, %connection, remote = %path.remote, "link begins");
    if shared.events.send(NetEvent::Connected { device, path }).await.is_err() {
        return End::Dismissed;
    }
    shared.set_announced(&device);
    let _ = shared.notices.send(Notice::Started { device, connection }).await;
    let (reader, writer) = tokio::io::split(stream);
    let end = tokio::select! {
        end = read_frames(shared, (device, near), reader, &signals) => end,
        end = write_frames(shared, (device, near), writer, queued, &signals) => end,
        end = arbitrate(shared, connection, device, instance, candidates, &signals) => end,
        end = depart(&signals) => end,
        () = closed.cancelled() => End::Broken("the connection closed".into()),
    };
    queue.close();
    end
}

async fn depart(signals: &Signals) -> End {
    signals.goodbye.cancelled().await;
    tokio::time::sleep(GOODBYE_WAIT).await;
    End::Dismissed
}

async fn read_frames(
    shared: &Shared,
    (device, near): (DeviceId, Reach),
    reader: impl AsyncRead + Unpin,
    signals: &Signals,
) -> End {
    let mut reader = BufReader::with_capacity(WRITE_GATHER_BYTES, reader);
    let mut allowance = Allowance::new();
    loop {
        let word = match frame::read(&mut reader).await {
            Ok(word) => word,
            Err(Broken::Ended) if signals.goodbye.is_cancelled() => return End::Dismissed,
            Err(broken @ Broken::TooLong(_)) => return End::Misbehaved(broken.to_string()),
            Err(broken @ (Broken::Ended | Broken::Io(_))) => return End::Broken(broken.to_string()),
        };
        signals.heard.notify_waiters();
        if !shared.is_paired(&device) && !allowance.spend(&word).await {
            return End::Misbehaved("a flood of frames".into());
        }
        match word {
            Word::Ping => signals.pong.notify_one(),
            Word::Pong => {}
            Word::Goodbye => return End::Goodbye,
            Word::Told(told) => {
                let addresses = tell::decode(&told, near);
                // The network task may be gone already.
                let _ = shared.notices.send(Notice::Told { device, addresses }).await;
            }
            Word::Frame(frame) => {
                signals.is_delivering.store(true, Ordering::Relaxed);
                let delivered = shared.events.send(NetEvent::Frame { device, frame }).await;
                signals.is_delivering.store(false, Ordering::Relaxed);
                if delivered.is_err() {
                    return End::Dismissed;
                }
            }
        }
    }
}

/// What a stranger may send.
struct Allowance {
    frames: Bucket,
    bytes: Bucket,
}

impl Allowance {
    fn new() -> Self {
        let now = Instant::now();
        Allowance {
            frames: Bucket::new(STRANGER_FRAMES_BURST, f64::from(STRANGER_FRAMES_PER_SECOND), now),
            bytes: Bucket::new(STRANGER_BYTES_BURST, f64::from(STRANGER_BYTES_PER_SECOND), now),
        }
    }

    /// Reads more slowly when many bytes come; false when too many words do.
    async fn spend(&mut self, word: &Word) -> bool {
        let bytes = match word {
            Word::Frame(bytes) | Word::Told(bytes) => bytes.len(),
            Word::Ping | Word::Pong | Word::Goodbye => 0,
        };
        let pause = self.bytes.spend(bytes, Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        self.frames.take(Instant::now())
    }
}

async fn write_frames(
    shared: &Shared,
    (device, near): (DeviceId, Reach),
    mut writer: impl AsyncWrite + Unpin,
    mut queued: mpsc::Receiver<Queued>,
    signals: &Signals,
) -> End {
    let mut buffer = Vec::new();
    let (mut listening, mut told) = (shared.listening(), Vec::new());
    loop {
        buffer.clear();
        let is_last = tokio::select! {
            biased;
            () = signals.pong.notified() => { buffer.extend_from_slice(&frame::PONG); false }
            () = signals.ping.notified() => { buffer.extend_from_slice(&frame::PING); false }
            Ok(()) = listening.changed() => {
                let now = tell::tellable(&listening.borrow_and_update(), near);
                match shared.is_paired(&device) {
                    true if now != told => frame::append_told(&mut buffer, &tell::encode(&now)),
                    true => {}
                    false => told.clear(),
                }
                if buffer.is_empty() {
                    continue;
                }
                told = now;
                false
            }
            first = queued.recv() => { gather(&mut buffer, first, &mut queued); false }
            () = signals.goodbye.cancelled() => { buffer.extend_from_slice(&frame::GOODBYE); true }
        };
        if let Err(error) = write_out(&mut writer, &buffer).await {
            return End::Broken(error.to_string());
        }
        buffer.shrink_to(WRITE_GATHER_BYTES);
        if is_last {
            // The other side closes when it has read this; `depart` ends the wait.
            std::future::pending::<()>().await;
        }
    }
}

async fn write_out(writer: &mut (impl AsyncWrite + Unpin), buffer: &[u8]) -> io::Result<()> {
    writer.write_all(buffer).await?;
    writer.flush().await
}

fn gather(buffer: &mut Vec<u8>, first: Option<Queued>, queued: &mut mpsc::Receiver<Queued>) {
    let mut next = first;
    while let Some(Queued { frame, .. }) = next {
        frame::append(buffer, &frame);
        next = if buffer.len() < WRITE_GATHER_BYTES { queued.try_recv().ok() } else { None };
    }
}

/// Decides what becomes of further control streams while this link lives.
async fn arbitrate(
    shared: &Shared,
    connection: ConnectionId,
    device: DeviceId,
    instance: [u8; 16],
    candidates: &mut mpsc::Receiver<Candidate>,
    signals: &Signals,
) -> End {
    let begun = Instant::now();
    loop {
        let Some(candidate) = candidates.recv().await else { return std::future::pending().await };
        // A follower sees only what the leader has taken; another run of theirs leaves the old link dead.
        if candidate.instance != instance && shared.is_twin(&device, candidate.instance) {
            tracing::warn!(%device, "two run with one key: each has the link in turn");
            tokio::time::sleep_until(tokio::time::Instant::from_std(begun) + TWIN_TURN).await;
        }
        if !leads(shared, &device) || candidate.instance != instance {
            return End::Superseded(Box::new(candidate));
        }
        if candidate.connection == connection {
            continue;
        }
        if !answers(signals).await {
            return End::Superseded(Box::new(candidate));
        }
        tracing::debug!(%device, spare = %candidate.connection, "closing a second connection");
        let _ = shared.notices.send(Notice::Close { connection: candidate.connection }).await;
    }
}

/// Asks whether the other side of this link is there.
async fn answers(signals: &Signals) -> bool {
    let heard = signals.heard.notified();
    tokio::pin!(heard);
    heard.as_mut().enable();
    signals.ping.notify_one();
    timeout(PROBE_WAIT, heard).await.is_ok() || signals.is_delivering.load(Ordering::Relaxed)
}
