//! Kept versions: what was replaced or deleted, and the log that says where it stood.
//!
//! `.shoal/versions/objects/<content>` holds bytes, `.shoal/versions/log` one line per file or link that was put away. The
//! inode itself is kept, since a program may still write through a file it opened earlier; so the bytes of an object may
//! differ from its name, and whoever uses one checks it. `<content>.<tag>` is a further inode that was put away under
//! the same content; [`Root::revisit_kept`] removes it a day later. What surely nobody writes to any more is packed into
//! chunks (`pack.rs`), and what is old or too much goes (`retain.rs`).

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use shoal_engine::id::ContentId;
use shoal_engine::observe::Code;
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use crate::copy;
use crate::displaced;
use crate::error::code_of;
use crate::hash::Reader;
use crate::lease;
use crate::root::{self, OwnDirs, Root};
use crate::unix::{self, Stat};

mod log;
mod pack;
mod retain;

pub(crate) use log::{Line, What, append, read_log};
use log::{newest_lines, write_log};
pub(crate) use pack::{Packed, open as open_packed};
pub use retain::{KEEP_BYTES, KEEP_DAYS, Keep, Kept};

/// One version that was put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVersion {
    /// When it was put away.
    pub time: Timestamp,
    /// Where it stood.
    pub path: RelPath,
    /// Why it was put away.
    pub reason: Reason,
    /// What it was.
    pub kind: KeptKind,
}

/// Why a version was put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another version took its place.
    Replaced,
    /// It was deleted.
    Deleted,
}

/// What was put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptKind {
    /// A file.
    File {
        /// Its content.
        content: ContentId,
        /// Its length in bytes.
        size: u64,
        /// Its modified time.
        modified: Timestamp,
        /// Whether its owner could execute it.
        executable: bool,
    },
    /// A link, with its text.
    Link {
        /// Its text.
        target: String,
    },
}

/// How long a displaced inode is watched: a program that opened it earlier may write so late.
const WATCH_NS: i64 = 24 * 3600 * 1_000_000_000;
/// How long after its last write an inode counts as settled.
const SETTLED_NS: i64 = 2 * 1_000_000_000;

impl Root {
    /// What was put away, oldest first; of one path, or of all.
    pub fn kept(&self, path: Option<&RelPath>) -> std::result::Result<Vec<KeptVersion>, Code> {
        let dirs = self.own()?;
        let lines = read_log(&dirs).map_err(code_of)?;
        let is_there = |line: &Line| match &line.what {
            What::File { object, content, .. } => {
                unix::stat_at(dirs.objects.as_fd(), object.as_str()).is_ok() || pack::is_packed(&dirs, *content)
            }
            What::Link { .. } => true,
        };
        let wanted = lines.into_iter().filter(|line| path.is_none_or(|path| line.path == *path)).filter(is_there);
        Ok(wanted.map(Line::into_version).collect())
    }

    /// Every content that was put away, oldest first.
    pub fn kept_contents(&self) -> std::result::Result<Vec<ContentId>, Code> {
        let content = |version: KeptVersion| match version.kind {
            KeptKind::File { content, .. } => Some(content),
            KeptKind::Link { .. } => None,
        };
        Ok(self.kept(None)?.into_iter().filter_map(content).collect())
    }

    /// Whether a content is among the kept versions.
    pub fn is_kept(&self, content: ContentId) -> bool {
        self.open_kept(content).is_ok_and(|found| found.is_some())
    }

    /// Opens a kept content; the bytes of one that is not packed must be checked against the manifest by whoever reads
    /// them.
    pub fn open_kept(&self, content: ContentId) -> std::result::Result<Option<Reader>, Code> {
        let dirs = self.own()?;
        match candidates(&dirs, content).map_err(code_of)?.into_iter().next() {
            Some(file) => {
                let print = unix::stat_of(file.as_fd()).map_err(code_of)?.print;
                Ok(Some(Reader::new(file, print)))
            }
            None => Ok(pack::open(&dirs, content).map(Reader::packed).or_else(|| self.open_base(content))),
        }
    }

    /// Looks again at what was put away.
    ///
    /// An inode that a program wrote to afterwards, through a file it had opened earlier, comes back as a conflict copy
    /// beside its old path; returns the paths to be looked at. A second inode of one content goes after a day.
    pub fn revisit_kept(&self) -> std::result::Result<Vec<RelPath>, Code> {
        let _guard = self.lock();
        let dirs = self.own()?;
        let now = root::now_ns();
        let mut found = Vec::new();
        let lines = read_log(&dirs).map_err(code_of)?;
        let newest = newest_lines(&lines);
        for (object, line) in &newest {
            let What::File { content, .. } = &line.what else { continue };
            let Ok(stat) = unix::stat_at(dirs.objects.as_fd(), *object) else { continue };
            let is_as_kept = line.is_print(&stat.print);
            if !is_as_kept && now.saturating_sub(stat.print.modified_ns) > SETTLED_NS {
                let object = (dirs.objects.as_fd(), *object);
                found.extend(displaced::copy_beside(self, object, &line.path, &stat.print).map_err(code_of)?);
            } else if is_as_kept && **object != content.to_string() && now.saturating_sub(line.time_ns) > WATCH_NS {
                let first = newest.get(content.to_string().as_str());
                drop_extra(&dirs, object, *content, first.copied()).map_err(code_of)?;
            }
        }
        Ok(found)
    }
}

/// Every file that was put away under this content.
pub(crate) fn candidates(dirs: &OwnDirs, content: ContentId) -> Result<Vec<OwnedFd>> {
    let mut names = vec![content.to_string()];
    let is_first_there = unix::stat_at(dirs.objects.as_fd(), names[0].as_str()).is_ok();
    let of_content = |line: Line| match line.what {
        What::File { object, content: other, .. } => (other == content).then_some(object),
        What::Link { .. } => None,
    };
    if !is_first_there {
        names.extend(read_log(dirs)?.into_iter().filter_map(of_content));
    }
    Ok(names.iter().filter_map(|name| unix::open_own(dirs.objects.as_fd(), name, false).ok()).collect())
}

/// Every object of this content, by name.
pub(crate) fn objects_of(dirs: &OwnDirs, content: ContentId) -> Result<Vec<String>> {
    let prefix = content.to_string();
    let mut found = Vec::new();
    let listing = unix::open_listing(dirs.objects.as_fd(), None)?;
    unix::list(listing.as_fd(), |name, _| {
        found.extend(name.to_str().ok().filter(|name| name.starts_with(&prefix)).map(str::to_owned));
    })?;
    Ok(found)
}

/// Moves a file from the swap directory to the objects; returns its name there.
pub(crate) fn keep(dirs: &OwnDirs, slot: &str, content: ContentId, stat: &Stat) -> Result<String> {
    let first = content.to_string();
    // Another name of the same inode may be written to at any time; that must not change what is kept.
    let copy = format!("{slot}.copy");
    let is_copied = stat.links > 1 && copy_in_swap(dirs, slot, &copy).is_ok();
    let swap = if is_copied { (dirs.swap.as_fd(), copy.as_str()) } else { (dirs.swap.as_fd(), slot) };
    let kept = keep_name(dirs, swap, first)?;
    if is_copied {
        unix::unlink(dirs.swap.as_fd(), slot)?;
    }
    Ok(kept)
}

/// Gives a file in the swap directory its name among the objects.
pub(crate) fn keep_name(dirs: &OwnDirs, swap: (std::os::fd::BorrowedFd<'_>, &str), first: String) -> Result<String> {
    let spare = format!("{first}.{}", root::fresh_tag());
    match unix::rename_new(swap, (dirs.objects.as_fd(), &first)) {
        Ok(()) => Ok(first),
        Err(Errno::EXIST) => unix::rename_new(swap, (dirs.objects.as_fd(), &spare)).map(|()| spare),
        Err(errno) => Err(errno),
    }
}

fn copy_in_swap(dirs: &OwnDirs, slot: &str, copy: &str) -> Result<()> {
    let from = unix::open_own(dirs.swap.as_fd(), slot, false)?;
    let to = unix::create_own(dirs.swap.as_fd(), copy)?;
    let stat = unix::stat_of(from.as_fd())?;
    let copied = copy::copy_plain(&from, &to)
        .and_then(|()| unix::set_mode(to.as_fd(), stat.mode & 0o777))
        .and_then(|()| unix::set_modified(to.as_fd(), stat.print.modified_ns))
        .and_then(|()| unix::sync(to.as_fd()));
    if copied.is_err() {
        unix::unlink(dirs.swap.as_fd(), copy)?;
    }
    copied
}

/// Removes a second inode of one content that nobody has open for writing, if the first is as it was put away.
fn drop_extra(dirs: &OwnDirs, object: &str, content: ContentId, first: Option<&Line>) -> Result<()> {
    let open = |name: &str| unix::open_own(dirs.objects.as_fd(), name, false).ok();
    let is_first_whole =
        open(&content.to_string()).zip(first).is_some_and(|(file, line)| line.is_as_kept(&file) && !is_open(&file));
    let is_free = open(object).is_some_and(|file| !is_open(&file));
    if is_first_whole && is_free { unix::unlink(dirs.objects.as_fd(), object) } else { Ok(()) }
}

/// Whether a program is known to have a file open for writing.
fn is_open(file: &OwnedFd) -> bool {
    lease::is_written(file.as_fd()) == Some(true)
}
