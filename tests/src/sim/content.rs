//! File contents made of a few cells: each cell stands for one chunk, so small worlds exercise large files.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use shoal_engine::chunk::{Chunk, Level, Manifest, ZEROS};
use shoal_engine::effect::Texts;
use shoal_engine::id::{ChunkHash, ContentId};
use shoal_engine::text_merge::merge_slices;

use super::dice::Dice;

/// From this many cells on, a content counts as a large file of many chunks.
const CELLS_LARGE_MIN: usize = 3;
/// Stands between the cells of two texts that are merged.
const UNCHANGED: u32 = u32::MAX;
/// How long a large file's chunk pretends to be: three of them are no single-chunk file any more.
const CHUNK_BYTES: u64 = 64 * 1024;

/// One content with its manifest.
#[derive(Debug)]
pub struct Content {
    /// Its number, in the order in which contents were made; for the trace.
    pub number: usize,
    /// The hash of its manifest.
    pub id: ContentId,
    /// What it is made of; 0 is a run of zeros.
    pub cells: Vec<u32>,
    /// Its chunks.
    pub manifest: Arc<Manifest>,
    /// Its pretended length in bytes.
    pub size: u64,
}

/// Every content that ever existed in a world.
#[derive(Debug, Default)]
pub struct Contents {
    by_cells: BTreeMap<Vec<u32>, Rc<Content>>,
    by_id: BTreeMap<ContentId, Rc<Content>>,
    fresh: u32,
}

impl Contents {
    /// The content made of these cells.
    pub fn of(&mut self, cells: Vec<u32>) -> Rc<Content> {
        if let Some(content) = self.by_cells.get(&cells) {
            return content.clone();
        }
        let manifest = manifest_of(&cells);
        let (id, size) = (manifest.content_id(), manifest.size());
        let number = self.by_id.len();
        let content = Rc::new(Content { number, id, cells: cells.clone(), manifest: Arc::new(manifest), size });
        self.by_cells.insert(cells, content.clone());
        self.by_id.insert(id, content.clone());
        content
    }

    /// A content that never existed before.
    pub fn fresh(&mut self, dice: &mut Dice) -> Rc<Content> {
        let count = if dice.chance(25) { dice.between(3, 9) } else { dice.between(1, 2) };
        let cells = (0..count).map(|_| self.fresh_cell(dice)).collect::<Vec<_>>();
        self.made_new(cells)
    }

    /// An edit of a content: most cells stay, at least one is new.
    pub fn edited(&mut self, before: &Content, dice: &mut Dice) -> Rc<Content> {
        let mut cells = before.cells.clone();
        let at = dice.place(cells.len() + 1);
        match dice.below(4) {
            0 => cells.insert(at, self.next_cell()),
            1 => cells.truncate(at),
            _ if at < cells.len() => cells[at] = self.next_cell(),
            _ => cells.push(self.next_cell()),
        }
        self.made_new(cells)
    }

    /// A content with something added at its end.
    pub fn appended(&mut self, before: &Content) -> Rc<Content> {
        let mut cells = before.cells.clone();
        cells.push(self.next_cell());
        self.made_new(cells)
    }

    /// What two edits of one content amount to together, cell by cell, as texts are merged line by line.
    pub fn merged(&mut self, texts: Texts) -> Option<Rc<Content>> {
        // Behind each cell stands something that nobody changes, or most texts here were too short to be merged.
        let lines = |content: &Rc<Content>| content.cells.iter().flat_map(|cell| [*cell, UNCHANGED]).collect();
        let lines = |content| self.get(content).map(lines);
        let (base, one, other): (Vec<u32>, Vec<u32>, Vec<u32>) =
            (lines(texts.base)?, lines(texts.winner)?, lines(texts.loser)?);
        let merged = merge_slices(&base, &one, &other)?;
        let cells: Vec<u32> = merged.into_iter().filter(|cell| *cell != UNCHANGED).collect();
        (!cells.is_empty()).then(|| self.of(cells))
    }

    /// The content by its id.
    pub fn get(&self, id: ContentId) -> Option<&Rc<Content>> {
        self.by_id.get(&id)
    }

    fn made_new(&mut self, mut cells: Vec<u32>) -> Rc<Content> {
        while self.by_cells.contains_key(&cells) || cells.iter().all(|cell| *cell == 0) {
            cells.push(self.next_cell());
        }
        self.of(cells)
    }

    fn next_cell(&mut self) -> u32 {
        self.fresh += 1;
        self.fresh
    }

    fn fresh_cell(&mut self, dice: &mut Dice) -> u32 {
        if dice.chance(5) { 0 } else { self.next_cell() }
    }
}

fn manifest_of(cells: &[u32]) -> Manifest {
    if cells.len() < CELLS_LARGE_MIN {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
        let chunk = || Chunk { hash: ChunkHash(*blake3::hash(&bytes).as_bytes()), length: bytes.len() as u64 };
        let chunks = if bytes.is_empty() { Vec::new() } else { vec![chunk()] };
        return Manifest { level: Level(0), chunks };
    }
    let chunk = |cell: &u32| match cell {
        0 => Chunk { hash: ZEROS, length: CHUNK_BYTES },
        _ => Chunk { hash: ChunkHash(*blake3::hash(&cell.to_le_bytes()).as_bytes()), length: CHUNK_BYTES },
    };
    Manifest { level: Level(1), chunks: cells.iter().map(chunk).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_content_has_an_id_of_its_own() {
        let (mut contents, mut dice) = (Contents::default(), Dice::from_seed(3));
        let mut ids = std::collections::BTreeSet::new();
        let mut last = contents.fresh(&mut dice);
        for _ in 0..500 {
            assert!(ids.insert(last.id));
            last = if dice.chance(50) { contents.edited(&last, &mut dice) } else { contents.fresh(&mut dice) };
        }
    }

    #[test]
    fn a_content_of_three_cells_is_no_single_chunk_file() {
        let content = Contents::default().of(vec![1, 2, 3]);
        assert!(content.size > shoal_engine::limits::WHOLE_FILE_BYTES_MAX);
        assert_eq!(content.manifest.chunks.len(), 3);
    }
}
