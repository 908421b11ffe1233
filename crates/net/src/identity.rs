//! The device's key: made once, kept in one file, never written again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use libp2p::identity::Keypair;
use shoal_engine::id::DeviceId;
use zeroize::Zeroizing;

use crate::error::NetError;

/// Length of the key file: an Ed25519 seed.
const SEED_BYTES: usize = 32;

/// This device's key.
#[derive(Clone)]
pub struct Identity {
    seed: Zeroizing<[u8; SEED_BYTES]>,
    keypair: Keypair,
    device: DeviceId,
}

impl Identity {
    /// Makes the identity that belongs to an Ed25519 seed.
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Result<Self, NetError> {
        let start = |_| NetError::Start { what: "the seed is not a key".into() };
        let keypair = Keypair::ed25519_from_bytes(*seed).map_err(start)?;
        let device = crate::address::device_of(&keypair.public().to_peer_id())
            .ok_or_else(|| NetError::Start { what: "the key has no device id".into() })?;
        Ok(Identity { seed, keypair, device })
    }

    /// Says which device this is.
    pub fn device_id(&self) -> DeviceId {
        self.device
    }

    /// Gives the seed the engine signs with; wiped from memory when dropped.
    pub fn signing_seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    pub(crate) fn keypair(&self) -> &Keypair {
        &self.keypair
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.device)
    }
}

/// Loads the device's key, or makes one when there is none yet.
pub fn load_or_create_identity(key_file: &Path) -> Result<Identity, NetError> {
    match File::open(key_file) {
        Ok(file) => load(file, key_file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(key_file),
        Err(source) => Err(NetError::KeyRead { path: key_file.to_owned(), source }),
    }
}

fn load(file: File, path: &Path) -> Result<Identity, NetError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SEED_BYTES + 1));
    file.take(SEED_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| NetError::KeyRead { path: path.to_owned(), source })?;
    let seed =
        <[u8; SEED_BYTES]>::try_from(bytes.as_slice()).map_err(|_| NetError::KeyDamaged { path: path.to_owned() })?;
    Identity::from_seed(Zeroizing::new(seed))
}

fn create(path: &Path) -> Result<Identity, NetError> {
    let failed = |source| NetError::KeyWrite { path: path.to_owned(), source };
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    getrandom::fill(seed.as_mut()).map_err(|error| failed(io::Error::other(error.to_string())))?;
    match publish(path, seed.as_ref()) {
        Ok(()) => Identity::from_seed(seed),
        // Somebody made the key at the same moment: theirs is the one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::open(path).map_err(|source| NetError::KeyRead { path: path.to_owned(), source })?;
            load(file, path)
        }
        Err(source) => Err(failed(source)),
    }
}

/// Puts the key in place whole or not at all: a key cut short by a crash would lock the device out.
fn publish(path: &Path, seed: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = path.with_extension(format!("new-{:016x}", u64::from_be_bytes(suffix)));
    let result = write_private(&temporary, seed).and_then(|()| fs::hard_link(&temporary, path));
    // The link is the key; the first name has served.
    let removed = fs::remove_file(&temporary);
    result.and(removed)?;
    sync_directory(directory)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("keys/device.key");
        let made = load_or_create_identity(&file).expect("made");
        let read = load_or_create_identity(&file).expect("read");
        assert_eq!(made.device_id(), read.device_id());
        assert_eq!(made.signing_seed(), read.signing_seed());
        assert_eq!(made.device_id().to_string(), made.keypair().public().to_peer_id().to_string());
        assert_eq!(fs::read_dir(home.path().join("keys")).expect("listed").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        load_or_create_identity(&file).expect("made");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        fs::write(&file, b"short").expect("written");
        assert!(matches!(load_or_create_identity(&file), Err(NetError::KeyDamaged { .. })));
        assert_eq!(fs::read(&file).expect("there"), b"short");
    }
}
