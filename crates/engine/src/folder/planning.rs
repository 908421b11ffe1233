//! What is wanted and not yet so: paths to plan, changes that can be made, changes that the disk is making.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::{ContentId, VersionId};
use crate::observe::{Act, Change, Code, Source};
use crate::path::RelPath;
use crate::time::Timestamp;

/// Most names remembered that are no paths for us, for the list of problems.
pub(super) const SKIPPED_MAX: usize = 1000;
/// First pause before a refused change is tried again; doubled each time.
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest pause before a refused change is tried again.
pub(super) const RETRY_MAX: Duration = Duration::from_secs(60);
/// How often one step plans what planning itself stirred up; the rest waits for the next step.
pub(super) const ROUNDS_MAX: usize = 4;
/// Most displaced contents remembered as kept on this disk.
pub(super) const KEPT_MAX: usize = 100_000;

/// A change that the disk is making.
pub(super) struct Begun {
    pub(super) change: Change,
    /// The versions it puts on the disk.
    pub(super) versions: Vec<VersionId>,
    /// For a move, the versions that stand at the old path then.
    pub(super) source_versions: Option<Vec<VersionId>>,
}

/// What is wanted and not yet so.
#[derive(Default)]
pub(crate) struct Planning {
    /// Paths about which something changed.
    pub(super) queue: BTreeSet<RelPath>,
    pub(super) is_all: bool,
    /// Changes that can be made.
    pub(super) ready: BTreeMap<RelPath, Change>,
    /// Files that a ready change moves away from where they stand.
    pub(super) moving: BTreeSet<RelPath>,
    /// Changes the disk is making, by work.
    pub(super) applying: BTreeMap<u64, Vec<Begun>>,
    /// Files this disk lacks, with their length.
    pub(super) lacking: BTreeMap<RelPath, u64>,
    pub(super) lacking_bytes: u64,
    /// Which paths wait for which content.
    pub(super) wanted: BTreeMap<ContentId, BTreeSet<RelPath>>,
    pub(super) wants: BTreeMap<RelPath, ContentId>,
    /// Refused changes: how often, and when to try again.
    pub(super) retry: BTreeMap<RelPath, (u32, Timestamp)>,
    /// Contents that were displaced into the versions of this disk.
    pub(super) kept: BTreeSet<ContentId>,
    /// Files that stand as this run put them there, not as a person did.
    pub(super) made: BTreeSet<RelPath>,
    /// Names that are no paths for us, by directory.
    pub(super) skipped: BTreeMap<Option<RelPath>, Vec<(String, Code)>>,
}

impl Planning {
    /// Plans a path again.
    pub(crate) fn reconsider(&mut self, path: RelPath) {
        self.queue.insert(path);
    }

    /// Plans a path and the directories above it again.
    pub(crate) fn reconsider_around(&mut self, path: &RelPath) {
        self.queue.extend(path.ancestors());
        self.queue.insert(path.clone());
    }

    /// Plans everything again.
    pub(crate) fn reconsider_all(&mut self) {
        self.is_all = true;
    }

    /// Tries refused changes again now.
    pub(crate) fn retry_all(&mut self) {
        self.queue.extend(std::mem::take(&mut self.retry).into_keys());
    }

    /// Forgets everything that is not in the disk's hands; what the disk is making is made, and must be heard of.
    pub(crate) fn clear(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        let lacking = std::mem::take(&mut self.lacking);
        let applying = if planted!(PauseForgetsWork) { Default::default() } else { std::mem::take(&mut self.applying) };
        *self = Planning { kept, applying, lacking, lacking_bytes: self.lacking_bytes, ..Planning::default() };
    }

    /// Forgets also what the disk is making and what it keeps: another one takes its place.
    pub(crate) fn forget_disk(&mut self) {
        *self = Planning::default();
    }

    /// Names in a directory that are no paths for us.
    pub(crate) fn note_skipped(&mut self, dir: Option<&RelPath>, skipped: Vec<(String, Code)>) {
        if skipped.is_empty() {
            self.skipped.remove(&dir.cloned());
        } else if self.skipped.values().map(Vec::len).sum::<usize>() < SKIPPED_MAX {
            self.skipped.insert(dir.cloned(), skipped);
        }
    }

    /// Notes that a file was put there by us, or that somebody else did something to it.
    pub(super) fn note_made(&mut self, path: &RelPath, is_ours: bool) {
        if is_ours && self.made.len() < KEPT_MAX {
            self.made.insert(path.clone());
        } else {
            self.made.remove(path);
        }
    }

    /// Whether nothing is under way; what is lacking is counted apart.
    pub(crate) fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.is_all && self.ready.is_empty() && self.applying.is_empty()
    }

    /// Files this disk lacks, and their bytes.
    pub(crate) fn lacking(&self) -> (u64, u64) {
        (self.lacking.len() as u64, self.lacking_bytes)
    }

    /// When a refused change is tried again.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.retry.values().map(|(_, due)| *due).min()
    }

    /// Remembers that a displaced content is kept on this disk.
    pub(super) fn keep(&mut self, content: ContentId) {
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(content);
        }
    }

    pub(super) fn set_lacking(&mut self, path: &RelPath, size: Option<u64>) {
        let before = match size {
            Some(size) => {
                self.lacking_bytes += size;
                self.lacking.insert(path.clone(), size)
            }
            None => self.lacking.remove(path),
        };
        self.lacking_bytes -= before.unwrap_or(0);
    }

    /// Puts a change off.
    pub(super) fn put_off(&mut self, path: &RelPath, now: Timestamp) {
        let (times, due) = self.retry.entry(path.clone()).or_insert((0, now));
        *due = now.after((RETRY_FIRST * 2_u32.saturating_pow((*times).min(8))).min(RETRY_MAX));
        *times += 1;
    }

    /// Whether a change was refused so lately that it is not tried again yet.
    pub(super) fn is_put_off(&self, path: &RelPath, now: Timestamp) -> bool {
        self.retry.get(path).is_some_and(|(_, due)| *due > now && due.0 != u64::MAX)
    }

    /// A change succeeded: no pause next time.
    pub(super) fn succeeded(&mut self, path: &RelPath) {
        self.retry.remove(path);
    }

    pub(super) fn want(&mut self, path: &RelPath, content: Option<ContentId>) -> Option<ContentId> {
        let before = match content {
            Some(content) => self.wants.insert(path.clone(), content),
            None => self.wants.remove(path),
        };
        if before == content {
            return None;
        }
        if let Some(content) = content {
            self.wanted.entry(content).or_default().insert(path.clone());
        }
        let before = before?;
        let paths = self.wanted.get_mut(&before)?;
        paths.remove(path);
        if !paths.is_empty() {
            return None;
        }
        self.wanted.remove(&before);
        Some(before)
    }

    /// Takes a change out of those that can be made.
    pub(super) fn take_ready(&mut self, path: &RelPath) -> Option<Change> {
        let change = self.ready.remove(path)?;
        if let Some(from) = moved_source(&change) {
            self.moving.remove(from);
        }
        Some(change)
    }

    /// Whether a ready change moves the file that stands at a path.
    pub(super) fn is_moving(&self, path: &RelPath) -> bool {
        self.moving.contains(path)
    }

    /// Paths that wait for a content.
    pub(super) fn waiting_for(&self, content: ContentId) -> Vec<RelPath> {
        self.wanted.get(&content).into_iter().flatten().cloned().collect()
    }
}

/// The path a change moves a file away from.
pub(super) fn moved_source(change: &Change) -> Option<&RelPath> {
    match &change.act {
        Act::Publish { source: Source::Move { from, .. }, .. } => Some(from),
        Act::Publish { .. } | Act::Touch { .. } | Act::MakeDirectory | Act::MakeLink { .. } | Act::Remove => None,
    }
}
