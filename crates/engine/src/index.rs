//! What a folder knows of each path: its heads, what stands on this disk, and what is in the way.
//!
//! Heads come from the ledger alone; `disk` comes from this disk alone. Everything else is worked out from the two.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::conflict::original_of;
use crate::entry::{Entry, Kind};
use crate::id::{ContentId, RecordHash, VersionId};
use crate::observe::Code;
use crate::path::RelPath;
use crate::reconcile::{Reconciled, reconcile};
use crate::saved::Materialised;
use crate::version::{Head, winner};

/// Most superseded versions remembered per path: to recognise an old file after the index was lost, and to know what two
/// changes were made to.
const PAST_MAX: usize = 16;
/// How often a file may have been moved on for an edit to follow it.
const MOVES_MAX: usize = 16;

/// Everything known of one path.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathState {
    /// Entries no other supersedes.
    pub(crate) heads: Vec<Head>,
    /// Heads that were superseded, newest last.
    pub(crate) past: Vec<Head>,
    /// What stands here as last seen or made; `Deleted` for known absence, `None` where nothing is known.
    pub(crate) disk: Option<Materialised>,
    /// What stands here is remembered from an earlier run and was not seen since: it may be older than what stands here.
    pub(crate) is_remembered: bool,
    /// Why it cannot go on.
    pub(crate) problem: Option<Code>,
    /// The disk is at work on it.
    pub(crate) is_busy: bool,
}

impl PathState {
    fn is_live(&self) -> bool {
        winner(&self.heads).is_some_and(|head| head.kind.is_live())
    }

    /// Closes heads that an entry supersedes.
    fn close(&mut self, supersedes: &[VersionId]) {
        let (closed, open): (Vec<Head>, Vec<Head>) =
            std::mem::take(&mut self.heads).into_iter().partition(|old| supersedes.contains(&old.id));
        self.heads = open;
        let closed = if planted!(PastForgotten) { Vec::new() } else { closed };
        self.past.extend(closed);
        let extra = self.past.len().saturating_sub(PAST_MAX);
        self.past.drain(..extra);
    }

    fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.disk.is_none() && self.problem.is_none() && !self.is_busy
    }

    /// The kind that stands on the disk, if something does.
    pub(crate) fn standing(&self) -> Option<&Kind> {
        self.disk.as_ref().map(|disk| &disk.kind).filter(|kind| kind.is_live())
    }
}

/// All paths of a folder.
#[derive(Default)]
pub(crate) struct Index {
    paths: BTreeMap<RelPath, PathState>,
    /// Where each content stands on this disk, by the first eight bytes of its id.
    places: BTreeMap<u64, BTreeSet<RelPath>>,
    /// Per directory, how many paths below it have a live winner.
    live_below: BTreeMap<RelPath, u32>,
    /// Per directory, how many paths below it stand on this disk.
    standing_below: BTreeMap<RelPath, u32>,
    /// Where a version was moved to by whoever took it away from where it stood, and what ranks that entry.
    moved_to: BTreeMap<VersionId, (u64, RecordHash, RelPath)>,
    /// Paths that cannot go on.
    pub(crate) problems: BTreeSet<RelPath>,
    /// Files on this disk that are named like conflict copies.
    pub(crate) copies: BTreeSet<RelPath>,
    /// Files on this disk, and their bytes.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Index {
    /// Everything known of a path.
    pub(crate) fn get(&self, path: &RelPath) -> Option<&PathState> {
        self.paths.get(path)
    }

    /// What stands on this disk at a path, as last seen.
    pub(crate) fn disk(&self, path: &RelPath) -> Option<&Materialised> {
        self.paths.get(path)?.disk.as_ref()
    }

    /// What the heads of a path amount to.
    pub(crate) fn reconciled(&self, path: &RelPath) -> Reconciled<'_> {
        self.paths
            .get(path)
            .map(|state| reconcile(&state.heads, &state.past, self.has_live_below(path)))
            .unwrap_or_default()
    }

    /// Whether something live exists below a directory.
    pub(crate) fn has_live_below(&self, dir: &RelPath) -> bool {
        self.live_below.contains_key(dir)
    }

    /// Whether something stands on this disk below a directory.
    pub(crate) fn has_standing_below(&self, dir: &RelPath) -> bool {
        self.standing_below.contains_key(dir)
    }

    /// The heads of a path; none if nothing is known of it.
    pub(crate) fn heads(&self, path: &RelPath) -> &[Head] {
        self.paths.get(path).map(|state| state.heads.as_slice()).unwrap_or_default()
    }

    /// Every path with its state, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RelPath, &PathState)> {
        self.paths.iter()
    }

    /// Every path below a directory (`None` for all), in order.
    pub(crate) fn below<'a>(
        &'a self,
        dir: Option<&RelPath>,
    ) -> Box<dyn Iterator<Item = (&'a RelPath, &'a PathState)> + 'a> {
        let Some(dir) = dir else { return Box::new(self.paths.iter()) };
        let (first, end) = dir.span();
        Box::new(self.paths.range::<str, _>((Bound::Included(first.as_str()), Bound::Excluded(end.as_str()))))
    }

    /// The names that stand directly in a directory on this disk, as last seen, or that the disk is changing for us:
    /// their paths, whether they are themselves recorded or only implied by something below them.
    pub(crate) fn children_standing(&self, dir: Option<&RelPath>) -> Vec<RelPath> {
        let depth = dir.map_or(0, |dir| dir.as_str().len() + 1);
        let mut children: Vec<RelPath> = Vec::new();
        for (path, state) in self.below(dir) {
            if state.standing().is_none() && !state.is_busy {
                continue;
            }
            let name = path.as_str()[depth..].split('/').next().unwrap_or_default();
            let child = RelPath::parse(&path.as_str()[..depth + name.len()]).unwrap_or_else(|_| path.clone());
            if children.last() != Some(&child) {
                children.push(child);
            }
        }
        children.dedup();
        children
    }

    /// Takes an entry into the heads. Entries come in causal order, so nothing that supersedes it was here before.
    /// Returns the path away from which the entry moved a version, if it did.
    pub(crate) fn fold(&mut self, entry: &Entry, head: Head) -> Option<RelPath> {
        let moved = entry.settled_from();
        if let Some(version) = entry.moved_from.filter(|_| moved.is_none()) {
            let place = (head.lamport, head.hash, entry.path.clone());
            match self.moved_to.get_mut(&version) {
                Some(known) if *known >= place => {}
                Some(known) => *known = place,
                None => drop(self.moved_to.insert(version, place)),
            }
        }
        let moved = moved.filter(|_| !planted!(MovesStay));
        // What is settled where it was is moved away from nowhere.
        let is_of_here = |version: &VersionId| {
            let here = self.paths.get(&entry.path);
            here.is_some_and(|state| state.heads.iter().chain(&state.past).any(|head| head.id == *version))
        };
        let from = moved.filter(|version| !is_of_here(version)).and_then(|version| self.path_of(version, &entry.path));
        if let Some(from) = &from {
            self.change(from, |state| state.close(&entry.supersedes));
        }
        self.change(&entry.path, |state| {
            state.close(&entry.supersedes);
            if head.kind.is_live() || !planted!(TombstonesForgotten) {
                state.heads.push(head);
            }
        });
        from
    }

    /// The path at which a version is a head. A conflict copy's name usually tells; if not, all are looked through.
    fn path_of(&self, version: VersionId, moved_to: &RelPath) -> Option<RelPath> {
        let has = |path: &RelPath| {
            self.paths.get(path).is_some_and(|state| state.heads.iter().any(|head| head.id == version))
        };
        let likely = original_of(moved_to).map(|(path, _)| path).filter(|path| has(path));
        likely.or_else(|| self.paths.keys().find(|path| has(path)).cloned())
    }

    /// Where the file lives now that one of these versions was, if somebody moved it; the latest of several moves counts.
    pub(crate) fn place_after_moves(&self, versions: &[VersionId]) -> Option<&RelPath> {
        let mut versions = versions.to_vec();
        for _ in 0..MOVES_MAX {
            let (_, _, place) = versions.iter().filter_map(|version| self.moved_to.get(version)).max()?;
            let state = self.paths.get(place)?;
            if winner(&state.heads).is_some_and(|head| matches!(head.kind, Kind::File { .. })) {
                return Some(place);
            }
            versions = state.heads.iter().chain(&state.past).map(|head| head.id).collect();
        }
        None
    }

    /// Forgets all heads, to fold a ledger anew.
    pub(crate) fn clear_heads(&mut self) {
        self.moved_to.clear();
        let paths: Vec<RelPath> = self.paths.keys().cloned().collect();
        for path in paths {
            self.change(&path, |state| {
                state.heads.clear();
                state.past.clear();
            });
        }
    }

    /// Notes what stands on this disk at a path.
    pub(crate) fn set_disk(&mut self, path: &RelPath, disk: Option<Materialised>) {
        self.change(path, |state| {
            state.disk = disk;
            state.is_remembered = false;
        });
    }

    /// Notes what stood on the disk in an earlier run.
    pub(crate) fn remember_disk(&mut self, path: &RelPath, disk: Materialised) {
        self.change(path, |state| {
            state.disk = Some(disk);
            state.is_remembered = true;
        });
    }

    /// What is remembered of a path was found as it is remembered.
    pub(crate) fn confirm_disk(&mut self, path: &RelPath) {
        if let Some(state) = self.paths.get_mut(path) {
            state.is_remembered = false;
        }
    }

    /// Notes why a path cannot go on, or that nothing is in the way.
    pub(crate) fn set_problem(&mut self, path: &RelPath, problem: Option<Code>) {
        if self.paths.get(path).is_some_and(|state| state.problem == problem)
            || problem.is_none() && !self.paths.contains_key(path)
        {
            return;
        }
        self.change(path, |state| state.problem = problem);
    }

    /// Notes whether the disk is at work on a path.
    pub(crate) fn set_busy(&mut self, path: &RelPath, is_busy: bool) {
        self.change(path, |state| state.is_busy = is_busy);
    }

    /// Where a content stands on this disk: path and state, as last seen.
    pub(crate) fn places_of(&self, content: ContentId) -> impl Iterator<Item = (&RelPath, &Materialised)> {
        self.places.get(&short(content)).into_iter().flatten().filter_map(move |path| {
            let disk = self.paths.get(path)?.disk.as_ref()?;
            (disk.kind.content() == Some(content)).then_some((path, disk))
        })
    }

    /// Changes one path and keeps every count and every list in step.
    fn change(&mut self, path: &RelPath, act: impl FnOnce(&mut PathState)) {
        let state = self.paths.entry(path.clone()).or_default();
        let (was_live, before) = (state.is_live(), state.disk.as_ref().map(|disk| disk.kind.clone()));
        act(state);
        let (is_live, after) = (state.is_live(), state.disk.as_ref().map(|disk| disk.kind.clone()));
        let has_problem = state.problem.is_some();
        if state.is_empty() {
            self.paths.remove(path);
        }
        if has_problem {
            self.problems.insert(path.clone());
        } else {
            self.problems.remove(path);
        }
        if was_live != is_live {
            count(&mut self.live_below, path, is_live);
        }
        if before != after {
            self.count_disk(path, before.as_ref(), after.as_ref());
        }
    }

    fn count_disk(&mut self, path: &RelPath, before: Option<&Kind>, after: Option<&Kind>) {
        let stands = |kind: Option<&Kind>| kind.is_some_and(Kind::is_live);
        if stands(before) != stands(after) {
            count(&mut self.standing_below, path, stands(after));
            if stands(after) && path.name().contains(')') && original_of(path).is_some() {
                self.copies.insert(path.clone());
            } else {
                self.copies.remove(path);
            }
        }
        if let Some(Kind::File { content, size, .. }) = before {
            self.files -= 1;
            self.bytes -= size;
            if let Some(list) = self.places.get_mut(&short(*content)) {
                list.remove(path);
                if list.is_empty() {
                    self.places.remove(&short(*content));
                }
            }
        }
        if let Some(Kind::File { content, size, .. }) = after {
            self.files += 1;
            self.bytes += size;
            self.places.entry(short(*content)).or_default().insert(path.clone());
        }
    }
}

/// Counts one path more or less in every directory above it.
fn count(counts: &mut BTreeMap<RelPath, u32>, path: &RelPath, is_more: bool) {
    for dir in path.ancestors() {
        let number = counts.entry(dir.clone()).or_default();
        *number = if is_more { *number + 1 } else { number.saturating_sub(1) };
        if *number == 0 {
            counts.remove(&dir);
        }
    }
}

fn short(content: ContentId) -> u64 {
    u64::from_le_bytes(content.0[..8].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChainId, DeviceId};
    use crate::time::Timestamp;

    /// An entry at the path `a`, and the head it makes.
    fn written(device: u8, supersedes: &[VersionId], moved_from: Option<VersionId>) -> (Entry, Head) {
        let path = RelPath::parse("a").expect("plain");
        let kind = Kind::File { content: ContentId([device; 32]), size: 1, executable: false, modified: Timestamp(0) };
        let chain = ChainId { device: DeviceId([device; 32]), incarnation: 1 };
        let head = Head {
            id: VersionId { chain, sequence: 0 },
            lamport: device.into(),
            hash: RecordHash([device; 32]),
            kind: kind.clone(),
            time: Timestamp(0),
            author: "x".into(),
            supersedes: supersedes.into(),
            moved_from: moved_from.map(Box::new),
        };
        (Entry { path, kind, supersedes: supersedes.to_vec(), moved_from }, head)
    }

    #[test]
    fn what_is_settled_at_its_path_leaves_its_past_known() {
        let mut index = Index::default();
        let (first, second) = (written(1, &[], None), written(2, &[], None));
        let (path, closed) = (first.0.path.clone(), [first.1.id, second.1.id]);
        let (entry, head) = written(3, &closed, Some(closed[0]));
        for (entry, head) in [first, second] {
            index.fold(&entry, head);
        }
        assert_eq!(index.fold(&entry, head), None, "it was moved away from nowhere");
        let state = index.get(&path).expect("folded");
        assert_eq!(state.past.iter().map(|old| old.id).collect::<Vec<_>>(), closed);
        assert_eq!(state.heads.len(), 1);
    }
}
