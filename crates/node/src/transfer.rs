//! Pipes file bytes between a stream and the disk, both ways. The engine never sees them.
//!
//! `message::FetchRequest` says how an answer looks. Bytes move in owned buffers: one task reads or writes the
//! stream, one blocking thread hashes and touches the disk, and a small bounded channel lies between them.

use std::sync::Arc;
use std::time::Duration;

use shoal_engine::chunk::{Chunk, Manifest, ZEROS};
use shoal_engine::message::Chunks;
use shoal_engine::observe::Code;

pub(crate) mod fetch;
pub(crate) mod give;
pub(crate) mod meter;

/// How long a stream may stay without a byte before it counts as broken: another source is then asked.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Buffer on a stream, in bytes: small files share one read or write; 256 KiB is where reads stop getting cheaper.
pub(crate) const STREAM_BUFFER_BYTES: usize = 256 * 1024;

/// Why an arrived piece was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Its bytes do not match their hash.
    Lied,
    /// Our own disk or memory refused.
    Refused(Code),
}

/// The chunks that were asked for: which, in the order of the request, without those that are not there.
fn asked<'a>(manifest: &'a Arc<Manifest>, chunks: &Chunks) -> Vec<(u32, &'a Chunk)> {
    let count = u32::try_from(manifest.chunks.len()).unwrap_or(u32::MAX);
    let ranges = match chunks {
        Chunks::All => vec![(0, count)],
        Chunks::Ranges(ranges) => ranges.clone(),
    };
    let inside =
        ranges.into_iter().flat_map(|(first, length)| first.min(count)..first.saturating_add(length).min(count));
    inside.filter_map(|index| Some((index, manifest.chunks.get(index as usize)?))).collect()
}

/// Whether a chunk travels: a run of zeros is known from its name.
fn travels(chunk: &Chunk) -> bool {
    chunk.hash != ZEROS
}

#[cfg(test)]
mod tests;
