//! How real networks find each other: over the DHT, and over the list of instances on one computer.

mod common;

use std::time::{Duration, Instant};

use common::{Peer, SECRET, config};
use shoal_net::{NetConfig, NetEvent, PairedDevice};
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paired_devices_that_know_only_a_third_meet_over_the_dht() {
    let mut third = Peer::start_with(3, NetConfig { kademlia: true, ..config() }).await;
    let bootstrap = vec![format!("{}/p2p/{}", third.addresses[0], third.id())];
    let with = |bootstrap: &Vec<String>| NetConfig { kademlia: true, bootstrap: bootstrap.clone(), ..config() };
    let mut ann = Peer::start_with(1, with(&bootstrap)).await;
    let mut ben = Peer::start_with(2, with(&bootstrap)).await;
    let unknown = |peer: &Peer| PairedDevice {
        device: peer.id(),
        addresses: Vec::new(),
        secret: Zeroizing::new(SECRET),
    };
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
