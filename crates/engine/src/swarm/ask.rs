//! Choosing what to ask of whom, and asking.

use std::collections::BTreeMap;

use super::{
    ACTIVE_MAX, ChunkMap, FETCH_BYTES_MAX, FETCHES_PER_PEER_MAX, Fetch, LARGE_ACTIVE_MAX, LOOK_EVERY, Progress,
    STRIKES_MAX, Swarm, has_bit, ranges,
};
use crate::effect::Effect;
use crate::id::{ContentId, DeviceId, Scope};
use crate::limits::{BUNDLE_FILES_MAX, WANT_CONTENTS_MAX, WHOLE_FILE_BYTES_MAX};
use crate::message::{Chunks, FetchItem, FetchRequest, Message, Part};
use crate::turn::Turn;

impl Swarm {
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

    /// Begins with the next contents, small ones first.
    pub(super) fn activate(&mut self, scope: Scope, turn: &mut Turn<'_>) {
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
    pub(super) fn announce(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        if turn.now.since(self.looked_at) >= LOOK_EVERY {
            self.looked_at = turn.now;
            self.set_aside(turn.now);
            for content in self.active.iter().chain(&self.stuck) {
                if let Some(wanted) = self.wanted.get_mut(content)
                    && !planted!(WantedOnce)
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
    pub(super) fn choose(&mut self, device: DeviceId, turn: &mut Turn<'_>) -> Vec<(ContentId, FetchItem, Vec<u32>)> {
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

    pub(super) fn fetch(
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
}

impl ChunkMap {
    /// Whether no chunk that is lacking here is at any source.
    pub(super) fn is_stuck(&self, sources: &BTreeMap<DeviceId, Part>) -> bool {
        !(0..self.staged.len()).any(|at| !self.staged[at] && sources.values().any(|part| has_bit(part, at)))
    }

    /// A run of chunks that this device has and nobody is bringing, beginning at one of the rarest.
    pub(super) fn rarest_run(&self, device: DeviceId, sources: &BTreeMap<DeviceId, Part>, throw: u64) -> Vec<u32> {
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
