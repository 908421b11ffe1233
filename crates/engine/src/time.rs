//! The engine's time: milliseconds that came in with an event, never read from a clock.

use std::time::Duration;

/// Milliseconds since 1970 as the node's clock said when the event happened.
///
/// Used for deadlines and for display; nothing in the ledger is ordered by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Returns this time plus `wait`, saturating.
    pub fn after(self, wait: Duration) -> Self {
        Timestamp(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns how long ago `earlier` was, zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
