//! Hands the watcher's hints to the engine, a few milliseconds' worth at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shoal_disk::{Hint, Root, WatchTrouble, Watcher};
use shoal_engine::event::{Event, Noticed};
use shoal_engine::id::FolderId;
use shoal_engine::limits::LOOK_BATCH_MAX;
use shoal_engine::path::RelPath;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Hands;

/// How long hints are collected: a save is several system calls, told one by one.
const COLLECT: Duration = Duration::from_millis(6);

/// Most hints that wait; beyond, everything is looked at once instead.
const HINTS_MAX: usize = 8192;

/// Begins to watch a folder; the watcher's end is the end of its hints.
pub(super) fn watch(hands: &Arc<Hands>, folder: FolderId, root: &Root) -> Result<Watcher, WatchTrouble> {
    let (hints, to_tell) = mpsc::channel(HINTS_MAX);
    let is_lost = Arc::new(AtomicBool::new(false));
    hands.runtime.spawn(tell(Arc::clone(hands), folder, to_tell, Arc::clone(&is_lost)));
    let sink = move |hint| {
        if hints.try_send(hint).is_err() {
            is_lost.store(true, Ordering::Relaxed);
        }
    };
    Watcher::start(root, Box::new(sink))
}

async fn tell(hands: Arc<Hands>, folder: FolderId, mut hints: mpsc::Receiver<Hint>, is_lost: Arc<AtomicBool>) {
    while let Some(first) = hints.recv().await {
        let mut batch = Batch::default();
        batch.add(first);
        let until = Instant::now() + COLLECT;
        while batch.paths.len() < LOOK_BATCH_MAX {
            match timeout_at(until, hints.recv()).await {
                Ok(Some(hint)) => batch.add(hint),
                Ok(None) | Err(_) => break,
            }
        }
        if batch.is_limited {
            hands.note_unwatched(folder, true);
        }
        batch.is_lost |= is_lost.swap(false, Ordering::Relaxed);
        let paths = batch.noticed();
        if hands.outside.send(Event::Noticed { folder, paths }).await.is_err() {
            return;
        }
    }
}

/// Hints collected over a short time.
#[derive(Default)]
struct Batch {
    paths: BTreeMap<RelPath, bool>,
    is_lost: bool,
    is_limited: bool,
}

impl Batch {
    fn add(&mut self, hint: Hint) {
        match hint {
            Hint::Path { path, is_settled } => *self.paths.entry(path).or_default() |= is_settled,
            Hint::Everything => self.is_lost = true,
            Hint::Limit => (self.is_lost, self.is_limited) = (true, true),
        }
    }

    /// None at all when some were lost: that means everything.
    fn noticed(self) -> Vec<Noticed> {
        if self.is_lost {
            return Vec::new();
        }
        self.paths.into_iter().map(|(path, is_settled)| Noticed { path, is_settled }).collect()
    }
}
