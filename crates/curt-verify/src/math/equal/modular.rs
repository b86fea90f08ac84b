//! Arithmetic modulo a prime of about 62 bits: fractions, i, and symbols at random residues.
//!
//! Two rational functions that differ have different residues at a random point, but for a share of points of at most their
//! degree over the prime. What has no residue (roots, logarithms, functions without a meaning) becomes an arbitrary residue
//! that depends on its arguments' residues alone: equal residues then still mean equal functions, but different residues
//! no longer mean different ones; [`Modular::is_conclusive`] tells.

use std::cell::Cell;
use std::sync::OnceLock;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::budget::{Budget, Obstacle, Outcome};
use super::evaluate::Arithmetic;
use super::points::{hash_of, mixed};
use super::whole;
use crate::math::expression::{Constant, Function};

/// Primes to choose from by the seed, so that no fixed number is 0 in every comparison.
const N_PRIMES: usize = 8;

/// Factors of a factorial or binomial that are multiplied, and the n up to which they are written out.
const MAX_FACTORS: i128 = 20_000;
const SMALL_FACTORS: i128 = 32;

/// Residues at one point.
pub struct Modular<'a> {
    budget: &'a Budget,
    prime: u64,
    /// A square root of −1.
    imaginary: u64,
    seed: u64,
    conclusive: Cell<bool>,
}

/// A residue, and the whole number that it stands for where that is known: exponents need it.
#[derive(Clone, Copy, Debug)]
pub struct Residue {
    /// Below the prime.
    pub residue: u64,
    whole: Option<i128>,
}

impl<'a> Modular<'a> {
    /// The prime and the point of this seed.
    pub fn new(budget: &'a Budget, seed: u64) -> Self {
        let (prime, imaginary) = primes()[(mixed(seed) % N_PRIMES as u64) as usize];
        Modular { budget, prime, imaginary, seed, conclusive: Cell::new(true) }
    }

    /// Whether different values so far mean different functions.
    pub fn is_conclusive(&self) -> bool {
        self.conclusive.get()
    }

    fn product(&self, a: u64, b: u64) -> u64 {
        product(a, b, self.prime)
    }

    fn of_whole(&self, value: i128) -> Residue {
        Residue { residue: value.rem_euclid(i128::from(self.prime)) as u64, whole: Some(value) }
    }

    fn of_big(&self, value: &BigInt) -> u64 {
        value.mod_floor(&BigInt::from(self.prime)).to_u64().unwrap_or(0)
    }

    fn inverse(&self, a: u64) -> Outcome<u64> {
        if a == 0 { Err(Obstacle::Undefined) } else { Ok(power(a, self.prime - 2, self.prime)) }
    }

    /// Factorials and binomials too large to write out; none for others.
    fn of_many_factors(&self, function: Function, arguments: &[Residue]) -> Option<Outcome<Residue>> {
        let whole = |i: usize| arguments.get(i).and_then(|argument| argument.whole);
        let n = whole(0).filter(|&n| n > SMALL_FACTORS)?;
        let (count, divided) = match (function, arguments.len()) {
            (Function::Factorial, 1) => (n, false),
            (Function::Permutations, 2) => (whole(1).filter(|k| (0..=n).contains(k))?, false),
            (Function::Binomial, 2) => (whole(1).filter(|k| (0..=n).contains(k)).map(|k| k.min(n - k))?, true),
            _ => return None,
        };
        if count > MAX_FACTORS {
            return Some(Err(Obstacle::Size));
        }
        let product = |from: i128| {
            let (mut total, mut factor) = (1, self.of_whole(from).residue);
            for _ in 0..count {
                total = self.product(total, factor);
                factor = factor.checked_sub(1).unwrap_or(self.prime - 1);
            }
            total
        };
        let quotient = || {
            self.budget.spend(60 + count as u64)?;
            let below = if divided { self.inverse(product(count))? } else { 1 };
            Ok(Residue { residue: self.product(product(n), below), whole: None })
        };
        Some(quotient())
    }

    fn arbitrary(&self, head: &str, words: impl Iterator<Item = u64>) -> u64 {
        words.fold(mixed(self.seed ^ hash_of(head)), |state, word| mixed(state ^ word)) % self.prime
    }
}

impl Arithmetic for Modular<'_> {
    type Value = Residue;

    fn budget(&self) -> &Budget {
        self.budget
    }

    fn number(&self, value: &BigRational) -> Outcome<Residue> {
        if let (true, Some(whole)) = (value.is_integer(), value.numer().to_i64()) {
            return Ok(self.of_whole(i128::from(whole)));
        }
        self.budget.spend(8 + (value.numer().bits() + value.denom().bits()) / 256)?;
        let bottom = self.inverse(self.of_big(value.denom()))?;
        Ok(Residue { residue: self.product(self.of_big(value.numer()), bottom), whole: None })
    }

    fn constant(&self, constant: Constant) -> Outcome<Residue> {
        match constant {
            Constant::I => Ok(Residue { residue: self.imaginary, whole: None }),
            // transcendental: as good as symbols, as long as they are not exponents
            Constant::Pi => self.symbol("the number pi"),
            Constant::E => self.symbol("the number e"),
            Constant::Infinity => Err(Obstacle::Unsupported),
        }
    }

    fn symbol(&self, name: &str) -> Outcome<Residue> {
        Ok(Residue { residue: self.arbitrary(name, std::iter::empty()), whole: None })
    }

    fn add(&self, a: &Residue, b: &Residue) -> Outcome<Residue> {
        let whole = a.whole.zip(b.whole).and_then(|(a, b)| a.checked_add(b));
        let residue = ((u128::from(a.residue) + u128::from(b.residue)) % u128::from(self.prime)) as u64;
        Ok(Residue { residue, whole })
    }

    fn negate(&self, a: &Residue) -> Outcome<Residue> {
        let residue = if a.residue == 0 { 0 } else { self.prime - a.residue };
        Ok(Residue { residue, whole: a.whole.and_then(i128::checked_neg) })
    }

    fn multiply(&self, a: &Residue, b: &Residue) -> Outcome<Residue> {
        let whole = a.whole.zip(b.whole).and_then(|(a, b)| a.checked_mul(b));
        Ok(Residue { residue: self.product(a.residue, b.residue), whole })
    }

    fn divide(&self, a: &Residue, b: &Residue) -> Outcome<Residue> {
        self.budget.spend(60)?;
        let divided = |(a, b): (i128, i128)| a.checked_rem(b).filter(|rest| *rest == 0).map(|_| a / b);
        let whole = a.whole.zip(b.whole).and_then(divided);
        Ok(Residue { residue: self.product(a.residue, self.inverse(b.residue)?), whole })
    }

    fn power(&self, base: &Residue, exponent: &Residue) -> Outcome<Residue> {
        let Some(count) = exponent.whole else {
            self.budget.spend(5)?;
            self.conclusive.set(false);
            let residue = self.arbitrary("power", [base.residue, exponent.residue].into_iter());
            return Ok(Residue { residue, whole: None });
        };
        self.budget.spend(60)?;
        if count == 0 {
            return Ok(self.of_whole(1));
        }
        let exact = u32::try_from(count).ok().zip(base.whole).and_then(|(count, base)| base.checked_pow(count));
        // by Fermat's little theorem, for a base that is not 0
        let reduced = count.rem_euclid(i128::from(self.prime - 1)) as u64;
        let residue = match base.residue {
            0 if count < 0 => return Err(Obstacle::Undefined),
            0 => 0,
            residue => power(residue, reduced, self.prime),
        };
        Ok(Residue { residue, whole: exact })
    }

    fn call(&self, function: Function, arguments: &[Residue]) -> Outcome<Residue> {
        if let Some(found) = self.of_many_factors(function, arguments) {
            return found;
        }
        let whole: Option<Vec<BigRational>> =
            arguments.iter().map(|a| a.whole.map(|a| BigRational::from_integer(BigInt::from(a)))).collect();
        if let Some(whole) = whole {
            match whole::call(function, &whole, self.budget) {
                Err(Obstacle::Unsupported) => {}
                found => return found.and_then(|value| self.number(&value)),
            }
        }
        self.conclusive.set(false);
        if let (Function::Exp, [x]) = (function, arguments) {
            return self.power(&self.constant(Constant::E)?, x);
        }
        self.budget.spend(10)?;
        // √x is x^(1/2), so that both have one value
        if let (Function::Root, [x, index]) = (function, arguments) {
            let exponent = self.divide(&self.of_whole(1), index)?;
            return self.power(x, &Residue { whole: None, ..exponent });
        }
        let residue = self.arbitrary(&format!("{function:?}"), arguments.iter().map(|a| a.residue));
        Ok(Residue { residue, whole: None })
    }

    fn opaque(&self, head: &str, arguments: &[Residue]) -> Outcome<Residue> {
        self.conclusive.set(false);
        Ok(Residue { residue: self.arbitrary(head, arguments.iter().map(|a| a.residue)), whole: None })
    }

    fn integer(&self, value: &Residue) -> Option<i64> {
        value.whole.and_then(|whole| i64::try_from(whole).ok())
    }
}

fn product(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

fn power(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = product(result, base, modulus);
        }
        base = product(base, base, modulus);
        exponent /= 2;
    }
    result
}

/// Eight primes of the form 4k + 1 above 2^61, and a square root of −1 modulo each.
fn primes() -> &'static [(u64, u64); N_PRIMES] {
    static PRIMES: OnceLock<[(u64, u64); N_PRIMES]> = OnceLock::new();
    PRIMES.get_or_init(|| {
        std::array::from_fn(|i| {
            let mut candidate = (1 << 61) + (mixed(i as u64) >> 5) / 4 * 4 + 1;
            while !is_prime(candidate) {
                candidate += 4;
            }
            let roots = (2..).map(|a| power(a, (candidate - 1) / 4, candidate));
            let root = roots.into_iter().find(|&root| product(root, root, candidate) == candidate - 1);
            (candidate, root.expect("half of all residues are no squares"))
        })
    })
}

/// Miller and Rabin's test with the bases that decide it below 2^64.
fn is_prime(n: u64) -> bool {
    let (twos, odd) = ((n - 1).trailing_zeros(), (n - 1) >> (n - 1).trailing_zeros());
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|base| {
        if n.is_multiple_of(base) {
            return n == base;
        }
        let mut x = power(base, odd, n);
        let mut passes = x == 1 || x == n - 1;
        for _ in 1..twos {
            x = product(x, x, n);
            passes |= x == n - 1;
        }
        passes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_prime_and_have_a_root_of_minus_one() {
        for &(prime, root) in primes() {
            assert!(is_prime(prime) && prime % 4 == 1 && prime > 1 << 61);
            assert_eq!(product(root, root, prime), prime - 1);
        }
        assert!(is_prime((1 << 61) - 1) && !is_prime((1 << 61) + 1));
        assert!(!is_prime(3_215_031_751), "a strong pseudoprime to the bases 2, 3, 5 and 7");
    }
}
