//! Randomness as a pure function: who draws, and which draw it is, give the number. There is no state to save.

use std::f64::consts::PI;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a number is drawn for; each purpose has numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Sampling completions for training.
    Train = 0,
    /// Sampling completions for evaluation.
    Eval = 1,
    /// Sampling completions to measure difficulty.
    Filter = 2,
    /// First weights of a model.
    Init = 3,
    /// The order of problems.
    Shuffle = 4,
}

/// The key of an endless table of random numbers, ChaCha8 with this key and the position as counter.
///
/// Every field is part of the 256-bit key, so keys that differ anywhere give unrelated numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrawKey {
    /// The run's seed.
    pub seed: u64,
    /// What the numbers are for.
    pub purpose: Purpose,
    /// Training step.
    pub step: u32,
    /// Round of drawing more problems within the step.
    pub refill: u16,
    /// Hash of the problem.
    pub problem: u64,
    /// How many times the problem was drawn before in this step.
    pub occurrence: u32,
    /// Which completion of the problem.
    pub sample: u32,
}

impl DrawKey {
    /// The key with everything but seed and purpose zero.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self { seed, purpose, step: 0, refill: 0, problem: 0, occurrence: 0, sample: 0 }
    }

    /// A number in [0, 1), uniform over multiples of 2⁻⁵³; `position` is any, in any order.
    ///
    /// It is what the (`position` + 1)-th call of [`uniform_from`] on [`DrawKey::generator`] gives.
    pub fn uniform(&self, position: u64) -> f64 {
        let mut generator = self.generator();
        generator.set_word_pos(2 * u128::from(position));
        uniform_from(&mut generator)
    }

    /// A generator that walks the key's numbers from position 0.
    pub fn generator(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.bytes())
    }

    /// The fields, little-endian; the last byte is the version of this layout.
    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.problem.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.step.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.occurrence.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.sample.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.refill.to_le_bytes());
        bytes[30] = self.purpose as u8;
        bytes
    }
}

/// The next number in [0, 1): the upper 53 bits of the next 64, times 2⁻⁵³.
pub fn uniform_from<R: Rng>(generator: &mut R) -> f64 {
    (generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A whole number below `n`, each equally likely. Panics when `n` is 0.
///
/// The upper half of `n` times the next 64 bits; the draw is repeated when the lower half is below 2⁶⁴ mod `n`
/// (arXiv 1805.10941).
pub fn below<R: Rng>(generator: &mut R, n: u64) -> u64 {
    assert!(n > 0, "below: n is 0");
    let rejected = n.wrapping_neg() % n;
    loop {
        let product = u128::from(generator.next_u64()) * u128::from(n);
        if product as u64 >= rejected {
            return (product >> 64) as u64;
        }
    }
}

/// A number from the standard normal distribution, from two uniform ones: `√(−2 ln(1 − u)) · cos(2π v)` (Box and Muller).
pub fn normal<R: Rng>(generator: &mut R) -> f64 {
    // 1 − u is never 0
    let radius = (-2.0 * libm::log(1.0 - uniform_from(generator))).sqrt();
    radius * libm::cos(2.0 * PI * uniform_from(generator))
}

/// Puts the items in an order drawn uniformly from all orders (Fisher and Yates, from the last place down).
pub fn shuffle<R: Rng, T>(generator: &mut R, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: DrawKey = DrawKey {
        seed: 42,
        purpose: Purpose::Eval,
        step: 7,
        refill: 2,
        problem: 0x0123_4567_89ab_cdef,
        occurrence: 1,
        sample: 5,
    };

    /// Computed by a separate ChaCha8, written in Python from RFC 8439 with 8 rounds and a 64-bit counter.
    #[test]
    fn the_first_numbers_never_change() {
        let zero = DrawKey::new(0, Purpose::Train);
        for (key, position, want) in [
            (zero, 0, 0.8369197568826472),
            (zero, 1, 0.6314244940665231),
            (zero, 7, 0.26168895110548884),
            (zero, 8, 0.319361085550535),
            (zero, 1 << 40, 0.3344916081946745),
            (KEY, 0, 0.4010984338500566),
            (KEY, 1, 0.8225129721724088),
            (KEY, 8, 0.2912139615594944),
            (KEY, 1000, 0.872047137227903),
            (KEY, 1 << 40, 0.6621368684311987),
        ] {
            assert_eq!(key.uniform(position), want, "{key:?} at {position}");
        }
    }

    /// From the same Python program.
    #[test]
    fn derived_draws_never_change() {
        let mut generator = KEY.generator();
        let drawn: Vec<u64> = (0..6).map(|_| below(&mut generator, 10)).collect();
        assert_eq!(drawn, [4, 8, 1, 9, 5, 3]);
        let drawn = [normal(&mut generator), normal(&mut generator)];
        assert_eq!(drawn, [0.5634825828121492, -0.31121247663335505]);
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        shuffle(&mut generator, &mut order);
        assert_eq!(order, [7, 2, 5, 3, 6, 0, 1, 4]);
    }

    #[test]
    fn every_field_matters() {
        let others = [
            DrawKey { seed: 43, ..KEY },
            DrawKey { purpose: Purpose::Train, ..KEY },
            DrawKey { step: 8, ..KEY },
            DrawKey { refill: 3, ..KEY },
            DrawKey { problem: 0, ..KEY },
            DrawKey { occurrence: 0, ..KEY },
            DrawKey { sample: 6, ..KEY },
        ];
        for other in others {
            assert_ne!(other.uniform(0), KEY.uniform(0), "{other:?}");
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let mut generator = KEY.generator();
        let n = 40_000;
        let normals: Vec<f64> = (0..n).map(|_| normal(&mut generator)).collect();
        let moment = |power: i32| normals.iter().map(|x| (0..power).fold(1.0, |y, _| y * x)).sum::<f64>() / f64::from(n);
        for (power, want, tolerance) in [(1, 0.0, 0.02), (2, 1.0, 0.03), (3, 0.0, 0.06), (4, 3.0, 0.2)] {
            assert!((moment(power) - want).abs() < tolerance, "moment {power}: {}", moment(power));
        }
        let mut counts = [0; 7];
        (0..n).for_each(|_| counts[below(&mut generator, 7) as usize] += 1);
        assert!(counts.iter().all(|&count| (f64::from(count) - f64::from(n) / 7.0).abs() < 300.0), "{counts:?}");
    }

    #[test]
    #[should_panic(expected = "below: n is 0")]
    fn nothing_is_below_zero() {
        below(&mut KEY.generator(), 0);
    }

    proptest! {
        #[test]
        fn random_access_equals_the_sequence(seed: u64, skip in 0usize..100) {
            let key = DrawKey { seed, ..KEY };
            let mut generator = key.generator();
            let walked = (0..=skip).map(|_| uniform_from(&mut generator)).last().unwrap();
            prop_assert_eq!(walked, key.uniform(skip as u64));
            prop_assert!((0.0..1.0).contains(&walked));
        }

        #[test]
        fn draws_stay_below_their_limit(seed: u64, n in 1u64..) {
            let drawn = below(&mut DrawKey { seed, ..KEY }.generator(), n);
            prop_assert!(drawn < n);
        }

        #[test]
        fn a_shuffle_keeps_every_item(seed: u64, len in 0usize..50) {
            let mut items: Vec<usize> = (0..len).collect();
            shuffle(&mut DrawKey { seed, ..KEY }.generator(), &mut items);
            items.sort_unstable();
            prop_assert!(items.into_iter().eq(0..len));
        }
    }
}
