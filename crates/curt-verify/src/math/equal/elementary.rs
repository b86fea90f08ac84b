//! exp, ln, sin, cos and atan of real balls, by Taylor series in fixed point and Newton's method.

use std::sync::OnceLock;

use num_bigint::{BigInt, Sign};
use num_traits::{ToPrimitive, Zero};

use super::ball::Ball;
use super::budget::{Obstacle, Outcome};

/// Bits of the constants: more than the highest precision with all its guards.
const CONSTANT_BITS: i64 = 1472;

/// Bits beyond the precision in fixed point.
const GUARD: i64 = 32;

/// Arguments beyond 2^this are [`Obstacle::Size`].
const MAX_ARGUMENT: i64 = 40;

/// Halvings of an argument before its Taylor series.
const HALVINGS: usize = 8;

/// π
pub fn pi(bits: u32) -> Ball {
    static PI: OnceLock<BigInt> = OnceLock::new();
    // Machin: π = 16 atan(1/5) − 4 atan(1/239)
    constant(PI.get_or_init(|| inverse_series(5, -1) * 16 - inverse_series(239, -1) * 4), bits)
}

fn ln_2() -> &'static BigInt {
    static LN_2: OnceLock<BigInt> = OnceLock::new();
    LN_2.get_or_init(|| inverse_series(26, 1) * 18 - inverse_series(4801, 1) * 2 + inverse_series(8749, 1) * 8)
}

fn constant(fixed: &BigInt, bits: u32) -> Ball {
    let dropped = CONSTANT_BITS - i64::from(bits) - GUARD;
    let ball = Ball::new(fixed >> dropped, dropped - CONSTANT_BITS, None, bits + GUARD as u32 + 4);
    ball.expect("a constant is neither huge nor tiny").widened(-i64::from(bits))
}

/// atan(1/n) for sign −1, artanh(1/n) for sign 1: Σ (±1)^k / ((2k + 1) n^(2k + 1)), in fixed point of [`CONSTANT_BITS`].
fn inverse_series(n: u32, sign: i32) -> BigInt {
    let mut power = (BigInt::from(1) << CONSTANT_BITS) / n;
    let (mut sum, mut k, mut is_negative) = (BigInt::zero(), 1u32, false);
    while !power.is_zero() {
        let term = &power / k;
        sum += if is_negative { -term } else { term };
        is_negative ^= sign < 0;
        power /= n * n;
        k += 2;
    }
    sum
}

fn at_scale(fixed: &BigInt, scale: i64) -> BigInt {
    fixed >> (CONSTANT_BITS - scale)
}

/// The scale of fixed point for an argument: room for `bits` behind the point whatever is before it.
fn scale_for(x: &Ball, bits: u32) -> Outcome<i64> {
    if x.magnitude() > MAX_ARGUMENT {
        return Err(Obstacle::Size);
    }
    Ok(i64::from(bits) + GUARD + x.magnitude().max(0))
}

/// e^x
pub fn exp(x: &Ball, bits: u32) -> Outcome<Ball> {
    if x.is_exactly_zero() {
        return Ok(Ball::whole(1));
    }
    if x.radius().is_some_and(|radius| radius > -2) {
        return Err(Obstacle::Precision);
    }
    let scale = scale_for(x, bits)?;
    let (fixed, ln_2) = (x.fixed(scale), at_scale(ln_2(), scale));
    let turns = floor_quotient(&fixed, &ln_2);
    let rest = (fixed - &turns * ln_2) >> HALVINGS;
    let (mut sum, mut term, mut n) = (BigInt::from(1) << scale, BigInt::from(1) << scale, 1u32);
    loop {
        term = ((term * &rest) >> scale) / n;
        if term.is_zero() {
            break;
        }
        sum += &term;
        n += 1;
    }
    for _ in 0..HALVINGS {
        sum = (&sum * &sum) >> scale;
    }
    let turns = turns.to_i64().ok_or(Obstacle::Size)?;
    let result = Ball::new(sum, turns - scale, Some(turns + 1 - i64::from(bits)), bits)?;
    Ok(match x.radius() {
        // e^x (e^r − 1) ≤ e^x 2 r for r ≤ 1
        Some(radius) => result.widened(radius + turns + 2),
        None => result,
    })
}

/// ln x for x > 0. Error: [`Obstacle::Undefined`] for others, and for a ball that touches 0.
pub fn ln(x: &Ball, bits: u32) -> Outcome<Ball> {
    if !x.is_positive() || x.radius().is_some_and(|radius| radius >= x.magnitude() - 2) {
        return Err(Obstacle::Undefined);
    }
    let (f, k) = x.leading();
    let work = bits + 16;
    let mut y = from_f64(libm::log(f))?.add(&constant(ln_2(), work).exact().multiply(&Ball::whole(k), work)?, work)?.exact();
    let (exact, mut correct) = (x.exact(), 40);
    // Halley: y + 2 (x − e^y) / (x + e^y) has three times as many right bits
    while correct < work {
        let power = exp(&y, work)?.exact();
        let step = exact.subtract(&power, work)?.divide(&exact.add(&power, work)?, work)?.scaled(1);
        y = y.add(&step, work)?.exact();
        correct *= 3;
    }
    let y = y.widened(2 - i64::from(bits) + bit_length(k));
    Ok(match x.radius() {
        Some(radius) => y.widened(radius + 2 - x.magnitude()),
        None => y,
    })
}

/// sin x and cos x
pub fn sin_cos(x: &Ball, bits: u32) -> Outcome<(Ball, Ball)> {
    if x.is_exactly_zero() {
        return Ok((Ball::zero(), Ball::whole(1)));
    }
    if x.radius().is_some_and(|radius| radius > -2) {
        return Err(Obstacle::Precision);
    }
    let scale = scale_for(x, bits)?;
    let quarter = pi(scale as u32).fixed(scale + 8) >> 9;
    let fixed = x.fixed(scale);
    let turns = floor_quotient(&(&fixed + (&quarter >> 1)), &quarter);
    let rest = (fixed - &turns * quarter) >> HALVINGS;
    let square = (&rest * &rest) >> scale;
    let series = |first: BigInt, mut n: u32| {
        let (mut sum, mut term) = (first.clone(), first);
        loop {
            term = -((term * &square) >> scale) / (n * (n + 1));
            if term.bits() <= 1 {
                return sum;
            }
            sum += &term;
            n += 2;
        }
    };
    let half_square: BigInt = &square >> 1;
    // of the halved angle: sin, and cos − 1 = −x²/2 + …, which doubling does not make worse
    let (mut sin, mut less) = (series(rest.clone(), 2), series(-half_square, 3));
    for _ in 0..HALVINGS {
        sin = (&sin << 1) + ((&sin * &less) >> (scale - 1));
        less = (&less << 2) + ((&less * &less) >> (scale - 1));
    }
    let cos = (BigInt::from(1) << scale) + less;
    let turn = (turns & BigInt::from(3)).to_u8().unwrap_or(0);
    let (sin, cos) = match turn {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    };
    let error = Some(1 - i64::from(bits));
    let ball = |fixed| Ok(Ball::new(fixed, -scale, error, bits)?.widened(x.radius().unwrap_or(-i64::from(bits))));
    Ok((ball(sin)?, ball(cos)?))
}

/// atan x, between −π/2 and π/2
pub fn atan(x: &Ball, bits: u32) -> Outcome<Ball> {
    if x.is_exactly_zero() {
        return Ok(Ball::zero());
    }
    if x.magnitude() > 1 {
        let inverse = atan(&Ball::whole(1).divide(x, bits + 8)?, bits + 8)?;
        let right_angle = pi(bits + 8).scaled(-1);
        let right_angle = if x.is_negative() { right_angle.negated() } else { right_angle };
        return right_angle.subtract(&inverse, bits);
    }
    let work = bits + 16;
    let (exact, mut correct) = (x.exact(), 40);
    let mut y = from_f64(libm::atan(x.to_f64()))?;
    // atan x = y + atan d with d = (x cos y − sin y) / (cos y + x sin y), and atan d = d − d³/3 + O(d⁵)
    while correct < work {
        let (sin, cos) = sin_cos(&y, work)?;
        let top = exact.multiply(&cos, work)?.subtract(&sin, work)?.exact();
        let bottom = cos.add(&exact.multiply(&sin, work)?, work)?.exact();
        let d = top.divide(&bottom, work)?.exact();
        let cube = d.multiply(&d, work)?.multiply(&d, work)?.divide(&Ball::whole(3), work)?;
        y = y.add(&d.subtract(&cube, work)?, work)?.exact();
        correct *= 5;
    }
    let y = y.widened(4 - i64::from(bits));
    Ok(match x.radius() {
        Some(radius) => y.widened(radius),
        None => y,
    })
}

/// The angle of the point (x, y), in (−π, π]. Error: [`Obstacle::Undefined`] where it may jump.
pub fn angle(y: &Ball, x: &Ball, bits: u32) -> Outcome<Ball> {
    match x.sign() {
        Some(Sign::Plus) => atan(&y.divide(x, bits)?, bits),
        Some(_) if y.is_exactly_zero() => Ok(pi(bits)),
        Some(_) => {
            let turned = atan(&y.divide(x, bits)?, bits)?;
            match y.sign() {
                Some(Sign::Plus) => turned.add(&pi(bits), bits),
                Some(_) => turned.subtract(&pi(bits), bits),
                None => Err(Obstacle::Undefined),
            }
        }
        None => {
            let right_angle = pi(bits).scaled(-1);
            let right_angle = match y.sign().ok_or(Obstacle::Undefined)? {
                Sign::Minus => right_angle.negated(),
                _ => right_angle,
            };
            right_angle.subtract(&atan(&x.divide(y, bits)?, bits)?, bits)
        }
    }
}

fn floor_quotient(a: &BigInt, b: &BigInt) -> BigInt {
    num_integer::Integer::div_floor(a, b)
}

fn from_f64(value: f64) -> Outcome<Ball> {
    Ball::new(BigInt::from(libm::ldexp(value, 60) as i128), -60, None, 128)
}

fn bit_length(value: i64) -> i64 {
    i64::from(64 - value.unsigned_abs().leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: u32 = 416;

    fn is_small(difference: &Ball, below: i64) -> bool {
        difference.touches_zero() && difference.radius().is_none_or(|radius| radius < below)
    }

    fn points(bits: u32) -> Vec<Ball> {
        let fractions = [(1, 3), (7, 2), (-5, 7), (22, 7), (1001, 10), (-3, 1000), (40, 1), (1, 1), (3, 4)];
        fractions.iter().map(|&(a, b)| Ball::small(num_rational::Ratio::new(a, b), bits).unwrap()).collect()
    }

    #[test]
    fn functions_agree_with_libm() {
        for x in points(BITS) {
            let at = x.to_f64();
            let close = |found: Ball, want: f64| assert!((found.to_f64() - want).abs() <= 1e-13 * want.abs().max(1.0), "{at}");
            close(exp(&x, BITS).unwrap(), libm::exp(at));
            close(sin_cos(&x, BITS).unwrap().0, libm::sin(at));
            close(sin_cos(&x, BITS).unwrap().1, libm::cos(at));
            close(atan(&x, BITS).unwrap(), libm::atan(at));
            close(ln(&x.absolute(), BITS).unwrap(), libm::log(at.abs()));
        }
        assert!((pi(BITS).to_f64() - std::f64::consts::PI).abs() < 1e-15);
    }

    #[test]
    fn functions_undo_each_other_within_their_bounds() {
        for bits in [128, BITS, 1100] {
            for x in points(bits) {
                let there = ln(&exp(&x, bits).unwrap(), bits).unwrap();
                assert!(is_small(&there.subtract(&x, bits).unwrap(), 24 - i64::from(bits)), "{bits} {}", x.to_f64());
                let (sin, cos) = sin_cos(&atan(&x, bits).unwrap(), bits).unwrap();
                let tangent = sin.divide(&cos, bits).unwrap();
                assert!(is_small(&tangent.subtract(&x, bits).unwrap(), 40 - i64::from(bits)), "{bits} {}", x.to_f64());
                let (sin, cos) = sin_cos(&x, bits).unwrap();
                let one = sin.multiply(&sin, bits).unwrap().add(&cos.multiply(&cos, bits).unwrap(), bits).unwrap();
                assert!(is_small(&one.subtract(&Ball::whole(1), bits).unwrap(), 16 - i64::from(bits)), "{bits}");
            }
        }
    }

    #[test]
    fn different_numbers_do_not_touch() {
        let bits = 416;
        let almost = "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706";
        let digits: BigInt = almost.replace('.', "").parse().unwrap();
        let scale = num_traits::pow(BigInt::from(10), almost.len() - 2);
        let almost = Ball::fraction(&num_rational::BigRational::new(digits, scale), bits).unwrap();
        assert!(!almost.subtract(&pi(bits), bits).unwrap().touches_zero());
        assert!(almost.subtract(&pi(bits), bits).unwrap().magnitude() < -300);
    }
}
