//! Finding each other: at the start, after a restart, and with nothing but the DHT.

use std::time::{Duration, Instant};

use crate::harness::acts::{agree, connected, is_here, pair, pair_at, share};
use crate::harness::{World, until, write};

/// How soon two that know each other must be together, after either starts.
const SOON: Duration = Duration::from_secs(2);

/// A device that starts is shown as here on both sides within two seconds.
#[test]
fn a_second_start_is_connected_soon() {
    let world = World::new();
    let (ana, mut ben) = (world.start_with("Ana", &[]), world.start_with("Ben", &[]));
    ana.until("Ben nearby", |view| view["devices"].as_array()?.iter().find(|device| device["name"] == "Ben").map(drop));
    pair_at(&ana, "Ben", &ben);
    let (anas, bens) = (ana.id(), ben.id());
    ben.quit();
    until("Ben’s absence", || (!is_here(&ana, &bens)).then_some(()));
    let start = Instant::now();
    ben.start();
    until("presence", || (is_here(&ana, &bens) && is_here(&ben, &anas)).then_some(()));
    println!("from the second start to connected in both: {:?}", start.elapsed());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}
