//! How far work on this computer is: looking through a folder, reading files to name them, copying files in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shoal_engine::id::Scope;
use shoal_engine::time::Timestamp;

use crate::speed::Meter;

/// Work shorter than this, in milliseconds, is not shown: it would only flash.
const SHOWN_AFTER_MS: u64 = 500;

/// For how long, in milliseconds, work that ended is taken for the same as what begins next.
const PAUSE_MS_MAX: u64 = 1_000;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Looking through a folder, in paths.
    Looking,
    /// Reading files to name their contents, in bytes.
    Reading,
    /// Copying files into a folder, in bytes.
    Copying,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So much is done.
    pub done: u64,
    /// Of so much in all, as far as that is known.
    pub total: u64,
    /// So much a second.
    pub speed: u64,
    /// Seconds left, when that can be said.
    pub eta_s: Option<u32>,
}

/// All work under way.
#[derive(Default)]
pub(crate) struct Works(Mutex<BTreeMap<(Scope, Work), Row>>);

#[derive(Default)]
struct Row {
    begun: Timestamp,
    /// When the last of it ended, while nothing is under way.
    ended: Option<Timestamp>,
    under_way: usize,
    done: u64,
    total: u64,
    meter: Meter,
}

impl Works {
    /// Begins a piece of work.
    pub(crate) fn begin(&self, now: Timestamp, of: (Scope, Work), total: u64) {
        let mut all = self.lock();
        let row = all.entry(of).or_insert_with(|| Row { begun: now, ..Row::default() });
        if row.ended.take().is_some_and(|at| now.0.saturating_sub(at.0) > PAUSE_MS_MAX) {
            *row = Row { begun: now, ..Row::default() };
        }
        row.under_way += 1;
        row.total += total;
    }

    /// So much more of it is done.
    pub(crate) fn add(&self, now: Timestamp, of: (Scope, Work), amount: u64) {
        if let Some(row) = self.lock().get_mut(&of) {
            row.done += amount;
            row.meter.add(now, amount);
        }
    }

    /// A piece of work of this size ended, of which so much was done: what it left out will not come any more.
    pub(crate) fn end(&self, now: Timestamp, of: (Scope, Work), (total, done): (u64, u64)) {
        let mut all = self.lock();
        let Some(row) = all.get_mut(&of) else { return };
        row.under_way = row.under_way.saturating_sub(1);
        row.done += total.saturating_sub(done);
        if row.under_way == 0 {
            row.ended = Some(now);
        }
    }

    /// Work that is only seen from outside: so much is done of so much, or `None` when it is over.
    pub(crate) fn seen(&self, now: Timestamp, of: (Scope, Work), far: Option<(u64, u64)>) {
        let mut all = self.lock();
        let Some((done, total)) = far else {
            all.remove(&of);
            return;
        };
        let row = all.entry(of).or_insert_with(|| Row { begun: now, under_way: 1, ..Row::default() });
        row.meter.add(now, done.saturating_sub(row.done));
        (row.done, row.total) = (done, total);
    }

    /// How far work is that has been going on long enough to be shown.
    pub(crate) fn get(&self, now: Timestamp, of: (Scope, Work)) -> Option<Progress> {
        let mut all = self.lock();
        let row = all.get_mut(&of)?;
        if row.ended.is_some_and(|at| now.0.saturating_sub(at.0) > PAUSE_MS_MAX) {
            all.remove(&of);
            return None;
        }
        if now.0.saturating_sub(row.begun.0) < SHOWN_AFTER_MS || (row.ended.is_some() && row.done >= row.total) {
            return None;
        }
        let total = row.total.max(row.done);
        Some(Progress {
            done: row.done,
            total,
            speed: row.meter.speed(now),
            eta_s: row.meter.seconds_left(now, total - row.done).filter(|_| total > row.done),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Scope, Work), Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_engine::id::FolderId;

    const READING: (Scope, Work) = (Scope::Folder(FolderId([1; 32])), Work::Reading);

    #[test]
    fn work_is_shown_with_its_speed_until_it_is_over() {
        let works = Works::default();
        works.begin(Timestamp(0), READING, 2_000);
        works.add(Timestamp(100), READING, 100);
        assert_eq!(works.get(Timestamp(200), READING), None, "too short to be shown");
        for second in 1..=10 {
            works.add(Timestamp(second * 1_000), READING, 100);
            works.get(Timestamp(second * 1_000), READING);
        }
        let shown = works.get(Timestamp(10_000), READING).expect("shown");
        assert_eq!((shown.done, shown.total, shown.speed), (1_100, 2_000, 100));
        assert!(shown.eta_s.is_some_and(|seconds| (7..=10).contains(&seconds)), "{shown:?}");
        works.end(Timestamp(11_000), READING, (2_000, 1_100));
        assert_eq!(works.get(Timestamp(11_000), READING), None);
    }

    #[test]
    fn one_piece_after_the_other_is_one_work() {
        let works = Works::default();
        works.begin(Timestamp(0), READING, 100);
        works.add(Timestamp(900), READING, 100);
        works.end(Timestamp(900), READING, (100, 100));
        works.begin(Timestamp(1_000), READING, 100);
        works.add(Timestamp(1_100), READING, 50);
        let shown = works.get(Timestamp(1_200), READING).expect("shown");
        assert_eq!((shown.done, shown.total), (150, 200));
        works.end(Timestamp(1_300), READING, (100, 50));
        works.begin(Timestamp(9_000), READING, 10);
        works.add(Timestamp(9_600), READING, 5);
        let shown = works.get(Timestamp(9_700), READING).expect("shown");
        assert_eq!((shown.done, shown.total), (5, 10), "after a pause it is another work");
    }

    #[test]
    fn what_is_seen_from_outside_has_a_speed_too() {
        let works = Works::default();
        works.seen(Timestamp(0), READING, Some((0, 100)));
        works.seen(Timestamp(1_000), READING, Some((50, 100)));
        let shown = works.get(Timestamp(1_000), READING).expect("shown");
        assert_eq!((shown.done, shown.total, shown.speed), (50, 100, 50));
        works.seen(Timestamp(1_100), READING, None);
        assert_eq!(works.get(Timestamp(1_100), READING), None);
    }
}
