//! Plants each fault in turn and runs simulated worlds until one of them breaks a rule: tests the tests.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use shoal_engine::planted::Bug;
use shoal_tests::properties::{laws, scenes};
use shoal_tests::sim::plan::Size;
use shoal_tests::sim::{brain, world};

/// Histories after which a fault counts as not found.
const HISTORIES_MAX: u64 = 10_000;
/// One of so many histories is a long one, and one a scene.
const LONG_EVERY: u64 = 10;

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let bugs: Vec<Bug> =
        Bug::ALL.iter().copied().filter(|bug| only.is_empty() || only.contains(&format!("{bug:?}"))).collect();
    world::catch_panics();
    let next = AtomicUsize::new(0);
    let (sender, found) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (next, bugs, sender) = (&next, &bugs, sender.clone());
            scope.spawn(move || {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // The receiver lives until every thread has ended.
                    let _ = sender.send((*bug, find(*bug)));
                }
            });
        }
        drop(sender);
        let mut lacking = 0;
        for (bug, found) in found {
            match found {
                Some((histories, rule, seconds)) => println!("{bug:?}: {rule} in history {histories}, {seconds:.1} s"),
                None => println!("{bug:?}: NOT FOUND in {HISTORIES_MAX} histories"),
            }
            lacking += usize::from(found.is_none());
        }
        println!("planted {} found {} within {HISTORIES_MAX} histories each", bugs.len(), bugs.len() - lacking);
        if lacking == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

/// In which history the fault is found, which rule it breaks, and after how many seconds.
fn find(bug: Bug) -> Option<(u64, &'static str, f64)> {
    let began = Instant::now();
    (0..HISTORIES_MAX).find_map(|history| {
        let size = if history % LONG_EVERY == LONG_EVERY - 1 { Size::Long } else { Size::Short };
        let scene = (history % LONG_EVERY == 0).then(|| scenes::random(history));
        let options =
            world::Options { bug: Some(bug), scene: scene.clone(), ..world::Options::of(size, brain::engine) };
        let report = world::run(history, &options);
        // It is planted in this thread until the next world.
        let mut laws = (0..scenes::LAWS_PER_SCENE).map(|law| history * scenes::LAWS_PER_SCENE + law);
        if laws.any(|seed| laws::check(seed).is_err()) {
            return Some((history + 1, "a law", began.elapsed().as_secs_f64()));
        }
        let violation = report.violations.first()?;
        // What breaks a rule without the fault says nothing of it.
        let sound = world::Options { scene, ..world::Options::of(size, brain::engine) };
        if !world::run(history, &sound).violations.is_empty() {
            return None;
        }
        Some((history + 1, violation.rule, began.elapsed().as_secs_f64()))
    })
}
