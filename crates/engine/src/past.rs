//! What a folder held at an earlier moment, and how to get back there: worked out from the accepted entries alone.
//!
//! **The state at a moment** is made of the entries whose block claims to be no later than it, by its author's clock,
//! and of everything those entries supersede, directly or through others, whatever time that claims: who writes an
//! entry knew what it replaces, so that was earlier. A path then holds the winner among those of these entries that
//! none of them supersedes. A device whose clock is wrong shifts its own changes, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::entry::{Entry, Kind};
use crate::id::{RecordHash, VersionId};
use crate::ledger::{AcceptedRecord, Content};
use crate::path::RelPath;
use crate::reconcile::reconcile;
use crate::time::Timestamp;
use crate::version::{Head, winner};

/// One entry that counts, with what its block says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEntry {
    /// Which version it made.
    pub id: VersionId,
    /// The hash of the entry: what a person can name it by.
    pub hash: RecordHash,
    /// The lamport of its block.
    pub lamport: u64,
    /// When, by its author's clock.
    pub time: Timestamp,
    /// What its author called itself.
    pub author: Arc<str>,
    /// What it says.
    pub entry: Entry,
}

/// What has to be done at a path to get back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing stands there; this did.
    Create(Kind),
    /// Something else stands there; this did.
    Replace(Kind),
    /// Nothing stood there.
    Remove,
}

impl Step {
    /// What comes; `None` if nothing does.
    pub fn kind(&self) -> Option<&Kind> {
        match self {
            Step::Create(kind) | Step::Replace(kind) => Some(kind),
            Step::Remove => None,
        }
    }
}

/// Every entry that counts, causes before their effects.
pub fn entries(accepted: &[AcceptedRecord]) -> Vec<PastEntry> {
    let mut entries = Vec::new();
    for record in accepted {
        let Content::Block(block) = &record.content else { continue };
        if block.is_void {
            continue;
        }
        let author: Arc<str> = block.author_name.as_str().into();
        entries.extend(block.entries.iter().map(|one| PastEntry {
            id: one.id,
            hash: one.hash,
            lamport: block.lamport,
            time: block.time,
            author: author.clone(),
            entry: one.entry.clone(),
        }));
    }
    entries
}

/// What lived in the folder at a moment, by path.
pub fn state_at(entries: &[PastEntry], moment: Timestamp) -> BTreeMap<RelPath, Kind> {
    let mut is_in: BTreeSet<VersionId> = entries.iter().filter(|one| one.time <= moment).map(|one| one.id).collect();
    // Causes come first in the list: going backwards, an entry comes after all that supersede it.
    for one in entries.iter().rev() {
        if is_in.contains(&one.id) {
            is_in.extend(one.entry.supersedes.iter().copied());
        }
    }
    let included = || entries.iter().filter(|one| is_in.contains(&one.id));
    let superseded: BTreeSet<VersionId> = included().flat_map(|one| one.entry.supersedes.iter().copied()).collect();
    let mut heads: BTreeMap<RelPath, Vec<Head>> = BTreeMap::new();
    for one in included().filter(|one| !superseded.contains(&one.id)) {
        heads.entry(one.entry.path.clone()).or_default().push(one.head());
    }
    let is_live = |heads: &[Head]| winner(heads).is_some_and(|head| head.kind.is_live());
    let above: BTreeSet<RelPath> =
        heads.iter().filter(|(_, heads)| is_live(heads)).flat_map(|(path, _)| path.ancestors()).collect();
    let stood = heads.iter().filter_map(|(path, heads)| {
        let reconciled = reconcile(heads, &[], above.contains(path));
        let kind = &reconciled.winner?.kind;
        let stood = kind.is_live() && (!reconciled.gives_way || *kind == Kind::Directory);
        stood.then(|| (path.clone(), kind.clone()))
    });
    stood.collect()
}

/// The entries of one path, oldest first, and those of the paths from which it was moved here, until then.
pub fn of_path<'a>(entries: &'a [PastEntry], path: &RelPath) -> Vec<&'a PastEntry> {
    let by_id: BTreeMap<VersionId, &PastEntry> = entries.iter().map(|one| (one.id, one)).collect();
    let mut wanted: BTreeSet<VersionId> = BTreeSet::new();
    let mut open: Vec<VersionId> = entries.iter().filter(|one| one.entry.path == *path).map(|one| one.id).collect();
    while let Some(id) = open.pop() {
        let Some(one) = by_id.get(&id).filter(|_| wanted.insert(id)) else { continue };
        open.extend(one.entry.moved_from);
        // What was at the old path before the move is this file's past; what came there later is not.
        open.extend(one.entry.supersedes.iter().filter(|_| one.entry.path != *path));
    }
    entries.iter().filter(|one| wanted.contains(&one.id)).collect()
}

/// What has to be done to get from what stands to what stood, at a path and below it (`None` for the whole folder).
/// What goes comes first, deepest first; then what comes, directories before what is in them.
pub fn steps(
    now: &BTreeMap<RelPath, Kind>,
    then: &BTreeMap<RelPath, Kind>,
    within: Option<&RelPath>,
) -> Vec<(RelPath, Step)> {
    let is_within = |path: &&RelPath| within.is_none_or(|within| *path == within || path.is_inside(within));
    // A directory need not have an entry of its own.
    let above: BTreeSet<RelPath> = then.keys().flat_map(RelPath::ancestors).collect();
    let gone = now.keys().filter(is_within).filter(|path| !then.contains_key(*path) && !above.contains(*path));
    let mut steps: Vec<(RelPath, Step)> = gone.map(|path| (path.clone(), Step::Remove)).collect();
    steps.reverse();
    for (path, kind) in then.iter().filter(|(path, _)| is_within(path)) {
        match now.get(path) {
            Some(stands) if stands.is_same(kind) => {}
            Some(_) => steps.push((path.clone(), Step::Replace(kind.clone()))),
            None => steps.push((path.clone(), Step::Create(kind.clone()))),
        }
    }
    steps
}

impl PastEntry {
    fn head(&self) -> Head {
        Head {
            id: self.id,
            lamport: self.lamport,
            hash: self.hash,
            kind: self.entry.kind.clone(),
            time: self.time,
            author: self.author.clone(),
            supersedes: self.entry.supersedes.as_slice().into(),
            moved_from: self.entry.moved_from.map(Box::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChainId, ContentId, DeviceId};

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("plain")
    }

    fn file(content: u8) -> Kind {
        Kind::File { content: ContentId([content; 32]), size: 1, executable: false, modified: Timestamp(0) }
    }

    /// The numbered entry of one device, at a time, over others.
    fn entry(number: u64, time: u64, at: &str, kind: Kind, over: &[u64]) -> PastEntry {
        let chain = ChainId { device: DeviceId([1; 32]), incarnation: 1 };
        let id = |sequence| VersionId { chain, sequence };
        PastEntry {
            id: id(number),
            hash: RecordHash([number as u8; 32]),
            lamport: number,
            time: Timestamp(time),
            author: "Ana".into(),
            entry: Entry {
                path: path(at),
                kind,
                supersedes: over.iter().map(|one| id(*one)).collect(),
                moved_from: None,
            },
        }
    }

    fn at(entries: &[PastEntry], moment: u64) -> Vec<(String, Kind)> {
        state_at(entries, Timestamp(moment)).into_iter().map(|(path, kind)| (path.to_string(), kind)).collect()
    }

    #[test]
    fn a_folder_is_as_it_was_at_each_moment() {
        let entries = [
            entry(1, 10, "a", file(1), &[]),
            entry(2, 20, "a", file(2), &[1]),
            entry(3, 20, "d", Kind::Directory, &[]),
            entry(4, 30, "d/b", file(3), &[]),
            entry(5, 40, "a", Kind::Deleted, &[2]),
        ];
        assert_eq!(at(&entries, 9), []);
        assert_eq!(at(&entries, 10), [("a".into(), file(1))]);
        assert_eq!(at(&entries, 25), [("a".into(), file(2)), ("d".into(), Kind::Directory)]);
        let last = [("d".into(), Kind::Directory), ("d/b".into(), file(3))];
        assert_eq!(at(&entries, 40), last);
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nothing_that_was_built_on_it() {
        // The second author's clock is far ahead; the third wrote over it, with a right clock.
        let entries =
            [entry(1, 10, "a", file(1), &[]), entry(2, 9_000, "a", file(2), &[1]), entry(3, 30, "a", file(3), &[2])];
        assert_eq!(at(&entries, 20), [("a".into(), file(1))]);
        assert_eq!(at(&entries, 30), [("a".into(), file(3))]);
        // A clock that is behind shifts only its own change.
        let entries =
            [entry(1, 10, "a", file(1), &[]), entry(2, 30, "b", file(2), &[]), entry(3, 1, "a", file(3), &[1])];
        assert_eq!(at(&entries, 20), [("a".into(), file(3))]);
    }

    #[test]
    fn a_file_in_the_way_of_a_directory_gives_way_in_the_past_too() {
        let entries = [entry(1, 10, "a", file(1), &[]), entry(2, 10, "a/b", file(2), &[])];
        assert_eq!(at(&entries, 10), [("a/b".into(), file(2))]);
    }

    #[test]
    fn steps_lead_from_what_stands_to_what_stood() {
        let map = |list: &[(&str, Kind)]| -> BTreeMap<RelPath, Kind> {
            list.iter().map(|(at, kind)| (path(at), kind.clone())).collect()
        };
        let now =
            map(&[("a", file(1)), ("d", Kind::Directory), ("d/x", file(2)), ("same", file(5)), ("x", Kind::Directory)]);
        let then = map(&[("a", file(9)), ("new/deep", file(3)), ("same", file(5)), ("x/y", file(6))]);
        let found = steps(&now, &then, None);
        let expected = [
            (path("d/x"), Step::Remove),
            (path("d"), Step::Remove),
            (path("a"), Step::Replace(file(9))),
            (path("new/deep"), Step::Create(file(3))),
            (path("x/y"), Step::Create(file(6))),
        ];
        assert_eq!(found, expected);
        assert_eq!(steps(&now, &then, Some(&path("d"))), expected[..2]);
        assert_eq!(steps(&now, &then, Some(&path("a"))), expected[2..3]);
        assert_eq!(steps(&now, &now, None), []);
    }

    #[test]
    fn the_past_of_a_moved_file_goes_back_to_its_old_path() {
        let mut moved = entry(4, 40, "new", file(2), &[2]);
        moved.entry.moved_from = Some(moved.entry.supersedes[0]);
        let entries = [
            entry(1, 10, "old", file(1), &[]),
            entry(2, 20, "old", file(2), &[1]),
            entry(3, 30, "other", file(7), &[]),
            moved,
            entry(5, 50, "old", file(8), &[]),
        ];
        let found: Vec<u64> = of_path(&entries, &path("new")).iter().map(|one| one.id.sequence).collect();
        assert_eq!(found, [1, 2, 4]);
    }
}
