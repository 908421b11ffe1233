//! The one door to what a home remembers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_engine::chunk::Encoded;
use shoal_engine::effect::{RecordKey, RecordRange};
use shoal_engine::id::{ChunkHash, ContentId, DeviceId, FolderId, OfferId};
use shoal_engine::path::RelPath;
use shoal_engine::saved::{FolderRecord, Materialised, OfferRecord, Saved, SavedFolder, TrustRecord};

use crate::config::Settings;
use crate::error::StoreError;
use crate::files;
use crate::index_db::IndexDb;
use crate::json_file::{self, Backup};
use crate::ledger_log::{self, LedgerLog, SEGMENT_BYTES_MAX};
use crate::offers::Offers;
use crate::record::{FolderText, TrustFile, TrustText};
use crate::salvage::{self, Places};

/// Most addresses kept of a device: the newest few are the ones that work.
const ADDRESSES_MAX: usize = 16;

/// Where a home keeps what it remembers.
#[derive(Clone, Debug)]
pub struct StoreDirs {
    /// What a person would take along to another computer.
    pub config: PathBuf,
    /// What belongs to this one.
    pub data: PathBuf,
}

/// What had to be mended while opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Why the index was set aside, if it was; the folders will be scanned and hashed again.
    pub index_rebuilt: Option<String>,
    /// The settings are older ones, or the default ones, because their file could not be read.
    pub config_restored: bool,
    /// The trusted devices were read from the second copy, or lost, because their file could not be read.
    pub trust_restored: bool,
    /// Files that could not be read at all; they were set aside under this name and `.broken`.
    pub unreadable: Vec<PathBuf>,
}

/// What a home remembers.
#[derive(Debug)]
pub struct Store {
    dirs: StoreDirs,
    segment_bytes_max: u64,
    config: Mutex<Config>,
    logs: Mutex<BTreeMap<FolderId, Slot>>,
    /// Folders whose ledger was damaged when it was loaded.
    mended: Mutex<Vec<FolderId>>,
    index: IndexDb,
}

/// One folder's ledger, `None` until it is needed; locked by itself so that one folder's sync delays no other.
type Slot = Arc<Mutex<Option<LedgerLog>>>;

#[derive(Debug)]
struct Config {
    settings: Settings,
    trust: TrustFile,
    folders: BTreeMap<FolderId, FolderText>,
    addresses: BTreeMap<String, Vec<String>>,
    offers: Offers,
}

impl Store {
    /// Opens the store of a home, which may be empty. The home's lock must be held.
    pub fn open(dirs: &StoreDirs) -> Result<(Store, Opened), StoreError> {
        Self::open_with(dirs, SEGMENT_BYTES_MAX)
    }

    pub(crate) fn open_with(dirs: &StoreDirs, segment_bytes_max: u64) -> Result<(Store, Opened), StoreError> {
        files::make_dir(&dirs.config.join("folders"))?;
        files::make_dir(&dirs.data)?;
        let mut opened = Opened::default();
        let config = read_config(dirs, &mut opened)?;
        let (index, set_aside) = IndexDb::open(&dirs.data)?;
        opened.index_rebuilt = set_aside;
        let (config, logs, mended) = (Mutex::new(config), Mutex::default(), Mutex::default());
        let store = Store { dirs: dirs.clone(), segment_bytes_max, config, logs, mended, index };
        Ok((store, opened))
    }

    /// Reads everything that the engine must find again. `decode` reads the values that were given to `remember`.
    pub fn load(&self, decode: &dyn Fn(&[u8]) -> Option<Materialised>) -> Result<Saved, StoreError> {
        let (name, trust, records, offers) = {
            let config = self.config();
            let trust = config.trust.devices.iter().filter_map(TrustText::record).collect();
            let records: Vec<FolderRecord> = config.folders.values().filter_map(FolderText::record).collect();
            (config.settings.name.clone().unwrap_or_default(), trust, records, config.offers.load()?)
        };
        let folders = records.into_iter().map(|record| self.load_folder(record, decode)).collect::<Result<_, _>>()?;
        self.index.has_settled();
        Ok(Saved { name, trust, folders, offers })
    }

    /// What the person chose.
    pub fn settings(&self) -> Settings {
        self.config().settings.clone()
    }

    /// Remembers what the person chose.
    pub fn save_settings(&self, settings: &Settings) -> Result<(), StoreError> {
        let mut config = self.config();
        json_file::save(&config_path(&self.dirs), settings, Backup::Previous)?;
        config.settings = settings.clone();
        Ok(())
    }

    /// Remembers a device that was verified or blocked.
    pub fn save_trust(&self, record: &TrustRecord) -> Result<(), StoreError> {
        let mut config = self.config();
        let mut trust = config.trust.clone();
        match trust.devices.iter_mut().find(|known| known.is_of(record.device)) {
            Some(known) => *known = TrustText::new(record, Some(known)),
            None => trust.devices.push(TrustText::new(record, None)),
        }
        self.write_trust(&mut config, trust)
    }

    /// Forgets a device.
    pub fn drop_trust(&self, device: DeviceId) -> Result<(), StoreError> {
        let mut config = self.config();
        let mut trust = config.trust.clone();
        trust.devices.retain(|known| !known.is_of(device));
        self.write_trust(&mut config, trust)?;
        match config.addresses.remove(&device.to_string()) {
            Some(_) => json_file::save(&addresses_path(&self.dirs), &config.addresses, Backup::None),
            None => Ok(()),
        }
    }

    /// Remembers a folder.
    pub fn save_folder(&self, record: &FolderRecord) -> Result<(), StoreError> {
        let mut config = self.config();
        let text = FolderText::new(record, config.folders.get(&record.folder));
        json_file::save(&folder_path(&self.dirs, record.folder), &text, Backup::Same)?;
        config.folders.insert(record.folder, text);
        Ok(())
    }

    /// Forgets a folder's record and index; its ledger is moved to `removed`.
    pub fn drop_folder(&self, folder: FolderId) -> Result<(), StoreError> {
        let mut config = self.config();
        // The record first: without it the rest is only left over.
        json_file::remove(&folder_path(&self.dirs, folder))?;
        config.folders.remove(&folder);
        drop(config);
        let slot = lock(&self.logs).remove(&folder).unwrap_or_default();
        let mut log = lock(&slot);
        *log = None;
        files::remove(&basis_path(&self.dirs, folder))?;
        let dir = ledger_dir(&self.dirs, folder);
        if dir.exists() {
            files::move_aside(&dir, &self.dirs.data.join("removed"), &folder.to_string(), 1)?;
        }
        self.index.drop_folder(folder);
        Ok(())
    }

    /// Remembers an offer.
    pub fn save_offer(&self, record: &OfferRecord) -> Result<(), StoreError> {
        self.config().offers.save(record)
    }

    /// Forgets an offer.
    pub fn drop_offer(&self, offer: OfferId) -> Result<(), StoreError> {
        self.config().offers.drop(offer)
    }

    /// Where a device was last reached, best first.
    pub fn addresses_of(&self, device: DeviceId) -> Vec<String> {
        self.config().addresses.get(&device.to_string()).cloned().unwrap_or_default()
    }

    /// Remembers where a device was reached, best first.
    pub fn save_addresses(&self, device: DeviceId, mut addresses: Vec<String>) -> Result<(), StoreError> {
        addresses.truncate(ADDRESSES_MAX);
        let mut config = self.config();
        if config.addresses.get(&device.to_string()) == Some(&addresses) {
            return Ok(());
        }
        config.addresses.insert(device.to_string(), addresses);
        json_file::save(&addresses_path(&self.dirs), &config.addresses, Backup::None)
    }

    /// Appends records to a folder's ledger; on `Ok` they survive a power cut, on `Err` none of them counts.
    ///
    /// A record that is there already is skipped, so an append that failed may be repeated.
    pub fn append(&self, folder: FolderId, records: &[(RecordKey, Vec<u8>)]) -> Result<(), StoreError> {
        self.with_log(folder, |log| {
            log.append(records)?;
            if records.iter().any(|(key, _)| salvage::is_basis(*key)) {
                salvage::save_basis(&basis_path(&self.dirs, folder), folder, &log.basis()?)?;
            }
            Ok(())
        })
    }

    /// Folders whose ledger was damaged when it was loaded; what is sound in it is kept.
    pub fn mended_ledgers(&self) -> Vec<FolderId> {
        lock(&self.mended).clone()
    }

    /// Reads one record.
    pub fn read(&self, folder: FolderId, key: RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.with_log(folder, |log| log.read(key))
    }

    /// Reads records of a range from its start until one is missing or `bytes_max` would be passed, but at least one.
    pub fn read_range(
        &self,
        folder: FolderId,
        range: RecordRange,
        bytes_max: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.with_log(folder, |log| {
            let (mut records, mut bytes) = (Vec::new(), 0);
            for key in keys(range) {
                let Some(record) = log.read(key)? else { break };
                bytes += record.len();
                if bytes > bytes_max && !records.is_empty() {
                    break;
                }
                records.push(record);
            }
            Ok(records)
        })
    }

    /// Reads a folder's whole ledger from the disk again, in the order in which it was appended.
    pub fn reload(&self, folder: FolderId) -> Result<Vec<Vec<u8>>, StoreError> {
        let slot = self.slot(folder);
        let mut log = lock(&slot);
        *log = None;
        let fresh = self.open_log(folder)?;
        *log = Some(fresh.log);
        Ok(fresh.records)
    }

    /// Remembers what stands at paths, in the bytes that `load` decodes; `None` forgets a path.
    ///
    /// Not durable before [`Store::flush`], and never fails: what the index loses, the engine finds by looking again.
    pub fn remember(&self, folder: FolderId, paths: &[(RelPath, Option<Vec<u8>>)]) {
        // Under the ledger's lock, or two who begin a folder's index at once would begin two.
        let remembered = self.with_log(folder, |log| {
            self.index.remember(folder, log.position(), paths);
            Ok(())
        });
        if let Err(error) = remembered {
            tracing::warn!(%folder, %error, "the index waits for a readable ledger");
        }
    }

    /// Forgets durably what stands on a folder's disk.
    pub fn forget_disk(&self, folder: FolderId) -> Result<(), StoreError> {
        self.with_log(folder, |_| {
            self.index.drop_folder(folder);
            self.index.flush();
            Ok(())
        })
    }

    /// Remembers manifests, each piece once, and where their chunks are.
    pub fn save_manifests(&self, manifests: &[(ContentId, Encoded)]) {
        self.index.save_manifests(manifests);
    }

    /// The manifest of a content, checked against its id.
    pub fn manifest(&self, content: ContentId) -> Option<Encoded> {
        self.index.manifest(content)
    }

    /// Some contents of several chunks that hold this one, and its first place in each; not certain before the bytes
    /// were read and hashed.
    pub fn chunk_places(&self, chunk: ChunkHash) -> Vec<(ContentId, u32)> {
        self.index.chunk_places(chunk)
    }

    /// Forgets every manifest but those that are wanted, and gives room back. Takes seconds; for an idle hour.
    pub fn keep_manifests(&self, is_wanted: &dyn Fn(ContentId) -> bool) {
        self.index.keep_manifests(is_wanted);
        self.index.compact();
    }

    /// Makes the index durable.
    pub fn flush(&self) {
        self.index.flush();
    }

    /// Bytes that the index takes on the disk.
    pub fn index_bytes(&self) -> u64 {
        self.index.bytes()
    }

    fn load_folder(
        &self,
        record: FolderRecord,
        decode: &dyn Fn(&[u8]) -> Option<Materialised>,
    ) -> Result<SavedFolder, StoreError> {
        let folder = record.folder;
        let dir = ledger_dir(&self.dirs, folder);
        let ledger = match self.reload_or_mend(&record) {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(%folder, %error, "a ledger cannot be read");
                return Ok(SavedFolder { record, ledger: None, is_torn: false, index: Vec::new() });
            }
        };
        let position = self.with_log(folder, |log| Ok(log.position()))?;
        let went_through = |wanted| self.with_log(folder, |log| Ok(log.went_through(wanted))).unwrap_or(false);
        let remembered = self.index.load(folder, went_through);
        // A ledger that is gone, or shorter than it was, may have held blocks of ours that others know.
        if position.records == 0 || remembered.is_err() {
            ledger_log::doubt(&dir, record.incarnation)?;
        }
        let is_torn = ledger_log::is_in_doubt(&dir, record.incarnation);
        let remembered = remembered.unwrap_or_default().into_iter();
        let index = remembered.filter_map(|(path, bytes)| Some((path, decode(&bytes)?))).collect();
        Ok(SavedFolder { record, ledger: Some(ledger), is_torn, index })
    }

    /// Reads a ledger; one that is damaged is made anew of what is sound in it.
    fn reload_or_mend(&self, record: &FolderRecord) -> Result<Vec<Vec<u8>>, StoreError> {
        let folder = record.folder;
        let dir = ledger_dir(&self.dirs, folder);
        salvage::finish(&dir)?;
        let basis = basis_path(&self.dirs, folder);
        match self.reload(folder) {
            Ok(records) => {
                let before = records.len() as u64;
                let after = self.with_log(folder, |log| {
                    // What was cut off with a torn end may be among what cannot come from others.
                    log.append(&salvage::read_basis(&basis, folder)?)?;
                    salvage::save_basis(&basis, folder, &log.basis()?)?;
                    Ok(log.position().records)
                })?;
                if after == before {
                    return Ok(records);
                }
                ledger_log::doubt(&dir, record.incarnation)?;
                return self.reload(folder);
            }
            Err(StoreError::Ledger { .. }) => {}
            Err(error) => return Err(error),
        }
        let broken = self.dirs.data.join("ledger.broken");
        let places = Places { ledger: &dir, broken: &broken, basis: &basis };
        salvage::mend(places, folder, record.incarnation, self.segment_bytes_max)?;
        lock(&self.mended).push(folder);
        self.reload(folder)
    }

    fn with_log<T>(
        &self,
        folder: FolderId,
        act: impl FnOnce(&mut LedgerLog) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let slot = self.slot(folder);
        let mut log = lock(&slot);
        match &mut *log {
            Some(log) => act(log),
            None => act(log.insert(self.open_log(folder)?.log)),
        }
    }

    fn slot(&self, folder: FolderId) -> Slot {
        lock(&self.logs).entry(folder).or_default().clone()
    }

    fn open_log(&self, folder: FolderId) -> Result<ledger_log::Opened, StoreError> {
        let record = self.config().folders.get(&folder).and_then(FolderText::record);
        let incarnation = record.map(|record| record.incarnation);
        LedgerLog::open(&ledger_dir(&self.dirs, folder), folder, incarnation, self.segment_bytes_max)
    }

    fn write_trust(&self, config: &mut Config, trust: TrustFile) -> Result<(), StoreError> {
        json_file::save(&trust_path(&self.dirs), &trust, Backup::Same)?;
        config.trust = trust;
        Ok(())
    }

    fn config(&self) -> MutexGuard<'_, Config> {
        lock(&self.config)
    }
}

fn read_config(dirs: &StoreDirs, opened: &mut Opened) -> Result<Config, StoreError> {
    let path = config_path(dirs);
    let (settings, is_restored) = json_file::load(&path, |_| true)?.into_parts();
    opened.config_restored = is_restored;
    if is_restored && settings.is_none() {
        opened.unreadable.push(path);
    }
    let path = trust_path(dirs);
    let (trust, is_restored) = json_file::load(&path, |_| true)?.into_parts();
    opened.trust_restored = is_restored;
    if is_restored && trust.is_none() {
        opened.unreadable.push(path);
    }
    let addresses = json_file::load(&addresses_path(dirs), |_| true)?.into_parts().0;
    Ok(Config {
        settings: settings.unwrap_or_default(),
        trust: trust.unwrap_or_default(),
        folders: read_folders(dirs, opened)?,
        addresses: addresses.unwrap_or_default(),
        offers: Offers::new(dirs.data.join("offers")),
    })
}

fn read_folders(dirs: &StoreDirs, opened: &mut Opened) -> Result<BTreeMap<FolderId, FolderText>, StoreError> {
    let mut folders = BTreeMap::new();
    for name in files::names_in(&dirs.config.join("folders"))? {
        let stem = name.strip_suffix(".bak").unwrap_or(&name).strip_suffix(".json");
        let Some(folder) = stem.and_then(FolderId::parse).filter(|folder| !folders.contains_key(folder)) else {
            continue;
        };
        let path = folder_path(dirs, folder);
        let makes_sense = |text: &FolderText| text.record().is_some_and(|record| record.folder == folder);
        let (text, is_restored) = json_file::load(&path, makes_sense)?.into_parts();
        match text.and_then(|text| Some((text.record()?, text))) {
            Some((record, text)) => {
                if is_restored {
                    // The copy may be from before the folder went on under another incarnation.
                    ledger_log::doubt(&ledger_dir(dirs, folder), record.incarnation)?;
                }
                folders.insert(folder, text);
            }
            None => opened.unreadable.push(path),
        }
    }
    Ok(folders)
}

fn keys(range: RecordRange) -> Box<dyn Iterator<Item = RecordKey>> {
    match range {
        RecordRange::Memberships { from, to } => Box::new((from..to).map(RecordKey::Membership)),
        RecordRange::Blocks { chain, from, to } => {
            Box::new((from..to).map(move |index| RecordKey::Block(chain, index)))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a thread left half done when it panicked is on the disk or it is not; both are fine.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config_path(dirs: &StoreDirs) -> PathBuf {
    dirs.config.join("config.json")
}

fn trust_path(dirs: &StoreDirs) -> PathBuf {
    dirs.config.join("trust.json")
}

fn folder_path(dirs: &StoreDirs, folder: FolderId) -> PathBuf {
    dirs.config.join("folders").join(format!("{folder}.json"))
}

fn basis_path(dirs: &StoreDirs, folder: FolderId) -> PathBuf {
    dirs.config.join("folders").join(format!("{folder}.basis"))
}

fn addresses_path(dirs: &StoreDirs) -> PathBuf {
    dirs.data.join("addresses.json")
}

fn ledger_dir(dirs: &StoreDirs, folder: FolderId) -> PathBuf {
    Path::new(&dirs.data).join("ledger").join(folder.to_string())
}
