//! Kept versions: what was replaced or deleted, and the log that says where it stood.
//!
//! `.shoal/versions/objects/<content>` holds bytes, `.shoal/versions/log` one line per file or link that was put away. The
//! inode itself is kept, since a program may still write through a file it opened earlier; so the bytes of an object may
//! differ from its name, and whoever uses one checks it. `<content>.<tag>` is a further inode that was put away under
//! the same content; [`Root::revisit_kept`] removes it a day later.

use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Code, Fingerprint};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use crate::copy;
use crate::displaced;
use crate::error::code_of;
use crate::hash::Reader;
use crate::names::{escape, unescape};
use crate::root::{self, OwnDirs, Root};
use crate::unix::{self, Stat};

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

const LOG: &str = "log";
/// How long a displaced inode is watched: a program that opened it earlier may write so late.
const WATCH_NS: i64 = 24 * 3600 * 1_000_000_000;
/// How long after its last write an inode counts as settled.
const SETTLED_NS: i64 = 2 * 1_000_000_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) time_ns: i64,
    pub(crate) reason: Reason,
    pub(crate) path: RelPath,
    pub(crate) what: What,
}

/// What a line of the log is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    File { object: String, content: ContentId, size: u64, modified_ns: i64, executable: bool },
    Link { target: String },
}

impl Root {
    /// What was put away, oldest first; of one path, or of all.
    pub fn kept(&self, path: Option<&RelPath>) -> std::result::Result<Vec<KeptVersion>, Code> {
        let dirs = self.own()?;
        let lines = read_log(&dirs).map_err(code_of)?;
        let is_there = |line: &Line| match &line.what {
            What::File { object, .. } => unix::stat_at(dirs.objects.as_fd(), object.as_str()).is_ok(),
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
        self.own().is_ok_and(|dirs| candidates(&dirs, content).is_ok_and(|found| !found.is_empty()))
    }

    /// Opens a kept content; its bytes must be checked against the manifest by whoever reads them.
    pub fn open_kept(&self, content: ContentId) -> std::result::Result<Option<Reader>, Code> {
        let dirs = self.own()?;
        candidates(&dirs, content).map_err(code_of)?.into_iter().next().map_or(Ok(None), |file| {
            let print = unix::stat_of(file.as_fd()).map_err(code_of)?.print;
            Ok(Some(Reader::new(file, print)))
        })
    }

    /// Looks again at what was put away lately.
    ///
    /// An inode that a program wrote to afterwards, through a file it had opened earlier, comes back as a conflict copy
    /// beside its old path; returns the paths to be looked at. A second inode of one content goes after a day.
    pub fn revisit_kept(&self) -> std::result::Result<Vec<RelPath>, Code> {
        let _guard = self.lock();
        let dirs = self.own()?;
        let now = root::now_ns();
        let mut found = Vec::new();
        for line in read_log(&dirs).map_err(code_of)? {
            let What::File { object, content, size, modified_ns, .. } = &line.what else { continue };
            let Ok(stat) = unix::stat_at(dirs.objects.as_fd(), object.as_str()) else { continue };
            let is_as_kept = (stat.print.size, stat.print.modified_ns) == (*size, *modified_ns);
            let is_watched = now.saturating_sub(line.time_ns) < 2 * WATCH_NS;
            if !is_as_kept && is_watched && now.saturating_sub(stat.print.modified_ns) > SETTLED_NS {
                let object = (dirs.objects.as_fd(), object.as_str());
                found.extend(displaced::copy_beside(self, object, &line.path, &stat.print).map_err(code_of)?);
            } else if is_as_kept && *object != content.to_string() && now.saturating_sub(line.time_ns) > WATCH_NS {
                drop_extra(&dirs, object, *content, *size).map_err(code_of)?;
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
fn keep_name(dirs: &OwnDirs, swap: (std::os::fd::BorrowedFd<'_>, &str), first: String) -> Result<String> {
    let spare = format!("{first}.{}", root::fresh_tag());
    match unix::rename_new(swap, (dirs.objects.as_fd(), &first)) {
        Ok(()) => Ok(first),
        Err(Errno::EXIST) => unix::rename_new(swap, (dirs.objects.as_fd(), &spare)).map(|()| spare),
        Err(errno) => Err(errno),
    }
}

/// Appends lines to the log.
pub(crate) fn append(dirs: &OwnDirs, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let file = match unix::open_own(dirs.versions.as_fd(), LOG, true) {
        Err(Errno::NOENT) => unix::create_own(dirs.versions.as_fd(), LOG)?,
        other => other?,
    };
    let size = unix::stat_of(file.as_fd())?.print.size;
    let mut last = [b'\n'];
    unix::read_at(file.as_fd(), size.saturating_sub(1), &mut last)?;
    // A line that a crash cut off must not swallow the next one.
    let mut text = if last == [b'\n'] { String::new() } else { "\n".to_owned() };
    text.extend(lines.iter().map(Line::text));
    unix::write_at(file.as_fd(), size, text.as_bytes())?;
    unix::sync(file.as_fd())
}

/// The whole log; lines that cannot be read are passed over.
pub(crate) fn read_log(dirs: &OwnDirs) -> Result<Vec<Line>> {
    let file = match unix::open_own(dirs.versions.as_fd(), LOG, false) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        other => other?,
    };
    let mut lines = Vec::new();
    for line in BufReader::new(std::fs::File::from(file)).split(b'\n') {
        let line = line.map_err(|error| root::errno_of(&error))?;
        lines.extend(std::str::from_utf8(&line).ok().and_then(Line::parse));
    }
    Ok(lines)
}

impl What {
    /// The name of the object, if it is about a file.
    pub(crate) fn into_object(self) -> Option<String> {
        match self {
            What::File { object, .. } => Some(object),
            What::Link { .. } => None,
        }
    }
}

impl Line {
    /// The line for a file that was just put among the objects.
    pub(crate) fn of_object(
        object: String,
        content: ContentId,
        stat: &Stat,
        (path, reason): (RelPath, Reason),
    ) -> Line {
        let Fingerprint { size, modified_ns, .. } = stat.print;
        let what = What::File { object, content, size, modified_ns, executable: stat.executable() };
        Line { time_ns: root::now_ns(), reason, path, what }
    }

    fn text(&self) -> String {
        let reason = match self.reason {
            Reason::Replaced => "replaced",
            Reason::Deleted => "deleted",
        };
        let what = match &self.what {
            What::File { object, content, size, modified_ns, executable } => {
                let way = if *executable { "program" } else { "file" };
                format!("{way}\t{size}\t{modified_ns}\t{content}\t{object}")
            }
            What::Link { target } => format!("link\t{}", escape(target)),
        };
        format!("{}\t{reason}\t{}\t{what}\n", self.time_ns, escape(self.path.as_str()))
    }

    fn parse(line: &str) -> Option<Line> {
        let mut fields = line.split('\t');
        let time_ns = fields.next()?.parse().ok()?;
        let reason = match fields.next()? {
            "replaced" => Reason::Replaced,
            "deleted" => Reason::Deleted,
            _ => return None,
        };
        let path = RelPath::parse(&unescape(fields.next()?)?).ok()?;
        let what = match fields.next()? {
            "link" => What::Link { target: unescape(fields.next()?)? },
            way @ ("file" | "program") => What::File {
                size: fields.next()?.parse().ok()?,
                modified_ns: fields.next()?.parse().ok()?,
                content: ContentId::parse(fields.next()?)?,
                object: fields.next().filter(|object| !object.contains('/'))?.to_owned(),
                executable: way == "program",
            },
            _ => return None,
        };
        Some(Line { time_ns, reason, path, what })
    }

    fn into_version(self) -> KeptVersion {
        let kind = match self.what {
            What::File { content, size, modified_ns, executable, object: _ } => {
                let print = Fingerprint { size, modified_ns, changed_ns: 0, inode: 0 };
                KeptKind::File { content, size, modified: print.modified(), executable }
            }
            What::Link { target } => KeptKind::Link { target },
        };
        let time = Timestamp(u64::try_from(self.time_ns / 1_000_000).unwrap_or(0));
        KeptVersion { time, path: self.path, reason: self.reason, kind }
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

/// Removes a second inode of one content, if the first is still there in full.
fn drop_extra(dirs: &OwnDirs, object: &str, content: ContentId, size: u64) -> Result<()> {
    match unix::stat_at(dirs.objects.as_fd(), content.to_string()) {
        Ok(first) if first.print.size == size => unix::unlink(dirs.objects.as_fd(), object),
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}
