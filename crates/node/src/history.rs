//! What happened in a folder and whether all of it holds, worked out anew from the signed records.

use std::collections::{BTreeMap, BTreeSet};

use shoal_engine::entry::{Entry, Kind};
use shoal_engine::id::{DeviceId, FolderId, VersionId};
use shoal_engine::ledger::{AcceptedBlock, AcceptedRecord, Content, Invalid, Learned, Ledger};

use crate::command::{ChangeKind, HistoryPage, HistoryRow, Verification};
use crate::show::{count, number};
use crate::view::{ErrorCode, Trouble};

/// Rows of one page: more than a screen, little to send.
const PAGE_ROWS: usize = 100;

/// One folder's ledger as it is stored, genesis included.
pub(crate) struct Stored<'a> {
    pub(crate) folder: FolderId,
    pub(crate) name: &'a str,
    pub(crate) records: &'a [Vec<u8>],
}

/// One page of everything that happened in these folders, newest first.
pub(crate) fn page(folders: &[Stored<'_>], called: &dyn Fn(DeviceId) -> String, page: u32) -> HistoryPage {
    let mut rows: Vec<(u64, HistoryRow)> = folders.iter().flat_map(|stored| rows_of(stored, called)).collect();
    // By the authors' clocks, because people read it; lamports keep the order where clocks agree.
    rows.sort_by(|(a_lamport, a), (b_lamport, b)| (b.time, b_lamport).cmp(&(a.time, a_lamport)));
    let total = rows.len();
    let from = (page as usize).saturating_mul(PAGE_ROWS);
    let shown = rows.into_iter().skip(from).take(PAGE_ROWS);
    HistoryPage {
        rows: shown.map(|(_, row)| row).collect(),
        page,
        pages: count(total.div_ceil(PAGE_ROWS)),
        total: total as u64,
    }
}

/// Checks every signature and every link of a folder's history, from its first record.
pub(crate) fn verify(stored: &Stored<'_>, called: &dyn Fn(DeviceId) -> String) -> Verification {
    let mut found = Verification {
        folder: stored.folder.to_string(),
        name: stored.name.to_owned(),
        entries: 0,
        devices: 0,
        memberships: 0,
        ok: false,
        troubles: Vec::new(),
    };
    let loaded = match Ledger::load(stored.records) {
        Ok(loaded) if loaded.ledger.folder() == stored.folder => loaded,
        Ok(_) | Err(_) => {
            found.troubles.push(Trouble::plain(ErrorCode::EntryInvalid));
            return found;
        }
    };
    let blocks = || loaded.accepted.iter().filter_map(block_of);
    found.entries = number(blocks().map(|block| block.entries.len() as u64).sum());
    found.devices = count(blocks().map(|block| block.author).collect::<BTreeSet<_>>().len());
    found.memberships = u32::try_from(loaded.ledger.memberships()).unwrap_or(u32::MAX);
    for fork in loaded.ledger.forks() {
        let trouble = Trouble::plain(ErrorCode::Forked).text("device", called(fork.author));
        found.troubles.push(trouble);
    }
    found.troubles.extend(refused(loaded.ledger, stored.records));
    found.ok = found.troubles.is_empty();
    found
}

/// One trouble for each stored record that is no part of the ledger.
fn refused(mut ledger: Ledger, records: &[Vec<u8>]) -> Vec<Trouble> {
    let mut is_refused = |record: &&Vec<u8>| match ledger.learn(record) {
        // What a fork or the recovery key undid is told of already, as the fork.
        Learned::Refused(Invalid::Frozen | Invalid::Outranked) => false,
        Learned::Refused(_) => true,
        Learned::Known | Learned::Waiting | Learned::Forked(_) | Learned::Accepted(_) => false,
    };
    let bad = records.iter().filter(|record| is_refused(record));
    bad.map(|_| Trouble::plain(ErrorCode::EntryInvalid)).collect()
}

fn block_of(record: &AcceptedRecord) -> Option<&AcceptedBlock> {
    match &record.content {
        Content::Block(block) => Some(block),
        Content::Membership | Content::Fork(_) => None,
    }
}

/// Each change with the lamport of its block.
fn rows_of(stored: &Stored<'_>, called: &dyn Fn(DeviceId) -> String) -> Vec<(u64, HistoryRow)> {
    let Ok(loaded) = Ledger::load(stored.records) else {
        return Vec::new();
    };
    let mut before: BTreeMap<VersionId, Entry> = BTreeMap::new();
    let mut rows = Vec::new();
    for block in loaded.accepted.iter().filter_map(block_of) {
        let moved: BTreeSet<VersionId> = block.entries.iter().filter_map(|one| one.entry.moved_from).collect();
        for one in &block.entries {
            // A move is one row: its other half only says that nothing is left behind.
            let is_left_behind = !one.entry.kind.is_live() && one.entry.supersedes.iter().any(|id| moved.contains(id));
            if !is_left_behind {
                let row = row(stored, block, &one.entry, &before, called);
                rows.push((block.lamport, row));
            }
            before.insert(one.id, one.entry.clone());
        }
    }
    rows
}

fn row(
    stored: &Stored<'_>,
    block: &AcceptedBlock,
    entry: &Entry,
    before: &BTreeMap<VersionId, Entry>,
    called: &dyn Fn(DeviceId) -> String,
) -> HistoryRow {
    let origin = entry.moved_from.filter(|_| is_moved(entry, before)).and_then(|id| before.get(&id));
    HistoryRow {
        time: number(block.time.0),
        device: called(block.author),
        folder: stored.folder.to_string(),
        folder_name: stored.name.to_owned(),
        path: entry.path.to_string(),
        kind: kind_of(entry, before),
        size: match &entry.kind {
            Kind::File { size, .. } => Some(number(*size)),
            Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
        },
        from: origin.map(|entry| entry.path.to_string()),
    }
}

fn kind_of(entry: &Entry, before: &BTreeMap<VersionId, Entry>) -> ChangeKind {
    let was_live = |id: &VersionId| before.get(id).is_some_and(|old| old.kind.is_live());
    match entry.supersedes.as_slice() {
        _ if !entry.kind.is_live() => ChangeKind::Removed,
        _ if is_moved(entry, before) => ChangeKind::Moved,
        [] => ChangeKind::Created,
        [old] if !was_live(old) => ChangeKind::Created,
        [_] => ChangeKind::Changed,
        [_, _, ..] => ChangeKind::Settled,
    }
}

/// Whether something came from another path. What settling makes of several versions of one path is moved nowhere.
fn is_moved(entry: &Entry, before: &BTreeMap<VersionId, Entry>) -> bool {
    entry.moved_from.is_some_and(|id| before.get(&id).is_none_or(|old| old.path != entry.path))
}

pub(crate) mod past;
#[cfg(test)]
mod tests;
