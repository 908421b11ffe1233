//! Threads for work that blocks: each takes its jobs in order, and all together say when there is too much.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

/// From this many waiting jobs on, the loop takes nothing new from outside until some are done.
///
/// This bounds every worker's queue: only what comes from outside starts work, and one event starts a bounded amount.
pub(crate) const CROWD_JOBS_MAX: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// Counts the jobs that wait, over all workers of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd {
    waiting: Arc<AtomicUsize>,
    has_panicked: Arc<AtomicBool>,
}

impl Crowd {
    /// Whether nothing new should be taken on.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= CROWD_JOBS_MAX
    }

    /// Whether a job panicked since this was last asked.
    pub(crate) fn take_panic(&self) -> bool {
        self.has_panicked.swap(false, Ordering::Relaxed)
    }
}

/// One thread that does jobs in order. It ends when the worker is dropped and its jobs are done.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    crowd: Crowd,
}

impl Worker {
    /// Starts the thread; `name` is for debuggers.
    pub(crate) fn start(name: &str, crowd: &Crowd) -> Self {
        let (jobs, todo) = mpsc::channel::<Job>();
        let counted = crowd.clone();
        let work = move || {
            for job in todo {
                // A job that panics left its own work undone, nothing else: the thread goes on.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("a job of the node panicked");
                    counted.has_panicked.store(true, Ordering::Relaxed);
                }
                counted.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        };
        // Without threads nothing can go on; the jobs then fail to be sent and are dropped with a line in the log.
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
            tracing::error!(%error, name, "no thread could be started");
        }
        Worker { jobs, crowd: crowd.clone() }
    }

    /// Queues a job.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.crowd.waiting.fetch_add(1, Ordering::Relaxed);
        if self.jobs.send(Box::new(job)).is_err() {
            self.crowd.waiting.fetch_sub(1, Ordering::Relaxed);
            tracing::error!("a job was dropped: its thread is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_in_order_and_a_panic_stops_none() {
        let crowd = Crowd::default();
        let worker = Worker::start("test", &crowd);
        let (done, seen) = mpsc::channel();
        for number in 0..5 {
            let done = done.clone();
            worker.run(move || {
                assert_ne!(number, 2, "on purpose");
                done.send(number).expect("listened to");
            });
        }
        drop(done);
        assert_eq!(seen.iter().collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert!(crowd.take_panic());
    }
}
