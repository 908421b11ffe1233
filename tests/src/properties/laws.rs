//! Laws of reconciling one path: entries of few devices that each saw part of the others, folded in two causal orders.

use shoal_engine::entry::Kind;
use shoal_engine::id::{ChainId, ContentId, DeviceId, RecordHash, VersionId};
use shoal_engine::reconcile::{Reconciled, reconcile};
use shoal_engine::time::Timestamp;
use shoal_engine::version::{Head, ancestors, line, winner};

use crate::sim::dice::Dice;

/// Checks the laws for the entries of a seed.
pub fn check(seed: u64) -> Result<(), String> {
    let mut dice = Dice::from_seed(seed);
    let entries = history(&mut dice);
    let is_directory = dice.chance(15);
    let (heads, past) = fold(&entries);
    let found = reconcile(&heads, &past, is_directory);
    let turned = fold(&shuffled(&entries, &mut dice));
    let again = reconcile(&turned.0, &turned.1, is_directory);
    demand(is_alike(&found, &again), "the order of arrival matters", &entries)?;
    check_winner(&heads, &entries)?;
    check_bytes(&found, &heads, &past, &entries)?;
    check_false_conflicts(&found, &heads, &past, &entries)?;
    check_settled(&found, &heads, &past, is_directory, &entries)
}

fn demand(holds: bool, what: &str, entries: &[Head]) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}: {entries:?}")) }
}

/// Entries in an order in which each comes after all it supersedes.
fn history(dice: &mut Dice) -> Vec<Head> {
    let devices = dice.between(1, 4) as u8;
    // What each device has on its disk, and knows.
    let mut stands: Vec<Vec<VersionId>> = vec![Vec::new(); usize::from(devices)];
    let mut entries: Vec<Head> = Vec::new();
    for number in 0..dice.between(1, 8) {
        let device = dice.below(u64::from(devices)) as u8;
        let at = usize::from(device);
        if dice.chance(35) {
            // It hears of all that is known, and shows the winner.
            let (heads, _) = fold(&entries);
            stands[at] = winner(&heads)
                .map(|head| {
                    let same = heads.iter().filter(|other| other.kind.is_same(&head.kind));
                    same.map(|head| head.id).collect()
                })
                .unwrap_or_default();
        }
        let chain = ChainId { device: DeviceId([device + 1; 32]), incarnation: 1 };
        let id = VersionId { chain, sequence: number };
        let of = |version: &VersionId| entries.iter().find(|entry| entry.id == *version);
        let lamport = 1 + stands[at].iter().filter_map(of).map(|entry| entry.lamport).max().unwrap_or(dice.below(3));
        let base = stands[at].first().and_then(of).map(|entry| entry.kind.clone());
        let kind = changed(base.as_ref(), dice);
        let supersedes = std::mem::replace(&mut stands[at], vec![id]).into();
        let hash = RecordHash(dice.bytes());
        let (time, author) = (Timestamp(number), "x".into());
        entries.push(Head { id, lamport, hash, kind, time, author, supersedes, moved_from: None });
    }
    entries
}

/// What a person makes of what stands there.
fn changed(base: Option<&Kind>, dice: &mut Dice) -> Kind {
    let bytes = ContentId([dice.below(6) as u8; 32]);
    let modified = Timestamp(dice.below(9));
    match (dice.below(10), base) {
        (0, _) => Kind::Deleted,
        (1, _) => Kind::Directory,
        (2, _) => Kind::Link { target: format!("to {}", dice.below(3)) },
        (3..5, Some(Kind::File { content, size, executable, .. })) => {
            Kind::File { content: *content, size: *size, executable: !executable, modified }
        }
        (_, Some(Kind::File { executable, .. })) => {
            Kind::File { content: bytes, size: 1, executable: *executable, modified }
        }
        _ => Kind::File { content: bytes, size: 1, executable: dice.chance(20), modified },
    }
}

/// The heads of entries, and what they superseded, in the order in which that happened.
fn fold(entries: &[Head]) -> (Vec<Head>, Vec<Head>) {
    let (mut heads, mut past): (Vec<Head>, Vec<Head>) = (Vec::new(), Vec::new());
    for entry in entries {
        let (closed, open): (Vec<Head>, Vec<Head>) =
            heads.into_iter().partition(|head| entry.supersedes.contains(&head.id));
        heads = open;
        past.extend(closed);
        heads.push(entry.clone());
    }
    (heads, past)
}

/// The entries in another order in which each comes after all it supersedes, and after its author's earlier ones.
fn shuffled(entries: &[Head], dice: &mut Dice) -> Vec<Head> {
    let mut left = entries.to_vec();
    let mut order: Vec<Head> = Vec::new();
    while !left.is_empty() {
        let is_free = |head: &Head| {
            let is_before = |other: &Head| {
                head.supersedes.contains(&other.id)
                    || other.id.chain == head.id.chain && other.id.sequence < head.id.sequence
            };
            !left.iter().any(is_before)
        };
        let free: Vec<usize> = (0..left.len()).filter(|at| is_free(&left[*at])).collect();
        order.push(left.remove(*dice.pick(&free)));
    }
    order
}

fn is_alike(a: &Reconciled<'_>, b: &Reconciled<'_>) -> bool {
    let ids = |found: &Reconciled<'_>| found.losers.iter().map(|head| head.id).collect::<Vec<_>>();
    a.winner.map(|head| head.id) == b.winner.map(|head| head.id)
        && ids(a) == ids(b)
        && a.merged == b.merged
        && a.gives_way == b.gives_way
}

/// I8: the order of heads is total and transitive, and a live one comes first.
fn check_winner(heads: &[Head], entries: &[Head]) -> Result<(), String> {
    for a in heads {
        for b in heads.iter().filter(|b| b.id != a.id) {
            demand(a.rank() != b.rank(), "two heads have one rank", entries)?;
            for c in heads.iter().filter(|_| a.rank() > b.rank()) {
                demand(b.rank() <= c.rank() || a.rank() > c.rank(), "the order of heads is not transitive", entries)?;
            }
        }
    }
    let is_live = heads.iter().any(|head| head.kind.is_live());
    demand(winner(heads).is_none_or(|head| head.kind.is_live() || !is_live), "a deletion won over what lives", entries)
}

/// I1: the bytes of each head are at the path, in a copy, or what both sides began with.
fn check_bytes(found: &Reconciled<'_>, heads: &[Head], past: &[Head], entries: &[Head]) -> Result<(), String> {
    let stands = found.merged.as_ref().or(found.winner.map(|head| &head.kind).filter(|_| !found.gives_way));
    for head in heads {
        let is_there = |kind: &Kind| kind.has_same_bytes(&head.kind);
        let is_replaced = heads.iter().filter(|other| other.id != head.id).any(|other| {
            let known = ancestors(other, past);
            // What was put back after a deletion was not replaced with what stood before it.
            line(head, past).iter().any(|old| is_there(&old.kind) && known.iter().any(|same| same.id == old.id))
        });
        let is_kept = stands.is_some_and(is_there)
            || found.losers.iter().any(|loser| is_there(&loser.kind))
            || !matches!(head.kind, Kind::File { .. } | Kind::Link { .. })
            || is_replaced;
        demand(is_kept, "bytes are lost", entries)?;
    }
    Ok(())
}

/// I23: no copy of bytes that stand at the path, nor of those that one side left alone, and none where there is one head.
fn check_false_conflicts(
    found: &Reconciled<'_>,
    heads: &[Head],
    past: &[Head],
    entries: &[Head],
) -> Result<(), String> {
    if let [one, other] = heads
        && matches!((&one.kind, &other.kind), (Kind::File { .. }, Kind::File { .. }))
    {
        let is_as_before = |head: &Head, other: &Head| {
            made_of(head, other, past).is_some_and(|old| old.kind.has_same_bytes(&head.kind))
        };
        let is_left = is_as_before(one, other) || is_as_before(other, one);
        demand(!is_left || found.gives_way || found.losers.is_empty(), "a copy of what nobody changed", entries)?;
    }
    let stands = found.winner.and_then(|head| head.kind.content()).filter(|_| !found.gives_way);
    let is_needless = |loser: &&Head| loser.kind.content().is_some() && loser.kind.content() == stands;
    demand(!found.losers.iter().any(is_needless), "a copy of what stands there", entries)?;
    demand(heads.len() > 1 || found.gives_way || !found.is_open(), "a conflict of one head with itself", entries)
}

/// What one head was made of, with no deletion in between, and the other replaces.
fn made_of<'a>(one: &Head, other: &Head, past: &'a [Head]) -> Option<&'a Head> {
    let theirs = ancestors(other, past);
    let common = line(one, past).into_iter().filter(|old| theirs.iter().any(|same| same.id == old.id));
    common.filter(|old| old.kind.is_live()).max_by_key(|old| (old.lamport, old.hash))
}

/// I4: once settled, nothing is open any more.
fn check_settled(
    found: &Reconciled<'_>,
    heads: &[Head],
    past: &[Head],
    is_directory: bool,
    entries: &[Head],
) -> Result<(), String> {
    let is_lost = |head: &Head| found.losers.iter().any(|loser| loser.kind.has_same_bytes(&head.kind));
    let mut left: Vec<Head> = heads.iter().filter(|head| !is_lost(head)).cloned().collect();
    let mut known: Vec<Head> = past.iter().chain(heads.iter().filter(|head| is_lost(head))).cloned().collect();
    if let Some(kind) = &found.merged {
        known.append(&mut left);
        let mut settled = entries[0].clone();
        settled.kind = kind.clone();
        settled.id.sequence = u64::MAX;
        settled.lamport = u64::MAX;
        settled.supersedes = known.iter().map(|head| head.id).collect();
        left.push(settled);
    }
    demand(!reconcile(&left, &known, is_directory).is_open(), "still open after settling", entries)
}
