//! The last door before the socket: what the mode forbids is neither dialled nor listened on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::{Multiaddr, PeerId, Transport};

use crate::address::{Reach, is_tcp, reach};

/// How far the network may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Anywhere.
    #[default]
    Normal,
    /// This computer and private or link-local addresses.
    LanOnly,
    /// Nowhere: no listening, no dialling, no questions.
    Off,
}

/// The mode, seen by everyone who must obey it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedMode(Arc<AtomicU8>);

impl SharedMode {
    pub(crate) fn set(&self, mode: Mode) {
        let code = match mode {
            Mode::Normal => 0,
            Mode::LanOnly => 1,
            Mode::Off => 2,
        };
        self.0.store(code, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> Mode {
        match self.0.load(Ordering::SeqCst) {
            0 => Mode::Normal,
            1 => Mode::LanOnly,
            _ => Mode::Off,
        }
    }

    pub(crate) fn allows(&self, address: &Multiaddr) -> bool {
        match self.get() {
            Mode::Normal => true,
            Mode::LanOnly => reach(address) < Reach::Public,
            Mode::Off => false,
        }
    }
}

type Connected = (PeerId, StreamMuxerBox);

/// A transport behind the guard.
pub(crate) struct Guarded {
    inner: Boxed<Connected>,
    mode: SharedMode,
}

impl Guarded {
    pub(crate) fn new(inner: Boxed<Connected>, mode: SharedMode) -> Self {
        Guarded { inner, mode }
    }
}

fn forbidden() -> TransportError<io::Error> {
    TransportError::Other(io::Error::new(io::ErrorKind::PermissionDenied, "the mode forbids it"))
}

impl Transport for Guarded {
    type Output = Connected;
    type Error = io::Error;
    type ListenerUpgrade = <Boxed<Connected> as Transport>::ListenerUpgrade;
    type Dial = <Boxed<Connected> as Transport>::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        match self.mode.get() {
            Mode::Normal | Mode::LanOnly => self.inner.listen_on(id, address),
            Mode::Off => Err(forbidden()),
        }
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, mut opts: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        if !self.mode.allows(&address) {
            return Err(forbidden());
        }
        if is_tcp(&address) {
            // From the listening port, two devices that dial each other would meet in one simultaneous
            // open, both as dialers; and a quick second connection would find its four numbers taken.
            opts.port_use = PortUse::New;
        }
        self.inner.dial(address, opts)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
