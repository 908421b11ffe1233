//! Finding each other: at the start, after a restart, and with nothing but the DHT.

use std::time::{Duration, Instant};

use crate::harness::acts::{agree, connected, is_here, pair, pair_at, share};
use crate::harness::{Shoal, World, try_until, until, write};

/// How soon two that know each other must be together, after either starts.
const SOON: Duration = Duration::from_secs(2);

/// How long two that cannot know where the other one is are watched not finding each other.
const LOST: Duration = Duration::from_millis(1500);

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

/// A device that was only ever dialled by the other one finds it again by the address it was told.
#[test]
fn either_finds_the_other_again_after_a_restart() {
    let world = World::new();
    let (mut ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    // Ana dialled, so all that Ben saw of her was the far end of a connection.
    pair(&ana, &ben);
    let (anas, bens) = (ana.id(), ben.id());
    remembers(&ben, &ana);
    remembers(&ana, &ben);
    for round in 0..2 {
        let (leaving, staying, id) = if round == 0 { (&mut ana, &mut ben, &anas) } else { (&mut ben, &mut ana, &bens) };
        leaving.kill();
        until("absence", || (!is_here(staying, id)).then_some(()));
        // Another port than before: only the one that starts knows where the other one is.
        leaving.port = 0;
        let start = Instant::now();
        leaving.start();
        connected(leaving, staying);
        println!("together again after {:?}", start.elapsed());
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

/// Waits until one has written down where the other one listens.
fn remembers(one: &Shoal, other: &Shoal) {
    until("a remembered address", || {
        let known = std::fs::read_to_string(one.home.join("data/addresses.json")).ok()?;
        known.contains(&format!("/tcp/{}\"", other.port)).then_some(())
    });
}

/// Two that nobody told where to listen come back where they were, and find each other although both were away.
#[test]
fn two_that_were_both_away_find_each_other_where_they_were() {
    let world = World::new();
    let [mut ana, mut ben] = ["Ana", "Ben"].map(|name| {
        let mut shoal = world.prepare(name, &["--no-mdns"]);
        shoal.is_free = true;
        shoal.start();
        shoal
    });
    pair(&ana, &ben);
    remembers(&ben, &ana);
    remembers(&ana, &ben);
    let (anas, bens) = (ana.port, ben.port);
    ana.kill();
    ben.quit();
    ana.start();
    let start = Instant::now();
    ben.start();
    connected(&ana, &ben);
    println!("both back after {:?}", start.elapsed());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!((ana.port, ben.port), (anas, bens));
}

/// Two that moved while apart and know only a third find each other through sealed records in its part of the DHT.
#[test]
fn two_that_know_only_a_third_meet_over_the_dht() {
    let world = World::new();
    let (mut ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "before.txt", "before\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    ana.quit();
    ben.quit();
    write(&here, "meanwhile.txt", "found\n");
    let restart = |moved: &mut Shoal| {
        moved.port = 0;
        moved.start();
    };
    restart(&mut ana);
    restart(&mut ben);
    let bens = ben.id();
    let chance = try_until(LOST, || is_here(&ana, &bens).then_some(()));
    assert_eq!(chance, None, "without a third there is no way");
    ana.quit();
    ben.quit();
    let third = world.start("Third");
    for moved in [&mut ana, &mut ben] {
        moved.args.extend(["--bootstrap".to_owned(), third.address()]);
        restart(moved);
    }
    let start = Instant::now();
    connected(&ana, &ben);
    println!("found over the DHT after {:?}", start.elapsed());
    agree(&[(&ana, &here), (&ben, &there)]);
    assert!(there.join("meanwhile.txt").is_file());
    let view = third.view();
    assert_eq!(view["devices"], serde_json::json!([]), "who serves the DHT has nothing to do with them");
}
