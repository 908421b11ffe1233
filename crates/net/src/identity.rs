//! The device's key: made once, kept in one file, never written again.
//!
//! Beside it stands whose key it is. Any 32 bytes are a key, so a single wrong bit would make another device of this one,
//! silently and over everything that was shared: a key that does not fit, or that is gone, stops the start instead.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use libp2p::identity::Keypair;
use shoal_engine::id::DeviceId;
use zeroize::Zeroizing;

use crate::error::NetError;

/// Length of the key file: an Ed25519 seed.
const SEED_BYTES: usize = 32;

/// The ending of the file that says whose key it is: the device's id, and a checksum over it.
const OWNER_ENDING: &str = "id";

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

/// Loads the device's key, or makes one when there never was one.
///
/// `is_known` says that this device is known to others already: then a missing key is a lost one.
pub fn load_or_create_identity(key_file: &Path, is_known: bool) -> Result<Identity, NetError> {
    let owner = read_owner(key_file)?;
    let identity = match File::open(key_file) {
        Ok(file) => load(file, key_file)?,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(NetError::KeyRead { path: key_file.to_owned(), source: error });
        }
        Err(_) if is_known || owner.is_some() => return Err(NetError::KeyLost { path: key_file.to_owned() }),
        Err(_) => create(key_file)?,
    };
    match owner {
        Some(owner) if owner != identity.device => Err(NetError::KeyDamaged { path: key_file.to_owned() }),
        Some(_) => Ok(identity),
        None => write_owner(key_file, identity.device).map(|()| identity),
    }
}

/// Whose key it should be; `None` if that was never noted, or the note makes no sense.
fn read_owner(key_file: &Path) -> Result<Option<DeviceId>, NetError> {
    let path = key_file.with_extension(OWNER_ENDING);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(NetError::KeyRead { path, source }),
    };
    let device = text.split_whitespace().next().and_then(DeviceId::parse);
    Ok(device.filter(|device| text == owner_text(*device)))
}

fn write_owner(key_file: &Path, device: DeviceId) -> Result<(), NetError> {
    let path = key_file.with_extension(OWNER_ENDING);
    let failed = |source| NetError::KeyWrite { path: path.clone(), source };
    // A note that makes no sense is in the way; the key itself is never touched.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    match publish(&path, owner_text(device).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

fn owner_text(device: DeviceId) -> String {
    let checksum = blake3::hash(&device.0).to_hex();
    format!("{device}\n{}\n", &checksum[..16])
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
fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = path.with_extension(format!("new-{:016x}", u64::from_be_bytes(suffix)));
    let result = write_private(&temporary, bytes).and_then(|()| fs::hard_link(&temporary, path));
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
        let made = load_or_create_identity(&file, false).expect("made");
        let read = load_or_create_identity(&file, false).expect("read");
        assert_eq!(made.device_id(), read.device_id());
        assert_eq!(made.signing_seed(), read.signing_seed());
        assert_eq!(made.device_id().to_string(), made.keypair().public().to_peer_id().to_string());
        assert_eq!(fs::read_dir(home.path().join("keys")).expect("listed").count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        load_or_create_identity(&file, false).expect("made");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        fs::write(&file, b"short").expect("written");
        assert!(matches!(load_or_create_identity(&file, false), Err(NetError::KeyDamaged { .. })));
        assert_eq!(fs::read(&file).expect("there"), b"short");
    }

    #[test]
    fn a_key_with_any_other_bit_is_another_key_and_refused() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        load_or_create_identity(&file, false).expect("made");
        let sound = fs::read(&file).expect("there");
        for bit in 0..8 * SEED_BYTES {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &damaged).expect("damaged");
            assert!(matches!(load_or_create_identity(&file, false), Err(NetError::KeyDamaged { .. })), "bit {bit}");
            assert_eq!(fs::read(&file).expect("there"), damaged);
        }
    }

    #[test]
    fn a_lost_key_is_not_replaced_by_another_one() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        load_or_create_identity(&file, false).expect("made");
        fs::remove_file(&file).expect("removed");
        assert!(matches!(load_or_create_identity(&file, false), Err(NetError::KeyLost { .. })));
        fs::remove_file(file.with_extension(OWNER_ENDING)).expect("removed");
        assert!(matches!(load_or_create_identity(&file, true), Err(NetError::KeyLost { .. })), "others know it");
        assert!(!file.exists());
    }

    #[test]
    fn a_damaged_note_of_whose_key_it_is_is_written_again() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("device.key");
        let made = load_or_create_identity(&file, false).expect("made");
        let note = file.with_extension(OWNER_ENDING);
        let sound = fs::read(&note).expect("there");
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            fs::write(&note, &damaged).expect("damaged");
            assert_eq!(load_or_create_identity(&file, true).expect("read").device_id(), made.device_id());
            assert_eq!(fs::read(&note).expect("there"), sound, "byte {at}");
        }
    }
}
