//! Simulated worlds as a test: many seeds, the same seed twice, and the seeds that once failed.

use std::collections::BTreeMap;

use shoal_tests::sim::brain;
use shoal_tests::sim::plan::Size;
use shoal_tests::sim::world::{self, Options, Report};

/// Seeds of short histories that once showed a fault; each is named by what it showed.
const SHORT_REGRESSIONS: [(u64, &str); 20] = [
    (50_870_730, "an edit followed a move to where its author had moved the file too, which nobody had seen yet"),
    (50_604_011, "an old content that was put back after a deletion was taken for a file that nobody had changed"),
    (10_048_992, "a directory that the disk was making for another's record was told as its own news"),
    (10_289_191, "after a crash that tore the ledger, an edit was a conflict with what its author had written before"),
    (10_092_267, "the same"),
    (10_492_327, "the same"),
    (10_330_203, "an edit made after a crash was a conflict with what its author's index had not kept in time"),
    (10_294_697, "after a power cut, what settling had made of two changes was taken for what had stood on the disk"),
    (1_011_543, "a file that waited to be recorded was recorded although its directory was moved away meanwhile"),
    (1_029_826, "a file that waited to be recorded and was deleted meanwhile was not missed by a walk"),
    (1_025_387, "the same, with its directory"),
    (1_036_257, "an edit followed a move to where its bytes had been taken from"),
    (2_045_601, "a directory that was moved away while the disk put a file into it was taken to stand"),
    (1_009_989, "what stood in a directory was told before the file was gone whose place it took"),
    (1_014_805, "the same"),
    (585, "a file that took a directory's place was a conflict with itself"),
    (2_843, "a file that was gone again before it was recorded waited for ever"),
    (313_035, "what a person put where a record said the same was removed with that record"),
    (140_220, "an old look that was answered after a newer listing was believed"),
    (147_383, "what was moved away while the disk was still at work on it was taken for standing"),
];

/// Seeds of long histories that once showed a fault.
const LONG_REGRESSIONS: [(u64, &str); 22] = [
    (830, "who was set back was not told what the disk of another was late to keep, since it came from them"),
    (20_013, "a home set back took an edit for one made of what stood there by its old memory"),
    (9_019, "what stood in a directory was told before the file was gone whose place it took"),
    (554, "an old content put back by a person was taken for one that had never been replaced"),
    (163, "a home set back to a backup used its numbers twice"),
    (858, "what others had deleted since a backup came back with it"),
    (30, "a pairing asked for before the Hello came ended as broken"),
    (24, "a path that was seen gone twice was not planned again"),
    (165, "the same, with a conflict in between"),
    (324, "a membership was told before it was durable"),
    (599, "a change that the disk finished during a pause was forgotten, and made a second time"),
    (256, "what a newer look found gone was never recorded"),
    (2657, "contents that nobody has took the places of all others"),
    (1615, "those who waited for a content did not hear that it had arrived"),
    (1318, "a directory that was only remembered was taken for one that stands"),
    (13858, "a deletion whose record was lost in a crash was undone"),
    (10867, "a record became durable before one that was refused"),
    (31784, "what was heard while the ledger was read anew was never asked for"),
    (30517, "a viewer's own changes were written over after a full walk"),
    (33418, "what a demoted device had written was published after it was void"),
    (31588, "a path waited for a content that was not wanted any more"),
    (40964, "a number was used twice after a refused append and a reload"),
];

fn options(size: Size) -> Options {
    Options { has_hash: true, ..Options::of(size, brain::engine) }
}

fn complain(report: &Report, options: &Options) -> String {
    let list: Vec<String> = report.violations.iter().map(|found| format!("{}: {}", found.rule, found.what)).collect();
    let replay =
        format!("cargo run -p shoal-tests --release --bin sim -- {}--seed {} --trace", options.words(), report.seed);
    format!("seed {}: {}\n  replay: {replay}", report.seed, list.join("; "))
}

fn run(options: &Options, seeds: impl Iterator<Item = u64>) -> (Vec<String>, BTreeMap<u64, u64>) {
    world::catch_panics();
    let (mut failed, mut hashes) = (Vec::new(), BTreeMap::new());
    for seed in seeds {
        let report = world::run(seed, options);
        hashes.insert(seed, report.hash);
        if !report.violations.is_empty() {
            failed.push(complain(&report, options));
        }
    }
    (failed, hashes)
}

/// Runs the worlds of the seeds from 0 on, and one of a hundred a second time, which must be the same.
fn demand_no_violation(size: Size, count: u64) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let parts: Vec<_> = (0..threads)
        .map(|part| std::thread::spawn(move || run(&options(size), (0..count).filter(|seed| seed % threads == part))))
        .collect();
    let (mut failed, mut hashes) = (Vec::new(), BTreeMap::new());
    for part in parts {
        let (more_failed, more_hashes) = part.join().expect("a world runs to its end");
        failed.extend(more_failed);
        hashes.extend(more_hashes);
    }
    let listed = failed[..failed.len().min(10)].join("\n");
    assert!(failed.is_empty(), "{} of {count} worlds failed:\n{listed}", failed.len());
    for (seed, hash) in hashes.iter().filter(|(seed, _)| **seed % 100 == 0) {
        assert_eq!(world::run(*seed, &options(size)).hash, *hash, "seed {seed} does not repeat itself");
    }
}

#[test]
fn short_histories_heal_to_equal_folders_and_no_write_is_lost() {
    demand_no_violation(Size::Short, 5_000);
}

#[test]
fn a_disk_that_ignores_case_lists_what_it_cannot_hold_and_lacks_nothing_else() {
    let options = Options { folds_names: true, ..options(Size::Short) };
    // The last one: a name that was taken stayed listed after it was free.
    let (failed, _) = run(&options, (0..500).chain([3571]));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn histories_of_six_to_eight_devices_heal_to_equal_folders() {
    let (failed, _) = run(&Options { has_crowd: true, ..options(Size::Short) }, 0..200);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn long_histories_heal_to_equal_folders_and_no_write_is_lost() {
    demand_no_violation(Size::Long, 1_000);
}

#[test]
fn seeds_that_once_failed_stay_mended() {
    let (mut failed, _) = run(&options(Size::Short), SHORT_REGRESSIONS.iter().map(|(seed, _)| *seed));
    failed.extend(run(&options(Size::Long), LONG_REGRESSIONS.iter().map(|(seed, _)| *seed)).0);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
