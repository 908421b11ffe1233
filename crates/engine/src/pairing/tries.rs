//! How often somebody may still guess: three times in ten minutes, and how many codes are shown to anybody at all.

use std::collections::BTreeMap;

use crate::id::DeviceId;
use crate::limits::{CODES_SHOWN_MAX, PAIRING_TRIES_MAX, PAIRING_WINDOW};
use crate::time::Timestamp;

/// The tries of the last ten minutes, in memory only.
#[derive(Default)]
pub(super) struct Tries {
    used: BTreeMap<DeviceId, Vec<Timestamp>>,
    shown: Vec<Timestamp>,
}

impl Tries {
    /// One guess was made, or could have been.
    pub(super) fn use_up(&mut self, them: DeviceId, now: Timestamp) {
        self.used.retain(|_, list| list.last().is_some_and(|at| is_recent(*at, now)));
        let list = self.used.entry(them).or_default();
        list.retain(|at| is_recent(*at, now));
        list.push(now);
    }

    /// The other side takes no more: what we have left would be refused there.
    pub(super) fn use_up_all(&mut self, them: DeviceId, now: Timestamp) {
        for _ in 0..self.left(them, now) {
            self.use_up(them, now);
        }
    }

    /// A code was shown to a person.
    pub(super) fn note_shown(&mut self, now: Timestamp) {
        self.shown.retain(|at| is_recent(*at, now));
        self.shown.push(now);
    }

    /// Whether a device may have another code. Keys cost nothing, so all devices together have a bound as well.
    pub(super) fn may_show(&self, them: DeviceId, now: Timestamp) -> bool {
        let shown = self.shown.iter().filter(|at| is_recent(**at, now)).count();
        self.left(them, now) > 0 && shown < CODES_SHOWN_MAX
    }

    /// How many guesses are left with a device.
    pub(super) fn left(&self, them: DeviceId, now: Timestamp) -> u32 {
        let recent = self.used.get(&them).map_or(0, |list| list.iter().filter(|at| is_recent(**at, now)).count());
        u32::try_from(PAIRING_TRIES_MAX.saturating_sub(recent)).unwrap_or(0)
    }

    /// When there will be one again, if there is none.
    pub(super) fn locked_until(&self, them: DeviceId, now: Timestamp) -> Option<Timestamp> {
        if self.left(them, now) > 0 {
            return None;
        }
        let list = self.used.get(&them)?;
        Some(list.get(list.len().checked_sub(PAIRING_TRIES_MAX)?)?.after(PAIRING_WINDOW))
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) < PAIRING_WINDOW
}
