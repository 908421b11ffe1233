//! Which kept versions go, so that they do not grow for ever: a pure decision, and its carrying out.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};
use shoal_engine::id::ContentId;
use shoal_engine::observe::Code;

use super::{Line, What, newest_lines, pack, read_log, write_log};
use crate::error::code_of;
use crate::lease;
use crate::root::{self, OwnDirs, Root};
use crate::unix;

/// Nothing younger goes, unless the disk is nearly full: a program may still have it open.
const YOUNG_NS: i64 = 24 * 3600 * 1_000_000_000;
/// A disk is nearly full with less free than this, or than this part of it if that is less.
const FREE_BYTES_MIN: u64 = 1 << 30;
const FREE_PART: u64 = 20;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// For so many days; `None` for ever.
    pub days: Option<u32>,
    /// So many bytes; `None` for a quarter of the folder or 10 GiB, whichever is more.
    pub bytes: Option<u64>,
}

/// How long versions are kept where nothing was set.
pub const KEEP_DAYS: u32 = 30;
/// How many bytes are kept where nothing was set, if a quarter of the folder is less.
pub const KEEP_BYTES: u64 = 10 << 30;

impl Default for Keep {
    fn default() -> Self {
        Keep { days: Some(KEEP_DAYS), bytes: None }
    }
}

/// What the kept versions of a folder take, and what went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Versions that are kept.
    pub versions: u64,
    /// Contents of which no version is kept any more.
    pub gone: Vec<ContentId>,
}

/// One content among the kept versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct One {
    pub(crate) content: ContentId,
    /// When it was last put away.
    pub(crate) time_ns: i64,
    pub(crate) bytes: u64,
}

/// Room on the disk and in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of the folder's own files.
    pub(crate) folder: u64,
    pub(crate) free: u64,
    pub(crate) disk: u64,
}

/// Which contents go: what is older than it is kept for, then the oldest until the rest fits. What is younger than a
/// day goes only while the disk is nearly full.
pub(crate) fn what_goes(all: &[One], keep: Keep, room: Room, now_ns: i64) -> BTreeSet<ContentId> {
    let mut oldest_first: Vec<&One> = all.iter().collect();
    oldest_first.sort_by_key(|one| (one.time_ns, one.content));
    let most = keep.bytes.unwrap_or((room.folder / 4).max(KEEP_BYTES));
    let floor = FREE_BYTES_MIN.min(room.disk / FREE_PART);
    let (mut held, mut free) = (all.iter().map(|one| one.bytes).sum::<u64>(), room.free);
    let mut goes = BTreeSet::new();
    for one in oldest_first {
        let age_ns = now_ns.saturating_sub(one.time_ns);
        let is_young = age_ns < YOUNG_NS;
        let is_old = keep.days.is_some_and(|days| age_ns > i64::from(days).saturating_mul(YOUNG_NS));
        let is_nearly_full = free < floor;
        if is_nearly_full || !is_young && (is_old || held > most) {
            goes.insert(one.content);
            held -= one.bytes;
            free = free.saturating_add(one.bytes);
        }
    }
    goes
}

impl Root {
    /// Lets go of what is kept no longer; says what stays. `folder_bytes` is the length of the folder's own files.
    pub fn retain_kept(&self, keep: Keep, folder_bytes: u64) -> std::result::Result<Kept, Code> {
        let _packing = self.lock_packing();
        let dirs = self.own()?;
        let retained = self.retain(&dirs, keep, folder_bytes).map_err(code_of)?;
        Ok(retained)
    }

    fn retain(&self, dirs: &OwnDirs, keep: Keep, folder_bytes: u64) -> Result<Kept> {
        let (free, disk) = unix::room(self.handle())?;
        let lines = read_log(dirs)?;
        let all = contents(dirs, &lines)?;
        let goes = what_goes(&all, keep, Room { folder: folder_bytes, free, disk }, root::now_ns());
        let gone = drop_objects(dirs, &lines, goes)?;
        pack::drop_manifests(dirs, &gone)?;
        pack::drop_unnamed_chunks(dirs)?;
        {
            // A batch may be writing lines of its own.
            let _guard = self.lock();
            let links_from =
                keep.days.map_or(i64::MIN, |days| root::now_ns() - i64::from(days).saturating_mul(YOUNG_NS));
            shorten_log(dirs, lines.len(), &gone, links_from)?;
        }
        let bytes = object_bytes(dirs)? + pack::chunk_bytes(dirs)?;
        let versions = self.kept(None).map_or(0, |kept| kept.len() as u64);
        Ok(Kept { bytes, versions, gone: gone.into_iter().collect() })
    }
}

/// Every content with what it takes: its inodes, or its part of the chunks.
fn contents(dirs: &OwnDirs, lines: &[Line]) -> Result<Vec<One>> {
    let mut all: BTreeMap<ContentId, One> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for line in lines {
        let What::File { object, content, .. } = &line.what else { continue };
        let one = all.entry(*content).or_insert(One { content: *content, time_ns: line.time_ns, bytes: 0 });
        one.time_ns = one.time_ns.max(line.time_ns);
        if seen.insert(object)
            && let Ok(stat) = unix::stat_at(dirs.objects.as_fd(), object.as_str())
        {
            one.bytes += stat.disk_bytes;
        }
    }
    pack::share(dirs, &mut all)?;
    Ok(all.into_values().collect())
}

/// Removes the inodes of contents that go, but none that was written to since, or that a program has open for writing:
/// such a content stays for now. Returns what went.
fn drop_objects(dirs: &OwnDirs, lines: &[Line], mut goes: BTreeSet<ContentId>) -> Result<BTreeSet<ContentId>> {
    let of_object = newest_lines(lines).into_iter().filter_map(|(object, line)| match line.what {
        What::File { content, .. } => Some((object, line, content)),
        What::Link { .. } => None,
    });
    let mut free = Vec::new();
    for (object, line, content) in of_object {
        let Ok(file) = unix::open_own(dirs.objects.as_fd(), object, false) else { continue };
        if !line.is_as_kept(&file) || lease::is_written(file.as_fd()) == Some(true) {
            goes.remove(&content);
        }
        free.push((object, content));
    }
    for (object, _) in free.into_iter().filter(|(_, content)| goes.contains(content)) {
        match unix::unlink(dirs.objects.as_fd(), object) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    unix::sync(dirs.objects.as_fd())?;
    Ok(goes)
}

/// Forgets the first `known` lines of contents that went, and old ones of links. What was put away since then stays.
fn shorten_log(dirs: &OwnDirs, known: usize, gone: &BTreeSet<ContentId>, links_from: i64) -> Result<()> {
    let stays = |line: &Line| match &line.what {
        What::File { content, .. } => !gone.contains(content),
        What::Link { .. } => line.time_ns >= links_from,
    };
    let lines = read_log(dirs)?;
    let all = lines.len();
    let kept = lines.into_iter().enumerate().filter(|(at, line)| *at >= known || stays(line)).map(|(_, line)| line);
    let kept: Vec<Line> = kept.collect();
    if kept.len() == all { Ok(()) } else { write_log(dirs, &kept) }
}

/// Bytes of the inodes that are kept.
fn object_bytes(dirs: &OwnDirs) -> Result<u64> {
    let mut bytes = 0;
    let listing = unix::open_listing(dirs.objects.as_fd(), None)?;
    let mut names = Vec::new();
    unix::list(listing.as_fd(), |name, _| names.extend(name.to_str().ok().map(str::to_owned)))?;
    for name in names {
        bytes += unix::stat_at(dirs.objects.as_fd(), name.as_str()).map_or(0, |stat| stat.disk_bytes);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 24 * 3600 * 1_000_000_000;
    const NOW: i64 = 1_000 * DAY;

    fn one(number: u8, days: i64, bytes: u64) -> One {
        One { content: ContentId([number; 32]), time_ns: NOW - days * DAY, bytes }
    }

    fn roomy() -> Room {
        Room { folder: 0, free: u64::MAX / 2, disk: 100 << 30 }
    }

    fn gone(all: &[One], keep: Keep, room: Room) -> Vec<u8> {
        what_goes(all, keep, room, NOW).into_iter().map(|content| content.0[0]).collect()
    }

    #[test]
    fn what_is_too_old_goes_and_then_the_oldest_until_the_rest_fits() {
        let all = [one(1, 40, 1), one(2, 20, 6 << 30), one(3, 10, 6 << 30), one(4, 0, 6 << 30)];
        assert_eq!(gone(&all, Keep::default(), roomy()), [1, 2, 3], "10 GiB, and what is young stays");
        let large = Room { folder: 80 << 30, ..roomy() };
        assert_eq!(gone(&all, Keep::default(), large), [1], "a quarter of a large folder");
        assert_eq!(gone(&all, Keep { days: None, bytes: Some(u64::MAX) }, roomy()), []);
        assert_eq!(gone(&all, Keep { days: Some(0), bytes: Some(0) }, roomy()), [1, 2, 3]);
    }

    #[test]
    fn a_nearly_full_disk_takes_the_oldest_until_there_is_room_again() {
        let all = [one(1, 0, 300 << 20), one(2, 0, 300 << 20), one(3, 0, 300 << 20)];
        let full = Room { free: 500 << 20, ..roomy() };
        assert_eq!(gone(&all, Keep { days: None, bytes: None }, full), [1, 2], "1 GiB is free then");
    }

    proptest! {
        #[test]
        fn nothing_young_goes_while_there_is_room_and_nothing_goes_before_what_is_older(
            list in proptest::collection::vec((0_i64..60, 0_u64..8 << 30), 0..30),
            days in proptest::option::of(0_u32..40),
            bytes in proptest::option::of(0_u64..40 << 30),
            free in 0_u64..20 << 30,
        ) {
            let all: Vec<One> = (0..).zip(&list).map(|(number, (age, bytes))| one(number, *age, *bytes)).collect();
            let room = Room { folder: 0, free, disk: 100 << 30 };
            let goes = what_goes(&all, Keep { days, bytes }, room, NOW);
            let (out, stays): (Vec<One>, Vec<One>) = all.iter().partition(|one| goes.contains(&one.content));
            let youngest_out = out.iter().map(|one| one.time_ns).max();
            // Oldest first; what is young may stay between.
            let is_old = |one: &&One| NOW - one.time_ns >= DAY;
            if let Some(youngest) = youngest_out {
                prop_assert!(stays.iter().filter(is_old).all(|one| one.time_ns >= youngest));
            }
            if free >= 5 << 30 {
                prop_assert!(out.iter().all(|one| is_old(&one)));
            }
            let held: u64 = stays.iter().map(|one| one.bytes).sum();
            let most = bytes.unwrap_or(KEEP_BYTES);
            prop_assert!(held <= most || stays.iter().any(|one| !is_old(&one)));
            let is_expired = |one: &One| days.is_some_and(|days| NOW - one.time_ns > i64::from(days) * DAY);
            prop_assert!(stays.iter().filter(is_old).all(|one| !is_expired(one)));
            // Letting go again lets nothing more go.
            let freed: u64 = out.iter().map(|one| one.bytes).sum();
            let room = Room { free: free + freed, ..room };
            let again = what_goes(&stays, Keep { days, bytes }, room, NOW);
            prop_assert!(again.is_empty());
        }
    }
}
