//! How fast bytes go and how long it takes: a 5 s average for the eye, a 20 s median for the promise.

use std::collections::VecDeque;

use shoal_engine::time::Timestamp;

/// Over how long a speed is averaged, in milliseconds.
const AVERAGE_MS: u64 = 5_000;

/// Bytes that came within this time, in milliseconds, are counted together: bounds a meter to 20 buckets.
const BUCKET_MS: u64 = 250;

/// A speed is never taken over less than this, in milliseconds: the first packet is no speed.
const AVERAGE_MS_MIN: u64 = 1_000;

/// How often, in milliseconds, the speed is noted for the time left.
const NOTE_MS: u64 = 1_000;

/// How many notes the time left is worked out from: 20 s.
const NOTES_MAX: usize = 20;

/// No time is promised from fewer notes.
const NOTES_MIN: usize = 3;

/// Longest time left that is worth saying, in seconds: four days.
const LEFT_S_MAX: u64 = 4 * 24 * 3600;

/// Counts bytes and says how fast they come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// When each bucket began, and its bytes.
    buckets: VecDeque<(Timestamp, u64)>,
    /// When the bytes began to come, after the last silence.
    since: Option<Timestamp>,
    /// The last speeds, one a second.
    notes: VecDeque<u64>,
    noted_at: Option<Timestamp>,
    /// What was promised last, and when.
    promised: Option<(Timestamp, u64)>,
}

impl Meter {
    /// Counts bytes that went or came now.
    pub(crate) fn add(&mut self, now: Timestamp, bytes: u64) {
        self.forget(now);
        self.since.get_or_insert(now);
        match self.buckets.back_mut() {
            Some((at, sum)) if now.0 < at.0 + BUCKET_MS => *sum += bytes,
            Some(_) | None => self.buckets.push_back((now, bytes)),
        }
    }

    /// Bytes a second, averaged over 5 s.
    pub(crate) fn speed(&mut self, now: Timestamp) -> u64 {
        self.forget(now);
        let Some(since) = self.since else { return 0 };
        let bytes: u64 = self.buckets.iter().map(|(_, sum)| sum).sum();
        let span = now.0.saturating_sub(since.0);
        bytes.saturating_mul(1_000) / span.clamp(AVERAGE_MS_MIN, AVERAGE_MS)
    }

    /// Seconds until `left` bytes are through; none while that cannot be said.
    ///
    /// Counts down by itself and leaves its course only when the median differs by more than a step.
    pub(crate) fn seconds_left(&mut self, now: Timestamp, left: u64) -> Option<u32> {
        self.note(now);
        let speed = median(&self.notes).filter(|_| self.notes.len() >= NOTES_MIN)?;
        if speed == 0 || left / speed > LEFT_S_MAX {
            self.promised = None;
            return None;
        }
        let exact = left.div_ceil(speed);
        let kept = self
            .promised
            .map(|(at, seconds)| seconds.saturating_sub(now.since(at).as_secs()))
            .filter(|kept| kept.abs_diff(exact) <= step(exact));
        let seconds = kept.unwrap_or(exact);
        if kept.is_none() {
            self.promised = Some((now, exact));
        }
        u32::try_from(rounded(seconds)).ok()
    }

    /// Drops what is older than the average, and starts anew after a silence as long as that.
    fn forget(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.buckets.front() {
            if now.0.saturating_sub(at.0) < AVERAGE_MS {
                break;
            }
            self.buckets.pop_front();
        }
        if self.buckets.is_empty() {
            self.since = None;
        }
    }

    /// Notes the speed once a second.
    fn note(&mut self, now: Timestamp) {
        let is_due = self.noted_at.is_none_or(|at| now.0.saturating_sub(at.0) >= NOTE_MS);
        if !is_due {
            return;
        }
        self.noted_at = Some(now);
        let speed = self.speed(now);
        if self.notes.len() == NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(speed);
    }
}

fn median(notes: &VecDeque<u64>) -> Option<u64> {
    let mut sorted: Vec<u64> = notes.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// How finely a time of this length, in seconds, is said.
fn step(seconds: u64) -> u64 {
    match seconds {
        0..10 => 1,
        10..60 => 5,
        60..600 => 15,
        600..3600 => 60,
        _ => 300,
    }
}

/// Rounds up to the next step: less than promised is a pleasant surprise.
fn rounded(seconds: u64) -> u64 {
    seconds.div_ceil(step(seconds)) * step(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    /// Feeds `speed` bytes a second for `seconds`, ten times a second, and returns the end.
    fn feed(meter: &mut Meter, from: Timestamp, seconds: u64, speed: u64) -> Timestamp {
        let mut now = from;
        for _ in 0..seconds * 10 {
            now = Timestamp(now.0 + 100);
            meter.add(now, speed / 10);
            meter.seconds_left(now, 1);
        }
        now
    }

    #[test]
    fn a_speed_is_the_average_of_five_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.speed(Timestamp(0)), 0);
        let now = feed(&mut meter, Timestamp(0), 10, 10 * MB);
        assert!(meter.speed(now).abs_diff(10 * MB) < MB);
        let now = feed(&mut meter, now, 5, 20 * MB);
        assert!(meter.speed(now).abs_diff(20 * MB) < 2 * MB);
        assert_eq!(meter.speed(Timestamp(now.0 + 5_100)), 0);
    }

    #[test]
    fn the_first_packet_is_no_speed() {
        let mut meter = Meter::default();
        meter.add(Timestamp(10), MB);
        assert_eq!(meter.speed(Timestamp(11)), MB);
    }

    #[test]
    fn the_time_left_does_not_jump() {
        let mut meter = Meter::default();
        let mut now = feed(&mut meter, Timestamp(0), 30, 10 * MB);
        let mut left = 1_000 * MB;
        let mut last = meter.seconds_left(now, left).expect("known");
        assert!((95..=105).contains(&last), "{last}");
        for second in 0..50 {
            // A speed that wavers by half must not show.
            let speed = if second % 2 == 0 { 15 * MB } else { 5 * MB };
            now = feed(&mut meter, now, 1, speed);
            left -= speed;
            let next = meter.seconds_left(now, left).expect("known");
            assert!(next <= last + 15 && next + 20 >= last, "{last} then {next}");
            last = next;
        }
    }

    #[test]
    fn nothing_is_promised_while_nothing_moves() {
        let mut meter = Meter::default();
        for second in 0..30 {
            assert_eq!(meter.seconds_left(Timestamp(second * 1_000), 5 * MB), None);
        }
    }
}
