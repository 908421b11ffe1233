//! What to do with a file that came out when another took its place: keep it if it was expected, show it if not.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{Errno, Result};
use shoal_engine::observe::Fingerprint;
use shoal_engine::path::RelPath;

use crate::journal::Was;
use crate::names;
use crate::root::{self, OwnDirs, Root};
use crate::unix::{self, Kind, Stat};
use crate::versions::{self, Line, Reason, What};

/// What stands in a slot of the swap directory.
pub(crate) struct Found {
    pub(crate) stat: Stat,
    pub(crate) link: Option<String>,
}

impl Found {
    /// Looks into a slot; `None` if it is empty.
    pub(crate) fn look(dirs: &OwnDirs, slot: &str) -> Result<Option<Found>> {
        let stat = match unix::stat_at(dirs.swap.as_fd(), slot) {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        let link = match stat.kind {
            Kind::Link => String::from_utf8(unix::read_link(dirs.swap.as_fd(), slot)?).ok(),
            Kind::File | Kind::Directory | Kind::Special => None,
        };
        Ok(Some(Found { stat, link }))
    }

    /// Whether this is what should have come out.
    pub(crate) fn is(&self, was: &Was) -> bool {
        was.is(&self.stat, self.link.as_deref())
    }
}

/// Puts what was expected among the versions; returns the line that the log must get.
pub(crate) fn keep(
    dirs: &OwnDirs,
    slot: &str,
    (path, was, reason): (&RelPath, &Was, Reason),
    found: &Found,
) -> Result<Option<Line>> {
    match was {
        Was::Nothing => Ok(None),
        Was::File { content, .. } => {
            let object = versions::keep(dirs, slot, *content, &found.stat)?;
            Ok(Some(Line::of_object(object, *content, &found.stat, (path.clone(), reason))))
        }
        Was::Link { target } => {
            // Its text is all there is of a link, and the log has it before it goes.
            let what = What::Link { target: target.clone() };
            versions::append(dirs, &[Line { time_ns: root::now_ns(), reason, path: path.clone(), what }])?;
            unix::unlink(dirs.swap.as_fd(), slot)?;
            Ok(None)
        }
    }
}

/// Moves what nobody had seen to a name beside `path`, replacing nothing; if its directory is gone, makes it again.
pub(crate) fn copy_beside(
    root: &Root,
    from: (BorrowedFd<'_>, &str),
    path: &RelPath,
    print: &Fingerprint,
) -> Result<Option<RelPath>> {
    const ATTEMPTS: u32 = 64;
    // A directory that cannot be made again (a file or a link took its place): the root is always there.
    let in_root = RelPath::parse(path.name()).ok();
    for path in [Some(path.clone()), in_root].into_iter().flatten() {
        let Ok(parent) = make_parent(root, &path) else { continue };
        for attempt in 0..ATTEMPTS {
            let Some(copy) = names::conflict_copy(&path, print, attempt) else { break };
            match unix::rename_new(from, (parent.as_fd(), copy.name())) {
                Ok(()) => {
                    unix::sync(unix::open_listing(parent.as_fd(), None)?.as_fd())?;
                    return Ok(Some(copy));
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Err(Errno::EXIST)
}

/// Opens the directory that holds `path`, making those that are missing.
pub(crate) fn make_parent<'a>(root: &'a Root, path: &RelPath) -> Result<unix::Dir<'a>> {
    match unix::open_parent(root.handle(), path) {
        Err(Errno::NOENT) => {}
        other => return other,
    }
    let mut missing: Vec<RelPath> = Vec::new();
    for dir in path.ancestors() {
        match unix::open_parent(root.handle(), &dir).map(|above| unix::stat_at(above.as_fd(), dir.name()).is_ok()) {
            Ok(true) => break,
            Ok(false) | Err(Errno::NOENT) => missing.push(dir),
            Err(errno) => return Err(errno),
        }
    }
    for dir in missing.iter().rev() {
        let above = unix::open_parent(root.handle(), dir)?;
        match unix::mkdir(above.as_fd(), dir.name()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    unix::open_parent(root.handle(), path)
}
