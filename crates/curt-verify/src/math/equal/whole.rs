//! Functions of exact numbers: factorials, binomials, gcd, rounding and their kin.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::budget::{Budget, MAX_BITS, Obstacle, Outcome};
use crate::math::expression::Function;

/// The largest n of n!, and k of n over k: 3200! has about [`MAX_BITS`] bits.
const MAX_FACTORIAL: u64 = 3200;

/// The value of a function at exact numbers. Error: [`Obstacle::Unsupported`] if it is none of these or not exact.
pub fn call(function: Function, arguments: &[BigRational], budget: &Budget) -> Outcome<BigRational> {
    use Function as F;
    let zero = BigRational::zero();
    Ok(match (function, arguments) {
        (F::Abs, [x]) => x.abs(),
        (F::Sign, [x]) => x.signum(),
        (F::Re | F::Conjugate, [x]) => x.clone(),
        (F::Im, [_]) => zero,
        (F::Floor, [x]) => x.floor(),
        (F::Ceil, [x]) => x.ceil(),
        (F::Max, [_, ..]) => arguments.iter().max().cloned().ok_or(Obstacle::Undefined)?,
        (F::Min, [_, ..]) => arguments.iter().min().cloned().ok_or(Obstacle::Undefined)?,
        (F::Mod, [a, b]) => {
            if b.is_zero() {
                return Err(Obstacle::Undefined);
            }
            budget.spend((a.numer().bits() + b.numer().bits()) / 16)?;
            a - b * (a / b).floor()
        }
        (F::Gcd, [_, ..]) => fold_whole(arguments, budget, |a, b| a.gcd(b))?,
        (F::Lcm, [_, ..]) => fold_whole(arguments, budget, |a, b| a.lcm(b))?,
        (F::Factorial, [n]) => descending(whole(n)?, 1, budget)?,
        (F::DoubleFactorial, [n]) => descending(whole(n)?, 2, budget)?,
        (F::Permutations, [n, k]) => falling(n, small(k)?, budget)?,
        (F::Binomial, [n, k]) => binomial(n, k, budget)?,
        _ => return Err(Obstacle::Unsupported),
    })
}

fn whole(value: &BigRational) -> Outcome<&BigInt> {
    if value.is_integer() { Ok(value.numer()) } else { Err(Obstacle::Unsupported) }
}

/// A count that is not negative; larger than [`MAX_FACTORIAL`] is [`Obstacle::Size`].
fn small(value: &BigRational) -> Outcome<u64> {
    let value = whole(value)?;
    if value.is_negative() {
        return Err(Obstacle::Undefined);
    }
    value.to_u64().filter(|&n| n <= MAX_FACTORIAL).ok_or(Obstacle::Size)
}

fn fold_whole(values: &[BigRational], budget: &Budget, combine: fn(&BigInt, &BigInt) -> BigInt) -> Outcome<BigRational> {
    let mut total = whole(&values[0])?.abs();
    for value in &values[1..] {
        let value = whole(value)?;
        let bits = total.bits().max(value.bits());
        budget.spend(1 + bits * (bits / 64 + 1) / 16)?;
        total = combine(&total, value);
        if total.bits() > MAX_BITS {
            return Err(Obstacle::Size);
        }
    }
    Ok(BigRational::from_integer(total))
}

/// n (n − step) (n − 2 step) … down to 1.
fn descending(n: &BigInt, step: u64, budget: &Budget) -> Outcome<BigRational> {
    let n = small(&BigRational::from_integer(n.clone()))?;
    Ok(BigRational::from_integer(product(&BigInt::from(n), n.div_ceil(step), step, budget)?))
}

/// n (n − 1) … of k factors.
fn falling(n: &BigRational, k: u64, budget: &Budget) -> Outcome<BigRational> {
    if n.is_integer() {
        return Ok(BigRational::from_integer(product(n.numer(), k, 1, budget)?));
    }
    let mut total = BigRational::one();
    let mut factor = n.clone();
    for _ in 0..k {
        let bits = total.numer().bits() + factor.numer().bits();
        if bits > MAX_BITS {
            return Err(Obstacle::Size);
        }
        budget.spend(20 + bits * (bits / 64 + 1) / 8)?;
        total *= &factor;
        factor -= BigRational::one();
    }
    Ok(total)
}

/// top (top − step) (top − 2 step) … of `count` factors.
fn product(top: &BigInt, count: u64, step: u64, budget: &Budget) -> Outcome<BigInt> {
    // halves are multiplied, so that factors are of one size
    fn of_range(top: &BigInt, first: u64, count: u64, step: u64) -> BigInt {
        if count <= 8 {
            return (first..first + count).fold(BigInt::one(), |total, i| total * (top - i * step));
        }
        let half = count / 2;
        of_range(top, first, half, step) * of_range(top, first + half, count - half, step)
    }
    let bits = top.bits().saturating_mul(count);
    if bits > 2 * MAX_BITS {
        return Err(Obstacle::Size);
    }
    budget.spend(1 + 3 * count + (bits / 64) * (bits / 64) / 64)?;
    Ok(of_range(top, 0, count, step))
}

/// n over k, for a whole k and any n; by the shorter of the two products where n is whole.
fn binomial(n: &BigRational, k: &BigRational, budget: &Budget) -> Outcome<BigRational> {
    if whole(k)?.is_negative() {
        return Ok(BigRational::zero());
    }
    let other = n - k;
    let k = if n.is_integer() && !n.is_negative() {
        if other.is_negative() {
            return Ok(BigRational::zero());
        }
        small(&k.min(&other).clone())?
    } else {
        small(k)?
    };
    let top = falling(n, k, budget)?;
    let bottom = descending(&BigInt::from(k), 1, budget)?;
    if n.is_integer() {
        // it divides: no gcd
        let limbs = top.numer().bits() / 64 + 1;
        budget.spend(1 + limbs * limbs / 8)?;
        return Ok(BigRational::from_integer(top.numer() / bottom.numer()));
    }
    budget.spend(1 + top.numer().bits() * (top.numer().bits() / 64 + 1) / 8)?;
    Ok(top / bottom)
}
