//! One folder's ledger on the disk: numbered segments that only grow, read whole at the start and by key afterwards.
//!
//! What `append` acknowledged survives a power cut. Bytes after the last sound record of the last segment were being
//! written when the power went; they are kept in a `.torn` file and cut off. Damage anywhere else is reported and
//! nothing is touched here: `salvage` mends it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use shoal_engine::effect::RecordKey;
use shoal_engine::id::FolderId;

use crate::error::{StoreError, failed};
use crate::files;
use crate::salvage;
use crate::segment::{self, Checksum, Found, HEADER_BYTES};

/// A segment that has grown to this is followed by a new one: few files, and each is read into memory at once.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// Torn tails that are kept per folder: enough to study, and crashes in a loop do not fill the disk.
const TORN_KEPT_MAX: usize = 16;

/// One folder's ledger.
#[derive(Debug)]
pub(crate) struct LedgerLog {
    folder: FolderId,
    dir: PathBuf,
    segment_bytes_max: u64,
    /// Every record, in the order in which it was appended.
    spots: Vec<Spot>,
    /// The first record of each key: a later one with other bytes is proof of a fork, not a replacement.
    by_key: BTreeMap<RecordKey, usize>,
    /// The checksum of each segment's header.
    starts: Vec<Checksum>,
    /// The last segment, opened for appending.
    tail: Option<File>,
    /// How much of the last segment is durable.
    tail_bytes: u64,
    /// A write failed: the file may hold more than `tail_bytes`.
    is_dirty: bool,
}

/// Where a ledger stands: how many records, and the checksum that names them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// How many records.
    pub(crate) records: u64,
    /// The checksum of the last of them; zeros if there is none.
    pub(crate) checksum: Checksum,
}

/// What reading a ledger brought.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The ledger, ready for appending.
    pub(crate) log: LedgerLog,
    /// Every record's bytes, in order.
    pub(crate) records: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Spot {
    /// Counted from 0, unlike the numbers in file names.
    segment: usize,
    /// Where in the file the record begins.
    at: u64,
    /// From there to the next record.
    length: usize,
    /// How much of that is head and key.
    skip: usize,
    checksum: Checksum,
}

impl LedgerLog {
    /// Reads the ledger in `dir`, which need not exist yet.
    ///
    /// A torn tail is cut off, and remembered as a doubt about `incarnation`: see [`is_in_doubt`].
    pub(crate) fn open(
        dir: &Path,
        folder: FolderId,
        incarnation: Option<u64>,
        segment_bytes_max: u64,
    ) -> Result<Opened, StoreError> {
        let count = count_segments(dir)?;
        let mut log = LedgerLog {
            folder,
            dir: dir.to_owned(),
            segment_bytes_max,
            spots: Vec::new(),
            by_key: BTreeMap::new(),
            starts: Vec::new(),
            tail: None,
            tail_bytes: 0,
            is_dirty: false,
        };
        let mut records = Vec::new();
        for at in 0..count {
            log.read_segment(at, at + 1 == count, incarnation, &mut records)?;
        }
        Ok(Opened { log, records })
    }

    /// Appends records; when this returns `Ok` they survive a power cut. A record that is there already is skipped.
    pub(crate) fn append(&mut self, records: &[(RecordKey, Vec<u8>)]) -> Result<(), StoreError> {
        self.cut_back()?;
        if self.tail.is_none() || self.tail_bytes >= self.segment_bytes_max {
            self.begin_segment()?;
        }
        let (mut bytes, mut spots, mut last) = (Vec::new(), Vec::new(), self.last_checksum());
        for (key, body) in records {
            if self.read(*key)?.is_some_and(|known| known == *body) {
                continue;
            }
            let begin = bytes.len();
            last = segment::write_record(&mut bytes, last, *key, body)?;
            let length = bytes.len() - begin;
            let at = self.tail_bytes + begin as u64;
            let spot = Spot { segment: self.starts.len() - 1, at, length, skip: length - body.len(), checksum: last };
            spots.push((*key, spot));
        }
        if spots.is_empty() {
            return Ok(());
        }
        self.write(&bytes)?;
        self.tail_bytes += bytes.len() as u64;
        for (key, spot) in spots {
            self.remember(key, spot);
        }
        Ok(())
    }

    /// The bytes of the first record with this key.
    pub(crate) fn read(&self, key: RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.by_key.get(&key).map(|at| self.read_at(*at)).transpose()
    }

    /// The genesis and the memberships.
    pub(crate) fn basis(&self) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        let named = self.by_key.iter().filter(|(key, _)| salvage::is_basis(**key));
        named.map(|(key, at)| Ok((*key, self.read_at(*at)?))).collect()
    }

    /// Where the ledger stands.
    pub(crate) fn position(&self) -> Position {
        let checksum = self.spots.last().map_or([0; 16], |spot| spot.checksum);
        Position { records: self.spots.len() as u64, checksum }
    }

    /// Whether this ledger once stood there: it is the same history, as long or longer.
    pub(crate) fn went_through(&self, position: Position) -> bool {
        let Some(last) = position.records.checked_sub(1) else { return true };
        let spot = usize::try_from(last).ok().and_then(|last| self.spots.get(last));
        spot.is_some_and(|spot| spot.checksum == position.checksum)
    }

    fn read_at(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        let spot = &self.spots[at];
        let path = segment_path(&self.dir, spot.segment);
        let mut bytes = vec![0; spot.length];
        let mut file = File::open(&path).map_err(failed("open", &path))?;
        file.seek(SeekFrom::Start(spot.at)).map_err(failed("read", &path))?;
        file.read_exact(&mut bytes).map_err(failed("read", &path))?;
        let before = match at.checked_sub(1).map(|before| &self.spots[before]) {
            Some(before) if before.segment == spot.segment => before.checksum,
            Some(_) | None => self.starts[spot.segment],
        };
        match segment::read_record(&bytes, 0, before) {
            Found::Record { checksum, .. } if checksum == spot.checksum => Ok(bytes.split_off(spot.skip)),
            Found::Record { .. } | Found::End | Found::Bad | Found::Newer => {
                Err(StoreError::Ledger { path, fault: "a record changed since it was read" })
            }
        }
    }

    fn remember(&mut self, key: RecordKey, spot: Spot) {
        self.by_key.entry(key).or_insert(self.spots.len());
        self.spots.push(spot);
    }

    /// What the next record, or the next segment, names as what went before.
    fn last_checksum(&self) -> Checksum {
        let begun = self.starts.len().checked_sub(1);
        match self.spots.last() {
            Some(spot) if Some(spot.segment) == begun => spot.checksum,
            Some(_) | None => self.starts.last().copied().unwrap_or([0; 16]),
        }
    }

    fn read_segment(
        &mut self,
        number: usize,
        is_last: bool,
        incarnation: Option<u64>,
        records: &mut Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let path = segment_path(&self.dir, number);
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        if segment::is_newer(&bytes) {
            return Err(StoreError::Newer { path });
        }
        let fault = |fault| StoreError::Ledger { path: path.clone(), fault };
        let start =
            segment::read_header(&bytes, self.folder, number as u64 + 1, self.last_checksum()).map_err(fault)?;
        self.starts.push(start);
        let (mut at, mut before) = (HEADER_BYTES, start);
        let is_torn = loop {
            match segment::read_record(&bytes, at, before) {
                Found::Record { key, bytes: body, checksum } => {
                    let (length, skip) = (body.end - at, body.start - at);
                    self.remember(key, Spot { segment: number, at: at as u64, length, skip, checksum });
                    records.push(bytes[body.clone()].to_vec());
                    (at, before) = (body.end, checksum);
                }
                Found::End => break false,
                Found::Bad if is_last && segment::beyond(&bytes, at, before).is_none() => break true,
                Found::Bad => return Err(fault("a record is damaged")),
                Found::Newer => return Err(StoreError::Newer { path: path.clone() }),
            }
        };
        if is_last {
            let file = files::private().append(true).open(&path).map_err(failed("open", &path))?;
            (self.tail, self.tail_bytes, self.is_dirty) = (Some(file), at as u64, is_torn);
        }
        if is_torn {
            tracing::warn!(path = %path.display(), kept = at, torn = bytes.len() - at, "the ledger's end was torn");
            keep_torn(&self.dir, number, at, &bytes[at..])?;
            // Before the cut: otherwise a crash between the two would hide that our own chain may be short.
            incarnation.map_or(Ok(()), |incarnation| doubt(&self.dir, incarnation))?;
            self.cut_back()?;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        files::make_dir(&self.dir)?;
        let number = self.starts.len();
        let path = segment_path(&self.dir, number);
        let bytes = segment::header(self.folder, number as u64 + 1, self.last_checksum());
        if fs::metadata(&path).is_ok_and(|found| found.len() > HEADER_BYTES as u64) {
            return Err(StoreError::Ledger { path, fault: "somebody else began the next segment" });
        }
        files::publish(&path, &bytes)?;
        let start = segment::read_header(&bytes, self.folder, number as u64 + 1, self.last_checksum());
        let file = files::private().append(true).open(&path).map_err(failed("open", &path))?;
        self.starts.push(start.map_err(|fault| StoreError::Ledger { path, fault })?);
        (self.tail, self.tail_bytes) = (Some(file), HEADER_BYTES as u64);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let path = segment_path(&self.dir, self.starts.len().saturating_sub(1));
        let Some(file) = &mut self.tail else {
            return Err(StoreError::Ledger { path, fault: "no segment was begun" });
        };
        // Two writers would interleave; the second one to notice must not make it worse.
        let length = file.metadata().map_err(failed("look at", &path))?.len();
        if length != self.tail_bytes {
            return Err(StoreError::Ledger { path, fault: "somebody else changed the last segment" });
        }
        let written = file.write_all(bytes).and_then(|()| file.sync_data());
        written.map_err(failed("append to", &path)).inspect_err(|_| {
            self.is_dirty = true;
            // Tried again before the next append if it fails now.
            let _ = self.cut_back();
        })
    }

    /// Cuts off what a failed or torn write left, so that the file ends with a whole record again.
    fn cut_back(&mut self) -> Result<(), StoreError> {
        if let (true, Some(file)) = (self.is_dirty, &self.tail) {
            let path = segment_path(&self.dir, self.starts.len().saturating_sub(1));
            let cut = file.set_len(self.tail_bytes).and_then(|()| file.sync_all());
            cut.map_err(failed("cut back", &path))?;
            self.is_dirty = false;
        }
        Ok(())
    }
}

/// Notes, durably, that the chain of this incarnation may have lost its end.
///
/// The doubt lasts until the folder's record names another incarnation, over any number of restarts.
pub(crate) fn doubt(dir: &Path, incarnation: u64) -> Result<(), StoreError> {
    files::make_dir(dir)?;
    let path = doubt_path(dir, incarnation);
    if path.exists() { Ok(()) } else { files::publish(&path, b"") }
}

/// Whether the chain of this incarnation may have lost its end.
pub(crate) fn is_in_doubt(dir: &Path, incarnation: u64) -> bool {
    doubt_path(dir, incarnation).exists()
}

fn doubt_path(dir: &Path, incarnation: u64) -> PathBuf {
    dir.join(format!("doubt-{incarnation:016x}"))
}

fn segment_path(dir: &Path, at: usize) -> PathBuf {
    dir.join(format!("{:08}.seg", at + 1))
}

fn count_segments(dir: &Path) -> Result<usize, StoreError> {
    let names = files::names_in(dir)?;
    let number = |name: &String| name.strip_suffix(".seg")?.parse::<usize>().ok();
    let numbers: Vec<usize> = names.iter().filter_map(number).collect();
    if numbers.iter().copied().eq(1..=numbers.len()) {
        Ok(numbers.len())
    } else {
        Err(StoreError::Ledger { path: dir.to_owned(), fault: "a segment is missing" })
    }
}

fn keep_torn(dir: &Path, number: usize, at: usize, bytes: &[u8]) -> Result<(), StoreError> {
    let mut kept: Vec<String> = files::names_in(dir)?.into_iter().filter(|name| name.ends_with(".torn")).collect();
    let stem = format!("{:08}-{at:012}", number + 1);
    let free = (1..).map(|count| format!("{stem}-{count}.torn")).find(|name| !kept.contains(name));
    files::publish(&dir.join(free.unwrap_or(stem)), bytes)?;
    while kept.len() >= TORN_KEPT_MAX {
        files::remove(&dir.join(kept.remove(0)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: FolderId = FolderId([5; 32]);

    fn open(dir: &Path) -> Result<Opened, StoreError> {
        LedgerLog::open(dir, FOLDER, Some(1), 300)
    }

    fn record(number: u64) -> (RecordKey, Vec<u8>) {
        (RecordKey::Membership(number), vec![u8::try_from(number % 251).expect("small"); 100])
    }

    /// A ledger of 20 records in several segments.
    fn ledger() -> (tempfile::TempDir, Vec<Vec<u8>>) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut log = open(dir.path()).expect("empty").log;
        for number in 0..20 {
            log.append(&[record(number)]).expect("durable");
        }
        assert!(log.starts.len() > 5, "{} segments", log.starts.len());
        (dir, (0..20).map(|number| record(number).1).collect())
    }

    fn fault(dir: &Path) -> &'static str {
        match open(dir) {
            Err(StoreError::Ledger { fault, .. }) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_ledger_goes_on_over_segments_and_restarts() {
        let (dir, mut records) = ledger();
        for number in 20..30 {
            let mut opened = open(dir.path()).expect("sound");
            assert_eq!(opened.records, records);
            let before = opened.log.position();
            opened.log.append(&[record(number)]).expect("durable");
            assert!(opened.log.went_through(before) && opened.log.went_through(opened.log.position()));
            records.push(record(number).1);
            for number in 0..=number {
                let (key, bytes) = record(number);
                assert_eq!(opened.log.read(key).expect("sound"), Some(bytes));
            }
        }
    }

    #[test]
    fn garbage_in_the_middle_is_reported_and_nothing_is_touched() {
        let (dir, _) = ledger();
        let path = segment_path(dir.path(), 1);
        let whole = fs::read(&path).expect("a segment");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            fs::write(&path, &damaged).expect("damaged");
            fault(dir.path());
            assert_eq!(fs::read(&path).expect("a segment"), damaged);
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("cut");
            fault(dir.path());
        }
        fs::write(&path, &whole).expect("mended");
        assert_eq!(open(dir.path()).expect("sound").records.len(), 20);
        assert!(!is_in_doubt(dir.path(), 1));
    }

    #[test]
    fn segments_that_are_missing_swapped_or_from_elsewhere_are_noticed() {
        let (dir, _) = ledger();
        let (second, third) = (segment_path(dir.path(), 1), segment_path(dir.path(), 2));
        let aside = dir.path().join("aside");
        fs::rename(&second, &aside).expect("renamed");
        assert_eq!(fault(dir.path()), "a segment is missing");
        fs::rename(&third, &second).expect("renamed");
        fs::rename(&aside, &third).expect("renamed");
        assert_eq!(fault(dir.path()), "a segment belongs to another folder or another history");
        let other = LedgerLog::open(dir.path(), FolderId([6; 32]), None, 300);
        assert!(matches!(other, Err(StoreError::Ledger { .. })));
    }

    #[test]
    fn a_segment_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path()).expect("empty").log.append(&[record(0)]).expect("durable");
        let path = segment_path(dir.path(), 0);
        let mut bytes = fs::read(&path).expect("a segment");
        bytes[8] = 2;
        fs::write(&path, &bytes).expect("written");
        assert_eq!(fault(dir.path()), "a segment was written by a newer version, or its header is damaged");
        assert_eq!(fs::read(&path).expect("a segment"), bytes);
    }

    #[test]
    fn a_write_that_fails_leaves_no_trace_and_the_next_one_succeeds() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut log = LedgerLog::open(dir.path(), FOLDER, Some(1), 10_000).expect("empty").log;
        log.append(&[record(0)]).expect("durable");
        let position = log.position();
        let path = segment_path(dir.path(), 0);
        let sound = log.tail.replace(File::open(&path).expect("read only"));
        assert!(log.append(&[record(1)]).is_err());
        assert_eq!((log.position(), log.is_dirty), (position, true));
        assert!(log.append(&[record(1)]).is_err(), "as long as it cannot be cut back");
        // What a write that broke off half way leaves.
        files::private().append(true).open(&path).and_then(|mut file| file.write_all(b"half")).expect("written");
        log.tail = sound;
        log.append(&[record(1)]).expect("durable");
        assert_eq!(open(dir.path()).expect("sound").records, [record(0).1, record(1).1]);
        assert!(!is_in_doubt(dir.path(), 1));
    }

    #[test]
    fn a_second_writer_is_noticed_before_it_does_harm() {
        let (dir, mut records) = ledger();
        let (mut one, mut other) = (open(dir.path()).expect("sound").log, open(dir.path()).expect("sound").log);
        one.append(&[record(20)]).expect("durable");
        assert!(other.append(&[record(21)]).is_err());
        records.push(record(20).1);
        assert_eq!(open(dir.path()).expect("sound").records, records);
    }

    #[test]
    fn torn_tails_are_kept_in_bounded_number() {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path()).expect("empty").log.append(&[record(0)]).expect("durable");
        for _ in 0..TORN_KEPT_MAX + 5 {
            let path = segment_path(dir.path(), 0);
            files::private().append(true).open(path).and_then(|mut file| file.write_all(b"torn")).expect("written");
            assert_eq!(open(dir.path()).expect("sound").records.len(), 1);
        }
        let kept = files::names_in(dir.path()).expect("names").into_iter().filter(|name| name.ends_with(".torn"));
        assert_eq!(kept.count(), TORN_KEPT_MAX);
    }
}
