//! Chance, as it came in: a seed, expanded.

/// Dice that always fall the same way for one seed. Expanded by BLAKE3 in keyed mode over a counter.
#[derive(Default)]
pub struct Dice {
    seed: [u8; 32],
    throws: u64,
}

impl Dice {
    /// Fresh dice; the seed must be random where it matters.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Dice { seed, throws: 0 }
    }

    /// Throws 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.throws += 1;
        *blake3::keyed_hash(&self.seed, &self.throws.to_le_bytes()).as_bytes()
    }

    /// Throws a number.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes()[..8].try_into().unwrap_or_default())
    }
}
