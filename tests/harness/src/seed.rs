//! Randomness that can be repeated.

use std::{
    env, fmt, process,
    time::{SystemTime, UNIX_EPOCH},
};

/// What a run's random choices follow from. Print it where a run fails: `STRONGROOM_SEED` repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed that `STRONGROOM_SEED` names, or a new one.
    ///
    /// # Panics
    /// When the variable holds something that is no number.
    #[must_use]
    pub fn of_this_run() -> Self {
        env::var("STRONGROOM_SEED")
            .map_or_else(|_| Self(fresh()), |text| Self(text.parse().expect("STRONGROOM_SEED is a decimal number")))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "STRONGROOM_SEED={}", self.0)
    }
}

/// A number that differs from run to run.
pub(crate) fn fresh() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    Random::new(u64::from(elapsed.subsec_nanos()) ^ elapsed.as_secs() << 30 ^ u64::from(process::id()) << 16).next()
}

/// The splitmix64 generator (Steele, Lea, Flood 2014): small, good enough for tests, the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so an Option would only be in the way")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A word of `length` letters and digits.
    pub fn word(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(ALPHABET[(self.next() % 36) as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut random = Random::new(0);
        // The published first outputs of splitmix64 for seed 0.
        assert_eq!([random.next(), random.next()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
        assert_eq!(Random::new(7).word(20), Random::new(7).word(20));
        assert_ne!(Random::new(7).word(20), Random::new(8).word(20));
    }
}
