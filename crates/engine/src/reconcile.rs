//! What the heads of a path amount to: one winner, and the versions that must not be lost beside it.

use crate::entry::Kind;
use crate::version::{Head, winner};

/// The meaning of a path's heads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled<'a> {
    /// What should stand at the path; `None` if nothing was ever there.
    pub winner: Option<&'a Head>,
    /// Versions whose bytes go to a conflict copy, one per different content, in the order of their rank.
    pub losers: Vec<&'a Head>,
    /// A directory lives here: the winner is a file or link and gives way, so it is among the losers.
    pub gives_way: bool,
}

impl Reconciled<'_> {
    /// Whether a settlement is due.
    pub fn is_conflict(&self) -> bool {
        !self.losers.is_empty()
    }
}

/// Decides about one path. `is_directory` says that something live exists below it.
///
/// A head that is deleted, or a directory, loses without a copy: there are no bytes to keep.
pub fn reconcile(heads: &[Head], is_directory: bool) -> Reconciled<'_> {
    let Some(first) = winner(heads) else {
        return Reconciled::default();
    };
    // Next to a live directory (its entry, or anything below) a file cannot stand.
    let is_directory =
        is_directory && !planted!(FilesBesideDirectories) || heads.iter().any(|head| head.kind == Kind::Directory);
    let gives_way = is_directory && has_bytes(first);
    let mut losers: Vec<&Head> = Vec::new();
    let mut ranked: Vec<&Head> = heads.iter().filter(|head| has_bytes(head)).collect();
    ranked.sort_by_key(|head| std::cmp::Reverse(head.rank()));
    for head in ranked {
        let is_kept =
            !gives_way && head.kind.is_same(&first.kind) || losers.iter().any(|other| other.kind.is_same(&head.kind));
        let is_forgotten = planted!(LosersForgotten) || planted!(DeletionsWin) && !first.kind.is_live();
        if !is_kept && !is_forgotten {
            losers.push(head);
        }
    }
    let winner = if gives_way {
        heads.iter().filter(|head| head.kind == Kind::Directory).max_by_key(|head| head.rank()).or(Some(first))
    } else {
        Some(first)
    };
    Reconciled { winner, losers, gives_way }
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
        let result = reconcile(&heads, false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[0]]);
    }

    #[test]
    fn equal_contents_are_one_version() {
        let heads = [head(1, 5, file(1)), head(2, 7, file(1))];
        assert!(!reconcile(&heads, false).is_conflict());
    }

    #[test]
    fn an_edit_outlives_a_deletion_without_a_copy() {
        let heads = [head(1, 5, file(1)), head(2, 70, Kind::Deleted)];
        let result = reconcile(&heads, false);
        assert_eq!(result.winner, Some(&heads[0]));
        assert!(!result.is_conflict());
    }

    #[test]
    fn a_file_gives_way_to_a_directory() {
        let heads = [head(1, 5, file(1))];
        let result = reconcile(&heads, true);
        assert!(result.gives_way);
        assert_eq!(result.losers, [&heads[0]]);
        let heads = [head(1, 9, file(1)), head(2, 7, Kind::Directory)];
        let result = reconcile(&heads, false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[0]]);
    }

    #[test]
    fn three_edits_keep_two_copies_and_equal_losers_one() {
        let heads = [head(1, 5, file(1)), head(2, 7, file(2)), head(3, 6, file(3)), head(4, 1, file(3))];
        let result = reconcile(&heads, false);
        assert_eq!(result.winner, Some(&heads[1]));
        assert_eq!(result.losers, [&heads[2], &heads[0]]);
    }

    #[test]
    fn the_order_of_heads_does_not_matter() {
        let heads = [head(1, 5, file(1)), head(2, 5, file(2)), head(3, 5, Kind::Deleted), head(4, 2, Kind::Directory)];
        let names = |heads: &[Head]| {
            let result = reconcile(heads, false);
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
