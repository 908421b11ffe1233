//! Black box: three real programs, people who do anything at any time, programs that are paused, cut off or killed, and
//! then rest. A run passes if what is found can be explained.
//!
//! Nobody sees when something was sent or taken. So contents decide: whatever stood anywhere must be somewhere, unless
//! the person at each device that had it took it away (the account). And where only one device's person touched a name,
//! the name must be exactly as that person left it: nothing lost, nothing back, and no conflict copy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

mod outage;
mod people;

use super::group::Group;
use super::summary::Summary;
use crate::sim::dice::Dice;
use outage::Outages;
use people::People;

/// Runs on the same three devices: what one leaves behind meets the next.
const RUNS_PER_WORLD: u64 = 25;
/// How long until rest: a conflict whose loser is away is left to its author for 30 s, but everybody is here by then.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub runs: u64,
    pub seed: u64,
    /// Says what everybody does.
    pub is_told: bool,
}

/// Runs as many as were asked for.
pub fn run(options: &Options) -> Summary {
    let mut summary = Summary::new("black-box runs");
    let mut world = options.seed;
    while summary.runs < options.runs {
        run_world(options, world, &mut summary);
        world += 1;
    }
    summary
}

fn run_world(options: &Options, world: u64, summary: &mut Summary) {
    let Ok(mut group) = catch_unwind(|| Group::new(3)) else {
        summary.runs += 1;
        return summary.violation(format!("world {world}: three devices could not be set up"));
    };
    // A file that is saved in place is empty for a moment, and everybody may see that.
    group.witnessed.contents.note(b"");
    let mut dice = Dice::from_seed(world);
    for number in 0..RUNS_PER_WORLD {
        if summary.runs >= options.runs {
            return;
        }
        let mut people = People::new(number);
        let ran = catch_unwind(AssertUnwindSafe(|| one_run(&mut dice, &mut group, &mut people, summary)));
        summary.runs += 1;
        let faults = ran.unwrap_or_else(|_| vec!["the harness gave up, see above".to_owned()]);
        if options.is_told || !faults.is_empty() {
            people.done().iter().for_each(|done| println!("world {world} run {number}: {done}"));
        }
        if !faults.is_empty() {
            let again = format!("make blackbox RUNS=100 SEED={world}");
            let text = faults.join("\n  ");
            return summary
                .violation(format!("world {world} run {number}\n  {text}\n  again: {again}\n{}", group.logs()));
        }
    }
}

fn one_run(dice: &mut Dice, group: &mut Group, people: &mut People, summary: &mut Summary) -> Vec<String> {
    let mut outages = Outages::default();
    for _ in 0..dice.between(6, 22) {
        if dice.chance(12) {
            let what = outages.change(dice, group);
            people.say(what);
        }
        let device = dice.place(group.dirs.len());
        people.act(dice, group, device);
        summary.count("deeds", 1);
        if dice.chance(60) {
            std::thread::sleep(Duration::from_millis(dice.below(110)));
        }
    }
    summary.count("outages", outages.count());
    outages.end(group);
    let mut faults = Vec::new();
    match group.rest(PATIENCE) {
        Ok(rest) => summary.slowest = summary.slowest.max(rest),
        Err(trouble) => faults.push(trouble),
    }
    faults.extend(group.faults());
    if faults.is_empty() {
        let (judged, found) = people.faults(group);
        summary.count("names_judged_exactly", judged);
        faults.extend(found);
    }
    faults
}
