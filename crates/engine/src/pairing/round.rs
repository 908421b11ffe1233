//! One round of a pairing: both commit, both reveal, and six digits come out. A round is good for one guess.

use crate::id::DeviceId;
use crate::turn::Turn;

/// One commitment and one nonce of each side.
pub(super) struct Round {
    is_typing: bool,
    nonce: [u8; 32],
    their_commitment: Option<[u8; 32]>,
    their_nonce: Option<[u8; 32]>,
}

impl Round {
    /// A round with a nonce of its own.
    pub(super) fn new(is_typing: bool, turn: &mut Turn<'_>) -> Self {
        Round { is_typing, nonce: turn.dice.bytes(), their_commitment: None, their_nonce: None }
    }

    /// Our nonce, for who may see it.
    pub(super) fn nonce(&self) -> [u8; 32] {
        self.nonce
    }

    /// What binds us to our nonce before the other side knows it.
    pub(super) fn commitment(&self, me: DeviceId, them: DeviceId) -> [u8; 32] {
        commitment(if self.is_typing { "starter" } else { "other" }, me, them, &self.nonce)
    }

    /// Keeps the other side's commitment; false if there is one already.
    pub(super) fn commit(&mut self, theirs: [u8; 32]) -> bool {
        if self.their_commitment.is_some() {
            return false;
        }
        self.their_commitment = Some(theirs);
        true
    }

    /// Whether the other side has committed to its nonce.
    pub(super) fn is_begun(&self) -> bool {
        self.their_commitment.is_some()
    }

    /// Whether this is what the other side committed to.
    pub(super) fn is_committed_to(&self, theirs: [u8; 32]) -> bool {
        self.their_commitment == Some(theirs)
    }

    /// Takes the other side's nonce; false if it is not the one it committed to.
    pub(super) fn reveal(&mut self, me: DeviceId, them: DeviceId, nonce: [u8; 32]) -> bool {
        let role = if self.is_typing { "other" } else { "starter" };
        if self.their_nonce.is_some() || self.their_commitment != Some(commitment(role, them, me, &nonce)) {
            return false;
        }
        self.their_nonce = Some(nonce);
        true
    }

    /// Takes a nonce whose sender has shown a link's token, which stands in for the commitment.
    pub(super) fn trust(&mut self, nonce: [u8; 32]) {
        self.their_nonce = Some(nonce);
    }

    /// Whether our nonce was shown: from then on the other side can work out the code.
    pub(super) fn is_shown(&self) -> bool {
        if self.is_typing { self.their_commitment.is_some() } else { self.their_nonce.is_some() }
    }

    /// Whether both nonces are known here.
    pub(super) fn is_whole(&self) -> bool {
        self.their_nonce.is_some()
    }

    /// Six digits, once both nonces are known.
    pub(super) fn code(&self, me: DeviceId, them: DeviceId) -> Option<String> {
        let (starter, other) = self.in_order(me, them);
        Some(digits(&self.nonces()?, starter, other))
    }

    /// What only the two devices know, once both nonces are known.
    pub(super) fn secret(&self, me: DeviceId, them: DeviceId) -> [u8; 32] {
        let (starter, other) = self.in_order(me, them);
        let mut keyed = blake3::Hasher::new_derive_key("shoal-pair-secret-v1");
        keyed.update(&self.nonces().unwrap_or([0; 64])).update(&starter.0).update(&other.0);
        *keyed.finalize().as_bytes()
    }

    fn in_order(&self, me: DeviceId, them: DeviceId) -> (DeviceId, DeviceId) {
        if self.is_typing { (me, them) } else { (them, me) }
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
}

/// `H(domain ‖ role ‖ both ids ‖ nonce)`; `by` is who commits.
fn commitment(role: &str, by: DeviceId, to: DeviceId, nonce: &[u8; 32]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new_derive_key("shoal-pair-commitment-v1");
    hash.update(role.as_bytes()).update(&by.0).update(&to.0).update(nonce);
    *hash.finalize().as_bytes()
}

/// Shows knowledge of a token without sending it; `by` is who shows.
pub(super) fn proof(role: &str, token: &[u8; 16], by: DeviceId, to: DeviceId) -> [u8; 32] {
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
