//! Beginning a folder: anew, from an invitation, or from what was remembered.

use ed25519_dalek::SigningKey;

use crate::effect::RecordKey;
use crate::folder::Folder;
use crate::id::{ChainId, DeviceId};
use crate::ledger::{AcceptedRecord, Content, Ledger};
use crate::saved::{Materialised, SavedFolder};
use crate::turn::Turn;

impl Folder {
    /// Continues from the ledger segments and the index; `None` if the ledger cannot be read.
    pub(crate) fn restore(saved: SavedFolder, key: SigningKey, me: DeviceId, fresh_incarnation: u64) -> Option<Folder> {
        let loaded = Ledger::load(&saved.ledger?).ok()?;
        if loaded.ledger.folder() != saved.record.folder {
            return None;
        }
        let mut folder = Folder::new(saved.record, loaded.ledger, key, me);
        folder.unsaved = unsaved(&loaded.accepted[loaded.new_from..]);
        folder.is_mark_lost = !folder.has_marked();
        let memory = folder.fold_over_mark(&loaded.accepted, saved.index.into_iter().collect());
        folder.record.is_founding &= folder.role().is_none();
        if saved.is_torn {
            // The tail of our own chain may be lost here and known elsewhere: its numbers are never used again.
            folder.record.incarnation = fresh_incarnation;
        }
        for (path, disk) in memory {
            if folder.is_known(&disk) {
                folder.index.remember_disk(&path, disk);
            }
        }
        Some(folder)
    }

    /// The ledger was read again, because something was taken back that had been folded.
    pub(crate) fn reloaded(&mut self, mut records: Vec<Vec<u8>>, turn: &mut Turn<'_>) {
        self.is_reloading = false;
        // What is on its way to the disk is part of the ledger: our own numbers among it must not be used twice.
        let appending = if planted!(ReloadForgetsWritten) { Default::default() } else { self.appending.clone() };
        records.extend(appending.values().flatten().map(|(_, bytes)| bytes.clone()));
        let loaded = self.ledger.refold(&records);
        let before = std::mem::replace(&mut self.ledger, loaded.ledger);
        let removed = self.removed_in_vain();
        self.index.clear_heads();
        let recalls = self.forgotten.is_some() && self.recalls_mark();
        if recalls {
            self.is_mark_lost = false;
            let memory = self.fold_over_mark(&loaded.accepted, Default::default());
            for (path, disk) in memory {
                self.index.remember_disk(&path, disk);
            }
        } else {
            loaded.accepted.iter().for_each(|record| self.fold(record));
        }
        self.unsaved = unsaved(&loaded.accepted[loaded.new_from..]);
        self.open_paths.clear();
        if recalls {
            self.recalled(turn);
        }
        self.say_again(&before, removed, turn);
        self.membership_changed(turn);
        // What was heard meanwhile was not asked for.
        for peer in self.peers() {
            self.ask(peer, turn);
        }
    }

    /// Reads the ledger again when something in it was taken back; makes durable what reading it brought to light.
    pub(super) fn reload_due(&mut self, turn: &mut Turn<'_>) {
        if self.ledger.needs_refold() {
            self.read_again(turn);
        }
        if !self.unsaved.is_empty() {
            let records = std::mem::take(&mut self.unsaved);
            self.append(records, turn);
        }
    }

    /// Asks for the whole ledger once more.
    pub(super) fn read_again(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::replace(&mut self.is_reloading, true) {
            turn.push(crate::effect::Effect::Reload { folder: self.id });
        }
    }

    /// Whether the mark named more than the ledger had, and names nothing more now.
    pub(super) fn recalls_mark(&self) -> bool {
        self.is_mark_lost && self.has_marked()
    }

    /// Whether the ledger knows every version that the index remembers; it may have lost its newest.
    fn is_known(&self, disk: &Materialised) -> bool {
        planted!(MemoryBelieved) || disk.versions.iter().all(|version| self.ledger.knows(*version))
    }

    /// The records of a folder that just began here, to be made durable.
    pub(crate) fn append_all(&mut self, turn: &mut Turn<'_>) {
        let mut records = vec![(RecordKey::Genesis, self.ledger.genesis().to_vec())];
        records.extend(self.ledger.stored_memberships());
        self.append(records, turn);
    }

    /// A new membership was accepted: roles may have changed.
    pub(super) fn membership_changed(&mut self, turn: &mut Turn<'_>) {
        let gone: Vec<DeviceId> =
            self.exchange.peers.keys().copied().filter(|device| self.ledger.role(*device).is_none()).collect();
        for device in gone {
            self.disconnected(device, turn);
        }
        self.record.invited.retain(|device| self.ledger.role(*device).is_some());
        if self.may_write() {
            self.share_unshared();
        }
        self.planning.reconsider_all();
    }

    /// The owner says who is in, and as what; told at once to everybody it concerns.
    pub(crate) fn set_members(&mut self, change: impl FnOnce(&mut Members), turn: &mut Turn<'_>) -> bool {
        if self.ledger.memberships() < self.memberships_min || self.has_twin() {
            // We said more than we remember: somebody will tell us, and nothing is said twice.
            return false;
        }
        let mut members = self.ledger.membership().members.clone();
        let before: Vec<DeviceId> = members.keys().copied().collect();
        change(&mut members);
        let owner = self.ledger.membership().owner;
        let Ok(record) = self.ledger.write_membership(&self.key, members, owner, turn.wall) else { return false };
        debug_assert!(matches!(record.content, Content::Membership));
        // Whoever is out learns it from us, and nothing more.
        let removed = before.into_iter().filter(|device| self.ledger.role(*device).is_none()).collect();
        let work = self.append(vec![(record.key, record.bytes.clone())], turn);
        self.exchange.wrote(work, record, removed);
        self.membership_changed(turn);
        true
    }

    /// Whether this device may say who is in.
    pub(crate) fn is_owner(&self) -> bool {
        self.ledger.membership().owner == self.me
    }

    /// The chain this device writes.
    pub(crate) fn own_chain(&self) -> ChainId {
        ChainId { device: self.me, incarnation: self.record.incarnation }
    }

    /// Nothing more is learned once our own segments cannot be trusted.
    pub(super) fn ledger_is_closed(&self) -> bool {
        self.root == crate::folder::Root::Stopped(crate::observe::Stop::LedgerUnreadable)
    }

    /// Notes whom we invite; the invitation goes out with the membership that names it, once that is durable.
    pub(crate) fn invited(&mut self, device: DeviceId, is_here: bool, turn: &mut Turn<'_>) {
        if !self.record.invited.contains(&device) {
            self.record.invited.push(device);
            turn.push(crate::effect::Effect::SaveFolder(self.record.clone()));
        }
        if is_here {
            self.exchange.peers.entry(device).or_default();
        }
    }
}

/// What reading a ledger brought to light: made durable with the next turn.
fn unsaved(new: &[AcceptedRecord]) -> Vec<(RecordKey, Vec<u8>)> {
    new.iter().map(|record| (record.key, record.bytes.clone())).collect()
}

/// Who is in, and as what.
pub(crate) type Members = std::collections::BTreeMap<DeviceId, crate::membership::Member>;
