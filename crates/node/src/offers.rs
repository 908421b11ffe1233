//! What only the node knows of offers: where sent files stand, where received ones go, and under which names.
//!
//! Kept in one file of the home, so that a transfer goes on after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use shoal_engine::id::OfferId;
use shoal_engine::path::RelPath;

/// The book's file in the state directory.
const FILE: &str = "offers.json";

/// One offer, sent or received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Noted {
    /// Sent: which path each first part of an item stands for.
    pub(crate) sources: BTreeMap<String, PathBuf>,
    /// Sent: an upload's directory, removed with the offer.
    pub(crate) upload: Option<PathBuf>,
    /// Received: where the files go.
    pub(crate) place: Option<PathBuf>,
    /// Received: which items were accepted; `None` for all.
    pub(crate) accepted: Option<BTreeSet<u32>>,
    /// The user paused it.
    pub(crate) is_paused: bool,
    /// When it was over, in milliseconds since 1970.
    pub(crate) ended: Option<u64>,
}

/// Every offer of this home.
pub(crate) struct Offers {
    path: PathBuf,
    noted: Mutex<BTreeMap<String, Noted>>,
}

impl Offers {
    /// Reads the book; one that cannot be read is set aside, and its offers have to be made anew.
    pub(crate) fn open(state: &Path) -> Self {
        let path = state.join(FILE);
        let noted = match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(noted)) => noted,
            Ok(Err(error)) => {
                tracing::error!(%error, path = %path.display(), "the book of offers cannot be read");
                let _ = fs::rename(&path, path.with_extension("broken"));
                BTreeMap::new()
            }
            Err(_) => BTreeMap::new(),
        };
        Offers { path, noted: Mutex::new(noted) }
    }

    pub(crate) fn get(&self, offer: OfferId) -> Option<Noted> {
        self.lock().get(&offer.to_string()).cloned()
    }

    /// Changes what is noted of an offer; durable when this returns `Ok`.
    pub(crate) fn change(&self, offer: OfferId, change: impl FnOnce(&mut Noted)) -> io::Result<()> {
        let mut noted = self.lock();
        let before = noted.get(&offer.to_string()).cloned();
        let entry = noted.entry(offer.to_string()).or_default();
        change(entry);
        if before.as_ref() == Some(entry) { Ok(()) } else { save(&self.path, &noted) }
    }

    /// Notes when an offer was over, without waiting for the disk; `true` if that is news and must be saved.
    pub(crate) fn note_end(&self, offer: OfferId, now: u64) -> bool {
        let mut noted = self.lock();
        let entry = noted.entry(offer.to_string()).or_default();
        let is_news = entry.ended.is_none();
        entry.ended.get_or_insert(now);
        is_news
    }

    /// Writes the book.
    pub(crate) fn save(&self) {
        if let Err(error) = save(&self.path, &self.lock()) {
            tracing::warn!(%error, "the book of offers was not written");
        }
    }

    /// Forgets an offer, with the upload it was made of.
    pub(crate) fn forget(&self, offer: OfferId) {
        let mut noted = self.lock();
        let Some(gone) = noted.remove(&offer.to_string()) else { return };
        if let Some(dir) = gone.upload {
            crate::uploads::remove(&dir);
        }
        if let Err(error) = save(&self.path, &noted) {
            tracing::warn!(%error, "an offer was forgotten only until the next start");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces the book as a whole: written aside, synced, renamed.
fn save(path: &Path, noted: &BTreeMap<String, Noted>) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = fs::File::create(&aside)?;
    file.write_all(&serde_json::to_vec(noted).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    match path.parent() {
        Some(dir) => fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// `name (1).ext`, `name (2).ext`, …
pub(crate) fn numbered(name: &str) -> impl Iterator<Item = String> + '_ {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        Some(_) | None => (name, ""),
    };
    (1..1000).map(move |number| format!("{stem} ({number}){ending}"))
}

/// The first part of a path.
pub(crate) fn first_part(path: &RelPath) -> &str {
    path.as_str().split('/').next().unwrap_or(path.as_str())
}

/// A path with its first part replaced.
pub(crate) fn with_first(path: &RelPath, first: &str) -> Option<RelPath> {
    match path.as_str().split_once('/') {
        Some((_, rest)) => RelPath::parse(&format!("{first}/{rest}")).ok(),
        None => RelPath::parse(first).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_ending() {
        let first = |name: &str| numbered(name).next();
        assert_eq!(first("a.jpg").as_deref(), Some("a (1).jpg"));
        assert_eq!(first("Trip").as_deref(), Some("Trip (1)"));
        assert_eq!(first(".rc").as_deref(), Some(".rc (1)"));
    }

    #[test]
    fn the_book_is_there_after_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let offer = OfferId([3; 16]);
        let book = Offers::open(dir.path());
        book.change(offer, |noted| noted.place = Some("/there".into())).expect("saved");
        assert_eq!(Offers::open(dir.path()).get(offer).and_then(|noted| noted.place), Some("/there".into()));
        book.forget(offer);
        assert_eq!(Offers::open(dir.path()).get(offer), None);
    }

    #[test]
    fn a_broken_book_is_set_aside() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(FILE), "{").expect("written");
        assert_eq!(Offers::open(dir.path()).get(OfferId([3; 16])), None);
        assert!(dir.path().join("offers.broken").exists());
    }
}
