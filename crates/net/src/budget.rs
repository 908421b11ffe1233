//! Token buckets: how much somebody may do at once, and in the long run.

use std::time::{Duration, Instant};

/// Holds tokens that come back over time.
#[derive(Debug)]
pub(crate) struct Bucket {
    burst: f64,
    per_second: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub(crate) fn new(burst: u32, per_second: f64, now: Instant) -> Self {
        Bucket { burst: f64::from(burst), per_second, tokens: f64::from(burst), filled_at: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled_at = now;
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let is_left = self.tokens >= 1.0;
        if is_left {
            self.tokens -= 1.0;
        }
        is_left
    }

    /// Takes many tokens, on credit if need be, and says how long to wait until the credit is paid.
    pub(crate) fn spend(&mut self, tokens: usize, now: Instant) -> Duration {
        self.fill(now);
        self.tokens -= tokens as f64;
        Duration::from_secs_f64((-self.tokens / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, 1.0, start);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(bucket.take(start + Duration::from_secs(1)));
        assert!(!bucket.take(start + Duration::from_secs(1)));
    }

    #[test]
    fn credit_is_paid_back_by_waiting() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 10.0, start);
        assert_eq!(bucket.spend(10, start), Duration::ZERO);
        assert_eq!(bucket.spend(20, start), Duration::from_secs(2));
    }
}
