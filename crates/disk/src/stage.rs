//! The stage: contents on their way in, each a sparse file named by its id, every chunk checked before it is written.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use shoal_engine::chunk::{Manifest, ZEROS};
use shoal_engine::id::{ChunkHash, ContentId};
use shoal_engine::observe::Code;

use crate::copy::{is_chunk, is_zeros, read_exactly};
use crate::error::code_of;
use crate::hash::Reader;
use crate::root::{OwnDirs, Private};
use crate::unix;

/// The place in a root for contents that are not complete yet.
#[derive(Debug)]
pub struct Stage {
    private: Arc<Private>,
    /// What is known to be there; a content that is missing here was not looked at since the start.
    known: Mutex<HashMap<ContentId, Slot>>,
}

/// Locked while its content is verified, so that two who open one content verify it once and others need not wait.
type Slot = Arc<Mutex<Option<Arc<Staged>>>>;

/// One content in the stage, opened for writing.
#[derive(Debug)]
pub struct StagedFile {
    file: OwnedFd,
    staged: Arc<Staged>,
}

/// Why a chunk was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTrouble {
    /// The bytes are not that chunk: whoever gave them lied.
    Mismatch,
    /// The disk refused.
    Refused(Code),
}

/// What is known of one staged file.
#[derive(Debug)]
struct Staged {
    manifest: Arc<Manifest>,
    /// Where each chunk begins.
    offsets: Vec<u64>,
    have: Mutex<Vec<bool>>,
}

impl Stage {
    pub(crate) fn new(private: Arc<Private>) -> Stage {
        Stage { private, known: Mutex::default() }
    }

    /// Opens a content, making its file if there is none.
    ///
    /// What a file holds from before is verified by hashing it, once: later calls remember.
    pub fn open(&self, content: ContentId, manifest: &Arc<Manifest>) -> Result<StagedFile, Code> {
        let dirs = self.private.open().map_err(code_of)?;
        let slot = lock(&self.known).entry(content).or_default().clone();
        let mut slot = lock(&slot);
        let name = content.to_string();
        let opened = match unix::open_own(dirs.stage.as_fd(), &name, true) {
            Ok(file) => Some(file),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(code_of(errno)),
        };
        let file = match (opened, slot.as_ref()) {
            (Some(file), Some(staged)) => return Ok(StagedFile { file, staged: staged.clone() }),
            (opened, _) => opened,
        };
        let staged = Arc::new(Staged::new(manifest.clone()));
        let verified = match file {
            Some(file) => staged.verify(&file).map_err(code_of)?.then_some(file),
            None => None,
        };
        let file = match verified {
            Some(file) => file,
            None => {
                staged.forget_all();
                create(&dirs, &name, manifest.size()).map_err(code_of)?
            }
        };
        *slot = Some(staged.clone());
        Ok(StagedFile { file, staged })
    }

    /// Reads a chunk of a content that is partly here; `None` if it is not.
    pub fn read_chunk(&self, content: ContentId, index: u32) -> Result<Option<Vec<u8>>, Code> {
        let Some(staged) = self.staged(content) else { return Ok(None) };
        let index = index as usize;
        let is_there = lock(&staged.have).get(index).copied().unwrap_or(false);
        // Runs of zeros are named, never read: they may be longer than memory.
        if !is_there || staged.manifest.chunks[index].hash == ZEROS {
            return Ok(None);
        }
        let dirs = self.private.open().map_err(code_of)?;
        let file = match unix::open_own(dirs.stage.as_fd(), &content.to_string(), false) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(code_of(errno)),
        };
        let chunk = staged.manifest.chunks[index];
        let bytes = read_exactly(&file, staged.offsets[index], chunk.length).map_err(code_of)?;
        Ok(bytes.filter(|bytes| is_chunk(bytes, chunk.hash)))
    }

    /// Throws away what is staged of a content.
    pub fn remove(&self, content: ContentId) {
        lock(&self.known).remove(&content);
        if let Some(dirs) = self.private.open_existing() {
            // A file that stays is found by the next sweep.
            let _ = unix::unlink(dirs.stage.as_fd(), &content.to_string());
        }
    }

    /// Throws away every content that is not to be kept; returns how many files went.
    pub fn sweep(&self, keep: &dyn Fn(ContentId) -> bool) -> usize {
        let Some(dirs) = self.private.open_existing() else { return 0 };
        let mut names = Vec::new();
        let listed = unix::open_listing(dirs.stage.as_fd(), None)
            .and_then(|stage| unix::list(stage.as_fd(), |name, _| names.push(name.to_string_lossy().into_owned())));
        if listed.is_err() {
            return 0;
        }
        let mut removed = 0;
        for name in names {
            let content = ContentId::parse(&name);
            if content.is_some_and(keep) {
                continue;
            }
            if let Some(content) = content {
                lock(&self.known).remove(&content);
            }
            removed += usize::from(unix::unlink(dirs.stage.as_fd(), &name).is_ok());
        }
        removed
    }

    /// Whether every chunk is there and checked; verifies the file if nobody did since the start.
    pub(crate) fn is_complete(&self, content: ContentId, manifest: Option<Arc<Manifest>>) -> Result<bool, Code> {
        if let Some(staged) = self.staged(content) {
            return Ok(staged.is_complete());
        }
        let dirs = self.private.open().map_err(code_of)?;
        let is_there = unix::stat_at(dirs.stage.as_fd(), content.to_string()).is_ok();
        match manifest {
            // An empty file is all there as soon as somebody says so.
            Some(manifest) if is_there || manifest.chunks.is_empty() => {
                Ok(self.open(content, &manifest)?.is_complete())
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Forgets a content whose file was moved away.
    pub(crate) fn forget(&self, content: ContentId) {
        lock(&self.known).remove(&content);
    }

    fn staged(&self, content: ContentId) -> Option<Arc<Staged>> {
        let slot = lock(&self.known).get(&content).cloned()?;
        lock(&slot).clone()
    }
}

impl StagedFile {
    /// Which chunks are there, in order. Runs of zeros always are.
    pub fn have(&self) -> Vec<bool> {
        lock(&self.staged.have).clone()
    }

    /// Checks a chunk, then writes it.
    pub fn write_chunk(&self, index: u32, bytes: &[u8]) -> Result<(), WriteTrouble> {
        let index = index as usize;
        let chunk = *self.staged.manifest.chunks.get(index).ok_or(WriteTrouble::Mismatch)?;
        if bytes.len() as u64 != chunk.length || !is_chunk(bytes, chunk.hash) {
            return Err(WriteTrouble::Mismatch);
        }
        // A complete file may be on its way out of the stage: what is there is never written again.
        if lock(&self.staged.have)[index] {
            return Ok(());
        }
        let refused = |errno| WriteTrouble::Refused(code_of(errno));
        unix::write_at(self.file.as_fd(), self.staged.offsets[index], bytes).map_err(refused)?;
        lock(&self.staged.have)[index] = true;
        Ok(())
    }

    /// Takes the chunks that another file has in common with this one; returns how many that were.
    ///
    /// Stops early when the disk refuses: what is missing then is fetched, and the refusal shows there.
    pub fn fill_from(&self, reader: &Reader, near: &Manifest) -> usize {
        let mut places: HashMap<ChunkHash, (u64, u64)> = HashMap::new();
        let mut offset = 0;
        for chunk in &near.chunks {
            places.entry(chunk.hash).or_insert((offset, chunk.length));
            offset += chunk.length;
        }
        let mut filled = 0;
        let mut buffer = Vec::new();
        let missing = self.have().into_iter().enumerate().filter(|(_, have)| !have);
        for (index, _) in missing {
            let chunk = self.staged.manifest.chunks[index];
            let Some(&(offset, length)) = places.get(&chunk.hash) else { continue };
            buffer.resize(usize::try_from(length).unwrap_or(0), 0);
            if reader.read_at(offset, &mut buffer) != Ok(buffer.len()) {
                return filled;
            }
            match self.write_chunk(u32::try_from(index).unwrap_or(u32::MAX), &buffer) {
                Ok(()) => filled += 1,
                // The file changed under us; what else it has may still be right.
                Err(WriteTrouble::Mismatch) => {}
                Err(WriteTrouble::Refused(_)) => return filled,
            }
        }
        filled
    }

    /// Whether every chunk is there.
    pub fn is_complete(&self) -> bool {
        self.staged.is_complete()
    }
}

impl Staged {
    fn new(manifest: Arc<Manifest>) -> Staged {
        let offsets = manifest.chunks.iter().scan(0, |at, chunk| {
            let offset = *at;
            *at += chunk.length;
            Some(offset)
        });
        let (offsets, have) = (offsets.collect(), manifest.chunks.iter().map(|chunk| chunk.hash == ZEROS).collect());
        Staged { manifest, offsets, have: Mutex::new(have) }
    }

    fn is_complete(&self) -> bool {
        lock(&self.have).iter().all(|have| *have)
    }

    fn forget_all(&self) {
        for (have, chunk) in lock(&self.have).iter_mut().zip(&self.manifest.chunks) {
            *have = chunk.hash == ZEROS;
        }
    }

    /// Hashes the chunks that are there; `false` if this cannot be the file: it has to be begun anew.
    fn verify(&self, file: &OwnedFd) -> Result<bool, Errno> {
        if unix::stat_of(file.as_fd())?.print.size != self.manifest.size() {
            return Ok(false);
        }
        let mut have = lock(&self.have);
        for (index, chunk) in self.manifest.chunks.iter().enumerate() {
            let (offset, end) = (self.offsets[index], self.offsets[index] + chunk.length);
            let is_hole = unix::next_data(file.as_fd(), offset)?.is_none_or(|data| data >= end);
            match (chunk.hash == ZEROS, is_hole) {
                (true, true) => {}
                (true, false) => {
                    if !is_zeros(file, offset, end)? {
                        return Ok(false);
                    }
                }
                // A chunk of zeros too short for a run; written, it would be no hole.
                (false, true) => have[index] = false,
                (false, false) => {
                    let bytes = read_exactly(file, offset, chunk.length)?;
                    have[index] = bytes.is_some_and(|bytes| is_chunk(&bytes, chunk.hash));
                }
            }
        }
        Ok(true)
    }
}

fn create(dirs: &OwnDirs, name: &str, size: u64) -> Result<OwnedFd, Errno> {
    match unix::create_own(dirs.stage.as_fd(), name) {
        Ok(file) => unix::set_size(file.as_fd(), size).map(|()| file),
        Err(Errno::EXIST) => {
            unix::unlink(dirs.stage.as_fd(), name)?;
            let file = unix::create_own(dirs.stage.as_fd(), name)?;
            unix::set_size(file.as_fd(), size).map(|()| file)
        }
        Err(errno) => Err(errno),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
