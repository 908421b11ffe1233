//! The threads that work on one folder or offer, and what they have open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use shoal_engine::id::Scope;

use super::ground::Ground;
use crate::worker::{Crowd, Worker};

/// From this many bytes on a file is hashed on a thread of its own: a small save must not wait for a large one.
pub(crate) const LARGE_BYTES_MIN: u64 = 32 << 20;

/// One folder's or offer's workplace. Dropping it ends its threads when their jobs are done.
pub(crate) struct Bench {
    ground: OnceLock<Option<Arc<Ground>>>,
    name: String,
    crowd: Crowd,
    work: Worker,
    hash: OnceLock<Worker>,
    large: OnceLock<Worker>,
    watch: Mutex<Option<Box<dyn std::any::Any + Send>>>,
}

impl Bench {
    fn new(name: String, work: Worker, crowd: &Crowd) -> Arc<Self> {
        let (ground, hash, large) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Arc::new(Bench { ground, name, crowd: crowd.clone(), work, hash, large, watch: Mutex::default() })
    }

    /// Looks, walks, applies: one thing at a time.
    pub(crate) fn work(self: &Arc<Self>, job: impl FnOnce(Option<&Arc<Ground>>) + Send + 'static) {
        self.on(&self.work, job);
    }

    /// Hashes beside the work.
    pub(crate) fn hash(self: &Arc<Self>, job: impl FnOnce(Option<&Arc<Ground>>) + Send + 'static) {
        self.on(self.hash.get_or_init(|| Worker::start(&self.name, &self.crowd)), job);
    }

    /// Hashes large files beside all else.
    pub(crate) fn large(self: &Arc<Self>, job: impl FnOnce(Option<&Arc<Ground>>) + Send + 'static) {
        self.on(self.large.get_or_init(|| Worker::start(&self.name, &self.crowd)), job);
    }

    fn on(self: &Arc<Self>, worker: &Worker, job: impl FnOnce(Option<&Arc<Ground>>) + Send + 'static) {
        let bench = Arc::clone(self);
        worker.run(move || job(bench.ground()));
    }

    /// What is open; waits until opening is over. Blocks.
    pub(crate) fn ground(&self) -> Option<&Arc<Ground>> {
        self.ground.wait().as_ref()
    }

    /// Says what came of opening; only the first word counts.
    pub(crate) fn set_ground(&self, ground: Option<Ground>) {
        let _ = self.ground.set(ground.map(Arc::new));
    }

    /// Keeps the watcher as long as the bench lives.
    pub(crate) fn set_watch(&self, watch: impl std::any::Any + Send) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(watch));
    }
}

/// Every bench of a node.
#[derive(Default)]
pub(crate) struct Benches(Mutex<BTreeMap<Scope, Slot>>);

/// One scope's thread, which outlives its benches: a directory that is closed and opened again is never worked on by
/// two at once.
struct Slot {
    name: String,
    work: Worker,
    bench: Option<Arc<Bench>>,
}

impl Benches {
    /// Puts up a new bench, instead of the one there was, and opens its ground once the old one's work is done.
    pub(crate) fn put_up(
        &self,
        scope: Scope,
        crowd: &Crowd,
        open: impl FnOnce(&Arc<Bench>) -> Option<Ground> + Send + 'static,
    ) -> Arc<Bench> {
        let mut slots = self.lock();
        let slot = slots.entry(scope).or_insert_with(|| Slot::new(scope, crowd));
        let bench = Bench::new(slot.name.clone(), slot.work.clone(), crowd);
        slot.bench = Some(Arc::clone(&bench));
        drop(slots);
        let opening = Arc::clone(&bench);
        bench.work.run(move || {
            let unset = Unset(&opening);
            let ground = open(&opening);
            opening.set_ground(ground);
            drop(unset);
        });
        bench
    }

    pub(crate) fn get(&self, scope: Scope) -> Option<Arc<Bench>> {
        self.lock().get(&scope)?.bench.clone()
    }

    /// Takes a bench down. Its thread stays for the next one.
    pub(crate) fn take_down(&self, scope: Scope) -> Option<Arc<Bench>> {
        self.lock().get_mut(&scope)?.bench.take()
    }

    /// Forgets a scope with its thread; what is queued is still done.
    pub(crate) fn forget(&self, scope: Scope) {
        self.lock().remove(&scope);
    }

    /// Takes everything down.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Scope, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(scope: Scope, crowd: &Crowd) -> Self {
        let id = match scope {
            Scope::Folder(folder) => folder.to_string(),
            Scope::Offer(offer) => offer.to_string(),
        };
        // Linux shows 15 bytes of a thread's name.
        let name = format!("files-{}", &id[..8]);
        Slot { work: Worker::start(&name, crowd), name, bench: None }
    }
}

/// Whatever happens while opening, those who wait for it must not wait for ever.
struct Unset<'a>(&'a Bench);

impl Drop for Unset<'_> {
    fn drop(&mut self) {
        self.0.set_ground(None);
    }
}
