//! Raw streams on a connection of our choice: opened on demand, inbound ones handed over.
//!
//! `libp2p-stream` opens on *any* connection of a peer, which may be the dead one after a restart, dials when
//! there is none, and drops an inbound stream while the one before waits. This behaviour does none of the three.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, Stream, StreamProtocol, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::limits::OPEN_WAIT;

/// Control frames between two devices.
pub(crate) const CONTROL: StreamProtocol = StreamProtocol::new("/shoal/sync/1");
/// Bulk bytes.
pub(crate) const BULK: StreamProtocol = StreamProtocol::new("/shoal/chunks/1");

/// A stream the other side opened.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) remote: Multiaddr,
    pub(crate) is_dialled: bool,
    pub(crate) protocol: StreamProtocol,
    pub(crate) stream: RawStream,
}

/// A stream, and the news that its connection is gone.
///
/// When we close a connection ourselves, yamux never wakes the readers of its streams.
#[derive(Debug)]
pub(crate) struct RawStream {
    pub(crate) stream: Stream,
    pub(crate) closed: CancellationToken,
}

/// Where the answer to an opening goes.
pub(crate) type Opened = oneshot::Sender<io::Result<RawStream>>;

/// Asks one connection for a stream.
#[derive(Debug)]
pub(crate) struct Open {
    protocol: StreamProtocol,
    opened: Opened,
}

/// Opens and accepts streams.
pub(crate) struct Behaviour {
    inbound: mpsc::Sender<Inbound>,
    requests: VecDeque<ToSwarm<Infallible, Open>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(inbound: mpsc::Sender<Inbound>) -> Self {
        Behaviour { inbound, requests: VecDeque::new(), waker: None }
    }

    /// Opens a stream on this very connection. If the connection is gone, the answer is dropped.
    pub(crate) fn open(&mut self, peer: PeerId, connection: ConnectionId, protocol: StreamProtocol, opened: Opened) {
        self.requests.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(connection),
            event: Open { protocol, opened },
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self, peer: PeerId, connection: ConnectionId, remote: &Multiaddr, is_dialled: bool) -> Handler {
        let remote = remote.clone();
        let closed = CancellationToken::new();
        let _closes = closed.clone().drop_guard();
        let inbound = self.inbound.clone();
        Handler { peer, connection, remote, is_dialled, inbound, requests: VecDeque::new(), closed, _closes }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, connection, remote, false))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, connection, remote, true))
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.requests.pop_front() {
            Some(request) => Poll::Ready(request),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The part of the behaviour that lives with one connection.
pub(crate) struct Handler {
    peer: PeerId,
    connection: ConnectionId,
    remote: Multiaddr,
    is_dialled: bool,
    inbound: mpsc::Sender<Inbound>,
    requests: VecDeque<Open>,
    closed: CancellationToken,
    _closes: DropGuard,
}

impl Handler {
    fn raw(&self, stream: Stream) -> RawStream {
        RawStream { stream, closed: self.closed.clone() }
    }

    fn hand_over(&self, stream: Stream, protocol: StreamProtocol) {
        let (connection, remote, stream) = (self.connection, self.remote.clone(), self.raw(stream));
        let inbound = Inbound { peer: self.peer, connection, remote, is_dialled: self.is_dialled, protocol, stream };
        if self.inbound.try_send(inbound).is_err() {
            tracing::warn!(peer = %self.peer, "dropped an inbound stream: too many wait");
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Infallible;
    type InboundProtocol = Raw;
    type OutboundProtocol = Raw;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opened;

    fn listen_protocol(&self) -> SubstreamProtocol<Raw, ()> {
        SubstreamProtocol::new(Raw(vec![CONTROL, BULK]), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Raw, Opened, Infallible>> {
        // No waker is needed: requests come only through `on_behaviour_event`, after which we are polled.
        match self.requests.pop_front() {
            Some(Open { protocol, opened }) => Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(Raw(vec![protocol]), opened).with_timeout(OPEN_WAIT),
            }),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, request: Open) {
        self.requests.push_back(request);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Raw, Raw, (), Opened>) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "libp2p may add events that mean nothing to us")]
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol), ..
            }) => {
                self.hand_over(stream, protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: (stream, _), info }) => {
                // Whoever asked may have gone; the stream then closes by being dropped.
                let _ = info.send(Ok(self.raw(stream)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info }) => {
                let _ = info.send(Err(io_error(error)));
            }
            _ => {}
        }
    }
}

fn io_error(error: StreamUpgradeError<Infallible>) -> io::Error {
    match error {
        StreamUpgradeError::Timeout => io::ErrorKind::TimedOut.into(),
        StreamUpgradeError::Apply(never) => match never {},
        StreamUpgradeError::NegotiationFailed => io::ErrorKind::Unsupported.into(),
        StreamUpgradeError::Io(error) => error,
    }
}

/// An upgrade that changes nothing: it settles the protocol and gives the stream.
pub(crate) struct Raw(Vec<StreamProtocol>);

impl UpgradeInfo for Raw {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Raw {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Raw {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
