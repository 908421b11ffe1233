//! The network: finds devices, keeps one link to each, carries control frames and bulk bytes.
//!
//! One thread of its own runs everything, because connections that hop between cores are slower. [`Net`] is a
//! handle to it; [`NetEvent`]s come out of a bounded channel, and when they are not taken, links read more slowly.
//! No type of libp2p leaves this crate.

mod address;
mod behaviour;
mod budget;
mod bulk;
mod connections;
mod dht;
mod discovery;
mod error;
mod frame;
mod guard;
#[cfg(test)]
mod hostile;
mod identity;
mod lan;
mod limits;
mod limits_behaviour;
mod link;
mod listen;
mod loopback_list;
mod rendezvous;
mod shared;
mod streams;
mod swarm;
mod targets;
mod tell;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use shoal_engine::id::DeviceId;
use shoal_engine::limits::FRAME_BYTES_MAX;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

pub use bulk::BulkStream;
pub use error::{DialFailure, NetError};
pub use guard::Mode;
pub use identity::{Identity, load_or_create_identity};

use limits::{BULK_HEADER_BYTES_MAX, EVENTS_MAX};
use shared::Shared;
use swarm::{Command, Wishes};

/// How the network is set up.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Where the device's key is kept, for [`load_or_create_identity`].
    pub key_file: PathBuf,
    /// The preferred port for TCP and QUIC; the next free one is taken if it is not free; 0 means any.
    pub listen_port: u16,
    /// Addresses to listen on; empty means all.
    pub listen_ips: Vec<IpAddr>,
    /// Whether to look for devices on the local network.
    pub mdns: bool,
    /// Whether to take part in the DHT.
    pub kademlia: bool,
    /// Where the DHT begins: `/ip4/1.2.3.4/tcp/7400/p2p/12D3…` or `1.2.3.4:7400/12D3…`.
    pub bootstrap: Vec<String>,
    /// The directory where instances on one computer find each other, private to one user.
    pub loopback_list: Option<PathBuf>,
}

/// How a link reaches the other device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// Within this computer or the local network.
    Lan,
    /// Over the internet, without anyone between.
    Direct,
    /// Through a relay.
    Relay,
}

/// The way a link takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPath {
    /// What kind of way it is.
    pub kind: PathKind,
    /// The other side's address.
    pub remote: String,
    /// We dialled it, so the address is one that works; of an inbound connection only the host is known.
    pub is_dialled: bool,
}

/// What happened on the network.
#[derive(Debug)]
pub enum NetEvent {
    /// Where we can be reached, whenever that changes.
    Listening {
        /// All addresses.
        addresses: Vec<String>,
    },
    /// A hint that a device is near. It proves nothing; the network dials it by itself, within limits.
    Found {
        /// Which device it is said to be.
        device: DeviceId,
        /// Where it is said to be.
        addresses: Vec<String>,
    },
    /// A hint that a device is no longer near. A link to it may live on.
    Lost {
        /// Which device.
        device: DeviceId,
    },
    /// A link to a device stands. Frames sent before this are lost; all after it arrive in order until `Disconnected`.
    Connected {
        /// Which device, proven by its key.
        device: DeviceId,
        /// The way the link takes.
        path: LinkPath,
    },
    /// The link is gone. If another connection remains, `Connected` follows.
    Disconnected {
        /// Which device.
        device: DeviceId,
    },
    /// A paired device told where it listens.
    Told {
        /// Which device.
        device: DeviceId,
        /// All addresses it can be dialled at, instead of those told before.
        addresses: Vec<String>,
    },
    /// How long a question and its answer took.
    Rtt {
        /// Which device.
        device: DeviceId,
        /// The time there and back, in milliseconds.
        millis: u32,
    },
    /// A control frame arrived.
    Frame {
        /// From whom.
        device: DeviceId,
        /// What it holds.
        frame: Vec<u8>,
    },
    /// A device opened a bulk stream to us.
    Bulk {
        /// Who.
        device: DeviceId,
        /// What for.
        header: Vec<u8>,
        /// The stream, just behind its header.
        stream: BulkStream,
    },
    /// Somebody answered at an address that was dialled without saying whom. There may be a link to it already.
    Reached {
        /// Who, proven by its key.
        device: DeviceId,
        /// Where.
        address: String,
    },
    /// Nobody could be reached at an address.
    DialFailed {
        /// Whom we wanted to reach, if we knew.
        device: Option<DeviceId>,
        /// Where.
        address: String,
        /// Why not.
        reason: DialFailure,
    },
    /// An interface came or went, or the computer woke. Known devices are being dialled already.
    NetworkChanged,
}

/// A device that links are kept to.
#[derive(Clone)]
pub struct PairedDevice {
    /// Which device.
    pub device: DeviceId,
    /// Where it was last reached.
    pub addresses: Vec<String>,
    /// What only the two of us know.
    pub secret: Zeroizing<[u8; 32]>,
}

/// A handle to the running network. When the last one is dropped, the network stops.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    wishes: Arc<Wishes>,
    port: u16,
}

/// Starts the network on a thread of its own.
pub async fn start(config: NetConfig, identity: Identity) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let (events, received) = mpsc::channel(EVENTS_MAX);
    let net = swarm::spawn(config, identity, events).await?;
    Ok((net, received))
}

impl Net {
    /// Says who we are.
    pub fn device_id(&self) -> DeviceId {
        self.shared.me
    }

    /// The port it listens on: the preferred one, or another if that was taken. 0 if the system chooses.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Queues a frame for a device, waiting while too much is queued. That it was queued does not mean it arrives.
    pub async fn send(&self, device: DeviceId, frame: Vec<u8>) -> Result<(), NetError> {
        match frame.len() {
            0 => return Err(NetError::Empty),
            bytes if bytes > FRAME_BYTES_MAX => return Err(NetError::TooLong { bytes }),
            _ => {}
        }
        let session = self.shared.session(&device).ok_or(NetError::NotConnected(device))?;
        if session.queue.push(frame).await { Ok(()) } else { Err(NetError::NotConnected(device)) }
    }

    /// Opens a bulk stream to a linked device and sends its header. Waits while as many as allowed are open.
    pub async fn open_bulk(&self, device: DeviceId, header: Vec<u8>) -> Result<BulkStream, NetError> {
        if header.len() > BULK_HEADER_BYTES_MAX {
            return Err(NetError::TooLong { bytes: header.len() });
        }
        let share = self.shared.bulk_out(&device).await?;
        let session = self.shared.session(&device).ok_or(NetError::NotConnected(device))?;
        let (opened, answer) = oneshot::channel();
        let command = Command::OpenBulk { device, connection: session.connection, opened };
        self.commands.send(command).await.map_err(|_| NetError::Closed)?;
        let stream = answer.await.map_err(|_| NetError::NotConnected(device))?;
        let failed = |source| NetError::Stream { device, source };
        let mut stream = stream.map_err(failed)?;
        bulk::send_header(&mut stream.stream, &header).await.map_err(failed)?;
        Ok(BulkStream::new(device, stream, share))
    }

    /// Dials addresses, whoever answers there or only this device.
    pub fn dial(&self, device: Option<DeviceId>, addresses: Vec<String>) {
        self.wishes.dial(device, addresses);
    }

    /// Says which devices are paired: they pass the limits, and links to them are kept.
    pub fn set_paired(&self, devices: Vec<PairedDevice>) {
        self.shared.set_paired(devices.iter().map(|paired| paired.device).collect());
        self.wishes.change(|wanted| wanted.paired = Some(devices));
    }

    /// Says goodbye to a device and leaves it alone for a minute. To keep it away, use [`Net::block`].
    pub fn disconnect(&self, device: DeviceId) {
        self.wishes.disconnect(device);
    }

    /// Says which devices are refused, instead of those said before.
    pub fn block(&self, devices: Vec<DeviceId>) {
        self.wishes.change(|wanted| wanted.blocked = Some(devices));
    }

    /// Looks around more often while somebody watches.
    pub fn set_nearby_open(&self, is_open: bool) {
        self.wishes.change(|wanted| wanted.nearby_open = Some(is_open));
    }

    /// Says how far the network may go.
    pub fn set_mode(&self, mode: Mode) {
        self.wishes.change(|wanted| wanted.mode = Some(mode));
    }

    /// Says goodbye to everyone and stops. Returns when it is done.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Shutdown { done }).await.is_ok() {
            // An error means that the task has ended, which is what we want.
            let _ = stopped.await;
        }
    }
}
