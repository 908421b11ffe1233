//! The one line with which a harness ends, and what it says of each violation.

use std::time::{Duration, Instant};

/// What came of all runs so far.
#[derive(Debug)]
pub struct Summary {
    what: &'static str,
    began: Instant,
    pub runs: u64,
    pub violations: Vec<String>,
    /// Further figures, by name, in the order in which they were first counted.
    figures: Vec<(&'static str, u64)>,
    /// The longest time until rest after a start.
    pub slowest: Duration,
}

impl Summary {
    /// Nothing was run yet.
    pub fn new(what: &'static str) -> Summary {
        Summary {
            what,
            began: Instant::now(),
            runs: 0,
            violations: Vec::new(),
            figures: Vec::new(),
            slowest: Duration::ZERO,
        }
    }

    /// Adds to a figure.
    pub fn count(&mut self, name: &'static str, more: u64) {
        match self.figures.iter_mut().find(|(known, _)| *known == name) {
            Some((_, number)) => *number += more,
            None => self.figures.push((name, more)),
        }
    }

    /// A figure so far.
    pub fn figure(&self, name: &str) -> u64 {
        self.figures.iter().find(|(known, _)| *known == name).map_or(0, |(_, number)| *number)
    }

    /// Notes a violation, and says it at once: a long run may be ended by hand.
    pub fn violation(&mut self, text: String) {
        println!("VIOLATION {text}");
        self.violations.push(text);
    }

    /// The last line.
    pub fn line(&self, seed: u64) -> String {
        let figures: String = self.figures.iter().map(|(name, number)| format!(" {name} {number}")).collect();
        let seconds = self.began.elapsed().as_secs_f64();
        let per_run = seconds / (self.runs.max(1) as f64);
        let (what, runs, bad) = (self.what, self.runs, self.violations.len());
        let slowest = self.slowest.as_secs_f64();
        format!(
            "{what} {runs} violations {bad} seed {seed}{figures} slowest_rest {slowest:.1} s seconds {seconds:.0} each {per_run:.2}"
        )
    }
}
