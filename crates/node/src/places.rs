//! Looks at the places where offers and invitations would go, aside from the loop: free space, taken names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shoal_disk::Root;
use shoal_engine::id::{FolderId, OfferId};
use shoal_engine::message::OfferItem;
use shoal_engine::status::Status;
use shoal_engine::time::Timestamp;

use crate::offers::numbered;
use crate::perform::Hands;
use crate::snapshot::PlaceFacts;
use crate::view::DryRun;

/// How long a look is good: free space and names change.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Most items whose names are compared with what is at the place: beyond, a person reads no list.
const NAMES_COMPARED_MAX: usize = 2_000;

/// Longest name of a directory, in bytes: what every file system takes.
const NAME_BYTES_MAX: usize = 255;

/// What a number adds to a name that is taken: " (999)".
const NUMBER_BYTES_MAX: usize = 6;

/// What was seen of places.
#[derive(Default)]
pub(crate) struct PlacesSeen(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    offers: BTreeMap<OfferId, (Timestamp, PlaceFacts)>,
    invitations: BTreeMap<FolderId, (Timestamp, PlaceFacts)>,
    is_looking: bool,
}

/// What has to be looked at.
struct Todo {
    offers: Vec<(OfferId, Vec<OfferItem>)>,
    invitations: Vec<(FolderId, String, u64)>,
    downloads: PathBuf,
    shared: PathBuf,
}

impl PlacesSeen {
    pub(crate) fn facts(&self) -> (BTreeMap<OfferId, PlaceFacts>, BTreeMap<FolderId, PlaceFacts>) {
        let seen = self.lock();
        let offers = seen.offers.iter().map(|(offer, (_, facts))| (*offer, facts.clone())).collect();
        let invitations = seen.invitations.iter().map(|(folder, (_, facts))| (*folder, facts.clone())).collect();
        (offers, invitations)
    }

    /// The place suggested for an invitation, as it is shown.
    pub(crate) fn invitation(&self, folder: FolderId) -> Option<PathBuf> {
        self.lock().invitations.get(&folder).map(|(_, facts)| facts.place.clone())
    }

    /// Begins to look at what waits for an answer and was not looked at lately.
    pub(crate) fn look_where_needed(&self, hands: &Arc<Hands>, status: &Status) {
        let now = hands.clock.now();
        let mut seen = self.lock();
        let waiting = || status.offers.iter().filter(|one| one.record.from != hands.me && one.record.place.is_none());
        let offers: BTreeSet<OfferId> = waiting().map(|one| one.record.offer).collect();
        let invitations: BTreeSet<FolderId> = status.invitations.iter().map(|one| one.folder).collect();
        seen.offers.retain(|offer, _| offers.contains(offer));
        seen.invitations.retain(|folder, _| invitations.contains(folder));
        let is_old = |at: Option<&(Timestamp, PlaceFacts)>| at.is_none_or(|(at, _)| now.since(*at) >= LOOK_AGAIN_AFTER);
        let todo = Todo {
            offers: waiting()
                .filter(|one| one.is_complete && is_old(seen.offers.get(&one.record.offer)))
                .map(|one| (one.record.offer, one.record.items.iter().take(NAMES_COMPARED_MAX).cloned().collect()))
                .collect(),
            invitations: status
                .invitations
                .iter()
                .filter(|one| is_old(seen.invitations.get(&one.folder)))
                .map(|one| (one.folder, one.name.clone(), one.files))
                .collect(),
            downloads: crate::survey::settings(hands).downloads,
            shared: hands.suggested.shared.clone(),
        };
        if seen.is_looking || (todo.offers.is_empty() && todo.invitations.is_empty()) {
            return;
        }
        seen.is_looking = true;
        drop(seen);
        let hands = Arc::clone(hands);
        hands.runtime.clone().spawn_blocking(move || hands.places_seen.look(&hands, todo, now));
    }

    fn look(&self, hands: &Hands, todo: Todo, now: Timestamp) {
        let offers: Vec<_> =
            todo.offers.iter().map(|(offer, items)| (*offer, receiving(&todo.downloads, items))).collect();
        let taken: BTreeSet<PathBuf> = hands.places().into_iter().collect();
        let joining = |(folder, name, files): &(FolderId, String, u64)| {
            let place = free_place(&todo.shared, name, |place| taken.contains(place));
            let dry_run = Some(DryRun { already_have: 0, differ: 0, new: *files });
            (*folder, PlaceFacts { free: free_at(&place), place, saved_as: BTreeMap::new(), dry_run })
        };
        let invitations: Vec<_> = todo.invitations.iter().map(joining).collect();
        let mut seen = self.lock();
        seen.is_looking = false;
        seen.offers.extend(offers.into_iter().map(|(offer, facts)| (offer, (now, facts))));
        seen.invitations.extend(invitations.into_iter().map(|(folder, facts)| (folder, (now, facts))));
        drop(seen);
        hands.changed();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is at the place of an offer: free space, and files that would get another name.
pub(crate) fn receiving(place: &Path, items: &[OfferItem]) -> PlaceFacts {
    let mut saved_as = BTreeMap::new();
    for (index, item) in (0_u32..).zip(items.iter().take(NAMES_COMPARED_MAX)) {
        if item.is_directory || !place.join(item.path.as_str()).exists() {
            continue;
        }
        let dir = item.path.parent().map_or_else(|| place.to_owned(), |dir| place.join(dir.as_str()));
        if let Some(name) = numbered(item.path.name()).find(|name| !dir.join(name).exists()) {
            saved_as.insert(index, name);
        }
    }
    PlaceFacts { place: place.to_owned(), free: free_at(place), saved_as, dry_run: None }
}

/// Free bytes where a place is or would be.
pub(crate) fn free_at(place: &Path) -> Option<u64> {
    let there = place.ancestors().find(|above| above.is_dir())?;
    Root::open_plain(there).ok().map(|root| root.free_bytes()).filter(|free| *free > 0)
}

/// A place for a folder of this name that does not exist yet.
pub(crate) fn free_place(base: &Path, name: &str, is_taken: impl Fn(&Path) -> bool) -> PathBuf {
    let plain: String =
        name.chars().map(|letter| if matches!(letter, '/' | '\\' | '\0') { '-' } else { letter }).collect();
    let plain = match plain.trim() {
        "" | "." | ".." | ".shoal" => "Shared".to_owned(),
        trimmed => cut(trimmed, NAME_BYTES_MAX - NUMBER_BYTES_MAX).to_owned(),
    };
    let is_free = |place: &PathBuf| !place.exists() && !is_taken(place);
    let numbered = numbered(&plain).map(|name| base.join(name));
    std::iter::once(base.join(&plain)).chain(numbered).find(is_free).unwrap_or_else(|| base.join(plain.clone()))
}

/// The beginning of a text that fits, with whole characters only and without a space at its end.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_engine::path::RelPath;

    #[test]
    fn a_taken_name_is_told_with_the_one_it_gets() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a.txt"), "x").expect("written");
        let item = |path: &str| OfferItem {
            path: RelPath::parse(path).expect("a path"),
            size: 1,
            is_directory: false,
            executable: false,
            modified: 0,
        };
        let facts = receiving(dir.path(), &[item("b.txt"), item("a.txt")]);
        assert_eq!(facts.saved_as, [(1, "a (1).txt".to_owned())].into());
        assert!(facts.free.is_some());
    }

    #[test]
    fn a_folder_gets_a_place_of_its_own() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("Photos")).expect("made");
        assert_eq!(free_place(dir.path(), "Photos", |_| false), dir.path().join("Photos (1)"));
        assert_eq!(free_place(dir.path(), "../x", |_| false), dir.path().join("..-x"));
        assert_eq!(free_place(dir.path(), "..", |_| false), dir.path().join("Shared"));
    }

    #[test]
    fn a_long_name_of_any_script_fits_a_file_system_with_its_number() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["a".repeat(400), "水".repeat(200), "🐟".repeat(100), format!("{} x", "a".repeat(248))] {
            for number in 0..12 {
                let place = free_place(dir.path(), &name, |_| false);
                std::fs::create_dir(&place).unwrap_or_else(|error| panic!("{number} of {name}: {error}"));
            }
        }
        assert_eq!(std::fs::read_dir(dir.path()).expect("a list").count(), 48);
    }
}
