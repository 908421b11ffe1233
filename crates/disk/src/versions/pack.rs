//! Packed versions: a kept file as chunks, each once for all versions that hold it.
//!
//! `.shoal/versions/chunks/<hash>` holds the bytes of one chunk, `.shoal/versions/packed/<content>` the manifest of one
//! content. A manifest gets its name when all of its chunks are durable, and the inode goes when the manifest is: at
//! every instant a content can be read from one or the other. Every chunk is checked when it is read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::{Errno, Result};
use shoal_engine::chunk::{Chunk, Encoded, Manifest, ZEROS};
use shoal_engine::id::{ChunkHash, ContentId};
use shoal_engine::observe::Code;

use super::retain::One;
use super::{What, newest_lines, read_log};
use crate::copy::{is_chunk, is_zeros, read_exactly};
use crate::durable;
use crate::error::code_of;
use crate::lease;
use crate::root::{self, OwnDirs, Root};
use crate::unix;

const CHUNKS: &str = "chunks";
const PACKED: &str = "packed";
/// The end of a name that is not durable yet.
const NEW: &str = ".new";
/// Chunks that are made durable together.
const BATCH_CHUNKS: usize = 256;

/// The directories of packed versions.
struct Packs {
    chunks: OwnedFd,
    packed: OwnedFd,
}

/// A packed content that is being read.
#[derive(Debug)]
pub(crate) struct Packed {
    chunks: OwnedFd,
    manifest: Manifest,
    /// Where each chunk begins.
    starts: Vec<u64>,
    /// What the file that was packed allowed.
    mode: u32,
}

impl Root {
    /// Packs what was put away, is larger than one chunk, and can surely not be written to any more: nobody has it open
    /// for writing, or where that cannot be told, it was put away a day ago. Returns how many files were packed.
    pub fn pack_kept(
        &self,
        manifest_of: &dyn Fn(ContentId) -> Option<Arc<Manifest>>,
    ) -> std::result::Result<usize, Code> {
        let _packing = self.lock_packing();
        let dirs = self.own()?;
        let lines = read_log(&dirs).map_err(code_of)?;
        let mut packed = 0;
        for (object, line) in newest_lines(&lines) {
            let What::File { content, .. } = line.what else { continue };
            let Ok(file) = unix::open_own(dirs.objects.as_fd(), object, false) else { continue };
            let Some(manifest) = manifest_of(content).filter(|manifest| manifest.chunks.len() > 1) else { continue };
            let is_settled = match lease::is_written(file.as_fd()) {
                Some(is_written) => !is_written,
                None => root::now_ns().saturating_sub(line.time_ns) > super::WATCH_NS,
            };
            if !is_settled || !line.is_as_kept(&file) {
                continue;
            }
            if pack(&dirs, &file, content, &manifest).map_err(code_of)? && line.is_as_kept(&file) {
                unix::unlink(dirs.objects.as_fd(), object).map_err(code_of)?;
                packed += 1;
            }
        }
        Ok(packed)
    }
}

/// Puts the chunks of a file and its manifest away, durably; `false` if its bytes are not those of the manifest.
fn pack(dirs: &OwnDirs, file: &OwnedFd, content: ContentId, manifest: &Manifest) -> Result<bool> {
    let packs = Packs::open(dirs)?;
    let mut fresh: Vec<ChunkHash> = Vec::new();
    let (mut offset, mut done) = (0, HashSet::new());
    for chunk in &manifest.chunks {
        let from = offset;
        offset += chunk.length;
        if chunk.hash == ZEROS {
            if !is_zeros(file, from, offset)? {
                return packs.give_up(&fresh).map(|()| false);
            }
            continue;
        }
        let bytes = read_exactly(file, from, chunk.length)?.filter(|bytes| is_chunk(bytes, chunk.hash));
        let Some(bytes) = bytes else { return packs.give_up(&fresh).map(|()| false) };
        if done.insert(chunk.hash) && !packs.has(chunk) {
            if let Err(errno) = packs.write_new(chunk.hash, &bytes) {
                packs.give_up(&fresh)?;
                return Err(errno);
            }
            fresh.push(chunk.hash);
        }
        if fresh.len() >= BATCH_CHUNKS {
            packs.publish(&std::mem::take(&mut fresh))?;
        }
    }
    packs.publish(&fresh)?;
    let mode = unix::stat_of(file.as_fd())?.mode & 0o777;
    packs.write_manifest(content, manifest, mode)?;
    Ok(true)
}

impl Packs {
    fn open(dirs: &OwnDirs) -> Result<Packs> {
        let open = |name| unix::open_own_dir(dirs.versions.as_fd(), name);
        Ok(Packs { chunks: open(CHUNKS)?, packed: open(PACKED)? })
    }

    /// Whether a chunk is there, whole: it got its name only when it was.
    fn has(&self, chunk: &Chunk) -> bool {
        unix::stat_at(self.chunks.as_fd(), name_of(chunk.hash).as_str())
            .is_ok_and(|stat| stat.print.size == chunk.length)
    }

    fn write_new(&self, hash: ChunkHash, bytes: &[u8]) -> Result<()> {
        let file = create_over(&self.chunks, &format!("{}{NEW}", name_of(hash)))?;
        unix::write_at(file.as_fd(), 0, bytes)
    }

    /// Makes new chunks durable, then gives them their names.
    fn publish(&self, fresh: &[ChunkHash]) -> Result<()> {
        if fresh.is_empty() {
            return Ok(());
        }
        let chunks = self.chunks.as_fd();
        let news: Vec<String> = fresh.iter().map(|hash| format!("{}{NEW}", name_of(*hash))).collect();
        durable::sync_files(chunks, &news)?;
        for (hash, new) in fresh.iter().zip(&news) {
            unix::rename_over((chunks, new), (chunks, &name_of(*hash)))?;
        }
        unix::sync(chunks)
    }

    fn give_up(&self, fresh: &[ChunkHash]) -> Result<()> {
        fresh.iter().try_for_each(|hash| unix::unlink(self.chunks.as_fd(), &format!("{}{NEW}", name_of(*hash))))
    }

    /// What two files of one content allow, both do: what is put back later shows nobody what either of them hid.
    fn write_manifest(&self, content: ContentId, manifest: &Manifest, mode: u32) -> Result<()> {
        let mode = self.manifest(content).map_or(mode, |(_, before)| mode & before);
        let (name, packed) = (content.to_string(), self.packed.as_fd());
        let new = format!("{name}{NEW}");
        let file = create_over(&self.packed, &new)?;
        unix::write_at(file.as_fd(), 0, &encoded(&manifest.encode(), mode))?;
        unix::sync(file.as_fd())?;
        unix::rename_over((packed, &new), (packed, &name))?;
        unix::sync(packed)
    }

    fn manifest(&self, content: ContentId) -> Option<(Manifest, u32)> {
        let file = unix::open_own(self.packed.as_fd(), &content.to_string(), false).ok()?;
        let size = unix::stat_of(file.as_fd()).ok()?.print.size;
        let bytes = read_exactly(&file, 0, size).ok()??;
        let (Encoded { root, pieces }, mode) = decoded(&bytes)?;
        let is_named_so = *blake3::hash(&root).as_bytes() == content.0;
        Manifest::decode(&root, &pieces).ok().filter(|_| is_named_so).map(|manifest| (manifest, mode))
    }

    fn contents(&self) -> Result<Vec<ContentId>> {
        Ok(names(&self.packed)?.iter().filter_map(|name| ContentId::parse(name)).collect())
    }
}

/// Opens a packed content; `None` if it is not packed.
pub(crate) fn open(dirs: &OwnDirs, content: ContentId) -> Option<Packed> {
    let packs = existing(dirs)?;
    let (manifest, mode) = packs.manifest(content)?;
    let starts = manifest.chunks.iter().scan(0, |at, chunk| {
        let start = *at;
        *at += chunk.length;
        Some(start)
    });
    let starts = starts.collect();
    Some(Packed { chunks: packs.chunks, manifest, starts, mode })
}

/// Whether a content is packed.
pub(crate) fn is_packed(dirs: &OwnDirs, content: ContentId) -> bool {
    existing(dirs).is_some_and(|packs| unix::stat_at(packs.packed.as_fd(), content.to_string()).is_ok())
}

impl Packed {
    /// The length of the content.
    pub(crate) fn size(&self) -> u64 {
        self.manifest.size()
    }

    /// What the file that was packed allowed.
    pub(crate) fn mode(&self) -> u32 {
        self.mode
    }

    /// Reads from `offset` until the buffer is full or the content ends; every chunk that is touched is checked.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let first = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let mut filled = 0;
        for (chunk, start) in self.manifest.chunks.iter().zip(&self.starts).skip(first) {
            let at = offset + filled as u64;
            let skip = at.saturating_sub(*start);
            if filled == buffer.len() || skip >= chunk.length {
                break;
            }
            let length = usize::try_from(chunk.length - skip).unwrap_or(usize::MAX).min(buffer.len() - filled);
            let into = &mut buffer[filled..filled + length];
            match chunk.hash {
                ZEROS => into.fill(0),
                _ => {
                    let bytes = self.chunk(chunk)?;
                    let skip = usize::try_from(skip).map_err(|_| Errno::FBIG)?;
                    into.copy_from_slice(&bytes[skip..skip + length]);
                }
            }
            filled += length;
        }
        Ok(filled)
    }

    /// Writes the whole content into an empty file.
    pub(crate) fn write_to(&self, to: &OwnedFd) -> Result<()> {
        unix::set_size(to.as_fd(), self.size())?;
        for (chunk, start) in self.manifest.chunks.iter().zip(&self.starts) {
            if chunk.hash != ZEROS {
                unix::write_at(to.as_fd(), *start, &self.chunk(chunk)?)?;
            }
        }
        Ok(())
    }

    fn chunk(&self, chunk: &Chunk) -> Result<Vec<u8>> {
        let file = unix::open_own(self.chunks.as_fd(), &name_of(chunk.hash), false)?;
        let bytes = read_exactly(&file, 0, chunk.length)?.filter(|bytes| is_chunk(bytes, chunk.hash));
        bytes.ok_or(Errno::IO)
    }
}

/// Adds to each content what it alone takes of the chunks: those that no younger content names.
pub(crate) fn share(dirs: &OwnDirs, all: &mut BTreeMap<ContentId, One>) -> Result<()> {
    let Some(packs) = existing(dirs) else { return Ok(()) };
    let mut packed = packs.contents()?;
    packed.sort_by_key(|content| std::cmp::Reverse(all.get(content).map_or(0, |one| one.time_ns)));
    let mut named: HashSet<ChunkHash> = HashSet::new();
    for content in packed {
        // What no line speaks of is as old as can be, and goes first.
        let one = all.entry(content).or_insert(One { content, time_ns: 0, bytes: 0 });
        let Some((manifest, _)) = packs.manifest(content) else { continue };
        let own = manifest.chunks.iter().filter(|chunk| chunk.hash != ZEROS && named.insert(chunk.hash));
        one.bytes += own.map(|chunk| chunk.length).sum::<u64>();
    }
    Ok(())
}

/// Forgets the manifests of contents that go; durable before any chunk goes.
pub(crate) fn drop_manifests(dirs: &OwnDirs, goes: &BTreeSet<ContentId>) -> Result<()> {
    let Some(packs) = existing(dirs) else { return Ok(()) };
    for content in packs.contents()?.into_iter().filter(|content| goes.contains(content)) {
        unix::unlink(packs.packed.as_fd(), &content.to_string())?;
    }
    unix::sync(packs.packed.as_fd())
}

/// Removes the chunks that no manifest names, and what a crash left half written.
pub(crate) fn drop_unnamed_chunks(dirs: &OwnDirs) -> Result<()> {
    let Some(packs) = existing(dirs) else { return Ok(()) };
    let mut named: HashSet<String> = HashSet::new();
    for content in packs.contents()? {
        // A manifest that cannot be read might name any chunk.
        let Some((manifest, _)) = packs.manifest(content) else { return Ok(()) };
        named.extend(manifest.chunks.iter().map(|chunk| name_of(chunk.hash)));
    }
    for name in names(&packs.chunks)?.into_iter().filter(|name| !named.contains(name)) {
        unix::unlink(packs.chunks.as_fd(), &name)?;
    }
    Ok(())
}

/// Bytes of all chunks.
pub(crate) fn chunk_bytes(dirs: &OwnDirs) -> Result<u64> {
    let Some(packs) = existing(dirs) else { return Ok(0) };
    let bytes = |name: String| unix::stat_at(packs.chunks.as_fd(), name.as_str()).map_or(0, |stat| stat.disk_bytes);
    Ok(names(&packs.chunks)?.into_iter().map(bytes).sum())
}

/// The directories, if anything was ever packed here.
fn existing(dirs: &OwnDirs) -> Option<Packs> {
    let is_there = |name: &str| unix::stat_at(dirs.versions.as_fd(), name).is_ok();
    if is_there(CHUNKS) && is_there(PACKED) { Packs::open(dirs).ok() } else { None }
}

fn name_of(hash: ChunkHash) -> String {
    blake3::Hash::from_bytes(hash.0).to_hex().to_string()
}

fn names(dir: &OwnedFd) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let listing = unix::open_listing(dir.as_fd(), None)?;
    unix::list(listing.as_fd(), |name, _| names.extend(name.to_str().ok().map(str::to_owned)))?;
    Ok(names)
}

/// Creates a file, instead of one that a crash left.
fn create_over(dir: &OwnedFd, name: &str) -> Result<OwnedFd> {
    match unix::create_own(dir.as_fd(), name) {
        Err(Errno::EXIST) => {
            unix::unlink(dir.as_fd(), name)?;
            unix::create_own(dir.as_fd(), name)
        }
        other => other,
    }
}

/// A manifest as bytes: what the file allowed, then the root and the pieces, each after its length.
fn encoded(manifest: &Encoded, mode: u32) -> Vec<u8> {
    let parts = std::iter::once(&manifest.root).chain(&manifest.pieces);
    let parts = parts.flat_map(|part| (part.len() as u64).to_le_bytes().into_iter().chain(part.iter().copied()));
    mode.to_le_bytes().into_iter().chain(parts).collect()
}

fn decoded(bytes: &[u8]) -> Option<(Encoded, u32)> {
    let (mode, mut bytes) = bytes.split_first_chunk::<4>()?;
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        parts.push(part.to_vec());
        bytes = rest;
    }
    let mut parts = parts.into_iter();
    Some((Encoded { root: parts.next()?, pieces: parts.collect() }, u32::from_le_bytes(*mode)))
}
