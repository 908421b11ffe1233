//! Bulk streams between real networks.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test waits for one event among many")]

mod common;

use std::time::Duration;

use common::linked;
use shoal_engine::id::DeviceId;
use shoal_net::{BulkStream, Net, NetEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: usize = 1024 * 1024;

/// Bytes that differ from stream to stream and from place to place.
fn pattern(stream: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| ((at.wrapping_mul(2_654_435_761) >> 7) as u8).wrapping_add(stream as u8)).collect()
}

async fn send(net: Net, to: DeviceId, stream: usize, bytes: usize) {
    let mut bulk = net.open_bulk(to, vec![stream as u8]).await.expect("opened");
    for part in pattern(stream, bytes).chunks(256 * 1024) {
        bulk.write_all(part).await.expect("written");
    }
    bulk.shutdown().await.expect("ended");
    let mut answer = Vec::new();
    bulk.read_to_end(&mut answer).await.expect("answered");
    assert_eq!(answer, b"thanks");
}

async fn take(mut bulk: BulkStream, header: Vec<u8>, bytes: usize) {
    let mut all = Vec::new();
    bulk.read_to_end(&mut all).await.expect("read");
    assert_eq!(all.len(), bytes);
    assert!(all == pattern(header[0] as usize, bytes), "the bytes differ");
    bulk.write_all(b"thanks").await.expect("written");
    bulk.shutdown().await.expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_carry_the_right_bytes_both_ways_at_once() {
    const STREAMS: usize = 8;
    const EACH: usize = 2 * MIB;
    let (mut ann, mut ben) = linked(1, 2).await;
    let mut tasks = Vec::new();
    for stream in 0..STREAMS {
        tasks.push(tokio::spawn(send(ann.net.clone(), ben.id(), stream, EACH)));
        tasks.push(tokio::spawn(send(ben.net.clone(), ann.id(), 100 + stream, EACH)));
    }
    for peer in [&mut ann, &mut ben] {
        for _ in 0..STREAMS {
            let (header, bulk) = peer.until("bulk stream", bulk_of).await;
            tasks.push(tokio::spawn(take(bulk, header, EACH)));
        }
    }
    for task in tasks {
        tokio::time::timeout(common::PATIENCE, task).await.expect("in time").expect("sound");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_the_bound_wait_their_turn() {
    let (ann, mut ben) = linked(1, 2).await;
    let sending: Vec<_> =
        (0..100).map(|stream| tokio::spawn(send(ann.net.clone(), ben.id(), stream, 10_000))).collect();
    for _ in 0..100 {
        let (header, bulk) = ben.until("bulk stream", bulk_of).await;
        tokio::spawn(take(bulk, header, 10_000));
    }
    for task in sending {
        tokio::time::timeout(common::PATIENCE, task).await.expect("in time").expect("sound");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_given_up_half_way_is_an_error_and_not_an_end() {
    let (ann, mut ben) = linked(1, 2).await;
    let mut out = ann.net.open_bulk(ben.id(), b"x".to_vec()).await.expect("opened");
    out.write_all(b"some").await.expect("written");
    out.flush().await.expect("flushed");
    let (_, mut bulk) = ben.until("bulk stream", bulk_of).await;
    let mut some = [0; 4];
    bulk.read_exact(&mut some).await.expect("read");
    drop(out);
    assert!(bulk.read(&mut some).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_breaks_when_the_other_side_is_gone() {
    let (ann, mut ben) = linked(1, 2).await;
    let mut out = ann.net.open_bulk(ben.id(), b"x".to_vec()).await.expect("opened");
    let (_, mut bulk) = ben.until("bulk stream", bulk_of).await;
    ann.net.shutdown().await;
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(5), bulk.read(&mut byte)).await.expect("in time");
    assert!(read.is_err());
    let read = tokio::time::timeout(Duration::from_secs(5), out.read(&mut byte)).await.expect("in time");
    assert!(read.is_err());
}

fn bulk_of(event: NetEvent) -> Option<(Vec<u8>, BulkStream)> {
    match event {
        NetEvent::Bulk { header, stream, .. } => Some((header, stream)),
        _ => None,
    }
}
