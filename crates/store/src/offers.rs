//! Offers under way: a small file each that changes often, and their items in a file that is written once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shoal_engine::id::OfferId;
use shoal_engine::saved::OfferRecord;

use crate::error::StoreError;
use crate::files;
use crate::json_file::{self, Backup};
use crate::record::{ItemText, OfferText};

/// The offers of one home.
#[derive(Debug)]
pub(crate) struct Offers {
    dir: PathBuf,
    /// The hash of the items that each offer's file holds: up to 100,000 of them are not written again and again.
    written: BTreeMap<OfferId, blake3::Hash>,
}

impl Offers {
    /// The offers in `dir`, which need not exist yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Offers { dir, written: BTreeMap::new() }
    }

    /// Reads every offer; one that makes no sense is left where it is and out of the list.
    pub(crate) fn load(&self) -> Result<Vec<OfferRecord>, StoreError> {
        let mut offers = Vec::new();
        for name in files::names_in(&self.dir)? {
            let Some(offer) = name.strip_suffix(".json").and_then(OfferId::parse) else { continue };
            let (state, _) = json_file::load::<OfferText>(&self.state_path(offer), |_| true)?.into_parts();
            let (items, _) = json_file::load::<Vec<ItemText>>(&self.items_path(offer), |_| true)?.into_parts();
            let record = state.zip(items).and_then(|(state, items)| state.record(&items));
            match record.filter(|record| record.offer == offer) {
                Some(record) => offers.push(record),
                None => tracing::warn!(%offer, "an offer's files make no sense"),
            }
        }
        Ok(offers)
    }

    /// Remembers an offer.
    pub(crate) fn save(&mut self, record: &OfferRecord) -> Result<(), StoreError> {
        files::make_dir(&self.dir)?;
        let offer = record.offer;
        let hash = items_hash(record);
        let path = self.items_path(offer);
        if self.written.get(&offer) != Some(&hash) || !path.exists() {
            let items: Vec<ItemText> = record.items.iter().map(ItemText::new).collect();
            json_file::save(&path, &items, Backup::None)?;
            self.written.insert(offer, hash);
        }
        json_file::save(&self.state_path(offer), &OfferText::new(record), Backup::None)
    }

    /// Forgets an offer.
    pub(crate) fn drop(&mut self, offer: OfferId) -> Result<(), StoreError> {
        self.written.remove(&offer);
        // The state first: items alone are no offer.
        files::remove(&self.state_path(offer))?;
        match fs::remove_file(self.items_path(offer)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%offer, %error, "an offer's items are left over");
            }
            _ => {}
        }
        Ok(())
    }

    fn state_path(&self, offer: OfferId) -> PathBuf {
        path(&self.dir, offer, "json")
    }

    fn items_path(&self, offer: OfferId) -> PathBuf {
        path(&self.dir, offer, "items.json")
    }
}

fn path(dir: &Path, offer: OfferId, ending: &str) -> PathBuf {
    dir.join(format!("{offer}.{ending}"))
}

fn items_hash(record: &OfferRecord) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for item in &record.items {
        let path = item.path.as_str().as_bytes();
        hasher.update(&(path.len() as u64).to_le_bytes()).update(path);
        hasher.update(&item.size.to_le_bytes()).update(&item.modified.to_le_bytes());
        hasher.update(&[u8::from(item.is_directory), u8::from(item.executable)]);
    }
    hasher.finalize()
}
