//! Texts as they were when they were last recorded or put there: what two edits of one text were made of.
//!
//! `.shoal/bases/<content>` is a copy. Nothing depends on it: without one, two edits of a text are a conflict. So it is
//! not synced, whoever reads one checks it, and what is old or too much goes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use shoal_engine::chunk::Manifest;
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Code, Fingerprint};
use shoal_engine::path::RelPath;
use shoal_engine::text_merge::text_of;

use crate::error::code_of;
use crate::hash::Reader;
use crate::root::{self, Root};
use crate::{copy, unix};

const BASES: &str = "bases";
/// The end of a name that is being written.
const NEW: &str = ".new";
/// Longest text of which a copy is kept, in bytes: what people write by hand is shorter.
const BASE_BYTES_MAX: u64 = 256 << 10;
/// Bytes kept in one folder; then the oldest go until three quarters are left.
const BASES_BYTES_MAX: u64 = 64 << 20;
/// Copies kept in one folder; then the oldest go.
const BASES_MAX: usize = 4096;
/// After this long a copy goes, as kept versions do unless told otherwise.
const BASE_AGE_NS_MAX: i64 = 30 * 24 * 3600 * 1_000_000_000;

impl Root {
    /// Keeps copies of those among some files that are short texts and still have these fingerprints.
    pub fn keep_bases(&self, files: &[(RelPath, Fingerprint, ContentId)]) -> std::result::Result<(), Code> {
        let mut short = files.iter().filter(|(_, print, _)| (1..=BASE_BYTES_MAX).contains(&print.size)).peekable();
        if short.peek().is_none() {
            return Ok(());
        }
        let bases = self.bases().map_err(code_of)?;
        // Each is tried, whatever came of the others.
        let kept: Vec<_> = short.map(|(path, print, content)| self.keep_base(&bases, path, print, *content)).collect();
        kept.into_iter().collect::<Result<()>>().map_err(code_of)
    }

    fn keep_base(&self, bases: &OwnedFd, path: &RelPath, print: &Fingerprint, content: ContentId) -> Result<()> {
        let name = content.to_string();
        if unix::stat_at(bases.as_fd(), name.as_str()).is_ok() {
            return Ok(());
        }
        let Ok(reader) = self.reader(path, print) else { return Ok(()) };
        let Some(bytes) = read_whole(&reader, BASE_BYTES_MAX).filter(|bytes| text_of(bytes).is_some()) else {
            return Ok(());
        };
        let new = format!("{name}{NEW}");
        match unix::unlink(bases.as_fd(), &new) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        let file = unix::create_own(bases.as_fd(), &new)?;
        unix::write_at(file.as_fd(), 0, &bytes)?;
        unix::rename_over((bases.as_fd(), &new), (bases.as_fd(), &name))
    }

    /// Opens a text that was kept; its bytes must be checked by whoever reads them.
    pub(crate) fn open_base(&self, content: ContentId) -> Option<Reader> {
        let file = unix::open_own(self.bases().ok()?.as_fd(), &content.to_string(), false).ok()?;
        let print = unix::stat_of(file.as_fd()).ok()?.print;
        Some(Reader::new(file, print))
    }

    /// The bytes of a text that was kept.
    pub(crate) fn base(&self, content: ContentId, manifest: &Manifest) -> Option<Vec<u8>> {
        let reader = self.open_base(content)?;
        let bytes = read_whole(&reader, BASE_BYTES_MAX).filter(|bytes| is_content(bytes, manifest));
        if bytes.is_none() {
            // A power cut can leave any bytes.
            let _ = unix::unlink(self.bases().ok()?.as_fd(), &content.to_string());
        }
        bytes
    }

    /// Removes the copies that are old or too much.
    pub fn trim_bases(&self) -> std::result::Result<(), Code> {
        self.try_trim_bases().map_err(code_of)
    }

    fn try_trim_bases(&self) -> Result<()> {
        let bases = self.bases()?;
        let mut found: Vec<(i64, u64, String)> = Vec::new();
        let listing = unix::open_listing(bases.as_fd(), None)?;
        unix::list(listing.as_fd(), |name, _| {
            let Ok(name) = name.to_str() else { return };
            if let Ok(stat) = unix::stat_at(bases.as_fd(), name) {
                found.push((stat.print.modified_ns, stat.print.size, name.to_owned()));
            }
        })?;
        found.sort_unstable();
        let mut bytes: u64 = found.iter().map(|(_, size, _)| size).sum();
        let most = if bytes > BASES_BYTES_MAX { BASES_BYTES_MAX / 4 * 3 } else { BASES_BYTES_MAX };
        let mut left = found.len();
        for (written, size, name) in found {
            if bytes > most || left > BASES_MAX || root::now_ns().saturating_sub(written) > BASE_AGE_NS_MAX {
                unix::unlink(bases.as_fd(), &name)?;
                bytes -= size;
                left -= 1;
            }
        }
        Ok(())
    }

    fn bases(&self) -> Result<OwnedFd> {
        let dirs = self.own().map_err(|_| Errno::IO)?;
        unix::open_own_dir(dirs.base.as_fd(), BASES)
    }
}

/// All bytes of a file that does not change meanwhile; `None` if it is longer.
pub(crate) fn read_whole(reader: &Reader, bytes_max: u64) -> Option<Vec<u8>> {
    let size = Some(reader.size()).filter(|size| *size <= bytes_max)?;
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    let read = reader.read_at(0, &mut bytes).ok()?;
    (read == bytes.len() && reader.still_same()).then_some(bytes)
}

/// Whether bytes are what a manifest says.
pub(crate) fn is_content(bytes: &[u8], manifest: &Manifest) -> bool {
    let mut rest = bytes;
    let is_whole = manifest.chunks.iter().all(|chunk| {
        let length = usize::try_from(chunk.length).unwrap_or(usize::MAX);
        let Some((first, others)) = rest.split_at_checked(length) else { return false };
        rest = others;
        copy::is_chunk(first, chunk.hash)
    });
    is_whole && rest.is_empty()
}
