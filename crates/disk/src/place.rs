//! Which directories may become a folder, and the marker that proves one is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use shoal_engine::observe::Stop;
use shoal_engine::path::PRIVATE_DIR;

use crate::error::DiskError;
use crate::root::MARKER;
use crate::unix::{self, Kind};
use crate::witness::WITNESS;

/// Most bytes of a marker that are read: an id in hexadecimal and a newline, with room to spare.
const MARKER_BYTES_MAX: usize = 64;

/// Refuses the system's root, home directories themselves, and anything in Shoal's own directory.
pub(crate) fn check(dir: &Path) -> Result<(), DiskError> {
    let homes = [std::env::home_dir(), std::env::var_os("HOME").map(PathBuf::from)];
    let is_home = |home: &PathBuf| home.canonicalize().is_ok_and(|home| home == dir);
    if dir.parent().is_none() || homes.iter().flatten().any(is_home) {
        return Err(DiskError::TooMuch { path: dir.into() });
    }
    if dir.components().any(|part| part.as_os_str() == PRIVATE_DIR) {
        return Err(DiskError::OurOwn { path: dir.into() });
    }
    Ok(())
}

/// Refuses a place inside a shared folder, or around one.
pub(crate) fn check_overlap(dir: &Path) -> Result<(), DiskError> {
    let overlap = |other: &Path| DiskError::Overlaps { path: dir.into(), other: other.into() };
    if let Some(around) = dir.ancestors().skip(1).find(|above| above.join(PRIVATE_DIR).join(MARKER).exists()) {
        return Err(overlap(around));
    }
    let mut below = vec![dir.to_path_buf()];
    while let Some(at) = below.pop() {
        // What cannot be listed cannot be shared from either.
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            if entry.file_name() == PRIVATE_DIR {
                if at != dir && entry.path().join(MARKER).exists() {
                    return Err(overlap(&at));
                }
            } else {
                below.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Puts the marker into `.shoal`, durably.
pub(crate) fn write_marker(root: BorrowedFd<'_>, root_id: [u8; 16]) -> Result<(), Errno> {
    let private = unix::open_own_dir(root, PRIVATE_DIR)?;
    // What a former folder noted here says nothing of the new one, which would wait for records it never had.
    for name in [WITNESS, &format!("{MARKER}.new")] {
        match unix::unlink(private.as_fd(), name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    let text: String = root_id.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect();
    let name = format!("{MARKER}.new");
    let file = unix::create_own(private.as_fd(), &name)?;
    unix::write_at(file.as_fd(), 0, text.as_bytes())?;
    unix::sync(file.as_fd())?;
    unix::rename_over((private.as_fd(), &name), (private.as_fd(), MARKER))?;
    unix::sync(private.as_fd())?;
    unix::sync(root)
}

/// What a directory's marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// There is none.
    Absent,
    /// It is the folder with this root id.
    Of([u8; 16]),
    /// There is one, which says nothing.
    Damaged,
}

/// Reads the marker of a directory.
pub(crate) fn read_marker(root: BorrowedFd<'_>) -> Result<Mark, Errno> {
    let file = match open_marker(root) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Mark::Absent),
        Err(errno) => return Err(errno),
    };
    if unix::stat_of(file.as_fd())?.kind != Kind::File {
        return Err(Errno::IO);
    }
    let mut bytes = [0; MARKER_BYTES_MAX];
    let read = unix::read_at(file.as_fd(), 0, &mut bytes)?;
    Ok(parse(&bytes[..read]).map_or(Mark::Damaged, Mark::Of))
}

/// Whether the marker in this root is there and has this id.
pub(crate) fn is_marked(root: BorrowedFd<'_>, root_id: [u8; 16]) -> Result<(), Stop> {
    match read_marker(root) {
        Ok(Mark::Of(found)) if found == root_id => Ok(()),
        Ok(Mark::Of(_)) => Err(Stop::Replaced),
        Ok(Mark::Absent | Mark::Damaged) | Err(_) => Err(Stop::Unmarked),
    }
}

/// Holds a folder's marker as long as the folder is open, so that no other Shoal on this computer takes it over.
///
/// `None` where the file system has no locks, or while somebody else is just taking it over: whoever opens it looks at
/// the marker afterwards.
pub(crate) fn hold(root: BorrowedFd<'_>) -> Option<OwnedFd> {
    let file = open_marker(root).ok()?;
    unix::lock(file.as_fd(), true).ok()?.then_some(file)
}

/// Takes a marker for oneself for a moment; `Err` if somebody holds it.
pub(crate) fn seize(root: BorrowedFd<'_>) -> Result<Option<OwnedFd>, InUse> {
    let Ok(file) = open_marker(root) else { return Ok(None) };
    match unix::lock(file.as_fd(), false) {
        Ok(true) => Ok(Some(file)),
        Ok(false) => Err(InUse),
        Err(_) => Ok(None),
    }
}

/// A running Shoal has the folder open.
#[derive(Debug)]
pub(crate) struct InUse;

fn open_marker(root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let private = unix::open_own(root, PRIVATE_DIR, false)?;
    unix::open_own(private.as_fd(), MARKER, false)
}

fn parse(bytes: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end();
    let mut id = [0; 16];
    if text.len() != 2 * id.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(id)
}
