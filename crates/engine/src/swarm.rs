//! Getting wanted contents from every connected device that has them: who has what, and which chunk is asked of whom.
//!
//! Small files travel in bundles, many in one request. Of a large file the rarest chunks are asked for first, in runs,
//! from each source as fast as it answers. What is staged is told to those who want it too, so they can have it from us.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::{Manifest, ZEROS};
use crate::effect::Effect;
use crate::event::{FetchEnd, PrepareTrouble, WorkId};
use crate::id::{ContentId, DeviceId, Scope};
use crate::limits::{BUNDLE_FILES_MAX, FETCH_BYTES_IN_FLIGHT_MAX, WANT_CONTENTS_MAX, WHOLE_FILE_BYTES_MAX};
use crate::message::{Chunks, FetchItem, FetchRequest, HaveItem, Message, Part};
use crate::observe::{Code, Fingerprint};
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::turn::Turn;

mod source;

pub(crate) use source::ranges;
use source::{Giver, bits, has_bit};

/// A file on this disk that may share chunks with a wanted content.
pub(crate) type Near = (RelPath, Fingerprint, ContentId);

/// Contents pursued at a time; the others wait their turn. Bounds what peers must remember for us.
const ACTIVE_MAX: usize = 4096;
/// Large contents pursued at a time: enough to keep every source busy, few enough to finish.
const LARGE_ACTIVE_MAX: usize = 8;
/// Fetches under way with one peer: one being answered, one on its way.
const FETCHES_PER_PEER_MAX: usize = 2;
/// Bytes in one fetch.
const FETCH_BYTES_MAX: u64 = FETCH_BYTES_IN_FLIGHT_MAX / 2;
/// First pause after a broken fetch; doubled each time.
const COOL_FIRST: Duration = Duration::from_millis(250);
/// Longest pause after a broken fetch.
const COOL_MAX: Duration = Duration::from_secs(30);
/// Peers hear of new chunks at most this often.
const HAVE_EVERY: Duration = Duration::from_millis(50);
/// A source that lacked a content is asked about it again after this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often everything pursued is looked through for what is due by time alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A content that nobody has is listed after this long.
const NOWHERE_AFTER: Duration = Duration::from_secs(10);
/// A peer whose chunks did not match their hash this often gives us nothing more.
const STRIKES_MAX: u32 = 3;

/// How far a wanted content is.
enum Progress {
    /// Not pursued yet.
    Queued,
    /// One chunk: comes whole, with its manifest, in a bundle.
    Small { is_flying: bool, lacking: Option<usize> },
    /// The disk is looking what it has of it.
    Preparing,
    /// The manifest must be fetched first.
    Unlisted { is_flying: bool },
    /// Chunks arrive.
    Chunks(ChunkMap),
    /// All of it is staged.
    Complete,
}

/// Which chunks of a large content are staged or on their way.
struct ChunkMap {
    manifest: Arc<Manifest>,
    staged: Vec<bool>,
    flying: Vec<bool>,
    left: usize,
}

struct Wanted {
    size: u64,
    near: Vec<Near>,
    progress: Progress,
    sources: BTreeMap<DeviceId, Part>,
    /// Our own disk refused; not before this time again.
    not_before: Timestamp,
    /// Since when it is pursued.
    since: Timestamp,
    /// Sources are asked again at this time.
    ask_again: Option<Timestamp>,
}

struct Fetch {
    from: DeviceId,
    items: Vec<(ContentId, Vec<u32>)>,
}

/// Everything wanted in one scope.
#[derive(Default)]
pub(crate) struct Swarm {
    wanted: BTreeMap<ContentId, Wanted>,
    queued: BTreeSet<(u64, ContentId)>,
    /// Those of `wanted` that are pursued and not complete: what every turn looks through.
    active: BTreeSet<ContentId>,
    /// Those of `wanted` that every giver lacks: they wait beside the active ones and take nobody's place.
    stuck: BTreeSet<ContentId>,
    /// How many of the active ones are large.
    large: usize,
    unannounced: BTreeSet<ContentId>,
    fetches: BTreeMap<WorkId, Fetch>,
    givers: BTreeMap<DeviceId, Giver>,
    /// Wanted contents of which subscribers have not heard our newest chunks.
    untold: BTreeSet<ContentId>,
    /// Contents that are whole on this disk, of which subscribers have not heard that.
    arrived: BTreeSet<ContentId>,
    /// Contents that peers still think we want.
    unwanted: BTreeSet<ContentId>,
    told_at: Timestamp,
    looked_at: Timestamp,
    /// When it was last asked to do what is due.
    pumped: Timestamp,
}

impl Swarm {
    /// Wants a content, small ones first.
    pub(crate) fn want(&mut self, content: ContentId, size: u64, near: Vec<Near>) {
        if let Some(wanted) = self.wanted.get_mut(&content) {
            wanted.near.extend(near);
            wanted.near.truncate(8);
            return;
        }
        let fresh = Wanted {
            size,
            near,
            progress: Progress::Queued,
            sources: BTreeMap::new(),
            not_before: Timestamp(0),
            since: Timestamp(0),
            ask_again: None,
        };
        self.wanted.insert(content, fresh);
        self.queued.insert((size, content));
    }

    /// Wants a content no more, and throws away what is staged of it.
    pub(crate) fn forget(&mut self, scope: Scope, content: ContentId, turn: &mut Turn<'_>) {
        if self.drop_want(content, turn) {
            turn.push(Effect::Unstage { scope, content });
        }
    }

    /// A content stands in its place now: nothing of it is staged any more.
    pub(crate) fn published(&mut self, content: ContentId, turn: &mut Turn<'_>) {
        self.drop_want(content, turn);
    }

    fn drop_want(&mut self, content: ContentId, turn: &mut Turn<'_>) -> bool {
        let Some(wanted) = self.wanted.remove(&content) else { return false };
        self.queued.remove(&(wanted.size, content));
        self.deactivate(content, wanted.size);
        self.untold.remove(&content);
        if !self.unannounced.remove(&content) && !matches!(wanted.progress, Progress::Queued) {
            self.unwanted.insert(content);
        }
        let idle: Vec<WorkId> = self
            .fetches
            .iter()
            .filter(|(_, fetch)| fetch.items.iter().all(|(other, _)| !self.wanted.contains_key(other)))
            .map(|(work, _)| *work)
            .collect();
        if !matches!(wanted.progress, Progress::Complete) {
            idle.into_iter().for_each(|fetch| turn.push(Effect::CancelFetch { fetch }));
        }
        true
    }

    /// A content is not pursued any more.
    fn deactivate(&mut self, content: ContentId, size: u64) {
        self.stuck.remove(&content);
        if self.active.remove(&content) && size > WHOLE_FILE_BYTES_MAX {
            self.large -= 1;
        }
    }

    /// Sets aside what every giver lacks and has lacked for a while, so that others have their turn.
    fn set_aside(&mut self, now: Timestamp) {
        let stuck: Vec<ContentId> =
            self.active.iter().copied().filter(|content| self.is_nowhere(content, now)).collect();
        for content in stuck {
            let size = self.wanted.get(&content).map_or(0, |wanted| wanted.size);
            self.deactivate(content, size);
            self.stuck.insert(content);
        }
    }

    /// Somebody may have what everybody lacked.
    fn bring_back(&mut self, content: ContentId) {
        if self.stuck.remove(&content) {
            let is_large = self.wanted.get(&content).is_some_and(|wanted| wanted.size > WHOLE_FILE_BYTES_MAX);
            self.large += usize::from(is_large);
            self.active.insert(content);
        }
    }

    /// Whether every giver lacks a content, and has lacked it for a while.
    fn is_nowhere(&self, content: &ContentId, now: Timestamp) -> bool {
        let Some(wanted) = self.wanted.get(content) else { return false };
        let is_lacking = match &wanted.progress {
            Progress::Small { is_flying: false, .. } | Progress::Unlisted { is_flying: false } => {
                wanted.sources.values().all(|part| *part == Part::Nothing)
            }
            Progress::Chunks(map) => map.is_stuck(&wanted.sources),
            Progress::Small { .. }
            | Progress::Unlisted { .. }
            | Progress::Queued
            | Progress::Preparing
            | Progress::Complete => false,
        };
        let has_answered = |giver: &DeviceId| wanted.sources.contains_key(giver);
        is_lacking
            && wanted.ask_again.is_none()
            && now.since(wanted.since) >= NOWHERE_AFTER
            && !self.givers.is_empty()
            && self.givers.keys().all(has_answered)
    }

    /// Whether all of a content is staged.
    pub(crate) fn is_complete(&self, content: ContentId) -> bool {
        self.wanted.get(&content).is_some_and(|wanted| matches!(wanted.progress, Progress::Complete))
    }

    /// Bytes that are staged of everything wanted.
    pub(crate) fn staged_bytes(&self) -> u64 {
        let staged = |wanted: &Wanted| match &wanted.progress {
            Progress::Chunks(map) => map
                .manifest
                .chunks
                .iter()
                .zip(&map.staged)
                .filter(|(_, is_staged)| **is_staged)
                .map(|(chunk, _)| chunk.length)
                .sum(),
            Progress::Complete => wanted.size,
            Progress::Queued | Progress::Small { .. } | Progress::Preparing | Progress::Unlisted { .. } => 0,
        };
        self.wanted.values().map(staged).sum()
    }

    /// Whether something is wanted that no connected device offers.
    pub(crate) fn is_starved(&self) -> bool {
        let has_source = |wanted: &Wanted| wanted.sources.values().any(|part| *part != Part::Nothing);
        !self.wanted.is_empty()
            && self.fetches.is_empty()
            && self
                .active
                .iter()
                .filter_map(|content| self.wanted.get(content))
                .all(|wanted| !matches!(wanted.progress, Progress::Preparing) && !has_source(wanted))
    }

    /// Contents that every giver lacks, and has lacked for a while; all that are lacking if there is no giver.
    pub(crate) fn nowhere(&self) -> Vec<ContentId> {
        if self.givers.is_empty() {
            return self.wanted.keys().copied().filter(|content| self.lacks(*content)).collect();
        }
        self.stuck.iter().copied().collect()
    }

    /// What we can say to somebody who wants a content that is not whole on this disk.
    pub(crate) fn part(&self, content: ContentId) -> Part {
        match self.wanted.get(&content).map(|wanted| &wanted.progress) {
            Some(Progress::Chunks(map)) if map.staged.contains(&true) => Part::Some(bits(&map.staged)),
            Some(Progress::Complete) => Part::All,
            Some(
                Progress::Chunks(_)
                | Progress::Queued
                | Progress::Small { .. }
                | Progress::Preparing
                | Progress::Unlisted { .. },
            )
            | None => Part::Nothing,
        }
    }

    /// Whether chunks of a content can be served from the stage.
    pub(crate) fn is_staged(&self, content: ContentId) -> bool {
        self.part(content) != Part::Nothing
    }

    /// Whether nothing is wanted.
    pub(crate) fn is_idle(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether a fetch is ours.
    pub(crate) fn has_fetch(&self, fetch: WorkId) -> bool {
        self.fetches.contains_key(&fetch)
    }

    /// Stops everything; what is staged stays.
    pub(crate) fn clear(&mut self, turn: &mut Turn<'_>) {
        for fetch in self.fetches.keys() {
            turn.push(Effect::CancelFetch { fetch: *fetch });
        }
        self.wanted.clear();
        self.queued.clear();
        self.active.clear();
        self.stuck.clear();
        self.large = 0;
        self.unannounced.clear();
        self.fetches.clear();
        self.givers.values_mut().for_each(|giver| giver.fetches = 0);
    }

    /// A device that may give is connected.
    pub(crate) fn connected(&mut self, device: DeviceId) {
        self.givers.insert(device, Giver::default());
        self.unannounced.extend(self.active.iter().chain(&self.stuck).copied());
    }

    /// It is gone; what it was to bring is asked of others.
    pub(crate) fn disconnected(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.givers.remove(&device).is_none() {
            return;
        }
        for content in self.active.iter().chain(&self.stuck) {
            if let Some(wanted) = self.wanted.get_mut(content) {
                wanted.sources.remove(&device);
            }
        }
        let theirs: Vec<WorkId> =
            self.fetches.iter().filter(|(_, fetch)| fetch.from == device).map(|(work, _)| *work).collect();
        for work in theirs {
            turn.push(Effect::CancelFetch { fetch: work });
            self.land(work);
        }
    }

    /// Somebody wants contents; `has` says what this disk has of each.
    pub(crate) fn asked(
        &mut self,
        from: DeviceId,
        scope: Scope,
        contents: Vec<ContentId>,
        has: &dyn Fn(ContentId) -> Part,
        turn: &mut Turn<'_>,
    ) {
        let Some(giver) = self.givers.get_mut(&from) else { return };
        let items: Vec<HaveItem> = contents
            .iter()
            .take(WANT_CONTENTS_MAX)
            .map(|content| HaveItem { content: *content, part: has(*content) })
            .collect();
        for item in items.iter().filter(|item| item.part != Part::All) {
            giver.subscribe(item.content);
        }
        send_have(from, scope, items, turn);
    }

    /// Somebody wants contents no more.
    pub(crate) fn enough(&mut self, from: DeviceId, contents: &[ContentId]) {
        if let Some(giver) = self.givers.get_mut(&from) {
            contents.iter().for_each(|content| giver.unsubscribe(*content));
        }
    }

    /// A content is whole on this disk: those who wait for it hear so.
    pub(crate) fn arrived(&mut self, content: ContentId) {
        if self.givers.values().any(|giver| giver.is_subscribed(content)) {
            self.arrived.insert(content);
        }
    }

    /// Somebody says what it has.
    pub(crate) fn told(&mut self, from: DeviceId, items: Vec<HaveItem>) {
        if !self.givers.contains_key(&from) {
            // It takes no part any more.
            return;
        }
        for item in items {
            let has_some = item.part != Part::Nothing;
            if let Some(wanted) = self.wanted.get_mut(&item.content) {
                wanted.sources.insert(from, item.part);
                if has_some {
                    self.bring_back(item.content);
                }
            }
        }
    }

    /// A manifest arrived. True if that completes the content.
    pub(crate) fn manifest_fetched(
        &mut self,
        scope: Scope,
        content: ContentId,
        manifest: &Arc<Manifest>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(wanted) = self.wanted.get_mut(&content) else { return false };
        match &mut wanted.progress {
            Progress::Small { lacking, .. } => {
                let count = manifest.chunks.iter().filter(|chunk| chunk.hash != ZEROS).count();
                *lacking = Some(count);
                if count == 0 {
                    // Nothing but zeros: the disk makes them.
                    wanted.progress = Progress::Preparing;
                    turn.push(Effect::Prepare { scope, content, near: Vec::new() });
                }
            }
            Progress::Unlisted { .. } => {
                wanted.progress = Progress::Preparing;
                turn.push(Effect::Prepare { scope, content, near: wanted.near.clone() });
            }
            Progress::Queued | Progress::Preparing | Progress::Chunks(_) | Progress::Complete => {}
        }
        false
    }

    /// The disk says what is staged. True if that is everything; an error if it cannot be staged.
    pub(crate) fn prepared(
        &mut self,
        content: ContentId,
        staged: Result<(Arc<Manifest>, Vec<bool>), PrepareTrouble>,
        now: Timestamp,
    ) -> Result<bool, Code> {
        let Some(wanted) =
            self.wanted.get_mut(&content).filter(|wanted| matches!(wanted.progress, Progress::Preparing))
        else {
            return Ok(false);
        };
        match staged {
            Ok((manifest, staged)) => {
                let left = staged.iter().filter(|is_staged| !**is_staged).count();
                self.untold.insert(content);
                if left == 0 {
                    wanted.progress = Progress::Complete;
                    let size = wanted.size;
                    self.deactivate(content, size);
                    return Ok(true);
                }
                let flying = vec![false; staged.len()];
                wanted.progress = Progress::Chunks(ChunkMap { manifest, staged, flying, left });
            }
            Err(PrepareTrouble::NoManifest) => wanted.progress = Progress::Unlisted { is_flying: false },
            Err(PrepareTrouble::Refused(code)) => {
                wanted.not_before = now.after(ASK_AGAIN_AFTER);
                wanted.progress = Progress::Unlisted { is_flying: false };
                return Err(code);
            }
        }
        Ok(false)
    }

    /// Chunks arrived. True if that completes the content.
    pub(crate) fn fetched(&mut self, fetch: WorkId, content: ContentId, chunks: &[u32]) -> bool {
        if let Some(fetch) = self.fetches.get_mut(&fetch) {
            fetch
                .items
                .iter_mut()
                .filter(|(other, _)| *other == content)
                .for_each(|(_, open)| open.retain(|chunk| !chunks.contains(chunk)));
        }
        let Some(wanted) = self.wanted.get_mut(&content) else { return false };
        let is_complete = match &mut wanted.progress {
            Progress::Small { lacking, .. } => {
                let left = lacking.get_or_insert(1);
                *left = left.saturating_sub(chunks.len());
                *left == 0
            }
            Progress::Chunks(map) => {
                for chunk in chunks {
                    let at = *chunk as usize;
                    if map.staged.get(at) == Some(&false) {
                        map.staged[at] = true;
                        map.left -= 1;
                    }
                }
                self.untold.insert(content);
                map.left == 0
            }
            Progress::Queued | Progress::Preparing | Progress::Unlisted { .. } | Progress::Complete => false,
        };
        if is_complete {
            wanted.progress = Progress::Complete;
            let size = wanted.size;
            self.deactivate(content, size);
        }
        is_complete
    }

    /// A fetch is over. Returns contents that our own disk refused, with the reason.
    pub(crate) fn ended(&mut self, fetch: WorkId, end: FetchEnd, now: Timestamp) -> Option<(Vec<ContentId>, Code)> {
        let done = self.land(fetch)?;
        let unfinished: Vec<ContentId> =
            done.items.iter().map(|(content, _)| *content).filter(|content| self.lacks(*content)).collect();
        let giver = self.givers.get_mut(&done.from);
        match end {
            FetchEnd::Done => {
                if let Some(giver) = giver {
                    giver.broken = 0;
                }
                for (content, open) in &done.items {
                    // What was asked and not given, it lacks.
                    if let Some(wanted) = self.wanted.get_mut(content).filter(|wanted| {
                        !open.is_empty()
                            || matches!(wanted.progress, Progress::Small { .. } | Progress::Unlisted { .. })
                    }) {
                        wanted.sources.insert(done.from, Part::Nothing);
                        wanted.ask_again = Some(now.after(ASK_AGAIN_AFTER));
                    }
                }
                None
            }
            FetchEnd::Broken => {
                if let Some(giver) = giver {
                    giver.cool_until =
                        now.after((COOL_FIRST * 2_u32.saturating_pow(giver.broken.min(8))).min(COOL_MAX));
                    giver.broken += 1;
                }
                None
            }
            FetchEnd::Lied => {
                if let Some(giver) = giver {
                    giver.strikes += 1;
                    giver.cool_until = now.after(COOL_FIRST);
                }
                None
            }
            FetchEnd::Refused(code) => {
                for content in &unfinished {
                    if let Some(wanted) = self.wanted.get_mut(content) {
                        wanted.not_before = now.after(ASK_AGAIN_AFTER);
                    }
                }
                Some((unfinished, code))
            }
        }
    }

    fn lacks(&self, content: ContentId) -> bool {
        self.wanted.get(&content).is_some_and(|wanted| !matches!(wanted.progress, Progress::Complete))
    }

    /// Takes a fetch off the air: what it did not bring can be asked for again.
    fn land(&mut self, work: WorkId) -> Option<Fetch> {
        let fetch = self.fetches.remove(&work)?;
        if let Some(giver) = self.givers.get_mut(&fetch.from) {
            giver.fetches = giver.fetches.saturating_sub(1);
        }
        for (content, open) in &fetch.items {
            match self.wanted.get_mut(content).map(|wanted| &mut wanted.progress) {
                Some(Progress::Small { is_flying, .. } | Progress::Unlisted { is_flying }) => *is_flying = false,
                Some(Progress::Chunks(map)) => {
                    open.iter().for_each(|chunk| {
                        if let Some(flag) = map.flying.get_mut(*chunk as usize) {
                            *flag = false;
                        }
                    });
                }
                Some(Progress::Queued | Progress::Preparing | Progress::Complete) | None => {}
            }
        }
        Some(fetch)
    }

    /// Does whatever can be done now.
    pub(crate) fn pump(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        self.pumped = turn.now;
        self.tell_due(scope, turn);
        self.tell_enough(scope, turn);
        if self.wanted.is_empty() {
            return;
        }
        self.activate(scope, turn);
        self.announce(scope, turn);
        if self.active.is_empty() {
            return;
        }
        let givers: Vec<DeviceId> = self.givers.keys().copied().collect();
        for device in givers {
            while self
                .givers
                .get(&device)
                .is_some_and(|giver| giver.is_free(turn.now, FETCHES_PER_PEER_MAX, STRIKES_MAX))
            {
                let items = self.choose(device, turn);
                if items.is_empty() {
                    break;
                }
                self.fetch(scope, device, items, turn);
            }
        }
    }

    /// Tells what is not wanted any more, gathered into few messages.
    fn tell_enough(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        let unwanted: Vec<ContentId> = std::mem::take(&mut self.unwanted)
            .into_iter()
            .filter(|content| !self.active.contains(content) && !self.stuck.contains(content))
            .collect();
        for batch in unwanted.chunks(WANT_CONTENTS_MAX) {
            for device in self.givers.keys() {
                turn.send(*device, &Message::Enough { scope, contents: batch.to_vec() });
            }
        }
    }

    /// Begins with the next contents, small ones first.
    fn activate(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        let (mut large, mut active) = (self.large, self.active.len());
        let mut begun = Vec::new();
        for (size, content) in &self.queued {
            if active >= ACTIVE_MAX || *size > WHOLE_FILE_BYTES_MAX && large >= LARGE_ACTIVE_MAX {
                break;
            }
            active += 1;
            large += usize::from(*size > WHOLE_FILE_BYTES_MAX);
            begun.push((*size, *content));
        }
        for key in begun {
            self.queued.remove(&key);
            self.active.insert(key.1);
            let Some(wanted) = self.wanted.get_mut(&key.1) else { continue };
            wanted.since = turn.now;
            if key.0 > WHOLE_FILE_BYTES_MAX {
                self.large += 1;
                wanted.progress = Progress::Preparing;
                turn.push(Effect::Prepare { scope, content: key.1, near: wanted.near.clone() });
            } else {
                wanted.progress = Progress::Small { is_flying: false, lacking: None };
            }
            self.unannounced.insert(key.1);
        }
    }

    /// Asks who has what is newly wanted, and again where everybody lacked it.
    fn announce(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        if turn.now.since(self.looked_at) >= LOOK_EVERY {
            self.looked_at = turn.now;
            self.set_aside(turn.now);
            for content in self.active.iter().chain(&self.stuck) {
                if let Some(wanted) = self.wanted.get_mut(content)
                    && wanted.ask_again.take_if(|at| *at <= turn.now).is_some()
                {
                    // Not known until they answer.
                    wanted.sources.retain(|_, part| *part != Part::Nothing);
                    self.unannounced.insert(*content);
                }
            }
        }
        if self.unannounced.is_empty() || self.givers.is_empty() {
            return;
        }
        let contents: Vec<ContentId> = std::mem::take(&mut self.unannounced).into_iter().collect();
        for batch in contents.chunks(WANT_CONTENTS_MAX) {
            for device in self.givers.keys() {
                turn.send(*device, &Message::Want { scope, contents: batch.to_vec() });
            }
        }
    }

    /// Chooses what to ask of one device next.
    fn choose(&mut self, device: DeviceId, turn: &mut Turn<'_>) -> Vec<(ContentId, FetchItem, Vec<u32>)> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        for content in &self.active {
            let Some(wanted) = self.wanted.get_mut(content) else { continue };
            if wanted.not_before > turn.now || items.len() == BUNDLE_FILES_MAX || bytes >= FETCH_BYTES_MAX {
                continue;
            }
            let Some(part) = wanted.sources.get(&device).filter(|part| **part != Part::Nothing) else { continue };
            match &mut wanted.progress {
                Progress::Small { is_flying, .. } if !*is_flying && *part == Part::All => {
                    *is_flying = true;
                    bytes += wanted.size;
                    items.push((
                        *content,
                        FetchItem { content: *content, with_manifest: true, chunks: Chunks::All },
                        Vec::new(),
                    ));
                }
                Progress::Unlisted { is_flying } if !*is_flying => {
                    *is_flying = true;
                    items.push((
                        *content,
                        FetchItem { content: *content, with_manifest: true, chunks: Chunks::Ranges(Vec::new()) },
                        Vec::new(),
                    ));
                }
                Progress::Queued
                | Progress::Small { .. }
                | Progress::Preparing
                | Progress::Unlisted { .. }
                | Progress::Chunks(_)
                | Progress::Complete => {}
            }
        }
        if !items.is_empty() {
            return items;
        }
        for content in &self.active {
            let Some(wanted) = self.wanted.get_mut(content) else { continue };
            if wanted.not_before > turn.now {
                continue;
            }
            let Progress::Chunks(map) = &mut wanted.progress else { continue };
            let run = map.rarest_run(device, &wanted.sources, turn.dice.number());
            if !run.is_empty() {
                run.iter().for_each(|chunk| map.flying[*chunk as usize] = true);
                let chunks = Chunks::Ranges(ranges(&run));
                return vec![(*content, FetchItem { content: *content, with_manifest: false, chunks }, run)];
            }
        }
        items
    }

    fn fetch(
        &mut self,
        scope: Scope,
        from: DeviceId,
        items: Vec<(ContentId, FetchItem, Vec<u32>)>,
        turn: &mut Turn<'_>,
    ) {
        let fetch = turn.work();
        let mut request = FetchRequest { scope, items: Vec::with_capacity(items.len()) };
        let mut open = Vec::with_capacity(items.len());
        for (content, item, chunks) in items {
            request.items.push(item);
            open.push((content, chunks));
        }
        self.fetches.insert(fetch, Fetch { from, items: open });
        if let Some(giver) = self.givers.get_mut(&from) {
            giver.fetches += 1;
        }
        turn.push(Effect::Fetch { fetch, from, request });
    }

    /// Tells subscribers what newly arrived, gathered over a short while.
    fn tell_due(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        if self.untold.is_empty() && self.arrived.is_empty() || turn.now.since(self.told_at) < HAVE_EVERY {
            return;
        }
        self.told_at = turn.now;
        let untold = std::mem::take(&mut self.untold);
        let mut parts: BTreeMap<ContentId, Part> =
            untold.into_iter().map(|content| (content, self.part(content))).collect();
        parts.extend(std::mem::take(&mut self.arrived).into_iter().map(|content| (content, Part::All)));
        for (device, giver) in &mut self.givers {
            let items: Vec<HaveItem> = parts
                .iter()
                .filter(|(content, part)| **part != Part::Nothing && giver.is_subscribed(**content))
                .map(|(content, part)| HaveItem { content: *content, part: part.clone() })
                .collect();
            for item in items.iter().filter(|item| item.part == Part::All) {
                giver.unsubscribe(item.content);
            }
            if !items.is_empty() {
                send_have(*device, scope, items, turn);
            }
        }
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let cooling = self.givers.values().map(|giver| giver.cool_until).filter(|_| !self.wanted.is_empty());
        // Pauses and repeated questions are looked through now and then, not one by one.
        let waiting = (!self.active.is_empty() || !self.stuck.is_empty()).then(|| self.looked_at.after(LOOK_EVERY));
        let is_untold = !self.untold.is_empty() || !self.arrived.is_empty();
        let tell = (is_untold && !self.givers.is_empty()).then(|| self.told_at.after(HAVE_EVERY));
        cooling.chain(waiting).chain(tell).filter(|due| *due > self.pumped).min()
    }
}

/// Sends what we have, in messages of bounded size.
fn send_have(to: DeviceId, scope: Scope, items: Vec<HaveItem>, turn: &mut Turn<'_>) {
    for batch in items.chunks(source::HAVE_ITEMS_MAX) {
        turn.send(to, &Message::Have { scope, items: batch.to_vec() });
    }
}

impl ChunkMap {
    /// Whether no chunk that is lacking here is at any source.
    fn is_stuck(&self, sources: &BTreeMap<DeviceId, Part>) -> bool {
        !(0..self.staged.len()).any(|at| !self.staged[at] && sources.values().any(|part| has_bit(part, at)))
    }

    /// A run of chunks that this device has and nobody is bringing, beginning at one of the rarest.
    fn rarest_run(&self, device: DeviceId, sources: &BTreeMap<DeviceId, Part>, throw: u64) -> Vec<u32> {
        let Some(theirs) = sources.get(&device) else { return Vec::new() };
        let is_open = |at: usize| !self.staged[at] && !self.flying[at] && has_bit(theirs, at);
        let rarity = |at: usize| sources.values().filter(|part| has_bit(part, at)).count();
        let Some(least) = (0..self.staged.len()).filter(|at| is_open(*at)).map(rarity).min() else { return Vec::new() };
        let rarest: Vec<usize> = (0..self.staged.len()).filter(|at| is_open(*at) && rarity(*at) == least).collect();
        let first = rarest[usize::try_from(throw % rarest.len() as u64).unwrap_or(0)];
        let (mut run, mut bytes) = (Vec::new(), 0);
        for at in first..self.staged.len() {
            let length = self.manifest.chunks[at].length;
            if !is_open(at) || !run.is_empty() && bytes + length > FETCH_BYTES_MAX {
                break;
            }
            bytes += length;
            run.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        run
    }
}
