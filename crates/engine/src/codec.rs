//! Turns messages and what the index remembers into bytes and back. Whatever does not hold its bounds is refused whole.
//!
//! `shoal.proto` publishes the formats. Fields that a newer version adds are skipped; tags are never used again.

use std::fmt;

mod incoming;
mod kind;
mod outgoing;
pub(crate) mod record;
mod wire;

use prost::Message as _;

use crate::id::{ChainId, DeviceId, OfferId, Scope, VersionId};
use crate::limits::{BUNDLE_FILES_MAX, CHUNKS_MAX, FRAME_BYTES_MAX};
use crate::message::{Chunks, FetchItem, FetchRequest, Message};
use crate::observe::Fingerprint;
use crate::saved::Materialised;

pub(crate) use kind::{read_kind, write_kind};

/// Bytes that are no message, request or record, with what is wrong with them (for the log).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage(pub &'static str);

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Garbage {}

/// Writes a message as one frame, without its length.
pub fn encode(message: &Message) -> Vec<u8> {
    wire::Frame { body: Some(outgoing::body(message)) }.encode_to_vec()
}

/// Reads a frame from another device, or says what is wrong with it.
pub fn decode(frame: &[u8]) -> Result<Message, Garbage> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(Garbage("frame too large"));
    }
    let frame = wire::Frame::decode(frame).map_err(|_| Garbage("frame not readable"))?;
    incoming::message(frame.body.ok_or(Garbage("message of an unknown kind"))?)
}

/// Writes the header of a stream that asks for bytes.
pub fn encode_request(request: &FetchRequest) -> Vec<u8> {
    let item = |item: &FetchItem| {
        let (all, ranges) = match &item.chunks {
            Chunks::All => (true, Vec::new()),
            Chunks::Ranges(ranges) => (false, outgoing::ranges(ranges)),
        };
        wire::FetchItem { content: item.content.0.to_vec(), with_manifest: item.with_manifest, all, ranges }
    };
    let items = request.items.iter().map(item).collect();
    wire::FetchRequest { scope: Some(outgoing::scope(request.scope)), items }.encode_to_vec()
}

/// Reads the header of a stream that asks for bytes, or says what is wrong with it.
pub fn decode_request(header: &[u8]) -> Result<FetchRequest, Garbage> {
    if header.len() > FRAME_BYTES_MAX {
        return Err(Garbage("request too large"));
    }
    let request = wire::FetchRequest::decode(header).map_err(|_| Garbage("request not readable"))?;
    let item = |item: wire::FetchItem| {
        let chunks = match (item.all, item.ranges.is_empty()) {
            (true, true) => Chunks::All,
            (true, false) => return Err(Garbage("all chunks and some of them")),
            (false, _) => Chunks::Ranges(incoming::ranges(&item.ranges, CHUNKS_MAX)?),
        };
        Ok(FetchItem { content: id(&item.content)?, with_manifest: item.with_manifest, chunks })
    };
    Ok(FetchRequest { scope: read_scope(request.scope)?, items: list(request.items, BUNDLE_FILES_MAX, item)? })
}

/// The format of what the index remembers; another one is forgotten and found again by a scan.
const MATERIALISED_FORMAT: u8 = 1;

/// Writes what the index remembers of a path.
pub fn encode_materialised(materialised: &Materialised) -> Vec<u8> {
    let version =
        |version: &VersionId| record::Version { chain: Some(chain(version.chain)), sequence: version.sequence };
    let print = materialised.print.map(|print| record::Fingerprint {
        size: print.size,
        modified_ns: print.modified_ns,
        changed_ns: print.changed_ns,
        inode: print.inode,
    });
    let record = record::Materialised {
        versions: materialised.versions.iter().map(version).collect(),
        print,
        kind: Some(write_kind(&materialised.kind)),
    };
    let mut bytes = vec![MATERIALISED_FORMAT];
    bytes.extend(record.encode_to_vec());
    bytes
}

/// Reads what the index remembers of a path; `None` if it is damaged or of another format.
pub fn decode_materialised(bytes: &[u8]) -> Option<Materialised> {
    let (&format, rest) = bytes.split_first()?;
    if format != MATERIALISED_FORMAT {
        return None;
    }
    let record = record::Materialised::decode(rest).ok()?;
    let version = |version: record::Version| {
        Some(VersionId { chain: read_chain(version.chain.as_ref()?).ok()?, sequence: version.sequence })
    };
    let print = record.print.map(|print| Fingerprint {
        size: print.size,
        modified_ns: print.modified_ns,
        changed_ns: print.changed_ns,
        inode: print.inode,
    });
    Some(Materialised {
        versions: record.versions.into_iter().map(version).collect::<Option<_>>()?,
        kind: read_kind(record.kind?).ok()?,
        print,
    })
}

/// An id that is exactly its number of bytes.
trait FixedId: Sized {
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! fixed_id {
    ($($name:ident),*) => {
        $(impl FixedId for crate::id::$name {
            fn read(bytes: &[u8]) -> Option<Self> {
                Self::from_slice(bytes)
            }
        })*
    };
}
fixed_id!(DeviceId, FolderId, OfferId, ContentId, RecordHash);

impl<const LENGTH: usize> FixedId for [u8; LENGTH] {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

fn id<T: FixedId>(bytes: &[u8]) -> Result<T, Garbage> {
    T::read(bytes).ok_or(Garbage("an id of the wrong length"))
}

fn text(text: String, bytes_max: usize) -> Result<String, Garbage> {
    if text.len() <= bytes_max { Ok(text) } else { Err(Garbage("a text too long")) }
}

fn list<T, U>(items: Vec<T>, count_max: usize, read: impl Fn(T) -> Result<U, Garbage>) -> Result<Vec<U>, Garbage> {
    if items.len() > count_max {
        return Err(Garbage("a list too long"));
    }
    items.into_iter().map(read).collect()
}

pub(crate) fn chain(chain: ChainId) -> record::Chain {
    record::Chain { device: chain.device.0.to_vec(), incarnation: chain.incarnation }
}

pub(crate) fn read_chain(chain: &record::Chain) -> Result<ChainId, Garbage> {
    Ok(ChainId { device: id::<DeviceId>(&chain.device)?, incarnation: chain.incarnation })
}

fn read_scope(scope: Option<wire::Scope>) -> Result<Scope, Garbage> {
    match scope.and_then(|scope| scope.of).ok_or(Garbage("a scope of an unknown kind"))? {
        wire::ScopeOf::Folder(folder) => Ok(Scope::Folder(id(&folder)?)),
        wire::ScopeOf::Offer(offer) => Ok(Scope::Offer(id::<OfferId>(&offer)?)),
    }
}

#[cfg(test)]
mod tests;
