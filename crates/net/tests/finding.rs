//! How real networks find each other: over the DHT, and over the list of instances on one computer.

mod common;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use common::{Peer, SECRET, config};
use shoal_net::{Mode, NetConfig, NetEvent, PairedDevice};
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paired_devices_that_know_only_a_third_meet_over_the_dht() {
    let mut third = Peer::start_with(3, NetConfig { kademlia: true, ..config() }).await;
    let bootstrap = vec![format!("{}/p2p/{}", third.addresses[0], third.id())];
    let with = |bootstrap: &Vec<String>| NetConfig { kademlia: true, bootstrap: bootstrap.clone(), ..config() };
    let mut ann = Peer::start_with(1, with(&bootstrap)).await;
    let mut ben = Peer::start_with(2, with(&bootstrap)).await;
    let unknown =
        |peer: &Peer| PairedDevice { device: peer.id(), addresses: Vec::new(), secret: Zeroizing::new(SECRET) };
    ann.net.set_paired(vec![unknown(&ben)]);
    ben.net.set_paired(vec![unknown(&ann)]);
    ann.until_connected(ben.id()).await;
    ben.until_connected(ann.id()).await;
    ann.net.send(ben.id(), b"hello".to_vec()).await.expect("sent");
    assert_eq!(ben.next_frame().await, b"hello");
    let seen = third.during(Duration::from_millis(200)).await;
    let links = seen.iter().filter(|event| matches!(event, NetEvent::Connected { .. }));
    assert_eq!(links.count(), 0, "who serves the DHT gets no link");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_on_one_computer_find_each_other_and_notice_a_restart() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let with = || NetConfig { loopback_list: Some(home.path().join("instances")), ..config() };
    let mut ann = Peer::start_with(1, with()).await;
    let begin = Instant::now();
    let mut ben = Peer::start_with(2, with()).await;
    let is_connected = |event: &NetEvent| matches!(event, NetEvent::Connected { .. });
    let is_found = |event: &NetEvent| matches!(event, NetEvent::Found { .. });
    // Whichever comes first: the other side may have dialled before we looked.
    let first = ann.until("sight", |event| (is_connected(&event) || is_found(&event)).then_some(event)).await;
    let is_rest = |event: &NetEvent| if is_connected(&first) { is_found(event) } else { is_connected(event) };
    ann.until("the rest", |event| is_rest(&event).then_some(())).await;
    ben.until_connected(ann.id()).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    ben.net.shutdown().await;
    ann.until("loss", |event| matches!(event, NetEvent::Lost { .. }).then_some(())).await;
    let begin = Instant::now();
    let mut ben = Peer::start_with(2, with()).await;
    ben.until_connected(ann.id()).await;
    ann.until_connected(ben.id()).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    ann.net.shutdown().await;
    ben.net.shutdown().await;
    assert_eq!(std::fs::read_dir(home.path().join("instances")).expect("listed").count(), 0);
}

/// Whether packets to many reach this computer itself, as mDNS needs.
fn has_multicast() -> bool {
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let try_it = || -> std::io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.send_to(b"shoal", (group, socket.local_addr()?.port()))?;
        socket.recv_from(&mut [0; 16]).map(|_| ())
    };
    try_it().is_ok()
}

/// A key nobody else has: other tests may run on this network.
fn fresh_identity() -> shoal_net::Identity {
    let home = tempfile::tempdir().expect("a temporary directory");
    shoal_net::load_or_create_identity(&home.path().join("key"), false).expect("a key")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_on_one_network_find_each_other_also_after_nearby_was_opened() {
    if !has_multicast() {
        println!("skipped: needs a network with multicast");
        return;
    }
    let lan = || NetConfig { mdns: true, listen_ips: Vec::new(), ..config() };
    let mut ann = Peer::start_as(fresh_identity(), lan()).await;
    ann.net.set_nearby_open(true);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begin = Instant::now();
    let mut ben = Peer::start_as(fresh_identity(), lan()).await;
    ben.until_connected(ann.id()).await;
    ann.until_connected(ben.id()).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    ann.net.set_mode(Mode::Off);
    ann.until_disconnected(ben.id()).await;
    let mut cat = Peer::start_as(fresh_identity(), lan()).await;
    let events = cat.during(Duration::from_secs(1)).await;
    let sees_ann = |event: &NetEvent| matches!(event, NetEvent::Found { device, .. } if *device == ann.id());
    assert!(!events.iter().any(sees_ann), "whoever is off answers no questions");
}
