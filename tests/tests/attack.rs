//! A quick share of the attacks on the shipped program: some kill points of `make kill`, some runs of
//! `make blackbox`, some images of `make power`.
#![cfg(unix)]

use shoal_tests::attack::kill::{self, Kind, Options};
use std::path::PathBuf;
use std::time::Duration;

use shoal_tests::attack::group::Group;
use shoal_tests::attack::inject::{Injection, Strace, What};
use shoal_tests::attack::{blackbox, inject, power};

/// Enough to see a fault that loses something at every tenth kill.
const POINTS: u64 = 100;

#[test]
fn nothing_is_lost_by_kills_and_failing_calls() {
    let kind = if inject::is_there() {
        Kind::All
    } else {
        println!("skipped: kills at system calls and failing calls, for they need strace");
        Kind::Moment
    };
    let summary = kill::run(&Options { points: POINTS, seed: 1, kind, pairs: 2, is_told: false });
    println!("{}", summary.line(1));
    assert!(summary.violations.is_empty(), "{}", summary.violations.join("\n"));
}

/// All images of the small scenes, and a few thousand of the large ones.
const IMAGES: u64 = 6000;

#[test]
fn whatever_a_power_cut_leaves_is_recovered_from() {
    if !inject::is_there() {
        return println!("skipped: needs strace");
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_power"));
    let summary = power::run(&power::Options { images: IMAGES, seed: 1, is_told: false, program });
    println!("{}", summary.line(1));
    assert!(summary.runs > 1000 && summary.violations.is_empty(), "{}", summary.violations.join("\n"));
}

/// Runs of three devices with everything that people and computers do.
const RUNS: u64 = 20;

#[test]
fn what_three_devices_hold_after_a_wild_time_can_be_explained() {
    let summary = blackbox::run(&blackbox::Options { runs: RUNS, seed: 1, is_told: false });
    println!("{}", summary.line(1));
    assert!(summary.violations.is_empty(), "{}", summary.violations.join("\n"));
}

/// The index is only a help: a disk that refuses it while the program runs loses what it knew of contents, and whoever
/// wants a file gets it all the same, without a restart.
#[test]
fn what_stands_in_a_folder_is_given_although_the_index_was_refused() {
    if !inject::is_there() {
        return println!("skipped: needs strace");
    }
    let patience = Duration::from_secs(25);
    let mut group = Group::new(2);
    group.rest(patience).expect("rest");
    let index: PathBuf = group.shoals[0].home.join("data/index/db");
    let refused =
        Injection { call: "pwrite64", first: 1, step: Some(1), what: What::Error("EIO"), on: vec![index.clone()] };
    let process = group.shoals[0].process().expect("it runs");
    let strace = Strace::attach(process, &refused, &group.outside().join("strace")).expect("attached");
    let write = |name: &str| {
        // Too large for one chunk: the list of chunks is what the index knew.
        let (_, bytes) = group.witnessed.contents.fresh(1, 400_000);
        std::fs::write(group.outside().join(name), bytes).expect("written");
        std::fs::rename(group.outside().join(name), group.dirs[0].join(name)).expect("moved in");
    };
    write("while it is refused");
    // The index is written twice a second.
    std::thread::sleep(Duration::from_millis(1500));
    let hits = strace.detach();
    assert!(!hits.is_empty(), "nothing was refused at {}", index.display());
    write("afterwards");
    group.rest(patience).expect("rest");
    assert_eq!(group.faults(), [""; 0]);
}
