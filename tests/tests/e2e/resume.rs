//! Large files that are interrupted go on where they were.

use std::path::Path;

use serde_json::Value;

use crate::harness::acts::{accept, agree, connected, pair, send, share, transfer};
use crate::harness::{PATIENCE, Shoal, World, big, hash, try_until};

/// Large enough that a transfer can be caught half way.
const BIG: u64 = 200_000_000;

/// How far a transfer is let go before it is interrupted.
const PART: u64 = BIG / 4;

/// Most of the file that may come again: what was under way and what was not yet told when it was interrupted.
const AGAIN_MAX: u64 = BIG / 8;

/// Who is interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Sender,
    Receiver,
}

/// An offer whose receiver dies half way goes on where it was.
#[test]
fn an_offer_goes_on_after_its_receiver_died() {
    interrupt_offer(Lost::Receiver);
}

/// An offer whose sender dies half way goes on where it was.
#[test]
fn an_offer_goes_on_after_its_sender_died() {
    interrupt_offer(Lost::Sender);
}

fn interrupt_offer(lost: Lost) {
    let world = World::new();
    let (mut ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let file = world.path("film.bin");
    big(&file, 7, BIG);
    let (sent, place) = (send(&ana, &file, &ben), world.path("in"));
    let offer = accept(&ben, &place);
    let before = interrupt(&mut ana, &mut ben, lost);
    let is_done = |view: &Value, id: &str| transfer(view, id).filter(|row| row["state"]["type"] == "done").map(drop);
    ben.until("the end of the transfer", |view| is_done(view, &offer));
    ana.until("word of the end", |view| is_done(view, &sent));
    check(&file, &place.join("film.bin"), &ana, &ben, (lost, before));
}

/// A file of a shared folder, caught half way, goes on where it was.
#[test]
fn a_folders_file_goes_on_after_its_receiver_died() {
    let world = World::new();
    let (mut ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    big(&here.join("film.bin"), 8, BIG);
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    let before = interrupt(&mut ana, &mut ben, Lost::Receiver);
    agree(&[(&ana, &here), (&ben, &there)]);
    check(&here.join("film.bin"), &there.join("film.bin"), &ana, &ben, (Lost::Receiver, before));
}

/// Ends one side without a word when a part has come, and starts it again; says how much had come.
fn interrupt(ana: &mut Shoal, ben: &mut Shoal, lost: Lost) -> u64 {
    let id = ana.id();
    let come = || Some(received(&ben.view(), &id)).filter(|bytes| *bytes > PART);
    let before = try_until(PATIENCE, come).expect("a part of it came");
    assert!(before < BIG, "it was caught half way");
    let (leaving, staying) = if lost == Lost::Sender { (&mut *ana, &*ben) } else { (&mut *ben, &*ana) };
    leaving.kill();
    leaving.start();
    connected(leaving, staying);
    before
}

/// Bytes that came from a device since this Shoal started.
pub(crate) fn received(view: &Value, from: &str) -> u64 {
    let devices = view["devices"].as_array().into_iter().flatten();
    devices.filter(|device| device["id"] == from).filter_map(|device| device["traffic"]["down"].as_u64()).sum()
}

fn check(file: &Path, got: &Path, ana: &Shoal, ben: &Shoal, (lost, before): (Lost, u64)) {
    assert_eq!(hash(file), hash(got));
    let after = received(&ben.view(), &ana.id());
    // Who was not interrupted counts on.
    let all = if lost == Lost::Receiver { before + after } else { after };
    println!("{before} bytes before, {all} in all, of {BIG}");
    assert!(all < BIG + AGAIN_MAX, "{all} bytes came for {BIG}");
}
