//! Finds a port that is really free.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use crate::limits::PORTS_TRIED_MAX;

/// Where to listen when nothing is said: everywhere.
pub(crate) fn everywhere() -> Vec<IpAddr> {
    vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
}

/// Chooses a port for TCP and UDP: the preferred one, the next free one, or any.
///
/// libp2p listens with `SO_REUSEPORT`, so a second instance of the same user would silently share the port and
/// take half of the first one's callers. Binding without it tells.
pub(crate) fn choose_port(ips: &[IpAddr], preferred: u16) -> u16 {
    let near = (0..PORTS_TRIED_MAX).filter_map(|step| preferred.checked_add(step)).filter(|port| *port != 0);
    let any = (0..PORTS_TRIED_MAX).filter_map(|_| any_port(ips));
    let mut candidates: Box<dyn Iterator<Item = u16>> =
        if preferred == 0 { Box::new(any) } else { Box::new(near.chain(any)) };
    candidates.find(|port| is_free(ips, *port)).unwrap_or(0)
}

fn any_port(ips: &[IpAddr]) -> Option<u16> {
    let ip = *ips.first()?;
    Some(TcpListener::bind(SocketAddr::new(ip, 0)).ok()?.local_addr().ok()?.port())
}

/// Whether nobody listens on the port. An address this computer lacks says nothing about the port.
fn is_free(ips: &[IpAddr], port: u16) -> bool {
    let is_taken = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::AddrInUse | std::io::ErrorKind::PermissionDenied)
    };
    ips.iter().map(|ip| SocketAddr::new(*ip, port)).all(|socket| {
        let tcp = TcpListener::bind(socket).err();
        let udp = UdpSocket::bind(socket).err();
        !tcp.iter().chain(udp.iter()).any(is_taken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over() {
        let ips = [IpAddr::from(Ipv4Addr::LOCALHOST)];
        let taken = TcpListener::bind((ips[0], 0)).expect("bound");
        let port = taken.local_addr().expect("an address").port();
        let chosen = choose_port(&ips, port);
        assert_ne!(chosen, port);
        assert_ne!(chosen, 0);
    }
}
