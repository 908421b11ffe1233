//! The node's one clock: monotonic, anchored to the wall once, moved on only when the computer slept.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shoal_engine::time::Timestamp;

/// How far the wall may run ahead before that counts as sleep: the monotonic clock of some systems stands still then.
const SLEPT_MIN: Duration = Duration::from_secs(10);

/// Tells the time to everything in the node.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<Anchor>);

#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Timestamp,
    at: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock(Mutex::new(Anchor { wall: wall(), at: Instant::now() }))
    }

    /// Milliseconds since 1970; never goes backward.
    pub(crate) fn now(&self) -> Timestamp {
        let mut anchor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (counted, wall) = (anchor.wall.after(anchor.at.elapsed()), wall());
        if wall.since(counted) < SLEPT_MIN {
            return counted;
        }
        *anchor = Anchor { wall, at: Instant::now() };
        wall
    }

    /// When this time will be, for a timer.
    pub(crate) fn instant(&self, time: Timestamp) -> Instant {
        let now = self.now();
        Instant::now() + time.since(now)
    }
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_go_backward() {
        let clock = Clock::start();
        let first = clock.now();
        let later = clock.now();
        assert!(later >= first);
        assert!(clock.instant(later.after(Duration::from_secs(5))) > Instant::now());
    }
}
