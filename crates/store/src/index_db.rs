//! The index: what can be found again from ledger and disk, kept so that a start need not look for it.
//!
//! | tree | key | value |
//! |---|---|---|
//! | (default) | `format` | format number, u32 |
//! | (default) | `placed` | content number u32: the `places` of those before it are complete |
//! | `folders` | folder id | folder number u32, where its ledger stood: records u64, checksum 16 bytes |
//! | `paths` | folder number u32, path | what the engine remembers of it, opaque here |
//! | `manifests` | first half of the content id | the manifest's root |
//! | `pieces` | first half of its hash | a piece of a long manifest |
//! | `contents` | content number u32 | content id, only of files of several chunks |
//! | `places` | run u32, first row's chunk and content | rows: see `chunk_places` |
//!
//! Numbers are big-endian. A part of a hash suffices as a key, because roots and pieces are checked against the whole
//! one when they are read, and a chunk when its bytes are. Paths are keys themselves: with hashes for keys the index
//! is a tenth smaller and takes twice as long to write. This file has the first three trees, `manifest_db` the others.
//!
//! Nothing here fails: an index that cannot be read is set aside, an empty one goes on, and the engine looks again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use shoal_engine::id::FolderId;
use shoal_engine::path::RelPath;

use crate::error::StoreError;
use crate::ledger_log::Position;
use crate::rebuild::{self, Trees};

/// Records written to sled at a time: it is slower with fewer and takes more memory with more.
pub(crate) const BATCH_RECORDS: usize = 1000;

/// How long until an index is tried again where not even an empty one could be had: the disk may have room by then.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The index of one home.
#[derive(Debug)]
pub(crate) struct IndexDb {
    data: PathBuf,
    live: RwLock<Live>,
    /// Held while a number is chosen, so that no two folders get the same.
    numbering: Mutex<()>,
}

#[derive(Debug)]
struct Live {
    /// `None` if not even an empty index can be had; then there is none for a while.
    trees: Option<Trees>,
    /// When one was last tried to be had.
    tried: Instant,
    /// Counts the indexes this one had, so that a fault of the one before is not laid to its charge.
    turn: u64,
}

impl IndexDb {
    /// Opens the index below `data`; also says why an old one was set aside, if it was.
    pub(crate) fn open(data: &Path) -> Result<(Self, Option<String>), StoreError> {
        let opening = rebuild::open(data)?;
        let live = RwLock::new(Live { trees: opening.trees, tried: Instant::now(), turn: 0 });
        Ok((IndexDb { data: data.to_owned(), live, numbering: Mutex::new(()) }, opening.set_aside))
    }

    /// Notes that everything was read and the program lives.
    pub(crate) fn has_settled(&self) {
        rebuild::has_settled(&self.data);
    }

    /// What is remembered of a folder, unless its ledger is not the one this was remembered beside.
    ///
    /// `Err` if the ledger lost records that the index had seen.
    pub(crate) fn load(
        &self,
        folder: FolderId,
        ledger: impl Fn(Position) -> bool,
    ) -> Result<Vec<(RelPath, Vec<u8>)>, RolledBack> {
        let row = self.with(|trees| Ok(trees.folders.get(folder.0)?.as_deref().and_then(FolderRow::read)));
        let Some(row) = row.flatten() else { return Ok(Vec::new()) };
        if !ledger(row.position) {
            self.drop_folder(folder);
            return Err(RolledBack);
        }
        let found = self.with(|trees| {
            trees
                .paths
                .scan_prefix(row.number.to_be_bytes())
                .map(|item| {
                    item.map(|(key, value)| {
                        let path = std::str::from_utf8(key.get(4..).unwrap_or_default()).ok()?;
                        Some((RelPath::parse(path).ok()?, value.to_vec()))
                    })
                })
                .collect::<sled::Result<Vec<_>>>()
        });
        Ok(found.unwrap_or_default().into_iter().flatten().collect())
    }

    /// Remembers paths of a folder whose ledger stands at `position`, and forgets those without a value.
    pub(crate) fn remember(&self, folder: FolderId, position: Position, paths: &[(RelPath, Option<Vec<u8>>)]) {
        let remember_all = |trees: &Trees| {
            let number = self.stand_at(trees, folder, position)?;
            for part in paths.chunks(BATCH_RECORDS) {
                let mut batch = sled::Batch::default();
                for (path, value) in part {
                    let key = [&number.to_be_bytes(), path.as_str().as_bytes()].concat();
                    match value {
                        Some(value) => batch.insert(key, value.as_slice()),
                        None => batch.remove(key),
                    }
                }
                trees.paths.apply_batch(batch)?;
            }
            Ok(())
        };
        // An index that fails is replaced by an empty one, and that one can still take them.
        if self.with(remember_all).is_none() {
            self.with(remember_all);
        }
    }

    /// Forgets a folder.
    pub(crate) fn drop_folder(&self, folder: FolderId) {
        self.with(|trees| {
            let Some(row) = trees.folders.get(folder.0)?.as_deref().and_then(FolderRow::read) else { return Ok(()) };
            loop {
                let (mut batch, mut count) = (sled::Batch::default(), 0);
                for key in trees.paths.scan_prefix(row.number.to_be_bytes()).keys().take(BATCH_RECORDS) {
                    batch.remove(key?);
                    count += 1;
                }
                if count == 0 {
                    break;
                }
                trees.paths.apply_batch(batch)?;
            }
            // The row last: its number must not be given away while paths still carry it.
            trees.folders.remove(folder.0).map(|_| ())
        });
    }

    /// Makes what was remembered durable.
    pub(crate) fn flush(&self) {
        self.with(|trees| trees.db.flush().map(|_| ()));
    }

    /// Bytes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.with(|trees| trees.db.size_on_disk()).unwrap_or(0)
    }

    /// Copies the index into a fresh one if it takes far more room than it needs; nobody can use it meanwhile.
    pub(crate) fn compact(&self) {
        if self.with(rebuild::is_wasteful) != Some(true) {
            return;
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(trees) = live.trees.take() {
            let (trees, turn) = (rebuild::compact(&self.data, trees).trees, live.turn + 1);
            *live = Live { trees, tried: Instant::now(), turn };
        }
    }

    /// Does something with the trees; if sled fails or panics, the index is replaced by an empty one.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Trees) -> sled::Result<T>) -> Option<T> {
        self.try_again();
        let (fault, turn) = {
            let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
            let trees = live.trees.as_ref()?;
            match rebuild::attempt(|| act(trees)) {
                Ok(value) => return Some(value),
                Err(fault) => (fault, live.turn),
            }
        };
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have met the same fault and replaced it already.
        if live.turn == turn {
            let broken = live.trees.take();
            let _ = rebuild::attempt(|| {
                drop(broken);
                Ok(())
            });
            let trees = rebuild::start_empty(&self.data, fault).trees;
            *live = Live { trees, tried: Instant::now(), turn: turn + 1 };
        }
        None
    }

    /// Makes an empty index if there is none, now and then.
    fn try_again(&self) {
        let is_due = |live: &Live| live.trees.is_none() && live.tried.elapsed() >= TRY_AGAIN_AFTER;
        if !is_due(&self.live.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if is_due(&live) {
            let fault = "there was none".to_owned();
            let (trees, turn) = (rebuild::start_empty(&self.data, fault).trees, live.turn + 1);
            *live = Live { trees, tried: Instant::now(), turn };
        }
    }

    fn stand_at(&self, trees: &Trees, folder: FolderId, position: Position) -> sled::Result<u32> {
        let known = trees.folders.get(folder.0)?.as_deref().and_then(FolderRow::read);
        if let Some(row) = known.as_ref().filter(|row| row.position == position) {
            return Ok(row.number);
        }
        let _held = self.numbering.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match known {
            Some(row) => row.number,
            None => next_folder_number(trees)?,
        };
        trees.folders.insert(folder.0, FolderRow { number, position }.bytes())?;
        Ok(number)
    }
}

impl Drop for IndexDb {
    fn drop(&mut self) {
        self.has_settled();
        let live = self.live.get_mut().unwrap_or_else(PoisonError::into_inner).trees.take();
        // sled writes what is left when it is dropped, and may panic doing so.
        let _ = rebuild::attempt(|| {
            drop(live);
            Ok(())
        });
    }
}

/// The ledger is shorter than, or another than, the one the index was written beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RolledBack;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FolderRow {
    number: u32,
    position: Position,
}

impl FolderRow {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.number.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.position.records.to_be_bytes());
        bytes.extend_from_slice(&self.position.checksum);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        let records = u64::from_be_bytes(*records);
        let position = Position { records, checksum: rest.try_into().ok()? };
        Some(FolderRow { number: u32::from_be_bytes(*number), position })
    }
}

fn next_folder_number(trees: &Trees) -> sled::Result<u32> {
    let mut next = 0;
    for row in &trees.folders {
        next = next.max(FolderRow::read(&row?.1).map_or(0, |row| row.number + 1));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: FolderId = FolderId([3; 32]);

    fn remember(index: &IndexDb, path: &str) {
        let path = RelPath::parse(path).expect("a plain path");
        index.remember(FOLDER, Position { records: 0, checksum: [0; 16] }, &[(path, Some(vec![7]))]);
    }

    fn paths(index: &IndexDb) -> Vec<String> {
        let found = index.load(FOLDER, |_| true).expect("the same ledger");
        found.into_iter().map(|(path, _)| path.as_str().to_owned()).collect()
    }

    #[test]
    fn what_an_index_fails_to_take_the_empty_one_in_its_place_takes() {
        let dir = tempfile::tempdir().expect("a directory");
        let index = IndexDb::open(dir.path()).expect("opened").0;
        remember(&index, "before");
        let fails = std::cell::Cell::new(true);
        let save = |trees: &Trees| {
            if fails.take() {
                return Err(sled::Error::Unsupported("on purpose".to_owned()));
            }
            trees.db.insert("kept", "kept").map(drop)
        };
        assert!(index.with(save).is_none() && index.with(save).is_some());
        assert_eq!(paths(&index), [""; 0], "an empty index took its place");
        remember(&index, "after");
        assert_eq!(paths(&index), ["after"]);
    }

    #[test]
    fn where_there_was_no_index_one_is_had_again_later() {
        let dir = tempfile::tempdir().expect("a directory");
        let index = IndexDb::open(dir.path()).expect("opened").0;
        index.live.write().expect("whole").trees = None;
        remember(&index, "too early");
        assert_eq!(paths(&index), [""; 0]);
        let long_ago = Instant::now().checked_sub(TRY_AGAIN_AFTER).expect("up for longer");
        index.live.write().expect("whole").tried = long_ago;
        remember(&index, "later");
        assert_eq!(paths(&index), ["later"]);
    }
}
