//! Touches files and decides nothing: an opened folder that cannot be left, watching, scanning, hashing, staging,
//! atomic apply, versions.

#[cfg(not(unix))]
compile_error!("shoal-disk has no adapter for this system yet: it needs `windows.rs` beside `unix.rs`");

mod apply;
mod bases;
mod copy;
mod cut;
mod displaced;
mod durable;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fail;
#[cfg(not(any(test, feature = "testing")))]
mod fail;
mod hash;
mod journal;
mod lease;
mod merge;
mod mode;
mod names;
mod place;
mod publish;
mod recover;
mod root;
mod scan;
mod stage;
mod unix;
mod versions;
mod watch;
mod witness;

pub use error::DiskError;
pub use hash::Reader;
pub use root::Root;
pub use scan::{Measured, Sink, measure};
pub use stage::{Stage, StagedFile, WriteTrouble};
pub use versions::{KEEP_BYTES, KEEP_DAYS, Keep, Kept, KeptKind, KeptVersion, Reason};
pub use watch::{Hint, WatchTrouble, Watcher};

#[cfg(test)]
mod tests;
