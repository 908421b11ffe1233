//! Connections of the network task: opened, wanted for a link or not, closed.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use shoal_engine::id::DeviceId;
use tokio::sync::{mpsc, oneshot};

use crate::address::{self, Reach, device_of, is_tcp, peer_of, reach};
use crate::error::DialFailure;
use crate::guard::Mode;
use crate::limits::{ADDRESSES_MAX, REOPEN_PAUSE};
use crate::shared::{Notice, Shared};
use crate::streams::{self, BULK, CONTROL, Inbound, Opened};
use crate::swarm::NetTask;
use crate::{LinkPath, NetEvent, PathKind, bulk, link};

/// How long a fresh connection may take to become a link before the device is dialled again.
const FRESH: Duration = Duration::from_secs(2);

/// An authenticated connection.
pub(crate) struct Connection {
    pub(crate) device: DeviceId,
    pub(crate) peer: PeerId,
    pub(crate) remote: Multiaddr,
    pub(crate) is_dialled: bool,
    since: Instant,
    /// Somebody on this side wants a link here; a connection that only serves the DHT gets none.
    is_wanted: bool,
    reopen_at: Option<Instant>,
}

/// Why we dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To have a link.
    Link,
    /// To reach the DHT.
    Dht,
}

/// A dial of ours that is under way.
pub(crate) struct Dial {
    device: Option<DeviceId>,
    purpose: Purpose,
    /// Tried if this dial fails.
    rest: Vec<Multiaddr>,
}

/// Takes inbound streams and hands each to a task of its own.
pub(crate) async fn accept(shared: Arc<Shared>, mut accepted: mpsc::Receiver<Inbound>) {
    while let Some(Inbound { peer, connection, remote, is_dialled, protocol, stream }) = accepted.recv().await {
        let Some(device) = device_of(&peer) else { continue };
        if protocol == streams::BULK {
            tokio::spawn(bulk::receive(shared.clone(), device, stream));
        } else {
            tokio::spawn(link::greet(shared.clone(), device, connection, link_path(&remote, is_dialled), stream));
        }
    }
}

fn link_path(remote: &Multiaddr, is_dialled: bool) -> LinkPath {
    let kind = match reach(remote) {
        Reach::Loopback | Reach::Lan => PathKind::Lan,
        Reach::Public => PathKind::Direct,
    };
    LinkPath { kind, remote: remote.to_string(), is_dialled }
}

impl NetTask {
    pub(crate) fn on_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let dial = self.dials.remove(&id);
        let Some(device) = device_of(&peer) else {
            tracing::info!(%peer, "closing a connection: its key names no device");
            self.swarm.close_connection(id);
            return;
        };
        let remote = endpoint.get_remote_address().clone();
        let remote = address::split_device(remote.clone()).map_or(remote, |(address, _)| address);
        let is_asked = dial.as_ref().is_some_and(|dial| dial.purpose == Purpose::Link);
        let is_wanted = self.shared.is_paired(&device) || is_asked;
        if is_asked && dial.is_some_and(|dial| dial.device.is_none()) {
            self.hint(NetEvent::Reached { device, address: remote.to_string() });
        }
        tracing::debug!(%device, connection = %id, %remote, is_wanted, "connection");
        let (since, is_dialled) = (Instant::now(), endpoint.is_dialer());
        let connection = Connection { device, peer, remote, is_dialled, since, is_wanted, reopen_at: None };
        self.connections.insert(id, connection);
        if is_wanted {
            self.open_control(id);
        }
    }

    pub(crate) fn on_closed(&mut self, id: ConnectionId, cause: Option<String>) {
        if let Some(connection) = self.connections.remove(&id) {
            tracing::debug!(device = %connection.device, connection = %id, ?cause, "connection closed");
        }
    }

    pub(crate) fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Started { device, connection } => {
                tracing::trace!(%device, %connection, "link stands");
                self.targets.connected(&device);
            }
            Notice::Ended { device, connection, close, has_misbehaved } => {
                if close {
                    self.swarm.close_connection(connection);
                }
                if has_misbehaved {
                    self.targets.leave_alone(&device, Instant::now());
                } else {
                    self.targets.disconnected(&device, Instant::now());
                }
                self.rendezvous.disconnected(&device, Instant::now());
                self.told_early.remove(&device);
                self.reopen_later(&device);
            }
            Notice::Told { device, addresses } => self.on_told(device, addresses),
            Notice::Close { connection } => {
                self.swarm.close_connection(connection);
            }
            Notice::Refused { connection } => {
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.reopen_at = Some(Instant::now() + REOPEN_PAUSE);
                }
            }
        }
    }

    /// The link broke while connections remain: tries to have it on one of them.
    fn reopen_later(&mut self, device: &DeviceId) {
        let at = Instant::now() + REOPEN_PAUSE;
        for connection in self.connections.values_mut().filter(|connection| connection.device == *device) {
            connection.reopen_at = Some(at);
        }
    }

    pub(crate) fn reopen_due(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (id, connection) in &mut self.connections {
            if connection.is_wanted && connection.reopen_at.is_some_and(|at| at <= now) {
                connection.reopen_at = None;
                due.push((*id, connection.device));
            }
        }
        for (id, device) in due {
            if self.shared.session(&device).is_none() {
                self.open_control(id);
            }
        }
    }

    /// Devices that are paired from now on may be connected already.
    pub(crate) fn want_paired(&mut self, now: Instant) {
        for connection in self.connections.values_mut() {
            if !connection.is_wanted && self.shared.is_paired(&connection.device) {
                connection.is_wanted = true;
                connection.reopen_at = Some(now);
            }
        }
    }

    fn open_control(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (opened, answer) = oneshot::channel();
        self.swarm.behaviour_mut().streams.open(connection.peer, id, CONTROL, opened);
        let (shared, device) = (self.shared.clone(), connection.device);
        let path = link_path(&connection.remote, connection.is_dialled);
        tokio::spawn(async move {
            match answer.await {
                Ok(Ok(stream)) => link::greet(shared, device, id, path, stream).await,
                Ok(Err(error)) => {
                    tracing::debug!(%device, connection = %id, %error, "cannot open a control stream");
                    // The network task may be gone already.
                    let _ = shared.notices.send(Notice::Refused { connection: id }).await;
                }
                Err(_) => {}
            }
        });
    }

    pub(crate) fn open_bulk(&mut self, device: DeviceId, connection: ConnectionId, opened: Opened) {
        if let Some(peer) = peer_of(&device) {
            self.swarm.behaviour_mut().streams.open(peer, connection, BULK, opened);
        }
    }

    /// A dial somebody asked for.
    pub(crate) fn dial(&mut self, device: Option<DeviceId>, texts: &[String], now: Instant) {
        let mut unknown = Vec::new();
        for text in texts.iter().take(ADDRESSES_MAX) {
            match (address::parse(text), device) {
                (None, _) => self.hint_failed(device, text.clone(), DialFailure::BadAddress),
                (Some((addresses, None)), None) => unknown.extend(addresses),
                (Some((_, Some(named))), Some(device)) if named != device => {
                    self.hint_failed(Some(device), text.clone(), DialFailure::WrongDevice);
                }
                (Some((addresses, Some(device))), _) | (Some((addresses, None)), Some(device)) => {
                    self.targets.ask(device, addresses, now);
                    self.want(&device, now);
                }
            }
        }
        let (tcp, quic): (Vec<_>, Vec<_>) = unknown.into_iter().partition(is_tcp);
        let (first, rest) = if tcp.is_empty() { (quic, Vec::new()) } else { (tcp, quic) };
        self.dial_unknown(first, rest, Purpose::Link);
    }

    /// A connection that exists for another reason may serve as well.
    fn want(&mut self, device: &DeviceId, now: Instant) {
        for connection in self.connections.values_mut().filter(|connection| connection.device == *device) {
            if !connection.is_wanted {
                connection.is_wanted = true;
                connection.reopen_at = Some(now);
            }
        }
    }

    pub(crate) fn dial_unknown(&mut self, addresses: Vec<Multiaddr>, rest: Vec<Multiaddr>, purpose: Purpose) {
        for address in addresses {
            let options = DialOpts::unknown_peer_id().address(address).build();
            let dial = Dial { device: None, purpose, rest: rest.clone() };
            self.start_dial(options, dial);
        }
    }

    /// Dials what the table of targets says is due.
    pub(crate) fn dial_due(&mut self, now: Instant) {
        let (shared, connections) = (&self.shared, &self.connections);
        let is_fresh = |device: &DeviceId| {
            connections
                .values()
                .any(|known| known.device == *device && known.is_wanted && now.duration_since(known.since) < FRESH)
        };
        let attempts = self.targets.due(now, |device| shared.session(device).is_some() || is_fresh(device));
        for attempt in attempts {
            self.dial_device(attempt.device, attempt.addresses, Purpose::Link);
        }
    }

    pub(crate) fn dial_device(&mut self, device: DeviceId, addresses: Vec<Multiaddr>, purpose: Purpose) {
        let Some(peer) = peer_of(&device) else { return };
        let allowed: Vec<Multiaddr> = addresses.into_iter().filter(|address| self.mode.allows(address)).collect();
        if allowed.is_empty() || self.swarm.behaviour().blocked.blocked_peers().contains(&peer) {
            return;
        }
        let all_at_once = NonZeroU8::new(ADDRESSES_MAX as u8).unwrap_or(NonZeroU8::MIN);
        tracing::debug!(%device, addresses = ?allowed, "dialling");
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(allowed)
            .override_dial_concurrency_factor(all_at_once)
            .build();
        self.start_dial(options, Dial { device: Some(device), purpose, rest: Vec::new() });
    }

    fn start_dial(&mut self, options: DialOpts, dial: Dial) {
        let id = options.connection_id();
        self.dials.insert(id, dial);
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_error(id, error);
        }
    }

    pub(crate) fn on_dial_error(&mut self, id: ConnectionId, error: DialError) {
        let Some(Dial { device, purpose, rest }) = self.dials.remove(&id) else { return };
        tracing::debug!(?device, %error, "dial failed");
        if !rest.is_empty() {
            return self.dial_unknown(rest, Vec::new(), purpose);
        }
        if purpose == Purpose::Dht {
            return;
        }
        let (address, reason) = match error {
            DialError::LocalPeerId { address } => (address.to_string(), DialFailure::Ourselves),
            DialError::WrongPeerId { address, .. } => (address.to_string(), DialFailure::WrongDevice),
            DialError::Transport(errors) => {
                let first = errors.first().map(|(address, _)| address.to_string());
                (first.unwrap_or_default(), DialFailure::Unreachable)
            }
            DialError::Denied { .. } => (String::new(), DialFailure::Refused),
            DialError::NoAddresses => (String::new(), DialFailure::BadAddress),
            DialError::DialPeerConditionFalse(_) | DialError::Aborted => return,
        };
        self.hint_failed(device, address, reason);
    }

    fn hint_failed(&mut self, device: Option<DeviceId>, address: String, reason: DialFailure) {
        self.hint(NetEvent::DialFailed { device, address, reason });
    }

    pub(crate) fn disconnect(&mut self, device: &DeviceId, now: Instant) {
        self.targets.leave_alone(device, now);
        if let Some(session) = self.shared.session(device) {
            session.goodbye.cancel();
        }
        let linked = self.shared.session(device).map(|session| session.connection);
        let others = self.connections.iter().filter(|(id, known)| known.device == *device && linked != Some(**id));
        for id in others.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.swarm.close_connection(id);
        }
    }

    pub(crate) fn block(&mut self, devices: &[DeviceId]) {
        let blocked = &mut self.swarm.behaviour_mut().blocked;
        let wanted: Vec<PeerId> = devices.iter().filter_map(peer_of).collect();
        let old: Vec<PeerId> = blocked.blocked_peers().iter().copied().collect();
        for peer in old.iter().filter(|peer| !wanted.contains(peer)) {
            blocked.unblock_peer(*peer);
        }
        for peer in wanted {
            blocked.block_peer(peer);
        }
    }

    /// Sets the mode and closes what it forbids.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        let before = self.mode.get();
        if before == mode {
            return;
        }
        tracing::info!(?mode, "mode");
        self.mode.set(mode);
        let forbidden = self.connections.iter().filter(|(_, known)| !self.mode.allows(&known.remote));
        for id in forbidden.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.swarm.close_connection(id);
        }
        match (before, mode) {
            (_, Mode::Off) => {
                self.stop_mdns();
                self.discovery.withdraw();
                let mut listeners: Vec<_> = self.listening.iter().map(|(id, _)| *id).collect();
                listeners.dedup();
                for id in listeners {
                    self.swarm.remove_listener(id);
                }
            }
            (Mode::Off, Mode::Normal | Mode::LanOnly) => {
                if let Err(error) = self.listen() {
                    tracing::warn!(%error, "cannot listen again");
                }
                self.start_mdns();
                self.targets.wake(Instant::now());
            }
            (Mode::Normal | Mode::LanOnly, Mode::Normal | Mode::LanOnly) => self.targets.wake(Instant::now()),
        }
    }

    /// Asks every link whether it lives, by the means of a second connection.
    pub(crate) fn probe_links(&mut self) {
        let linked: Vec<DeviceId> = self
            .connections
            .values()
            .filter(|known| self.shared.is_paired(&known.device) && self.shared.session(&known.device).is_some())
            .map(|known| known.device)
            .collect();
        for device in linked {
            let addresses = self.targets.addresses(&device).into_iter().filter(is_tcp).collect();
            self.dial_device(device, addresses, Purpose::Link);
        }
    }
}
