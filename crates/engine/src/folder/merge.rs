//! Merging two edits of one text instead of making a conflict copy of one of them.
//!
//! Whoever settles waits until the winner stands on its disk, since then both edits are there, and asks the disk to merge
//! them. What comes of it is among the kept versions before it is told, and is settled like everything else: one entry
//! over both. If it cannot be had in time, or leaves doubt, the loser goes to its copy.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::{Effect, Texts};
use crate::entry::{Entry, Kind};
use crate::event::WorkId;
use crate::folder::Folder;
use crate::id::{ContentId, VersionId};
use crate::limits::{MERGE_BYTES_MAX, MERGE_WAIT_MAX};
use crate::path::RelPath;
use crate::reconcile::with_bit_of;
use crate::time::Timestamp;
use crate::turn::Turn;
use crate::version::{Head, origin};

/// Most pairs of versions remembered that could not be merged; what is forgotten is tried once more.
const FAILED_MAX: usize = 1024;

/// Two versions of a path.
type Pair = (VersionId, VersionId);

/// What is being merged.
#[derive(Default)]
pub(crate) struct Merging {
    under_way: BTreeMap<WorkId, (RelPath, Pair)>,
    /// Pairs that cannot be merged.
    failed: BTreeSet<Pair>,
}

impl Merging {
    /// Forgets what is under way: answers that still come are ignored by their number.
    pub(super) fn clear(&mut self) {
        self.under_way.clear();
    }

    /// Whether the disk is merging for a path.
    pub(super) fn is_under_way(&self, path: &RelPath) -> bool {
        self.under_way.values().any(|(other, _)| other == path)
    }

    fn note_failed(&mut self, pair: Pair) {
        if self.failed.len() >= FAILED_MAX {
            self.failed.clear();
        }
        self.failed.insert(pair);
    }
}

impl Folder {
    /// Whether settling a path waits for a merge; begins it once all that it takes is there.
    pub(super) fn awaits_merge(&mut self, path: &RelPath, turn: &mut Turn<'_>) -> bool {
        let Some((pair, texts)) = self.mergeable(path) else { return false };
        if self.merging.is_under_way(path) {
            return true;
        }
        let standing = self.index.disk(path).filter(|disk| disk.kind.content() == Some(texts.winner));
        let is_kept = |content: &ContentId| {
            self.planning.kept.contains(content) || self.index.places_of(*content).next().is_some()
        };
        let Some(print) = standing.and_then(|disk| disk.print).filter(|_| is_kept(&texts.loser)) else {
            return self.open_paths.get(path).is_some_and(|open| turn.now.since(open.since) < MERGE_WAIT_MAX);
        };
        let work = turn.work();
        self.merging.under_way.insert(work, (path.clone(), pair));
        turn.push(Effect::Merge { folder: self.id, work, path: path.clone(), print, texts });
        true
    }

    /// When settling waits for merges no longer.
    pub(super) fn merge_deadline(&self) -> Option<Timestamp> {
        let waits = self.open_paths.values().map(|open| open.since.after(MERGE_WAIT_MAX));
        waits.filter(|due| *due > self.stepped).min()
    }

    /// The two texts to be merged first at a path, and the one that both were made of.
    fn mergeable(&self, path: &RelPath) -> Option<(Pair, Texts)> {
        let reconciled = self.index.reconciled(path);
        let winner = reconciled.winner.filter(|_| !reconciled.gives_way && reconciled.merged.is_none())?;
        let loser = *reconciled.losers.first()?;
        let pair = (winner.id, loser.id);
        if self.record.never_merge || self.merging.failed.contains(&pair) {
            return None;
        }
        let state = self.index.get(path)?;
        // None from before a deletion: what was made anew after that is no edit of it.
        let base = origin(winner, loser, &state.past).filter(|old| origin(loser, winner, &state.past) == Some(*old))?;
        let base = text_of(&base.kind)?;
        Some((pair, Texts { base, winner: text_of(&winner.kind)?, loser: text_of(&loser.kind)? }))
    }

    /// The user turns merging off, or on again.
    pub(crate) fn never_merge(&mut self, is_off: bool, turn: &mut Turn<'_>) {
        self.record.never_merge = is_off;
        turn.push(Effect::SaveFolder(self.record.clone()));
    }

    /// What came of merging: a content that is among the kept versions, with its length, or nothing.
    pub(crate) fn merged(&mut self, work: WorkId, merged: Option<(ContentId, u64)>, turn: &mut Turn<'_>) {
        let Some((path, pair)) = self.merging.under_way.remove(&work) else { return };
        let Some((content, size)) = merged else {
            return self.merging.note_failed(pair);
        };
        self.planning.keep(content);
        let is_as_before = self.mergeable(&path).is_some_and(|(now, _)| now == pair);
        // Whatever changed meanwhile is settled from what is known then.
        if is_as_before && !self.is_unsure(&path) && self.may_write() {
            let entry = self.merged_entry(&path, pair, content, size);
            self.write(entry.into_iter().collect(), &BTreeMap::new(), turn);
        }
    }

    /// One entry over both texts.
    fn merged_entry(&self, path: &RelPath, pair: Pair, content: ContentId, size: u64) -> Option<Entry> {
        let state = self.index.get(path)?;
        let of = |version| state.heads.iter().find(|head| head.id == version);
        let (winner, loser) = (of(pair.0)?, of(pair.1)?);
        let mut kind = with_bit_of(winner, [loser].into_iter(), &state.past);
        if let (Kind::File { content: bytes, size: length, modified, .. }, Kind::File { modified: other, .. }) =
            (&mut kind, &loser.kind)
        {
            (*bytes, *length, *modified) = (content, size, (*modified).max(*other));
        }
        let is_either = |head: &&Head| head.kind.has_same_bytes(&winner.kind) || head.kind.has_same_bytes(&loser.kind);
        let supersedes: Vec<VersionId> =
            state.heads.iter().filter(|head| is_either(head) || planted!(MergesCloseAll)).map(|head| head.id).collect();
        // Made by settling, not seen on this disk: that is told by what it names as its origin.
        let moved_from = supersedes.first().copied();
        Some(Entry { path: path.clone(), kind, supersedes, moved_from })
    }
}

/// The content of a file that is short enough to be merged.
fn text_of(kind: &Kind) -> Option<ContentId> {
    match kind {
        Kind::File { content, size, .. } => (1..=MERGE_BYTES_MAX).contains(size).then_some(*content),
        Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
    }
}
