//! What the tasks of the network share: who has a link now, and where news goes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use shoal_engine::id::DeviceId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::NetEvent;
use crate::error::NetError;
use crate::limits::{BULK_IN_MAX, BULK_OUT_MAX, CANDIDATES_MAX, QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX, RUNS_MAX};
use crate::link::Candidate;

/// What links tell the network task.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A link lives on this connection now.
    Started { device: DeviceId, connection: ConnectionId },
    /// The link is gone; the connection may live on.
    Ended { device: DeviceId, connection: ConnectionId, close: bool, has_misbehaved: bool },
    /// The connection is not needed or not wanted.
    Close { connection: ConnectionId },
    /// No link came of a control stream.
    Refused { connection: ConnectionId },
    /// A device told where it listens.
    Told { device: DeviceId, addresses: Vec<Multiaddr> },
}

/// A frame on its way out, with its share of the queue.
pub(crate) struct Queued {
    pub(crate) frame: Vec<u8>,
    pub(crate) _share: OwnedSemaphorePermit,
}

/// The way out of one link, bounded by bytes and by number.
#[derive(Clone)]
pub(crate) struct Queue {
    bytes: Arc<Semaphore>,
    sender: mpsc::Sender<Queued>,
}

impl Queue {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Queued>) {
        let (sender, receiver) = mpsc::channel(QUEUE_FRAMES_MAX);
        (Queue { bytes: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)), sender }, receiver)
    }

    /// Waits for room and queues the frame; false if the link ended.
    pub(crate) async fn push(&self, frame: Vec<u8>) -> bool {
        let Ok(share) = self.bytes.clone().acquire_many_owned(frame.len() as u32).await else { return false };
        self.sender.send(Queued { frame, _share: share }).await.is_ok()
    }

    pub(crate) fn close(&self) {
        self.bytes.close();
    }
}

/// A link that lives.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) queue: Queue,
    pub(crate) goodbye: CancellationToken,
}

struct Entry {
    candidates: mpsc::Sender<Candidate>,
    session: Option<Session>,
    is_announced: bool,
    bulk_in: Arc<Semaphore>,
    bulk_out: Arc<Semaphore>,
}

/// What the tasks of one network share.
pub(crate) struct Shared {
    pub(crate) me: DeviceId,
    /// A random number of this run: it tells a device that restarted from one that dialled twice.
    pub(crate) instance: [u8; 16],
    pub(crate) events: mpsc::Sender<NetEvent>,
    pub(crate) notices: mpsc::Sender<Notice>,
    announced: Notify,
    /// The runs of each device that had a link, the last one last.
    runs: Mutex<HashMap<DeviceId, Vec<[u8; 16]>>>,
    links: Mutex<HashMap<DeviceId, Entry>>,
    paired: RwLock<HashSet<DeviceId>>,
    /// Where we listen, for the links that tell it.
    listening: watch::Sender<Vec<Multiaddr>>,
}

impl Shared {
    pub(crate) fn new(
        me: DeviceId,
        instance: [u8; 16],
        events: mpsc::Sender<NetEvent>,
        notices: mpsc::Sender<Notice>,
    ) -> Self {
        let (links, paired, announced) = (Mutex::default(), RwLock::default(), Notify::new());
        let listening = watch::channel(Vec::new()).0;
        Shared { me, instance, events, notices, announced, runs: Mutex::default(), links, paired, listening }
    }

    /// Says where we listen; every link to a paired device passes it on.
    pub(crate) fn set_listening(&self, listening: Vec<Multiaddr>) {
        self.listening.send_replace(listening);
    }

    /// Somebody may be paired now who was not: links look again whether they have something to tell.
    pub(crate) fn tell_again(&self) {
        self.listening.send_modify(|_| {});
    }

    pub(crate) fn listening(&self) -> watch::Receiver<Vec<Multiaddr>> {
        let mut listening = self.listening.subscribe();
        listening.mark_changed();
        listening
    }

    fn links(&self) -> MutexGuard<'_, HashMap<DeviceId, Entry>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_paired(&self, devices: HashSet<DeviceId>) {
        *self.paired.write().unwrap_or_else(PoisonError::into_inner) = devices;
    }

    pub(crate) fn is_paired(&self, device: &DeviceId) -> bool {
        self.paired.read().unwrap_or_else(PoisonError::into_inner).contains(device)
    }

    /// Notes which run of a device has its link now.
    pub(crate) fn note_run(&self, device: &DeviceId, run: [u8; 16]) {
        // Strangers may come with any number of keys.
        if self.is_paired(device) {
            let mut all = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            let runs = all.entry(*device).or_default();
            runs.retain(|known| *known != run);
            runs.push(run);
            let surplus = runs.len().saturating_sub(RUNS_MAX);
            runs.drain(..surplus);
        }
    }

    /// Whether this run of a device had a link before the one that has it now. A run that ended never comes back: then
    /// two live with one key, because a home was copied.
    pub(crate) fn is_twin(&self, device: &DeviceId, run: [u8; 16]) -> bool {
        let all = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(device).and_then(|runs| runs.split_last()).is_some_and(|(_, before)| before.contains(&run))
    }

    /// The link to a device, if there is one.
    pub(crate) fn session(&self, device: &DeviceId) -> Option<Session> {
        self.links().get(device)?.session.clone()
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.links().values().filter_map(|entry| entry.session.clone()).collect()
    }

    /// Gives a control stream to the task of its device, starting that task if there is none.
    pub(crate) fn offer(self: &Arc<Self>, candidate: Candidate) {
        let device = candidate.device;
        let mut links = self.links();
        let entry = links.entry(device).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(CANDIDATES_MAX);
            tokio::spawn(crate::link::run(self.clone(), device, receiver));
            Entry {
                candidates: sender,
                session: None,
                is_announced: false,
                bulk_in: Arc::new(Semaphore::new(BULK_IN_MAX)),
                bulk_out: Arc::new(Semaphore::new(BULK_OUT_MAX)),
            }
        });
        if entry.candidates.try_send(candidate).is_err() {
            tracing::warn!(%device, "dropped a control stream: too many wait");
        }
    }

    /// Takes the next waiting control stream, or forgets the device's task when there is none.
    pub(crate) fn next_or_forget(
        &self,
        device: &DeviceId,
        candidates: &mut mpsc::Receiver<Candidate>,
    ) -> Option<Candidate> {
        // Under the lock, so that nothing can be offered in between.
        let mut links = self.links();
        let next = candidates.try_recv().ok();
        if next.is_none() {
            links.remove(device);
        }
        next
    }

    pub(crate) fn set_session(&self, device: &DeviceId, session: Option<Session>) {
        if let Some(entry) = self.links().get_mut(device) {
            entry.session = session;
            entry.is_announced = false;
        }
    }

    /// Notes that the node has been told of the link, so that streams may follow.
    pub(crate) fn set_announced(&self, device: &DeviceId) {
        if let Some(entry) = self.links().get_mut(device) {
            entry.is_announced = true;
        }
        self.announced.notify_waiters();
    }

    /// Waits until the node knows of the link, then takes a share of the device's inbound bulk streams.
    pub(crate) async fn bulk_in(&self, device: &DeviceId) -> Option<OwnedSemaphorePermit> {
        loop {
            let announced = self.announced.notified();
            tokio::pin!(announced);
            announced.as_mut().enable();
            if let Some(entry) = self.links().get(device).filter(|entry| entry.is_announced) {
                return entry.bulk_in.clone().try_acquire_owned().ok();
            }
            announced.await;
        }
    }

    /// Waits for a share of the device's outbound bulk streams.
    pub(crate) async fn bulk_out(&self, device: &DeviceId) -> Result<OwnedSemaphorePermit, NetError> {
        let shares = self.links().get(device).map(|entry| entry.bulk_out.clone());
        let shares = shares.ok_or(NetError::NotConnected(*device))?;
        shares.acquire_owned().await.map_err(|_| NetError::NotConnected(*device))
    }
}
