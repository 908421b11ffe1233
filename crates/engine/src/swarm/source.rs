//! What is known of each device that may give, and how chunk sets are written.

use std::collections::{BTreeSet, VecDeque};

use crate::id::ContentId;
use crate::message::Part;
use crate::time::Timestamp;

/// Contents one peer may wait for at a time; the oldest is forgotten, and asked for again by the peer.
const SUBSCRIPTIONS_MAX: usize = 8192;
/// Most items in one `Have`, so that with bitmaps it fits a frame.
pub(super) const HAVE_ITEMS_MAX: usize = 512;

/// A connected device, as a giver of chunks and as one who waits for ours.
#[derive(Default)]
pub(super) struct Giver {
    pub(super) fetches: usize,
    pub(super) strikes: u32,
    pub(super) broken: u32,
    pub(super) cool_until: Timestamp,
    subscriptions: BTreeSet<ContentId>,
    order: VecDeque<ContentId>,
}

impl Giver {
    /// Whether it can be asked for more.
    pub(super) fn is_free(&self, now: Timestamp, fetches_max: usize, strikes_max: u32) -> bool {
        self.fetches < fetches_max && self.cool_until <= now && self.strikes < strikes_max
    }

    /// It waits for a content.
    pub(super) fn subscribe(&mut self, content: ContentId) {
        if self.subscriptions.insert(content) {
            self.order.push_back(content);
        }
        while self.order.len() > SUBSCRIPTIONS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.subscriptions.remove(&oldest);
            }
        }
    }

    /// It waits for a content no more.
    pub(super) fn unsubscribe(&mut self, content: ContentId) {
        self.subscriptions.remove(&content);
    }

    /// Whether it waits for a content.
    pub(super) fn is_subscribed(&self, content: ContentId) -> bool {
        self.subscriptions.contains(&content)
    }
}

/// Whether a part holds a chunk.
pub(super) fn has_bit(part: &Part, at: usize) -> bool {
    match part {
        Part::All => true,
        Part::Nothing => false,
        Part::Some(bits) => bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1),
    }
}

/// Writes flags as bits, least significant first.
pub(super) fn bits(flags: &[bool]) -> Vec<u8> {
    let byte = |eight: &[bool]| eight.iter().enumerate().fold(0, |byte, (at, flag)| byte | u8::from(*flag) << at);
    flags.chunks(8).map(byte).collect()
}

/// Writes ascending numbers as ranges `(first, count)`.
pub(crate) fn ranges(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((first, count)) if *first + *count == *number => *count += 1,
            Some(_) | None => ranges.push((*number, 1)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_ranges_say_what_they_were_given() {
        let flags = [true, false, false, true, true, false, false, false, true];
        let part = Part::Some(bits(&flags));
        assert!((0..9).all(|at| has_bit(&part, at) == flags[at]) && !has_bit(&part, 9) && !has_bit(&part, 99));
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), [(1, 3), (7, 1), (9, 2)]);
    }
}
