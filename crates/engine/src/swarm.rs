//! Getting wanted contents from every connected device that has them: who has what, and which chunk is asked of whom.
//!
//! Small files travel in bundles, many in one request. Of a large file the rarest chunks are asked for first, in runs,
//! from each source as fast as it answers. What is staged is told to those who want it too, so they can have it from us.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::Manifest;
use crate::effect::Effect;
use crate::event::WorkId;
use crate::explain::Has;
use crate::id::{ContentId, DeviceId, Scope};
use crate::limits::{FETCH_BYTES_IN_FLIGHT_MAX, WHOLE_FILE_BYTES_MAX};
use crate::message::Part;
use crate::observe::Fingerprint;
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::turn::Turn;

mod arrive;
mod ask;
mod source;
mod tell;

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
        if planted!(StuckKeepPlaces) {
            return;
        }
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

    /// Everything that is wanted.
    pub(crate) fn all_wanted(&self) -> Vec<ContentId> {
        self.wanted.keys().copied().collect()
    }

    /// Whether a content is wanted.
    pub(crate) fn wants(&self, content: ContentId) -> bool {
        self.wanted.contains_key(&content)
    }

    /// How many connected devices have some of a wanted content, and whether all were asked in vain.
    pub(crate) fn sources_of(&self, content: ContentId) -> (usize, bool) {
        let sources = self.wanted.get(&content).map(|wanted| wanted.sources.values());
        let sources = sources.map_or(0, |parts| parts.filter(|part| **part != Part::Nothing).count());
        (sources, self.stuck.contains(&content))
    }

    /// What a device said it has of a wanted content.
    pub(crate) fn told_of(&self, content: ContentId, device: DeviceId) -> Option<Has> {
        self.wanted.get(&content)?.sources.get(&device).map(|part| match part {
            Part::All => Has::All,
            Part::Some(_) => Has::Part,
            Part::Nothing => Has::Nothing,
        })
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
        if planted!(GoneGiversAsked) || self.givers.remove(&device).is_none() {
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

    fn lacks(&self, content: ContentId) -> bool {
        self.wanted.get(&content).is_some_and(|wanted| !matches!(wanted.progress, Progress::Complete))
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
