//! Looks at paths and lists directories: never through a link, never onto another file system.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::io::Errno;
use shoal_engine::observe::{Code, Listed, Seen};
use shoal_engine::path::{PRIVATE_DIR, RelPath};

use crate::error::{DiskError, code_of, is_absent};
use crate::names;
use crate::root::Root;
use crate::unix::{self, Kind, Stat};

/// Takes one directory: which (`None` for the root), what is in it, and names that are no paths for us.
pub type Sink<'a> = dyn FnMut(Option<RelPath>, Result<Vec<Listed>, Code>, Vec<(String, Code)>) + 'a;

/// What a directory holds, before it is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Regular files.
    pub files: u64,
    /// Directories, without the one measured.
    pub directories: u64,
    /// Bytes in the files.
    pub bytes: u64,
    /// What could not be shared: special files, links that leave, impossible names, directories that cannot be read.
    pub skipped: u64,
}

/// Counts what a directory holds.
pub fn measure(dir: &Path) -> Result<Measured, DiskError> {
    let root = Root::open_plain(dir)?;
    let mut sum = Measured::default();
    root.walk(None, &mut |_, entries, skipped| {
        sum.skipped += skipped.len() as u64 + u64::from(entries.is_err());
        for entry in entries.unwrap_or_default() {
            match entry.seen {
                Seen::File { print, .. } => {
                    sum.files += 1;
                    sum.bytes = sum.bytes.saturating_add(print.size);
                }
                Seen::Directory => sum.directories += 1,
                Seen::Link { .. } => {}
                Seen::Skipped(_) => sum.skipped += 1,
            }
        }
    });
    Ok(sum)
}

impl Root {
    /// Looks at one path; `None` if nothing is there, an error if that cannot be told.
    pub fn look(&self, path: &RelPath) -> Result<Option<Seen>, Code> {
        if names::is_ours(path, self.folds_names()) {
            return Ok(Some(Seen::Skipped(Code::OurName)));
        }
        let parent = match self.parent_exact(path) {
            Ok(Some(parent)) => parent,
            Ok(None) => return Ok(None),
            Err(errno) if is_absent(errno) => return Ok(None),
            Err(errno) => return Err(code_of(errno)),
        };
        match self.stat_exact(parent.as_fd(), path.name()) {
            Ok(Some(stat)) => see(parent.as_fd(), path, &stat, self.device()).map(Some),
            Ok(None) => Ok(None),
            Err(errno) if is_absent(errno) => Ok(None),
            Err(errno) => Err(code_of(errno)),
        }
    }

    /// Lists a directory and all below it, one call per directory, parents first.
    ///
    /// Skips only the root's own `.shoal`. A directory that cannot be read is an error, never an empty list.
    pub fn walk(&self, dir: Option<&RelPath>, sink: &mut Sink<'_>) {
        let mut pending = vec![dir.cloned()];
        while let Some(dir) = pending.pop() {
            let mut skipped = Vec::new();
            let entries = self.list(dir.as_ref(), &mut skipped).map_err(list_code);
            for entry in entries.iter().flatten().filter(|entry| entry.seen == Seen::Directory) {
                pending.push(Some(entry.path.clone()));
            }
            sink(dir, entries, skipped);
        }
    }

    /// Lists the directories below `dir`, with `dir` itself, as far as they can be read.
    pub(crate) fn walk_directories(&self, dir: Option<&RelPath>, sink: &mut dyn FnMut(Option<&RelPath>)) {
        let mut pending = vec![dir.cloned()];
        while let Some(dir) = pending.pop() {
            let Ok(handle) = unix::open_listing(self.handle(), dir.as_ref()) else { continue };
            sink(dir.as_ref());
            // Whatever is missing here, a walk will report.
            let _ = unix::list(handle.as_fd(), |name, is_leaf| {
                if is_leaf {
                    return;
                }
                if let (Ok(path), Ok(stat)) = (path_of(dir.as_ref(), name), unix::stat_at(handle.as_fd(), name))
                    && stat.kind == Kind::Directory
                    && !names::is_ours(&path, false)
                {
                    pending.push(Some(path));
                }
            });
        }
    }

    fn list(&self, dir: Option<&RelPath>, skipped: &mut Vec<(String, Code)>) -> Result<Vec<Listed>, Errno> {
        let handle = unix::open_listing(self.handle(), dir)?;
        let mut entries = Vec::new();
        let mut failed = None;
        unix::list(handle.as_fd(), |name, _| {
            if dir.is_none() && name.to_bytes() == PRIVATE_DIR.as_bytes() {
                return;
            }
            let path = match path_of(dir, name) {
                Ok(path) => path,
                Err(trouble) => return skipped.push(trouble),
            };
            match unix::stat_at(handle.as_fd(), name) {
                Ok(_) if name.to_bytes() == PRIVATE_DIR.as_bytes() => {
                    entries.push(Listed { path, seen: Seen::Skipped(Code::OurName) });
                }
                Ok(stat) => {
                    let seen = see(handle.as_fd(), &path, &stat, self.device()).unwrap_or_else(Seen::Skipped);
                    entries.push(Listed { path, seen });
                }
                // Gone since it was listed.
                Err(Errno::NOENT) => {}
                Err(errno) if matches!(errno, Errno::IO | Errno::ACCESS | Errno::PERM | Errno::STALE) => {
                    entries.push(Listed { path, seen: Seen::Skipped(code_of(errno)) });
                }
                Err(errno) => failed = Some(errno),
            }
        })?;
        failed.map_or(Ok(entries), Err)
    }

    /// Opens the directory that holds a path; `None` if this disk takes another name for that of a directory above it.
    pub(crate) fn parent_exact(&self, path: &RelPath) -> Result<Option<unix::Dir<'_>>, Errno> {
        let is_other = |dir: RelPath| {
            let above = match unix::open_parent(self.handle(), &dir) {
                Err(errno) if is_absent(errno) => return Ok(false),
                other => other?,
            };
            match self.stat_exact(above.as_fd(), dir.name()) {
                Ok(found) => Ok(found.is_none()),
                Err(errno) if is_absent(errno) => Ok(false),
                Err(errno) => Err(errno),
            }
        };
        if self.folds_names() {
            for dir in path.ancestors() {
                if is_other(dir)? {
                    return Ok(None);
                }
            }
        }
        unix::open_parent(self.handle(), path).map(Some)
    }

    /// Looks at a name in a directory; on a disk that folds names, only if the directory has it letter for letter.
    pub(crate) fn stat_exact(&self, dir: BorrowedFd<'_>, name: &str) -> Result<Option<Stat>, Errno> {
        let stat = unix::stat_at(dir, name)?;
        if self.folds_names() && !has_name(dir, name)? { Ok(None) } else { Ok(Some(stat)) }
    }
}

/// Whether the directory holds exactly this name.
pub(crate) fn has_name(dir: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    let listing = unix::open_listing(dir, None)?;
    let mut is_there = false;
    unix::list(listing.as_fd(), |found, _| is_there |= found.to_bytes() == name.as_bytes())?;
    Ok(is_there)
}

/// A directory that is gone or was replaced since its parent was listed keeps changing.
fn list_code(errno: Errno) -> Code {
    if is_absent(errno) { Code::Busy } else { code_of(errno) }
}

fn path_of(dir: Option<&RelPath>, name: &CStr) -> Result<RelPath, (String, Code)> {
    let Ok(text) = name.to_str() else {
        return Err((name.to_string_lossy().into_owned(), Code::NameNotText));
    };
    let path = dir.map_or_else(|| RelPath::parse(text), |dir| dir.join(text));
    path.map_err(|_| (text.to_owned(), Code::TooLarge))
}

fn see(dir: BorrowedFd<'_>, path: &RelPath, stat: &Stat, device: u64) -> Result<Seen, Code> {
    // On an overlay, files may report the device of a layer; only directories tell.
    let is_foreign = stat.is_mount || (stat.kind == Kind::Directory && stat.device != device);
    match stat.kind {
        _ if is_foreign => Ok(Seen::Skipped(Code::ForeignMount)),
        Kind::File => Ok(Seen::File { print: stat.print, executable: stat.executable() }),
        Kind::Directory => Ok(Seen::Directory),
        Kind::Special => Ok(Seen::Skipped(Code::SpecialFile)),
        Kind::Link => match unix::read_link(dir, path.name()).map(String::from_utf8) {
            Ok(Ok(target)) if names::link_leaves(path, &target) => Ok(Seen::Skipped(Code::LinkLeaves)),
            Ok(Ok(target)) => Ok(Seen::Link { target }),
            Ok(Err(_)) => Ok(Seen::Skipped(Code::NameNotText)),
            Err(errno) => Err(code_of(errno)),
        },
    }
}
