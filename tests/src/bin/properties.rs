//! Laws of reconciling, and small scenes of which often the end is known: at random, and all there are.

use std::process::ExitCode;
use std::time::Instant;

use shoal_tests::cores;
use shoal_tests::properties::{laws, scenes};
use shoal_tests::sim::world;

fn main() -> ExitCode {
    let mut cases = 100_000;
    let (mut from, mut is_whole, mut one) = (0, false, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|text| text.parse::<u64>().ok());
        match (word.as_str(), word.as_str() == "--whole") {
            (_, true) => is_whole = true,
            ("--cases", _) => cases = number().unwrap_or(cases),
            ("--from", _) => from = number().unwrap_or(from),
            ("--scene", _) => one = number(),
            _ => {
                eprintln!("properties [--cases N] [--from N] [--whole] [--scene SEED]");
                return ExitCode::from(2);
            }
        }
    }
    world::catch_panics();
    if let Some(seed) = one {
        let failed = scenes::show(seed);
        return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let began = Instant::now();
    let mut failed = on_all_cores(from, cases, laws::check);
    let random = cases / scenes::LAWS_PER_SCENE;
    failed.extend(on_all_cores(from, random, |seed| scenes::check(&scenes::random(seed), seed)));
    let whole = if is_whole { scenes::whole() } else { Vec::new() };
    failed.extend(on_all_cores(0, whole.len() as u64, |number| scenes::check(&whole[number as usize], number)));
    failed.iter().take(20).for_each(|what| println!("{what}"));
    println!(
        "cases {cases} scenes {random} whole {} violations {} seconds {:.0}",
        whole.len(),
        failed.len(),
        began.elapsed().as_secs_f64()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks cases on every core; gives what failed.
fn on_all_cores(from: u64, count: u64, check: impl Fn(u64) -> Result<(), String> + Sync) -> Vec<String> {
    cores::run(cores::count(), from, count, |case| check(case).err().map(|what| format!("case {case}: {what}")))
}
