//! An opened folder that cannot be left, and its own directory `.shoal`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::io::Errno;
use shoal_engine::observe::{Code, Stop};
use shoal_engine::path::PRIVATE_DIR;

use crate::error::{DiskError, code_of};
use crate::mode::Modes;
use crate::place;
use crate::scan;
use crate::stage::Stage;
use crate::unix;

/// The file in `.shoal` whose id proves that the directory is the folder we know.
pub(crate) const MARKER: &str = "marker";
/// Where in `.shoal` a directory that is no folder of its own, only the place of an offer, keeps its stage.
const OFFER_DIR: &str = "offer";

/// An opened folder that cannot be left. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Root(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    handle: Arc<OwnedFd>,
    device: u64,
    inode: u64,
    /// `None` for the place of an offer.
    root_id: Option<[u8; 16]>,
    /// Tells other instances on this computer that the folder is open.
    _held: Option<OwnedFd>,
    private: Arc<Private>,
    stage: Stage,
    applying: Mutex<()>,
    modes: Mutex<Modes>,
    packing: Mutex<()>,
    folds_names: OnceLock<bool>,
}

impl Root {
    /// Makes a directory a folder: makes it if needed, and puts a marker with `root_id` into its `.shoal`.
    ///
    /// Refuses places that would harm: the system's root, a home directory itself, Shoal's own directory, a place in or
    /// around a folder that is shared already, a place with the mark of another share. A directory that has this very
    /// marker is opened.
    pub fn create(dir: &Path, root_id: [u8; 16]) -> Result<Root, DiskError> {
        Root::make(dir, root_id, false)
    }

    /// The same where the mark of another share is in the way: the new one takes its place, unless a Shoal on this
    /// computer has that share open. Its kept versions stay, and what a crash left half done is found by `recover`.
    pub fn take_over(dir: &Path, root_id: [u8; 16]) -> Result<Root, DiskError> {
        Root::make(dir, root_id, true)
    }

    /// Whether a directory, if it is there, carries no mark that would be in the way of sharing it.
    pub fn look_for_mark(dir: &Path) -> Result<(), DiskError> {
        match unix::open_dir(dir) {
            Ok(handle) => unmarked(dir, &handle),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(DiskError::new("open", dir, errno)),
        }
    }

    fn make(dir: &Path, root_id: [u8; 16], is_taking_over: bool) -> Result<Root, DiskError> {
        let fail = |what| move |errno| DiskError::new(what, dir, errno);
        std::fs::create_dir_all(dir).map_err(|error| fail("make")(errno_of(&error)))?;
        let dir = &dir.canonicalize().map_err(|error| fail("find")(errno_of(&error)))?;
        place::check(dir)?;
        let handle = unix::open_dir(dir).map_err(fail("open"))?;
        if place::is_marked(handle.as_fd(), root_id).is_err() {
            let _seized = match (unmarked(dir, &handle), is_taking_over) {
                (Err(DiskError::Marked { root_id, .. }), true) => {
                    let in_use = |_| DiskError::InUse { path: dir.clone(), root_id };
                    place::seize(handle.as_fd()).map_err(in_use)?
                }
                (free, _) => free.map(|()| None)?,
            };
            place::check_overlap(dir)?;
            place::write_marker(handle.as_fd(), root_id).map_err(fail("mark"))?;
        }
        let root = Root::build(dir.clone(), handle, Some(root_id)).map_err(fail("open"))?;
        root.0.private.open().map_err(fail("make our directory in"))?;
        Ok(root)
    }

    /// Opens a folder again.
    pub fn open(dir: &Path, root_id: [u8; 16]) -> Result<Root, Stop> {
        let dir = dir.canonicalize().map_err(|_| Stop::Missing)?;
        let handle = unix::open_dir(&dir).map_err(|_| Stop::Missing)?;
        let root = Root::build(dir, handle, Some(root_id)).map_err(|_| Stop::Missing)?;
        // Looked at while it is held: from here on nobody takes it over.
        place::is_marked(root.handle(), root_id)?;
        Ok(root)
    }

    /// Opens the source or the destination of an offer: no marker is looked for, nothing is made yet.
    pub fn open_plain(dir: &Path) -> Result<Root, DiskError> {
        let fail = |errno| DiskError::new("open", dir, errno);
        let dir = dir.canonicalize().map_err(|error| fail(errno_of(&error)))?;
        let handle = unix::open_dir(&dir).map_err(fail)?;
        Root::build(dir.clone(), handle, None).map_err(fail)
    }

    fn build(dir: PathBuf, handle: OwnedFd, root_id: Option<[u8; 16]>) -> Result<Root, Errno> {
        let stat = unix::stat_of(handle.as_fd())?;
        let held = root_id.and_then(|_| place::hold(handle.as_fd()));
        let handle = Arc::new(handle);
        let private = Arc::new(Private { root: handle.clone(), is_offer: root_id.is_none(), dirs: Mutex::default() });
        let stage = Stage::new(private.clone());
        let (device, inode) = (stat.device, stat.print.inode);
        let (applying, packing) = (Mutex::default(), Mutex::default());
        let (modes, folds_names) = (Mutex::default(), OnceLock::new());
        Ok(Root(Arc::new(Inner {
            dir,
            handle,
            device,
            inode,
            root_id,
            _held: held,
            private,
            stage,
            applying,
            packing,
            modes,
            folds_names,
        })))
    }

    /// Whether the directory is still the one that was opened, by its path and by its handle, and still marked.
    pub fn check(&self) -> Result<(), Stop> {
        let by_path = unix::open_dir(&self.0.dir).map_err(|_| Stop::Missing)?;
        for handle in [by_path.as_fd(), self.handle()] {
            if let Some(root_id) = self.0.root_id {
                place::is_marked(handle, root_id)?;
            }
            let stat = unix::stat_of(handle).map_err(|_| Stop::Missing)?;
            if (stat.device, stat.print.inode) != (self.0.device, self.0.inode) {
                return Err(Stop::Replaced);
            }
        }
        Ok(())
    }

    /// The directory's path, without links.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The place for bytes that are not complete yet.
    pub fn stage(&self) -> &Stage {
        &self.0.stage
    }

    /// Bytes that still fit on the disk; 0 if that cannot be told.
    pub fn free_bytes(&self) -> u64 {
        unix::free_bytes(self.handle()).unwrap_or(0)
    }

    /// Removes the private directory of an offer's place if nothing is in it.
    pub fn forget_private(&self) {
        if self.0.root_id.is_none() {
            self.0.private.remove_empty();
        }
    }

    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.0.handle.as_fd()
    }

    pub(crate) fn device(&self) -> u64 {
        self.0.device
    }

    pub(crate) fn own(&self) -> Result<Arc<OwnDirs>, Code> {
        self.0.private.open().map_err(code_of)
    }

    pub(crate) fn own_existing(&self) -> Option<Arc<OwnDirs>> {
        self.0.private.open_existing()
    }

    /// One batch at a time: two of them could plan with the same file.
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.applying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What files that were taken away lately allowed.
    pub(crate) fn modes(&self) -> std::sync::MutexGuard<'_, Modes> {
        self.0.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Packing and letting go take long and must not keep a batch waiting, nor meet each other.
    pub(crate) fn lock_packing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.packing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this disk takes names that differ in case for one: then `.SHOAL` is our own directory too.
    pub(crate) fn folds_names(&self) -> bool {
        *self.0.folds_names.get_or_init(|| {
            let upper = PRIVATE_DIR.to_uppercase();
            // By the listing, not by inodes: a file system in user space may number the same file anew for each name.
            unix::stat_at(self.handle(), &upper).is_ok() && !scan::has_name(self.handle(), &upper).unwrap_or(true)
        })
    }
}

/// Whether an opened directory carries no mark, and why not.
fn unmarked(dir: &Path, handle: &OwnedFd) -> Result<(), DiskError> {
    let root_id = match place::read_marker(handle.as_fd()) {
        Ok(place::Mark::Absent) => return Ok(()),
        Ok(place::Mark::Of(root_id)) => Some(root_id),
        Ok(place::Mark::Damaged) => None,
        Err(errno) => return Err(DiskError::new("read the marker of", dir, errno)),
    };
    let path = dir.into();
    match place::seize(handle.as_fd()) {
        Ok(_) => Err(DiskError::Marked { path, root_id }),
        Err(place::InUse) => Err(DiskError::InUse { path, root_id }),
    }
}

/// Our own directories, opened when they are first needed.
#[derive(Debug)]
pub(crate) struct Private {
    root: Arc<OwnedFd>,
    is_offer: bool,
    dirs: Mutex<Option<Arc<OwnDirs>>>,
}

/// Handles of our own directories in one root.
#[derive(Debug)]
pub(crate) struct OwnDirs {
    /// What holds the others, and the marker and the witness of a folder.
    pub(crate) base: OwnedFd,
    /// Contents that are being fetched, by their id.
    pub(crate) stage: OwnedFd,
    /// Where files change places with those they replace.
    pub(crate) swap: OwnedFd,
    /// What a batch is about to do.
    pub(crate) journal: OwnedFd,
    /// The log of kept versions.
    pub(crate) versions: OwnedFd,
    /// The kept contents, by their id.
    pub(crate) objects: OwnedFd,
}

impl Private {
    pub(crate) fn open(&self) -> Result<Arc<OwnDirs>, Errno> {
        let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dirs) = dirs.as_ref().filter(|dirs| !self.is_offer || dirs.are_there()) {
            return Ok(dirs.clone());
        }
        let mut base = unix::open_own_dir(self.root.as_fd(), PRIVATE_DIR)?;
        if self.is_offer {
            base = unix::open_own_dir(base.as_fd(), OFFER_DIR)?;
        }
        let open = |name| unix::open_own_dir(base.as_fd(), name);
        let (stage, swap, journal, versions) = (open("stage")?, open("swap")?, open("journal")?, open("versions")?);
        let objects = unix::open_own_dir(versions.as_fd(), "objects")?;
        let opened = Arc::new(OwnDirs { base, stage, swap, journal, versions, objects });
        *dirs = Some(opened.clone());
        Ok(opened)
    }

    /// The directories if they were opened or can be opened without making any.
    pub(crate) fn open_existing(&self) -> Option<Arc<OwnDirs>> {
        let below = if self.is_offer { OFFER_DIR } else { "." };
        let is_there = unix::open_own(self.root.as_fd(), PRIVATE_DIR, false)
            .and_then(|private| unix::stat_at(private.as_fd(), below))
            .is_ok();
        if is_there { self.open().ok() } else { None }
    }

    fn remove_empty(&self) {
        let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = dirs.take() else { return };
        let remove = |dir: &OwnedFd, names: &[&str]| names.iter().for_each(|name| _ = unix::rmdir(dir.as_fd(), name));
        remove(&opened.versions, &["objects"]);
        remove(&opened.base, &["stage", "swap", "journal", "versions"]);
        if let Ok(private) = unix::open_own(self.root.as_fd(), PRIVATE_DIR, false) {
            remove(&private, &[OFFER_DIR]);
            remove(&self.root, &[PRIVATE_DIR]);
        }
    }
}

impl OwnDirs {
    /// A directory that was removed under its handle has no name left.
    fn are_there(&self) -> bool {
        unix::stat_of(self.stage.as_fd()).is_ok_and(|stat| stat.links > 0)
            && unix::stat_of(self.objects.as_fd()).is_ok_and(|stat| stat.links > 0)
    }
}

/// Sixteen hexadecimal digits that this device uses once: names of batches and of things put aside.
pub(crate) fn fresh_tag() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&count.to_le_bytes()).update(&std::process::id().to_le_bytes());
    hasher.update(&now_ns().to_le_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
