//! The catalogue of nasty cases on real directories: every case in both directions, with the watcher and without it.
//!
//! Two real `shoal serve` share one folder, and every case has a directory of its own in it, so that all of them run in
//! the time of one. Without a watcher changes are found by looking, as on a network disk. A harness of our own instead of
//! the usual one, because the cases share their processes.
#![cfg(unix)]

mod apart;
mod case;
mod kinds;
mod names;
mod table;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use case::{Act, Case};
use harness::acts::{agree, folder, pair, share};
use shoal_tests::harness::{self, Shoal, World};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let cases: Vec<&Case> = all().iter().filter(|case| is_asked_for(case, &words)).collect();
    let began = Instant::now();
    let (mut passed, mut failed) = (0, Vec::new());
    println!("\nrunning {} cases, each in both directions", cases.len());
    let mut note = |name: String, result: Result<(), String>| match result {
        Ok(()) => {
            println!("test {name} ... ok");
            passed += 1;
        }
        Err(why) => {
            println!("test {name} ... FAILED\n    {why}");
            failed.push(name);
        }
    };
    if words.is_empty() {
        note("the_table_is_the_one_in_the_repository".to_owned(), table::compare(all()));
    }
    run(&cases, true, &mut note);
    if can_be_blind() {
        run(&cases, false, &mut note);
    } else {
        println!("without a watcher: not run, this system makes no user namespaces");
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    let (bad, seconds) = (failed.len(), began.elapsed().as_secs_f64());
    println!("\ntest result: {verdict}. {passed} passed; {bad} failed; 0 ignored; finished in {seconds:.2}s\n");
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every case that two whole programs show.
fn all() -> &'static [Case] {
    static ALL: std::sync::OnceLock<Vec<Case>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| [names::CASES, kinds::CASES, work::CASES, apart::CASES].concat())
}

fn is_asked_for(case: &Case, words: &[String]) -> bool {
    let names: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    names.is_empty() || names.iter().any(|word| case.test_name().contains(*word))
}

/// Whether a process can be kept from watching.
fn can_be_blind() -> bool {
    let script = "echo 0 > /proc/sys/user/max_inotify_instances";
    let done = std::process::Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", script]).status();
    done.is_ok_and(|status| status.success())
}

/// One direction of one case.
struct Run<'a> {
    case: &'a Case,
    dir: String,
    is_back: bool,
}

/// Runs all cases between two fresh processes.
fn run(cases: &[&Case], watches: bool, note: &mut impl FnMut(String, Result<(), String>)) {
    let world = World::new();
    let start = |name| {
        let mut shoal = world.prepare(name, &["--no-mdns"]);
        shoal.is_blind = !watches;
        shoal.start();
        shoal
    };
    let (ana, ben) = (start("Ana"), start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    harness::write(&here, "here.txt", "here\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    let both = Both { ana: &ana, ben: &ben, here, there, watches };
    let runs: Vec<Run<'_>> =
        cases.iter().flat_map(|case| [false, true].map(|is_back| Run::new(case, is_back))).collect();
    for run in &runs {
        let (from, _) = both.sides(run);
        std::fs::create_dir_all(&from).expect("made");
        (run.case.before)(&from);
    }
    both.settle();
    for run in &runs {
        if let Act::One(act) = run.case.act {
            act(&both.sides(run).0);
        }
    }
    both.settle();
    both.apart(|| {
        for run in &runs {
            if let Act::Apart(one, other) = run.case.act {
                let (from, to) = both.sides(run);
                one(&from);
                other(&to);
            }
        }
    });
    both.settle();
    for run in &runs {
        let (from, to) = both.sides(run);
        let mode = if watches { "watched" } else { "unwatched" };
        let way = if run.is_back { "back" } else { "there" };
        note(format!("{} ({mode}, {way})", run.case.test_name()), (run.case.check)(&from, &to));
    }
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, is_back: bool) -> Self {
        let way = if is_back { "back" } else { "there" };
        Run { case, dir: format!("{} {way}", case.test_name()), is_back }
    }
}

/// The two sides of the folder.
struct Both<'a> {
    ana: &'a Shoal,
    ben: &'a Shoal,
    here: PathBuf,
    there: PathBuf,
    watches: bool,
}

impl Both<'_> {
    /// Where a run's case happens first, and where it arrives.
    fn sides(&self, run: &Run<'_>) -> (PathBuf, PathBuf) {
        let (here, there) = (self.here.join(&run.dir), self.there.join(&run.dir));
        if run.is_back { (there, here) } else { (here, there) }
    }

    /// Waits until both are equal and say so.
    fn settle(&self) {
        if !self.watches {
            for shoal in [self.ana, self.ben] {
                shoal.run(&["rescan", "Reef"]);
            }
        }
        let both: [(&Shoal, &Path); 2] = [(self.ana, &self.here), (self.ben, &self.there)];
        agree(&both);
    }

    /// Does something while neither hears of the other.
    fn apart(&self, act: impl FnOnce()) {
        for shoal in [self.ana, self.ben] {
            shoal.run(&["pause", "Reef"]);
        }
        act();
        for shoal in [self.ana, self.ben] {
            shoal.run(&["resume", "Reef"]);
            shoal.until("a folder that goes on", |view| (folder(view)["state"]["type"] != "paused").then_some(()));
        }
    }
}
