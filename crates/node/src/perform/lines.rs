//! Frames on their way out: one line per linked device, in order, bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_engine::codec;
use shoal_engine::effect::RecordRange;
use shoal_engine::id::{DeviceId, FolderId};
use shoal_engine::limits::{EXCHANGE_BYTES_MAX, FRAME_BYTES_MAX};
use shoal_engine::message::Message;
use shoal_net::Net;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Hands;

/// Most frames that wait for one device. Whoever takes them more slowly loses the link, and asks for all it lacks
/// when the next one stands.
const FRAMES_WAITING_MAX: usize = 1024;

/// Room in a frame of records for what is not a record: the folder, the flag, and a few bytes per record.
const FRAME_ROOM_BYTES: usize = 64 * 1024;

/// Most answers with records that are read for one device at a time: each holds a few MiB.
const RECORD_ANSWERS_MAX: usize = 2;

/// The lines of a node.
#[derive(Default)]
pub(crate) struct Lines(Mutex<BTreeMap<DeviceId, Line>>);

/// The way out to one linked device.
#[derive(Clone)]
struct Line {
    frames: mpsc::Sender<Vec<u8>>,
    record_answers: Arc<Semaphore>,
    /// Ends it when the link does: what waited must not go out over the next one.
    _end: Arc<DropGuard>,
}

impl Lines {
    /// A link stands: frames go out over it from here on.
    pub(crate) fn open(&self, device: DeviceId, net: &Net, runtime: &tokio::runtime::Handle) {
        let (frames, to_send) = mpsc::channel::<Vec<u8>>(FRAMES_WAITING_MAX);
        let end = CancellationToken::new();
        runtime.spawn(send_all(device, net.clone(), to_send, end.clone()));
        let record_answers = Arc::new(Semaphore::new(RECORD_ANSWERS_MAX));
        self.lock().insert(device, Line { frames, record_answers, _end: Arc::new(end.drop_guard()) });
    }

    /// The link is gone, and what waited for it.
    pub(crate) fn close(&self, device: DeviceId) {
        self.lock().remove(&device);
    }

    /// Queues a frame; `false` if the device takes them too slowly. Without a link the frame is dropped.
    #[must_use]
    fn push(&self, device: DeviceId, frame: Vec<u8>) -> bool {
        match self.line(device).map(|line| line.frames.try_send(frame)) {
            None | Some(Ok(())) | Some(Err(mpsc::error::TrySendError::Closed(_))) => true,
            Some(Err(mpsc::error::TrySendError::Full(_))) => false,
        }
    }

    fn line(&self, device: DeviceId) -> Option<Line> {
        self.lock().get(&device).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DeviceId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send_all(device: DeviceId, net: Net, mut to_send: mpsc::Receiver<Vec<u8>>, end: CancellationToken) {
    let sending = async {
        while let Some(frame) = to_send.recv().await {
            if let Err(error) = net.send(device, frame).await {
                tracing::debug!(%device, %error, "a frame was not sent");
            }
        }
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = sending => {}
    }
}

impl Hands {
    pub(super) fn send(&self, to: DeviceId, frame: Vec<u8>) {
        if !self.lines.push(to, frame) {
            tracing::warn!(device = %to, "takes frames too slowly: the link is closed");
            self.net.disconnect(to);
        }
    }

    /// Reads records and sends them, as many as may be asked for at a time.
    pub(super) fn send_records(self: &Arc<Self>, to: DeviceId, folder: FolderId, ranges: Vec<RecordRange>) {
        let Some(Line { frames: line, record_answers, _end: _ }) = self.lines.line(to) else { return };
        let hands = Arc::clone(self);
        self.runtime.spawn(async move {
            let Ok(_share) = record_answers.acquire().await else { return };
            let store = Arc::clone(&hands.store);
            let read = tokio::task::spawn_blocking(move || read_records(&store, folder, &ranges)).await;
            let Ok((records, has_more)) = read else { return };
            for frame in frames(folder, records, has_more) {
                if line.send(frame).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Reads ranges in order until the bytes of one answer are used up; whether there is more.
fn read_records(store: &shoal_store::Store, folder: FolderId, ranges: &[RecordRange]) -> (Vec<Vec<u8>>, bool) {
    let (mut records, mut left) = (Vec::new(), EXCHANGE_BYTES_MAX);
    for range in ranges {
        if left == 0 {
            return (records, true);
        }
        let read = store.read_range(folder, *range, left).unwrap_or_else(|error| {
            tracing::error!(%folder, %error, "records cannot be read");
            Vec::new()
        });
        let is_whole = read.len() as u64 >= length(range);
        left = left.saturating_sub(read.iter().map(Vec::len).sum());
        records.extend(read);
        if !is_whole {
            return (records, true);
        }
    }
    (records, false)
}

fn length(range: &RecordRange) -> u64 {
    match range {
        RecordRange::Memberships { from, to } | RecordRange::Blocks { from, to, .. } => to.saturating_sub(*from),
    }
}

/// Packs records into frames of bounded size; only the last says whether there is more to ask for.
fn frames(folder: FolderId, records: Vec<Vec<u8>>, has_more: bool) -> Vec<Vec<u8>> {
    let (mut packs, mut pack, mut bytes) = (Vec::new(), Vec::new(), 0);
    for record in records {
        if bytes + record.len() > FRAME_BYTES_MAX - FRAME_ROOM_BYTES && !pack.is_empty() {
            packs.push(std::mem::take(&mut pack));
            bytes = 0;
        }
        bytes += record.len() + RECORD_ROOM_BYTES;
        pack.push(record);
    }
    packs.push(pack);
    let last = packs.len() - 1;
    let message = |(at, records)| Message::Records { folder, records, has_more: has_more && at == last };
    packs.into_iter().enumerate().map(|pack| codec::encode(&message(pack))).collect()
}

/// What a record takes in a frame beside its own bytes.
const RECORD_ROOM_BYTES: usize = 8;
