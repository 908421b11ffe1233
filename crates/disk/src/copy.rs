//! Copies a file while checking every chunk against a manifest.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use shoal_engine::chunk::{Manifest, ZEROS};
use shoal_engine::id::ChunkHash;

use crate::cut;
use crate::unix;

/// Fills the empty file `to` with the bytes of `from`; `false` if they are not those of the manifest.
///
/// Shares the bytes where the file system can; they are read and checked all the same.
pub(crate) fn copy_checked(from: &OwnedFd, to: &OwnedFd, manifest: &Manifest) -> Result<bool> {
    if unix::stat_of(from.as_fd())?.print.size != manifest.size() {
        return Ok(false);
    }
    let is_shared = manifest.size() > 0 && unix::clone_bytes(from.as_fd(), to.as_fd());
    if !is_shared {
        unix::set_size(to.as_fd(), manifest.size())?;
    }
    // What was checked must be what stands in the copy, not what stood in the original a moment earlier.
    let checked = if is_shared { to } else { from };
    let mut offset = 0;
    for chunk in &manifest.chunks {
        let end = offset + chunk.length;
        if chunk.hash == ZEROS {
            if !is_zeros(checked, offset, end)? {
                return Ok(false);
            }
        } else {
            let bytes = read_exactly(checked, offset, chunk.length)?;
            let Some(bytes) = bytes.filter(|bytes| is_chunk(bytes, chunk.hash)) else { return Ok(false) };
            if !is_shared {
                unix::write_at(to.as_fd(), offset, &bytes)?;
            }
        }
        offset = end;
    }
    Ok(unix::stat_of(to.as_fd())?.print.size == manifest.size())
}

/// Fills the empty file `to` with whatever is in `from`; holes stay holes.
pub(crate) fn copy_plain(from: &OwnedFd, to: &OwnedFd) -> Result<()> {
    if unix::clone_bytes(from.as_fd(), to.as_fd()) {
        return Ok(());
    }
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    while let Some(data) = unix::next_data(from.as_fd(), offset)? {
        let read = unix::read_at(from.as_fd(), data, &mut buffer)?;
        if read == 0 {
            break;
        }
        unix::write_at(to.as_fd(), data, &buffer[..read])?;
        offset = data + read as u64;
    }
    let size = unix::stat_of(from.as_fd())?.print.size;
    unix::set_size(to.as_fd(), size.max(offset))
}

/// Whether these bytes are the chunk with this hash.
pub(crate) fn is_chunk(bytes: &[u8], hash: ChunkHash) -> bool {
    if hash == ZEROS { cut::is_zero(bytes) } else { cut::hash_of(bytes) == hash }
}

/// Reads exactly these bytes; `None` if the file ends before.
pub(crate) fn read_exactly(file: &OwnedFd, offset: u64, length: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| Errno::FBIG)?];
    let read = unix::read_at(file.as_fd(), offset, &mut bytes)?;
    Ok((read == bytes.len()).then_some(bytes))
}

/// Whether these bytes of the file are all zero; holes cost nothing.
pub(crate) fn is_zeros(file: &OwnedFd, mut offset: u64, end: u64) -> Result<bool> {
    let mut buffer = vec![0; 1 << 20];
    while let Some(data) = unix::next_data(file.as_fd(), offset)?.filter(|data| *data < end) {
        let length = usize::try_from(end - data).unwrap_or(usize::MAX).min(buffer.len());
        let read = unix::read_at(file.as_fd(), data, &mut buffer[..length])?;
        if read < length || !cut::is_zero(&buffer[..read]) {
            return Ok(false);
        }
        offset = data + read as u64;
    }
    Ok(true)
}
