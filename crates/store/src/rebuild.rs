//! Opening the index whatever state it is in: one that cannot be used is set aside and an empty one takes its place.
//!
//! sled 0.34 answers some damage with an error, some with a panic, and an unlucky length could even end the process.
//! None of these may keep Shoal from starting, since everything in the index can be found again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::chunk_places::{self, Pending};
use crate::error::StoreError;
use crate::files;
use crate::index_db::BATCH_RECORDS;

/// What the trees mean. Another number: the index is set aside.
const FORMAT: u32 = 1;

/// Most memory that sled keeps pages in; its default takes 400 MB at a million records.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Indexes set aside that are kept: one to study, and one more in case the first was the interesting one.
const BROKEN_KEPT_MAX: usize = 2;

/// How long to wait for an index that is in use: sled's threads hold it for a moment after it was closed.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);

/// An index smaller than this may waste what it likes.
const WASTE_BYTES_MIN: u64 = 16 << 20;

/// How many times its contents an index may take.
const WASTE_FACTOR: u64 = 4;

/// Starts that may end inside sled before the index is set aside; one may be a power cut.
const TRIES_MAX: usize = 2;

/// Every tree of an open index; their keys and values are described in `index_db`.
#[derive(Debug)]
pub(crate) struct Trees {
    pub(crate) db: sled::Db,
    pub(crate) folders: sled::Tree,
    pub(crate) paths: sled::Tree,
    pub(crate) manifests: sled::Tree,
    pub(crate) pieces: sled::Tree,
    pub(crate) contents: sled::Tree,
    pub(crate) places: sled::Tree,
    pending: Mutex<Option<Pending>>,
}

/// What `chunk_places` has in memory, locked.
#[derive(Debug)]
pub(crate) struct HeldPending<'a>(MutexGuard<'a, Option<Pending>>);

impl Trees {
    /// Locks what `chunk_places` has in memory, and reads it if this is the first time.
    pub(crate) fn pending(&self) -> sled::Result<HeldPending<'_>> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.is_none() {
            *pending = Some(chunk_places::read_pending(self)?);
        }
        Ok(HeldPending(pending))
    }
}

impl HeldPending<'_> {
    /// What is locked.
    pub(crate) fn get_mut(&mut self) -> &mut Pending {
        self.0.get_or_insert_default()
    }
}

/// What came of opening.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The index; `None` if not even an empty one can be made. Shoal then works without.
    pub(crate) trees: Option<Trees>,
    /// Why the one that was there was set aside.
    pub(crate) set_aside: Option<String>,
}

/// Opens the index in `<data>/index`.
pub(crate) fn open(data: &Path) -> Result<Opening, StoreError> {
    files::make_dir(data)?;
    let place = data.join("index");
    if tries(data) >= TRIES_MAX {
        return Ok(start_empty(data, "reading it ended the program".to_owned()));
    }
    note_try(data);
    finish_compacting(data);
    let begin = Instant::now();
    loop {
        match attempt(|| open_trees(&place)) {
            Ok(trees) => return Ok(Opening { trees: Some(trees), set_aside: None }),
            Err(fault) if !fault.contains("could not acquire lock") => return Ok(start_empty(data, fault)),
            Err(_) if begin.elapsed() < LOCK_WAIT_MAX => thread::sleep(Duration::from_millis(50)),
            Err(_) => {
                has_settled(data);
                return Err(StoreError::IndexInUse { path: place });
            }
        }
    }
}

/// Sets the index aside and opens an empty one.
pub(crate) fn start_empty(data: &Path, fault: String) -> Opening {
    tracing::warn!(fault, "the index is set aside and will be rebuilt");
    has_settled(data);
    let place = data.join("index");
    if place.exists()
        && let Err(error) = files::move_aside(&place, data, "index.broken", BROKEN_KEPT_MAX)
    {
        tracing::error!(%error, "the index cannot be set aside; going on without one");
        return Opening { trees: None, set_aside: Some(fault) };
    }
    let trees = attempt(|| open_trees(&place));
    let trees = trees.inspect_err(|fault| tracing::error!(fault, "going on without an index")).ok();
    Opening { trees, set_aside: Some(fault) }
}

/// Whether the index takes far more room than what is in it; sled alone makes that two to three times as much.
pub(crate) fn is_wasteful(trees: &Trees) -> sled::Result<bool> {
    let bytes = trees.db.size_on_disk()?;
    let mut content = 0;
    for name in trees.db.tree_names() {
        for item in &trees.db.open_tree(name)? {
            let (key, value) = item?;
            content += (key.len() + value.len()) as u64;
        }
    }
    Ok(bytes > WASTE_BYTES_MIN && bytes / WASTE_FACTOR > content)
}

/// Copies the index into a fresh one that takes its place.
pub(crate) fn compact(data: &Path, trees: Trees) -> Opening {
    let copied = attempt(|| copy(&trees, &data.join("index.fresh")));
    let _ = attempt(|| {
        drop(trees);
        Ok(())
    });
    if let Err(fault) = &copied {
        tracing::warn!(fault, "the index stays as large as it is");
    } else if let Err(error) = fs::remove_dir_all(data.join("index")) {
        tracing::warn!(%error, "the index stays as large as it is");
    }
    finish_compacting(data);
    match attempt(|| open_trees(&data.join("index"))) {
        Ok(trees) => Opening { trees: Some(trees), set_aside: None },
        Err(fault) => start_empty(data, fault),
    }
}

/// Notes that the index was read without harm to the program.
pub(crate) fn has_settled(data: &Path) {
    // If this fails, the worst that can come of it is an index rebuilt without need.
    let _ = fs::remove_file(tries_path(data));
}

/// Does something inside sled and turns an error or a panic into words.
pub(crate) fn attempt<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("sled panicked".to_owned()),
    }
}

fn copy(trees: &Trees, place: &Path) -> sled::Result<()> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    let fresh = sled::Config::new().path(place).cache_capacity(CACHE_BYTES_MAX).open()?;
    for name in trees.db.tree_names() {
        let (from, to) = (trees.db.open_tree(&name)?, fresh.open_tree(&name)?);
        let (mut batch, mut count) = (sled::Batch::default(), 0);
        for item in &from {
            let (key, value) = item?;
            batch.insert(key, value);
            count += 1;
            if count % BATCH_RECORDS == 0 {
                to.apply_batch(std::mem::take(&mut batch))?;
            }
        }
        to.apply_batch(batch)?;
    }
    fresh.flush().map(|_| ())
}

/// Puts a finished copy in the place of the index it was made of, and removes an unfinished one.
fn finish_compacting(data: &Path) {
    let (place, fresh) = (data.join("index"), data.join("index.fresh"));
    let done = match (place.exists(), fresh.exists()) {
        (_, false) => Ok(()),
        // The old one is removed only when the copy is complete.
        (false, true) => fs::rename(&fresh, &place),
        (true, true) => fs::remove_dir_all(&fresh),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "a copy of the index is left over");
    }
}

fn open_trees(place: &Path) -> sled::Result<Trees> {
    let db = sled::Config::new().path(place).cache_capacity(CACHE_BYTES_MAX).open()?;
    let found = db.get("format")?;
    if found.is_none() && db.was_recovered() {
        return Err(sled::Error::Unsupported("it has no format number".to_owned()));
    }
    match found {
        None => db.insert("format", &FORMAT.to_be_bytes()).map(|_| ())?,
        Some(format) if *format == FORMAT.to_be_bytes() => {}
        Some(_) => return Err(sled::Error::Unsupported("it has another format".to_owned())),
    }
    Ok(Trees {
        folders: db.open_tree("folders")?,
        paths: db.open_tree("paths")?,
        manifests: db.open_tree("manifests")?,
        pieces: db.open_tree("pieces")?,
        contents: db.open_tree("contents")?,
        places: db.open_tree("places")?,
        pending: Mutex::new(None),
        db,
    })
}

fn tries_path(data: &Path) -> PathBuf {
    data.join("index.opening")
}

/// How many starts in a row ended while the index was being read: one byte of the file for each.
fn tries(data: &Path) -> usize {
    fs::read(tries_path(data)).map_or(0, |bytes| bytes.len())
}

fn note_try(data: &Path) {
    let bytes = vec![b'.'; tries(data) + 1];
    if let Err(error) = fs::write(tries_path(data), bytes) {
        tracing::warn!(%error, "cannot note that the index is being opened");
    }
}
