//! The name of a conflict copy: made from the losing entry alone, so that every device arrives at the same one.

use crate::limits::PATH_PART_BYTES_MAX;
use crate::path::RelPath;
use crate::time::civil;
use crate::version::Head;

/// Names the copy of `loser` beside `path`: `budget (Ana's laptop, 2026-11-23 09.40, a1b2).ods`.
///
/// The time is UTC, since the name must not depend on who computes it. A long name keeps its end and loses part of its stem.
pub fn copy_path(path: &RelPath, loser: &Head) -> RelPath {
    let (stem, extension) = split_name(path.name());
    let who = plain(&loser.author);
    let mark: String = loser.hash.to_string().chars().take(4).collect();
    let tail = format!(" ({who}, {}, {mark}){extension}", utc(loser.time.0));
    let room = PATH_PART_BYTES_MAX.saturating_sub(tail.len());
    let name = format!("{}{tail}", shortened(stem, room));
    path.with_name(&name).unwrap_or_else(|_| path.clone())
}

/// Reads back from a copy's path which path it belongs to and whose change it holds; `None` for any other name.
pub fn original_of(copy: &RelPath) -> Option<(RelPath, String)> {
    let name = copy.name();
    let open = name.rfind(" (")?;
    let close = open + name[open..].find(')')?;
    let mut parts = name[open + 2..close].rsplitn(3, ", ");
    let (mark, time, who) = (parts.next()?, parts.next()?, parts.next()?);
    let is_mark = mark.len() == 4 && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = time.len() == 16
        && time.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            13 => byte == b'.',
            _ => byte.is_ascii_digit(),
        });
    if !is_mark || !is_time {
        return None;
    }
    let original = format!("{}{}", &name[..open], &name[close + 1..]);
    Some((copy.with_name(&original).ok()?, who.to_owned()))
}

/// Splits a name before its last dot, unless that is its first character.
pub fn split_name(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}

/// Cuts a text to at most `room` bytes, at a character's border.
pub fn shortened(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A name that can stand inside a file name on every system.
fn plain(name: &str) -> String {
    let is_bad =
        |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | ',' | '(' | ')');
    let kept: String = name.chars().map(|c| if is_bad(c) { '-' } else { c }).collect();
    shortened(kept.trim(), 60).trim().to_owned()
}

/// `2026-11-23 09.40` in UTC, at most in the year 9999.
fn utc(millis: u64) -> String {
    let minutes = millis / 60_000;
    let (year, month, day) = civil((minutes / 1440).min(2_932_896) as i64);
    let minute = minutes % 1440;
    format!("{year:04}-{month:02}-{day:02} {:02}.{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Kind;
    use crate::id::{ChainId, DeviceId, RecordHash, VersionId};
    use crate::time::Timestamp;

    fn loser(author: &str, time: u64) -> Head {
        let chain = ChainId { device: DeviceId([1; 32]), incarnation: 1 };
        Head {
            id: VersionId { chain, sequence: 0 },
            lamport: 1,
            hash: RecordHash([0xa1; 32]),
            kind: Kind::Directory,
            time: Timestamp(time),
            author: author.into(),
            supersedes: Box::default(),
            moved_from: None,
        }
    }

    #[test]
    fn a_copy_is_named_after_who_and_when_and_keeps_its_extension() {
        let path = RelPath::parse("work/budget.ods").expect("plain");
        let copy = copy_path(&path, &loser("Ana's laptop", 1_795_426_800_000));
        assert_eq!(copy.as_str(), "work/budget (Ana's laptop, 2026-11-23 09.40, a1a1).ods");
        assert_eq!(original_of(&copy), Some((path, "Ana's laptop".to_owned())));
    }

    #[test]
    fn long_and_hostile_names_still_fit_one_name() {
        for name in ["x".repeat(255), "ü".repeat(127), ".bashrc".to_owned(), "a.b.c".to_owned()] {
            let path = RelPath::parse(&name).expect("plain");
            let copy = copy_path(&path, &loser("evil/../\u{202e}\n(name), with: all", 0));
            assert!(copy.name().len() <= 255 && copy != path, "{copy}");
            assert!(original_of(&copy).is_some(), "{copy}");
        }
        assert_eq!(original_of(&RelPath::parse("notes (draft).txt").expect("plain")), None);
    }

    #[test]
    fn dates_are_right_at_the_edges() {
        assert_eq!(utc(0), "1970-01-01 00.00");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00.00");
        assert_eq!(utc(4_102_444_799_000), "2099-12-31 23.59");
        assert!(utc(u64::MAX).starts_with("9999"));
    }
}
