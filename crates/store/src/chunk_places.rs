//! Where chunks can be found: sorted runs of rows, because sled takes six times a row's size for each key of its own.
//!
//! A row is 16 bytes: the first 8 of the chunk's hash, the content's number, the place in it. New rows are held in
//! memory; 65,536 of them become a run of blocks in the tree `places`. `placed` in the default tree says up to which
//! content number the runs are complete; the rows of later contents are read from their manifests again.

use std::collections::{BTreeMap, BTreeSet};

use shoal_engine::chunk::{Encoded, Manifest, ZEROS};
use shoal_engine::id::{ChunkHash, ContentId};

use crate::index_db::BATCH_RECORDS;
use crate::manifest_db;
use crate::rebuild::Trees;

/// Places given for one chunk: the nearest few are as good as all, and some chunks are in every file.
const PLACES_MAX: usize = 16;

/// Rows in memory before they become a run: 3 MB.
const PENDING_ROWS_MAX: usize = 1 << 16;

/// Runs before they are merged into one: a search looks into each.
const RUNS_MAX: usize = 32;

/// Rows in a block: a page of 4 KiB.
const BLOCK_ROWS: usize = 256;

const ROW_BYTES: usize = 16;

/// The rows that are in no run yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    rows: BTreeMap<(Prefix, u32), u32>,
    /// The numbers of the runs.
    runs: Vec<u32>,
    /// The number for the next content.
    next: u32,
}

type Prefix = [u8; 8];

/// What a search or a save needs to have in memory; read when it is first asked for.
pub(crate) fn read_pending(trees: &Trees) -> sled::Result<Pending> {
    let placed = trees.db.get("placed")?.and_then(|number| number.as_ref().try_into().ok());
    let placed = placed.map_or(0, u32::from_be_bytes);
    let mut pending = Pending { rows: BTreeMap::new(), runs: Vec::new(), next: placed };
    while let Some(next) = trees.places.get_gt(block_key(pending.runs.last().copied(), [0xff; 8]))? {
        pending.runs.extend(run_of(&next.0).filter(|run| pending.runs.last() != Some(run)));
    }
    for item in trees.contents.range(placed.to_be_bytes()..) {
        let (number, content) = item?;
        let Ok(number) = number.as_ref().try_into().map(u32::from_be_bytes) else { continue };
        let Some(content) = ContentId::from_slice(&content) else { continue };
        if let Some(manifest) = manifest_db::read(trees, content)? {
            pending.add(number, &manifest);
        }
        pending.next = number.saturating_add(1);
    }
    Ok(pending)
}

/// Gives a content of several chunks a number and remembers its places; one chunk is found by its content.
pub(crate) fn save(trees: &Trees, pending: &mut Pending, content: ContentId, manifest: &Encoded) -> sled::Result<()> {
    let number = pending.next;
    let Some(next) = number.checked_add(1) else {
        return Err(sled::Error::Unsupported("content numbers are used up".to_owned()));
    };
    if !pending.add(number, manifest) {
        return Ok(());
    }
    trees.contents.insert(number.to_be_bytes(), &content.0)?;
    pending.next = next;
    if pending.rows.len() < PENDING_ROWS_MAX {
        Ok(())
    } else if pending.runs.len() < RUNS_MAX {
        let rows = std::mem::take(&mut pending.rows).into_iter().map(|((prefix, number), at)| row(prefix, number, at));
        write_run(trees, pending, rows.collect())
    } else {
        merge(trees, pending)
    }
}

/// Some contents that hold a chunk, and its place in each.
pub(crate) fn find(trees: &Trees, pending: &Pending, chunk: ChunkHash) -> sled::Result<Vec<(ContentId, u32)>> {
    let wanted = prefix(&chunk);
    let mut rows: Vec<(u32, u32)> =
        pending.rows.range((wanted, 0)..=(wanted, u32::MAX)).map(|((_, number), at)| (*number, *at)).collect();
    for run in pending.runs.iter().rev() {
        if rows.len() >= PLACES_MAX {
            break;
        }
        // A prefix that fills more than a block is in so many files that its last block is enough.
        if let Some(block) = trees.places.get_lt(block_key(Some(*run), after(wanted)))?
            && run_of(&block.0) == Some(*run)
        {
            rows.extend(
                block
                    .1
                    .chunks_exact(ROW_BYTES)
                    .filter_map(read_row)
                    .filter_map(|(prefix, number, at)| (prefix == wanted).then_some((number, at))),
            );
        }
    }
    let mut found = BTreeMap::new();
    for (number, at) in rows {
        let content = trees.contents.get(number.to_be_bytes())?.and_then(|id| ContentId::from_slice(&id));
        found.extend(content.map(|content| (content, at)));
        if found.len() == PLACES_MAX {
            break;
        }
    }
    Ok(found.into_iter().collect())
}

/// Makes one run of all rows, without those of contents that are gone.
pub(crate) fn merge(trees: &Trees, pending: &mut Pending) -> sled::Result<()> {
    let mut numbers = BTreeSet::new();
    for number in trees.contents.iter().keys() {
        numbers.extend(number?.as_ref().try_into().map(u32::from_be_bytes));
    }
    let mut rows: Vec<[u8; ROW_BYTES]> =
        std::mem::take(&mut pending.rows).into_iter().map(|((prefix, number), at)| row(prefix, number, at)).collect();
    let mut old = Vec::new();
    for item in &trees.places {
        let (key, block) = item?;
        rows.extend(block.chunks_exact(ROW_BYTES).filter_map(|row| <[u8; ROW_BYTES]>::try_from(row).ok()));
        old.push(key);
    }
    rows.retain(|row| read_row(row).is_some_and(|(_, number, _)| numbers.contains(&number)));
    rows.sort_unstable();
    rows.dedup();
    write_run(trees, pending, rows)?;
    pending.runs.drain(..pending.runs.len().saturating_sub(1));
    manifest_db::remove(&trees.places, old)
}

impl Pending {
    /// Adds the first place of each chunk; nothing, and `false`, for a file of less than two.
    fn add(&mut self, number: u32, manifest: &Encoded) -> bool {
        let decoded = Manifest::decode(&manifest.root, &manifest.pieces);
        let Some(manifest) = decoded.ok().filter(|manifest| manifest.chunks.len() > 1) else { return false };
        for (at, chunk) in (0..).zip(&manifest.chunks).filter(|(_, chunk)| chunk.hash != ZEROS) {
            self.rows.entry((prefix(&chunk.hash), number)).or_insert(at);
        }
        true
    }
}

fn write_run(trees: &Trees, pending: &mut Pending, rows: Vec<[u8; ROW_BYTES]>) -> sled::Result<()> {
    let Some(run) = pending.runs.last().map_or(Some(0), |last| last.checked_add(1)) else {
        return Err(sled::Error::Unsupported("run numbers are used up".to_owned()));
    };
    for part in rows.chunks(BATCH_RECORDS * BLOCK_ROWS) {
        let mut batch = sled::Batch::default();
        for block in part.chunks(BLOCK_ROWS) {
            let first = block.first().and_then(|row| row.first_chunk()).copied().unwrap_or_default();
            batch.insert(block_key_of(run, first, block), block.as_flattened());
        }
        trees.places.apply_batch(batch)?;
    }
    pending.runs.push(run);
    // After the rows: a crash in between leaves some of them twice, which does no harm.
    trees.db.insert("placed", &pending.next.to_be_bytes()).map(|_| ())
}

/// Run, first prefix, and the first content number, since one prefix may fill several blocks.
fn block_key_of(run: u32, first: Prefix, block: &[[u8; ROW_BYTES]]) -> Vec<u8> {
    let number = block.first().map(|row| &row[8..12]).unwrap_or_default();
    [&run.to_be_bytes(), &first[..], number].concat()
}

/// A key after every block of the run that begins before `prefix`; with no run, before all.
fn block_key(run: Option<u32>, prefix: Prefix) -> Vec<u8> {
    match run {
        Some(run) => [&run.to_be_bytes()[..], &prefix, if prefix == [0xff; 8] { &[0xff; 5] } else { &[] }].concat(),
        None => Vec::new(),
    }
}

fn run_of(key: &[u8]) -> Option<u32> {
    key.first_chunk().copied().map(u32::from_be_bytes)
}

fn prefix(chunk: &ChunkHash) -> Prefix {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&chunk.0[..8]);
    prefix
}

fn after(prefix: Prefix) -> Prefix {
    u64::from_be_bytes(prefix).saturating_add(1).to_be_bytes()
}

fn row(prefix: Prefix, number: u32, at: u32) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[..8].copy_from_slice(&prefix);
    row[8..12].copy_from_slice(&number.to_be_bytes());
    row[12..].copy_from_slice(&at.to_be_bytes());
    row
}

fn read_row(row: &[u8]) -> Option<(Prefix, u32, u32)> {
    let (prefix, rest) = row.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    Some((*prefix, u32::from_be_bytes(*number), u32::from_be_bytes(rest.try_into().ok()?)))
}
