//! Counts bytes per folder or offer, device and direction; speeds and the time left come out of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use shoal_engine::id::{DeviceId, Scope};

/// Seconds that are remembered: the time left is a median over 20 s.
const SECONDS: usize = 20;

/// Seconds over which a speed is averaged.
const SPEED_SECONDS: usize = 5;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Down,
    Up,
}

/// All counters of a node.
pub(crate) struct Meter {
    start: Instant,
    flows: Mutex<BTreeMap<(Scope, Way, DeviceId), Flow>>,
}

/// What is known of some bytes on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speed {
    /// Bytes a second over 5 s.
    pub(crate) now: u64,
    /// The median of the last 20 s in which bytes went.
    pub(crate) median: u64,
}

#[derive(Clone, Default)]
struct Flow {
    total: u64,
    /// Bytes of each second, by its number modulo the length.
    ring: [u64; SECONDS + 1],
    newest: u64,
    first: Option<u64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Meter { start: Instant::now(), flows: Mutex::new(BTreeMap::new()) }
    }

    /// Counts bytes that just went.
    pub(crate) fn count(&self, scope: Scope, way: Way, device: DeviceId, bytes: u64) {
        let second = self.second();
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let flow = flows.entry((scope, way, device)).or_default();
        flow.turn_to(second);
        flow.first.get_or_insert(second);
        flow.total += bytes;
        flow.ring[second as usize % (SECONDS + 1)] += bytes;
    }

    /// Bytes per device that went one way for a folder or offer.
    pub(crate) fn totals(&self, scope: Scope, way: Way) -> BTreeMap<DeviceId, u64> {
        let flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let of_scope = flows.iter().filter(|((of, to, _), _)| *of == scope && *to == way);
        of_scope.map(|((_, _, device), flow)| (*device, flow.total)).collect()
    }

    /// How fast a folder or offer goes one way; everything that way for `None`.
    pub(crate) fn speed(&self, scope: Option<Scope>, way: Way) -> Speed {
        let second = self.second();
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut ring, mut first) = ([0; SECONDS], None);
        for ((of, to, _), flow) in flows.iter_mut() {
            if *to != way || scope.is_some_and(|scope| scope != *of) {
                continue;
            }
            flow.turn_to(second);
            for (ago, sum) in ring.iter_mut().enumerate() {
                *sum += flow.ago(second, ago);
            }
            first = first.into_iter().chain(flow.first).min();
        }
        drop(flows);
        speed_of(&ring, first.map_or(0, |first| second.saturating_sub(first)))
    }

    /// Forgets a folder or offer.
    pub(crate) fn forget(&self, scope: Scope) {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|(of, _, _), _| *of != scope);
    }

    fn second(&self) -> u64 {
        self.start.elapsed().as_secs()
    }
}

impl Flow {
    /// Empties the seconds that passed since the last look.
    fn turn_to(&mut self, second: u64) {
        let passed = second.saturating_sub(self.newest).min(SECONDS as u64 + 1);
        for ahead in 0..passed {
            self.ring[(second - ahead) as usize % (SECONDS + 1)] = 0;
        }
        self.newest = self.newest.max(second);
    }

    /// Bytes of the whole second that ended `ago` seconds before this one began.
    fn ago(&self, second: u64, ago: usize) -> u64 {
        match second.checked_sub(ago as u64 + 1) {
            Some(then) => self.ring[then as usize % (SECONDS + 1)],
            None => 0,
        }
    }
}

/// `ring` holds whole seconds, the newest first; `age` is how many of them the flow has lived.
fn speed_of(ring: &[u64; SECONDS], age: u64) -> Speed {
    let lived = usize::try_from(age).unwrap_or(SECONDS).min(SECONDS);
    let recent = &ring[..lived.min(SPEED_SECONDS)];
    let now = recent.iter().sum::<u64>().checked_div(recent.len() as u64).unwrap_or(0);
    let mut busy: Vec<u64> = ring[..lived].iter().copied().filter(|bytes| *bytes > 0).collect();
    busy.sort_unstable();
    Speed { now, median: busy.get(busy.len() / 2).copied().unwrap_or(0) }
}

/// Whole seconds until `left` bytes have come; `None` when that cannot be told.
pub(crate) fn eta_s(left: u64, speed: Speed) -> Option<u32> {
    if left == 0 || speed.now == 0 {
        return None;
    }
    u32::try_from(left.checked_div(speed.median)?).ok().map(|seconds| seconds.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_an_average_over_the_seconds_it_lived() {
        let mut ring = [0; SECONDS];
        ring[0] = 100;
        ring[1] = 300;
        assert_eq!(speed_of(&ring, 2), Speed { now: 200, median: 300 });
        assert_eq!(speed_of(&ring, 60).now, 80);
        assert_eq!(speed_of(&[0; SECONDS], 0), Speed::default());
    }

    #[test]
    fn old_seconds_do_not_come_back_when_the_ring_turns() {
        let mut flow = Flow::default();
        flow.turn_to(3);
        flow.ring[3] = 7;
        flow.turn_to(4);
        assert_eq!(flow.ago(4, 0), 7);
        flow.turn_to(400);
        assert!((0..SECONDS).all(|ago| flow.ago(400, ago) == 0));
    }

    #[test]
    fn the_time_left_needs_a_speed() {
        assert_eq!(eta_s(1000, Speed { now: 10, median: 100 }), Some(10));
        assert_eq!(eta_s(1000, Speed { now: 0, median: 100 }), None);
        assert_eq!(eta_s(0, Speed { now: 10, median: 100 }), None);
    }
}
