//! Turning what was seen on this disk into entries: what was changed here, superseding exactly what stood here before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::entry::{Entry, Kind};
use crate::event::WorkId;
use crate::folder::Folder;
use crate::folder::looking::{bounds, is_child};
use crate::id::VersionId;
use crate::index::PathState;
use crate::ledger::{self, AcceptedRecord, CannotWrite, Content};
use crate::limits::BLOCK_ENTRIES_MAX;
use crate::observe::{Code, Fingerprint, Stop};
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::version::Head;

/// How long a disappearance waits for others: a batch can then be judged as one, and a move seen as a move.
const GONE_QUIET: Duration = Duration::from_millis(250);
/// Longest that a disappearance waits while others keep coming.
const GONE_WAIT_MAX: Duration = Duration::from_secs(3);
/// Longest that a new file waits for word on whether it was moved here: a move is recorded before what it took away.
const ORIGIN_WAIT_MAX: Duration = Duration::from_secs(2);
/// Most paths judged as one batch when they are gone; more are held all the more.
const GONE_BATCH_MAX: usize = 65_536;
/// Own blocks on their way to the disk at a time; more drafts wait and share the next block.
const APPENDS_MAX: usize = 2;

/// Something seen on this disk that no entry says yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) print: Option<Fingerprint>,
    /// Until when it waits for word on where it stood before.
    pub(crate) waits_until: Option<Timestamp>,
}

impl Draft {
    /// What was seen just now.
    pub(crate) fn new(kind: Kind, print: Option<Fingerprint>) -> Draft {
        Draft { kind, print, waits_until: None }
    }
}

/// What waits to be recorded.
#[derive(Default)]
pub(crate) struct Recording {
    drafts: BTreeMap<RelPath, Draft>,
    gone: BTreeSet<RelPath>,
    /// Looks that make sure that paths are still gone, with what was known to stand there when they were asked for.
    confirming: BTreeMap<WorkId, BTreeMap<RelPath, Option<Materialised>>>,
    gone_first: Option<Timestamp>,
    gone_last: Option<Timestamp>,
    /// Own blocks that are being made durable.
    appends: BTreeSet<WorkId>,
}

impl Recording {
    /// Whether something seen at this path is not recorded yet.
    pub(crate) fn has(&self, path: &RelPath) -> bool {
        self.drafts.contains_key(path) || self.is_gone(path)
    }

    /// Whether everything seen is recorded and durable.
    pub(crate) fn is_idle(&self) -> bool {
        self.drafts.is_empty() && self.gone.is_empty() && self.confirming.is_empty() && self.appends.is_empty()
    }

    /// Notes that what stood at a path stands there no more.
    pub(crate) fn gone(&mut self, path: RelPath, now: Timestamp) {
        self.drafts.remove(&path);
        if self.confirming.values().any(|paths| paths.contains_key(&path)) {
            return;
        }
        if self.gone.insert(path) {
            self.gone_first.get_or_insert(now);
            self.gone_last = Some(now);
        }
    }

    /// Whether a path is about to be recorded as gone.
    pub(crate) fn is_gone(&self, path: &RelPath) -> bool {
        self.gone.contains(path) || self.confirming.values().any(|paths| paths.contains_key(path))
    }

    /// Something that was recorded once is to be recorded anew.
    pub(crate) fn redraft(&mut self, path: RelPath, draft: Draft) {
        if !self.is_gone(&path) {
            self.drafts.entry(path).or_insert(draft);
        }
    }

    /// What is gone is recorded without waiting for more.
    pub(crate) fn gone_at_once(&mut self) {
        self.gone_first = self.gone_first.map(|_| Timestamp(0));
    }

    /// Something stands at a path after all.
    pub(crate) fn not_gone(&mut self, path: &RelPath) {
        self.gone.remove(path);
        self.confirming.values_mut().for_each(|paths| drop(paths.remove(path)));
    }

    /// What a look was to make sure of.
    pub(crate) fn take_confirming(&mut self, work: WorkId) -> Option<BTreeMap<RelPath, Option<Materialised>>> {
        self.confirming.remove(&work)
    }

    /// Forgets a draft: what it saw is not there any more.
    pub(crate) fn undraft(&mut self, path: &RelPath) {
        self.drafts.remove(path);
    }

    /// What was seen below a directory (`None` for all) and is not recorded yet.
    fn below(&self, dir: Option<&RelPath>) -> impl Iterator<Item = &RelPath> {
        let span = dir.map(RelPath::span);
        self.drafts.range::<str, _>(bounds(span.as_ref())).map(|(path, _)| path)
    }

    /// Whether something seen below a directory is not recorded yet.
    pub(crate) fn has_below(&self, dir: &RelPath) -> bool {
        self.below(Some(dir)).next().is_some()
    }

    /// What was seen directly in a directory and is not recorded yet.
    pub(crate) fn children<'a>(&'a self, dir: Option<&'a RelPath>) -> impl Iterator<Item = &'a RelPath> {
        self.below(dir).filter(move |path| is_child(path, dir))
    }

    /// Forgets the drafts below a directory, and returns their paths.
    pub(crate) fn undraft_below(&mut self, dir: &RelPath) -> Vec<RelPath> {
        let below: Vec<RelPath> = self.below(Some(dir)).cloned().collect();
        below.iter().for_each(|path| drop(self.drafts.remove(path)));
        below
    }

    /// Takes what is about to be recorded as gone, or puts it off.
    pub(crate) fn take_gone(&mut self) -> BTreeSet<RelPath> {
        self.gone_first = None;
        std::mem::take(&mut self.gone)
    }

    /// A block of ours is durable.
    pub(crate) fn durable(&mut self, work: WorkId) {
        self.appends.remove(&work);
    }

    /// Forgets what is not recorded: it will be seen again.
    pub(crate) fn clear_unrecorded(&mut self) {
        *self = Recording { appends: std::mem::take(&mut self.appends), ..Recording::default() };
    }

    fn gone_due(&self) -> Option<Timestamp> {
        let (first, last) = (self.gone_first?, self.gone_last?);
        Some(last.after(GONE_QUIET).min(first.after(GONE_WAIT_MAX)))
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.gone_due()
    }

    /// Until when new files wait for word on where they stood before.
    pub(crate) fn waits_until(&self) -> Option<Timestamp> {
        self.drafts.values().filter_map(|draft| draft.waits_until).min()
    }
}

impl Folder {
    /// Something new was seen on the disk.
    pub(super) fn draft(&mut self, path: RelPath, draft: Draft) {
        self.recording.not_gone(&path);
        self.hold.not_gone(&path);
        self.planning.note_made(&path, false);
        let seen = Materialised { versions: Vec::new(), kind: draft.kind.clone(), print: draft.print };
        match self.known_version(&path, &draft.kind) {
            // A touch, or the very bytes that an entry already speaks of: nothing new to say.
            Some(versions) => {
                self.recording.drafts.remove(&path);
                self.index.set_problem(&path, None);
                self.note_disk(&path, Some(Materialised { versions, ..seen }));
                self.planning.reconsider(path);
            }
            None => {
                self.recording.drafts.insert(path, draft);
            }
        }
    }

    /// The versions that already say what was seen; `None` if it is news.
    fn known_version(&self, path: &RelPath, kind: &Kind) -> Option<Vec<VersionId>> {
        let state = self.index.get(path)?;
        if let Some(disk) = &state.disk
            && disk.kind.is_same(kind)
            && !disk.versions.is_empty()
        {
            return Some(disk.versions.clone());
        }
        let same: Vec<VersionId> =
            state.heads.iter().filter(|head| head.kind.is_same(kind)).map(|head| head.id).collect();
        // What stood here is known and was something else: a person put this here, and whoever removes the version that
        // says the same did not know.
        let is_put_here = !planted!(OldContentsBelieved)
            && state.disk.as_ref().is_some_and(|disk| disk.kind.is_live())
            && !state.is_remembered;
        if !same.is_empty() {
            return (!is_put_here).then_some(same);
        }
        // The base is unknown, or older than what is seen because the memory of this disk is: an old version that was
        // never replaced here.
        let seen = state.past.iter().rposition(|past| past.kind.is_same(kind))?;
        let is_older = |version: &VersionId| state.past[..seen].iter().any(|past| past.id == *version);
        let is_base = match &state.disk {
            None => true,
            Some(disk) => {
                (state.is_remembered || planted!(OldContentsBelieved))
                    && disk.kind.is_live()
                    && !disk.versions.is_empty()
                    && disk.versions.iter().all(is_older)
            }
        };
        is_base.then(|| vec![state.past[seen].id])
    }

    /// Records what is due.
    pub(super) fn record_due(&mut self, turn: &mut Turn<'_>) {
        if self.recording.gone_due().is_some_and(|due| due <= turn.now) {
            self.confirm_gone(turn);
        }
        if self.recording.drafts.is_empty() || self.recording.appends.len() >= APPENDS_MAX {
            return;
        }
        self.ask_for_origins(turn.now);
        // A file that took a directory's place comes after the word that all in it is gone, or the two would conflict.
        let is_early = |(path, draft): &(&RelPath, &Draft)| {
            draft.kind != Kind::Directory && self.index.has_standing_below(path)
                || draft.waits_until.is_some_and(|until| turn.now < until && self.is_origin_unsure(path, draft))
        };
        let all = self.recording.drafts.iter();
        let due: Vec<RelPath> =
            all.filter(|draft| !is_early(draft)).take(BLOCK_ENTRIES_MAX).map(|(path, _)| path.clone()).collect();
        if due.is_empty() {
            return;
        }
        let mut drafts: BTreeMap<RelPath, Draft> = due
            .iter()
            .flat_map(|path| self.displaced_above(path))
            .map(|dir| (dir, Draft::new(Kind::Directory, None)))
            .collect();
        let take = |path: RelPath| self.recording.drafts.remove(&path).map(|draft| (path, draft));
        drafts.extend(due.into_iter().filter_map(take));
        if !self.may_write() && !planted!(ReadersWrite) {
            return self.keep_unshared(drafts);
        }
        let entries = drafts.iter().map(|(path, draft)| self.entry_for(path, draft)).collect();
        let prints = drafts.into_iter().map(|(path, draft)| (path, draft.print)).collect();
        self.write(entries, &prints, turn);
    }

    /// Looks at where new files stood before: the walk or the watcher that found them may tell of that only later.
    fn ask_for_origins(&mut self, now: Timestamp) {
        let is_new = |path: &RelPath, draft: &Draft| {
            draft.waits_until.is_none() && self.index.get(path).is_none_or(|state| state.standing().is_none())
        };
        let drafts = self.recording.drafts.iter().filter(|(path, draft)| is_new(path, draft));
        let asked: Vec<(RelPath, RelPath)> =
            drafts.filter_map(|(path, draft)| Some((path.clone(), self.origin(path, draft)?.clone()))).collect();
        for (path, origin) in asked {
            if !self.is_unsure(&origin) {
                self.looking.hint(origin, true, now);
            }
            if let Some(draft) = self.recording.drafts.get_mut(&path) {
                draft.waits_until = Some(now.after(ORIGIN_WAIT_MAX));
            }
        }
    }

    fn is_origin_unsure(&self, path: &RelPath, draft: &Draft) -> bool {
        self.origin(path, draft).is_some_and(|origin| self.looking.has(origin) && !self.recording.is_gone(origin))
    }

    /// The directories above a path where a file or link is remembered: what was seen below it says that it is gone, and
    /// must not be told before that, or the two would conflict.
    fn displaced_above(&self, path: &RelPath) -> impl Iterator<Item = RelPath> {
        path.ancestors().filter(|dir| {
            let state = self.index.get(dir).filter(|state| !state.is_busy);
            matches!(state.and_then(PathState::standing), Some(Kind::File { .. } | Kind::Link { .. }))
                && !planted!(DisplacedUnsaid)
        })
    }

    /// Looks once more at what is to be recorded as gone: what was seen may be older than what was done since.
    fn confirm_gone(&mut self, turn: &mut Turn<'_>) {
        let gone: Vec<RelPath> = self.recording.take_gone().into_iter().collect();
        for batch in gone.chunks(GONE_BATCH_MAX) {
            let work = turn.work();
            self.looking.note_look(work, batch);
            let known = batch.iter().map(|path| (path.clone(), self.index.disk(path).cloned())).collect();
            self.recording.confirming.insert(work, known);
            turn.push(crate::effect::Effect::Look { folder: self.id, work, paths: batch.to_vec() });
        }
    }

    /// What a viewer changed stays here, listed, and is not overwritten.
    fn keep_unshared(&mut self, drafts: BTreeMap<RelPath, Draft>) {
        for (path, draft) in drafts {
            let is_implied = draft.kind == Kind::Directory && self.index.has_live_below(&path);
            self.index.set_problem(&path, (!is_implied).then_some(Code::ReadOnlyRole));
            let seen = Materialised { versions: Vec::new(), kind: draft.kind, print: draft.print };
            self.note_disk(&path, Some(seen));
            self.planning.reconsider(path);
        }
    }

    /// This device may write now: what was kept unshared is news.
    pub(super) fn share_unshared(&mut self) {
        let unshared: Vec<(RelPath, Draft)> = self
            .index
            .iter()
            .filter_map(|(path, state)| {
                let disk = state.disk.as_ref().filter(|disk| disk.versions.is_empty() && disk.kind.is_live())?;
                let is_news = disk.kind != Kind::Directory && !self.recording.has(path);
                is_news.then(|| (path.clone(), Draft::new(disk.kind.clone(), disk.print)))
            })
            .collect();
        for (path, draft) in unshared {
            self.index.set_problem(&path, None);
            self.recording.drafts.insert(path, draft);
        }
        // What it removed then was not shared either, and comes back.
        let is_removed = |state: &PathState| {
            state.problem == Some(Code::ReadOnlyRole)
                && state.disk.as_ref().is_some_and(|disk| disk.kind == Kind::Deleted)
        };
        let removed: Vec<RelPath> =
            self.index.iter().filter(|(_, state)| is_removed(state)).map(|(path, _)| path.clone()).collect();
        for path in removed {
            self.index.set_problem(&path, None);
            self.note_disk(&path, None);
        }
    }

    fn entry_for(&self, path: &RelPath, draft: &Draft) -> Entry {
        // What an old memory says stood here may have been replaced since: then this was not made of it.
        let is_base_known =
            |state: &&PathState| !(self.is_memory_old && state.is_remembered) || planted!(OldMemoryBelieved);
        let state = self.index.get(path).filter(is_base_known);
        let disk = state.and_then(|state| state.disk.as_ref());
        let mut supersedes = disk.map(|disk| disk.versions.clone()).unwrap_or_default();
        let heads = || self.index.get(path).map(|state| state.heads.iter().map(|head| head.id).collect());
        if planted!(EditsReplaceAll) || planted!(UnknownBaseReplacesAll) && supersedes.is_empty() {
            supersedes = heads().unwrap_or_default();
        }
        if planted!(EditsReplaceNothing) {
            supersedes.clear();
        }
        let is_new = self.index.get(path).is_none_or(|state| state.standing().is_none());
        let origin = self.origin(path, draft).filter(|origin| is_new && self.recording.is_gone(origin));
        let moved_from = origin.and_then(|origin| self.index.disk(origin)?.versions.first().copied());
        Entry { path: path.clone(), kind: draft.kind.clone(), supersedes, moved_from }
    }

    /// Records paths as gone.
    pub(super) fn record_gone(&mut self, gone: BTreeSet<RelPath>, turn: &mut Turn<'_>) {
        let mut entries = Vec::new();
        for path in gone {
            let Some(disk) = self.index.disk(&path).filter(|disk| disk.kind.is_live()).cloned() else {
                // Said already; what others put there was not planned while this was unsure.
                self.planning.reconsider(path);
                continue;
            };
            if disk.versions.is_empty() {
                // Never recorded, or a directory that needed no entry: there is nothing to take back.
                self.index.set_problem(&path, None);
                self.note_disk(&path, None);
                self.planning.reconsider(path);
            } else if !self.may_write() {
                self.index.set_problem(&path, Some(Code::ReadOnlyRole));
                self.note_disk(&path, Some(Materialised { versions: disk.versions, kind: Kind::Deleted, print: None }));
                self.planning.reconsider(path);
            } else {
                entries.push(Entry { path, kind: Kind::Deleted, supersedes: disk.versions, moved_from: None });
            }
        }
        self.write(entries, &BTreeMap::new(), turn);
    }

    /// Signs entries into blocks, takes them in, and asks for them to be made durable before anybody hears of them.
    pub(super) fn write(
        &mut self,
        entries: Vec<Entry>,
        prints: &BTreeMap<RelPath, Option<Fingerprint>>,
        turn: &mut Turn<'_>,
    ) {
        if entries.is_empty() {
            return;
        }
        let batches: Vec<Vec<Entry>> = ledger::batches(&entries).map(<[Entry]>::to_vec).collect();
        for batch in batches {
            let Some(record) = self.sign(&batch, turn) else { return };
            self.fold(&record);
            if let Content::Block(block) = &record.content {
                for accepted in &block.entries {
                    let print = prints.get(&accepted.entry.path).copied().flatten();
                    let is_seen = prints.contains_key(&accepted.entry.path) || accepted.entry.kind == Kind::Deleted;
                    if is_seen {
                        let disk =
                            Materialised { versions: vec![accepted.id], kind: accepted.entry.kind.clone(), print };
                        self.note_disk(&accepted.entry.path, Some(disk));
                    }
                }
            }
            let work = self.append(vec![(record.key, record.bytes.clone())], turn);
            self.recording.appends.insert(work);
            self.exchange.wrote(work, record, Vec::new());
        }
    }

    /// Signs one block, in a new chain if the old one must not go on.
    fn sign(&mut self, batch: &[Entry], turn: &mut Turn<'_>) -> Option<AcceptedRecord> {
        if self.ledger.is_closed(self.own_chain()) && !planted!(ClosedChainsContinued) {
            self.new_incarnation(turn);
        }
        match self.ledger.write_block(&self.key, self.own_chain(), turn.wall, batch) {
            Ok(record) => {
                self.note_written(&record);
                Some(record)
            }
            // What was seen is seen again by the next look; nothing of it is lost.
            Err(CannotWrite::Stale | CannotWrite::NotAllowed) => {
                batch.iter().for_each(|entry| self.looking.hint(entry.path.clone(), false, turn.now));
                None
            }
            Err(CannotWrite::ChainClosed | CannotWrite::TooLarge | CannotWrite::Members) => {
                self.stop(Stop::Bug, turn);
                None
            }
        }
    }

    /// Takes an accepted record into the heads and plans every path it speaks of.
    pub(super) fn fold(&mut self, record: &AcceptedRecord) {
        let Content::Block(block) = &record.content else { return };
        let author: std::sync::Arc<str> = self.author_name(block).into();
        for accepted in &block.entries {
            let entry = accepted.entry.clone();
            let head = Head {
                id: accepted.id,
                lamport: block.lamport,
                hash: accepted.hash,
                kind: entry.kind.clone(),
                time: block.time,
                author: author.clone(),
                supersedes: entry.supersedes.as_slice().into(),
                moved_from: entry.moved_from.map(Box::new),
            };
            if let Some(from) = self.index.fold(&entry, head) {
                self.planning.reconsider_around(&from);
            }
            self.planning.reconsider_around(&entry.path);
        }
    }

    fn author_name(&self, block: &ledger::AcceptedBlock) -> String {
        let name = block.author_name.as_str();
        if name.is_empty() { block.chain.device.to_string().chars().rev().take(6).collect() } else { name.to_owned() }
    }
}
