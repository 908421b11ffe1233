//! Makes a ledger whole again of which a part was damaged: what is sound is kept, the damaged files are set aside.
//!
//! Every record is signed by its author and names what went before it, so the engine takes any part of a ledger; what is
//! missing in it comes from the other members. Only the genesis and the memberships cannot come from others, who are
//! not known to be members without them: they are kept a second time, beside the folder's record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shoal_engine::effect::RecordKey;
use shoal_engine::id::FolderId;

use crate::error::{StoreError, failed};
use crate::files;
use crate::ledger_log::{self, LedgerLog};
use crate::segment::{self, Checksum, Found, HEADER_BYTES};

/// Damaged ledgers that are kept per folder: one to study, and one more in case the first was the interesting one.
const BROKEN_KEPT_MAX: usize = 2;

/// The number of a file of records that is no segment of a ledger.
const NO_SEGMENT: u64 = 0;

/// A record with its name.
type Named = (RecordKey, Vec<u8>);

/// Where a ledger is mended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The ledger.
    pub(crate) ledger: &'a Path,
    /// Where damaged ones are set aside.
    pub(crate) broken: &'a Path,
    /// The second copy of what cannot come from others.
    pub(crate) basis: &'a Path,
}

/// Whether a record cannot come from others.
pub(crate) fn is_basis(key: RecordKey) -> bool {
    match key {
        RecordKey::Genesis | RecordKey::Membership(_) => true,
        RecordKey::Block(..) => false,
    }
}

/// Keeps the genesis and the memberships a second time.
pub(crate) fn save_basis(path: &Path, folder: FolderId, records: &[Named]) -> Result<(), StoreError> {
    if !records.iter().any(|(key, _)| is_basis(*key)) {
        return Ok(());
    }
    let mut bytes = segment::header(folder, NO_SEGMENT, [0; 16]);
    let [mut last, _] = segment::header_checksums(&bytes);
    for (key, body) in records.iter().filter(|(key, _)| is_basis(*key)) {
        last = segment::write_record(&mut bytes, last, *key, body)?;
    }
    if fs::read(path).is_ok_and(|known| known == bytes) { Ok(()) } else { files::publish(path, &bytes) }
}

/// The genesis and the memberships that were kept a second time, as far as that copy is sound.
pub(crate) fn read_basis(path: &Path, folder: FolderId) -> Result<Vec<Named>, StoreError> {
    let mut records = Vec::new();
    sound_records(path, folder, &mut records)?;
    Ok(records)
}

/// Finishes a mending that a crash interrupted.
pub(crate) fn finish(ledger: &Path) -> Result<(), StoreError> {
    let fresh = files::beside(ledger, ".fresh");
    match (ledger.exists(), fresh.exists()) {
        (_, false) => Ok(()),
        // The damaged one is set aside only when the fresh one is complete.
        (false, true) => put_in_place(&fresh, ledger),
        (true, true) => fs::remove_dir_all(&fresh).map_err(failed("remove", &fresh)),
    }
}

/// Sets a damaged ledger aside and puts one of its sound records in its place, in doubt about `incarnation`.
pub(crate) fn mend(
    places: Places<'_>,
    folder: FolderId,
    incarnation: u64,
    segment_bytes_max: u64,
) -> Result<(), StoreError> {
    let mut records = Vec::new();
    for path in segments(places.ledger)? {
        sound_records(&path, folder, &mut records)?;
    }
    let kept = records.len();
    for record in read_basis(places.basis, folder)? {
        if !records.contains(&record) {
            records.push(record);
        }
    }
    let fresh = files::beside(places.ledger, ".fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(failed("remove", &fresh))?;
    }
    files::make_dir(&fresh)?;
    let mut log = LedgerLog::open(&fresh, folder, None, segment_bytes_max)?.log;
    log.append(&records)?;
    // Our own chain may have lost blocks that others know.
    ledger_log::doubt(&fresh, incarnation)?;
    if places.ledger.exists() {
        files::move_aside(places.ledger, places.broken, &folder.to_string(), BROKEN_KEPT_MAX)?;
    }
    tracing::warn!(%folder, kept, "a damaged ledger was set aside; what is sound in it is kept");
    put_in_place(&fresh, places.ledger)
}

fn put_in_place(fresh: &Path, ledger: &Path) -> Result<(), StoreError> {
    fs::rename(fresh, ledger).map_err(failed("put in place", ledger))?;
    ledger.parent().map_or(Ok(()), files::sync_dir)
}

/// The segments that are there, in their order; some may be missing.
fn segments(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let names = files::names_in(dir)?;
    Ok(names.iter().filter(|name| name.ends_with(".seg")).map(|name| dir.join(name)).collect())
}

/// Adds every record of a file that is sound.
fn sound_records(path: &Path, folder: FolderId, records: &mut Vec<Named>) -> Result<(), StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // The disk cannot read it any more: what it held comes from the others.
        Err(error) if crate::json_file::is_disk_error(&error) => return Ok(()),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let newer = || StoreError::Newer { path: path.to_owned() };
    if segment::is_newer(&bytes) {
        return Err(newer());
    }
    if segment::is_of_another(&bytes, folder) || bytes.len() < HEADER_BYTES {
        return Ok(());
    }
    let (mut at, mut before) = (HEADER_BYTES, start_of(&bytes));
    loop {
        match segment::read_record(&bytes, at, before) {
            Found::Record { key, bytes: body, checksum } => {
                (at, before) = (body.end, checksum);
                let record = (key, bytes[body].to_vec());
                records.push(record);
            }
            Found::End => return Ok(()),
            Found::Newer => return Err(newer()),
            Found::Bad => {
                let Some(beyond) = segment::beyond(&bytes, at, before) else { return Ok(()) };
                records.extend(beyond.damaged.map(|(key, body)| (key, bytes[body].to_vec())));
                (at, before) = (beyond.at, beyond.link);
            }
        }
    }
}

/// The checksum that the first record goes on from: the one that fits it, if the header itself is damaged.
fn start_of(bytes: &[u8]) -> Checksum {
    let [computed, stored] = segment::header_checksums(bytes);
    match segment::read_record(bytes, HEADER_BYTES, stored) {
        Found::Record { .. } => stored,
        Found::End | Found::Bad | Found::Newer => computed,
    }
}
