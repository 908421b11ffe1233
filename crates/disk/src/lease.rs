//! Whether a program has a file open for writing: the one place that asks the kernel for a lease.
//!
//! There is no safe call for it: `fcntl(F_SETLEASE)` is in none of the crates that wrap the system.
#![allow(unsafe_code, reason = "fcntl(F_SETLEASE) has no safe wrapper; the calls take plain numbers and no memory")]

use std::os::fd::BorrowedFd;

/// Which signal a broken lease sends; from Linux's `asm-generic/fcntl.h`, since `libc` lacks it.
#[cfg(target_os = "linux")]
const F_SETSIG: libc::c_int = 10;

/// Whether anybody has the file open for writing, or mapped so; `None` where that cannot be told.
///
/// A read lease is given only if nobody has. It is given back at once: a file of our own versions has no name that
/// other programs open, so nobody begins to write to it later.
#[cfg(target_os = "linux")]
pub(crate) fn is_written(file: BorrowedFd<'_>) -> Option<bool> {
    use std::os::fd::AsRawFd;
    let fd = file.as_raw_fd();
    // SAFETY: the descriptor is open as long as it is borrowed, and these calls read and write no memory of ours.
    let (leased, errno) = unsafe {
        // A lease that is broken while we hold it would send SIGIO, which ends the program; SIGURG is ignored.
        libc::fcntl(fd, F_SETSIG, libc::SIGURG);
        let leased = libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK);
        let errno = std::io::Error::last_os_error().raw_os_error();
        if leased == 0 {
            libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK);
        }
        (leased, errno)
    };
    match (leased, errno) {
        (0, _) => Some(false),
        (_, Some(libc::EAGAIN)) => Some(true),
        (_, _) => None,
    }
}

/// Whether anybody has the file open for writing, or mapped so; `None` where that cannot be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_written(_file: BorrowedFd<'_>) -> Option<bool> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn a_file_that_is_open_for_writing_is_known() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a");
        std::fs::write(&path, "a").expect("written");
        let read = File::open(&path).expect("opened");
        if is_written(read.as_fd()).is_none() {
            return;
        }
        assert_eq!(is_written(read.as_fd()), Some(false));
        let writer = File::options().write(true).open(&path).expect("opened");
        assert_eq!(is_written(read.as_fd()), Some(true));
        drop(writer);
        let other_reader = File::open(&path).expect("opened");
        assert_eq!(is_written(read.as_fd()), Some(false));
        drop(other_reader);
    }
}
