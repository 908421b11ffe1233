//! Hints that something may have changed. Hints may be lost or wrong; looking gives the truth.
//!
//! On Linux every directory needs a watch of its own. A thread of ours adds them, so that `.shoal` is never watched and a
//! directory made later is watched before it is hinted: whoever walks it then misses nothing. `notify` only names
//! what happened; it never decides what is watched.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use shoal_engine::observe::Seen;
use shoal_engine::path::{PRIVATE_DIR, RelPath};

use crate::root::Root;

/// A hint that something may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// At or below this path.
    Path {
        /// Where.
        path: RelPath,
        /// The file was closed after writing or renamed into place: no need to wait until it is quiet.
        is_settled: bool,
    },
    /// Anywhere: hints were lost.
    Everything,
    /// The system allows no more watches: from now on only looking everywhere, now and then, finds everything.
    Limit,
}

/// Why a folder cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchTrouble {
    /// The system's limit on watches or on watching programs is used up.
    Limit,
    /// The system refused.
    Refused,
}

/// Watches a folder until it is dropped.
pub struct Watcher {
    /// The thread has the other, weak end: once this is gone, so is the source of its events.
    _notify: Shared,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

type Shared = Arc<Mutex<RecommendedWatcher>>;

/// Most events that wait for our thread; beyond, a full look costs less than they do.
const EVENTS_WAITING_MAX: usize = 65_536;

/// What an event says about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happened {
    Changed,
    Settled,
    /// A new name, perhaps of a directory.
    Arrived,
}

impl Watcher {
    /// Begins to watch; returns when every directory is watched.
    pub fn start(root: &Root, sink: Box<dyn Fn(Hint) + Send>) -> Result<Watcher, WatchTrouble> {
        let (sender, events) = mpsc::sync_channel(EVENTS_WAITING_MAX);
        let are_lost = Arc::new(AtomicBool::new(false));
        let own = root.dir().join(PRIVATE_DIR);
        let taker = taker(sender, own, are_lost.clone());
        let notify = notify::recommended_watcher(taker).map_err(|error| trouble_of(&error))?;
        let shared = Arc::new(Mutex::new(notify));
        add_all(root, &shared, None)?;
        let watch = Watch { root: root.clone(), notify: Arc::downgrade(&shared), sink };
        let run = move || {
            while let Ok((path, happened)) = events.recv() {
                watch.take(path.as_deref(), happened);
                if are_lost.swap(false, Ordering::Relaxed) {
                    (watch.sink)(Hint::Everything);
                }
            }
        };
        std::thread::Builder::new().name("watch".to_owned()).spawn(run).map_err(|_| WatchTrouble::Refused)?;
        Ok(Watcher { _notify: shared })
    }
}

/// What our thread has.
struct Watch {
    root: Root,
    notify: Weak<Mutex<RecommendedWatcher>>,
    sink: Box<dyn Fn(Hint) + Send>,
}

impl Watch {
    fn take(&self, path: Option<&Path>, happened: Happened) {
        let Some(inside) = path.and_then(|path| path.strip_prefix(self.root.dir()).ok()) else {
            return (self.sink)(Hint::Everything);
        };
        let Some(path) = nearest(inside) else {
            return (self.sink)(Hint::Everything);
        };
        let is_directory = happened == Happened::Arrived && self.root.look(&path) == Ok(Some(Seen::Directory));
        let mut is_limited = false;
        if is_directory && let Some(notify) = self.notify.upgrade() {
            is_limited = add_all(&self.root, &notify, Some(&path)) == Err(WatchTrouble::Limit);
        }
        // Only now: what came into the directory before it was watched is found by whoever walks it.
        (self.sink)(Hint::Path { path, is_settled: happened != Happened::Changed && !is_directory });
        if is_limited {
            (self.sink)(Hint::Limit);
        }
    }
}

/// Takes events on the thread of `notify`, which must never wait.
fn taker(
    sender: SyncSender<(Option<PathBuf>, Happened)>,
    own: PathBuf,
    are_lost: Arc<AtomicBool>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |event| {
        let send = |path, happened| {
            if let Err(TrySendError::Full(_)) = sender.try_send((path, happened)) {
                are_lost.store(true, Ordering::Relaxed);
            }
        };
        match event {
            Ok(event) if event.need_rescan() => send(None, Happened::Changed),
            Ok(event) => {
                let Some(happened) = happened(&event.kind) else { return };
                for path in event.paths {
                    if !path.starts_with(&own) {
                        send(Some(path), happened);
                    }
                }
            }
            Err(_) => send(None, Happened::Changed),
        }
    }
}

/// What an event means; `None` for reading, which changes nothing, and for what other events say already.
fn happened(kind: &EventKind) -> Option<Happened> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Happened::Settled),
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Create(CreateKind::Folder) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
            Some(Happened::Arrived)
        }
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => {
            Some(Happened::Changed)
        }
    }
}

/// The path itself, or the nearest directory above it that has a name for us; `None` for the root.
fn nearest(inside: &Path) -> Option<RelPath> {
    inside.ancestors().find_map(|path| RelPath::parse(path.to_str()?).ok())
}

/// Watches a directory and all below it.
#[cfg(target_os = "linux")]
fn add_all(root: &Root, notify: &Shared, dir: Option<&RelPath>) -> Result<(), WatchTrouble> {
    let mut trouble = Ok(());
    root.walk_directories(dir, &mut |dir| {
        if trouble == Err(WatchTrouble::Limit) {
            return;
        }
        let path = dir.map_or_else(|| root.dir().to_owned(), |dir| root.dir().join(dir.as_str()));
        let mut notify = notify.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = notify.watch(&path, RecursiveMode::NonRecursive) {
            let found = trouble_of(&error);
            // A directory that cannot be watched, or is gone already, does not stop the others.
            if found == WatchTrouble::Limit || dir.is_none() {
                trouble = Err(found);
            }
        }
    });
    trouble
}

/// Watches a directory and all below it: one watch does that on other systems.
#[cfg(not(target_os = "linux"))]
fn add_all(root: &Root, notify: &Shared, dir: Option<&RelPath>) -> Result<(), WatchTrouble> {
    if dir.is_some() {
        return Ok(());
    }
    let mut notify = notify.lock().unwrap_or_else(PoisonError::into_inner);
    notify.watch(root.dir(), RecursiveMode::Recursive).map_err(|error| trouble_of(&error))
}

fn trouble_of(error: &notify::Error) -> WatchTrouble {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOSPC: i32 = 28;
    let is_limit = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        notify::ErrorKind::Io(error) => matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE | ENOSPC)),
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::PathNotFound
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_) => false,
    };
    if is_limit { WatchTrouble::Limit } else { WatchTrouble::Refused }
}
