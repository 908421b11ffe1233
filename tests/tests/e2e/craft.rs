//! Ledger blocks made by hand, with a true signature over anything at all. `shoal.proto` has the format.

use ed25519_dalek::{Signer, SigningKey};
use shoal_engine::ledger::Ledger;

/// The kind byte of a block record.
pub(crate) const BLOCK: u8 = 3;

/// What an entry claims to be.
pub(crate) enum Claim<'a> {
    Directory,
    Link(&'a str),
}

/// The first block of a fresh chain of `seed`'s device, with one entry.
pub(crate) fn block(ledger: &Ledger, seed: &[u8; 32], incarnation: u64, path: &str, claim: &Claim<'_>) -> Vec<u8> {
    let key = SigningKey::from_bytes(seed);
    let mut entry = Vec::new();
    bytes(&mut entry, 1, path.as_bytes());
    match claim {
        Claim::Directory => bytes(&mut entry, 5, &[]),
        Claim::Link(target) => {
            let mut link = Vec::new();
            bytes(&mut link, 1, target.as_bytes());
            bytes(&mut entry, 6, &link);
        }
    }
    let root = blake3::hash(blake3::hash(&entry).as_bytes());
    let mut header = Vec::new();
    number(&mut header, 1, 1);
    bytes(&mut header, 2, &ledger.folder().0);
    bytes(&mut header, 3, key.verifying_key().as_bytes());
    header.push(4 << 3 | 1);
    header.extend_from_slice(&incarnation.to_le_bytes());
    number(&mut header, 8, 1);
    bytes(&mut header, 9, &ledger.membership().hash.0);
    number(&mut header, 12, 1);
    bytes(&mut header, 13, root.as_bytes());
    let signed = [b"shoal-block-v1".as_slice(), &[0], &ledger.folder().0, &header].concat();
    let mut record = vec![BLOCK];
    bytes(&mut record, 1, &header);
    bytes(&mut record, 2, &key.sign(&signed).to_bytes());
    bytes(&mut record, 3, &entry);
    record
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
