//! One kill point: what is chosen, what happens, and what must hold afterwards.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Kind;
use super::deeds::Expected;
use crate::attack::group::Group;
use crate::attack::inject::{self, Injection, Strace, What};
use crate::harness::try_until;
use crate::sim::dice::Dice;

/// The calls that change something on the disk, and how often one thread makes them around some deeds.
const CHANGING: [(&str, u64); 14] = [
    ("fsync", 6),
    ("fdatasync", 6),
    ("syncfs", 2),
    ("renameat2", 8),
    ("rename", 4),
    ("write", 30),
    ("pwrite64", 8),
    ("openat", 30),
    ("openat2", 20),
    ("unlink,unlinkat", 6),
    ("mkdir,mkdirat", 2),
    ("ftruncate", 3),
    ("fchmod,utimensat", 6),
    ("link,linkat,symlinkat", 1),
];
/// The calls that only look: a failure there must not be taken for an answer.
const LOOKING: [(&str, u64); 7] =
    [("statx", 40), ("getdents64", 12), ("pread64", 10), ("read", 30), ("fcntl", 4), ("lseek", 4), (WATCHING, 1)];
/// Refused for lack of watches or of memory, and then nothing below that directory is watched any more.
const WATCHING: &str = "inotify_add_watch";
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EMFILE"];

/// How long is waited for a call to come up once all is done.
const WAIT_FOR_CALL: Duration = Duration::from_millis(700);
/// How long until rest: a disk that refused the ledger is asked again after 5 s.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is done at one point.
#[derive(Clone, Debug)]
pub(super) struct Point {
    dice: Dice,
    victim: usize,
    how: How,
    /// The victim is killed a second time, while it recovers.
    again: Option<Injection>,
    world: u64,
}

#[derive(Clone, Debug)]
enum How {
    /// It is killed that long after the deeds.
    Moment(Duration),
    /// Something happens at a call.
    Call(Injection),
}

/// What came of a point.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The program was killed, or a call failed.
    pub(super) is_hit: bool,
    pub(super) is_killed_again: bool,
    pub(super) calls_failed: u64,
    /// How long all took to be at rest again.
    pub(super) rest: Duration,
    pub(super) faults: Vec<String>,
    /// Which calls were hit.
    pub(super) notes: Vec<String>,
}

impl Point {
    /// Chooses what to do.
    pub(super) fn draw(dice: &mut Dice, kind: Kind, world: u64) -> Point {
        let victim = dice.place(2);
        let kind = match kind {
            Kind::All => *dice.pick(&[Kind::Moment, Kind::Call, Kind::Call, Kind::Error]),
            Kind::Moment | Kind::Call | Kind::Error => kind,
        };
        let how = match kind {
            Kind::All | Kind::Moment => How::Moment(Duration::from_millis(dice.below(400))),
            Kind::Call => How::Call(draw_call(dice, &CHANGING, What::Kill)),
            Kind::Error => {
                let what = What::Error(ERRORS[dice.place(ERRORS.len())]);
                let calls: Vec<(&str, u64)> = CHANGING.iter().chain(&LOOKING).copied().collect();
                let mut injection = draw_call(dice, &calls, what);
                if injection.call == WATCHING {
                    injection.what = What::Error("ENOSPC");
                }
                How::Call(injection)
            }
        };
        let again = (kind == Kind::Call && dice.chance(20)).then(|| draw_call(dice, &CHANGING, What::Kill));
        Point { dice: Dice::from_seed(dice.number()), victim, how, again, world }
    }

    /// The figure under which it is counted.
    pub(super) fn name(&self) -> &'static str {
        match &self.how {
            How::Moment(_) => "at_a_moment",
            How::Call(Injection { what: What::Kill, .. }) => "at_a_call",
            How::Call(Injection { what: What::Error(_), .. }) => "with_an_error",
        }
    }

    /// Does it and judges it.
    pub(super) fn run(&self, group: &mut Group, state: &mut Expected) -> Ran {
        let mut ran = Ran::default();
        let notes = group.outside().join("strace");
        let strace = match &self.how {
            How::Moment(_) => None,
            How::Call(injection) => {
                let mut injection = injection.clone();
                if matches!(injection.call, "read" | "write") && injection.what != What::Kill {
                    injection.on = own_files(&group.shoals[self.victim].home);
                }
                let process = group.shoals[self.victim].process().expect("it runs");
                let Some(strace) = Strace::attach(process, &injection, &notes) else {
                    ran.faults.push("strace does not attach".to_owned());
                    return ran;
                };
                Some(strace)
            }
        };
        self.deeds(group, state);
        match &self.how {
            How::Moment(after) => {
                std::thread::sleep(*after);
                ran.is_hit = true;
            }
            How::Call(Injection { what: What::Kill, .. }) => {
                let victim = &mut group.shoals[self.victim];
                ran.is_hit = try_until(WAIT_FOR_CALL, || (!victim.is_alive()).then_some(())).is_some();
            }
            // A refused append is tried again after 5 s, and everything else sooner: enough to see the call.
            How::Call(_) => std::thread::sleep(WAIT_FOR_CALL),
        }
        if let Some(strace) = strace {
            ran.notes = strace.detach();
        }
        let is_error = matches!(&self.how, How::Call(Injection { what: What::Error(_), .. }));
        if is_error {
            ran.calls_failed = ran.notes.len() as u64;
            ran.is_hit = ran.calls_failed > 0;
            if !group.shoals[self.victim].is_alive() {
                ran.faults.push("I21: a call that failed ended the program".to_owned());
                return ran;
            }
        }
        // Where directories cannot be watched, changes are found by looking, minutes later: said, and no fault.
        let is_blind = matches!(&self.how, How::Call(Injection { call: WATCHING, .. })) && ran.is_hit;
        if !is_error || is_blind {
            group.shoals[self.victim].kill();
            self.start_again(group, &mut ran);
        }
        match group.rest(PATIENCE) {
            Ok(rest) => ran.rest = rest,
            Err(trouble) => ran.faults.push(trouble),
        }
        ran.faults.extend(group.faults());
        if ran.faults.is_empty() {
            ran.faults = state.faults(group);
        }
        state.settle(group);
        ran
    }

    fn deeds(&self, group: &Group, state: &mut Expected) {
        let mut dice = self.dice.clone();
        let mut touched = BTreeMap::new();
        if dice.chance(15) {
            state.contest(&mut dice, group, &mut touched);
        }
        for _ in 0..dice.between(1, 6) {
            let device = dice.place(2);
            state.act(&mut dice, group, device, &mut touched);
            if dice.chance(50) {
                std::thread::sleep(Duration::from_millis(dice.below(120)));
            }
        }
    }

    /// Starts the victim, perhaps killing it once more on the way.
    fn start_again(&self, group: &mut Group, ran: &mut Ran) {
        let notes = group.outside().join("strace-again");
        let victim = &mut group.shoals[self.victim];
        if let Some(injection) = &self.again {
            let command = inject::before(&victim.serve_command(), injection, &notes);
            if victim.try_start(command) {
                ran.is_killed_again = try_until(WAIT_FOR_CALL, || (!victim.is_alive()).then_some(())).is_some();
                victim.kill();
            } else {
                ran.is_killed_again = true;
            }
            ran.notes.extend(inject::hits(&notes));
        }
        victim.start();
    }
}

/// The files of a home that are written by `write`: those that are there, and those that take their place.
///
/// Sockets and wake-ups go through the same calls; an error there has nothing to do with a disk, and ends any program.
fn own_files(home: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![home.join("config"), home.join("data")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.push(path.with_file_name(format!("{}.new", entry.file_name().to_string_lossy())));
                found.push(path);
            }
        }
    }
    found
}

fn draw_call(dice: &mut Dice, calls: &[(&'static str, u64)], what: What) -> Injection {
    let (call, often) = *dice.pick(calls);
    // Most calls are among the first; some come late.
    let most = if dice.chance(50) { often.div_ceil(3) } else { often };
    let step = matches!(what, What::Error(_)).then_some(()).and_then(|()| dice.chance(30).then(|| dice.between(3, 12)));
    Injection { call, first: 1 + dice.below(most), step, what, on: Vec::new() }
}

impl fmt::Display for Point {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let victim = ["Ana", "Ben"][self.victim];
        match &self.how {
            How::Moment(after) => write!(to, "{victim} is killed after {} ms", after.as_millis())?,
            How::Call(injection) => write!(to, "{victim}, {}", injection.rule())?,
        }
        if let Some(again) = &self.again {
            write!(to, ", and on the way up {}", again.rule())?;
        }
        write!(to, " (world {})", self.world)
    }
}
