//! Many cases on several threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

/// How many threads this computer runs at a time.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs cases by their numbers on several threads; gives what they found, in the order in which they found it.
pub fn run<T: Send>(threads: usize, from: u64, count: u64, case: impl Fn(u64) -> Option<T> + Sync) -> Vec<T> {
    let next = AtomicU64::new(from);
    let (sender, found) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, sender, case) = (&next, sender.clone(), &case);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + count {
                        return;
                    }
                    if let Some(what) = case(number) {
                        // The receiver lives until every thread has ended.
                        let _ = sender.send(what);
                    }
                }
            });
        }
        drop(sender);
        found.iter().collect()
    })
}
