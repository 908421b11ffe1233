//! mDNS that really stops when it is dropped.
//!
//! libp2p's behaviour detaches one task per interface, and these go on asking after the behaviour is gone. Here they
//! live in a runtime of their own and end with it, so that "off" is off.

use std::io;
use std::task::{Context, Poll};

use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{PeerId, mdns};
use tokio::runtime::{Builder, Runtime};

use crate::limits::{MDNS_LIFE, MDNS_QUERY_EVERY, MDNS_QUERY_EVERY_OPEN};

/// Finds devices on the local network.
pub(crate) struct Behaviour {
    inner: mdns::tokio::Behaviour,
    runtime: Option<Runtime>,
}

impl Behaviour {
    /// Starts afresh: the interval cannot be changed later, and a new behaviour asks at once.
    pub(crate) fn new(me: PeerId, is_nearby_open: bool, has_ipv4: bool) -> io::Result<Self> {
        let query_interval = if is_nearby_open { MDNS_QUERY_EVERY_OPEN } else { MDNS_QUERY_EVERY };
        // Its IPv6 mode replaces IPv4 instead of joining it.
        let config = mdns::Config { ttl: MDNS_LIFE, query_interval, enable_ipv6: !has_ipv4 };
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("shoal-mdns").enable_all().build()?;
        let inner = {
            let _context = runtime.enter();
            mdns::tokio::Behaviour::new(config, me)?
        };
        Ok(Behaviour { inner, runtime: Some(runtime) })
    }

    /// How many records it holds.
    pub(crate) fn records(&self) -> usize {
        self.inner.discovered_nodes().len()
    }
}

impl Drop for Behaviour {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed here; the tasks end at their next pause.
            runtime.shutdown_background();
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = mdns::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let _context = self.runtime.as_ref().map(Runtime::enter);
        self.inner.poll(cx)
    }
}
