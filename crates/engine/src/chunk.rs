//! Contents and their manifests: which chunks a file is made of, in bytes that hash to its `ContentId`.
//!
//! A manifest is a fixed 16-byte head and 40-byte records. Up to [`MANIFEST_PIECE_CHUNKS_MAX`] chunks are listed
//! directly; a longer list is itself cut by content into pieces (a piece ends at a record whose hash ends in ten zero
//! bits), and the manifest lists the pieces. A small edit of a large file then changes one or two pieces.

use crate::id::{ChunkHash, ContentId};
use crate::limits::{CHUNKS_MAX, MANIFEST_PIECE_CHUNKS_MAX};

/// The hash that stands for a run of zeros: nothing is stored or sent for it.
pub const ZEROS: ChunkHash = ChunkHash([0; 32]);

/// How a file is cut: 0 is one chunk, then content-defined with an average of 64 KiB · 4^(level - 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(pub u8);

impl Level {
    /// The coarsest cut: an average of 4 MiB.
    pub const MAX: Level = Level(4);

    /// The level for a file of `size` bytes that has no predecessor.
    pub fn for_size(size: u64) -> Level {
        const KIB: u64 = 1024;
        match size {
            0..=crate::limits::WHOLE_FILE_BYTES_MAX => Level(0),
            _ if size <= 64 * KIB * KIB => Level(1),
            _ if size <= 4 * KIB * KIB * KIB => Level(2),
            _ if size <= 64 * KIB * KIB * KIB => Level(3),
            _ => Level(4),
        }
    }

    /// The level for an edited file: its predecessor's, unless that is off by more than one step.
    pub fn for_edit(size: u64, before: Level) -> Level {
        let fresh = Level::for_size(size);
        if fresh.0 == 0 || before.0 == 0 || before.0.abs_diff(fresh.0) > 1 { fresh } else { before }
    }

    /// The average chunk in bytes; 0 for level 0.
    pub fn average_bytes(self) -> u32 {
        match self.0 {
            0 => 0,
            level => (64 * 1024) << (2 * (u32::from(level) - 1)),
        }
    }
}

/// One chunk of a file: the hash of its bytes, or [`ZEROS`], and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// BLAKE3 of the bytes, or [`ZEROS`].
    pub hash: ChunkHash,
    /// Number of bytes; at most `CHUNK_BYTES_MAX` unless it is a run of zeros.
    pub length: u64,
}

/// The whole chunk list of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// How the file was cut.
    pub level: Level,
    /// The chunks in order; their lengths add up to the file's size.
    pub chunks: Vec<Chunk>,
}

/// A manifest as bytes: the root, whose hash is the `ContentId`, and the pieces a long one is cut into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The root; its BLAKE3 hash is the `ContentId`.
    pub root: Vec<u8>,
    /// Lists of records, in order; empty when the root lists the chunks itself.
    pub pieces: Vec<Vec<u8>>,
}

/// Why bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoManifest;

const MAGIC: [u8; 4] = *b"shm1";
const RECORD_BYTES: usize = 40;
const HEAD_BYTES: usize = 16;

impl Manifest {
    /// The file's length in bytes.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.length).sum()
    }

    /// Writes the manifest; equal manifests give equal bytes.
    pub fn encode(&self) -> Encoded {
        if self.chunks.len() <= MANIFEST_PIECE_CHUNKS_MAX {
            return Encoded { root: root_bytes(self.level, 0, &self.chunks), pieces: Vec::new() };
        }
        let (mut listed, mut pieces, mut start) = (Vec::new(), Vec::new(), 0);
        for end in 1..=self.chunks.len() {
            let is_cut = is_piece_end(&self.chunks[end - 1]) || end - start == MANIFEST_PIECE_CHUNKS_MAX;
            if is_cut || end == self.chunks.len() {
                let bytes: Vec<u8> = self.chunks[start..end].iter().flat_map(record_bytes).collect();
                let hash = ChunkHash(*blake3::hash(&bytes).as_bytes());
                listed.push(Chunk { hash, length: bytes.len() as u64 });
                pieces.push(bytes);
                start = end;
            }
        }
        Encoded { root: root_bytes(self.level, 1, &listed), pieces }
    }

    /// The id of this content.
    pub fn content_id(&self) -> ContentId {
        ContentId(*blake3::hash(&self.encode().root).as_bytes())
    }

    /// Reads a manifest from its root and, if [`pieces_of`] names any, all of its pieces in order.
    ///
    /// Every piece must hash to what the root names; the caller has compared the root with the wanted `ContentId`.
    pub fn decode(root: &[u8], pieces: &[Vec<u8>]) -> Result<Manifest, NoManifest> {
        let (level, depth, records) = read_root(root)?;
        if depth == 0 {
            return if pieces.is_empty() { checked(level, records) } else { Err(NoManifest) };
        }
        if records.len() != pieces.len() {
            return Err(NoManifest);
        }
        let mut chunks = Vec::new();
        for (record, piece) in records.iter().zip(pieces) {
            if *blake3::hash(piece).as_bytes() != record.hash.0 {
                return Err(NoManifest);
            }
            chunks.extend(read_records(piece)?);
        }
        let manifest = checked(level, chunks)?;
        // Only the one canonical form is a manifest, or one content could have two ids.
        if manifest.encode().root == root { Ok(manifest) } else { Err(NoManifest) }
    }
}

/// The pieces that a root names: their hashes and lengths in bytes; empty when it lists the chunks itself.
pub fn pieces_of(root: &[u8]) -> Result<Vec<Chunk>, NoManifest> {
    let (_, depth, records) = read_root(root)?;
    let is_sound = |piece: &Chunk| {
        piece.length > 0
            && piece.length.is_multiple_of(RECORD_BYTES as u64)
            && piece.length <= (MANIFEST_PIECE_CHUNKS_MAX * RECORD_BYTES) as u64
    };
    match depth {
        0 => Ok(Vec::new()),
        _ if records.iter().all(is_sound) => Ok(records),
        _ => Err(NoManifest),
    }
}

/// Largest root, in bytes, that can be a manifest.
pub const ROOT_BYTES_MAX: usize = HEAD_BYTES + MANIFEST_PIECE_CHUNKS_MAX * RECORD_BYTES;

fn is_piece_end(chunk: &Chunk) -> bool {
    chunk.hash != ZEROS && chunk.hash.0[31] == 0 && chunk.hash.0[30] & 0b11 == 0
}

fn record_bytes(chunk: &Chunk) -> impl Iterator<Item = u8> + use<> {
    chunk.hash.0.into_iter().chain(chunk.length.to_le_bytes())
}

fn root_bytes(level: Level, depth: u8, records: &[Chunk]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + records.len() * RECORD_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[level.0, depth, 0, 0]);
    bytes.extend_from_slice(&(records.len() as u64).to_le_bytes());
    bytes.extend(records.iter().flat_map(record_bytes));
    bytes
}

fn read_root(root: &[u8]) -> Result<(Level, u8, Vec<Chunk>), NoManifest> {
    let (head, body) = root.split_at_checked(HEAD_BYTES).ok_or(NoManifest)?;
    let (level, depth) = (Level(head[4]), head[5]);
    let count = u64::from_le_bytes(head[8..].try_into().map_err(|_| NoManifest)?);
    let is_sound = head[..4] == MAGIC && level <= Level::MAX && depth <= 1 && head[6..8] == [0, 0];
    if !is_sound || root.len() > ROOT_BYTES_MAX || count != (body.len() / RECORD_BYTES) as u64 {
        return Err(NoManifest);
    }
    Ok((level, depth, read_records(body)?))
}

fn read_records(bytes: &[u8]) -> Result<Vec<Chunk>, NoManifest> {
    if !bytes.len().is_multiple_of(RECORD_BYTES) {
        return Err(NoManifest);
    }
    let record = |bytes: &[u8]| {
        let hash = ChunkHash::from_slice(&bytes[..32])?;
        Some(Chunk { hash, length: u64::from_le_bytes(bytes[32..].try_into().ok()?) })
    };
    bytes.chunks_exact(RECORD_BYTES).map(record).collect::<Option<_>>().ok_or(NoManifest)
}

fn checked(level: Level, chunks: Vec<Chunk>) -> Result<Manifest, NoManifest> {
    let is_sound =
        |chunk: &Chunk| chunk.length > 0 && (chunk.hash == ZEROS || chunk.length <= crate::limits::CHUNK_BYTES_MAX);
    let total = chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.length));
    // 2^53: sizes stay exact in every language that reads them.
    let fits = total.is_some_and(|total| total < 1 << 53) && chunks.len() <= CHUNKS_MAX;
    if fits && chunks.iter().all(is_sound) { Ok(Manifest { level, chunks }) } else { Err(NoManifest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(count: u64) -> Manifest {
        let chunk =
            |at: u64| Chunk { hash: ChunkHash(*blake3::hash(&at.to_le_bytes()).as_bytes()), length: at % 999 + 1 };
        Manifest { level: Level(2), chunks: (0..count).map(chunk).collect() }
    }

    #[test]
    fn a_manifest_reads_back_at_every_length() {
        for count in [0, 1, 2, 4096, 4097, 30_000] {
            let written = manifest(count);
            let Encoded { root, pieces } = written.encode();
            assert_eq!(Manifest::decode(&root, &pieces), Ok(written), "{count}");
            assert_eq!(pieces_of(&root).map(|list| list.len()), Ok(pieces.len()));
        }
    }

    #[test]
    fn a_small_edit_changes_few_pieces_of_a_long_manifest() {
        let before = manifest(30_000).encode().pieces;
        let mut edited = manifest(30_000);
        edited.chunks.insert(10, Chunk { hash: ChunkHash([3; 32]), length: 5 });
        let changed = edited.encode().pieces.iter().filter(|piece| !before.contains(piece)).count();
        assert!(changed <= 2, "{changed} pieces changed");
    }

    #[test]
    fn damaged_manifests_are_refused() {
        let Encoded { root, pieces } = manifest(5000).encode();
        assert!(Manifest::decode(&root[..root.len() - 1], &pieces).is_err());
        assert!(Manifest::decode(&root, &pieces[1..]).is_err());
        let mut other = pieces.clone();
        other[0][3] ^= 1;
        assert!(Manifest::decode(&root, &other).is_err());
        assert!(Manifest::decode(b"", &[]).is_err());
    }

    #[test]
    fn an_edited_file_keeps_its_level_until_it_is_far_off() {
        assert_eq!(Level::for_edit(65 << 20, Level(1)), Level(1));
        assert_eq!(Level::for_edit(5 << 30, Level(1)), Level(3));
        assert_eq!(Level::for_edit(1000, Level(3)), Level(0));
        assert_eq!(Level(4).average_bytes(), 4 << 20);
    }
}
