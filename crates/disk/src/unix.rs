//! The system calls: everything beneath an opened directory, by handle, never through a link.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::{Errno, Result};
use shoal_engine::observe::Fingerprint;
use shoal_engine::path::RelPath;

use crate::fail;

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Special,
}

/// What the system says of an inode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) print: Fingerprint,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) device: u64,
    pub(crate) is_mount: bool,
    /// Fewer blocks than bytes: there may be holes.
    pub(crate) is_sparse: bool,
    /// What it takes on the disk.
    pub(crate) disk_bytes: u64,
}

impl Stat {
    /// Whether the owner may execute it.
    pub(crate) fn executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// A directory handle: the root's, or one opened beneath it.
pub(crate) enum Dir<'a> {
    Root(BorrowedFd<'a>),
    Below(OwnedFd),
}

impl AsFd for Dir<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Dir::Root(fd) => *fd,
            Dir::Below(fd) => fd.as_fd(),
        }
    }
}

/// A handle that names a directory without the right to read it.
#[cfg(target_os = "linux")]
const NAMING: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const NAMING: OFlags = OFlags::RDONLY;

/// Opens a directory that the user named; links in its path are the user's choice.
pub(crate) fn open_dir(path: &Path) -> Result<OwnedFd> {
    fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens `path` beneath `root`; fails with `LOOP` at a link and with `XDEV` at a foreign mount.
#[cfg(target_os = "linux")]
pub(crate) fn open_beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    use fs::ResolveFlags as R;
    let resolve = R::BENEATH | R::NO_SYMLINKS | R::NO_MAGICLINKS | R::NO_XDEV;
    // The kernel gives up with AGAIN when directories are renamed while it resolves the path.
    for _ in 0..128 {
        match fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            Err(Errno::NOSYS) => return open_stepwise(root, path, flags),
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open_beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    open_stepwise(root, path, flags)
}

/// Opens one part after the other, for systems that cannot resolve a whole path safely.
fn open_stepwise(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd> {
    let device = stat_of(root)?.device;
    let open = |dir: BorrowedFd<'_>, part: &str, flags: OFlags| {
        let opened = fs::openat(dir, part, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        if stat_of(opened.as_fd())?.device == device { Ok(opened) } else { Err(Errno::XDEV) }
    };
    let Some((parents, name)) = path.rsplit_once('/') else {
        return open(root, path, flags);
    };
    let mut at = Dir::Root(root);
    for part in parents.split('/') {
        at = Dir::Below(open(at.as_fd(), part, NAMING | OFlags::DIRECTORY)?);
    }
    open(at.as_fd(), name, flags)
}

/// Opens the directory that holds `path`.
pub(crate) fn open_parent<'a>(root: BorrowedFd<'a>, path: &RelPath) -> Result<Dir<'a>> {
    match path.parent() {
        None => Ok(Dir::Root(root)),
        Some(dir) => open_beneath(root, dir.as_str(), NAMING | OFlags::DIRECTORY).map(Dir::Below),
    }
}

/// Opens a directory so that it can be listed and synced.
pub(crate) fn open_listing<'a>(root: BorrowedFd<'a>, dir: Option<&RelPath>) -> Result<Dir<'a>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    match dir {
        None => fs::openat(root, c".", flags | OFlags::CLOEXEC, Mode::empty()).map(Dir::Below),
        Some(dir) => open_beneath(root, dir.as_str(), flags).map(Dir::Below),
    }
}

/// Opens a file for reading; a FIFO put there meanwhile must not make us wait.
pub(crate) fn open_file(root: BorrowedFd<'_>, path: &RelPath) -> Result<OwnedFd> {
    open_beneath(root, path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
}

/// Opens a file of our own in one of our own directories.
pub(crate) fn open_own(dir: BorrowedFd<'_>, name: &str, is_writing: bool) -> Result<OwnedFd> {
    let way = if is_writing { OFlags::RDWR } else { OFlags::RDONLY };
    fs::openat(dir, name, way | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a directory of our own, making it if it is not there.
pub(crate) fn open_own_dir(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match fs::openat(dir, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            fail::step()?;
            match fs::mkdirat(dir, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => fs::openat(dir, name, flags, Mode::empty()),
                Err(errno) => Err(errno),
            }
        }
        other => other,
    }
}

/// Creates a file of our own that only its owner may read.
pub(crate) fn create_own(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd> {
    fail::step()?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)
}

#[cfg(target_os = "linux")]
fn from_statx(statx: &fs::Statx) -> Stat {
    let ns = |at: fs::StatxTimestamp| at.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(at.tv_nsec));
    Stat {
        kind: kind_of(fs::FileType::from_raw_mode(u32::from(statx.stx_mode))),
        print: Fingerprint {
            size: statx.stx_size,
            modified_ns: ns(statx.stx_mtime),
            changed_ns: ns(statx.stx_ctime),
            inode: statx.stx_ino,
        },
        mode: u32::from(statx.stx_mode),
        links: u64::from(statx.stx_nlink),
        device: (u64::from(statx.stx_dev_major) << 32) | u64::from(statx.stx_dev_minor),
        is_mount: statx.stx_attributes.contains(fs::StatxAttributes::MOUNT_ROOT),
        is_sparse: statx.stx_blocks.saturating_mul(512) < statx.stx_size,
        disk_bytes: statx.stx_blocks.saturating_mul(512),
    }
}

/// Looks at a name in a directory; a link is seen, not followed.
#[cfg(target_os = "linux")]
pub(crate) fn stat_at(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    fs::statx(dir, name, flags, fs::StatxFlags::BASIC_STATS).map(|statx| from_statx(&statx))
}

/// Looks at an opened file or directory.
#[cfg(target_os = "linux")]
pub(crate) fn stat_of(fd: BorrowedFd<'_>) -> Result<Stat> {
    fs::statx(fd, c"", AtFlags::EMPTY_PATH, fs::StatxFlags::BASIC_STATS).map(|statx| from_statx(&statx))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_cast)] // the types of these fields differ from system to system
fn from_stat(stat: &fs::Stat) -> Stat {
    let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
    Stat {
        kind: kind_of(fs::FileType::from_raw_mode(stat.st_mode as _)),
        print: Fingerprint {
            size: stat.st_size as u64,
            modified_ns: ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed_ns: ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
        },
        mode: stat.st_mode as u32,
        links: stat.st_nlink as u64,
        device: stat.st_dev as u64,
        is_mount: false,
        is_sparse: (stat.st_blocks as u64).saturating_mul(512) < stat.st_size as u64,
        disk_bytes: (stat.st_blocks as u64).saturating_mul(512),
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stat_at(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<Stat> {
    fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| from_stat(&stat))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stat_of(fd: BorrowedFd<'_>) -> Result<Stat> {
    fs::fstat(fd).map(|stat| from_stat(&stat))
}

fn kind_of(kind: fs::FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

/// The text of a link.
pub(crate) fn read_link(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<Vec<u8>> {
    fs::readlinkat(dir, name, Vec::new()).map(std::ffi::CString::into_bytes)
}

/// Calls `each` with every name but `.` and `..`, and with whether it is surely no directory.
#[cfg(target_os = "linux")]
pub(crate) fn list(dir: BorrowedFd<'_>, mut each: impl FnMut(&CStr, bool)) -> Result<()> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 64 * 1024];
    let mut names = fs::RawDir::new(dir, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        let kind = entry.file_type();
        let is_leaf = !matches!(kind, fs::FileType::Directory | fs::FileType::Unknown);
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            each(entry.file_name(), is_leaf);
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn list(dir: BorrowedFd<'_>, mut each: impl FnMut(&CStr, bool)) -> Result<()> {
    for entry in fs::Dir::read_from(dir)? {
        let entry = entry?;
        let is_leaf = !matches!(entry.file_type(), fs::FileType::Directory | fs::FileType::Unknown);
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            each(entry.file_name(), is_leaf);
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends; returns how much that was.
pub(crate) fn read_at(file: BorrowedFd<'_>, mut offset: u64, mut buffer: &mut [u8]) -> Result<usize> {
    let wanted = buffer.len();
    while !buffer.is_empty() {
        match rustix::io::pread(file, &mut *buffer, offset) {
            Ok(0) => break,
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(wanted - buffer.len())
}

/// Writes everything.
pub(crate) fn write_at(file: BorrowedFd<'_>, mut offset: u64, mut bytes: &[u8]) -> Result<()> {
    fail::step()?;
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Where the next bytes that are no hole begin at or after `offset`; `None` if only a hole follows.
pub(crate) fn next_data(file: BorrowedFd<'_>, offset: u64) -> Result<Option<u64>> {
    match fs::seek(file, fs::SeekFrom::Data(offset)) {
        Ok(at) => Ok(Some(at)),
        Err(Errno::NXIO) => Ok(None),
        // Not every file system knows its holes; then everything counts as data.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(Some(offset)),
        Err(errno) => Err(errno),
    }
}

/// Renames, refusing to replace anything.
pub(crate) fn rename_new(from: (BorrowedFd<'_>, &str), to: (BorrowedFd<'_>, &str)) -> Result<()> {
    fail::step()?;
    if fail::has_exchange() {
        match fs::renameat_with(from.0, from.1, to.0, to.1, fs::RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return other,
        }
    }
    match fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty()) {
        Ok(()) => unlink(from.0, from.1),
        // A directory, or a file system without hard links: look, then rename, is the best there is.
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => match stat_at(to.0, to.1) {
            Err(Errno::NOENT) => fs::renameat(from.0, from.1, to.0, to.1),
            Ok(_) => Err(Errno::EXIST),
            Err(errno) => Err(errno),
        },
        Err(errno) => Err(errno),
    }
}

/// Lets two names change places; `NOSYS` where the file system cannot.
pub(crate) fn exchange(one: (BorrowedFd<'_>, &str), other: (BorrowedFd<'_>, &str)) -> Result<()> {
    fail::step()?;
    if !fail::has_exchange() {
        return Err(Errno::NOSYS);
    }
    match fs::renameat_with(one.0, one.1, other.0, other.1, fs::RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOTSUP) => Err(Errno::NOSYS),
        done => done,
    }
}

/// Renames over whatever is there: only where [`exchange`] is missing and the old file is safe under a second name.
pub(crate) fn rename_over(from: (BorrowedFd<'_>, &str), to: (BorrowedFd<'_>, &str)) -> Result<()> {
    fail::step()?;
    fs::renameat(from.0, from.1, to.0, to.1)
}

/// Gives a file a second name.
pub(crate) fn link(from: (BorrowedFd<'_>, &str), to: (BorrowedFd<'_>, &str)) -> Result<()> {
    fail::step()?;
    fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())
}

/// Removes a name of a file or link of our own.
pub(crate) fn unlink(dir: BorrowedFd<'_>, name: &str) -> Result<()> {
    fail::step()?;
    fs::unlinkat(dir, name, AtFlags::empty())
}

/// Removes an empty directory.
pub(crate) fn rmdir(dir: BorrowedFd<'_>, name: &str) -> Result<()> {
    fail::step()?;
    fs::unlinkat(dir, name, AtFlags::REMOVEDIR)
}

/// Makes a directory with what the user's mask leaves of 0777.
pub(crate) fn mkdir(dir: BorrowedFd<'_>, name: &str) -> Result<()> {
    fail::step()?;
    fs::mkdirat(dir, name, Mode::RWXU | Mode::RWXG | Mode::RWXO)
}

/// Makes a link.
pub(crate) fn symlink(target: &str, dir: BorrowedFd<'_>, name: &str) -> Result<()> {
    fail::step()?;
    fs::symlinkat(target, dir, name)
}

/// Sets the permission bits of an opened file.
pub(crate) fn set_mode(file: BorrowedFd<'_>, mode: u32) -> Result<()> {
    fail::step()?;
    fs::fchmod(file, Mode::from_raw_mode(mode as _))
}

/// Sets the modified time of an opened file.
pub(crate) fn set_modified(file: BorrowedFd<'_>, modified_ns: i64) -> Result<()> {
    fail::step()?;
    let at =
        Timespec { tv_sec: modified_ns.div_euclid(1_000_000_000), tv_nsec: modified_ns.rem_euclid(1_000_000_000) as _ };
    fs::futimens(file, &Timestamps { last_access: at, last_modification: at })
}

/// Sets the length of an opened file.
pub(crate) fn set_size(file: BorrowedFd<'_>, size: u64) -> Result<()> {
    fail::step()?;
    fs::ftruncate(file, size)
}

/// Locks an opened file, together with others who share it or for oneself; `false` if somebody is in the way.
pub(crate) fn lock(file: BorrowedFd<'_>, is_shared: bool) -> Result<bool> {
    let way = match is_shared {
        true => fs::FlockOperation::NonBlockingLockShared,
        false => fs::FlockOperation::NonBlockingLockExclusive,
    };
    match fs::flock(file, way) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Makes a file or directory durable.
pub(crate) fn sync(file: BorrowedFd<'_>) -> Result<()> {
    fail::step()?;
    fs::fsync(file)
}

/// Makes everything on the file system durable.
#[cfg(target_os = "linux")]
pub(crate) fn sync_all(file: BorrowedFd<'_>) -> Result<()> {
    fail::step()?;
    fs::syncfs(file)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn sync_all(_file: BorrowedFd<'_>) -> Result<()> {
    fail::step()?;
    fs::sync();
    Ok(())
}

/// Makes `to` share the bytes of `from` where the file system can.
#[cfg(target_os = "linux")]
pub(crate) fn clone_bytes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    fail::step().is_ok() && fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn clone_bytes(_from: BorrowedFd<'_>, _to: BorrowedFd<'_>) -> bool {
    false
}

/// Bytes that an ordinary user may still write.
pub(crate) fn free_bytes(dir: BorrowedFd<'_>) -> Result<u64> {
    fs::fstatvfs(dir).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes that an ordinary user may still write, and how large the file system is.
pub(crate) fn room(dir: BorrowedFd<'_>) -> Result<(u64, u64)> {
    if let Some(pretended) = fail::room() {
        return Ok(pretended);
    }
    let stat = fs::fstatvfs(dir)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}

/// The time that an inode changed now would be stamped with, in nanoseconds since 1970.
pub(crate) fn stamp_now_ns() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::RealtimeCoarse;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Realtime;
    let now = rustix::time::clock_gettime(clock);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// The bits that the user's mask takes from new files.
pub(crate) fn mask() -> u32 {
    static MASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    // Asking by umask(2) would change it for every thread for a moment.
    let read = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    };
    *MASK.get_or_init(|| read().unwrap_or(0o022) & 0o777)
}
