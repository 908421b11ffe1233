//! Merging two texts that were made of one, line by line; only where that leaves no doubt.
//!
//! Both texts are compared with the one they were made of. Changes of either are taken, if an unchanged line stands
//! between any change of the one and any change of the other; the same change on both sides is taken once. This is
//! the rule of `diff3` (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007), with doubt for what only touches.

use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Most lines of a text that is merged: comparing takes time.
const LINES_MAX: usize = 50_000;

/// Merges two texts; `None` if one is no text, or they changed the same place.
///
/// Which of the two comes first does not matter, and every device has the same result.
pub fn merge_texts(base: &[u8], one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (base, one, other) = (lines(base)?, lines(one)?, lines(other)?);
    merge_slices(&base, &one, &other).map(|lines| lines.concat().into_bytes())
}

/// Merges two lists of anything that were made of one.
pub fn merge_slices<T: Hash + Ord + Clone>(base: &[T], one: &[T], other: &[T]) -> Option<Vec<T>> {
    if [base, one, other].iter().any(|list| list.len() > LINES_MAX) {
        return None;
    }
    let (ours, theirs) = (changes(base, one), changes(base, other));
    let (mut merged, mut at) = (Vec::with_capacity(one.len().max(other.len())), 0);
    let (mut ours, mut theirs) = (ours.into_iter().peekable(), theirs.into_iter().peekable());
    loop {
        let change = match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                theirs.next();
                ours.next()
            }
            (Some(a), Some(b)) if a.over.end < b.over.start => ours.next(),
            (Some(a), Some(b)) if b.over.end < a.over.start => theirs.next(),
            // Nothing unchanged stands between them.
            (Some(_), Some(_)) => return None,
            (Some(_), None) => ours.next(),
            (None, Some(_)) => theirs.next(),
        };
        let Some(change) = change else { break };
        merged.extend_from_slice(&base[at..change.over.start]);
        merged.extend_from_slice(change.by);
        at = change.over.end;
    }
    merged.extend_from_slice(&base[at..]);
    Some(merged)
}

/// A run of `base` that stands otherwise in another list.
#[derive(PartialEq)]
struct Changed<'a, T> {
    over: Range<usize>,
    by: &'a [T],
}

/// The changes that make `after` of `base`, in their order, with something unchanged between any two.
fn changes<'a, T: Hash + Ord>(base: &[T], after: &'a [T]) -> Vec<Changed<'a, T>> {
    let mut found: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, base, after) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        match found.last_mut() {
            Some((over, by)) if over.end == op.old_range().start && by.end == op.new_range().start => {
                (over.end, by.end) = (op.old_range().end, op.new_range().end);
            }
            Some(_) | None => found.push((op.old_range(), op.new_range())),
        }
    }
    found.into_iter().map(|(over, by)| Changed { over, by: &after[by] }).collect()
}

/// Bytes as plain text; `None` if they are none.
pub fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The lines of a text with their ends; `None` for anything that is no plain text.
fn lines(bytes: &[u8]) -> Option<Vec<&str>> {
    text_of(bytes).map(|text| text.split_inclusive('\n').collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merge(base: &str, one: &str, other: &str) -> Option<String> {
        let merged = merge_texts(base.as_bytes(), one.as_bytes(), other.as_bytes());
        merged.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn changes_of_different_places_are_both_taken() {
        let base = "one\ntwo\nthree\nfour\nfive\n";
        let (one, other) = ("ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfive\nsix\n");
        assert_eq!(merge(base, one, other).as_deref(), Some("ONE\ntwo\nthree\nfive\nsix\n"));
        assert_eq!(merge(base, other, one), merge(base, one, other));
    }

    #[test]
    fn changes_of_one_place_or_of_neighbours_are_left_to_people() {
        let base = "one\ntwo\nthree\n";
        assert_eq!(merge(base, "ONE\ntwo\nthree\n", "Uno\ntwo\nthree\n"), None);
        assert_eq!(merge(base, "ONE\ntwo\nthree\n", "one\nTWO\nthree\n"), None, "nothing unchanged between");
        assert_eq!(merge(base, "one\ntwo\nthree\nfour\n", "one\ntwo\nthree\nvier\n"), None, "both went on at the end");
        assert_eq!(merge(base, "one\nx\ntwo\nthree\n", "two\nthree\n"), None, "put behind what the other removed");
        assert_eq!(merge("", "a\n", "b\n"), None);
    }

    #[test]
    fn the_same_change_is_taken_once() {
        let base = "one\ntwo\nthree\nfour\n";
        let (one, other) = ("1\ntwo\nthree\nfour\n", "1\ntwo\nthree\n4\n");
        assert_eq!(merge(base, one, other).as_deref(), Some("1\ntwo\nthree\n4\n"));
        assert_eq!(merge("a\n", "a\nb\n", "a\nb\n").as_deref(), Some("a\nb\n"));
    }

    #[test]
    fn ends_of_lines_stay_as_they_are() {
        let base = "one\r\ntwo\r\nthree";
        assert_eq!(merge(base, "1\r\ntwo\r\nthree", "one\r\ntwo\r\n3").as_deref(), Some("1\r\ntwo\r\n3"));
        // One side changed every end of a line: nothing is unchanged then.
        assert_eq!(merge("a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nb\nC\n"), None);
    }

    #[test]
    fn what_is_no_text_is_not_merged() {
        assert_eq!(merge_texts(b"a\0\nb\nc\n", b"x\0\nb\nc\n", b"a\0\nb\ny\n"), None);
        assert_eq!(merge_texts(b"a\nb\nc\n", b"\xff\nb\nc\n", b"a\nb\ny\n"), None);
    }

    /// Changes single places of a list; new values are even on the one side, odd on the other.
    fn edited(base: &[u32], places: &[usize], first: u32) -> Vec<u32> {
        let change = |(at, value): (usize, &u32)| if places.contains(&at) { first + 2 * at as u32 } else { *value };
        base.iter().enumerate().map(change).collect()
    }

    proptest! {
        #[test]
        fn merging_is_the_same_both_ways_and_takes_the_only_change(
            base in proptest::collection::vec(0_u32..6, 0..14),
            one in proptest::collection::vec(0_u32..6, 0..14),
            other in proptest::collection::vec(0_u32..6, 0..14),
        ) {
            prop_assert_eq!(merge_slices(&base, &one, &other), merge_slices(&base, &other, &one));
            prop_assert_eq!(merge_slices(&base, &one, &base), Some(one.clone()));
            prop_assert_eq!(merge_slices(&base, &one, &one), Some(one));
        }

        #[test]
        fn nothing_new_of_either_side_is_lost_and_nothing_old_stays_that_one_removed(
            base in proptest::collection::vec(0_u32..40, 0..14),
            one in proptest::collection::vec(0_u32..60, 0..14),
            other in proptest::collection::vec(0_u32..60, 0..14),
        ) {
            if let Some(merged) = merge_slices(&base, &one, &other) {
                let count = |list: &[u32], value: u32| list.iter().filter(|other| **other == value).count();
                for value in 0..60 {
                    let (was, a, b) = (count(&base, value), count(&one, value), count(&other, value));
                    let now = count(&merged, value);
                    prop_assert!(a.max(b) <= was || now >= a.max(b) - was, "{value} is new on a side");
                    prop_assert!(was != 0 || (a == 0 && b == 0) == (now == 0), "{value} comes from nowhere");
                }
            }
        }

        #[test]
        fn changes_that_are_apart_are_always_merged(
            length in 1_usize..30,
            places in proptest::collection::vec((0_usize..30, any::<bool>()), 0..8),
        ) {
            let base: Vec<u32> = (0..length as u32).collect();
            let of = |is_ours: bool| -> Vec<usize> {
                places.iter().filter(|(_, ours)| *ours == is_ours).map(|(at, _)| *at).collect()
            };
            let (ours, theirs) = (of(true), of(false));
            let are_apart = ours.iter().all(|a| theirs.iter().all(|b| a.abs_diff(*b) > 1));
            let (one, other) = (edited(&base, &ours, 1000), edited(&base, &theirs, 1001));
            let merged = merge_slices(&base, &one, &other);
            if are_apart {
                prop_assert_eq!(merged, Some(edited(&edited(&base, &ours, 1000), &theirs, 1001)));
            }
        }
    }
}
