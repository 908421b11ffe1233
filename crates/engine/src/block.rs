//! One block of a chain: a signed header and the entries it covers, read from and written to bytes.
//!
//! A block's hash is BLAKE3 of its header's bytes, an entry's hash BLAKE3 of the entry's bytes. `entries_root` is
//! BLAKE3 over the entries' hashes one after another, so a body can be reduced to hashes and still be checked.
//! What is signed is `shoal-block-v1 ‖ 0 ‖ folder ‖ header bytes`, with the header as it stands in the record.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use prost::Message as _;

use crate::codec::{Garbage, record};
use crate::entry::Entry;
use crate::id::{ChainId, DeviceId, FolderId, RecordHash, VersionId};
use crate::limits::{
    AFTER_MAX, BLOCK_BYTES_MAX, BLOCK_CHAINS_MAX, BLOCK_ENTRIES_MAX, HEADER_BYTES_MAX, SUPERSEDES_MAX,
};
use crate::message::ChainHead;
use crate::path::RelPath;
use crate::time::Timestamp;

/// The first byte of each kind of record.
pub(crate) const GENESIS: u8 = 1;
/// See [`GENESIS`].
pub(crate) const MEMBERSHIP: u8 = 2;
/// See [`GENESIS`].
pub(crate) const BLOCK: u8 = 3;
/// See [`GENESIS`].
pub(crate) const PROOF: u8 = 4;

/// The only format of records so far.
pub(crate) const FORMAT: u32 = 1;

/// Numbers in records stay below this, so that sums cannot overflow and every language reads them exactly.
pub(crate) const NUMBER_MAX: u64 = 1 << 53;

/// Why a record is no part of a ledger, now or ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Its bytes cannot be read.
    Garbage(Garbage),
    /// It was written by a newer version of Shoal; the folder must say so and not go on without it.
    Newer,
    /// It belongs to another folder.
    OtherFolder,
    /// The signature does not hold.
    Signature,
    /// The entries are not the ones that were signed.
    Root,
    /// The body was reduced to hashes; nobody does that yet, so it hides something.
    Pruned,
    /// A block or membership entry does not follow from the one before it.
    Link,
    /// The author may not write, according to the membership the block cites.
    NotAWriter,
    /// The author may not decide who is in.
    NotTheOwner,
    /// The members named make no sense: not exactly one owner, an epoch or a cut-off that goes back.
    Members,
    /// It lies beyond the point where its chain was frozen because its author wrote two of one.
    Frozen,
    /// The recovery key has decided otherwise.
    Outranked,
    /// It replaces versions that its author cannot have known.
    Supersedes,
    /// The device has had more lives than a device has.
    TooManyChains,
}

impl From<Garbage> for Invalid {
    fn from(garbage: Garbage) -> Self {
        Invalid::Garbage(garbage)
    }
}

/// What a block says of itself and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) folder: FolderId,
    pub(crate) chain: ChainId,
    pub(crate) index: u64,
    /// `None` in the first block of a chain.
    pub(crate) previous: Option<RecordHash>,
    pub(crate) after: Vec<ChainHead>,
    pub(crate) lamport: u64,
    pub(crate) membership: RecordHash,
    pub(crate) time: Timestamp,
    pub(crate) first_sequence: u64,
    pub(crate) count: u32,
    pub(crate) entries_root: RecordHash,
    /// The chains that `after` and the entries name by number, from 1.
    pub(crate) table: Vec<ChainId>,
}

/// A block as it was received, its header read and its body known to be the one that was signed.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) header: Header,
    pub(crate) hash: RecordHash,
    pub(crate) record: Vec<u8>,
}

/// A header with its signature, apart from any body: what proofs are made of.
#[derive(Clone, Debug)]
pub(crate) struct SignedHeader {
    pub(crate) header: Header,
    pub(crate) hash: RecordHash,
    pub(crate) signed: record::Signed,
}

/// The record does not fit the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Block {
    /// Reads a block record and compares the body with the header. The signature is not checked.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Block, Invalid> {
        let body = read_record(bytes)?;
        let header = Header::parse(&body.header)?;
        let size: usize = body.entries.iter().map(Vec::len).sum();
        if size > BLOCK_BYTES_MAX {
            return Err(Invalid::Garbage(Garbage("a block too large")));
        }
        let hashes = body_hashes(&body)?;
        if hashes.len() != header.count as usize || entries_root(hashes.into_iter()) != header.entries_root {
            return Err(Invalid::Root);
        }
        if body.entries.is_empty() {
            return Err(Invalid::Pruned);
        }
        Ok(Block { header, hash: hash(&body.header), record: bytes.to_vec() })
    }

    /// The header with its signature.
    pub(crate) fn signed_header(&self) -> Result<SignedHeader, Invalid> {
        let body = read_record(&self.record)?;
        let signed = record::Signed { body: body.header, signature: body.signature };
        Ok(SignedHeader { header: self.header.clone(), hash: self.hash, signed })
    }

    /// Reads the entries, each with its hash, refusing the block if any of them is none.
    pub(crate) fn entries(&self) -> Result<Vec<(RecordHash, Entry)>, Invalid> {
        let body = read_record(&self.record)?;
        body.entries.iter().map(|bytes| Ok((hash(bytes), self.header.read_entry(bytes)?))).collect()
    }
}

impl SignedHeader {
    /// Reads a signed header and checks that its author signed it.
    pub(crate) fn parse(signed: record::Signed) -> Result<SignedHeader, Invalid> {
        let header = Header::parse(&signed.body)?;
        let parsed = SignedHeader { hash: hash(&signed.body), header, signed };
        parsed.verify()?;
        Ok(parsed)
    }

    /// Checks that the chain's device signed it.
    pub(crate) fn verify(&self) -> Result<(), Invalid> {
        verify(BLOCK, self.header.chain.device, self.header.folder, &self.signed)
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Header, Invalid> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(Invalid::Garbage(Garbage("a header too large")));
        }
        let header = record::Header::decode(bytes).map_err(|_| Garbage("header not readable"))?;
        if header.format != FORMAT {
            return Err(Invalid::Newer);
        }
        check_bounds(&header)?;
        let chain = ChainId { device: fixed(&header.device, DeviceId::from_slice)?, incarnation: header.incarnation };
        let table = header.chains.iter().map(crate::codec::read_chain).collect::<Result<Vec<_>, _>>()?;
        let after = header.after.iter().map(|after| read_after(after, &table)).collect::<Result<_, _>>()?;
        let previous = match (header.index, header.previous.is_empty()) {
            (0, true) => None,
            (0, false) => return Err(Invalid::Link),
            (_, _) => Some(fixed(&header.previous, RecordHash::from_slice)?),
        };
        Ok(Header {
            folder: fixed(&header.folder, FolderId::from_slice)?,
            chain,
            index: header.index,
            previous,
            after,
            lamport: header.lamport,
            membership: fixed(&header.membership, RecordHash::from_slice)?,
            time: Timestamp(header.time),
            first_sequence: header.first_sequence,
            count: header.count,
            entries_root: fixed(&header.entries_root, RecordHash::from_slice)?,
            table,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let number = |chain: ChainId| number_of(&self.table, self.chain, chain);
        let after = |head: &ChainHead| record::After {
            chain: number(head.chain),
            blocks: head.blocks,
            hash: head.hash.0.to_vec(),
        };
        record::Header {
            format: FORMAT,
            folder: self.folder.0.to_vec(),
            device: self.chain.device.0.to_vec(),
            incarnation: self.chain.incarnation,
            index: self.index,
            previous: self.previous.map(|hash| hash.0.to_vec()).unwrap_or_default(),
            after: self.after.iter().map(after).collect(),
            lamport: self.lamport,
            membership: self.membership.0.to_vec(),
            time: self.time.0,
            first_sequence: self.first_sequence,
            count: self.count,
            entries_root: self.entries_root.0.to_vec(),
            chains: self.table.iter().map(|&chain| crate::codec::chain(chain)).collect(),
        }
        .encode_to_vec()
    }

    /// Signs this header over `entries`, whose count and root are filled in, and makes the record.
    pub(crate) fn seal(mut self, key: &SigningKey, entries: &[Entry]) -> Result<Vec<u8>, TooLarge> {
        let bytes: Vec<Vec<u8>> = entries.iter().map(|entry| self.write_entry(entry)).collect();
        self.count = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
        self.entries_root = entries_root(bytes.iter().map(|entry| hash(entry)));
        let header = self.encode();
        let size: usize = bytes.iter().map(Vec::len).sum();
        let is_wide = self.after.len() > AFTER_MAX || self.table.len() > BLOCK_CHAINS_MAX;
        if is_wide || header.len() > HEADER_BYTES_MAX || bytes.len() > BLOCK_ENTRIES_MAX || size > BLOCK_BYTES_MAX {
            return Err(TooLarge);
        }
        let signed = sign(BLOCK, key, self.folder, header);
        let body =
            record::Block { header: signed.body, signature: signed.signature, entries: bytes, pruned: Vec::new() };
        Ok(with_kind(BLOCK, &body))
    }

    fn write_entry(&self, entry: &Entry) -> Vec<u8> {
        let reference = |version: VersionId| record::Ref {
            chain: number_of(&self.table, self.chain, version.chain),
            sequence: version.sequence,
        };
        record::Entry {
            path: entry.path.to_string(),
            supersedes: entry.supersedes.iter().map(|&version| reference(version)).collect(),
            moved_from: entry.moved_from.map(reference),
            kind: Some(crate::codec::write_kind(&entry.kind)),
        }
        .encode_to_vec()
    }

    fn read_entry(&self, bytes: &[u8]) -> Result<Entry, Invalid> {
        let entry = record::Entry::decode(bytes).map_err(|_| Garbage("entry not readable"))?;
        let reference = |reference: &record::Ref| {
            let chain = match reference.chain {
                0 => self.chain,
                number => *self.table.get(number as usize - 1).ok_or(Garbage("a chain outside the table"))?,
            };
            Ok::<_, Garbage>(VersionId { chain, sequence: reference.sequence })
        };
        if entry.supersedes.len() > SUPERSEDES_MAX {
            return Err(Invalid::Garbage(Garbage("a list too long")));
        }
        Ok(Entry {
            path: RelPath::parse(&entry.path).map_err(|_| Garbage("a path that is no path inside"))?,
            kind: crate::codec::read_kind(entry.kind.ok_or(Invalid::Newer)?)?,
            supersedes: entry.supersedes.iter().map(reference).collect::<Result<_, _>>()?,
            moved_from: entry.moved_from.as_ref().map(reference).transpose()?,
        })
    }
}

/// Signs a body: label, folder and body go into the signature.
pub(crate) fn sign(kind: u8, key: &SigningKey, folder: FolderId, body: Vec<u8>) -> record::Signed {
    let bytes = signed_bytes(kind, folder, &body);
    let signature = key.sign(&bytes).to_bytes().to_vec();
    #[cfg(feature = "remember-signatures")]
    if let Some(remember) = remembered::look_up(device_of(key), &bytes, &signature) {
        remember();
    }
    record::Signed { body, signature }
}

/// Checks that a device signed a body of that kind for that folder.
pub(crate) fn verify(kind: u8, device: DeviceId, folder: FolderId, signed: &record::Signed) -> Result<(), Invalid> {
    let bytes = signed_bytes(kind, folder, &signed.body);
    #[cfg(feature = "remember-signatures")]
    let Some(remember) = remembered::look_up(device, &bytes, &signed.signature) else { return Ok(()) };
    let key = VerifyingKey::from_bytes(&device.0).map_err(|_| Invalid::Signature)?;
    let signature = Signature::from_slice(&signed.signature).map_err(|_| Invalid::Signature)?;
    key.verify_strict(&bytes, &signature).map_err(|_| Invalid::Signature)?;
    #[cfg(feature = "remember-signatures")]
    remember();
    Ok(())
}

/// Signatures that were found good, for simulated worlds in which many engines of one thread check the same ones.
#[cfg(feature = "remember-signatures")]
mod remembered {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use crate::id::DeviceId;

    /// More are forgotten all at once.
    const REMEMBERED_MAX: usize = 20_000;

    thread_local! {
        static GOOD: RefCell<BTreeSet<[u8; 32]>> = RefCell::default();
    }

    /// `None` if this very signature was found good before; otherwise how to remember that it is.
    pub(super) fn look_up(device: DeviceId, bytes: &[u8], signature: &[u8]) -> Option<impl FnOnce()> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&device.0).update(&signature.len().to_le_bytes()).update(signature).update(bytes);
        let name = *hasher.finalize().as_bytes();
        let remember = move || {
            GOOD.with_borrow_mut(|good| {
                if good.len() >= REMEMBERED_MAX {
                    good.clear();
                }
                good.insert(name);
            });
        };
        GOOD.with_borrow(|good| !good.contains(&name)).then_some(remember)
    }
}

/// BLAKE3 of a record's signed bytes, or of an entry's bytes.
pub(crate) fn hash(bytes: &[u8]) -> RecordHash {
    RecordHash(*blake3::hash(bytes).as_bytes())
}

/// A record: its kind byte, then its message.
pub(crate) fn with_kind(kind: u8, message: &impl prost::Message) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(message.encode_to_vec());
    bytes
}

/// The device of a signing key.
pub(crate) fn device_of(key: &SigningKey) -> DeviceId {
    DeviceId(key.verifying_key().to_bytes())
}

/// Reads an id of exactly its length.
pub(crate) fn fixed<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Result<T, Garbage> {
    read(bytes).ok_or(Garbage("an id of the wrong length"))
}

fn signed_bytes(kind: u8, folder: FolderId, body: &[u8]) -> Vec<u8> {
    let label: &[u8] = match kind {
        GENESIS => b"shoal-genesis-v1",
        MEMBERSHIP => b"shoal-membership-v1",
        _ => b"shoal-block-v1",
    };
    [label, &[0], &folder.0, body].concat()
}

fn read_record(bytes: &[u8]) -> Result<record::Block, Garbage> {
    match bytes.split_first() {
        Some((&BLOCK, body)) => record::Block::decode(body).map_err(|_| Garbage("block not readable")),
        Some(_) | None => Err(Garbage("no block")),
    }
}

/// The hashes of a body's entries, which stand there alone if it was pruned.
fn body_hashes(body: &record::Block) -> Result<Vec<RecordHash>, Invalid> {
    match (body.entries.is_empty(), body.pruned.is_empty()) {
        (false, true) => Ok(body.entries.iter().map(|entry| hash(entry)).collect()),
        (true, false) => body.pruned.chunks(32).map(|bytes| Ok(fixed(bytes, RecordHash::from_slice)?)).collect(),
        (_, _) => Err(Invalid::Root),
    }
}

fn check_bounds(header: &record::Header) -> Result<(), Garbage> {
    let is_counted = (1..=BLOCK_ENTRIES_MAX).contains(&(header.count as usize));
    let is_narrow = header.after.len() <= AFTER_MAX && header.chains.len() <= BLOCK_CHAINS_MAX;
    let numbers = [header.index, header.lamport, header.first_sequence];
    if is_counted && is_narrow && numbers.iter().all(|&number| number < NUMBER_MAX) {
        Ok(())
    } else {
        Err(Garbage("a header outside its bounds"))
    }
}

fn read_after(after: &record::After, table: &[ChainId]) -> Result<ChainHead, Garbage> {
    let place = (after.chain as usize).checked_sub(1).ok_or(Garbage("a block that comes after its own chain"))?;
    let chain = *table.get(place).ok_or(Garbage("a chain outside the table"))?;
    if after.blocks == 0 || after.blocks >= NUMBER_MAX {
        return Err(Garbage("a chain head outside its bounds"));
    }
    Ok(ChainHead { chain, blocks: after.blocks, hash: fixed(&after.hash, RecordHash::from_slice)? })
}

fn number_of(table: &[ChainId], own: ChainId, chain: ChainId) -> u32 {
    if chain == own {
        return 0;
    }
    // The table is sorted and holds every chain that the author of this block names.
    table.binary_search(&chain).map_or(u32::MAX, |place| u32::try_from(place + 1).unwrap_or(u32::MAX))
}

fn entries_root(hashes: impl Iterator<Item = RecordHash>) -> RecordHash {
    let mut hasher = blake3::Hasher::new();
    hashes.for_each(|hash| {
        hasher.update(&hash.0);
    });
    RecordHash(*hasher.finalize().as_bytes())
}
