//! Somebody who reads all files all the time: what they see is always a whole content.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::account::Account;
use super::contents::Contents;
use super::trees::{Reader, files};

/// Between two looks at everything: short enough to see what stands for some milliseconds, and leaves time to others.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// What the reader and the others share.
#[derive(Debug, Default)]
pub struct Witnessed {
    pub contents: Contents,
    pub account: Account,
    strange: Mutex<Vec<String>>,
    reads: AtomicU64,
}

/// A thread that reads until it is dropped.
#[derive(Debug)]
pub struct Watching {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Witnessed {
    /// What was read that nobody wrote, and forgets it.
    pub fn take_strange(&self) -> Vec<String> {
        std::mem::take(&mut *self.strange.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many files were read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn look(&self, dirs: &[PathBuf], reader: &mut Reader) {
        for (device, dir) in dirs.iter().enumerate() {
            for (path, place) in files(dir) {
                let Some(hash) = reader.hash(&place) else { continue };
                self.reads.fetch_add(1, Ordering::Relaxed);
                match self.contents.recognise(&hash) {
                    Some(id) => self.account.stands(device, id),
                    None => self.note_strange(format!("device {device}: {path} holds what nobody wrote, {hash}")),
                }
            }
        }
    }

    fn note_strange(&self, what: String) {
        let mut strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        if !strange.contains(&what) {
            strange.push(what);
        }
    }
}

impl Watching {
    /// Begins to read the folders of all devices.
    pub fn start(witnessed: &Arc<Witnessed>, dirs: &[PathBuf]) -> Watching {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, witnessed, dirs) = (Arc::clone(&is_over), Arc::clone(witnessed), dirs.to_vec());
        let thread = std::thread::spawn(move || {
            let mut reader = Reader::default();
            while !over.load(Ordering::Relaxed) {
                witnessed.look(&dirs, &mut reader);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Watching { is_over, thread: Some(thread) }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
