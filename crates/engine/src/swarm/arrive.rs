//! What comes of asking: manifests, chunks, and the ends of fetches.

use std::sync::Arc;

use super::{ASK_AGAIN_AFTER, COOL_FIRST, COOL_MAX, ChunkMap, Fetch, Progress, Swarm};
use crate::chunk::{Manifest, ZEROS};
use crate::effect::Effect;
use crate::event::{FetchEnd, PrepareTrouble, WorkId};
use crate::id::{ContentId, Scope};
use crate::message::Part;
use crate::observe::Code;
use crate::time::Timestamp;
use crate::turn::Turn;

impl Swarm {
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

    /// Takes a fetch off the air: what it did not bring can be asked for again.
    pub(super) fn land(&mut self, work: WorkId) -> Option<Fetch> {
        let fetch = self.fetches.remove(&work)?;
        if planted!(BrokenFetchesFly) {
            return Some(fetch);
        }
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
}
