//! What a batch is about to do, written down before it does it, so that a crash in between can be cleared up.
//!
//! One file per batch in `.shoal/journal`: a line per change, and a last line with the hash of the others. A file whose
//! last line is missing or wrong was never synced, so its batch never began.

use std::os::fd::AsFd;

use rustix::io::{Errno, Result};
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Expected, Fingerprint};
use shoal_engine::path::RelPath;

use crate::names::{escape, unescape};
use crate::root::OwnDirs;
use crate::unix::{self, Kind, Stat};

/// One change that passes through the swap directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// The name in the swap directory.
    pub(crate) slot: String,
    /// The inode that was put there; 0 if the slot only takes what is removed.
    pub(crate) inode: u64,
    /// The content of that file, `None` for a link.
    pub(crate) content: Option<ContentId>,
    /// Where it goes.
    pub(crate) path: RelPath,
    /// What should come out.
    pub(crate) was: Was,
}

/// What a change takes out of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Was {
    Nothing,
    File { size: u64, modified_ns: i64, inode: u64, content: ContentId },
    Link { target: String },
}

const HEAD: &str = "shoal intents 1";

impl Was {
    pub(crate) fn of(expected: &Expected) -> Was {
        match expected {
            Expected::Absent | Expected::Directory => Was::Nothing,
            Expected::File { print, content } => {
                Was::File { size: print.size, modified_ns: print.modified_ns, inode: print.inode, content: *content }
            }
            Expected::Link { target } => Was::Link { target: target.clone() },
        }
    }

    /// Whether what came out is what should; a rename changes the changed time, so that cannot be compared.
    pub(crate) fn is(&self, stat: &Stat, link: Option<&str>) -> bool {
        match self {
            Was::Nothing => false,
            Was::File { size, modified_ns, inode, .. } => {
                let Fingerprint { size: now, modified_ns: modified_now, inode: inode_now, changed_ns: _ } = stat.print;
                stat.kind == Kind::File && (*size, *modified_ns, *inode) == (now, modified_now, inode_now)
            }
            Was::Link { target } => stat.kind == Kind::Link && link == Some(target),
        }
    }
}

/// Writes a batch's intents durably.
pub(crate) fn write(dirs: &OwnDirs, tag: &str, intents: &[Intent]) -> Result<()> {
    let mut text = format!("{HEAD}\n");
    for intent in intents {
        text.push_str(&line(intent));
    }
    let seal = blake3::hash(text.as_bytes()).to_hex();
    text.push_str(&format!("end {seal}\n"));
    let file = unix::create_own(dirs.journal.as_fd(), tag)?;
    unix::write_at(file.as_fd(), 0, text.as_bytes())?;
    unix::sync(file.as_fd())?;
    unix::sync(dirs.journal.as_fd())
}

/// Says that a batch is over.
pub(crate) fn clear(dirs: &OwnDirs, tag: &str) -> Result<()> {
    match unix::unlink(dirs.journal.as_fd(), tag) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Every batch that is written down: its tag, and its intents unless it never began.
pub(crate) fn read_all(dirs: &OwnDirs) -> Result<Vec<(String, Option<Vec<Intent>>)>> {
    let mut tags = Vec::new();
    let listing = unix::open_listing(dirs.journal.as_fd(), None)?;
    unix::list(listing.as_fd(), |name, _| tags.push(name.to_string_lossy().into_owned()))?;
    tags.sort();
    let read = |tag: String| {
        let file = unix::open_own(dirs.journal.as_fd(), &tag, false)?;
        let size = unix::stat_of(file.as_fd())?.print.size;
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| Errno::FBIG)?];
        let length = unix::read_at(file.as_fd(), 0, &mut bytes)?;
        let intents = parse(&bytes[..length]);
        Ok((tag, intents))
    };
    tags.into_iter().map(read).collect()
}

fn line(intent: &Intent) -> String {
    let content = intent.content.map_or("-".to_owned(), |content| content.to_string());
    let was = match &intent.was {
        Was::Nothing => "nothing".to_owned(),
        Was::File { size, modified_ns, inode, content } => format!("file {size} {modified_ns} {inode} {content}"),
        Was::Link { target } => format!("link {}", escape(target)),
    };
    format!("{}\t{}\t{content}\t{}\t{was}\n", intent.slot, intent.inode, escape(intent.path.as_str()))
}

fn parse(bytes: &[u8]) -> Option<Vec<Intent>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, seal) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let body = &text[..body.len() + 1];
    if seal.strip_prefix("end ")? != blake3::hash(body.as_bytes()).to_hex().as_str() {
        return None;
    }
    body.lines().skip(1).map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Intent> {
    let mut fields = line.split('\t');
    let (slot, inode, content) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.next()?);
    let content = if content == "-" { None } else { Some(ContentId::parse(content)?) };
    let path = RelPath::parse(&unescape(fields.next()?)?).ok()?;
    let was = parse_was(fields.next()?)?;
    Some(Intent { slot, inode, content, path, was })
}

fn parse_was(text: &str) -> Option<Was> {
    if let Some(target) = text.strip_prefix("link ") {
        return Some(Was::Link { target: unescape(target)? });
    }
    let mut parts = text.split(' ');
    match parts.next()? {
        "nothing" => Some(Was::Nothing),
        "file" => Some(Was::File {
            size: parts.next()?.parse().ok()?,
            modified_ns: parts.next()?.parse().ok()?,
            inode: parts.next()?.parse().ok()?,
            content: ContentId::parse(parts.next()?)?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_read_back_and_a_torn_journal_does_not() {
        let path = RelPath::parse("a\tb/c\nd%").expect("a plain path");
        let content = ContentId([7; 32]);
        let was = [
            Was::Nothing,
            Was::File { size: 5, modified_ns: -3, inode: 9, content },
            Was::Link { target: "x y\tz".to_owned() },
        ];
        let intents =
            was.map(|was| Intent { slot: "s.1".to_owned(), inode: 4, content: Some(content), path: path.clone(), was });
        let mut text = format!("{HEAD}\n") + &intents.iter().map(line).collect::<String>();
        text.push_str(&format!("end {}\n", blake3::hash(text.as_bytes()).to_hex()));
        assert_eq!(parse(text.as_bytes()), Some(intents.to_vec()));
        for length in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..length]), None, "cut at {length}");
        }
    }
}
