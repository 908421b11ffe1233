//! One shared folder on this device: what it holds, and the order in which its parts are asked to work.
//!
//! Every folder walks the same road: look, record, exchange, plan, fetch, apply, report; a file for each in `folder/`.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use crate::effect::{Effect, RecordKey, Tell};
use crate::entry::Kind;
use crate::event::WorkId;
use crate::id::{ContentId, DeviceId, FolderId, Scope};
use crate::index::Index;
use crate::ledger::Ledger;
use crate::observe::{Stop, Witness};
use crate::path::RelPath;
use crate::request::Role;
use crate::saved::FolderRecord;
use crate::swarm::Swarm;
use crate::time::Timestamp;
use crate::turn::Turn;

mod apply;
mod asked;
mod exchange;
mod explaining;
mod hold;
mod invite;
mod look;
mod looking;
mod mark;
mod merge;
mod new_place;
mod plan;
mod planning;
mod record;
mod report;
mod restore;
mod settle;
#[cfg(test)]
mod tests;
mod twin;
mod witness;

pub use asked::{Fetching, Standing};
pub(crate) use exchange::TheirState;
pub(crate) use invite::Counted;

/// Whether we may touch the folder's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Closed,
    Opening,
    Open,
    Stopped(Stop),
}

/// One shared folder.
pub(crate) struct Folder {
    pub(crate) id: FolderId,
    pub(crate) record: FolderRecord,
    pub(crate) ledger: Ledger,
    pub(crate) index: Index,
    pub(crate) root: Root,
    pub(crate) swarm: Swarm,
    looking: looking::Looking,
    recording: record::Recording,
    planning: planning::Planning,
    exchange: exchange::Exchange,
    hold: hold::Holding,
    mark: mark::Mark,
    merging: merge::Merging,
    /// Paths whose heads leave something open.
    open_paths: BTreeMap<RelPath, settle::Open>,
    /// Paths whose memory changed and is not handed to the index yet.
    changed: BTreeSet<RelPath>,
    /// Records that reading the ledger brought to light and that are not on the disk yet.
    unsaved: Vec<(RecordKey, Vec<u8>)>,
    /// How many membership entries this device knew once, by the witness.
    memberships_min: u64,
    /// The home was set back: what it remembers of the disk once stood there, but more may have happened since.
    is_memory_old: bool,
    /// Under which incarnation this device wrote before this run: a torn tail gives it a fresh one.
    incarnation_before: u64,
    /// What the ledger forgot, until it is known again.
    forgotten: Option<witness::Forgotten>,
    /// Records on their way to the disk, in their order.
    appending: BTreeMap<WorkId, Vec<(RecordKey, Vec<u8>)>>,
    /// The disk refused some of them: nothing more is handed to it before those.
    is_append_refused: bool,
    is_reloading: bool,
    written: twin::Written,
    /// The ledger lacked something that the mark names when it was loaded.
    is_mark_lost: bool,
    /// When what nobody has was last listed.
    listed_at: Timestamp,
    /// When the folder was last asked to do what is due.
    stepped: Timestamp,
    key: SigningKey,
    me: DeviceId,
}

impl Folder {
    /// A folder with its ledger folded, not opened yet.
    pub(crate) fn new(record: FolderRecord, ledger: Ledger, key: SigningKey, me: DeviceId) -> Self {
        Folder {
            id: record.folder,
            incarnation_before: record.incarnation,
            record,
            ledger,
            index: Index::default(),
            root: Root::Closed,
            swarm: Swarm::default(),
            looking: looking::Looking::default(),
            recording: record::Recording::default(),
            planning: planning::Planning::default(),
            exchange: exchange::Exchange::default(),
            hold: hold::Holding::default(),
            mark: mark::Mark::default(),
            merging: merge::Merging::default(),
            open_paths: BTreeMap::new(),
            changed: BTreeSet::new(),
            unsaved: Vec::new(),
            memberships_min: 0,
            is_memory_old: false,
            forgotten: None,
            appending: BTreeMap::new(),
            is_append_refused: false,
            is_reloading: false,
            written: twin::Written::default(),
            is_mark_lost: false,
            listed_at: Timestamp(0),
            stepped: Timestamp(0),
            key,
            me,
        }
    }

    /// What this device may do here; `None` if it was removed.
    pub(crate) fn role(&self) -> Option<Role> {
        self.ledger.role(self.me)
    }

    /// Whether files may be looked at and changed.
    pub(crate) fn is_running(&self) -> bool {
        self.root == Root::Open && !self.record.is_paused && self.forgotten.is_none()
    }

    /// Whether what stands at a path is being looked at, or seen and not recorded yet.
    fn is_unsure(&self, path: &RelPath) -> bool {
        self.looking.has(path) || self.recording.has(path)
    }

    fn may_write(&self) -> bool {
        self.role().is_some_and(Role::may_write)
    }

    /// Opens the directory.
    pub(crate) fn open(&mut self, turn: &mut Turn<'_>) {
        if !self.record.is_paused && !self.has_twin() && matches!(self.root, Root::Closed | Root::Stopped(_)) {
            self.root = Root::Opening;
            turn.push(Effect::OpenRoot { folder: self.id });
        }
    }

    /// The directory was opened, or not.
    pub(crate) fn opened(
        &mut self,
        result: Result<(), Stop>,
        kept: Vec<ContentId>,
        witness: Option<Witness>,
        turn: &mut Turn<'_>,
    ) {
        if self.root != Root::Opening {
            return;
        }
        match result {
            Ok(()) => {
                self.root = Root::Open;
                self.heard_witness(witness, turn);
                self.append_again(turn);
                for content in kept {
                    self.planning.keep(content);
                    self.has_now(content);
                }
                if self.forgotten.is_none() {
                    self.looking.walk_all(self.id, turn);
                }
            }
            Err(stop) => self.stop(stop, turn),
        }
    }

    /// Going on could harm files: nothing more is looked at or changed until the directory opens again.
    pub(crate) fn stop(&mut self, stop: Stop, turn: &mut Turn<'_>) {
        if matches!(self.root, Root::Stopped(_)) {
            return;
        }
        self.root = Root::Stopped(stop);
        self.quiesce(turn);
        self.looking.reopen_after(turn.now);
        turn.push(Effect::CloseRoot { folder: self.id });
        turn.tell(Tell::Stopped(self.id));
    }

    /// The user pauses or resumes.
    pub(crate) fn pause(&mut self, is_paused: bool, turn: &mut Turn<'_>) {
        if self.record.is_paused == is_paused {
            return;
        }
        self.record.is_paused = is_paused;
        turn.push(Effect::SaveFolder(self.record.clone()));
        if self.has_twin() {
            // It stands still until the next start.
        } else if is_paused {
            self.root = Root::Closed;
            self.quiesce(turn);
            turn.push(Effect::CloseRoot { folder: self.id });
        } else {
            self.open(turn);
        }
    }

    /// Drops all work under way but what the disk is changing; other answers that still come are ignored by their number.
    fn quiesce(&mut self, turn: &mut Turn<'_>) {
        self.looking.clear();
        self.recording.clear_unrecorded();
        self.planning.clear();
        self.hold.clear();
        self.merging.clear();
        self.swarm.clear(turn);
    }

    /// Looks at everything again; tries a stopped folder again.
    pub(crate) fn rescan(&mut self, turn: &mut Turn<'_>) {
        if self.is_running() {
            self.looking.walk_all(self.id, turn);
        } else {
            self.open(turn);
        }
        self.planning.retry_all();
    }

    /// Does whatever is due. Called after every event that concerns the folder, and on every tick.
    pub(crate) fn step(&mut self, turn: &mut Turn<'_>) {
        self.stepped = turn.now;
        if self.looking.take_reopen(turn.now) {
            self.open(turn);
        }
        self.reload_due(turn);
        self.remember_forgotten(turn);
        if self.is_running() && !self.ledger.needs_refold() {
            self.look_due(turn);
            self.record_due(turn);
            self.plan_due(turn);
            self.settle_due(turn);
            self.apply_due(turn);
            self.swarm.pump(Scope::Folder(self.id), turn);
            self.list_unobtainable(turn.now);
        }
        self.exchange_due(turn);
        self.remember(turn);
        self.mark_due(turn);
        self.report_due(turn);
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        // Until the ledger was read again there is nothing to do but to wait for it.
        if !self.is_running() || self.ledger.needs_refold() {
            let dues = [self.looking.reopen_due(), self.exchange.deadline(), self.give_up_at()];
            return dues.into_iter().flatten().min();
        }
        let settle = self
            .open_paths
            .values()
            .map(|open| open.since.after(crate::limits::SETTLE_GRACE))
            .min()
            .filter(|_| self.may_write());
        let merge = self.merge_deadline().filter(|_| self.may_write());
        // What was due and could not be done waits for an event, not for time.
        let is_ahead = |due: &Timestamp| *due > self.stepped;
        let looks = [self.looking.deadline(), self.recording.deadline()].into_iter().flatten();
        let others = [
            self.looking.full_walk_due(),
            self.recording.waits_until(),
            self.planning.deadline(),
            self.mark.deadline(),
            settle,
            merge,
            self.swarm.deadline(),
            self.exchange.deadline(),
        ];
        looks.chain(others.into_iter().flatten().filter(is_ahead)).min()
    }

    /// Lists what no member has any more: a version that was changed again before anybody took it.
    fn list_unobtainable(&mut self, now: Timestamp) {
        let is_here = |device: &DeviceId| *device == self.me || self.exchange.peers.contains_key(device);
        if now.since(self.listed_at) < std::time::Duration::from_secs(1)
            || self.swarm.is_idle()
            || !self.ledger.membership().members.keys().all(is_here)
        {
            return;
        }
        self.listed_at = now;
        self.content_refused(&self.swarm.nowhere(), crate::observe::Code::NoSource);
    }

    /// Whether a content is among the versions on this disk.
    pub(crate) fn keeps(&self, content: ContentId) -> bool {
        self.planning.kept.contains(&content)
    }

    /// Hands what changed to the index on the disk.
    ///
    /// What names a version that is not durable yet waits for it. After a crash the index would say what no ledger
    /// knows, and not what stood there before; what was removed then would come back.
    fn remember(&mut self, turn: &mut Turn<'_>) {
        if self.changed.is_empty() {
            return;
        }
        let is_durable = |path: &RelPath| {
            let versions = self.index.disk(path).map(|disk| disk.versions.as_slice()).unwrap_or_default();
            versions.iter().all(|version| self.exchange.is_durable(*version))
        };
        let (paths, waiting): (BTreeSet<RelPath>, BTreeSet<RelPath>) =
            std::mem::take(&mut self.changed).into_iter().partition(is_durable);
        self.changed = waiting;
        if paths.is_empty() {
            return;
        }
        let paths = paths.into_iter().map(|path| (path.clone(), self.index.disk(&path).cloned())).collect();
        turn.push(Effect::Remember { folder: self.id, paths });
    }

    /// A content is on this disk: those who wait for it, here and elsewhere, can have it.
    fn has_now(&mut self, content: ContentId) {
        self.swarm.arrived(content);
        self.content_complete(content);
    }

    /// Notes what stands on the disk now, for the index and the next plan.
    fn note_disk(&mut self, path: &RelPath, disk: Option<crate::saved::Materialised>) {
        if self.index.disk(path) != disk.as_ref() {
            let content = disk.as_ref().and_then(|disk| disk.kind.content());
            let is_file = |kind: Option<&Kind>| matches!(kind, Some(Kind::File { .. } | Kind::Link { .. }));
            if is_file(self.index.disk(path).map(|disk| &disk.kind)) && !is_file(disk.as_ref().map(|disk| &disk.kind)) {
                // What a file was in the way of can go on.
                self.index.below(Some(path)).for_each(|(below, _)| self.planning.reconsider(below.clone()));
            }
            let stands = |disk: Option<&crate::saved::Materialised>| disk.is_some_and(|disk| disk.kind.is_live());
            if stands(self.index.disk(path)) && !stands(disk.as_ref()) {
                // The directories above may be empty now.
                self.planning.reconsider_around(path);
            }
            self.index.set_disk(path, disk);
            self.changed.insert(path.clone());
            content.into_iter().for_each(|content| self.has_now(content));
        }
    }

    /// Records that are durable now.
    ///
    /// If the disk refused them, they and all that follow wait in memory, in their order, until the folder opens again.
    pub(crate) fn appended(&mut self, work: WorkId, is_durable: bool, turn: &mut Turn<'_>) {
        if is_durable || planted!(RefusedAppendsBelieved) {
            self.appending.remove(&work);
            self.announce(work, turn);
        } else {
            self.is_append_refused = true;
            self.stop(Stop::LedgerUnwritable, turn);
        }
    }

    /// Tries again to make durable what the disk refused.
    fn append_again(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.is_append_refused) {
            for (work, records) in &self.appending {
                turn.push(Effect::Append { folder: self.id, work: *work, records: records.clone() });
            }
        }
    }

    /// Notes that the folder's first records are durable. True once.
    pub(crate) fn begin(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.record.is_founding || !self.appending.is_empty() || self.role().is_none() {
            return false;
        }
        self.record.is_founding = false;
        turn.push(Effect::SaveFolder(self.record.clone()));
        true
    }

    /// Asks for records to be made durable.
    fn append(&mut self, records: Vec<(RecordKey, Vec<u8>)>, turn: &mut Turn<'_>) -> WorkId {
        let work = turn.work();
        self.appending.insert(work, records.clone());
        if !self.is_append_refused {
            turn.push(Effect::Append { folder: self.id, work, records });
        }
        work
    }
}
