//! Counts bytes per folder or offer, device and direction; speeds and the time left come out of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shoal_engine::id::{DeviceId, Scope};
use shoal_engine::time::Timestamp;

use crate::speed::Meter;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Down,
    Up,
}

/// All counters of a node.
#[derive(Default)]
pub(crate) struct Counters(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    totals: BTreeMap<(Scope, Way, DeviceId), u64>,
    scopes: BTreeMap<(Scope, Way), Meter>,
    all: BTreeMap<Way, Meter>,
    /// Since the start, down and up. As many as this person takes files from or gives files to.
    devices: BTreeMap<DeviceId, (u64, u64)>,
}

impl Counters {
    /// Counts bytes that just went.
    pub(crate) fn count(&self, now: Timestamp, (scope, way, device): (Scope, Way, DeviceId), bytes: u64) {
        let mut counted = self.lock();
        *counted.totals.entry((scope, way, device)).or_default() += bytes;
        counted.scopes.entry((scope, way)).or_default().add(now, bytes);
        counted.all.entry(way).or_default().add(now, bytes);
        let (down, up) = counted.devices.entry(device).or_default();
        match way {
            Way::Down => *down += bytes,
            Way::Up => *up += bytes,
        }
    }

    /// Bytes per device that went one way for a folder or offer.
    pub(crate) fn totals(&self, scope: Scope, way: Way) -> BTreeMap<DeviceId, u64> {
        let counted = self.lock();
        let of_scope = counted.totals.iter().filter(|((of, to, _), _)| *of == scope && *to == way);
        of_scope.map(|((_, _, device), total)| (*device, *total)).collect()
    }

    /// Bytes that came from and went to each device since the start.
    pub(crate) fn devices(&self) -> BTreeMap<DeviceId, (u64, u64)> {
        self.lock().devices.clone()
    }

    /// Bytes a second one way, for a folder or offer.
    pub(crate) fn speed(&self, now: Timestamp, scope: Scope, way: Way) -> u64 {
        self.lock().scopes.get_mut(&(scope, way)).map_or(0, |meter| meter.speed(now))
    }

    /// Seconds until `left` bytes are through.
    pub(crate) fn seconds_left(&self, now: Timestamp, scope: Scope, way: Way, left: u64) -> Option<u32> {
        self.lock().scopes.get_mut(&(scope, way))?.seconds_left(now, left)
    }

    /// Bytes a second one way, over everything.
    pub(crate) fn rate(&self, now: Timestamp, way: Way) -> u64 {
        self.lock().all.get_mut(&way).map_or(0, |meter| meter.speed(now))
    }

    /// Counts one way of a folder from nothing again; its speed goes on.
    pub(crate) fn begin_anew(&self, scope: Scope, way: Way) {
        self.lock().totals.retain(|(of, to, _), _| (*of, *to) != (scope, way));
    }

    /// Forgets a folder or offer.
    pub(crate) fn forget(&self, scope: Scope) {
        let mut counted = self.lock();
        counted.totals.retain(|(of, _, _), _| *of != scope);
        counted.scopes.retain(|(of, _), _| *of != scope);
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_engine::id::FolderId;

    #[test]
    fn bytes_are_counted_where_they_belong() {
        let (folder, other) = (Scope::Folder(FolderId([1; 32])), Scope::Folder(FolderId([2; 32])));
        let (ann, ben) = (DeviceId([1; 32]), DeviceId([2; 32]));
        let counters = Counters::default();
        counters.count(Timestamp(1000), (folder, Way::Down, ann), 500);
        counters.count(Timestamp(1500), (folder, Way::Down, ann), 500);
        counters.count(Timestamp(1500), (folder, Way::Down, ben), 1);
        counters.count(Timestamp(1500), (other, Way::Up, ben), 2);
        assert_eq!(counters.totals(folder, Way::Down), [(ann, 1000), (ben, 1)].into());
        assert_eq!(counters.devices(), [(ann, (1000, 0)), (ben, (1, 2))].into());
        assert_eq!(counters.rate(Timestamp(2000), Way::Up), 2);
        counters.forget(folder);
        assert!(counters.totals(folder, Way::Down).is_empty());
        assert_eq!(counters.speed(Timestamp(2000), folder, Way::Down), 0);
    }
}
