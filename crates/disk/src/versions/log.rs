//! The log of kept versions: one line per file or link that was put away, only ever appended to, until versions go.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};
use shoal_engine::id::ContentId;
use shoal_engine::observe::Fingerprint;
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use super::{KeptKind, KeptVersion, Reason};
use crate::names::{escape, unescape};
use crate::root::{self, OwnDirs};
use crate::unix::{self, Stat};

const LOG: &str = "log";
/// The log that takes its place, while it is being written.
const LOG_NEW: &str = "log.new";

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

/// Appends lines to the log.
pub(crate) fn append(dirs: &OwnDirs, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let (file, is_fresh) = match unix::open_own(dirs.versions.as_fd(), LOG, true) {
        Err(Errno::NOENT) => (unix::create_own(dirs.versions.as_fd(), LOG)?, true),
        other => (other?, false),
    };
    let size = unix::stat_of(file.as_fd())?.print.size;
    let mut last = [b'\n'];
    unix::read_at(file.as_fd(), size.saturating_sub(1), &mut last)?;
    // A line that a crash cut off must not swallow the next one.
    let mut text = if last == [b'\n'] { String::new() } else { "\n".to_owned() };
    text.extend(lines.iter().map(Line::text));
    unix::write_at(file.as_fd(), size, text.as_bytes())?;
    unix::sync(file.as_fd())?;
    // Its name too: a power cut after the intents are cleared would leave versions that nobody lists.
    if is_fresh { unix::sync(dirs.versions.as_fd()) } else { Ok(()) }
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

/// Writes the whole log anew, durably.
pub(crate) fn write_log(dirs: &OwnDirs, lines: &[Line]) -> Result<()> {
    let versions = dirs.versions.as_fd();
    match unix::unlink(versions, LOG_NEW) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let file = unix::create_own(versions, LOG_NEW)?;
    let text: String = lines.iter().map(Line::text).collect();
    unix::write_at(file.as_fd(), 0, text.as_bytes())?;
    unix::sync(file.as_fd())?;
    unix::rename_over((versions, LOG_NEW), (versions, LOG))?;
    unix::sync(versions)
}

/// The line that says what an object is: the newest one, since its name may have stood for an earlier inode before.
pub(crate) fn newest_lines<'a>(lines: &'a [Line]) -> BTreeMap<&'a str, &'a Line> {
    let of_object = |line: &'a Line| match &line.what {
        What::File { object, .. } => Some((object.as_str(), line)),
        What::Link { .. } => None,
    };
    lines.iter().filter_map(of_object).collect()
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

    /// Whether the object is what it was when it was put away.
    pub(crate) fn is_as_kept(&self, object: &OwnedFd) -> bool {
        unix::stat_of(object.as_fd()).is_ok_and(|stat| self.is_print(&stat.print))
    }

    /// Whether this is the fingerprint that was put away.
    pub(crate) fn is_print(&self, print: &Fingerprint) -> bool {
        match &self.what {
            What::File { size, modified_ns, .. } => (print.size, print.modified_ns) == (*size, *modified_ns),
            What::Link { .. } => false,
        }
    }

    pub(super) fn into_version(self) -> KeptVersion {
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
