//! Files sent once: the list goes out at once, the yes comes from a person, the bytes follow through the swarm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::conflict::{shortened, split_name};
use crate::effect::{Effect, Place, ServeItem, Tell};
use crate::event::WorkId;
use crate::id::{ContentId, DeviceId, Scope};
use crate::limits::{APPLY_BATCH_MAX, PATH_PART_BYTES_MAX};
use crate::message::{FetchRequest, HaveItem, Message, OfferItem, Part};
use crate::observe::{Act, Change, Code, Expected, Fingerprint, HashTrouble, Hashed, Outcome, Source};
use crate::path::RelPath;
use crate::saved::{OfferAnswer, OfferRecord};
use crate::status::OfferStatus;
use crate::swarm::Swarm;
use crate::time::Timestamp;
use crate::turn::Turn;

/// Items in one page of an offer's list: with the longest paths still under a frame.
const PAGE_ITEMS_MAX: usize = 128;
/// Items hashed by one effect.
const HASH_BATCH_MAX: usize = 64;
/// Items announced as ready in one message.
const READY_ITEMS_MAX: usize = 4096;
/// Names tried beside one that is taken.
const NAMES_MAX: u32 = 1000;
/// How often a file that keeps changing is read again before the item is given up.
const CHANGES_MAX: u32 = 5;
/// Pause before something that failed for a reason that may pass is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Later than any time.
const NEVER: Timestamp = Timestamp(u64::MAX);

/// Whether a failure may pass by itself.
fn may_pass(code: Code) -> bool {
    matches!(code, Code::DiskError | Code::DiskFull | Code::Busy)
}

/// One offer, of ours or to us.
pub(crate) struct Offer {
    pub(crate) record: OfferRecord,
    me: DeviceId,
    pub(crate) swarm: Swarm,
    /// Pages of the list that are still to come, with what came of the others.
    pages: BTreeMap<u32, Vec<OfferItem>>,
    pages_total: u32,
    is_withdrawn: bool,
    /// Sent: what was read. Received: what the sender said.
    contents: BTreeMap<u32, (ContentId, u64)>,
    prints: BTreeMap<u32, Fingerprint>,
    changes: BTreeMap<u32, u32>,
    /// Which items are being read, by path.
    hashing: Option<(WorkId, BTreeMap<RelPath, u32>)>,
    /// What could not be read, and when it is read again; `NEVER` if only asking anew helps.
    unreadable: BTreeMap<u32, Timestamp>,
    waiting: BTreeMap<ContentId, BTreeSet<u32>>,
    ready: BTreeSet<u32>,
    applying: Option<(WorkId, Vec<u32>)>,
    /// What was accepted here, finished or not.
    accepted: BTreeSet<u32>,
    /// How many names were tried for an item whose own is taken.
    renamed: BTreeMap<u32, u32>,
    failed: BTreeMap<u32, Code>,
    /// When what failed for a reason that may pass is tried again.
    retry_due: Option<Timestamp>,
}

impl Offer {
    /// An offer of ours, or one whose list is complete.
    pub(crate) fn new(record: OfferRecord, me: DeviceId) -> Self {
        Offer {
            record,
            me,
            swarm: Swarm::default(),
            pages: BTreeMap::new(),
            pages_total: 0,
            is_withdrawn: false,
            contents: BTreeMap::new(),
            prints: BTreeMap::new(),
            changes: BTreeMap::new(),
            hashing: None,
            unreadable: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ready: BTreeSet::new(),
            applying: None,
            accepted: BTreeSet::new(),
            renamed: BTreeMap::new(),
            failed: BTreeMap::new(),
            retry_due: None,
        }
    }

    fn scope(&self) -> Scope {
        Scope::Offer(self.record.offer)
    }

    fn is_ours(&self) -> bool {
        self.record.from == self.me
    }

    /// Whether every page of the list is here.
    pub(crate) fn is_complete(&self) -> bool {
        self.pages.is_empty()
    }

    /// A page of somebody's list came. True if that completes it.
    pub(crate) fn page(&mut self, page: u32, pages: u32, items: Vec<OfferItem>) -> bool {
        let is_new = !self.pages.is_empty() || self.pages_total == 0 && self.record.items.is_empty();
        if !is_new || page >= pages {
            return false;
        }
        self.pages_total = pages;
        self.pages.insert(page, items);
        if self.pages.len() != pages as usize {
            return false;
        }
        self.record.items = std::mem::take(&mut self.pages).into_values().flatten().collect();
        true
    }

    /// A device that this offer concerns is connected.
    pub(crate) fn connected(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.record.is_over {
            return;
        }
        if self.is_ours() {
            match self.record.to.iter().find(|(to, _)| *to == device).map(|(_, answer)| *answer) {
                Some(OfferAnswer::Waiting) => self.send_list(device, turn),
                Some(OfferAnswer::Accepted) => self.swarm.connected(device),
                Some(OfferAnswer::Declined | OfferAnswer::Done) | None => {}
            }
        } else if self.record.from == device && self.record.place.is_some() {
            self.swarm.connected(device);
            self.answer(turn);
        }
    }

    /// It is gone.
    pub(crate) fn disconnected(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        self.swarm.disconnected(device, turn);
    }

    /// Sends the whole list, page by page.
    pub(crate) fn send_list(&self, to: DeviceId, turn: &mut Turn<'_>) {
        let pages = u32::try_from(self.record.items.len().div_ceil(PAGE_ITEMS_MAX)).unwrap_or(u32::MAX);
        for (page, items) in self.record.items.chunks(PAGE_ITEMS_MAX).enumerate() {
            let message = Message::Offer {
                offer: self.record.offer,
                page: u32::try_from(page).unwrap_or(u32::MAX),
                pages,
                note: self.record.note.clone(),
                items: items.to_vec(),
            };
            turn.send(to, &message);
        }
    }

    fn save(&self, turn: &mut Turn<'_>) {
        turn.push(Effect::SaveOffer(self.record.clone()));
    }

    /// The user accepts items; the node opened the place.
    pub(crate) fn accept(&mut self, items: Option<Vec<u32>>, place: String, is_here: bool, turn: &mut Turn<'_>) {
        if self.is_ours() || self.record.place.is_some() || !self.is_complete() || self.record.is_over {
            return;
        }
        let all = 0..u32::try_from(self.record.items.len()).unwrap_or(0);
        let mut open: Vec<u32> = items.map_or_else(
            || all.clone().collect(),
            |items| items.into_iter().filter(|item| all.contains(item)).collect(),
        );
        open.sort_unstable();
        open.dedup();
        self.record.open = open;
        self.record.place = Some(place);
        self.save(turn);
        if is_here {
            self.swarm.connected(self.record.from);
            self.answer(turn);
        }
        self.begin_items();
    }

    /// Items that need no bytes can be made at once.
    fn begin_items(&mut self) {
        self.accepted = self.record.open.iter().copied().collect();
        for index in self.record.open.clone() {
            let Some(item) = self.record.items.get(index as usize) else { continue };
            if item.is_directory || item.size == 0 {
                self.ready.insert(index);
            }
        }
    }

    /// Continues after a restart.
    pub(crate) fn resume(&mut self) {
        if !self.is_ours() && self.record.place.is_some() && !self.record.is_over {
            self.begin_items();
        }
    }

    fn answer(&self, turn: &mut Turn<'_>) {
        turn.send(
            self.record.from,
            &Message::OfferAnswer { offer: self.record.offer, accepted: ranges(&self.record.open) },
        );
    }

    /// The user declines.
    pub(crate) fn decline(&mut self, turn: &mut Turn<'_>) {
        turn.send(self.record.from, &Message::OfferAnswer { offer: self.record.offer, accepted: Vec::new() });
    }

    /// A receiver answered.
    pub(crate) fn answered(&mut self, from: DeviceId, is_accepted: bool, turn: &mut Turn<'_>) {
        if !self.is_ours() || self.record.is_over {
            return;
        }
        let Some((_, answer)) = self.record.to.iter_mut().find(|(to, _)| *to == from) else { return };
        *answer = if is_accepted { OfferAnswer::Accepted } else { OfferAnswer::Declined };
        if is_accepted {
            self.swarm.connected(from);
            self.unreadable.values_mut().for_each(|due| *due = turn.now);
            self.send_ready(from, turn);
        }
        self.close_if_over();
        self.save(turn);
    }

    fn send_ready(&self, to: DeviceId, turn: &mut Turn<'_>) {
        let readable = self.contents.iter().map(|(index, (content, size))| (*index, *content, *size));
        let unreadable = self.unreadable.keys().map(|index| (*index, ContentId([0; 32]), 0));
        let items: Vec<(u32, ContentId, u64)> = readable.chain(unreadable).collect();
        for batch in items.chunks(READY_ITEMS_MAX) {
            turn.send(to, &Message::OfferReady { offer: self.record.offer, items: batch.to_vec() });
        }
    }

    /// The sender read items: they can be fetched.
    pub(crate) fn items_ready(&mut self, from: DeviceId, items: Vec<(u32, ContentId, u64)>) {
        if from != self.record.from || self.record.place.is_none() {
            return;
        }
        for (index, content, size) in items {
            if self.record.open.binary_search(&index).is_err()
                || self.record.items.get(index as usize).is_none_or(|item| item.is_directory)
            {
                continue;
            }
            if content == ContentId([0; 32]) {
                self.failed.insert(index, Code::NoSource);
                continue;
            }
            self.failed.remove(&index);
            self.contents.insert(index, (content, size));
            if size == 0 || self.swarm.is_complete(content) {
                self.ready.insert(index);
            } else {
                self.waiting.entry(content).or_default().insert(index);
                self.swarm.want(content, size, Vec::new());
                // Asked right after a restart, before it had read its files again, it said that it had nothing.
                self.swarm.told(from, vec![HaveItem { content, part: Part::All }]);
            }
        }
    }

    /// All of a content is staged.
    pub(crate) fn content_complete(&mut self, content: ContentId) {
        self.ready.extend(self.waiting.remove(&content).unwrap_or_default());
    }

    /// Our own disk refused contents.
    pub(crate) fn refused(&mut self, contents: &[ContentId], code: Code) {
        let indexes: Vec<u32> =
            contents.iter().filter_map(|content| self.waiting.get(content)).flatten().copied().collect();
        self.failed.extend(indexes.into_iter().map(|index| (index, code)));
    }

    /// A receiver has everything.
    pub(crate) fn receiver_done(&mut self, from: DeviceId, turn: &mut Turn<'_>) {
        if let Some((_, answer)) =
            self.record.to.iter_mut().find(|(to, answer)| *to == from && *answer == OfferAnswer::Accepted)
        {
            *answer = OfferAnswer::Done;
            turn.tell(Tell::OfferSent(self.record.offer, from));
            self.close_if_over();
            self.save(turn);
        }
    }

    fn close_if_over(&mut self) {
        self.record.is_over =
            self.record.to.iter().all(|(_, answer)| matches!(answer, OfferAnswer::Declined | OfferAnswer::Done));
    }

    /// Taken back by the sender, or given up by a receiver.
    pub(crate) fn ended(&mut self, by: DeviceId, turn: &mut Turn<'_>) {
        if by == self.record.from {
            self.is_withdrawn = true;
            self.record.is_over = true;
            self.swarm.clear(turn);
        } else if let Some((_, answer)) = self.record.to.iter_mut().find(|(to, _)| *to == by) {
            *answer = OfferAnswer::Declined;
            self.close_if_over();
        }
        self.save(turn);
    }

    /// The user takes it back, or gives it up.
    pub(crate) fn withdraw(&mut self, turn: &mut Turn<'_>) {
        self.is_withdrawn = true;
        let others: Vec<DeviceId> =
            if self.is_ours() { self.record.to.iter().map(|(to, _)| *to).collect() } else { vec![self.record.from] };
        for device in others {
            turn.send(device, &Message::OfferEnded { offer: self.record.offer });
        }
        self.record.is_over = true;
        self.swarm.clear(turn);
        self.save(turn);
    }

    /// Files that were read for our offer.
    pub(crate) fn hashed(
        &mut self,
        work: WorkId,
        files: Vec<(RelPath, Result<Hashed, HashTrouble>)>,
        turn: &mut Turn<'_>,
    ) {
        let Some((_, indexes)) = self.hashing.take_if(|(hashing, _)| *hashing == work) else { return };
        let mut news = Vec::new();
        for (path, result) in files {
            let Some(index) = indexes.get(&path).copied() else { continue };
            match result {
                Ok(hashed) => {
                    self.unreadable.remove(&index);
                    self.contents.insert(index, (hashed.content, hashed.print.size));
                    self.prints.insert(index, hashed.print);
                    news.push((index, hashed.content, hashed.print.size));
                }
                Err(HashTrouble::Changed) if self.changes.get(&index).copied().unwrap_or(0) < CHANGES_MAX => {
                    *self.changes.entry(index).or_default() += 1
                }
                Err(trouble) => {
                    let passes = match trouble {
                        HashTrouble::Changed => true,
                        HashTrouble::Gone => false,
                        HashTrouble::Refused(code) => may_pass(code),
                    };
                    let due = if passes { turn.now.after(RETRY_AFTER) } else { NEVER };
                    if self.unreadable.insert(index, due).is_none() {
                        news.push((index, ContentId([0; 32]), 0));
                    }
                }
            }
        }
        if news.is_empty() {
            return;
        }
        for (to, answer) in &self.record.to {
            if *answer == OfferAnswer::Accepted {
                turn.send(*to, &Message::OfferReady { offer: self.record.offer, items: news.clone() });
            }
        }
    }

    /// What this device can serve of a request.
    pub(crate) fn serve(&self, from: DeviceId, request: &FetchRequest) -> Option<Vec<ServeItem>> {
        let is_receiver = self.record.to.iter().any(|(to, answer)| *to == from && *answer == OfferAnswer::Accepted);
        if !self.is_ours() || !is_receiver {
            return None;
        }
        let place = |content: ContentId| {
            let (index, _) = self.contents.iter().find(|(_, (other, _))| *other == content)?;
            Some(Place::Live {
                path: self.record.items.get(*index as usize)?.path.clone(),
                print: *self.prints.get(index)?,
            })
        };
        Some(request.items.iter().map(|item| ServeItem { content: item.content, place: place(item.content) }).collect())
    }

    /// What this device has of a content.
    pub(crate) fn part(&self, content: ContentId) -> Part {
        if self.is_ours() && self.contents.values().any(|(other, _)| *other == content) {
            Part::All
        } else {
            self.swarm.part(content)
        }
    }

    /// Does whatever is due.
    pub(crate) fn step(&mut self, turn: &mut Turn<'_>) {
        if self.record.is_over {
            return;
        }
        if self.is_ours() {
            self.hash_next(turn);
        } else if self.record.place.is_some() {
            if self.retry_due.is_some_and(|due| due <= turn.now) {
                self.retry();
            }
            self.apply_next(turn);
        }
        self.swarm.pump(self.scope(), turn);
    }

    fn hash_next(&mut self, turn: &mut Turn<'_>) {
        if self.hashing.is_some() {
            return;
        }
        let is_open = |(index, item): &(u32, &OfferItem)| {
            !item.is_directory
                && !self.contents.contains_key(index)
                && self.unreadable.get(index).is_none_or(|due| *due <= turn.now)
        };
        let indexes: BTreeMap<RelPath, u32> = (0..)
            .zip(&self.record.items)
            .filter(is_open)
            .take(HASH_BATCH_MAX)
            .map(|(index, item)| (item.path.clone(), index))
            .collect();
        if !indexes.is_empty() {
            let work = turn.work();
            let files = indexes.keys().map(|path| (path.clone(), None)).collect();
            self.hashing = Some((work, indexes));
            turn.push(Effect::Hash { scope: self.scope(), work, files });
        }
    }

    fn apply_next(&mut self, turn: &mut Turn<'_>) {
        if self.applying.is_some() {
            return;
        }
        let batch: Vec<u32> = self.ready.iter().take(APPLY_BATCH_MAX).copied().collect();
        if batch.is_empty() {
            return self.finish(turn);
        }
        let (mut indexes, mut changes) = (Vec::new(), Vec::new());
        for index in batch {
            self.ready.remove(&index);
            if let Some(change) = self.change_for(index) {
                indexes.push(index);
                changes.push(change);
            }
        }
        let work = turn.work();
        self.applying = Some((work, indexes));
        turn.push(Effect::Apply { scope: self.scope(), work, changes });
    }

    fn change_for(&self, index: u32) -> Option<Change> {
        let item = self.record.items.get(index as usize)?;
        let path = numbered(&item.path, self.renamed.get(&index).copied().unwrap_or(0))?;
        let act = if item.is_directory {
            Act::MakeDirectory
        } else {
            let empty = crate::chunk::Manifest { level: crate::chunk::Level(0), chunks: Vec::new() };
            let (content, size) = self.contents.get(&index).copied().unwrap_or_else(|| (empty.content_id(), 0));
            // Programs from others must be made executable by a person.
            Act::Publish { content, size, executable: false, modified: Timestamp(item.modified), source: Source::Stage }
        };
        Some(Change { path, expected: Expected::Absent, act })
    }

    /// What came of a batch.
    pub(crate) fn applied(&mut self, work: WorkId, outcomes: Vec<Outcome>, turn: &mut Turn<'_>) {
        let Some((_, indexes)) = self.applying.take_if(|(applying, _)| *applying == work) else { return };
        for (index, outcome) in indexes.into_iter().zip(outcomes) {
            let is_directory = self.record.items.get(index as usize).is_some_and(|item| item.is_directory);
            match outcome {
                Outcome::Done { .. } | Outcome::Displaced { .. } => self.item_done(index, turn),
                Outcome::Unexpected if is_directory => self.item_done(index, turn),
                Outcome::Unexpected if self.renamed.get(&index).copied().unwrap_or(0) < NAMES_MAX => {
                    *self.renamed.entry(index).or_default() += 1;
                    self.ready.insert(index);
                }
                Outcome::Unexpected => self.fail(index, Code::NameClash, turn.now),
                Outcome::SourceGone => self.fetch_again(index, turn),
                Outcome::Refused(code) => self.fail(index, code, turn.now),
            }
        }
        self.save(turn);
    }

    fn fail(&mut self, index: u32, code: Code, now: Timestamp) {
        self.failed.insert(index, code);
        if may_pass(code) {
            self.retry_due.get_or_insert(now.after(RETRY_AFTER));
        }
    }

    fn fetch_again(&mut self, index: u32, turn: &mut Turn<'_>) {
        if let Some((content, size)) = self.contents.get(&index).copied().filter(|(_, size)| *size > 0) {
            self.swarm.forget(self.scope(), content, turn);
            self.waiting.entry(content).or_default().insert(index);
            self.swarm.want(content, size, Vec::new());
        }
    }

    fn item_done(&mut self, index: u32, turn: &mut Turn<'_>) {
        self.record.open.retain(|other| *other != index);
        self.failed.remove(&index);
        if let Some((content, size)) = self.contents.get(&index).copied() {
            self.swarm.published(content, turn);
            // The stage gave its file away: an equal item is fetched once more.
            for other in self.record.open.clone() {
                if size > 0
                    && self.contents.get(&other).is_some_and(|(same, _)| *same == content)
                    && self.ready.remove(&other)
                {
                    self.waiting.entry(content).or_default().insert(other);
                    self.swarm.want(content, size, Vec::new());
                }
            }
        }
    }

    fn finish(&mut self, turn: &mut Turn<'_>) {
        if self.record.open.is_empty() {
            self.record.is_over = true;
            turn.send(self.record.from, &Message::OfferDone { offer: self.record.offer });
            turn.tell(Tell::OfferReceived(self.record.offer));
            self.save(turn);
        }
    }

    /// Tries again what failed.
    pub(crate) fn retry(&mut self) {
        self.retry_due = None;
        for (index, _) in std::mem::take(&mut self.failed) {
            let needs_bytes =
                self.record.items.get(index as usize).is_some_and(|item| !item.is_directory && item.size > 0);
            let is_staged = self.contents.get(&index).is_some_and(|(content, _)| self.swarm.is_complete(*content));
            if is_staged || !needs_bytes {
                self.ready.insert(index);
            }
        }
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        if self.record.is_over {
            return None;
        }
        let unread = self.unreadable.values().min().copied().filter(|due| *due != NEVER && self.hashing.is_none());
        [self.swarm.deadline(), self.retry_due, unread].into_iter().flatten().min()
    }

    /// What people see.
    pub(crate) fn status(&self) -> OfferStatus {
        let finished = |index: &u32| self.accepted.contains(index) && self.record.open.binary_search(index).is_err();
        let done: Vec<u64> = (0..)
            .zip(&self.record.items)
            .filter(|(index, item)| finished(index) && !item.is_directory)
            .map(|(_, item)| item.size)
            .collect();
        OfferStatus {
            record: self.record.clone(),
            is_complete: self.is_complete(),
            bytes_done: done.iter().sum::<u64>() + self.swarm.staged_bytes(),
            files_done: done.len() as u64,
            failed: self.failed.iter().map(|(index, code)| (*index, *code)).collect(),
            is_withdrawn: self.is_withdrawn,
        }
    }
}

/// The path with ` (n)` before its extension, for the n-th try; itself for none.
fn numbered(path: &RelPath, number: u32) -> Option<RelPath> {
    if number == 0 {
        return Some(path.clone());
    }
    let (stem, extension) = split_name(path.name());
    let tail = format!(" ({number}){extension}");
    path.with_name(&format!("{}{tail}", shortened(stem, PATH_PART_BYTES_MAX.saturating_sub(tail.len())))).ok()
}

fn ranges(numbers: &[u32]) -> Vec<(u32, u32)> {
    crate::swarm::ranges(numbers)
}
