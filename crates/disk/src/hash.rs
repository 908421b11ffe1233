//! Reads a file whole and names its bytes; reads parts of a file that must still be the same.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use shoal_engine::chunk::{Level, Manifest};
use shoal_engine::limits::CHUNKS_MAX;
use shoal_engine::observe::{Code, Fingerprint, HashTrouble, Hashed};
use shoal_engine::path::RelPath;

use crate::cut::{self, Cutter};
use crate::error::{code_of, is_absent};
use crate::root::Root;
use crate::unix::{self, Kind, Stat};
use crate::versions::Packed;

/// A file opened to read parts of it.
#[derive(Debug)]
pub struct Reader {
    file: Bytes,
}

/// Where the bytes are.
#[derive(Debug)]
enum Bytes {
    /// In one file, with its fingerprint when it was opened.
    File(OwnedFd, Fingerprint),
    /// In chunks that never change.
    Packed(Packed),
}

impl Reader {
    /// Reads from `offset` until the buffer is full or the file ends; returns how many bytes that were.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Code> {
        match &self.file {
            Bytes::File(file, _) => unix::read_at(file.as_fd(), offset, buffer).map_err(code_of),
            Bytes::Packed(packed) => packed.read_at(offset, buffer).map_err(code_of),
        }
    }

    /// Whether the file has not changed since it was hashed.
    pub fn still_same(&self) -> bool {
        match &self.file {
            Bytes::File(file, print) => unix::stat_of(file.as_fd()).is_ok_and(|stat| stat.print == *print),
            Bytes::Packed(_) => true,
        }
    }

    /// The file's length in bytes when it was opened.
    pub fn size(&self) -> u64 {
        match &self.file {
            Bytes::File(_, print) => print.size,
            Bytes::Packed(packed) => packed.size(),
        }
    }

    pub(crate) fn new(file: OwnedFd, print: Fingerprint) -> Reader {
        Reader { file: Bytes::File(file, print) }
    }

    pub(crate) fn packed(packed: Packed) -> Reader {
        Reader { file: Bytes::Packed(packed) }
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&OwnedFd> {
        match &self.file {
            Bytes::File(file, _) => Some(file),
            Bytes::Packed(_) => None,
        }
    }
}

impl Root {
    /// Reads a file whole, cuts and hashes it; `before` is the level of the content it had before.
    ///
    /// Succeeds only if the file did not change meanwhile.
    pub fn hash(&self, path: &RelPath, before: Option<Level>) -> Result<(Hashed, Manifest), HashTrouble> {
        self.hash_counted(path, before, &mut |_| ())
    }

    /// The same, and tells how many bytes were read whenever some were.
    pub fn hash_counted(
        &self,
        path: &RelPath,
        before: Option<Level>,
        count: &mut dyn FnMut(u64),
    ) -> Result<(Hashed, Manifest), HashTrouble> {
        let (file, seen) = open(self, path)?;
        wait_for_stamp(&seen.print);
        let size = seen.print.size;
        let level = before.map_or_else(|| Level::for_size(size), |before| Level::for_edit(size, before));
        let chunks = if level.0 == 0 { cut_whole(&file, size)? } else { cut_large(&file, &seen, level, count)? };
        if chunks.len() > CHUNKS_MAX || size >= 1 << 53 {
            return Err(HashTrouble::Refused(Code::TooLarge));
        }
        let after = unix::stat_of(file.as_fd()).map_err(trouble_of)?;
        let manifest = Manifest { level, chunks };
        if after.print != seen.print || manifest.size() != size {
            return Err(HashTrouble::Changed);
        }
        let content = manifest.content_id();
        Ok((Hashed { print: after.print, content, executable: after.executable() }, manifest))
    }

    /// Opens a file that must still have this fingerprint.
    pub fn reader(&self, path: &RelPath, print: &Fingerprint) -> Result<Reader, HashTrouble> {
        let (file, seen) = open(self, path)?;
        if seen.print == *print { Ok(Reader::new(file, *print)) } else { Err(HashTrouble::Changed) }
    }
}

fn open(root: &Root, path: &RelPath) -> Result<(OwnedFd, Stat), HashTrouble> {
    // Looked at first: opening a device file could have effects.
    let parent = root.parent_exact(path).map_err(trouble_of)?.ok_or(HashTrouble::Gone)?;
    let seen = unix::stat_at(parent.as_fd(), path.name()).map_err(trouble_of)?;
    match seen.kind {
        Kind::File if seen.is_mount => Err(HashTrouble::Refused(Code::ForeignMount)),
        Kind::File => {
            let file = unix::open_file(root.handle(), path).map_err(trouble_of)?;
            let opened = unix::stat_of(file.as_fd()).map_err(trouble_of)?;
            if opened.print == seen.print { Ok((file, opened)) } else { Err(HashTrouble::Changed) }
        }
        Kind::Directory | Kind::Link | Kind::Special => Err(HashTrouble::Gone),
    }
}

fn trouble_of(errno: rustix::io::Errno) -> HashTrouble {
    if is_absent(errno) { HashTrouble::Gone } else { HashTrouble::Refused(code_of(errno)) }
}

/// Waits until a further write would get another time stamp than the file has now.
///
/// Clocks of file systems tick every few milliseconds. A write in the same tick as the one before is invisible in the
/// fingerprint, so a file is only read once its tick is over.
fn wait_for_stamp(print: &Fingerprint) {
    const TICK_MAX: Duration = Duration::from_millis(12);
    const POLL: Duration = Duration::from_micros(500);
    let begun = Instant::now();
    let latest = print.changed_ns.max(print.modified_ns);
    // A time far ahead is a clock that was set back; waiting would not help.
    let is_close = |now: i64| now <= latest && latest - now < 1_000_000_000;
    while is_close(unix::stamp_now_ns()) && begun.elapsed() < TICK_MAX {
        std::thread::sleep(POLL);
    }
}

fn cut_whole(file: &OwnedFd, size: u64) -> Result<Vec<shoal_engine::chunk::Chunk>, HashTrouble> {
    if size == 0 {
        return Ok(Vec::new());
    }
    // One byte more, to notice a file that grows.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) + 1];
    let read = unix::read_at(file.as_fd(), 0, &mut bytes).map_err(trouble_of)?;
    if read as u64 == size { Ok(vec![cut::chunk_of(&bytes[..read])]) } else { Err(HashTrouble::Changed) }
}

fn cut_large(
    file: &OwnedFd,
    seen: &Stat,
    level: Level,
    count: &mut dyn FnMut(u64),
) -> Result<Vec<shoal_engine::chunk::Chunk>, HashTrouble> {
    let size = seen.print.size;
    let mut cutter = Cutter::new(level);
    let block = cutter.block_bytes() as u64;
    let mut at = 0;
    while at < size {
        if seen.is_sparse && at + block <= size {
            let data = unix::next_data(file.as_fd(), at).map_err(trouble_of)?.unwrap_or(size).min(size);
            let hole = (data.saturating_sub(at)) / block * block;
            if hole > 0 {
                cutter.push_zeros(hole);
                count(hole);
                at += hole;
                continue;
            }
        }
        let length = block.min(size - at);
        let wanted = usize::try_from(length).unwrap_or(0);
        let read = cutter.push_block(wanted, |buffer| unix::read_at(file.as_fd(), at, buffer)).map_err(trouble_of)?;
        if read != wanted {
            return Err(HashTrouble::Changed);
        }
        count(length);
        at += length;
    }
    Ok(cutter.finish())
}
