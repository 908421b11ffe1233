//! Two and more real networks in one process, on loopback.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test waits for one event among many")]
#![allow(dead_code, unreachable_pub, reason = "each test file is a program and uses a part")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use shoal_engine::id::DeviceId;
use shoal_net::{Identity, Net, NetConfig, NetEvent, PairedDevice};
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Longest wait for anything: generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What every pair of devices in these tests knows.
pub const SECRET: [u8; 32] = [42; 32];

/// A network and what it tells.
pub struct Peer {
    pub net: Net,
    pub events: mpsc::Receiver<NetEvent>,
    pub addresses: Vec<String>,
}

pub fn config() -> NetConfig {
    NetConfig {
        key_file: PathBuf::new(),
        listen_port: 0,
        listen_ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        mdns: false,
        kademlia: false,
        bootstrap: Vec::new(),
        loopback_list: None,
    }
}

pub fn identity(number: u8) -> Identity {
    Identity::from_seed(Zeroizing::new([number; 32])).expect("an identity")
}

impl Peer {
    pub async fn start(number: u8) -> Peer {
        Peer::start_with(number, config()).await
    }

    pub async fn start_with(number: u8, config: NetConfig) -> Peer {
        let (net, mut events) = shoal_net::start(config, identity(number)).await.expect("started");
        let addresses = loop {
            match timeout(PATIENCE, events.recv()).await.expect("in time").expect("running") {
                NetEvent::Listening { addresses } if addresses.len() >= 2 => break addresses,
                _ => {}
            }
        };
        Peer { net, events, addresses }
    }

    /// Starts without waiting for anything.
    pub async fn start_as(identity: Identity, config: NetConfig) -> Peer {
        let (net, events) = shoal_net::start(config, identity).await.expect("started");
        Peer { net, events, addresses: Vec::new() }
    }

    pub fn id(&self) -> DeviceId {
        self.net.device_id()
    }

    pub fn as_paired(&self) -> PairedDevice {
        PairedDevice { device: self.id(), addresses: self.addresses.clone(), secret: Zeroizing::new(SECRET) }
    }

    /// Waits for the first event that `pick` takes; others are passed over.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("stopped while waiting for {what}"));
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    pub async fn until_connected(&mut self, other: DeviceId) {
        self.until("connection", |event| {
            matches!(event, NetEvent::Connected { device, .. } if device == other).then_some(())
        })
        .await;
    }

    pub async fn until_disconnected(&mut self, other: DeviceId) {
        self.until("end", |event| matches!(event, NetEvent::Disconnected { device } if device == other).then_some(()))
            .await;
    }

    pub async fn next_frame(&mut self) -> Vec<u8> {
        self.until("frame", |event| match event {
            NetEvent::Frame { frame, .. } => Some(frame),
            _ => None,
        })
        .await
    }

    /// Everything that arrives within a while.
    pub async fn during(&mut self, time: Duration) -> Vec<NetEvent> {
        let mut all = Vec::new();
        let end = tokio::time::Instant::now() + time;
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.events.recv()).await {
            all.push(event);
        }
        all
    }
}

/// Two peers with a link between them.
pub async fn linked(a: u8, b: u8) -> (Peer, Peer) {
    let (mut ann, mut ben) = (Peer::start(a).await, Peer::start(b).await);
    ann.net.dial(Some(ben.id()), ben.addresses.clone());
    ann.until_connected(ben.id()).await;
    ben.until_connected(ann.id()).await;
    (ann, ben)
}
