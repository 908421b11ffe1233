//! Opening the index whatever state it is in: one that cannot be used is set aside and an empty one takes its place.
//!
//! sled 0.34 answers some damage with an error, some with a panic, and an unlucky length could even end the process.
//! None of these may keep Shoal from starting, since everything in the index can be found again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::files;

/// What the trees mean. Another number: the index is set aside.
const FORMAT: u32 = 1;

/// Most memory that sled keeps pages in; its default takes 400 MB at a million records.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Indexes set aside that are kept: one to study, and one more in case the first was the interesting one.
const BROKEN_KEPT_MAX: usize = 2;

/// Starts that may end inside sled before the index is set aside; one may be a power cut.
const TRIES_MAX: usize = 2;

/// Every tree of an open index; their keys and values are described in `index_db`.
#[derive(Clone, Debug)]
pub(crate) struct Trees {
    pub(crate) db: sled::Db,
    pub(crate) folders: sled::Tree,
    pub(crate) paths: sled::Tree,
    pub(crate) manifests: sled::Tree,
    pub(crate) pieces: sled::Tree,
    pub(crate) contents: sled::Tree,
    pub(crate) places: sled::Tree,
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
    match attempt(|| open_trees(&place)) {
        Ok(trees) => Ok(Opening { trees: Some(trees), set_aside: None }),
        Err(fault) if fault.contains("could not acquire lock") => {
            has_settled(data);
            Err(StoreError::IndexInUse { path: place })
        }
        Err(fault) => Ok(start_empty(data, fault)),
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
