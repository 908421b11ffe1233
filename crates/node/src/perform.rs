//! Begins what the engine wants done: on the disk, in the memory, over the network. Nothing here waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shoal_engine::effect::Effect;
use shoal_engine::event::{Event, WorkId};
use shoal_engine::id::{DeviceId, FolderId, Scope};
use shoal_engine::saved::TrustRecord;
use shoal_engine::time::Timestamp;
use shoal_net::Net;
use shoal_store::{Settings, Store};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::contacts::Contacts;
use crate::home::Home;
use crate::notices::Notices;
use crate::offers::Offers;
use crate::places::PlacesSeen;
use crate::progress::Works;
use crate::transfer::meter::Counters;
use crate::view::{ErrorCode, Trouble};
use crate::worker::{Crowd, Worker};

mod bench;
mod bytes;
pub(crate) mod files;
mod ground;
mod hints;
mod lines;
mod memory;
mod merge;
mod tend;

pub(crate) use bench::Benches;
pub(crate) use lines::Lines;

/// What our own threads tell the loop. It always takes these, so that no thread waits for it for long.
#[derive(Debug)]
pub(crate) enum Turn {
    /// An answer for the engine.
    Event(Event),
    /// What had to be durable is: the next effect may begin.
    Durable,
}

/// Everything that effects are done with.
pub(crate) struct Hands {
    pub(crate) clock: Arc<Clock>,
    pub(crate) store: Arc<Store>,
    pub(crate) net: Net,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) counters: Counters,
    pub(crate) offers: Offers,
    pub(crate) pauses: Pauses,
    pub(crate) crowd: Crowd,
    pub(crate) memory: Worker,
    pub(crate) benches: Benches,
    pub(crate) lines: Lines,
    pub(crate) turns: mpsc::Sender<Turn>,
    pub(crate) outside: mpsc::Sender<Event>,
    pub(crate) me: DeviceId,
    pub(crate) home: Home,
    pub(crate) suggested: Suggested,
    pub(crate) contacts: Contacts,
    /// Something that is shown changed; the loop draws anew.
    pub(crate) changes: Notify,
    pub(crate) state: State,
}

/// What is used where the user set nothing.
#[derive(Clone, Debug)]
pub(crate) struct Suggested {
    pub(crate) name: String,
    /// Where received files go.
    pub(crate) downloads: PathBuf,
    /// Where folders of others go.
    pub(crate) shared: PathBuf,
}

/// Where a folder is, and the marker that proves it.
#[derive(Clone, Debug)]
pub(crate) struct FolderRoot {
    pub(crate) folder: FolderId,
    pub(crate) place: PathBuf,
    pub(crate) root_id: [u8; 16],
}

/// What changes while effects are done.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) places_seen: PlacesSeen,
    pub(crate) notices: Notices,
    pub(crate) works: Works,
    pub(crate) refusals: memory::Refusals,
    settings: Mutex<Settings>,
    used: Mutex<BTreeMap<DeviceId, Timestamp>>,
    asks: Mutex<BTreeMap<WorkId, bytes::Ask>>,
    asked: AtomicU64,
    fetches: Mutex<BTreeMap<WorkId, (Scope, CancellationToken)>>,
    places: Mutex<BTreeMap<FolderId, (PathBuf, [u8; 16])>>,
    trusted: Mutex<BTreeMap<DeviceId, TrustRecord>>,
    unwatched: Mutex<BTreeSet<FolderId>>,
    tending: tend::Tending,
}

impl std::ops::Deref for Hands {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Hands {
    /// Begins one effect; `true` if the next one must wait for `Turn::Durable`.
    pub(crate) fn perform(self: &Arc<Self>, effect: Effect) -> bool {
        match effect {
            Effect::Send { to, frame } => self.send(to, frame),
            Effect::Disconnect { device, reason } => {
                tracing::info!(%device, reason, "closing the link");
                self.net.disconnect(device);
            }
            Effect::SendRecords { to, folder, records } => self.send_records(to, folder, records),
            Effect::Fetch { fetch, from, request } => self.fetch(fetch, from, request),
            Effect::CancelFetch { fetch } => self.cancel_fetch(fetch),
            Effect::Serve { ask, scope, items } => self.serve(ask, scope, items),
            Effect::Refuse { ask } => self.refuse(ask),
            Effect::OpenRoot { folder } => self.open_root(folder),
            Effect::NoteWitness { folder, witness } => self.note_witness(folder, witness),
            Effect::CloseRoot { folder } => drop(self.benches.take_down(Scope::Folder(folder))),
            Effect::Look { folder, work, paths } => self.look(folder, work, paths),
            Effect::Walk { folder, work, dir } => self.walk(folder, work, dir),
            Effect::Hash { scope, work, files } => self.hash(scope, work, files),
            Effect::Prepare { scope, content, near } => self.prepare(scope, content, near),
            Effect::Apply { scope, work, changes } => self.apply(scope, work, changes),
            Effect::Merge { folder, work, path, print, texts } => self.merge(folder, work, path, print, texts),
            Effect::Unstage { scope, content } => self.unstage(scope, content),
            Effect::Reload { folder } => self.reload(folder),
            Effect::Remember { folder, paths } => self.remember(folder, paths),
            Effect::Tell(tell) => tracing::info!(?tell, "told"),
            durable @ (Effect::Append { .. }
            | Effect::ForgetDisk { .. }
            | Effect::SaveTrust(_)
            | Effect::DropTrust(_)
            | Effect::SaveFolder(_)
            | Effect::DropFolder(_)
            | Effect::SaveOffer(_)
            | Effect::DropOffer(_)) => {
                self.perform_durably(durable);
                return true;
            }
        }
        false
    }

    fn perform_durably(self: &Arc<Self>, effect: Effect) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "the caller gives only these")]
        match effect {
            Effect::Append { folder, work, records } => self.append(folder, work, records),
            Effect::ForgetDisk { folder } => {
                self.durably("forget a directory", move |store| store.forget_disk(folder));
            }
            Effect::SaveTrust(record) => {
                let saved = record.clone();
                self.trust(move |trusted| _ = trusted.insert(record.device, record));
                self.durably("remember a device", move |store| store.save_trust(&saved));
            }
            Effect::DropTrust(device) => {
                self.trust(|trusted| _ = trusted.remove(&device));
                self.durably("forget a device", move |store| store.drop_trust(device));
            }
            Effect::SaveFolder(record) => {
                self.place_folder(&record);
                self.durably("remember a folder", move |store| store.save_folder(&record));
            }
            Effect::DropFolder(folder) => {
                self.state.refusals.forget(folder);
                self.unmark(folder);
                self.unplace_folder(folder);
                self.benches.forget(Scope::Folder(folder));
                self.counters.forget(Scope::Folder(folder));
                self.durably("forget a folder", move |store| store.drop_folder(folder));
            }
            Effect::SaveOffer(record) => {
                if record.is_over {
                    self.close_offer(Scope::Offer(record.offer));
                }
                self.durably("remember an offer", move |store| store.save_offer(&record));
            }
            Effect::DropOffer(offer) => {
                let scope = Scope::Offer(offer);
                self.close_offer(scope);
                self.benches.forget(scope);
                self.counters.forget(scope);
                self.pauses.set(scope, false);
                let hands = Arc::clone(self);
                self.durably("forget an offer", move |store| {
                    hands.offers.forget(offer);
                    store.drop_offer(offer)
                });
            }
            // Waiting for nothing: the loop must not wait for itself.
            _ => self.durably("do nothing", |_| Ok(())),
        }
    }

    /// Tells the loop something, from one of our own threads.
    pub(crate) fn turn(&self, turn: Turn) {
        // A loop that is gone needs no answers.
        let _ = self.turns.blocking_send(turn);
    }

    /// Answers the engine, from one of our own threads.
    pub(crate) fn answer(&self, event: Event) {
        self.turn(Turn::Event(event));
    }

    /// Answers the engine from a task.
    pub(crate) async fn answer_async(&self, event: Event) {
        let _ = self.turns.send(Turn::Event(event)).await;
    }

    /// Answers the engine from the loop itself, which must not wait for itself.
    fn answer_soon(self: &Arc<Self>, event: Event) {
        let hands = Arc::clone(self);
        self.runtime.spawn(async move { hands.answer_async(event).await });
    }

    /// Something happened outside.
    pub(crate) async fn happened(&self, event: Event) {
        // If the loop is gone, so is everything else.
        let _ = self.outside.send(event).await;
    }

    /// Something for people that concerns no single row.
    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.notices.add(trouble, self.clock.now());
        self.changed();
    }

    /// What is shown is not what is any more.
    pub(crate) fn changed(&self) {
        self.changes.notify_one();
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_settings(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// This person just did something with a device.
    pub(crate) fn uses(&self, device: DeviceId) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(device, self.clock.now());
    }

    pub(crate) fn last_used(&self) -> BTreeMap<DeviceId, Timestamp> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes that came in for a folder or offer since it was last up to date.
    pub(crate) fn received(&self, scope: Scope) -> u64 {
        self.counters.totals(scope, crate::transfer::meter::Way::Down).values().sum()
    }

    /// The folders of this device.
    pub(crate) fn folders(&self) -> Vec<FolderId> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Where the folders of this device are.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().map(|(place, _)| place.clone()).collect()
    }

    /// Where the folders of this device are, and the markers that prove it.
    pub(crate) fn roots(&self) -> Vec<FolderRoot> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let root = |(folder, (place, root_id)): (&FolderId, &(PathBuf, [u8; 16]))| FolderRoot {
            folder: *folder,
            place: place.clone(),
            root_id: *root_id,
        };
        places.iter().map(root).collect()
    }

    /// Ends what still runs and makes the memory durable.
    pub(crate) async fn put_away(self: &Arc<Self>) {
        self.stop_fetches();
        self.benches.clear();
        let store = Arc::clone(&self.store);
        self.memory.run(move || store.flush());
        self.memory_is_done().await;
    }

    /// Returns when all that the memory was asked so far is done.
    pub(crate) async fn memory_is_done(&self) {
        let (done, is_done) = tokio::sync::oneshot::channel();
        // Whoever waited may have given up.
        self.memory.run(move || _ = done.send(()));
        let _ = is_done.await;
    }

    fn next_ask(&self) -> WorkId {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }

    fn note_unwatched(&self, folder: FolderId, is_unwatched: bool) {
        let mut unwatched = self.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unwatched {
            unwatched.insert(folder)
        } else {
            unwatched.remove(&folder)
        };
    }

    /// Whether a folder cannot be watched.
    pub(crate) fn is_unwatched(&self, folder: FolderId) -> bool {
        self.unwatched.lock().unwrap_or_else(PoisonError::into_inner).contains(&folder)
    }
}

pub(crate) fn memory_trouble() -> Trouble {
    Trouble::plain(ErrorCode::DiskUnreliable).text("file", "Shoal")
}

/// Offers the user paused: their streams wait.
#[derive(Default)]
pub(crate) struct Pauses {
    paused: Mutex<BTreeSet<Scope>>,
    changed: Notify,
}

impl Pauses {
    pub(crate) fn set(&self, scope: Scope, is_paused: bool) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if is_paused {
            paused.insert(scope)
        } else {
            paused.remove(&scope)
        };
        drop(paused);
        self.changed.notify_waiters();
    }

    fn contains(&self, scope: Scope) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(&scope)
    }

    /// Returns when the scope is not paused.
    pub(crate) async fn wait(&self, scope: Scope) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change is missed in between.
            changed.as_mut().enable();
            if !self.contains(scope) {
                return;
            }
            changed.await;
        }
    }
}
