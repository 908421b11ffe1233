//! A virtual store: ledgers with a durable part, an index that a crash may lose, and records that are durable at once.

use std::collections::BTreeMap;
use std::rc::Rc;

use shoal_engine::effect::{RecordKey, RecordRange};
use shoal_engine::event::WorkId;
use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::path::RelPath;
use shoal_engine::saved::{FolderRecord, Materialised, OfferRecord, Saved, SavedFolder, TrustRecord};

use super::dice::Dice;

/// The bytes of a record, and whether they are durable.
pub type Kept = (Rc<[u8]>, bool);

/// What one device remembers.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// Its name.
    pub name: String,
    /// Whom it trusts.
    pub trust: BTreeMap<DeviceId, TrustRecord>,
    /// Its folders.
    pub folders: BTreeMap<FolderId, FolderStore>,
    /// Its offers.
    pub offers: BTreeMap<OfferId, OfferRecord>,
}

/// What is remembered of one folder.
#[derive(Clone, Debug, Default)]
pub struct FolderStore {
    /// Its record; `None` until it is saved.
    pub record: Option<FolderRecord>,
    ledger: Vec<(RecordKey, Rc<[u8]>)>,
    durable: usize,
    is_torn: bool,
    /// The first append that was refused: nothing that follows it is taken before it.
    pub refused: Option<WorkId>,
    index: BTreeMap<RelPath, Materialised>,
    older: BTreeMap<RelPath, Materialised>,
}

/// What a crash does to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexLoss {
    /// Nothing.
    None,
    /// It is as it was some time ago.
    Older,
    /// It is empty.
    All,
}

impl FolderStore {
    /// Adds records that are not durable yet; returns the length at which they are.
    pub fn append(&mut self, records: Vec<(RecordKey, Vec<u8>)>) -> usize {
        self.ledger.extend(records.into_iter().map(|(key, bytes)| (key, bytes.into())));
        self.ledger.len()
    }

    /// Syncs the ledger up to a length.
    pub fn sync(&mut self, length: usize) {
        self.durable = self.durable.max(length.min(self.ledger.len()));
    }

    /// Every record in the order in which it was appended.
    pub fn records(&self) -> Vec<Vec<u8>> {
        self.ledger.iter().map(|(_, bytes)| bytes.to_vec()).collect()
    }

    /// The durable records by their keys.
    pub fn durable(&self) -> impl Iterator<Item = (RecordKey, &Rc<[u8]>)> {
        self.ledger[..self.durable].iter().map(|(key, bytes)| (*key, bytes))
    }

    /// The records of a range, in order, each with whether it is durable; `None` for one that is missing.
    pub fn range(&self, range: &RecordRange) -> Vec<(RecordKey, Option<Kept>)> {
        let keys: Vec<RecordKey> = match *range {
            RecordRange::Memberships { from, to } => (from..to).map(RecordKey::Membership).collect(),
            RecordRange::Blocks { chain, from, to } => (from..to).map(|at| RecordKey::Block(chain, at)).collect(),
        };
        let numbered = self.ledger.iter().enumerate();
        let by_key: BTreeMap<RecordKey, (&Rc<[u8]>, bool)> =
            numbered.map(|(at, (key, bytes))| (*key, (bytes, at < self.durable))).collect();
        let found = |key: &RecordKey| by_key.get(key).map(|(bytes, is_durable)| (Rc::clone(bytes), *is_durable));
        keys.into_iter().map(|key| (key, found(&key))).collect()
    }

    /// Remembers what stands on the disk; now and then the state before is what an old copy would hold.
    pub fn remember(&mut self, paths: Vec<(RelPath, Option<Materialised>)>, dice: &mut Dice) {
        if dice.chance(15) {
            self.older = self.index.clone();
        }
        for (path, what) in paths {
            match what {
                Some(what) => self.index.insert(path, what),
                None => self.index.remove(&path),
            };
        }
    }

    /// Forgets durably what stands on the disk: no older copy comes back either.
    pub fn forget_disk(&mut self) {
        self.index.clear();
        self.older.clear();
    }

    /// What is remembered of the disk.
    pub fn index(&self) -> &BTreeMap<RelPath, Materialised> {
        &self.index
    }

    /// Whether some record is not durable yet.
    pub fn is_dirty(&self) -> bool {
        self.durable < self.ledger.len()
    }

    /// Ends without a goodbye: of what was not durable some prefix is there, perhaps torn.
    pub fn crash(&mut self, loss: IndexLoss, dice: &mut Dice) {
        let kept = self.durable + dice.place(self.ledger.len() - self.durable + 1);
        self.is_torn = kept < self.ledger.len() && dice.chance(50);
        self.ledger.truncate(kept);
        self.refused = None;
        self.durable = kept;
        match loss {
            IndexLoss::None => {}
            IndexLoss::Older => self.index = self.older.clone(),
            IndexLoss::All => self.index.clear(),
        }
    }
}

impl Store {
    /// A copy as a backup of the home directory has it: what is durable.
    pub fn backup(&self) -> Store {
        let mut copy = self.clone();
        copy.folders.values_mut().for_each(|folder| {
            folder.ledger.truncate(folder.durable);
            folder.refused = None;
        });
        copy
    }

    /// As the engine finds it at a start.
    pub fn saved(&mut self) -> Saved {
        Saved {
            name: self.name.clone(),
            trust: self.trust.values().cloned().collect(),
            folders: self.folders.values_mut().filter_map(FolderStore::saved).collect(),
            offers: self.offers.values().cloned().collect(),
        }
    }
}

impl FolderStore {
    fn saved(&mut self) -> Option<SavedFolder> {
        let record = self.record.clone()?;
        let index = self.index.iter().map(|(path, what)| (path.clone(), what.clone())).collect();
        let is_torn = std::mem::take(&mut self.is_torn);
        Some(SavedFolder { record, ledger: Some(self.records()), is_torn, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_is_durable_and_a_prefix_of_the_rest() {
        for seed in 0..50 {
            let mut store = FolderStore::default();
            let durable = store.append(vec![(RecordKey::Genesis, vec![1]), (RecordKey::Membership(0), vec![2])]);
            store.sync(durable);
            store.append(vec![(RecordKey::Membership(1), vec![3]), (RecordKey::Membership(2), vec![4])]);
            store.crash(IndexLoss::None, &mut Dice::from_seed(seed));
            let all = [vec![1], vec![2], vec![3], vec![4]];
            let records = store.records();
            assert!((2..=4).contains(&records.len()) && all.starts_with(&records));
            assert!(!store.is_dirty());
        }
    }
}
