//! Two devices getting to know each other's keys: commit, reveal, six digits that one side shows and the other types.
//!
//! Both commit to a nonce before either reveals it, so somebody in between has one guess in a million per try of a
//! person. The digits come from both nonces and both device keys; they are never sent. A wrong code is used up, and so
//! is one that got too old: both throw new nonces, so no guess is ever compared with a code that an earlier guess was
//! compared with, and nobody gets codes for nothing by letting them run out.

use std::collections::BTreeMap;

use crate::id::DeviceId;
use crate::limits::{CODE_LIFE, CONFIRM_LIFE};
use crate::message::{Message, PairEnd};
use crate::status::{PairingStage, PairingStatus};
use crate::time::Timestamp;
use crate::turn::Turn;

mod round;
#[cfg(test)]
mod tests;
mod tries;

use round::{Round, proof};
use tries::Tries;

/// How long a link's token is good.
const TOKEN_LIFE_MS: u64 = 300_000;
/// Most pairings kept at a time: each needs a person.
const PAIRINGS_MAX: usize = 16;

/// What came of a message or a request: somebody is verified now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) device: DeviceId,
    pub(crate) secret: [u8; 32],
}

/// Every pairing under way, and the tries of the last ten minutes.
#[derive(Default)]
pub(crate) struct Pairings {
    open: BTreeMap<DeviceId, Pairing>,
    tries: Tries,
    tokens: Vec<([u8; 16], Timestamp)>,
}

struct Pairing {
    is_typing: bool,
    round: Round,
    stage: PairingStage,
    since: Timestamp,
    token: Option<[u8; 16]>,
}

impl Pairing {
    fn new(is_typing: bool, turn: &mut Turn<'_>) -> Self {
        Pairing {
            is_typing,
            round: Round::new(is_typing, turn),
            stage: PairingStage::Asking,
            since: turn.now,
            token: None,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, PairingStage::Asking | PairingStage::Code | PairingStage::Matched)
    }

    /// When it has taken too long.
    fn deadline(&self) -> Option<Timestamp> {
        match self.stage {
            PairingStage::Asking | PairingStage::Code => Some(self.since.after(CODE_LIFE)),
            PairingStage::Matched => Some(self.since.after(CONFIRM_LIFE)),
            PairingStage::Done | PairingStage::Failed(_) => None,
        }
    }

    /// The code was typed; from now on it is a person's answer that is waited for.
    fn matches(&mut self, now: Timestamp) {
        self.stage = PairingStage::Matched;
        self.since = now;
    }

    /// Whether a word that the code got too old can be about this round, or about the one before it.
    fn is_about_code(&self) -> bool {
        match self.stage {
            PairingStage::Code => true,
            PairingStage::Asking if self.is_typing => self.token.is_none() && !self.round.is_shown(),
            PairingStage::Asking => self.round.is_shown() || !self.round.is_begun(),
            PairingStage::Matched | PairingStage::Done | PairingStage::Failed(_) => false,
        }
    }

    fn fail(&mut self, them: DeviceId, end: PairEnd, turn: &mut Turn<'_>) {
        self.stage = PairingStage::Failed(end);
        turn.send(them, &Message::PairEnded { reason: end });
    }

    /// The first message of the side that starts.
    fn ask(&self, them: DeviceId, turn: &mut Turn<'_>) {
        let first = match self.token {
            Some(token) => {
                Message::PairToken { proof: proof("starter", &token, turn.me, them), nonce: self.round.nonce() }
            }
            None => Message::PairStart { commitment: self.round.commitment(turn.me, them) },
        };
        turn.send(them, &first);
    }
}

// What people want.
impl Pairings {
    /// Starts a pairing; this side types.
    pub(crate) fn start(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        // Who is being asked by the same device already shows the code, and would otherwise wait to type its own.
        if self.open.get(&them).is_some_and(Pairing::is_open) {
            return;
        }
        self.make_room();
        let mut pairing = Pairing::new(true, turn);
        if self.tries.left(them, turn.now) == 0 {
            pairing.stage = PairingStage::Failed(PairEnd::TooMany);
        } else {
            pairing.ask(them, turn);
        }
        self.open.insert(them, pairing);
    }

    /// The code as it was typed.
    pub(crate) fn enter(&mut self, them: DeviceId, typed: &str, turn: &mut Turn<'_>) {
        let Some(pairing) = self.open.get_mut(&them) else { return };
        if !pairing.is_typing || pairing.stage != PairingStage::Code {
            return;
        }
        let typed: String = typed.chars().filter(char::is_ascii_digit).collect();
        if pairing.round.code(turn.me, them).as_deref() == Some(typed.as_str()) {
            pairing.matches(turn.now);
            turn.send(them, &Message::PairMatched);
        } else {
            self.renew(them, PairEnd::WrongCode, turn);
        }
    }

    /// The showing side's answer.
    pub(crate) fn confirm(&mut self, them: DeviceId, is_yes: bool, turn: &mut Turn<'_>) -> Option<Verified> {
        let me = turn.me;
        let pairing = self.open.get_mut(&them).filter(|pairing| !pairing.is_typing && pairing.is_open())?;
        if !is_yes {
            self.cancel(them, turn);
            return None;
        }
        if pairing.stage != PairingStage::Matched {
            return None;
        }
        pairing.stage = PairingStage::Done;
        turn.send(them, &Message::PairAllowed);
        Some(Verified { device: them, secret: pairing.round.secret(me, them) })
    }

    /// Gives a pairing up, or dismisses one that ended.
    pub(crate) fn cancel(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        if let Some(pairing) = self.open.remove(&them)
            && pairing.is_open()
        {
            // The other side counts it too: a code that could be cancelled for nothing could be thrown until it fits.
            if pairing.is_typing && pairing.round.is_shown() {
                self.tries.use_up(them, turn.now);
            }
            turn.send(them, &Message::PairEnded { reason: PairEnd::Cancelled });
        }
    }

    /// Makes a link's token good for one use.
    pub(crate) fn invite(&mut self, token: [u8; 16], now: Timestamp) {
        self.tokens.retain(|(_, since)| now.0 < since.0 + TOKEN_LIFE_MS);
        if self.tokens.len() >= PAIRINGS_MAX {
            self.tokens.remove(0);
        }
        self.tokens.push((token, now));
    }

    /// Pairs with the device a link names.
    pub(crate) fn start_by_token(&mut self, them: DeviceId, token: [u8; 16], turn: &mut Turn<'_>) {
        self.cancel(them, turn);
        self.make_room();
        let mut pairing = Pairing::new(true, turn);
        pairing.token = Some(token);
        pairing.ask(them, turn);
        self.open.insert(them, pairing);
    }
}

// What the other side says.
impl Pairings {
    /// Goes on with whoever just became reachable.
    pub(crate) fn reconnected(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        let Some(pairing) = self.open.get(&them).filter(|pairing| pairing.is_typing) else { return };
        match pairing.stage {
            // What was said may be lost. A nonce is shown in one round only.
            PairingStage::Asking if pairing.token.is_none() && pairing.round.is_shown() => {
                self.renew(them, PairEnd::WrongCode, turn);
            }
            PairingStage::Asking => pairing.ask(them, turn),
            PairingStage::Matched => turn.send(them, &Message::PairMatched),
            PairingStage::Code | PairingStage::Done | PairingStage::Failed(_) => {}
        }
    }

    /// A message about pairing came.
    pub(crate) fn received(&mut self, them: DeviceId, message: &Message, turn: &mut Turn<'_>) -> Option<Verified> {
        match message {
            Message::PairStart { commitment } => self.started(them, *commitment, turn),
            Message::PairCommit { commitment } => self.committed(them, *commitment, turn),
            Message::PairReveal { nonce } => self.revealed(them, *nonce, turn),
            Message::PairMatched => self.matched(them, turn),
            Message::PairAllowed => return self.allowed(them, turn),
            Message::PairEnded { reason } => self.ended(them, *reason, turn),
            Message::PairToken { proof, nonce } => return self.token_shown(them, proof, *nonce, turn),
            Message::PairTokenAnswer { proof, nonce } => return self.token_answered(them, proof, *nonce, turn),
            Message::Hello { .. }
            | Message::Unpaired
            | Message::Invitation { .. }
            | Message::InvitationAnswer { .. }
            | Message::Heads { .. }
            | Message::Ask { .. }
            | Message::Records { .. }
            | Message::State { .. }
            | Message::Want { .. }
            | Message::Have { .. }
            | Message::Enough { .. }
            | Message::Offer { .. }
            | Message::OfferAnswer { .. }
            | Message::OfferReady { .. }
            | Message::OfferDone { .. }
            | Message::OfferEnded { .. } => {}
        }
        None
    }

    /// Somebody wants to pair; this side shows the code.
    fn started(&mut self, them: DeviceId, theirs: [u8; 32], turn: &mut Turn<'_>) {
        if let Some(open) = self.open.get(&them).filter(|open| open.is_open()) {
            // Both started at once: the smaller id types, so that one side shows and one types.
            if open.is_typing && turn.me < them {
                return;
            }
            // The same start again: a fresh nonce would look like somebody in between.
            if !open.is_typing && open.round.is_committed_to(theirs) {
                if open.stage == PairingStage::Asking {
                    turn.send(them, &Message::PairCommit { commitment: open.round.commitment(turn.me, them) });
                }
                return;
            }
            // Whoever has learned our nonce could have guessed.
            if open.round.is_shown() {
                self.tries.use_up(them, turn.now);
            }
        }
        self.make_room();
        let is_full = self.open.len() >= PAIRINGS_MAX && !self.open.contains_key(&them);
        if is_full || !self.tries.may_show(them, turn.now) {
            if let Some(open) = self.open.get_mut(&them).filter(|open| open.is_open()) {
                open.stage = PairingStage::Failed(PairEnd::TooMany);
            }
            return turn.send(them, &Message::PairEnded { reason: PairEnd::TooMany });
        }
        let mut pairing = Pairing::new(false, turn);
        pairing.round.commit(theirs);
        turn.send(them, &Message::PairCommit { commitment: pairing.round.commitment(turn.me, them) });
        self.open.insert(them, pairing);
    }

    fn committed(&mut self, them: DeviceId, theirs: [u8; 32], turn: &mut Turn<'_>) {
        let asking = |one: &&mut Pairing| one.is_typing && one.stage == PairingStage::Asking && one.token.is_none();
        if let Some(pairing) = self.open.get_mut(&them).filter(asking)
            && pairing.round.commit(theirs)
        {
            turn.send(them, &Message::PairReveal { nonce: pairing.round.nonce() });
        }
    }

    fn revealed(&mut self, them: DeviceId, nonce: [u8; 32], turn: &mut Turn<'_>) {
        let asking = |one: &&mut Pairing| one.stage == PairingStage::Asking && one.token.is_none();
        let Some(pairing) = self.open.get_mut(&them).filter(asking) else { return };
        if !pairing.round.reveal(turn.me, them, nonce) {
            if pairing.round.is_shown() {
                self.tries.use_up(them, turn.now);
            }
            return pairing.fail(them, PairEnd::Broken, turn);
        }
        pairing.stage = PairingStage::Code;
        pairing.since = turn.now;
        if !pairing.is_typing {
            self.tries.note_shown(turn.now);
            turn.send(them, &Message::PairReveal { nonce: pairing.round.nonce() });
        }
    }

    fn matched(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        let Some(pairing) = self.open.get_mut(&them).filter(|pairing| !pairing.is_typing) else { return };
        match pairing.stage {
            PairingStage::Code => pairing.matches(turn.now),
            // It did not hear the answer.
            PairingStage::Done => turn.send(them, &Message::PairAllowed),
            PairingStage::Asking | PairingStage::Matched | PairingStage::Failed(_) => {}
        }
    }

    fn allowed(&mut self, them: DeviceId, turn: &Turn<'_>) -> Option<Verified> {
        let pairing = self.open.get_mut(&them)?;
        if !pairing.is_typing || pairing.stage != PairingStage::Matched {
            return None;
        }
        pairing.stage = PairingStage::Done;
        Some(Verified { device: them, secret: pairing.round.secret(turn.me, them) })
    }

    fn ended(&mut self, them: DeviceId, reason: PairEnd, turn: &mut Turn<'_>) {
        let Some(pairing) = self.open.get_mut(&them).filter(|pairing| pairing.is_open()) else { return };
        // The side that types ends a round with its guess. The side that shows can gain only before it is bound.
        let is_guess = pairing.round.is_shown() && !(pairing.is_typing && pairing.round.is_whole());
        if reason == PairEnd::TooMany {
            self.tries.use_up_all(them, turn.now);
        } else if is_guess {
            self.tries.use_up(them, turn.now);
        }
        let is_last = self.tries.left(them, turn.now) == 0;
        match reason {
            // The other side starts the next round.
            PairEnd::WrongCode if !pairing.is_typing && !is_last => *pairing = Pairing::new(false, turn),
            PairEnd::Expired if !pairing.is_typing && !is_last && pairing.is_about_code() => {
                *pairing = Pairing::new(false, turn);
            }
            PairEnd::Expired if pairing.is_typing && pairing.stage == PairingStage::Code => {
                self.renew(them, PairEnd::Expired, turn);
            }
            // It is about the round before this one: the code got too old on both sides at once.
            PairEnd::Expired if pairing.is_typing && pairing.is_about_code() => {}
            PairEnd::WrongCode | PairEnd::Expired if is_last => pairing.stage = PairingStage::Failed(PairEnd::TooMany),
            PairEnd::Cancelled
            | PairEnd::WrongCode
            | PairEnd::Expired
            | PairEnd::TooMany
            | PairEnd::Broken
            | PairEnd::TokenUsed => pairing.stage = PairingStage::Failed(reason),
        }
    }

    /// Uses up this round and starts the next one, if there may be one. This side types.
    fn renew(&mut self, them: DeviceId, reason: PairEnd, turn: &mut Turn<'_>) {
        self.tries.use_up(them, turn.now);
        let Some(pairing) = self.open.get_mut(&them) else { return };
        if self.tries.left(them, turn.now) == 0 {
            return pairing.fail(them, PairEnd::TooMany, turn);
        }
        turn.send(them, &Message::PairEnded { reason });
        *pairing = Pairing::new(true, turn);
        pairing.ask(them, turn);
    }

    /// Somebody shows that they have one of our links.
    fn token_shown(
        &mut self,
        them: DeviceId,
        shown: &[u8; 32],
        nonce: [u8; 32],
        turn: &mut Turn<'_>,
    ) -> Option<Verified> {
        let now = turn.now;
        self.tokens.retain(|(_, since)| now.0 < since.0 + TOKEN_LIFE_MS);
        // 128 random bits compared as hashes: timing tells nothing of use.
        let Some(at) = self.tokens.iter().position(|(token, _)| proof("starter", token, them, turn.me) == *shown)
        else {
            turn.send(them, &Message::PairEnded { reason: PairEnd::TokenUsed });
            return None;
        };
        let (token, _) = self.tokens.remove(at);
        let mut pairing = Pairing::new(false, turn);
        pairing.round.trust(nonce);
        pairing.stage = PairingStage::Done;
        turn.send(
            them,
            &Message::PairTokenAnswer { proof: proof("other", &token, turn.me, them), nonce: pairing.round.nonce() },
        );
        let verified = Verified { device: them, secret: pairing.round.secret(turn.me, them) };
        self.open.insert(them, pairing);
        Some(verified)
    }

    fn token_answered(
        &mut self,
        them: DeviceId,
        shown: &[u8; 32],
        nonce: [u8; 32],
        turn: &Turn<'_>,
    ) -> Option<Verified> {
        let pairing = self.open.get_mut(&them).filter(|one| one.is_typing && one.stage == PairingStage::Asking)?;
        let token = pairing.token?;
        if *shown != proof("other", &token, them, turn.me) {
            pairing.stage = PairingStage::Failed(PairEnd::Broken);
            return None;
        }
        pairing.round.trust(nonce);
        pairing.stage = PairingStage::Done;
        Some(Verified { device: them, secret: pairing.round.secret(turn.me, them) })
    }
}

// What time does, and what people see.
impl Pairings {
    /// Replaces codes that got too old, and ends what is not answered.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        let is_late = |pairing: &Pairing| pairing.deadline().is_some_and(|due| due <= turn.now);
        let late: Vec<DeviceId> =
            self.open.iter().filter(|(_, pairing)| is_late(pairing)).map(|(them, _)| *them).collect();
        for them in late {
            let Some(pairing) = self.open.get_mut(&them) else { continue };
            match pairing.stage {
                PairingStage::Code if pairing.is_typing => self.renew(them, PairEnd::Expired, turn),
                PairingStage::Code => self.withdraw_code(them, turn),
                PairingStage::Asking | PairingStage::Matched | PairingStage::Done | PairingStage::Failed(_) => {
                    // A nonce that was shown is a guess that could have been.
                    if !pairing.is_typing && pairing.round.is_shown() {
                        self.tries.use_up(them, turn.now);
                    }
                    pairing.fail(them, PairEnd::Expired, turn);
                }
            }
        }
    }

    /// The code shown here got too old: the other side starts the next round.
    fn withdraw_code(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        self.tries.use_up(them, turn.now);
        let Some(pairing) = self.open.get_mut(&them) else { return };
        if self.tries.left(them, turn.now) == 0 {
            return pairing.fail(them, PairEnd::TooMany, turn);
        }
        turn.send(them, &Message::PairEnded { reason: PairEnd::Expired });
        *pairing = Pairing::new(false, turn);
    }

    /// When something here takes too long.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.open.values().filter_map(Pairing::deadline).min()
    }

    /// What people see.
    pub(crate) fn status(&self, me: DeviceId, now: Timestamp) -> Vec<PairingStatus> {
        let show = |(them, pairing): (&DeviceId, &Pairing)| PairingStatus {
            device: *them,
            is_typing: pairing.is_typing,
            stage: pairing.stage,
            code: pairing.round.code(me, *them).filter(|_| !pairing.is_typing && pairing.is_open()),
            tries_left: self.tries.left(*them, now),
            locked_until: self.tries.locked_until(*them, now),
        };
        self.open.iter().map(show).collect()
    }

    fn make_room(&mut self) {
        if self.open.len() >= PAIRINGS_MAX {
            self.open.retain(|_, pairing| pairing.is_open());
        }
    }
}
