//! What the heads of a path amount to: one winner, and the versions that must not be lost beside it.

use crate::entry::Kind;
use crate::version::{Head, base, origin, winner};

/// The meaning of a path's heads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled<'a> {
    /// What should stand at the path; `None` if nothing was ever there.
    pub winner: Option<&'a Head>,
    /// Versions whose bytes go to a conflict copy, one per different content, in the order of their rank.
    pub losers: Vec<&'a Head>,
    /// A directory lives here: the winner is a file or link and gives way, so it is among the losers.
    pub gives_way: bool,
    /// What the winner and heads that need no copy amount to together: a change of the bytes here, of the executable bit
    /// there.
    pub merged: Option<Kind>,
}

impl Reconciled<'_> {
    /// Whether a settlement is due.
    pub fn is_open(&self) -> bool {
        !self.losers.is_empty() || self.merged.is_some()
    }
}

/// Decides about one path. `is_directory` says that something live exists below it.
///
/// A head that is deleted, or a directory, loses without a copy: there are no bytes to keep. So does a file whose bytes
/// the winner has, or whose author left the bytes as they were in `past`: what the heads replaced, as far as it is known.
pub fn reconcile<'a>(heads: &'a [Head], past: &[Head], is_directory: bool) -> Reconciled<'a> {
    let Some(first) = winner(heads) else {
        return Reconciled::default();
    };
    // Next to a live directory (its entry, or anything below) a file cannot stand.
    let is_directory =
        is_directory && !planted!(FilesBesideDirectories) || heads.iter().any(|head| head.kind == Kind::Directory);
    let gives_way = is_directory && has_bytes(first);
    // Bytes cannot stay where a directory is.
    let is_taken = gives_way || !has_bytes(first);
    let mut ranked: Vec<&Head> = heads.iter().filter(|head| has_bytes(head)).collect();
    ranked.sort_by_key(|head| std::cmp::Reverse(head.rank()));
    // Who left the bytes as they were changed nothing about them: they yield to those of who did.
    let yields = |head: &&Head| {
        let left_as_before = |other: &&Head| {
            !other.kind.has_same_bytes(&head.kind)
                && origin(head, other, past).is_some_and(|old| old.kind.has_same_bytes(&head.kind))
        };
        !is_taken && ranked.iter().any(left_as_before) != planted!(YieldersWin)
    };
    let staying: Vec<&Head> = ranked.iter().copied().filter(|head| !yields(head)).collect();
    let is_staying = |kind: &Kind| staying.iter().any(|head| head.kind.has_same_bytes(kind));
    let kept = if staying.is_empty() || is_staying(&first.kind) { first } else { staying[0] };
    let mut losers: Vec<&Head> = Vec::new();
    for head in staying {
        let is_kept = !is_taken && head.kind.has_same_bytes(&kept.kind)
            || losers.iter().any(|other| other.kind.has_same_bytes(&head.kind));
        let is_forgotten = planted!(LosersForgotten) || planted!(DeletionsWin) && !first.kind.is_live();
        if !is_kept && !is_forgotten {
            losers.push(head);
        }
    }
    let is_lost = |head: &Head| losers.iter().any(|loser| loser.kind.has_same_bytes(&head.kind));
    let united = || ranked.iter().copied().filter(|head| !is_taken && !is_lost(head));
    let is_one = united().all(|head| head.kind.is_same(&first.kind));
    let merged = (!is_one).then(|| with_bit_of(kept, united(), past));
    let winner = if gives_way {
        heads.iter().filter(|head| head.kind == Kind::Directory).max_by_key(|head| head.rank()).or(Some(first))
    } else {
        Some(first)
    };
    Reconciled { winner, losers, gives_way, merged }
}

/// What one head holds, with the executable bit of whoever changed that.
pub(crate) fn with_bit_of<'a>(kept: &Head, others: impl Iterator<Item = &'a Head>, past: &[Head]) -> Kind {
    let bit_of = |kind: &Kind| if let Kind::File { executable, .. } = kind { Some(*executable) } else { None };
    let mut kind = kept.kind.clone();
    for other in others {
        let before = base(kept, other, past).and_then(|old| bit_of(&old.kind));
        if let (Kind::File { executable, .. }, Some(changed)) = (&mut kind, bit_of(&other.kind))
            && before == Some(*executable)
        {
            *executable = changed;
        }
    }
    kind
}

fn has_bytes(head: &Head) -> bool {
    matches!(head.kind, Kind::File { .. } | Kind::Link { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChainId, ContentId, DeviceId, RecordHash, VersionId};
    use crate::time::Timestamp;

    fn head(device: u8, lamport: u64, kind: Kind) -> Head {
        let chain = ChainId { device: DeviceId([device; 32]), incarnation: 1 };
        Head {
            id: VersionId { chain, sequence: lamport },
            lamport,
            hash: RecordHash([device; 32]),
            kind,
            time: Timestamp(0),
            author: "x".into(),
            supersedes: Box::default(),
            moved_from: None,
        }
    }

    fn file(content: u8) -> Kind {
        Kind::File {
            content: ContentId([content; 32]),
            size: 1,
            executable: false,
            modified: Timestamp(content.into()),
        }
    }

    #[test]
    fn the_later_edit_wins_and_the_other_is_kept() {
        let heads = [head(1, 5, file(1)), head(2, 7, file(2))];
        let result = reconcile(&heads, &[], false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[0]]);
    }

    #[test]
    fn equal_contents_are_one_version() {
        let heads = [head(1, 5, file(1)), head(2, 7, file(1))];
        assert!(!reconcile(&heads, &[], false).is_open());
    }

    #[test]
    fn an_edit_outlives_a_deletion_without_a_copy() {
        let heads = [head(1, 5, file(1)), head(2, 70, Kind::Deleted)];
        let result = reconcile(&heads, &[], false);
        assert_eq!(result.winner, Some(&heads[0]));
        assert!(!result.is_open());
    }

    /// A change of an earlier head.
    fn change(device: u8, lamport: u64, of: &Head, content: u8, is_program: bool) -> Head {
        let mut changed = head(device, lamport, file(content));
        if let Kind::File { executable, .. } = &mut changed.kind {
            *executable = is_program;
        }
        changed.supersedes = [of.id].into();
        changed
    }

    #[test]
    fn a_change_of_the_bit_and_an_edit_become_one_file() {
        let past = [head(1, 1, file(1))];
        let (bit, edit) = (change(2, 5, &past[0], 1, true), change(3, 4, &past[0], 2, false));
        let expected = change(9, 9, &past[0], 2, true).kind;
        for heads in [[bit.clone(), edit.clone()], [edit.clone(), bit.clone()]] {
            let result = reconcile(&heads, &past, false);
            assert_eq!(result.losers, [] as [&Head; 0]);
            assert!(result.merged.expect("both").is_same(&expected));
        }
        let other = change(4, 3, &past[0], 3, false);
        let heads = [bit, edit, other.clone()];
        let result = reconcile(&heads, &past, false);
        assert_eq!(result.losers, [&other], "a second edit is kept beside them");
        // What both changed is not known: nothing tells an edit from an old file.
        assert_eq!(reconcile(&heads, &[], false).losers.len(), 2);
    }

    #[test]
    fn the_same_bytes_need_no_copy_whatever_the_bit() {
        let past = [head(1, 1, file(7))];
        let (plain, program) = (change(2, 5, &past[0], 1, false), change(3, 4, &past[0], 1, true));
        let heads = [plain.clone(), program.clone()];
        let result = reconcile(&heads, &past, false);
        assert!(!result.losers.iter().any(|_| true));
        assert!(result.merged.expect("both").is_same(&program.kind), "who set the bit changed something");
        assert!(reconcile(&heads, &[], false).merged.expect("both").is_same(&plain.kind), "the winner's bit");
    }

    #[test]
    fn a_file_gives_way_to_a_directory() {
        let heads = [head(1, 5, file(1))];
        let result = reconcile(&heads, &[], true);
        assert!(result.gives_way);
        assert_eq!(result.losers, [&heads[0]]);
        let heads = [head(1, 9, file(1)), head(2, 7, Kind::Directory)];
        let result = reconcile(&heads, &[], false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[0]]);
    }

    #[test]
    fn three_edits_keep_two_copies_and_equal_losers_one() {
        let heads = [head(1, 5, file(1)), head(2, 7, file(2)), head(3, 6, file(3)), head(4, 1, file(3))];
        let result = reconcile(&heads, &[], false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[2], &heads[0]]);
    }

    #[test]
    fn the_order_of_heads_does_not_matter() {
        let heads = [head(1, 5, file(1)), head(2, 5, file(2)), head(3, 5, Kind::Deleted), head(4, 2, Kind::Directory)];
        let names = |heads: &[Head]| {
            let result = reconcile(heads, &[], false);
            (result.winner.map(|head| head.id), result.losers.iter().map(|head| head.id).collect::<Vec<_>>())
        };
        let expected = names(&heads);
        let mut turned = heads.to_vec();
        for _ in 0..4 {
            turned.rotate_left(1);
            assert_eq!(names(&turned), expected);
        }
        turned.reverse();
        assert_eq!(names(&turned), expected);
    }
}
