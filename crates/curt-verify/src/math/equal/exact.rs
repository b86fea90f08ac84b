//! Exact arithmetic of fractions.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::budget::{Budget, MAX_BITS, Obstacle, Outcome};
use super::evaluate::Arithmetic;
use super::points::Points;
use super::whole;
use crate::math::expression::{Constant, Function};

/// Fractions of at most [`MAX_BITS`] bits, above and below.
pub struct Exact<'a> {
    /// Where steps are taken from.
    pub budget: &'a Budget,
    /// Values of symbols; without them symbols are [`Obstacle::Unsupported`].
    pub points: Option<Points>,
}

/// Takes the steps of one operation on two fractions off: schoolbook products and, with denominators, binary gcds.
fn charge(budget: &Budget, a: &BigRational, b: &BigRational) -> Outcome<()> {
    let (top, bottom) = (a.numer().bits().max(b.numer().bits()), a.denom().bits().max(b.denom().bits()));
    if top > MAX_BITS || bottom > MAX_BITS {
        return Err(Obstacle::Size);
    }
    let limbs = top.max(bottom) / 64 + 1;
    budget.spend(if bottom <= 1 { 1 + limbs * limbs / 8 } else { 20 + top.max(bottom) * limbs / 8 })
}

fn is_whole(a: &BigRational, b: &BigRational) -> bool {
    a.is_integer() && b.is_integer()
}

impl Arithmetic for Exact<'_> {
    type Value = BigRational;

    fn budget(&self) -> &Budget {
        self.budget
    }

    fn number(&self, value: &BigRational) -> Outcome<BigRational> {
        if value.numer().bits() > MAX_BITS || value.denom().bits() > MAX_BITS {
            return Err(Obstacle::Size);
        }
        Ok(value.clone())
    }

    fn constant(&self, _: Constant) -> Outcome<BigRational> {
        Err(Obstacle::Unsupported)
    }

    fn symbol(&self, name: &str) -> Outcome<BigRational> {
        let points = self.points.ok_or(Obstacle::Unsupported)?;
        let value = points.value(name);
        Ok(BigRational::new(BigInt::from(*value.numer()), BigInt::from(*value.denom())))
    }

    fn add(&self, a: &BigRational, b: &BigRational) -> Outcome<BigRational> {
        charge(self.budget, a, b)?;
        Ok(if is_whole(a, b) { BigRational::from_integer(a.numer() + b.numer()) } else { a + b })
    }

    fn negate(&self, a: &BigRational) -> Outcome<BigRational> {
        Ok(-a)
    }

    fn multiply(&self, a: &BigRational, b: &BigRational) -> Outcome<BigRational> {
        charge(self.budget, a, b)?;
        Ok(if is_whole(a, b) { BigRational::from_integer(a.numer() * b.numer()) } else { a * b })
    }

    fn divide(&self, a: &BigRational, b: &BigRational) -> Outcome<BigRational> {
        if b.is_zero() {
            return Err(Obstacle::Undefined);
        }
        charge(self.budget, a, b)?;
        let bits = a.numer().bits().max(b.numer().bits());
        self.budget.spend(bits * (bits / 64 + 1) / 8)?;
        Ok(a / b)
    }

    fn power(&self, base: &BigRational, exponent: &BigRational) -> Outcome<BigRational> {
        if !exponent.is_integer() {
            let (root, times) = (exponent.denom(), BigRational::from_integer(exponent.numer().clone()));
            let root = root.to_u32().ok_or(Obstacle::Unsupported)?;
            return self.power(&perfect_root(base, root, self.budget)?, &times);
        }
        if base.is_zero() {
            return match exponent.numer() {
                zero if zero.is_zero() => Ok(BigRational::one()),
                negative if negative.is_negative() => Err(Obstacle::Undefined),
                _ => Ok(BigRational::zero()),
            };
        }
        if base.abs().is_one() {
            let odd = exponent.numer().bit(0);
            return Ok(if odd { base.clone() } else { BigRational::one() });
        }
        let count = exponent.numer().abs().to_u32().ok_or(Obstacle::Size)?;
        let bits = base.numer().bits().max(base.denom().bits()).saturating_mul(u64::from(count));
        if bits > 2 * MAX_BITS {
            return Err(Obstacle::Size);
        }
        self.budget.spend(1 + (bits / 64) * (bits / 64) / 8)?;
        let (top, bottom) = (base.numer().pow(count), base.denom().pow(count));
        // no gcd: powers of coprime numbers are coprime
        Ok(match exponent.is_negative() {
            false => BigRational::new_raw(top, bottom),
            true if top.is_negative() => BigRational::new_raw(-bottom, -top),
            true => BigRational::new_raw(bottom, top),
        })
    }

    fn call(&self, function: Function, arguments: &[BigRational]) -> Outcome<BigRational> {
        match (function, arguments) {
            (Function::Root, [x, index]) => {
                let index = index.to_integer().to_u32().filter(|_| index.is_integer()).ok_or(Obstacle::Unsupported)?;
                perfect_root(x, index, self.budget)
            }
            _ => whole::call(function, arguments, self.budget),
        }
    }

    fn opaque(&self, _: &str, _: &[BigRational]) -> Outcome<BigRational> {
        Err(Obstacle::Unsupported)
    }

    fn integer(&self, value: &BigRational) -> Option<i64> {
        value.is_integer().then(|| value.numer().to_i64()).flatten()
    }
}

/// The `index`-th root where it is a fraction: of a negative number for an odd index only.
fn perfect_root(x: &BigRational, index: u32, budget: &Budget) -> Outcome<BigRational> {
    if index == 0 || x.is_negative() && index.is_multiple_of(2) {
        return Err(Obstacle::Unsupported);
    }
    let bits = x.numer().bits().max(x.denom().bits());
    if bits > MAX_BITS / 8 {
        return Err(Obstacle::Unsupported);
    }
    budget.spend(20 + bits * (bits / 64 + 1) / 4)?;
    let (top, bottom) = (x.numer().nth_root(index), x.denom().nth_root(index));
    if top.pow(index) == *x.numer() && bottom.pow(index) == *x.denom() {
        Ok(BigRational::new_raw(top, bottom))
    } else {
        Err(Obstacle::Unsupported)
    }
}
