//! Real numbers of many digits with a bound on their error.

use num_bigint::{BigInt, Sign};
use num_rational::{BigRational, Ratio};
use num_traits::{Signed, ToPrimitive, Zero};

use super::budget::{Obstacle, Outcome};

/// Values beyond 2^±this are [`Obstacle::Size`].
const MAX_MAGNITUDE: i64 = 1 << 40;

/// A number and its error: |true value − mantissa 2^exponent| ≤ 2^radius; no radius if it is exact.
///
/// Every operation rounds to the precision it is given (in bits) and adds what that and the errors of its arguments may
/// have changed. So two balls that do not touch hold different numbers, for certain.
#[derive(Clone, Debug)]
pub struct Ball {
    mantissa: BigInt,
    exponent: i64,
    radius: Option<i64>,
}

impl Ball {
    /// Exactly 0.
    pub fn zero() -> Self {
        Ball { mantissa: BigInt::zero(), exponent: 0, radius: None }
    }

    /// A whole number, exact.
    pub fn whole(value: i64) -> Self {
        Ball { mantissa: BigInt::from(value), exponent: 0, radius: None }
    }

    /// A small fraction.
    pub fn small(value: Ratio<i64>, bits: u32) -> Outcome<Self> {
        let top = Ball::whole(*value.numer());
        if value.is_integer() { Ok(top) } else { top.divide(&Ball::whole(*value.denom()), bits) }
    }

    /// A fraction.
    pub fn fraction(value: &BigRational, bits: u32) -> Outcome<Self> {
        let top = Ball::new(value.numer().clone(), 0, None, bits)?;
        if value.is_integer() { Ok(top) } else { top.divide(&Ball::new(value.denom().clone(), 0, None, bits)?, bits) }
    }

    /// mantissa 2^exponent ± 2^radius, rounded to `bits`.
    pub fn new(mantissa: BigInt, exponent: i64, radius: Option<i64>, bits: u32) -> Outcome<Self> {
        let excess = mantissa.bits() as i64 - i64::from(bits);
        let mut ball = Ball { mantissa, exponent, radius };
        if excess > 0 {
            let exact = ball.mantissa.trailing_zeros().is_some_and(|zeros| zeros as i64 >= excess);
            ball.mantissa >>= excess;
            ball.exponent += excess;
            if !exact {
                ball.radius = either(radius, Some(ball.exponent));
            }
        }
        if !ball.mantissa.is_zero() && ball.magnitude().abs() > MAX_MAGNITUDE {
            return Err(Obstacle::Size);
        }
        Ok(ball)
    }

    /// |mantissa 2^exponent| < 2^magnitude, and at least half of it unless it is 0.
    pub fn magnitude(&self) -> i64 {
        if self.mantissa.is_zero() { -MAX_MAGNITUDE } else { self.mantissa.bits() as i64 + self.exponent }
    }

    /// The binary logarithm of the bound on the error.
    pub fn radius(&self) -> Option<i64> {
        self.radius
    }

    /// The whole ball is below 2^this in absolute value.
    fn reach(&self) -> i64 {
        self.radius.map_or(self.magnitude(), |radius| radius.max(self.magnitude()) + 1)
    }

    /// Exactly 0, rather than perhaps 0.
    pub fn is_exactly_zero(&self) -> bool {
        self.radius.is_none() && self.mantissa.is_zero()
    }

    /// Whether the number may be 0.
    pub fn touches_zero(&self) -> bool {
        self.mantissa.is_zero() || self.radius.is_some_and(|radius| radius >= self.magnitude() - 1)
    }

    /// Whether the number is positive or negative for certain.
    pub fn sign(&self) -> Option<Sign> {
        if self.touches_zero() { None } else { Some(self.mantissa.sign()) }
    }

    /// For certain below 0.
    pub fn is_negative(&self) -> bool {
        self.sign() == Some(Sign::Minus)
    }

    /// For certain above 0.
    pub fn is_positive(&self) -> bool {
        self.sign() == Some(Sign::Plus)
    }

    /// −a
    pub fn negated(&self) -> Self {
        Ball { mantissa: -&self.mantissa, exponent: self.exponent, radius: self.radius }
    }

    /// |a|
    pub fn absolute(&self) -> Self {
        Ball { mantissa: self.mantissa.abs(), exponent: self.exponent, radius: self.radius }
    }

    /// a 2^shift
    pub fn scaled(&self, shift: i64) -> Self {
        let radius = self.radius.map(|radius| radius + shift);
        Ball { mantissa: self.mantissa.clone(), exponent: self.exponent + shift, radius }
    }

    /// The same number as if it were known exactly.
    pub fn exact(&self) -> Self {
        Ball { radius: None, ..self.clone() }
    }

    /// The same number with an error of 2^radius more.
    pub fn widened(self, radius: i64) -> Self {
        Ball { radius: either(self.radius, Some(radius)), ..self }
    }

    /// a + b
    pub fn add(&self, other: &Ball, bits: u32) -> Outcome<Self> {
        let radius = either(self.radius, other.radius);
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if low.mantissa.is_zero() || high.mantissa.is_zero() {
            let kept = if low.mantissa.is_zero() { high } else { low };
            return Ball::new(kept.mantissa.clone(), kept.exponent, radius, bits);
        }
        let gap = high.exponent - low.exponent;
        if gap > 4 * i64::from(bits) + low.mantissa.bits() as i64 {
            let radius = either(radius, Some(low.magnitude()));
            return Ball::new(high.mantissa.clone(), high.exponent, radius, bits);
        }
        Ball::new((&high.mantissa << gap) + &low.mantissa, low.exponent, radius, bits)
    }

    /// a − b
    pub fn subtract(&self, other: &Ball, bits: u32) -> Outcome<Self> {
        self.add(&other.negated(), bits)
    }

    /// a b
    pub fn multiply(&self, other: &Ball, bits: u32) -> Outcome<Self> {
        let from_other = other.radius.map(|radius| radius + self.reach());
        let from_self = self.radius.map(|radius| radius + other.reach());
        let radius = either(from_other, from_self);
        Ball::new(&self.mantissa * &other.mantissa, self.exponent + other.exponent, radius, bits)
    }

    /// a / b. Error: [`Obstacle::Undefined`] if b may be 0.
    pub fn divide(&self, other: &Ball, bits: u32) -> Outcome<Self> {
        // the error of b may halve it; then 1/b is below 2^(2 − magnitude)
        if other.touches_zero() || other.radius.is_some_and(|radius| radius >= other.magnitude() - 2) {
            return Err(Obstacle::Undefined);
        }
        if self.mantissa.is_zero() {
            return Ok(Ball { radius: self.radius.map(|radius| radius + 2 - other.magnitude()), ..Ball::zero() });
        }
        let shift = (i64::from(bits) + 2 + other.mantissa.bits() as i64 - self.mantissa.bits() as i64).max(0);
        let shifted = &self.mantissa << shift;
        let quotient = &shifted / &other.mantissa;
        let exponent = self.exponent - other.exponent - shift;
        let is_exact = &quotient * &other.mantissa == shifted;
        let from_self = self.radius.map(|radius| radius + 2 - other.magnitude());
        let from_other = other.radius.map(|radius| radius + self.reach() + 4 - 2 * other.magnitude());
        let rounding = if is_exact { None } else { Some(exponent) };
        Ball::new(quotient, exponent, either(either(from_self, from_other), rounding), bits)
    }

    /// √a for a ≥ 0; a ball around 0 counts as not negative. Error: [`Obstacle::Undefined`] below 0.
    pub fn root(&self, bits: u32) -> Outcome<Self> {
        if self.is_negative() {
            return Err(Obstacle::Undefined);
        }
        if self.touches_zero() {
            let radius = self.radius.map(|radius| (radius.max(self.magnitude()) + 1).div_euclid(2) + 1);
            return Ok(Ball { radius, ..Ball::zero() });
        }
        let wanted = 2 * i64::from(bits) + 4 - self.mantissa.bits() as i64;
        let mut shift = wanted.max(0);
        shift += (self.exponent - shift).rem_euclid(2);
        let shifted = &self.mantissa << shift;
        let root = shifted.sqrt();
        let exponent = (self.exponent - shift) / 2;
        let rounding = if &root * &root == shifted { None } else { Some(exponent) };
        // √(a + e) − √a ≤ e / (2 √(a − e)), and a − e is at least a quarter of 2^magnitude
        let radius = self.radius.map(|radius| radius - self.magnitude().div_euclid(2) + 1);
        Ball::new(root, exponent, either(radius, rounding), bits)
    }

    /// ⌊mantissa 2^exponent 2^scale⌋: the number in fixed point.
    pub fn fixed(&self, scale: i64) -> BigInt {
        let shift = self.exponent + scale;
        if shift >= 0 { &self.mantissa << shift } else { &self.mantissa >> -shift }
    }

    /// f and k with the number near f 2^k and ½ ≤ |f| < 1; f = 0 for 0.
    pub fn leading(&self) -> (f64, i64) {
        let excess = self.mantissa.bits() as i64 - 62;
        let top = if excess > 0 { &self.mantissa >> excess } else { &self.mantissa << -excess };
        (top.to_f64().unwrap_or(0.0) / (1u64 << 62) as f64, self.magnitude())
    }

    /// The nearest double, 0 or ±∞ beyond their range.
    pub fn to_f64(&self) -> f64 {
        let (f, k) = self.leading();
        libm::ldexp(f, k.clamp(-5000, 5000) as i32)
    }

    /// The whole number within the ball, if the ball is smaller than 2^−40; `Ok(None)` if it holds none for certain.
    pub fn nearest_whole(&self) -> Outcome<Option<BigInt>> {
        if self.radius.is_some_and(|radius| radius > -40) {
            return Err(Obstacle::Precision);
        }
        if self.magnitude() > 4096 {
            return Err(Obstacle::Size);
        }
        let floor = self.fixed(0);
        let half = &self.fixed(1) - (&floor << 1);
        let nearest: BigInt = floor + half;
        let distance = Ball { mantissa: nearest.clone(), exponent: 0, radius: None }.subtract(self, 4200)?;
        Ok(distance.touches_zero().then_some(nearest))
    }

    /// The largest whole number not above this one; a whole number within the ball is it.
    pub fn floor(&self) -> Outcome<BigInt> {
        Ok(self.nearest_whole()?.unwrap_or_else(|| self.fixed(0)))
    }

    /// Equal for numbers that are equal to 60 bits; what is below 2^−100 counts as 0.
    pub fn fingerprint(&self) -> [u64; 2] {
        if self.magnitude() < -100 {
            return [0, 0];
        }
        let excess = self.mantissa.bits() as i64 - 60;
        let mut top = if excess > 0 { ((&self.mantissa >> (excess - 1)) + 1) >> 1 } else { &self.mantissa << -excess };
        let mut exponent = self.exponent + excess;
        if top.bits() == 61 {
            top >>= 1;
            exponent += 1;
        }
        [top.to_i64().unwrap_or(0) as u64, exponent as u64]
    }
}

/// A bound on the sum of two errors.
fn either(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b) + 1),
        (one, None) | (None, one) => one,
    }
}
