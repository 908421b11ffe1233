//! Tests with a peer that breaks the rules, made of our own swarm with nothing above it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::{ConnectionId, StreamProtocol, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use shoal_engine::limits::FRAME_BYTES_MAX;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::behaviour::{self, Behaviour};
use crate::guard::SharedMode;
use crate::limits::BULK_HEADER_BYTES_MAX;
use crate::streams::{BULK, CONTROL, Inbound, RawStream};
use crate::{Identity, Net, NetConfig, NetEvent};

const PATIENCE: Duration = Duration::from_secs(15);
const GREETING: &[u8; 24] = b"shoal-1\n0123456789abcdef";

fn identity(number: u8) -> Identity {
    Identity::from_seed(Zeroizing::new([number; 32])).expect("an identity")
}

struct Victim {
    net: Net,
    events: mpsc::Receiver<NetEvent>,
    address: Multiaddr,
}

impl Victim {
    async fn start() -> Victim {
        let (net, mut events) = crate::start(honest(), identity(50)).await.expect("started");
        let address = loop {
            if let Some(NetEvent::Listening { addresses }) = events.recv().await {
                break addresses[0].parse().expect("an address");
            }
        };
        Victim { net, events, address }
    }

    async fn next(&mut self) -> NetEvent {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("running");
            if !matches!(event, NetEvent::Rtt { .. } | NetEvent::Listening { .. }) {
                return event;
            }
        }
    }

    /// Whether an honest device still gets through.
    async fn serves(&mut self) {
        let (other, _events) = crate::start(honest(), identity(51)).await.expect("started");
        other.dial(Some(self.net.device_id()), vec![self.address.to_string()]);
        loop {
            if let NetEvent::Connected { device, .. } = self.next().await
                && device == other.device_id()
            {
                return;
            }
        }
    }
}

fn honest() -> NetConfig {
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

struct Villain {
    swarm: Swarm<Behaviour>,
    peer: PeerId,
    connection: ConnectionId,
    _inbound: mpsc::Receiver<Inbound>,
}

impl Villain {
    /// Connects as a device that follows (`true`) or leads (`false`) the victim.
    async fn connect(victim: &Victim, follows: bool) -> Villain {
        let number = (1..50).find(|number| (identity(*number).device_id() > victim.net.device_id()) == follows);
        let identity = identity(number.expect("a key on that side"));
        let (accept, _inbound) = mpsc::channel(8);
        let mut swarm = behaviour::swarm(&identity, SharedMode::default(), accept, false).expect("a swarm");
        swarm.dial(victim.address.clone()).expect("dialled");
        loop {
            if let SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } = swarm.select_next_some().await {
                return Villain { swarm, peer: peer_id, connection: connection_id, _inbound };
            }
        }
    }

    async fn open(&mut self, protocol: StreamProtocol) -> RawStream {
        let (opened, mut answer) = oneshot::channel();
        self.swarm.behaviour_mut().streams.open(self.peer, self.connection, protocol, opened);
        loop {
            tokio::select! {
                stream = &mut answer => return stream.expect("answered").expect("opened"),
                _ = self.swarm.select_next_some() => {}
            }
        }
    }

    /// Writes and keeps the connection going for a while.
    async fn write(&mut self, raw: &mut RawStream, bytes: &[u8]) {
        let writing = async {
            // The victim may hang up in the middle, as it should.
            let _ = raw.stream.write_all(bytes).await;
            let _ = raw.stream.flush().await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        tokio::pin!(writing);
        loop {
            tokio::select! {
                () = &mut writing => return,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }

    async fn greet(&mut self, raw: &mut RawStream) {
        self.write(raw, GREETING).await;
        let mut theirs = [0; 25];
        let reading = raw.stream.read_exact(&mut theirs);
        tokio::pin!(reading);
        loop {
            tokio::select! {
                read = &mut reading => return read.expect("greeted and taken"),
                _ = self.swarm.select_next_some() => {}
            }
        }
    }

    async fn until_closed(&mut self) {
        let closed = async {
            while self.swarm.is_connected(&self.peer) {
                self.swarm.select_next_some().await;
            }
        };
        timeout(PATIENCE, closed).await.expect("closed in time");
    }
}

#[tokio::test]
async fn an_over_long_frame_closes_the_connection_and_nothing_else() {
    let mut victim = Victim::start().await;
    let mut villain = Villain::connect(&victim, true).await;
    let mut raw = villain.open(CONTROL).await;
    villain.greet(&mut raw).await;
    assert!(matches!(victim.next().await, NetEvent::Connected { .. }));
    villain.write(&mut raw, &(FRAME_BYTES_MAX as u32 + 1).to_be_bytes()).await;
    assert!(matches!(victim.next().await, NetEvent::Disconnected { .. }));
    villain.until_closed().await;
    victim.serves().await;
}

#[tokio::test]
async fn garbage_instead_of_a_greeting_is_no_link() {
    let mut victim = Victim::start().await;
    let mut villain = Villain::connect(&victim, true).await;
    for garbage in [&[0_u8; 4096][..], &[0xff; 4096], b"GET / HTTP/1.1\r\n\r\n........", &GREETING[..10]] {
        let mut raw = villain.open(CONTROL).await;
        villain.write(&mut raw, garbage).await;
    }
    victim.serves().await;
}

#[tokio::test]
async fn garbage_after_the_greeting_ends_the_link() {
    let mut victim = Victim::start().await;
    let mut villain = Villain::connect(&victim, true).await;
    let mut raw = villain.open(CONTROL).await;
    villain.greet(&mut raw).await;
    assert!(matches!(victim.next().await, NetEvent::Connected { .. }));
    villain.write(&mut raw, &[0xa5; 4096]).await;
    assert!(matches!(victim.next().await, NetEvent::Disconnected { .. }));
    victim.serves().await;
}

#[tokio::test]
async fn a_leader_that_takes_a_hundred_streams_gets_one_link_at_a_time() {
    let mut victim = Victim::start().await;
    let mut villain = Villain::connect(&victim, false).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut raw = villain.open(CONTROL).await;
        let mut greeting = GREETING.to_vec();
        greeting.push(1);
        villain.write(&mut raw, &greeting).await;
        held.push(raw);
        if held.len() > 20 {
            held.remove(0);
        }
        let mut links = 0_i32;
        while let Ok(event) = victim.events.try_recv() {
            links += i32::from(matches!(event, NetEvent::Connected { .. }));
            links -= i32::from(matches!(event, NetEvent::Disconnected { .. }));
            assert!((-1..=1).contains(&links));
        }
    }
    victim.serves().await;
}

#[tokio::test]
async fn a_bulk_header_beyond_the_bound_reaches_nobody() {
    let mut victim = Victim::start().await;
    let mut villain = Villain::connect(&victim, true).await;
    let mut control = villain.open(CONTROL).await;
    villain.greet(&mut control).await;
    assert!(matches!(victim.next().await, NetEvent::Connected { .. }));
    let mut raw = villain.open(BULK).await;
    villain.write(&mut raw, &(BULK_HEADER_BYTES_MAX as u32 + 1).to_be_bytes()).await;
    let mut raw = villain.open(BULK).await;
    villain.write(&mut raw, b"\0\0\0\x02okmore").await;
    let event = victim.next().await;
    assert!(matches!(&event, NetEvent::Bulk { header, .. } if header == b"ok"), "{event:?}");
}
