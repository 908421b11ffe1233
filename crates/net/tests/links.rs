//! Links between real networks: frames, restarts, two dials at once, and peers that break the rules.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test waits for one event among many")]

mod common;

use std::time::{Duration, Instant};

use common::{Peer, config, linked};
use shoal_engine::limits::FRAME_BYTES_MAX;
use shoal_net::{DialFailure, Mode, NetError, NetEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_pass_both_ways_in_order() {
    let (mut ann, mut ben) = linked(1, 2).await;
    for number in 0..200_u32 {
        ann.net.send(ben.id(), number.to_be_bytes().to_vec()).await.expect("sent");
        ben.net.send(ann.id(), (1000 + number).to_be_bytes().to_vec()).await.expect("sent");
    }
    for number in 0..200_u32 {
        assert_eq!(ben.next_frame().await, number.to_be_bytes());
        assert_eq!(ann.next_frame().await, (1000 + number).to_be_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_frame_passes_and_a_larger_one_is_refused_here() {
    let (ann, mut ben) = linked(1, 2).await;
    ann.net.send(ben.id(), vec![7; FRAME_BYTES_MAX]).await.expect("sent");
    assert_eq!(ben.next_frame().await, vec![7; FRAME_BYTES_MAX]);
    let too_long = ann.net.send(ben.id(), vec![7; FRAME_BYTES_MAX + 1]).await;
    assert!(matches!(too_long, Err(NetError::TooLong { .. })));
    assert!(matches!(ann.net.send(ben.id(), Vec::new()).await, Err(NetError::Empty)));
    assert!(matches!(ann.net.send(ann.id(), vec![1]).await, Err(NetError::NotConnected(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_waits_when_the_other_side_does_not_read() {
    let (ann, mut ben) = linked(1, 2).await;
    ann.net.set_paired(vec![ben.as_paired()]);
    ben.net.set_paired(vec![ann.as_paired()]);
    let (net, to) = (ann.net.clone(), ben.id());
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            net.send(to, vec![1; FRAME_BYTES_MAX]).await.expect("sent");
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!sending.is_finished());
    for _ in 0..100 {
        assert_eq!(ben.next_frame().await.len(), FRAME_BYTES_MAX);
    }
    sending.await.expect("all sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_device_is_linked_again_within_two_seconds() {
    let (mut ann, ben) = linked(1, 2).await;
    ann.net.set_paired(vec![ben.as_paired()]);
    ben.net.set_paired(vec![ann.as_paired()]);
    ben.net.shutdown().await;
    ann.until_disconnected(ben.id()).await;
    let mut again = Peer::start(2).await;
    let begin = Instant::now();
    again.net.set_paired(vec![ann.as_paired()]);
    again.until_connected(ann.id()).await;
    ann.until_connected(again.id()).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    ann.net.send(again.id(), b"hello".to_vec()).await.expect("sent");
    assert_eq!(again.next_frame().await, b"hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_returns_at_its_old_address_is_found_by_the_other_side() {
    let (mut ann, ben) = linked(1, 2).await;
    let port = ben.addresses[0].split('/').nth(4).expect("a port").parse().expect("a number");
    ann.net.set_paired(vec![ben.as_paired()]);
    ben.net.shutdown().await;
    ann.until_disconnected(ben.id()).await;
    let mut again = Peer::start_with(2, shoal_net::NetConfig { listen_port: port, ..config() }).await;
    assert_eq!(again.addresses.iter().min(), ben.addresses.iter().min());
    again.until_connected(ann.id()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_dial_each_other_at_once_settle_on_one_link() {
    for round in 0..5_u8 {
        let (mut ann, mut ben) = (Peer::start(10 + round).await, Peer::start(20 + round).await);
        ann.net.set_paired(vec![ben.as_paired()]);
        ben.net.set_paired(vec![ann.as_paired()]);
        ann.net.dial(Some(ben.id()), ben.addresses.clone());
        ben.net.dial(Some(ann.id()), ann.addresses.clone());
        ann.until_connected(ben.id()).await;
        ben.until_connected(ann.id()).await;
        for events in [ann.during(Duration::from_millis(700)).await, ben.during(Duration::from_millis(50)).await] {
            let moves = events
                .iter()
                .filter(|event| matches!(event, NetEvent::Connected { .. } | NetEvent::Disconnected { .. }));
            assert_eq!(moves.count(), 0, "{events:?}");
        }
        ann.net.send(ben.id(), b"one".to_vec()).await.expect("sent");
        assert_eq!(ben.next_frame().await, b"one");
        ben.net.send(ann.id(), b"two".to_vec()).await.expect("sent");
        assert_eq!(ann.next_frame().await, b"two");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_floods_is_shut_out_and_a_paired_device_is_not() {
    let (ann, mut ben) = linked(1, 2).await;
    for _ in 0..2000 {
        if ann.net.send(ben.id(), vec![1]).await.is_err() {
            break;
        }
    }
    ben.until_disconnected(ann.id()).await;
    let (ann, mut ben) = linked(3, 4).await;
    ben.net.set_paired(vec![ann.as_paired()]);
    for _ in 0..2000 {
        ann.net.send(ben.id(), vec![1]).await.expect("sent");
    }
    for _ in 0..2000 {
        ben.next_frame().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_that_fails_says_why() {
    let mut ann = Peer::start(1).await;
    let ben = Peer::start(2).await;
    let reason = |event| match event {
        NetEvent::DialFailed { reason, .. } => Some(reason),
        _ => None,
    };
    ann.net.dial(None, vec!["nonsense".into()]);
    assert_eq!(ann.until("failure", reason).await, DialFailure::BadAddress);
    ann.net.dial(None, vec!["/ip4/127.0.0.1/tcp/1".into()]);
    assert_eq!(ann.until("failure", reason).await, DialFailure::Unreachable);
    let stranger = common::identity(9).device_id();
    ann.net.dial(Some(stranger), vec![ben.addresses[0].clone()]);
    assert_eq!(ann.until("failure", reason).await, DialFailure::WrongDevice);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_dialled_by_address_alone() {
    let (mut ann, ben) = (Peer::start(1).await, Peer::start(2).await);
    let port = ben.addresses[0].split('/').nth(4).expect("a port");
    ann.net.dial(None, vec![format!("127.0.0.1:{port}")]);
    ann.until_connected(ben.id()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quic_serves_where_tcp_does_not() {
    let (mut ann, mut ben) = (Peer::start(1).await, Peer::start(2).await);
    let quic = ben.addresses.iter().filter(|address| address.contains("quic")).cloned().collect();
    ann.net.dial(Some(ben.id()), quic);
    ann.until_connected(ben.id()).await;
    ben.until_connected(ann.id()).await;
    ben.net.send(ann.id(), b"hello".to_vec()).await.expect("sent");
    assert_eq!(ann.next_frame().await, b"hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_device_is_kept_out() {
    let (ann, mut ben) = linked(1, 2).await;
    ben.net.block(vec![ann.id()]);
    ben.until_disconnected(ann.id()).await;
    ann.net.dial(Some(ben.id()), ben.addresses.clone());
    let events = ben.during(Duration::from_secs(1)).await;
    assert!(!events.iter().any(|event| matches!(event, NetEvent::Connected { .. })), "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_means_off_and_normal_brings_the_link_back() {
    let (mut ann, mut ben) = linked(1, 2).await;
    ann.net.set_paired(vec![ben.as_paired()]);
    ben.net.set_paired(vec![ann.as_paired()]);
    ann.net.set_mode(Mode::Off);
    ann.until_disconnected(ben.id()).await;
    ben.until_disconnected(ann.id()).await;
    ben.net.dial(Some(ann.id()), ann.addresses.clone());
    let events = ann.during(Duration::from_secs(1)).await;
    assert!(!events.iter().any(|event| matches!(event, NetEvent::Connected { .. })), "{events:?}");
    ann.net.set_mode(Mode::LanOnly);
    ann.until_connected(ben.id()).await;
}
