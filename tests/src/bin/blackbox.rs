//! Three real programs and people who do anything at any time: `make blackbox RUNS=N`.

use std::process::ExitCode;

use shoal_tests::attack::blackbox::{self, Options};

fn main() -> ExitCode {
    let mut options = Options { runs: 100, seed: 1, is_told: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = if word == "--tell" { Ok(0) } else { words.next().unwrap_or_default().parse::<u64>() };
        match (word.as_str(), value) {
            ("--runs", Ok(number)) => options.runs = number,
            ("--seed", Ok(number)) => options.seed = number,
            ("--tell", _) => options.is_told = true,
            _ => {
                eprintln!("blackbox [--runs N] [--seed N] [--tell]");
                return ExitCode::from(2);
            }
        }
    }
    let summary = blackbox::run(&options);
    println!("{}", summary.line(options.seed));
    if summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
