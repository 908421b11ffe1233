//! Remembers and recalls: what must be durable goes through one thread, in order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_engine::chunk::{Level, Manifest};
use shoal_engine::codec;
use shoal_engine::effect::RecordKey;
use shoal_engine::event::{Event, WorkId};
use shoal_engine::id::{ContentId, FolderId};
use shoal_engine::path::RelPath;
use shoal_engine::saved::{FolderRecord, Materialised, TrustRecord};
use shoal_net::PairedDevice;
use shoal_store::StoreError;
use zeroize::Zeroizing;

use super::{Hands, Turn};

impl Hands {
    /// Does something with the store on its thread; the loop waits with the next effect until it is done.
    pub(super) fn durably(
        self: &Arc<Self>,
        what: &'static str,
        save: impl FnOnce(&shoal_store::Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let hands = Arc::clone(self);
        self.memory.run(move || {
            // Said even if the job panics: the loop would wait for ever.
            let _done = Done(&hands);
            if let Err(error) = save(&hands.store) {
                tracing::error!(%error, "cannot {what}");
                hands.trouble(super::memory_trouble());
            }
        });
    }

    pub(super) fn append(self: &Arc<Self>, folder: FolderId, work: WorkId, records: Vec<(RecordKey, Vec<u8>)>) {
        let hands = Arc::clone(self);
        self.memory.run(move || {
            let _done = Done(&hands);
            let is_durable = hands.state.refusals.may_append(folder, work)
                && match hands.store.append(folder, &records) {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::error!(%folder, %error, "cannot append to the ledger");
                        hands.state.refusals.refused(folder, work);
                        false
                    }
                };
            hands.answer(Event::Appended { folder, work, is_durable });
        });
    }

    pub(super) fn reload(self: &Arc<Self>, folder: FolderId) {
        let hands = Arc::clone(self);
        self.memory.run(move || {
            match hands.store.reload(folder) {
                Ok(records) => hands.answer(Event::Reloaded { folder, records }),
                Err(error) => {
                    // No answer: without its ledger a folder stands still. The next start mends it.
                    tracing::error!(%folder, %error, "cannot read the ledger again");
                    hands.trouble(super::memory_trouble());
                }
            }
        });
    }

    pub(super) fn remember(self: &Arc<Self>, folder: FolderId, paths: Vec<(RelPath, Option<Materialised>)>) {
        let store = Arc::clone(&self.store);
        self.memory.run(move || {
            let encoded =
                paths.into_iter().map(|(path, seen)| (path, seen.map(|seen| codec::encode_materialised(&seen))));
            store.remember(folder, &encoded.collect::<Vec<_>>());
        });
    }

    /// Whom we trust changed: the network keeps links to them and refuses the blocked.
    pub(crate) fn trust(
        &self,
        change: impl FnOnce(&mut std::collections::BTreeMap<shoal_engine::id::DeviceId, TrustRecord>),
    ) {
        let mut trusted = self.trusted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut trusted);
        let paired = trusted.values().filter(|record| record.verified.is_some()).map(|record| PairedDevice {
            device: record.device,
            addresses: self.store.addresses_of(record.device),
            secret: Zeroizing::new(record.secret),
        });
        self.net.set_paired(paired.collect());
        let blocked = trusted.values().filter(|record| record.verified.is_none());
        self.net.block(blocked.map(|record| record.device).collect());
    }

    /// Whether a device is verified.
    pub(crate) fn is_paired(&self, device: shoal_engine::id::DeviceId) -> bool {
        let trusted = self.trusted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        trusted.get(&device).is_some_and(|record| record.verified.is_some())
    }

    pub(crate) fn place_folder(&self, record: &FolderRecord) {
        let mut places = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        places.insert(record.folder, (PathBuf::from(&record.place), record.root_id));
    }

    pub(super) fn unplace_folder(&self, folder: FolderId) {
        self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&folder);
    }

    /// Where a folder is and the marker that proves it.
    pub(crate) fn folder_record(&self, folder: FolderId) -> Option<(PathBuf, [u8; 16])> {
        self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&folder).cloned()
    }

    /// A manifest that is remembered here. Everybody knows that of an empty file.
    pub(crate) fn manifest(&self, content: ContentId) -> Option<Arc<Manifest>> {
        let empty = Manifest { level: Level(0), chunks: Vec::new() };
        if content == empty.content_id() {
            return Some(Arc::new(empty));
        }
        self.store.manifest(content).and_then(|encoded| super::files::decoded(&encoded))
    }
}

/// Tells the loop that the next effect may begin.
struct Done<'a>(&'a Arc<Hands>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.turn(Turn::Durable);
    }
}

/// The first append of each folder that the disk refused: nothing that follows it is written before it.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<FolderId, WorkId>>);

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<FolderId, WorkId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder is not ours any more.
    pub(super) fn forget(&self, folder: FolderId) {
        self.lock().remove(&folder);
    }

    fn refused(&self, folder: FolderId, work: WorkId) {
        self.lock().entry(folder).or_insert(work);
    }

    /// Whether an append may be tried: nothing was refused, or this is what was.
    fn may_append(&self, folder: FolderId, work: WorkId) -> bool {
        let mut refused = self.lock();
        match refused.get(&folder) {
            Some(first) if *first < work => false,
            Some(_) => {
                refused.remove(&folder);
                true
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_before_what_was_refused() {
        let (refusals, folder) = (Refusals::default(), FolderId([7; 32]));
        assert!(refusals.may_append(folder, 4));
        refusals.refused(folder, 4);
        assert!(!refusals.may_append(folder, 5));
        assert!(refusals.may_append(FolderId([8; 32]), 5), "another folder is not concerned");
        assert!(refusals.may_append(folder, 4) && refusals.may_append(folder, 5));
    }
}
