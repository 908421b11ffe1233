//! Two people pair by the code, and mistype it.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "tests share a module of which each uses a part"
)]

mod two;

use shoal_node::command::Command;
use shoal_node::view::{ErrorCode, Pairing, PairingStage, Trust, View};
use two::{Person, pair};

fn with<'a>(view: &'a View, device: &str) -> Option<&'a Pairing> {
    view.pairing.iter().find(|one| one.device == device)
}

fn ended(view: &View, device: &str, code: ErrorCode) -> Option<u64> {
    let pairing = with(view, device)?;
    match &pairing.stage {
        PairingStage::Failed { trouble } if trouble.code == code => Some(pairing.locked_until.unwrap_or_default()),
        _ => None,
    }
}

/// A code shown at Ben's other than the last one, with the tries both sides count.
async fn fresh_code(ann: &Person, ben: &Person, last: &str, tries: u32) -> String {
    let (me, other) = (ann.id(), ben.id());
    ann.sees("that it can type", |view| {
        let pairing = with(view, &other)?;
        (pairing.stage == PairingStage::EnterCode && pairing.tries_left == tries).then_some(())
    })
    .await;
    ben.sees("a fresh code", |view| {
        let pairing = with(view, &me).filter(|pairing| pairing.tries_left == tries)?;
        pairing.code.clone().filter(|code| code != last)
    })
    .await
}

fn other_than(code: &str) -> String {
    if code == "123456" { "654321".to_owned() } else { "123456".to_owned() }
}

async fn start(ann: &Person, ben: &Person) {
    let address = ben.sees("an address", |view| view.me.addresses.first().cloned()).await;
    ann.act(Command::PairAddress { address }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_code_is_followed_by_a_fresh_one_until_three_are_used_up() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    let (me, other) = (ann.id(), ben.id());
    start(&ann, &ben).await;
    let mut code = String::new();
    for tries in [3, 2, 1] {
        code = fresh_code(&ann, &ben, &code, tries).await;
        ann.act(Command::EnterCode { device: other.clone(), code: other_than(&code) }).await;
    }
    let until = ann.sees("that it must wait", |view| ended(view, &other, ErrorCode::PairLocked)).await;
    let until_there = ben.sees("that it must wait", |view| ended(view, &me, ErrorCode::PairLocked)).await;
    assert!(until.abs_diff(until_there) < 5_000, "{until} {until_there}");
    ann.act(Command::CancelPair { device: other.clone() }).await;
    ann.act(Command::Pair { device: other.clone() }).await;
    ann.sees("that it must still wait", |view| ended(view, &other, ErrorCode::PairLocked)).await;
    ann.sees("nobody verified", |view| view.devices.iter().all(|one| one.trust != Trust::Verified).then_some(())).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancelling_ends_a_pairing_for_both_and_it_can_begin_again() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    let (me, other) = (ann.id(), ben.id());
    start(&ann, &ben).await;
    fresh_code(&ann, &ben, "", 3).await;
    ann.act(Command::CancelPair { device: other.clone() }).await;
    ben.sees("that Ann gave up", |view| ended(view, &me, ErrorCode::PairGivenUp)).await;
    start(&ann, &ben).await;
    fresh_code(&ann, &ben, "", 2).await;
    ben.act(Command::ConfirmPair { device: me.clone(), yes: false }).await;
    ann.sees("that Ben said no", |view| ended(view, &other, ErrorCode::PairRefused)).await;
    ben.sees("nothing any more", |view| with(view, &me).is_none().then_some(())).await;
    pair(&ann, &ben).await;
    ann.node.stop().await;
    ben.node.stop().await;
}
