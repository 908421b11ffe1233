//! Cuts bytes into the chunks of a manifest. A `ContentId` depends on every constant here: they never change.
//!
//! The rule, for a file of level 1 to 4 with average `a`:
//!
//! 1. The file is divided into blocks of `a` bytes from its beginning. Whole blocks of zeros are taken out; each run of
//!    them is one `ZEROS` chunk. What is left at the end, shorter than `a`, counts as bytes even if it is all zeros.
//! 2. Each stretch between such runs is cut by FastCDC 2020 (normalisation level 1, seed 0) with minimum `a / 2`,
//!    average `a` and maximum `4 a`, beginning anew at its start.
//!
//! The rule speaks of bytes, not of holes: a sparse file and its dense copy have one manifest. A file of level 0 is one
//! chunk whatever is in it, an empty file has none.

use fastcdc::v2020;
use shoal_engine::chunk::{Chunk, Level, Manifest, ZEROS};
use shoal_engine::id::ChunkHash;

/// Takes the blocks of one file in order and gives its chunks.
pub(crate) struct Cutter {
    average: usize,
    masks: (u64, u64),
    buffer: Vec<u8>,
    /// Where the bytes begin that are not cut yet.
    start: usize,
    /// Zeros seen since the last bytes.
    zeros: u64,
    chunks: Vec<Chunk>,
}

impl Cutter {
    /// Begins a file of this level, which is not 0.
    pub(crate) fn new(level: Level) -> Cutter {
        let average = level.average_bytes() as usize;
        Cutter {
            average,
            masks: v2020::select_masks(average, v2020::Normalization::Level1),
            buffer: Vec::with_capacity(12 * average),
            start: 0,
            zeros: 0,
            chunks: Vec::new(),
        }
    }

    /// How many bytes a block has.
    pub(crate) fn block_bytes(&self) -> usize {
        self.average
    }

    /// Takes whole blocks of zeros.
    pub(crate) fn push_zeros(&mut self, bytes: u64) {
        self.cut_all();
        self.zeros += bytes;
    }

    /// Takes one block: `fill` puts up to `length` bytes into the buffer and says how many.
    pub(crate) fn push_block<E>(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.make_room();
        let from = self.buffer.len();
        self.buffer.resize(from + length, 0);
        let filled = fill(&mut self.buffer[from..])?;
        self.buffer.truncate(from + filled);
        if filled == self.average && is_zero(&self.buffer[from..]) {
            self.buffer.truncate(from);
            self.push_zeros(filled as u64);
            return Ok(filled);
        }
        self.end_run();
        while self.buffer.len() - self.start >= 4 * self.average {
            self.cut_one();
        }
        Ok(filled)
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Vec<Chunk> {
        self.cut_all();
        self.end_run();
        self.chunks
    }

    fn end_run(&mut self) {
        if self.zeros > 0 {
            self.chunks.push(Chunk { hash: ZEROS, length: std::mem::take(&mut self.zeros) });
        }
    }

    fn cut_all(&mut self) {
        while self.start < self.buffer.len() {
            self.cut_one();
        }
    }

    fn cut_one(&mut self) {
        let (average, (strict, loose)) = (self.average, self.masks);
        let rest = &self.buffer[self.start..];
        let (_, length) = v2020::cut(rest, average / 2, average, 4 * average, strict, loose, strict << 1, loose << 1);
        self.chunks.push(chunk_of(&rest[..length]));
        self.start += length;
    }

    /// Moves what is not cut yet to the front, seldom enough that it costs little.
    fn make_room(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.buffer.len() + self.average > 12 * self.average {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

/// The manifest of bytes in memory, cut at this level.
pub(crate) fn manifest_of(bytes: &[u8], level: Level) -> Manifest {
    if level.0 == 0 {
        return Manifest { level, chunks: (!bytes.is_empty()).then(|| chunk_of(bytes)).into_iter().collect() };
    }
    let mut cutter = Cutter::new(level);
    for block in bytes.chunks(cutter.block_bytes()) {
        let Ok(_) = cutter.push_block(block.len(), |buffer| {
            buffer.copy_from_slice(block);
            Ok::<_, std::convert::Infallible>(block.len())
        });
    }
    Manifest { level, chunks: cutter.finish() }
}

/// The chunk that these bytes are.
pub(crate) fn chunk_of(bytes: &[u8]) -> Chunk {
    Chunk { hash: hash_of(bytes), length: bytes.len() as u64 }
}

/// The name of these bytes as a chunk.
pub(crate) fn hash_of(bytes: &[u8]) -> ChunkHash {
    ChunkHash(*blake3::hash(bytes).as_bytes())
}

/// Whether all of these bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Most bytes that are not zero say so at once.
    let (head, rest) = bytes.split_at(bytes.len().min(16));
    let zero = [0_u8; 4096];
    head.iter().all(|byte| *byte == 0) && rest.chunks(zero.len()).all(|part| *part == zero[..part.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_engine::chunk::Manifest;

    fn cut(level: Level, bytes: &[u8]) -> Manifest {
        let mut cutter = Cutter::new(level);
        for block in bytes.chunks(cutter.block_bytes()) {
            let fill = |buffer: &mut [u8]| {
                buffer.copy_from_slice(block);
                Ok::<_, ()>(block.len())
            };
            cutter.push_block(block.len(), fill).expect("bytes in memory");
        }
        Manifest { level, chunks: cutter.finish() }
    }

    /// Bytes that look random and are the same for ever.
    fn noise(seed: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn chunks_add_up_and_keep_their_bounds() {
        for level in 1..=4 {
            let (level, average) = (Level(level), Level(level).average_bytes() as usize);
            let bytes = noise(level.0, 20 * average + 12_345);
            let manifest = cut(level, &bytes);
            assert_eq!(manifest.size(), bytes.len() as u64);
            let (last, others) = manifest.chunks.split_last().expect("chunks");
            assert!(last.length <= 4 * average as u64);
            assert!(others.iter().all(|chunk| (average as u64 / 2..=4 * average as u64).contains(&chunk.length)));
        }
    }

    #[test]
    fn an_insertion_changes_few_chunks() {
        let before = noise(1, 8 << 20);
        let mut after = before.clone();
        after.splice(1000..1000, [1, 2, 3]);
        let (before, after) = (cut(Level(1), &before), cut(Level(1), &after));
        let new = after.chunks.iter().filter(|chunk| !before.chunks.contains(chunk)).count();
        assert!(new <= 3, "{new} of {} chunks changed", after.chunks.len());
    }

    #[test]
    fn whole_blocks_of_zeros_become_runs() {
        let a = Level(1).average_bytes() as usize;
        let mut bytes = noise(2, 8 * a);
        bytes[a + 1..5 * a].fill(0);
        let runs: Vec<Chunk> = cut(Level(1), &bytes).chunks.into_iter().filter(|chunk| chunk.hash == ZEROS).collect();
        assert_eq!(runs, [Chunk { hash: ZEROS, length: 3 * a as u64 }]);
    }

    #[test]
    fn the_cuts_are_the_ones_that_contents_are_named_by() {
        let golden: [(u8, usize, &str); 4] = [
            (1, 3_000_000, "4e564824c52a6345b73b5cc701de98047a4db856834074601369d3ad68967145"),
            (2, 9_000_000, "177b2010f1324da215c28456086fa93ddade3e3d631a8af47aab05daf9f1ff24"),
            (3, 30_000_000, "93afcae8b911ad26e49464698a28b6881c2a1108ca0b4c109b0a7d0b5a343b4c"),
            (4, 60_000_000, "08967c2172860dc191319a858343dbf2f390843296ace8140dceb501891b7d08"),
        ];
        for (level, length, id) in golden {
            let mut bytes = noise(level, length);
            let a = Level(level).average_bytes() as usize;
            bytes[2 * a + 7..5 * a - 9].fill(0);
            assert_eq!(cut(Level(level), &bytes).content_id().to_string(), id, "level {level}");
        }
    }
}
