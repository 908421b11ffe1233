//! Refuses connections: too many from one address, too many strangers, too much memory, or against the mode.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{PeerId, memory_connection_limits};

use crate::address::ip_of;
use crate::guard::SharedMode;
use crate::limits::{
    ADDRESSES_COUNTED_MAX, MEMORY_BYTES_MAX, NEW_PER_MINUTE_LOOPBACK_MAX, NEW_PER_MINUTE_MAX, PER_ADDRESS_MAX,
    PER_DEVICE_MAX, PER_LOOPBACK_MAX, PER_SUBNET_MAX, STRANGERS_MAX,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Why a connection was refused.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the mode forbids it")]
    Mode,
    #[error("too many connections from {0}")]
    Address(IpAddr),
    #[error("too many connections from around {0}")]
    Subnet(IpAddr),
    #[error("too many new connections from {0} within a minute")]
    Rate(IpAddr),
    #[error("too many connections of devices that are not paired")]
    Strangers,
    #[error("too many connections of one device")]
    Device,
}

/// A connection that counts. No peer yet: not authenticated.
struct Counted {
    peer: Option<PeerId>,
    ip: Option<IpAddr>,
}

/// Counts connections and refuses those beyond the bounds. Paired devices pass.
pub(crate) struct Behaviour {
    mode: SharedMode,
    paired: HashSet<PeerId>,
    counted: HashMap<ConnectionId, Counted>,
    recent: HashMap<IpAddr, VecDeque<Instant>>,
    memory: memory_connection_limits::Behaviour,
}

impl Behaviour {
    pub(crate) fn new(mode: SharedMode) -> Self {
        Behaviour {
            mode,
            paired: HashSet::new(),
            counted: HashMap::new(),
            recent: HashMap::new(),
            memory: memory_connection_limits::Behaviour::with_max_bytes(MEMORY_BYTES_MAX),
        }
    }

    pub(crate) fn set_paired(&mut self, paired: HashSet<PeerId>) {
        self.paired = paired;
    }

    fn is_stranger(&self, counted: &Counted) -> bool {
        counted.peer.is_none_or(|peer| !self.paired.contains(&peer))
    }

    fn strangers_where(&self, wanted: impl Fn(&Counted) -> bool) -> usize {
        self.counted.values().filter(|counted| self.is_stranger(counted) && wanted(counted)).count()
    }

    fn check_address(&mut self, ip: IpAddr, now: Instant) -> Result<(), Refused> {
        let (per_address, per_subnet, per_minute) = if ip.is_loopback() {
            (PER_LOOPBACK_MAX, PER_LOOPBACK_MAX, NEW_PER_MINUTE_LOOPBACK_MAX)
        } else {
            (PER_ADDRESS_MAX, PER_SUBNET_MAX, NEW_PER_MINUTE_MAX)
        };
        if self.strangers_where(|counted| counted.ip == Some(ip)) >= per_address {
            return Err(Refused::Address(ip));
        }
        let around = subnet(ip);
        if self.strangers_where(|counted| counted.ip.is_some_and(|ip| subnet(ip) == around)) >= per_subnet {
            return Err(Refused::Subnet(ip));
        }
        if self.recent.len() >= ADDRESSES_COUNTED_MAX {
            self.recent.retain(|_, times| times.back().is_some_and(|last| now.duration_since(*last) < MINUTE));
        }
        if self.recent.len() >= ADDRESSES_COUNTED_MAX && !self.recent.contains_key(&ip) {
            return Err(Refused::Rate(ip));
        }
        let times = self.recent.entry(ip).or_default();
        while times.front().is_some_and(|first| now.duration_since(*first) >= MINUTE) {
            times.pop_front();
        }
        if times.len() >= per_minute {
            return Err(Refused::Rate(ip));
        }
        times.push_back(now);
        Ok(())
    }

    fn check_peer(&self, connection: ConnectionId, peer: PeerId) -> Result<(), Refused> {
        let others = || self.counted.iter().filter(|(id, _)| **id != connection).map(|(_, counted)| counted);
        if others().filter(|counted| counted.peer == Some(peer)).count() >= PER_DEVICE_MAX {
            return Err(Refused::Device);
        }
        let strangers = others().filter(|counted| counted.peer.is_some() && self.is_stranger(counted)).count();
        if strangers >= STRANGERS_MAX {
            return Err(Refused::Strangers);
        }
        Ok(())
    }

    /// A paired device gives back what its connection took from the address's allowance.
    fn refund(&mut self, ip: Option<IpAddr>) {
        if let Some(times) = ip.and_then(|ip| self.recent.get_mut(&ip)) {
            times.pop_back();
        }
    }
}

fn subnet(ip: IpAddr) -> [u8; 9] {
    let mut key = [0; 9];
    match ip {
        IpAddr::V4(ip) => key[1..4].copy_from_slice(&ip.octets()[..3]),
        IpAddr::V6(ip) => {
            key[0] = 1;
            key[1..].copy_from_slice(&ip.octets()[..8]);
        }
    }
    key
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if !self.mode.allows(remote) {
            return Err(ConnectionDenied::new(Refused::Mode));
        }
        let ip = ip_of(remote);
        if let Some(ip) = ip {
            self.check_address(ip, Instant::now()).map_err(ConnectionDenied::new)?;
        }
        self.counted.insert(connection, Counted { peer: None, ip });
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.paired.contains(&peer) {
            self.refund(ip_of(remote));
        } else {
            self.check_peer(connection, peer).map_err(ConnectionDenied::new)?;
            self.memory.handle_established_inbound_connection(connection, peer, local, remote)?;
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if !self.paired.contains(&peer) {
            self.check_peer(connection, peer).map_err(ConnectionDenied::new)?;
            self.memory.handle_established_outbound_connection(connection, peer, address, role, port)?;
        }
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "libp2p has many events; these three count connections")]
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                let ip = ip_of(endpoint.get_remote_address()).filter(|_| endpoint.is_listener());
                self.counted.insert(connection_id, Counted { peer: Some(peer_id), ip });
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.counted.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(limits: &mut Behaviour, number: usize, from: &str) -> bool {
        let remote: Multiaddr = format!("/ip4/{from}/tcp/5000").parse().expect("an address");
        let connection = ConnectionId::new_unchecked(number);
        limits.handle_pending_inbound_connection(connection, &remote, &remote).is_ok()
    }

    #[test]
    fn one_address_gets_only_a_few_connections() {
        let mut limits = Behaviour::new(SharedMode::default());
        let taken = (0..100).filter(|number| arrive(&mut limits, *number, "192.168.1.9")).count();
        assert_eq!(taken, PER_ADDRESS_MAX);
        assert!(arrive(&mut limits, 200, "192.168.1.10"));
    }

    #[test]
    fn one_subnet_gets_only_some_connections() {
        let mut limits = Behaviour::new(SharedMode::default());
        let taken =
            (0..200).filter(|number| arrive(&mut limits, *number, &format!("192.168.1.{}", number + 1))).count();
        assert_eq!(taken, PER_SUBNET_MAX);
    }

    #[test]
    fn connections_that_come_and_go_are_counted_by_the_minute() {
        let mut limits = Behaviour::new(SharedMode::default());
        let mut taken = 0;
        for number in 0..100 {
            if arrive(&mut limits, number, "192.168.1.9") {
                taken += 1;
                limits.counted.clear();
            }
        }
        assert_eq!(taken, NEW_PER_MINUTE_MAX);
    }

    #[test]
    fn the_table_of_addresses_has_a_bound() {
        let mut limits = Behaviour::new(SharedMode::default());
        for number in 0..ADDRESSES_COUNTED_MAX + 100 {
            let ip = IpAddr::from(((number as u32) | 0x0a00_0000).to_be_bytes());
            let _ = limits.check_address(ip, Instant::now());
        }
        assert_eq!(limits.recent.len(), ADDRESSES_COUNTED_MAX);
    }

    #[test]
    fn the_mode_is_obeyed_inbound() {
        let mode = SharedMode::default();
        let mut limits = Behaviour::new(mode.clone());
        mode.set(crate::Mode::LanOnly);
        assert!(!arrive(&mut limits, 1, "8.8.8.8"));
        assert!(arrive(&mut limits, 2, "192.168.1.9"));
        mode.set(crate::Mode::Off);
        assert!(!arrive(&mut limits, 3, "192.168.1.9"));
    }
}
