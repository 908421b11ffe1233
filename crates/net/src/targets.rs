//! Whom to dial, where and when: paired devices again and again, found strangers within limits.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use shoal_engine::id::DeviceId;

use crate::address::{is_tcp, reach};
use crate::budget::Bucket;
use crate::limits::{
    ADDRESSES_MAX, FOUND_MAX, PAIRED_MAX, POLITE_WAIT, QUIC_AFTER, REDIAL_FIRST, REDIAL_MAX, STRANGER_DIALS_PER_MINUTE,
    STRANGER_REDIAL,
};

/// Who told us an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Asked,
    Loopback,
    Mdns,
    /// The device itself, on a link.
    Told,
    Given,
    Dht,
}

/// One device and what is known of its whereabouts.
struct Target {
    is_paired: bool,
    by_source: BTreeMap<Source, Vec<Multiaddr>>,
    next: Option<Instant>,
    quic_at: Option<Instant>,
    pause: Duration,
    touched: Instant,
}

impl Target {
    fn new(now: Instant) -> Self {
        let by_source = BTreeMap::new();
        Target { is_paired: false, by_source, next: None, quic_at: None, pause: REDIAL_FIRST, touched: now }
    }

    /// Every address once, near ones first.
    fn addresses(&self) -> Vec<Multiaddr> {
        let mut all: Vec<Multiaddr> = Vec::new();
        for address in self.by_source.values().flatten() {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all.sort_by_key(reach);
        all.truncate(ADDRESSES_MAX);
        all
    }

    fn is_seen(&self) -> bool {
        [Source::Loopback, Source::Mdns].iter().any(|source| self.by_source.contains_key(source))
    }

    fn dial_at(&mut self, at: Instant) {
        self.pause = REDIAL_FIRST;
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// Dial this device at these addresses now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) device: DeviceId,
    pub(crate) addresses: Vec<Multiaddr>,
}

/// The table of devices to reach.
pub(crate) struct Targets {
    me: DeviceId,
    targets: HashMap<DeviceId, Target>,
    stranger_dials: Bucket,
}

impl Targets {
    pub(crate) fn new(me: DeviceId, now: Instant) -> Self {
        let per_second = f64::from(STRANGER_DIALS_PER_MINUTE) / 60.0;
        let stranger_dials = Bucket::new(STRANGER_DIALS_PER_MINUTE, per_second, now);
        Targets { me, targets: HashMap::new(), stranger_dials }
    }

    /// Replaces the list of paired devices; new ones and new addresses are dialled at once.
    pub(crate) fn set_paired(&mut self, devices: &[(DeviceId, Vec<Multiaddr>)], now: Instant) {
        for target in self.targets.values_mut() {
            target.is_paired = false;
        }
        for (device, given) in devices.iter().filter(|(device, _)| *device != self.me).take(PAIRED_MAX) {
            let target = self.targets.entry(*device).or_insert_with(|| Target::new(now));
            let given: Vec<Multiaddr> = given.iter().take(ADDRESSES_MAX).cloned().collect();
            let is_new = target.next.is_none() && target.quic_at.is_none();
            if is_new || target.by_source.get(&Source::Given) != Some(&given) {
                target.dial_at(now);
            }
            target.is_paired = true;
            target.by_source.insert(Source::Given, given);
        }
        for target in self.targets.values_mut().filter(|target| !target.is_paired) {
            target.by_source.remove(&Source::Told);
            target.by_source.remove(&Source::Given);
            target.by_source.remove(&Source::Dht);
        }
        self.targets.retain(|_, target| target.is_paired || !target.by_source.is_empty());
    }

    /// Takes a hint. True if it says something new.
    pub(crate) fn sight(&mut self, device: DeviceId, source: Source, addresses: Vec<Multiaddr>, now: Instant) -> bool {
        if device == self.me || addresses.is_empty() {
            return false;
        }
        let polite = if self.me < device { Duration::ZERO } else { POLITE_WAIT };
        let target = self.targets.entry(device).or_insert_with(|| Target::new(now));
        target.touched = now;
        let known = target.by_source.entry(source).or_default();
        let mut merged = addresses;
        if matches!(source, Source::Mdns | Source::Asked) {
            // These come one by one; the newest first, so that the bound drops the oldest.
            merged.extend(known.iter().filter(|old| !merged.contains(old)).cloned().collect::<Vec<_>>());
        }
        merged.truncate(ADDRESSES_MAX);
        let is_new = *known != merged;
        *known = merged;
        if is_new {
            let wait = if source == Source::Asked { Duration::ZERO } else { polite };
            target.dial_at(now + wait);
        }
        self.forget_oldest();
        is_new
    }

    /// Withdraws a hint; no addresses means all of the source. True if the device is now seen nowhere.
    pub(crate) fn unsight(&mut self, device: &DeviceId, source: Source, addresses: &[Multiaddr]) -> bool {
        let Some(target) = self.targets.get_mut(device) else { return false };
        let was_seen = target.is_seen();
        let known = target.by_source.entry(source).or_default();
        known.retain(|address| !addresses.is_empty() && !addresses.contains(address));
        if known.is_empty() {
            target.by_source.remove(&source);
        }
        let is_lost = was_seen && !target.is_seen();
        if !target.is_paired && target.by_source.is_empty() {
            self.targets.remove(device);
        }
        is_lost
    }

    /// A dial that a person asked for.
    pub(crate) fn ask(&mut self, device: DeviceId, addresses: Vec<Multiaddr>, now: Instant) {
        self.sight(device, Source::Asked, addresses, now);
        if let Some(target) = self.targets.get_mut(&device) {
            target.dial_at(now);
        }
    }

    pub(crate) fn addresses(&self, device: &DeviceId) -> Vec<Multiaddr> {
        self.targets.get(device).map(Target::addresses).unwrap_or_default()
    }

    pub(crate) fn connected(&mut self, device: &DeviceId) {
        if let Some(target) = self.targets.get_mut(device) {
            target.next = None;
            target.quic_at = None;
            target.pause = REDIAL_FIRST;
        }
    }

    pub(crate) fn disconnected(&mut self, device: &DeviceId, now: Instant) {
        let polite = if self.me < *device { Duration::ZERO } else { POLITE_WAIT };
        if let Some(target) = self.targets.get_mut(device) {
            match (target.is_paired, target.is_seen()) {
                (true, _) => target.dial_at(now + polite),
                (false, true) => target.dial_at(now + REDIAL_FIRST + polite),
                (false, false) => {}
            }
        }
    }

    /// Leaves a device alone for as long as redialling ever pauses.
    pub(crate) fn leave_alone(&mut self, device: &DeviceId, now: Instant) {
        if let Some(target) = self.targets.get_mut(device) {
            target.pause = REDIAL_MAX;
            target.next = Some(now + REDIAL_MAX);
            target.quic_at = None;
        }
    }

    /// The network changed or the computer woke: everything is worth another try.
    pub(crate) fn wake(&mut self, now: Instant) {
        for target in self.targets.values_mut().filter(|target| target.is_paired || target.is_seen()) {
            target.dial_at(now);
        }
    }

    /// What to dial now. Busy devices wait.
    pub(crate) fn due(&mut self, now: Instant, is_busy: impl Fn(&DeviceId) -> bool) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for (device, target) in self.targets.iter_mut().filter(|(device, _)| !is_busy(device)) {
            if target.quic_at.is_some_and(|at| at <= now) {
                target.quic_at = None;
                let addresses = target.addresses().into_iter().filter(|address| !is_tcp(address)).collect();
                attempts.push(Attempt { device: *device, addresses });
            }
            if target.next.is_some_and(|at| at <= now) {
                let is_asked = target.by_source.contains_key(&Source::Asked);
                if !target.is_paired && !is_asked && !self.stranger_dials.take(now) {
                    continue;
                }
                attempts.extend(begin(*device, target, now));
            }
        }
        attempts
    }

    fn forget_oldest(&mut self) {
        while self.targets.values().filter(|target| !target.is_paired).count() > FOUND_MAX {
            let strangers = self.targets.iter().filter(|(_, target)| !target.is_paired);
            let Some(oldest) = strangers.min_by_key(|(_, target)| target.touched).map(|(device, _)| *device) else {
                return;
            };
            self.targets.remove(&oldest);
        }
    }
}

/// Starts a round: TCP at once, QUIC a little later if nothing came of it.
fn begin(device: DeviceId, target: &mut Target, now: Instant) -> Option<Attempt> {
    target.next = match (target.is_paired, target.is_seen()) {
        (true, _) => Some(now + target.pause),
        (false, true) => Some(now + STRANGER_REDIAL),
        (false, false) => None,
    };
    target.pause = (target.pause * 2).min(REDIAL_MAX);
    let (tcp, quic): (Vec<_>, Vec<_>) = target.addresses().into_iter().partition(is_tcp);
    let addresses = if tcp.is_empty() {
        quic
    } else {
        target.quic_at = (!quic.is_empty()).then_some(now + QUIC_AFTER);
        tcp
    };
    (!addresses.is_empty()).then_some(Attempt { device, addresses })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: DeviceId = DeviceId([5; 32]);
    const ANN: DeviceId = DeviceId([9; 32]);

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn a_paired_device_is_dialled_at_once_and_then_more_and_more_rarely() {
        let start = Instant::now();
        let mut targets = Targets::new(ME, start);
        targets.set_paired(&[(ANN, addresses(&["/ip4/10.0.0.1/tcp/1"]))], start);
        let mut dialled = Vec::new();
        for second in 0..300 {
            if !targets.due(start + Duration::from_secs(second), |_| false).is_empty() {
                dialled.push(second);
            }
        }
        assert_eq!(dialled, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
        targets.wake(start + Duration::from_secs(300));
        assert_eq!(targets.due(start + Duration::from_secs(300), |_| false).len(), 1);
    }

    #[test]
    fn tcp_goes_first_and_quic_follows() {
        let start = Instant::now();
        let mut targets = Targets::new(ME, start);
        let (tcp, quic) = ("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/udp/1/quic-v1");
        targets.sight(ANN, Source::Mdns, addresses(&[quic, tcp]), start);
        assert_eq!(targets.due(start, |_| false), [Attempt { device: ANN, addresses: addresses(&[tcp]) }]);
        assert_eq!(targets.due(start, |_| false), []);
        let later = start + QUIC_AFTER;
        assert_eq!(targets.due(later, |_| false), [Attempt { device: ANN, addresses: addresses(&[quic]) }]);
    }

    #[test]
    fn found_strangers_have_a_bound_and_dials_have_a_rate() {
        let start = Instant::now();
        let mut targets = Targets::new(ME, start);
        for number in 0..10_000_u32 {
            let mut id = [9; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            targets.sight(DeviceId(id), Source::Mdns, addresses(&["/ip4/10.0.0.1/tcp/1"]), start);
        }
        assert_eq!(targets.targets.len(), FOUND_MAX);
        let later = start + POLITE_WAIT;
        assert_eq!(targets.due(later, |_| false).len(), STRANGER_DIALS_PER_MINUTE as usize);
    }

    #[test]
    fn a_busy_device_is_not_dialled() {
        let start = Instant::now();
        let mut targets = Targets::new(ME, start);
        targets.set_paired(&[(ANN, addresses(&["/ip4/10.0.0.1/tcp/1"]))], start);
        assert_eq!(targets.due(start, |_| true), []);
        targets.connected(&ANN);
        assert_eq!(targets.due(start + REDIAL_MAX, |_| false), []);
        targets.disconnected(&ANN, start);
        assert_eq!(targets.due(start, |_| false).len(), 1);
    }

    #[test]
    fn a_device_is_lost_when_nobody_sees_it_any_more() {
        let start = Instant::now();
        let mut targets = Targets::new(ME, start);
        let here = addresses(&["/ip4/10.0.0.1/tcp/1"]);
        assert!(targets.sight(ANN, Source::Mdns, here.clone(), start));
        assert!(!targets.sight(ANN, Source::Mdns, here.clone(), start));
        assert!(targets.sight(ANN, Source::Loopback, addresses(&["/ip4/127.0.0.1/tcp/1"]), start));
        assert!(!targets.unsight(&ANN, Source::Mdns, &here));
        assert!(targets.unsight(&ANN, Source::Loopback, &[]));
    }
}
