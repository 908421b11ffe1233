//! The account of a world: where each content stood, and where a person took it away.
//!
//! This is the whole model of what may be lost. Uploads and downloads are hidden, so nobody can say which content a
//! program had at a moment; but a content that once stood on a device may be missing there only because a person at
//! that very device overwrote or deleted the last of it. Everything else the program did, and it keeps what it displaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contents::Id;

/// Which device, by its place in the group.
pub type Device = usize;

/// Who had what.
#[derive(Debug, Default)]
pub struct Account {
    lives: Mutex<BTreeMap<Id, Life>>,
}

#[derive(Clone, Debug, Default)]
struct Life {
    stood: BTreeSet<Device>,
    taken: BTreeSet<Device>,
}

impl Account {
    /// A content stands in a device's folder.
    pub fn stands(&self, device: Device, id: Id) {
        self.lives().entry(id).or_default().stood.insert(device);
    }

    /// A person at a device overwrote or deleted the last file there with this content.
    pub fn taken(&self, device: Device, id: Id) {
        self.lives().entry(id).or_default().taken.insert(device);
    }

    /// Every content that must be found somewhere.
    pub fn must_survive(&self) -> BTreeSet<Id> {
        let lives = self.lives();
        lives.iter().filter(|(_, life)| !life.stood.is_subset(&life.taken)).map(|(id, _)| *id).collect()
    }

    /// What is known of a content, for a person.
    pub fn life(&self, id: Id) -> String {
        let life = self.lives().get(&id).cloned().unwrap_or_default();
        format!("stood at {:?}, taken away by hand at {:?}", life.stood, life.taken)
    }

    fn lives(&self) -> MutexGuard<'_, BTreeMap<Id, Life>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn only_what_a_person_took_away_everywhere_may_be_lost() {
        let account = Account::default();
        account.stands(0, 7);
        assert!(account.must_survive().contains(&7));
        account.taken(0, 7);
        assert!(account.must_survive().is_empty(), "its author alone had it, and overwrote it");
        account.stands(1, 7);
        assert!(account.must_survive().contains(&7), "it stood on another device too, which displaced it");
    }
}
