//! Runs simulated worlds by their seeds and says which of them broke a rule.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use shoal_tests::cores;
use shoal_tests::sim::brain;
use shoal_tests::sim::plan::{FAULTS, Size};
use shoal_tests::sim::world::{self, Options, Report};

/// What was asked for on the command line.
struct Args {
    from: u64,
    seeds: u64,
    one: Option<u64>,
    threads: usize,
    shown_max: usize,
    options: Options,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(text) => {
            eprintln!(
                "{text}\nsim [--long] [--crowd] [--fold] [--seeds N] [--from N] [--seed N [--trace] [--hash]] [--without fault,fault] [--threads N] [--show N]"
            );
            eprintln!("faults: {}", FAULTS.join(" "));
            return ExitCode::from(2);
        }
    };
    world::catch_panics();
    let began = Instant::now();
    let (from, count) = args.one.map_or((args.from, args.seeds), |seed| (seed, 1));
    let mut failed = run_all(&args, from, count);
    failed.sort_by_key(|report| report.seed);
    show(&args, &failed);
    let violations: usize = failed.iter().map(|report| report.violations.len()).sum();
    let per_second = count as f64 / began.elapsed().as_secs_f64().max(1e-9);
    println!("histories {count} violations {violations} per_second {per_second:.0}");
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
    let options = Options::of(Size::Short, brain::engine);
    let threads = cores::count();
    let mut args = Args { from: 0, seeds: 1000, one: None, threads, shown_max: 20, options };
    while let Some(word) = words.next() {
        let mut number =
            || words.next().and_then(|text| text.parse::<u64>().ok()).ok_or(format!("{word} wants a number"));
        match word.as_str() {
            "--seeds" => args.seeds = number()?,
            "--from" => args.from = number()?,
            "--seed" => args.one = Some(number()?),
            "--threads" => args.threads = number()?.max(1) as usize,
            "--show" => args.shown_max = number()? as usize,
            "--long" => args.options.size = Size::Long,
            "--fold" => args.options.folds_names = true,
            "--crowd" => args.options.has_crowd = true,
            "--hash" => args.options.has_hash = true,
            "--trace" => args.options.has_trace = true,
            "--without" => {
                let list = words.next().unwrap_or_default();
                args.options.without = list.split(',').map(str::to_owned).collect();
            }
            _ => return Err(format!("unknown word {word}")),
        }
    }
    Ok(args)
}

/// Runs the seeds on several threads; gives those that failed, or that are to be shown.
fn run_all(args: &Args, from: u64, count: u64) -> Vec<Report> {
    cores::run(args.threads, from, count, |seed| {
        let report = world::run(seed, &args.options);
        if args.options.has_trace {
            report.lines.iter().for_each(|line| println!("{line}"));
        }
        if args.one.is_some() {
            println!(
                "seed {seed}: {} happenings, {} deeds, {} records, {} conflicts, {} merges, hash {:016x}",
                report.happenings, report.deeds, report.appended, report.conflicts, report.merges, report.hash
            );
        }
        (!report.violations.is_empty()).then_some(report)
    })
}

fn show(args: &Args, failed: &[Report]) {
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for report in failed {
        *by_rule.entry(report.violations[0].rule).or_default() += 1;
    }
    for report in failed.iter().take(args.shown_max) {
        for violation in &report.violations {
            println!("seed {}: {}: {}", report.seed, violation.rule, violation.what);
        }
        let words = args.options.words();
        println!("  replay: cargo run -p shoal-tests --release --bin sim -- {words}--seed {} --trace", report.seed);
    }
    if failed.len() > 1 {
        println!("{} seeds failed, by first rule: {by_rule:?}", failed.len());
    }
}
