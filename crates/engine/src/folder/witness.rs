//! The witness: how far our ledger is, noted in the shared directory itself.
//!
//! A home may be set back to an older copy of itself: a backup, a snapshot. Whoever writes on from there uses numbers a
//! second time, which to everybody else is a lie of their author; and takes what it had heard of and forgot for its own:
//! what others deleted since would come back. The shared directory is seldom set back together with the home, so a note
//! in it tells. Then we write under a fresh incarnation, and do nothing here before we know again what we knew.

use std::time::Duration;

use crate::effect::Effect;
use crate::folder::{Folder, Root};
use crate::observe::Witness;
use crate::time::Timestamp;
use crate::turn::Turn;

/// How long a member must have told us all it knows before we give up on what nobody seems to know any more.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// The ledger forgot something, and others tell us again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forgotten {
    /// How many records it had.
    records: u64,
    /// Since when some member knows nothing that we do not know.
    equal_since: Option<Timestamp>,
}

impl Folder {
    /// The directory was opened, and this was noted there last.
    pub(super) fn heard_witness(&mut self, noted: Option<Witness>, turn: &mut Turn<'_>) {
        if planted!(WitnessIgnored) {
            return;
        }
        let own = self.witness();
        let Some(noted) = noted else { return self.note_witness(turn) };
        self.memberships_min = self.memberships_min.max(noted.memberships);
        if noted.records > own.records {
            self.forgotten = Some(Forgotten { records: noted.records, equal_since: None });
        }
        // A torn tail is nothing that was forgotten: nobody had heard of it, and the memory is as new as the note.
        let is_known = [own.incarnation, self.incarnation_before].contains(&noted.incarnation);
        self.is_memory_old |= noted.records > own.records || !is_known;
        if noted.incarnation != own.incarnation || noted.blocks > own.blocks {
            self.new_incarnation(turn);
        } else if noted != own {
            self.note_witness(turn);
        }
    }

    /// Notes how far we are, so that the note is never behind what others have heard.
    pub(super) fn note_witness(&self, turn: &mut Turn<'_>) {
        if self.root == Root::Open {
            turn.push(Effect::NoteWitness { folder: self.id, witness: self.witness() });
        }
    }

    /// Begins to look at the directory once everything that was forgotten is known again.
    pub(super) fn remember_forgotten(&mut self, turn: &mut Turn<'_>) {
        let Some(mut forgotten) = self.forgotten.filter(|_| self.root == Root::Open) else { return };
        let is_alone = self.ledger.membership().members.len() <= 1;
        let digest = self.ledger.digest();
        let is_equal = self.exchange.peers.values().any(|peer| peer.state.is_some_and(|state| state.digest == digest));
        forgotten.equal_since = is_equal.then(|| forgotten.equal_since.unwrap_or(turn.now));
        let is_given_up = forgotten.equal_since.is_some_and(|since| turn.now.since(since) >= GIVE_UP_AFTER);
        self.forgotten = None;
        if !(is_alone || is_given_up || self.witness().records >= forgotten.records) {
            self.forgotten = Some(forgotten);
        } else if self.recalls_mark() {
            // What stood here at the mark can be worked out again, now that everything it names is known again.
            self.forgotten = Some(forgotten);
            self.read_again(turn);
        } else {
            self.begin_to_look(turn);
        }
    }

    /// The ledger was read again to find out what stood here at the mark.
    pub(super) fn recalled(&mut self, turn: &mut Turn<'_>) {
        self.forgotten = None;
        self.begin_to_look(turn);
    }

    fn begin_to_look(&mut self, turn: &mut Turn<'_>) {
        self.note_witness(turn);
        self.looking.walk_all(self.id, turn);
    }

    /// When we give up on what was forgotten.
    pub(super) fn give_up_at(&self) -> Option<Timestamp> {
        self.forgotten?.equal_since.map(|since| since.after(GIVE_UP_AFTER))
    }

    /// As far as our records are durable. While something is on its way to the disk, or forgotten, the note must not
    /// fall behind what it said before.
    fn witness(&self) -> Witness {
        let chain = self.own_chain();
        let blocks = self.ledger.head(chain).map_or(0, |head| head.blocks);
        let durable = self.exchange.durable_blocks(chain).unwrap_or(u64::MAX);
        let on_their_way: u64 = self.appending.values().map(|records| records.len() as u64).sum();
        let records = self.ledger.records().saturating_sub(on_their_way);
        Witness {
            incarnation: self.record.incarnation,
            blocks: blocks.min(durable),
            memberships: self.durable_memberships(),
            records: records.max(self.forgotten.map_or(0, |forgotten| forgotten.records)),
        }
    }
}
