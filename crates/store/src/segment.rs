//! The bytes of a ledger segment. This format is final: what one version wrote, every later one reads.
//!
//! ```text
//! header  "SHLEDGER"  version u32 = 1  folder 32 bytes  segment number u64  link 16 bytes  checksum 16 bytes
//! record  length u32  checksum 16 bytes  kind u8  key  bytes          length counts kind, key and bytes
//! key     kind 1 genesis: nothing; 2 membership: number u64; 3 block: device 32 bytes, incarnation u64, index u64
//! ```
//!
//! Numbers are little-endian. A checksum is the first half of the BLAKE3 hash of the checksum before it and of what
//! it covers (`kind key bytes`, or the header up to it). `link` is the last checksum of the segment before, zeros for
//! the first. So a checksum names the whole ledger up to it, and a record that is missing, moved or taken from
//! another folder is noticed like a damaged one.

use std::ops::Range;

use shoal_engine::effect::RecordKey;
use shoal_engine::id::{ChainId, DeviceId, FolderId};

use crate::error::StoreError;

/// Names a ledger up to some record.
pub(crate) type Checksum = [u8; 16];

/// The length of a segment's header.
pub(crate) const HEADER_BYTES: usize = 84;

/// What stands before a record's kind.
pub(crate) const RECORD_HEAD_BYTES: usize = 20;

const MAGIC: [u8; 8] = *b"SHLEDGER";
const VERSION: u32 = 1;

/// What stands at some place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A sound record.
    Record {
        /// Its name.
        key: RecordKey,
        /// Where in the segment its bytes are.
        bytes: Range<usize>,
        /// Its checksum.
        checksum: Checksum,
    },
    /// The end of the segment, after a whole record.
    End,
    /// Bytes that are no record.
    Bad,
    /// A sound record of a kind that we do not know: a newer version wrote it.
    Newer,
}

/// Writes the header of a segment.
pub(crate) fn header(folder: FolderId, number: u64, link: Checksum) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&folder.0);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&link);
    let checksum = checksum([0; 16], &[&bytes]);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Checks the header of a segment and returns its checksum, or says what is wrong.
pub(crate) fn read_header(
    bytes: &[u8],
    folder: FolderId,
    number: u64,
    link: Checksum,
) -> Result<Checksum, &'static str> {
    let found = bytes.get(..HEADER_BYTES).ok_or("a segment has no header")?;
    let sound = checksum([0; 16], &[&found[..HEADER_BYTES - 16]]);
    if found[..8] != MAGIC {
        Err("a segment is none of ours")
    } else if found[8..12] != VERSION.to_le_bytes() {
        Err("a segment was written by a newer version, or its header is damaged")
    } else if found[HEADER_BYTES - 16..] != sound {
        Err("the header of a segment is damaged")
    } else if found != header(folder, number, link) {
        Err("a segment belongs to another folder or another history")
    } else {
        Ok(sound)
    }
}

/// Adds a record to `out` and returns its checksum.
pub(crate) fn write_record(
    out: &mut Vec<u8>,
    before: Checksum,
    key: RecordKey,
    bytes: &[u8],
) -> Result<Checksum, StoreError> {
    let key = write_key(key);
    let too_long = |_| StoreError::RecordTooLong { bytes: bytes.len() };
    let length = u32::try_from(key.len() + bytes.len()).map_err(too_long)?;
    let checksum = checksum(before, &[&key, bytes]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum);
    out.extend_from_slice(&key);
    out.extend_from_slice(bytes);
    Ok(checksum)
}

/// Reads what stands at `at` of a segment.
pub(crate) fn read_record(segment: &[u8], at: usize, before: Checksum) -> Found {
    let rest = segment.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Found::End;
    }
    let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Found::Bad };
    let Some((stored, rest)) = rest.split_first_chunk::<16>() else { return Found::Bad };
    let Some(body) = usize::try_from(u32::from_le_bytes(*length)).ok().and_then(|length| rest.get(..length)) else {
        return Found::Bad;
    };
    if body.is_empty() || checksum(before, &[body]) != *stored {
        return Found::Bad;
    }
    let start = at + RECORD_HEAD_BYTES;
    match read_key(body) {
        Some((key, length)) => Found::Record { key, bytes: start + length..start + body.len(), checksum: *stored },
        None => Found::Newer,
    }
}

/// Whether a newer version wrote this segment.
pub(crate) fn is_newer(bytes: &[u8]) -> bool {
    has_sound_header(bytes) && bytes[8..12] != VERSION.to_le_bytes()
}

/// Whether this is certainly the segment of another folder.
pub(crate) fn is_of_another(bytes: &[u8], folder: FolderId) -> bool {
    has_sound_header(bytes) && bytes[12..44] != folder.0
}

/// The checksum that a header should have, and the one that it has.
pub(crate) fn header_checksums(bytes: &[u8]) -> [Checksum; 2] {
    let Some((said, stored)) = bytes.get(..HEADER_BYTES).and_then(|header| header.split_last_chunk::<16>()) else {
        return [[0; 16]; 2];
    };
    [checksum([0; 16], &[said]), *stored]
}

fn has_sound_header(bytes: &[u8]) -> bool {
    let [computed, stored] = header_checksums(bytes);
    bytes.len() >= HEADER_BYTES && bytes[..8] == MAGIC && computed == stored
}

/// What follows a damaged record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beyond {
    /// Where it is.
    pub(crate) at: usize,
    /// The checksum before it.
    pub(crate) link: Checksum,
    /// The damaged record itself, if only its checksum is damaged: what follows says what that was.
    pub(crate) damaged: Option<(RecordKey, Range<usize>)>,
}

/// Finds the sound record after a damaged one at `at`; none if there is none, or the length is damaged.
pub(crate) fn beyond(segment: &[u8], at: usize, before: Checksum) -> Option<Beyond> {
    let rest = segment.get(at..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (stored, rest) = rest.split_first_chunk::<16>()?;
    let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let (start, end) = (at + RECORD_HEAD_BYTES, at + RECORD_HEAD_BYTES + body.len());
    let follows = |link| matches!(read_record(segment, end, link), Found::Record { .. } | Found::Newer);
    let computed = checksum(before, &[body]);
    if follows(computed) {
        let damaged = read_key(body).map(|(key, length)| (key, start + length..end));
        return Some(Beyond { at: end, link: computed, damaged });
    }
    follows(*stored).then_some(Beyond { at: end, link: *stored, damaged: None })
}

fn checksum(before: Checksum, parts: &[&[u8]]) -> Checksum {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&before);
    for part in parts {
        hasher.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    half
}

fn write_key(key: RecordKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(49);
    match key {
        RecordKey::Genesis => bytes.push(1),
        RecordKey::Membership(number) => {
            bytes.push(2);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        RecordKey::Block(chain, index) => {
            bytes.push(3);
            bytes.extend_from_slice(&chain.device.0);
            bytes.extend_from_slice(&chain.incarnation.to_le_bytes());
            bytes.extend_from_slice(&index.to_le_bytes());
        }
    }
    bytes
}

/// The key at the start of a record's body, and its length with the kind.
fn read_key(body: &[u8]) -> Option<(RecordKey, usize)> {
    let (kind, rest) = body.split_first()?;
    let number = |at: usize| Some(u64::from_le_bytes(*rest.get(at..)?.first_chunk()?));
    match kind {
        1 => Some((RecordKey::Genesis, 1)),
        2 => Some((RecordKey::Membership(number(0)?), 9)),
        3 => {
            let device = DeviceId(*rest.first_chunk()?);
            let chain = ChainId { device, incarnation: number(32)? };
            Some((RecordKey::Block(chain, number(40)?), 49))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: FolderId = FolderId([5; 32]);

    #[test]
    fn a_segment_has_these_very_bytes_for_ever() {
        let mut segment = header(FOLDER, 1, [0; 16]);
        let mut last = read_header(&segment, FOLDER, 1, [0; 16]).expect("sound");
        let chain = ChainId { device: DeviceId([9; 32]), incarnation: 0x0102_0304_0506_0708 };
        for (key, bytes) in [
            (RecordKey::Genesis, &b"genesis"[..]),
            (RecordKey::Membership(1), b"membership"),
            (RecordKey::Block(chain, 2), b""),
        ] {
            last = write_record(&mut segment, last, key, bytes).expect("short");
        }
        assert_eq!(segment.len(), HEADER_BYTES + (20 + 8) + (20 + 19) + (20 + 49));
        let golden = blake3::hash(&segment).to_hex();
        assert_eq!(golden.as_str(), "349552431067ae41f9bd611d7c609bef72adb99aef13acf1f1e77d64d1f4a875");
    }

    #[test]
    fn every_record_reads_back_and_a_moved_one_does_not() {
        let chain = ChainId { device: DeviceId([9; 32]), incarnation: 7 };
        let keys = [RecordKey::Genesis, RecordKey::Membership(3), RecordKey::Block(chain, 11)];
        let (mut bytes, mut last) = (Vec::new(), [1; 16]);
        for key in keys {
            last = write_record(&mut bytes, last, key, b"body").expect("short");
        }
        let (mut at, mut before) = (0, [1; 16]);
        for wanted in keys {
            let Found::Record { key, bytes: body, checksum } = read_record(&bytes, at, before) else {
                panic!("{wanted:?} is not found");
            };
            assert_eq!((key, &bytes[body.clone()]), (wanted, &b"body"[..]));
            assert_eq!(read_record(&bytes, at, [2; 16]), Found::Bad, "after another record it is no record");
            (at, before) = (body.end, checksum);
        }
        assert_eq!(read_record(&bytes, at, before), Found::End);
    }

    #[test]
    fn zeros_and_unknown_kinds_are_told_apart() {
        assert_eq!(read_record(&[0; 64], 0, [0; 16]), Found::Bad);
        let body = [200_u8, 1, 2];
        let mut bytes = 3_u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(&checksum([0; 16], &[&body]));
        bytes.extend_from_slice(&body);
        assert_eq!(read_record(&bytes, 0, [0; 16]), Found::Newer);
    }
}
