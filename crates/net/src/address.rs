//! Addresses as text: what we can dial, and how near it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use shoal_engine::id::DeviceId;

use crate::limits::ADDRESS_BYTES_MAX;

/// How near an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Loopback,
    Lan,
    Public,
}

/// Reads a dialable address: a multiaddress, or `ip:port`, both with an optional device id at the end.
///
/// `ip:port` means TCP and QUIC. Names are refused: nothing here asks a resolver.
pub(crate) fn parse(text: &str) -> Option<(Vec<Multiaddr>, Option<DeviceId>)> {
    if text.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    if text.starts_with('/') {
        let (address, device) = split_device(text.parse().ok()?)?;
        return is_dialable(&address).then(|| (vec![address], device));
    }
    let (socket, device) = match text.split_once('/') {
        Some((socket, device)) => (socket, Some(DeviceId::parse(device)?)),
        None => (text, None),
    };
    let socket: SocketAddr = socket.parse().ok()?;
    let both = [tcp(socket), quic(socket)];
    both.iter().all(is_dialable).then(|| (both.to_vec(), device))
}

/// Reads the dialable addresses among texts, each once.
pub(crate) fn parse_all(texts: &[String]) -> Vec<Multiaddr> {
    let mut all: Vec<Multiaddr> = Vec::new();
    for address in texts.iter().filter_map(|text| parse(text)).flat_map(|(addresses, _)| addresses) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

/// Takes the device id off the end of an address; none at all if there is one that is no device.
pub(crate) fn split_device(mut address: Multiaddr) -> Option<(Multiaddr, Option<DeviceId>)> {
    if !matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        return Some((address, None));
    }
    match address.pop() {
        Some(Protocol::P2p(peer)) => Some((address, Some(device_of(&peer)?))),
        _ => None,
    }
}

/// Whether an address has the form of something we can dial: an IP address and TCP or QUIC, nothing else.
pub(crate) fn is_dialable(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let is_ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        Some(Protocol::Ip6(ip)) => !ip.is_unspecified() && !ip.is_multicast(),
        _ => false,
    };
    let is_transport = match parts.next() {
        Some(Protocol::Tcp(port)) => port != 0,
        Some(Protocol::Udp(port)) => port != 0 && matches!(parts.next(), Some(Protocol::QuicV1)),
        _ => false,
    };
    is_ip && is_transport && parts.next().is_none()
}

pub(crate) fn is_tcp(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(_)))
}

pub(crate) fn tcp(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))
}

pub(crate) fn quic(socket: SocketAddr) -> Multiaddr {
    Multiaddr::from(socket.ip()).with(Protocol::Udp(socket.port())).with(Protocol::QuicV1)
}

pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    #[allow(clippy::wildcard_enum_match_arm, reason = "dozens of protocols are no IP address")]
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        _ => None,
    }
}

/// How near an address is; one without an IP address counts as far away.
pub(crate) fn reach(address: &Multiaddr) -> Reach {
    match ip_of(address) {
        Some(ip) => reach_of_ip(ip),
        None => Reach::Public,
    }
}

fn reach_of_ip(ip: IpAddr) -> Reach {
    match ip {
        ip if ip.is_loopback() => Reach::Loopback,
        IpAddr::V4(ip) if is_lan_v4(ip) => Reach::Lan,
        IpAddr::V6(ip) if is_lan_v6(ip) => Reach::Lan,
        IpAddr::V4(_) | IpAddr::V6(_) => Reach::Public,
    }
}

fn is_lan_v4(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_link_local()
}

fn is_lan_v6(ip: Ipv6Addr) -> bool {
    ip.is_unique_local() || ip.is_unicast_link_local()
}

/// The device a peer id names; only Ed25519 keys name devices.
pub(crate) fn device_of(peer: &PeerId) -> Option<DeviceId> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20])?;
    DeviceId::from_slice(key)
}

/// The peer id of a device; none if its bytes are no key.
pub(crate) fn peer_of(device: &DeviceId) -> Option<PeerId> {
    let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&device.0).ok()?;
    Some(PeerId::from_public_key(&key.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_and_port_mean_both_transports() {
        let (addresses, device) = parse("192.168.1.2:7400").expect("an address");
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["/ip4/192.168.1.2/tcp/7400", "/ip4/192.168.1.2/udp/7400/quic-v1"]);
        assert_eq!(device, None);
        assert!(parse("[fe80::1]:7400").is_some());
    }

    #[test]
    fn a_device_at_the_end_is_read_in_both_forms() {
        let seed = zeroize::Zeroizing::new([7; 32]);
        let device = crate::Identity::from_seed(seed).expect("an identity").device_id();
        for text in [format!("/ip4/10.0.0.1/tcp/7400/p2p/{device}"), format!("10.0.0.1:7400/{device}")] {
            assert_eq!(parse(&text).expect("an address").1, Some(device));
        }
        assert_eq!(peer_of(&device).and_then(|peer| device_of(&peer)), Some(device));
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for text in [
            "",
            "x",
            "/dns4/a.example/tcp/1",
            "0.0.0.0:1",
            "10.0.0.1:0",
            "/ip4/1.2.3.4/udp/5",
            "224.0.0.1:5",
            "10.0.0.1:7400/x",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(parse(&format!("/ip4/1.2.3.4/tcp/5{}", "/p2p-circuit".repeat(100))).is_none());
    }

    #[test]
    fn nearness_follows_the_address_ranges() {
        let reach_of = |text: &str| reach(&parse(text).expect("an address").0[0]);
        assert_eq!(reach_of("127.0.0.1:1"), Reach::Loopback);
        assert_eq!(reach_of("192.168.0.1:1"), Reach::Lan);
        assert_eq!(reach_of("[fe80::1]:1"), Reach::Lan);
        assert_eq!(reach_of("8.8.8.8:1"), Reach::Public);
        assert_eq!(reach_of("[2a00::1]:1"), Reach::Public);
    }
}
