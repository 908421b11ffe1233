//! Names that cannot be forged: devices by key, folders, contents and chunks by hash.

use std::fmt;

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Reads the id from exactly its number of bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map($name)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", &self.to_string().chars().take(16).collect::<String>())
            }
        }
    };
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        bytes_id!($(#[$doc])* $name, $len);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl $name {
            /// Reads the id from the hexadecimal text that `Display` writes.
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 2 * $len || !text.is_ascii() {
                    return None;
                }
                let mut bytes = [0; $len];
                for (at, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
                }
                Some($name(bytes))
            }
        }
    };
}

bytes_id! {
    /// A device: its Ed25519 public key. Shown as the libp2p peer id of that key.
    DeviceId, 32
}
hex_id! {
    /// A folder: the BLAKE3 hash of its genesis record.
    FolderId, 32
}
hex_id! {
    /// An offer: 128 random bits chosen by the sender.
    OfferId, 16
}
hex_id! {
    /// A file's content: the BLAKE3 hash of its manifest.
    ContentId, 32
}
hex_id! {
    /// The BLAKE3 hash of one chunk's bytes.
    ChunkHash, 32
}
hex_id! {
    /// The BLAKE3 hash of a ledger record (genesis, membership entry, block header or entry).
    RecordHash, 32
}

/// What a libp2p peer id puts before an Ed25519 key: identity multihash, 36 bytes, protobuf key of type Ed25519.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = PEER_ID_PREFIX.to_vec();
        bytes.extend_from_slice(&self.0);
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl DeviceId {
    /// Reads the id from a libp2p peer id of an Ed25519 key.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = bs58::decode(text).into_vec().ok()?;
        Self::from_slice(bytes.strip_prefix(&PEER_ID_PREFIX)?)
    }
}

/// A life of a device in a folder, or a device's chain: see `incarnation` in the glossary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// Who writes the chain.
    pub device: DeviceId,
    /// A random number chosen whenever the device cannot trust its memory of an older chain.
    pub incarnation: u64,
}

/// The place of one entry in the ledger: which chain, and the how-manieth entry in it, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    /// The chain that holds the entry.
    pub chain: ChainId,
    /// The entry's sequence in that chain.
    pub sequence: u64,
}

/// What a transfer or a disk operation belongs to: a shared folder, or an offer (sent or received).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A shared folder.
    Folder(FolderId),
    /// An offer.
    Offer(OfferId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_id_reads_back_from_its_text() {
        let id = DeviceId([7; 32]);
        assert!(id.to_string().starts_with("12D3KooW"));
        assert_eq!(DeviceId::parse(&id.to_string()), Some(id));
        assert_eq!(DeviceId::parse("nonsense"), None);
    }

    #[test]
    fn a_folder_id_reads_back_from_its_text() {
        let id = FolderId([0xa5; 32]);
        assert_eq!(FolderId::parse(&id.to_string()), Some(id));
        assert_eq!(FolderId::parse("zz"), None);
    }
}
