//! Two devices getting to know each other's keys: commit, reveal, six digits that one side shows and the other types.
//!
//! Both commit to a nonce before either reveals it, so somebody in between has one guess in a million per try of a
//! person. The digits come from both nonces and both device keys; they are never sent.

use std::collections::BTreeMap;

use crate::effect::Effect;
use crate::id::DeviceId;
use crate::limits::{CODE_LIFE, PAIRING_TRIES_MAX, PAIRING_WINDOW};
use crate::message::{Message, PairEnd};
use crate::status::{PairingStage, PairingStatus};
use crate::time::Timestamp;
use crate::turn::Turn;

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
    tries: BTreeMap<DeviceId, Vec<Timestamp>>,
    tokens: Vec<([u8; 16], Timestamp)>,
}

struct Pairing {
    is_typing: bool,
    nonce: [u8; 32],
    their_commitment: Option<[u8; 32]>,
    their_nonce: Option<[u8; 32]>,
    stage: PairingStage,
    since: Timestamp,
    token: Option<[u8; 16]>,
}

impl Pairing {
    fn new(is_typing: bool, turn: &mut Turn<'_>) -> Self {
        Pairing {
            is_typing,
            nonce: turn.dice.bytes(),
            their_commitment: None,
            their_nonce: None,
            stage: PairingStage::Asking,
            since: turn.now,
            token: None,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, PairingStage::Asking | PairingStage::Code | PairingStage::Matched)
    }

    /// Both nonces, the starter's first, if both are known.
    fn nonces(&self) -> Option<[u8; 64]> {
        let theirs = self.their_nonce?;
        let (first, second) = if self.is_typing { (self.nonce, theirs) } else { (theirs, self.nonce) };
        let mut both = [0; 64];
        both[..32].copy_from_slice(&first);
        both[32..].copy_from_slice(&second);
        Some(both)
    }

    fn code(&self, me: DeviceId, them: DeviceId) -> Option<String> {
        let (starter, other) = if self.is_typing { (me, them) } else { (them, me) };
        Some(digits(&self.nonces()?, starter, other))
    }

    fn secret(&self, me: DeviceId, them: DeviceId) -> [u8; 32] {
        let (starter, other) = if self.is_typing { (me, them) } else { (them, me) };
        let mut keyed = blake3::Hasher::new_derive_key("shoal-pair-secret-v1");
        keyed.update(&self.nonces().unwrap_or([0; 64])).update(&starter.0).update(&other.0);
        *keyed.finalize().as_bytes()
    }
}

impl Pairings {
    /// Starts a pairing; this side types.
    pub(crate) fn start(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        if self.open.get(&them).is_some_and(|pairing| pairing.is_open() && pairing.is_typing) {
            return;
        }
        self.forget_old(turn.now);
        let mut pairing = Pairing::new(true, turn);
        if self.tries_left(them, turn.now) == 0 {
            pairing.stage = PairingStage::Failed(PairEnd::TooMany);
        } else {
            turn.send(them, &Message::PairStart { commitment: commitment("starter", turn.me, them, &pairing.nonce) });
        }
        self.open.insert(them, pairing);
    }

    /// Starts anew with whoever just became reachable while we were asking.
    pub(crate) fn reconnected(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        let Some(pairing) =
            self.open.get(&them).filter(|pairing| pairing.is_typing && pairing.stage == PairingStage::Asking)
        else {
            return;
        };
        match pairing.token {
            Some(token) => turn.send(
                them,
                &Message::PairToken { proof: proof("starter", &token, turn.me, them), nonce: pairing.nonce },
            ),
            None => turn
                .send(them, &Message::PairStart { commitment: commitment("starter", turn.me, them, &pairing.nonce) }),
        }
    }

    /// The code as it was typed.
    pub(crate) fn enter(&mut self, them: DeviceId, typed: &str, turn: &mut Turn<'_>) {
        let me = turn.me;
        let Some(pairing) = self.open.get_mut(&them) else { return };
        if !pairing.is_typing || pairing.stage != PairingStage::Code {
            return;
        }
        let typed: String = typed.chars().filter(char::is_ascii_digit).collect();
        if pairing.code(me, them).as_deref() == Some(typed.as_str()) {
            pairing.stage = PairingStage::Matched;
            turn.send(them, &Message::PairMatched);
            return;
        }
        // A code is good for one guess: the other side shows a fresh one.
        pairing.stage = PairingStage::Failed(PairEnd::WrongCode);
        self.note_try(them, turn.now);
        turn.send(them, &Message::PairEnded { reason: PairEnd::WrongCode });
    }

    /// The showing side's answer.
    pub(crate) fn confirm(&mut self, them: DeviceId, is_yes: bool, turn: &mut Turn<'_>) -> Option<Verified> {
        let me = turn.me;
        let pairing = self.open.get_mut(&them)?;
        if pairing.is_typing || !pairing.is_open() {
            return None;
        }
        if is_yes && pairing.stage == PairingStage::Matched {
            pairing.stage = PairingStage::Done;
            turn.send(them, &Message::PairAllowed);
            return Some(Verified { device: them, secret: pairing.secret(me, them) });
        }
        if !is_yes {
            pairing.stage = PairingStage::Failed(PairEnd::Cancelled);
            turn.send(them, &Message::PairEnded { reason: PairEnd::Cancelled });
        }
        None
    }

    /// Gives a pairing up, or dismisses one that ended.
    pub(crate) fn cancel(&mut self, them: DeviceId, turn: &mut Turn<'_>) {
        if let Some(pairing) = self.open.remove(&them)
            && pairing.is_open()
        {
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
        let mut pairing = Pairing::new(true, turn);
        pairing.token = Some(token);
        turn.send(them, &Message::PairToken { proof: proof("starter", &token, turn.me, them), nonce: pairing.nonce });
        self.open.insert(them, pairing);
    }

    /// A message about pairing came.
    pub(crate) fn received(&mut self, them: DeviceId, message: &Message, turn: &mut Turn<'_>) -> Option<Verified> {
        match message {
            Message::PairStart { commitment } => self.started(them, *commitment, turn),
            Message::PairToken { proof, nonce } => return self.token_shown(them, proof, *nonce, turn),
            Message::PairEnded { reason } => {
                if *reason == PairEnd::WrongCode {
                    self.note_try(them, turn.now);
                }
                if let Some(pairing) = self.open.get_mut(&them).filter(|pairing| pairing.is_open()) {
                    pairing.stage = PairingStage::Failed(*reason);
                }
            }
            _ => return self.answered(them, message, turn),
        }
        None
    }

    /// The other side's steps of a pairing that is open here.
    fn answered(&mut self, them: DeviceId, message: &Message, turn: &mut Turn<'_>) -> Option<Verified> {
        let me = turn.me;
        let pairing = self.open.get_mut(&them)?;
        match (message, pairing.is_typing, pairing.stage) {
            (Message::PairCommit { commitment }, true, PairingStage::Asking) if pairing.their_commitment.is_none() => {
                pairing.their_commitment = Some(*commitment);
                turn.send(them, &Message::PairReveal { nonce: pairing.nonce });
            }
            (Message::PairReveal { nonce }, _, PairingStage::Asking) if pairing.their_nonce.is_none() => {
                let role = if pairing.is_typing { "other" } else { "starter" };
                if pairing.their_commitment != Some(commitment(role, them, me, nonce)) {
                    pairing.stage = PairingStage::Failed(PairEnd::Broken);
                    turn.send(them, &Message::PairEnded { reason: PairEnd::Broken });
                    return None;
                }
                pairing.their_nonce = Some(*nonce);
                pairing.stage = PairingStage::Code;
                pairing.since = turn.now;
                if !pairing.is_typing {
                    turn.send(them, &Message::PairReveal { nonce: pairing.nonce });
                }
            }
            (Message::PairMatched, false, PairingStage::Code) => pairing.stage = PairingStage::Matched,
            (Message::PairAllowed, true, PairingStage::Matched) => {
                pairing.stage = PairingStage::Done;
                return Some(Verified { device: them, secret: pairing.secret(me, them) });
            }
            (Message::PairTokenAnswer { proof: shown, nonce }, true, PairingStage::Asking) => {
                let token = pairing.token?;
                if *shown != proof("other", &token, them, me) {
                    pairing.stage = PairingStage::Failed(PairEnd::Broken);
                    return None;
                }
                pairing.their_nonce = Some(*nonce);
                pairing.stage = PairingStage::Done;
                return Some(Verified { device: them, secret: pairing.secret(me, them) });
            }
            _ => {}
        }
        None
    }

    /// Somebody wants to pair; this side shows the code.
    fn started(&mut self, them: DeviceId, commitment_theirs: [u8; 32], turn: &mut Turn<'_>) {
        self.forget_old(turn.now);
        let is_full = self.open.len() >= PAIRINGS_MAX && !self.open.contains_key(&them);
        if is_full || self.tries_left(them, turn.now) == 0 {
            turn.send(them, &Message::PairEnded { reason: PairEnd::TooMany });
            return;
        }
        if let Some(open) = self.open.get(&them).filter(|open| !open.is_typing && open.stage == PairingStage::Asking)
            && open.their_commitment == Some(commitment_theirs)
        {
            // The same start again: a fresh nonce would look like somebody in between.
            return turn
                .send(them, &Message::PairCommit { commitment: commitment("other", turn.me, them, &open.nonce) });
        }
        // Both started at once: the smaller id types, so that one side shows and one types.
        if self.open.get(&them).is_some_and(|mine| mine.is_typing && mine.is_open() && turn.me < them) {
            return;
        }
        let mut pairing = Pairing::new(false, turn);
        pairing.their_commitment = Some(commitment_theirs);
        turn.send(them, &Message::PairCommit { commitment: commitment("other", turn.me, them, &pairing.nonce) });
        self.open.insert(them, pairing);
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
        pairing.their_nonce = Some(nonce);
        pairing.stage = PairingStage::Done;
        turn.send(
            them,
            &Message::PairTokenAnswer { proof: proof("other", &token, turn.me, them), nonce: pairing.nonce },
        );
        let verified = Verified { device: them, secret: pairing.secret(turn.me, them) };
        self.open.insert(them, pairing);
        Some(verified)
    }

    /// Ends what took too long.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        for (them, pairing) in &mut self.open {
            if pairing.is_open() && turn.now.since(pairing.since) >= CODE_LIFE {
                pairing.stage = PairingStage::Failed(PairEnd::Expired);
                turn.effects.push(Effect::Send {
                    to: *them,
                    frame: crate::codec::encode(&Message::PairEnded { reason: PairEnd::Expired }),
                });
            }
        }
    }

    /// When something here takes too long.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.open.values().filter(|pairing| pairing.is_open()).map(|pairing| pairing.since.after(CODE_LIFE)).min()
    }

    /// What people see.
    pub(crate) fn status(&self, me: DeviceId, now: Timestamp) -> Vec<PairingStatus> {
        let show = |(them, pairing): (&DeviceId, &Pairing)| PairingStatus {
            device: *them,
            is_typing: pairing.is_typing,
            stage: pairing.stage,
            code: pairing.code(me, *them).filter(|_| !pairing.is_typing && pairing.is_open()),
            tries_left: self.tries_left(*them, now),
            locked_until: (self.tries_left(*them, now) == 0).then(|| self.unlocked_at(*them)).flatten(),
        };
        self.open.iter().map(show).collect()
    }

    fn note_try(&mut self, them: DeviceId, now: Timestamp) {
        self.tries.entry(them).or_default().push(now);
    }

    fn tries_left(&self, them: DeviceId, now: Timestamp) -> u32 {
        let recent =
            self.tries.get(&them).map_or(0, |list| list.iter().filter(|at| now.since(**at) < PAIRING_WINDOW).count());
        u32::try_from(PAIRING_TRIES_MAX.saturating_sub(recent)).unwrap_or(0)
    }

    fn unlocked_at(&self, them: DeviceId) -> Option<Timestamp> {
        let list = self.tries.get(&them)?;
        Some(list.get(list.len().checked_sub(PAIRING_TRIES_MAX)?)?.after(PAIRING_WINDOW))
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.tries.retain(|_, list| list.last().is_some_and(|at| now.since(*at) < PAIRING_WINDOW));
        if self.open.len() >= PAIRINGS_MAX {
            self.open.retain(|_, pairing| pairing.is_open());
        }
    }
}

/// `H(domain ‖ role ‖ both ids ‖ nonce)`; `by` is who commits.
fn commitment(role: &str, by: DeviceId, to: DeviceId, nonce: &[u8; 32]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new_derive_key("shoal-pair-commitment-v1");
    hash.update(role.as_bytes()).update(&by.0).update(&to.0).update(nonce);
    *hash.finalize().as_bytes()
}

/// Shows knowledge of a token without sending it; `by` is who shows.
fn proof(role: &str, token: &[u8; 16], by: DeviceId, to: DeviceId) -> [u8; 32] {
    let mut hash = blake3::Hasher::new_derive_key("shoal-pair-token-v1");
    hash.update(role.as_bytes()).update(token).update(&by.0).update(&to.0);
    *hash.finalize().as_bytes()
}

/// Six digits out of both nonces and both keys: 20 bits at a time, those of a million and above rejected.
fn digits(nonces: &[u8; 64], starter: DeviceId, other: DeviceId) -> String {
    let mut keyed = blake3::Hasher::new_derive_key("shoal-sas-v1");
    keyed.update(nonces).update(&starter.0).update(&other.0);
    let mut stream = keyed.finalize_xof();
    loop {
        let mut word = [0; 4];
        stream.fill(&mut word);
        let number = u32::from_le_bytes(word) & 0xf_ffff;
        if number < 1_000_000 {
            return format!("{number:06}");
        }
    }
}
