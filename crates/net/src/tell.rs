//! Paired devices tell each other where they listen: what is seen of an inbound connection is no address to dial.

use std::time::Instant;

use libp2p::Multiaddr;
use shoal_engine::id::DeviceId;

use crate::NetEvent;
use crate::address::{self, Reach, reach};
use crate::limits::{ADDRESSES_MAX, TOLD_BYTES_MAX};
use crate::swarm::NetTask;
use crate::targets::Source;

/// What may be told on a link: loopback means nothing to another computer.
pub(crate) fn tellable(listening: &[Multiaddr], link: Reach) -> Vec<Multiaddr> {
    let is_meant = |address: &&Multiaddr| link == Reach::Loopback || reach(address) != Reach::Loopback;
    let mut chosen: Vec<Multiaddr> = Vec::new();
    for address in listening.iter().filter(is_meant).take(ADDRESSES_MAX) {
        if !chosen.contains(address) {
            chosen.push(address.clone());
        }
    }
    chosen
}

/// Addresses as they are told: one a line.
pub(crate) fn encode(addresses: &[Multiaddr]) -> Vec<u8> {
    let lines: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut text = lines.join("\n").into_bytes();
    text.truncate(TOLD_BYTES_MAX);
    text
}

/// Reads what was told on a link; what cannot be dialled from there is left out.
pub(crate) fn decode(told: &[u8], link: Reach) -> Vec<Multiaddr> {
    let lines = String::from_utf8_lossy(told).lines().take(ADDRESSES_MAX).map(str::to_owned).collect::<Vec<_>>();
    tellable(&address::parse_all(&lines), link)
}

impl NetTask {
    /// A device told where it listens. Before it is paired here, that waits: the other side may be first to know.
    pub(crate) fn on_told(&mut self, device: DeviceId, addresses: Vec<Multiaddr>) {
        if !self.shared.is_paired(&device) {
            self.told_early.insert(device, addresses);
            return;
        }
        let texts = addresses.iter().map(ToString::to_string).collect();
        if self.targets.sight(device, Source::Told, addresses, Instant::now()) {
            tracing::debug!(%device, addresses = ?texts, "told where it listens");
            self.hint(NetEvent::Told { device, addresses: texts });
        }
        if self.shared.session(&device).is_some() {
            self.targets.connected(&device);
        }
    }

    /// Takes what devices told before they were paired, and tells the new ones where we listen.
    pub(crate) fn tell_paired(&mut self) {
        let paired: Vec<DeviceId> =
            self.told_early.keys().filter(|device| self.shared.is_paired(device)).copied().collect();
        for device in paired {
            let addresses = self.told_early.remove(&device).unwrap_or_default();
            self.on_told(device, addresses);
        }
        self.shared.tell_again();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn loopback_is_told_and_heard_only_on_loopback() {
        let all = addresses(&["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1"]);
        assert_eq!(tellable(&all, Reach::Loopback), all);
        assert_eq!(tellable(&all, Reach::Lan), all[1..]);
        assert_eq!(decode(&encode(&all), Reach::Loopback), all);
        assert_eq!(decode(&encode(&all), Reach::Public), all[1..]);
    }

    #[test]
    fn nonsense_and_too_many_are_left_out() {
        assert_eq!(decode(b"\xff\xfe\n/dns4/a.example/tcp/1\n0.0.0.0:0\n", Reach::Loopback), []);
        let many: Vec<u8> = (1..100).flat_map(|port| format!("/ip4/10.0.0.1/tcp/{port}\n").into_bytes()).collect();
        assert_eq!(decode(&many, Reach::Lan).len(), ADDRESSES_MAX);
    }
}
