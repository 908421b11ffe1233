//! Kills real programs at many points and says whether anything was lost: `make kill POINTS=N`.

use std::process::ExitCode;

use shoal_tests::attack::inject;
use shoal_tests::attack::kill::{self, Kind, Options};

fn main() -> ExitCode {
    let mut options = Options { points: 100, seed: 1, kind: Kind::All, pairs: 2, is_told: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = if word == "--tell" { String::new() } else { words.next().unwrap_or_default() };
        let number = value.parse::<u64>();
        match (word.as_str(), number) {
            ("--points", Ok(number)) => options.points = number,
            ("--seed", Ok(number)) => options.seed = number,
            ("--pairs", Ok(number)) => options.pairs = number as usize,
            ("--tell", _) => options.is_told = true,
            ("--kind", _) => match value.as_str() {
                "all" => options.kind = Kind::All,
                "moment" => options.kind = Kind::Moment,
                "call" => options.kind = Kind::Call,
                "error" => options.kind = Kind::Error,
                _ => return usage(),
            },
            _ => return usage(),
        }
    }
    if !inject::is_there() {
        println!("without strace: programs are killed at random moments only");
        options.kind = Kind::Moment;
    }
    let summary = kill::run(&options);
    println!("{}", summary.line(options.seed));
    if summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage() -> ExitCode {
    eprintln!("kill [--points N] [--seed N] [--pairs N] [--kind all|moment|call|error] [--tell]");
    ExitCode::from(2)
}
