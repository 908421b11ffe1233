//! The engine's codec, as the network adapter uses it.

use shoal_engine::codec;
use shoal_engine::id::FolderId;
use shoal_engine::message::{FetchRequest, Message};

/// A frame of ledger records.
pub fn records_frame(folder: FolderId, records: Vec<Vec<u8>>, has_more: bool) -> Vec<u8> {
    codec::encode(&Message::Records { folder, records, has_more })
}

/// The header of a stream.
pub fn write_request(request: &FetchRequest) -> Vec<u8> {
    codec::encode_request(request)
}

/// The header of a stream, read back for the trace.
pub fn read_request(header: &[u8]) -> Option<FetchRequest> {
    codec::decode_request(header).ok()
}

/// A frame, read back for the trace and the checks.
pub fn read(frame: &[u8]) -> Option<Message> {
    codec::decode(frame).ok()
}
