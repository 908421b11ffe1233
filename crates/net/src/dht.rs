//! Sealed address records: what one paired device leaves in the DHT for one other.
//!
//! The key of a record changes every day and only the pair can compute it; the value is sealed with the same
//! secret. So the DHT learns neither who looks for whom nor where anyone is.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use libp2p::Multiaddr;
use shoal_engine::id::DeviceId;
use zeroize::Zeroizing;

use crate::address::is_dialable;
use crate::limits::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, RECORD_BYTES_MAX};

const KEY_CONTEXT: &str = "shoal dht key v1";
const SEAL_CONTEXT: &str = "shoal dht seal v1";
const MILLIS_PER_DAY: u64 = 86_400_000;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Plain texts are filled up to a multiple of this, so that their length does not count addresses.
const PADDING_BYTES: usize = 512;

/// The secret of a pair.
pub(crate) type Secret = Zeroizing<[u8; 32]>;
/// Under what a record is kept.
pub(crate) type Key = [u8; 32];

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    pub(crate) at_millis: u64,
    pub(crate) addresses: Vec<Multiaddr>,
}

pub(crate) fn day_of(millis: u64) -> u64 {
    millis / MILLIS_PER_DAY
}

/// The key under which `publisher` leaves its addresses on a day.
pub(crate) fn record_key(secret: &Secret, day: u64, publisher: &DeviceId) -> Key {
    let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
    hasher.update(secret.as_ref()).update(&day.to_be_bytes()).update(&publisher.0);
    *hasher.finalize().as_bytes()
}

fn cipher(secret: &Secret) -> XChaCha20Poly1305 {
    let key = Zeroizing::new(blake3::derive_key(SEAL_CONTEXT, secret.as_ref()));
    XChaCha20Poly1305::new((&*key).into())
}

/// Seals addresses for the other device of the pair. None if the system has no randomness.
pub(crate) fn seal(secret: &Secret, key: &Key, whereabouts: &Whereabouts) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).ok()?;
    let plain = encode(whereabouts);
    let sealed = cipher(secret).encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: key }).ok()?;
    let mut value = nonce.to_vec();
    value.extend_from_slice(&sealed);
    Some(value)
}

/// Opens a record; none if it was not sealed by the pair for this key.
pub(crate) fn open(secret: &Secret, key: &Key, value: &[u8]) -> Option<Whereabouts> {
    if !is_well_formed(key, value) {
        return None;
    }
    let (nonce, sealed) = value.split_first_chunk::<NONCE_BYTES>()?;
    let plain = cipher(secret).decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: key }).ok()?;
    decode(&plain)
}

/// Whether a record has the form of ours. More cannot be known of what is sealed for others.
pub(crate) fn is_well_formed(key: &[u8], value: &[u8]) -> bool {
    let plain = value.len().checked_sub(NONCE_BYTES + TAG_BYTES);
    key.len() == size_of::<Key>()
        && value.len() <= RECORD_BYTES_MAX
        && plain.is_some_and(|plain| plain > 0 && plain % PADDING_BYTES == 0)
}

fn encode(whereabouts: &Whereabouts) -> Vec<u8> {
    let texts: Vec<String> = whereabouts.addresses.iter().map(ToString::to_string).collect();
    let texts: Vec<&String> = texts.iter().filter(|text| text.len() <= ADDRESS_BYTES_MAX).take(ADDRESSES_MAX).collect();
    let mut plain = whereabouts.at_millis.to_be_bytes().to_vec();
    plain.push(texts.len() as u8);
    for text in texts {
        plain.extend_from_slice(&(text.len() as u16).to_be_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
    plain.resize(plain.len().next_multiple_of(PADDING_BYTES), 0);
    plain
}

fn decode(plain: &[u8]) -> Option<Whereabouts> {
    let (at, rest) = plain.split_first_chunk::<8>()?;
    let (count, mut rest) = rest.split_first()?;
    if usize::from(*count) > ADDRESSES_MAX {
        return None;
    }
    let mut addresses = Vec::new();
    for _ in 0..*count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (text, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        // What a later version may add is skipped.
        let address = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        addresses.extend(address.filter(is_dialable));
    }
    Some(Whereabouts { at_millis: u64::from_be_bytes(*at), addresses })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: DeviceId = DeviceId([1; 32]);

    fn secret(number: u8) -> Secret {
        Zeroizing::new([number; 32])
    }

    fn whereabouts(count: usize) -> Whereabouts {
        let address = |number| format!("/ip4/10.0.0.1/tcp/{}", 1 + number).parse().expect("an address");
        Whereabouts { at_millis: 123_456, addresses: (0..count).map(address).collect() }
    }

    #[test]
    fn a_record_opens_with_the_secret_and_key_it_was_made_for() {
        let key = record_key(&secret(1), 7, &ANN);
        let value = seal(&secret(1), &key, &whereabouts(3)).expect("sealed");
        assert!(is_well_formed(&key, &value));
        assert_eq!(open(&secret(1), &key, &value), Some(whereabouts(3)));
        assert_eq!(open(&secret(2), &key, &value), None);
        assert_eq!(open(&secret(1), &record_key(&secret(1), 8, &ANN), &value), None);
        let mut forged = value.clone();
        forged[100] ^= 1;
        assert_eq!(open(&secret(1), &key, &forged), None);
    }

    #[test]
    fn keys_differ_by_day_secret_and_publisher() {
        let all = [
            record_key(&secret(1), 7, &ANN),
            record_key(&secret(1), 8, &ANN),
            record_key(&secret(2), 7, &ANN),
            record_key(&secret(1), 7, &DeviceId([2; 32])),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn the_length_does_not_tell_how_many_addresses_there_are() {
        let length = |count| seal(&secret(1), &[0; 32], &whereabouts(count)).expect("sealed").len();
        assert_eq!(length(0), length(8));
    }

    #[test]
    fn what_has_another_form_is_not_kept() {
        assert!(!is_well_formed(&[0; 32], &[]));
        assert!(!is_well_formed(&[0; 32], &[0; 40]));
        assert!(!is_well_formed(&[0; 32], &[0; 100]));
        assert!(!is_well_formed(&[0; 31], &[0; 40 + 512]));
        assert!(is_well_formed(&[0; 32], &[0; 40 + 512]));
        assert!(!is_well_formed(&[0; 32], &[0; 40 + 512 * 32]));
    }

    #[test]
    fn nonsense_inside_a_record_is_refused() {
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0; 8]), None);
        let mut plain = vec![0; 8];
        plain.extend_from_slice(&[255, 0]);
        assert_eq!(decode(&plain), None);
        let mut plain = vec![0; 8];
        plain.extend_from_slice(&[1, 0xff, 0xff, b'/']);
        assert_eq!(decode(&plain), None);
    }
}
