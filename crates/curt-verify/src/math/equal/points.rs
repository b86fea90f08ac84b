//! Where expressions with symbols are evaluated: points that look random and depend on the input alone.

use std::hash::{Hash, Hasher};

use num_rational::Ratio;

use crate::math::expression::Expression;

/// Denominator of the points that are not whole.
const DENOMINATOR: i64 = 1_000_003;

/// What kind of point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers from 4 to 40.
    Whole,
    /// Positive fractions of the size of 1, 10, 1/10 or 100, by the index.
    Positive(usize),
    /// Fractions of the size of 1, of either sign.
    Signed,
}

/// The scales of [`Kind::Positive`]: from a half to 2.5, and so on.
pub const N_SCALES: usize = 4;
const SCALES: [(i64, i64); N_SCALES] =
    [(500_000, 2_500_000), (3_000_000, 20_000_000), (10_000, 300_000), (20_000_000, 500_000_000)];

/// A point: a value for every name.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    /// Other seeds are other points.
    pub seed: u64,
    /// What values.
    pub kind: Kind,
}

impl Points {
    /// The value of the symbol `name` here.
    pub fn value(self, name: &str) -> Ratio<i64> {
        let random = mixed(self.seed ^ hash_of(&name));
        let below = |limit: i64| (random % limit.unsigned_abs()) as i64;
        match self.kind {
            Kind::Whole => Ratio::from_integer(4 + below(37)),
            Kind::Positive(scale) => {
                let (low, high) = SCALES[scale % N_SCALES];
                Ratio::new(low + below(high - low), DENOMINATOR)
            }
            Kind::Signed => {
                let size = 500_000 + below(2_000_000);
                Ratio::new(if random >> 63 == 1 { -size } else { size }, DENOMINATOR)
            }
        }
    }
}

/// A seed that depends on both expressions.
pub fn seed_of(gold: &Expression, answer: &Expression) -> u64 {
    mixed(hash_of(gold)) ^ hash_of(answer)
}

/// A bijection of 64-bit words whose values look random (the finalizer of splitmix64).
pub fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// FNV-1a, mixed: the same on every platform, unlike the standard library's.
pub fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn write(&mut self, bytes: &[u8]) {
            for &byte in bytes {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        fn finish(&self) -> u64 {
            mixed(self.0)
        }
    }
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut hasher);
    hasher.finish()
}
