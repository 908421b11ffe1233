//! Kill points: two real programs sync while a person works, one of them is killed or its system calls fail, and then
//! everything must be as if nothing had happened.
//!
//! A point is one such moment. Points of one world follow each other on the same two devices, so that what one leaves
//! behind meets the next; a world is begun anew after some of them. Everything that is chosen comes from the seed, the
//! moment at which two programs do something does not: a point that failed is run again many times rather than once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

mod deeds;
mod point;

use super::group::Group;
use super::summary::Summary;
use crate::sim::dice::Dice;
use point::{Point, Ran};

/// Points of one world: long enough that what is left behind meets what comes, short enough that a folder stays small.
const POINTS_PER_WORLD: u64 = 40;

/// From here on a rest is slow: what it waited for is told.
const SLOW: std::time::Duration = std::time::Duration::from_secs(3);

/// Which share of the points is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All kinds in turn.
    All,
    /// Killed at a random moment.
    Moment,
    /// Killed at the n-th call of one kind.
    Call,
    /// The n-th call of one kind fails.
    Error,
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub points: u64,
    pub seed: u64,
    pub kind: Kind,
    /// Worlds at a time.
    pub pairs: usize,
    /// Says what each point does.
    pub is_told: bool,
}

/// Runs points until as many as were asked for hit something.
pub fn run(options: &Options) -> Summary {
    let summary = Mutex::new(Summary::new("kill points"));
    let next_world = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.pairs.max(1) {
            scope.spawn(|| {
                while lock(&summary).runs < options.points {
                    let world = options.seed + next_world.fetch_add(1, Ordering::Relaxed);
                    run_world(options, world, &summary);
                }
            });
        }
    });
    summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run_world(options: &Options, world: u64, summary: &Mutex<Summary>) {
    let began = catch_unwind(|| Group::new(2));
    let Ok(mut group) = began else {
        return lock(summary).violation(format!("world {world}: two devices could not be set up"));
    };
    let mut dice = Dice::from_seed(world);
    let mut state = deeds::Expected::default();
    for number in 0..POINTS_PER_WORLD {
        if lock(summary).runs >= options.points {
            return;
        }
        let point = Point::draw(&mut dice, options.kind, world);
        if options.is_told {
            println!("world {world} point {number}: {point}");
        }
        let ran = catch_unwind(AssertUnwindSafe(|| point.run(&mut group, &mut state)));
        let ran =
            ran.unwrap_or_else(|_| Ran { faults: vec!["the harness gave up, see above".to_owned()], ..Ran::default() });
        let mut summary = lock(summary);
        if options.is_told && ran.rest >= SLOW {
            group.waited_for().iter().for_each(|line| println!("    world {world} point {number}, {line}"));
        }
        summary.runs += u64::from(ran.is_hit);
        summary.count("not_reached", u64::from(!ran.is_hit));
        summary.count(point.name(), u64::from(ran.is_hit));
        summary.count("calls_failed", ran.calls_failed);
        summary.count("killed_again", u64::from(ran.is_killed_again));
        summary.count("slower_than_5_s", u64::from(ran.rest.as_secs() >= 5));
        summary.slowest = summary.slowest.max(ran.rest);
        if !ran.faults.is_empty() {
            let again = format!("make kill POINTS=1000 SEED={world}");
            let (faults, notes) = (ran.faults.join("\n  "), ran.notes.join("\n  "));
            summary.violation(format!(
                "world {world} point {number}: {point}\n  {faults}\n  {notes}\n  again: {again}\n{}",
                group.logs()
            ));
            // What is broken stays broken: the next points need a world of their own.
            return;
        }
    }
}

fn lock(summary: &Mutex<Summary>) -> std::sync::MutexGuard<'_, Summary> {
    summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
