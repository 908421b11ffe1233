//! Pairing keeps its promises, whoever is on the other side.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::effect::Effect;
use crate::engine::Dice;
use crate::limits::{CODE_LIFE, CODES_SHOWN_MAX, CONFIRM_LIFE, PAIRING_TRIES_MAX, PAIRING_WINDOW};

const ANN: DeviceId = DeviceId([1; 32]);
const BEN: DeviceId = DeviceId([2; 32]);

/// One device's pairings, with what it sent and has not been delivered.
struct Side {
    me: DeviceId,
    pairings: Pairings,
    dice: Dice,
    sent: Vec<(DeviceId, Message)>,
    verified: Vec<Verified>,
}

impl Side {
    fn new(me: DeviceId) -> Self {
        let dice = Dice::from_seed([me.0[0]; 32]);
        Side { me, pairings: Pairings::default(), dice, sent: Vec::new(), verified: Vec::new() }
    }

    fn act<Out>(&mut self, now: Timestamp, act: impl FnOnce(&mut Pairings, &mut Turn<'_>) -> Out) -> Out {
        let mut next_work = 0;
        let mut turn =
            Turn { now, wall: now, me: self.me, dice: &mut self.dice, next_work: &mut next_work, effects: Vec::new() };
        let out = act(&mut self.pairings, &mut turn);
        for effect in turn.effects {
            if let Effect::Send { to, frame } = effect {
                self.sent.push((to, crate::codec::decode(&frame).expect("our own")));
            }
        }
        out
    }

    fn hear(&mut self, from: DeviceId, message: &Message, now: Timestamp) {
        let verified = self.act(now, |pairings, turn| pairings.received(from, message, turn));
        self.verified.extend(verified);
    }

    fn status(&self, them: DeviceId, now: Timestamp) -> PairingStatus {
        let all = self.pairings.status(self.me, now);
        all.into_iter().find(|one| one.device == them).expect("a pairing")
    }
}

/// Two devices and the link between them.
struct Pair {
    ann: Side,
    ben: Side,
    now: Timestamp,
}

impl Pair {
    fn new() -> Self {
        Pair { ann: Side::new(ANN), ben: Side::new(BEN), now: Timestamp(1_000_000) }
    }

    /// Ann has started, and Ben shows a code.
    fn started() -> Self {
        let mut pair = Pair::new();
        pair.ann(|pairings, turn| pairings.start(BEN, turn));
        pair
    }

    fn ann<Out>(&mut self, act: impl FnOnce(&mut Pairings, &mut Turn<'_>) -> Out) -> Out {
        let out = self.ann.act(self.now, act);
        self.settle();
        out
    }

    fn ben<Out>(&mut self, act: impl FnOnce(&mut Pairings, &mut Turn<'_>) -> Out) -> Out {
        let out = self.ben.act(self.now, act);
        self.settle();
        out
    }

    fn settle(&mut self) {
        while !self.ann.sent.is_empty() || !self.ben.sent.is_empty() {
            for (_, message) in std::mem::take(&mut self.ann.sent) {
                self.ben.hear(ANN, &message, self.now);
            }
            for (_, message) in std::mem::take(&mut self.ben.sent) {
                self.ann.hear(BEN, &message, self.now);
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.ann(|pairings, turn| pairings.tick(turn));
        self.ben(|pairings, turn| pairings.tick(turn));
    }

    fn shown(&self) -> Option<String> {
        self.ben.status(ANN, self.now).code
    }

    fn type_code(&mut self, code: &str) {
        self.ann(|pairings, turn| pairings.enter(BEN, code, turn));
    }

    fn type_wrong(&mut self) {
        let code = self.shown().expect("a code is shown");
        self.type_code(if code == "111111" { "222222" } else { "111111" });
    }

    /// Stage and tries left at both.
    fn stages(&self) -> [(PairingStage, u32); 2] {
        [self.ann.status(BEN, self.now), self.ben.status(ANN, self.now)].map(|one| (one.stage, one.tries_left))
    }

    fn assert_paired(&mut self) {
        let code = self.shown().expect("a code is shown");
        self.type_code(&code);
        let verified = self.ben(|pairings, turn| pairings.confirm(ANN, true, turn));
        self.ben.verified.extend(verified);
        assert_eq!(self.stages().map(|(stage, _)| stage), [PairingStage::Done; 2]);
        assert_eq!(self.ann.verified[0].secret, self.ben.verified[0].secret);
    }
}

#[test]
fn a_wrong_code_is_followed_by_a_fresh_one() {
    let mut pair = Pair::started();
    let first = pair.shown();
    pair.type_wrong();
    assert_eq!(pair.stages(), [(PairingStage::Code, 2); 2]);
    let second = pair.shown();
    assert_ne!(first, second);
    pair.type_code(&first.expect("it was shown"));
    assert_eq!(pair.stages(), [(PairingStage::Code, 1); 2], "the first code is used up");
    assert_ne!(pair.shown(), second);
    pair.assert_paired();
}

#[test]
fn a_code_that_got_too_old_is_followed_by_a_fresh_one() {
    let mut pair = Pair::started();
    let first = pair.shown();
    pair.wait(CODE_LIFE);
    assert_eq!(pair.stages(), [(PairingStage::Code, 2); 2], "nobody has to start over");
    assert_ne!(pair.shown(), first);
    pair.type_code(&first.expect("it was shown"));
    assert_eq!(pair.stages(), [(PairingStage::Code, 1); 2], "the old code is used up");
    pair.assert_paired();
}

#[test]
fn both_clocks_may_find_the_code_too_old_at_once() {
    for is_ann_first in [true, false] {
        let mut pair = Pair::started();
        pair.now = pair.now.after(CODE_LIFE);
        pair.ben.act(pair.now, |pairings, turn| pairings.tick(turn));
        pair.ann.act(pair.now, |pairings, turn| pairings.tick(turn));
        if is_ann_first {
            pair.settle();
        } else {
            let said = std::mem::take(&mut pair.ben.sent);
            said.iter().for_each(|(_, message)| pair.ann.hear(BEN, message, pair.now));
            pair.settle();
        }
        assert_eq!(pair.stages(), [(PairingStage::Code, 2); 2], "one code was used up, not two");
        pair.assert_paired();
    }
}

#[test]
fn codes_that_nobody_types_end_with_the_third() {
    let mut pair = Pair::started();
    for _ in 0..PAIRING_TRIES_MAX {
        pair.wait(CODE_LIFE);
    }
    assert_eq!(pair.stages(), [(PairingStage::Failed(PairEnd::TooMany), 0); 2]);
    assert!(pair.ann.pairings.deadline().is_none() && pair.ben.pairings.deadline().is_none());
}

#[test]
fn an_old_code_waits_for_the_link_to_come_back() {
    let mut pair = Pair::started();
    pair.now = pair.now.after(CODE_LIFE);
    for side in [&mut pair.ann, &mut pair.ben] {
        side.act(pair.now, |pairings, turn| pairings.tick(turn));
        side.sent.clear();
    }
    assert_eq!(pair.stages(), [(PairingStage::Asking, 2); 2]);
    pair.ann(|pairings, turn| pairings.reconnected(BEN, turn));
    assert_eq!(pair.stages(), [(PairingStage::Code, 2); 2]);
    pair.assert_paired();
}

#[test]
fn a_match_has_time_of_its_own_for_the_yes() {
    let mut pair = Pair::started();
    pair.wait(CODE_LIFE - Duration::from_secs(1));
    let code = pair.shown().expect("a code is shown");
    pair.type_code(&code);
    pair.wait(CONFIRM_LIFE - Duration::from_secs(1));
    assert_eq!(pair.stages(), [(PairingStage::Matched, 3); 2]);
    assert!(pair.ben(|pairings, turn| pairings.confirm(ANN, true, turn)).is_some());
}

#[test]
fn three_wrong_codes_lock_both_sides_until_the_same_time() {
    let mut pair = Pair::started();
    let begun = pair.now;
    pair.type_wrong();
    pair.wait(Duration::from_secs(60));
    pair.type_wrong();
    pair.type_wrong();
    let until = Some(begun.after(PAIRING_WINDOW));
    for status in [pair.ann.status(BEN, pair.now), pair.ben.status(ANN, pair.now)] {
        assert_eq!(status.stage, PairingStage::Failed(PairEnd::TooMany));
        assert_eq!((status.tries_left, status.locked_until, status.code), (0, until, None));
    }
    pair.ann(|pairings, turn| pairings.start(BEN, turn));
    assert_eq!(pair.stages(), [(PairingStage::Failed(PairEnd::TooMany), 0); 2]);
    pair.wait(PAIRING_WINDOW - Duration::from_secs(60));
    pair.ann(|pairings, turn| pairings.start(BEN, turn));
    assert_eq!(pair.stages(), [(PairingStage::Code, 1); 2]);
    pair.assert_paired();
}

#[test]
fn a_side_that_forgot_its_tries_is_told_to_wait() {
    let mut pair = Pair::started();
    (0..PAIRING_TRIES_MAX).for_each(|_| pair.type_wrong());
    pair.ann = Side::new(ANN);
    pair.ann(|pairings, turn| pairings.start(BEN, turn));
    let status = pair.ann.status(BEN, pair.now);
    assert_eq!(status.stage, PairingStage::Failed(PairEnd::TooMany));
    assert_eq!(status.locked_until, Some(pair.now.after(PAIRING_WINDOW)));
}

#[test]
fn cancelling_on_either_side_ends_it_on_both() {
    let mut pair = Pair::started();
    pair.ann(|pairings, turn| pairings.cancel(BEN, turn));
    assert_eq!(pair.ben.status(ANN, pair.now).stage, PairingStage::Failed(PairEnd::Cancelled));
    assert!(pair.ann.pairings.status(ANN, pair.now).is_empty());

    let mut pair = Pair::started();
    assert_eq!(pair.ben(|pairings, turn| pairings.confirm(ANN, false, turn)), None);
    assert!(pair.ben.pairings.status(BEN, pair.now).is_empty());
    assert_eq!(pair.ann.status(BEN, pair.now).stage, PairingStage::Failed(PairEnd::Cancelled));
    assert_eq!(pair.ann.status(BEN, pair.now).tries_left, 3, "the other side's no is no guess of ours");
    pair.ann(|pairings, turn| pairings.start(BEN, turn));
    pair.assert_paired();
}

#[test]
fn starting_again_and_again_uses_up_the_tries() {
    let mut pair = Pair::new();
    for _ in 0..PAIRING_TRIES_MAX {
        pair.ann(|pairings, turn| pairings.start(BEN, turn));
        assert!(pair.shown().is_some());
        pair.ann(|pairings, turn| pairings.cancel(BEN, turn));
    }
    pair.ann(|pairings, turn| pairings.start(BEN, turn));
    assert_eq!(pair.stages()[0], (PairingStage::Failed(PairEnd::TooMany), 0));
}

#[test]
fn a_start_that_was_lost_is_said_again_when_the_other_is_here() {
    let mut pair = Pair::new();
    pair.ann.act(pair.now, |pairings, turn| pairings.start(BEN, turn));
    pair.ann.sent.clear();
    pair.ann(|pairings, turn| pairings.reconnected(BEN, turn));
    pair.assert_paired();
    assert_eq!(pair.ann.status(BEN, pair.now).tries_left, 3);
}

#[test]
fn a_nonce_that_was_shown_is_never_shown_again() {
    let mut pair = Pair::new();
    pair.ann.act(pair.now, |pairings, turn| pairings.start(BEN, turn));
    for (_, message) in std::mem::take(&mut pair.ann.sent) {
        pair.ben.hear(ANN, &message, pair.now);
    }
    for (_, message) in std::mem::take(&mut pair.ben.sent) {
        pair.ann.hear(BEN, &message, pair.now);
    }
    let reveal = std::mem::take(&mut pair.ann.sent);
    assert!(matches!(reveal[..], [(BEN, Message::PairReveal { .. })]), "{reveal:?}");
    // The link breaks before it arrives.
    pair.ann(|pairings, turn| pairings.reconnected(BEN, turn));
    assert_eq!(pair.stages().map(|(stage, _)| stage), [PairingStage::Code; 2]);
    assert_eq!(pair.ann.status(BEN, pair.now).tries_left, 2);
    let Message::PairReveal { nonce } = reveal[0].1 else { unreachable!("asserted above") };
    assert_ne!(pair.ann.pairings.open[&BEN].round.nonce(), nonce);
    pair.assert_paired();
}

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let mut pair = Pair::started();
    let code = pair.shown().expect("a code");
    pair.type_code(&code);
    let verified = pair.ben.act(pair.now, |pairings, turn| pairings.confirm(ANN, true, turn));
    assert!(verified.is_some());
    pair.ben.sent.clear();
    pair.ann(|pairings, turn| pairings.reconnected(BEN, turn));
    assert_eq!(pair.stages().map(|(stage, _)| stage), [PairingStage::Done; 2]);
    assert_eq!(pair.ann.verified.len(), 1);
}

#[test]
fn when_both_start_one_types_and_one_shows() {
    let mut pair = Pair::new();
    pair.ben.act(pair.now, |pairings, turn| pairings.start(ANN, turn));
    pair.ann.act(pair.now, |pairings, turn| pairings.start(BEN, turn));
    pair.settle();
    assert!(pair.ann.status(BEN, pair.now).is_typing);
    pair.assert_paired();

    let mut pair = Pair::started();
    pair.ben(|pairings, turn| pairings.start(ANN, turn));
    assert!(!pair.ben.status(ANN, pair.now).is_typing, "who is asked already shows the code");
    pair.assert_paired();
}

#[test]
fn a_token_is_good_once_and_counts_no_try() {
    let mut pair = Pair::new();
    let now = pair.now;
    pair.ben(|pairings, _| pairings.invite([7; 16], now));
    pair.ann(|pairings, turn| pairings.start_by_token(BEN, [7; 16], turn));
    assert_eq!(pair.stages(), [(PairingStage::Done, 3); 2]);
    assert_eq!(pair.ann.verified[0].secret, pair.ben.verified[0].secret);
    let mut other = Side::new(DeviceId([3; 32]));
    other.act(now, |pairings, turn| pairings.start_by_token(BEN, [7; 16], turn));
    let (_, token) = other.sent.remove(0);
    pair.ben.hear(other.me, &token, now);
    assert!(matches!(pair.ben.sent[..], [(_, Message::PairEnded { reason: PairEnd::TokenUsed })]));
}

#[test]
fn many_keys_are_shown_few_codes() {
    let mut ben = Side::new(BEN);
    let now = Timestamp(1_000_000);
    let mut shown = 0;
    for number in 3..=200 {
        let mut stranger = Side::new(DeviceId([number; 32]));
        stranger.act(now, |pairings, turn| pairings.start(BEN, turn));
        for _ in 0..3 {
            for (_, message) in std::mem::take(&mut stranger.sent) {
                ben.hear(stranger.me, &message, now);
            }
            for (_, message) in std::mem::take(&mut ben.sent) {
                stranger.hear(BEN, &message, now);
            }
        }
        shown += usize::from(ben.pairings.open.get(&stranger.me).is_some_and(|one| one.stage == PairingStage::Code));
        ben.hear(stranger.me, &Message::PairEnded { reason: PairEnd::Cancelled }, now);
    }
    assert_eq!(shown, CODES_SHOWN_MAX);
}

/// What somebody may do to get another code out of Ben, with or without a person at Ann's.
#[derive(Clone, Debug)]
enum Move {
    Start,
    Type(bool),
    Cancel,
    Reconnect,
    Ended(PairEnd),
    Reveal([u8; 32]),
    Restarted,
    Wait(u64),
}

fn a_move() -> impl Strategy<Value = Move> {
    let ends = [
        PairEnd::Cancelled,
        PairEnd::WrongCode,
        PairEnd::Expired,
        PairEnd::TooMany,
        PairEnd::Broken,
        PairEnd::TokenUsed,
    ];
    prop_oneof![
        4 => Just(Move::Start),
        2 => any::<bool>().prop_map(Move::Type),
        2 => Just(Move::Cancel),
        2 => Just(Move::Reconnect),
        2 => proptest::sample::select(ends.to_vec()).prop_map(Move::Ended),
        1 => any::<[u8; 32]>().prop_map(Move::Reveal),
        2 => Just(Move::Restarted),
        1 => (0..200_u64).prop_map(Move::Wait),
    ]
}

proptest! {
    /// Whatever the side that types does, it gets three codes in ten minutes.
    #[test]
    fn nobody_gets_more_codes_than_tries(moves in proptest::collection::vec(a_move(), 1..60)) {
        let mut pair = Pair::new();
        let mut codes: Vec<(Timestamp, String)> = Vec::new();
        let mut guessed: BTreeSet<String> = BTreeSet::new();
        for one in moves {
            match one {
                Move::Start => pair.ann(|pairings, turn| pairings.start(BEN, turn)),
                Move::Type(is_first) => {
                    let guess = if is_first { "000000" } else { "999999" };
                    if let Some(code) = pair.ben.pairings.status(BEN, pair.now).first().and_then(|one| one.code.clone())
                        && pair.ann.pairings.open.get(&BEN).is_some_and(|one| one.stage == PairingStage::Code)
                    {
                        prop_assert!(guessed.insert(code), "two guesses against one code");
                    }
                    pair.type_code(guess);
                }
                Move::Cancel => pair.ann(|pairings, turn| pairings.cancel(BEN, turn)),
                Move::Reconnect => pair.ann(|pairings, turn| pairings.reconnected(BEN, turn)),
                Move::Ended(reason) => pair.ben.hear(ANN, &Message::PairEnded { reason }, pair.now),
                Move::Reveal(nonce) => pair.ben.hear(ANN, &Message::PairReveal { nonce }, pair.now),
                Move::Restarted => {
                    pair.ann.pairings = Pairings::default();
                }
                Move::Wait(seconds) => pair.wait(Duration::from_secs(seconds)),
            }
            pair.settle();
            let code = pair.ben.pairings.status(BEN, pair.now).first().and_then(|one| one.code.clone());
            if let Some(code) = code && codes.last().is_none_or(|(_, last)| *last != code) {
                codes.push((pair.now, code));
            }
            let is_recent = |at: &Timestamp| pair.now.since(*at) < PAIRING_WINDOW;
            let recent = codes.iter().filter(|(at, _)| is_recent(at)).count();
            prop_assert!(recent <= PAIRING_TRIES_MAX, "{codes:?}");
        }
        prop_assert!(pair.ben.verified.is_empty(), "nobody at Ben's said yes");
    }
}
