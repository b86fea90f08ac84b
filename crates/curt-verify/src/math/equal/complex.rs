//! Complex numbers of many digits with a bound on their error.

use super::ball::Ball;
use super::budget::{Obstacle, Outcome};
use super::elementary::{angle, atan, exp, ln, pi, sin_cos};

/// x + iy. A real number has an imaginary part that is exactly 0.
#[derive(Clone, Debug)]
pub struct Complex {
    /// x
    pub re: Ball,
    /// y
    pub im: Ball,
}

impl Complex {
    /// x + 0i
    pub fn real(re: Ball) -> Self {
        Complex { re, im: Ball::zero() }
    }

    /// A whole number.
    pub fn whole(value: i64) -> Self {
        Complex::real(Ball::whole(value))
    }

    /// i
    pub fn i() -> Self {
        Complex { re: Ball::zero(), im: Ball::whole(1) }
    }

    /// Whether this is a real number for certain.
    pub fn is_real(&self) -> bool {
        self.im.is_exactly_zero()
    }

    /// Whether this may be 0.
    pub fn touches_zero(&self) -> bool {
        self.re.touches_zero() && self.im.touches_zero()
    }

    /// −z
    pub fn negated(&self) -> Self {
        Complex { re: self.re.negated(), im: self.im.negated() }
    }

    /// x − iy
    pub fn conjugate(&self) -> Self {
        Complex { re: self.re.clone(), im: self.im.negated() }
    }

    /// z + w
    pub fn add(&self, other: &Complex, bits: u32) -> Outcome<Self> {
        Ok(Complex { re: self.re.add(&other.re, bits)?, im: self.im.add(&other.im, bits)? })
    }

    /// z − w
    pub fn subtract(&self, other: &Complex, bits: u32) -> Outcome<Self> {
        self.add(&other.negated(), bits)
    }

    /// z w
    pub fn multiply(&self, other: &Complex, bits: u32) -> Outcome<Self> {
        match (self.is_real(), other.is_real()) {
            (true, true) => Ok(Complex::real(self.re.multiply(&other.re, bits)?)),
            (true, false) => Ok(Complex { re: self.re.multiply(&other.re, bits)?, im: self.re.multiply(&other.im, bits)? }),
            (false, true) => other.multiply(self, bits),
            (false, false) => {
                let re = self.re.multiply(&other.re, bits)?.subtract(&self.im.multiply(&other.im, bits)?, bits)?;
                let im = self.re.multiply(&other.im, bits)?.add(&self.im.multiply(&other.re, bits)?, bits)?;
                Ok(Complex { re, im })
            }
        }
    }

    /// z / w. Error: [`Obstacle::Undefined`] if w may be 0.
    pub fn divide(&self, other: &Complex, bits: u32) -> Outcome<Self> {
        if other.is_real() {
            let im = if self.is_real() { Ball::zero() } else { self.im.divide(&other.re, bits)? };
            return Ok(Complex { re: self.re.divide(&other.re, bits)?, im });
        }
        let square = other.square_of_size(bits)?;
        self.multiply(&other.conjugate(), bits)?.divide(&Complex::real(square), bits)
    }

    fn square_of_size(&self, bits: u32) -> Outcome<Ball> {
        self.re.multiply(&self.re, bits)?.add(&self.im.multiply(&self.im, bits)?, bits)
    }

    /// |z|
    pub fn size(&self, bits: u32) -> Outcome<Ball> {
        if self.is_real() { Ok(self.re.absolute()) } else { self.square_of_size(bits)?.root(bits) }
    }

    /// e^z
    pub fn exp(&self, bits: u32) -> Outcome<Self> {
        let size = exp(&self.re, bits)?;
        if self.is_real() {
            return Ok(Complex::real(size));
        }
        let (sin, cos) = sin_cos(&self.im, bits)?;
        Ok(Complex { re: size.multiply(&cos, bits)?, im: size.multiply(&sin, bits)? })
    }

    /// The principal logarithm. Error: [`Obstacle::Undefined`] at 0.
    pub fn ln(&self, bits: u32) -> Outcome<Self> {
        if self.is_real() && self.re.is_positive() {
            return Ok(Complex::real(ln(&self.re, bits)?));
        }
        Ok(Complex { re: ln(&self.size(bits)?, bits)?, im: angle(&self.im, &self.re, bits)? })
    }

    /// The principal square root.
    pub fn root(&self, bits: u32) -> Outcome<Self> {
        if self.is_real() {
            return Ok(match self.re.is_negative() {
                true => Complex { re: Ball::zero(), im: self.re.negated().root(bits)? },
                false => Complex::real(self.re.root(bits)?),
            });
        }
        // |√z| = √|z|, and its angle is half of that of z
        let size = self.size(bits)?;
        let re = size.add(&self.re, bits)?.scaled(-1).root(bits)?;
        let im = size.subtract(&self.re, bits)?.scaled(-1).root(bits)?;
        match self.im.sign() {
            Some(num_bigint::Sign::Minus) => Ok(Complex { re, im: im.negated() }),
            Some(_) => Ok(Complex { re, im }),
            None if self.re.is_positive() => Ok(Complex { re, im }),
            None => Err(Obstacle::Undefined),
        }
    }

    /// z^n
    pub fn whole_power(&self, exponent: i64, bits: u32) -> Outcome<Self> {
        let mut count = exponent.unsigned_abs();
        let (mut result, mut base) = (Complex::whole(1), self.clone());
        while count > 0 {
            if count % 2 == 1 {
                result = result.multiply(&base, bits)?;
            }
            count /= 2;
            if count > 0 {
                base = base.multiply(&base, bits)?;
            }
        }
        if exponent < 0 { Complex::whole(1).divide(&result, bits) } else { Ok(result) }
    }

    /// z^w by the principal logarithm.
    pub fn power(&self, exponent: &Complex, bits: u32) -> Outcome<Self> {
        if self.re.is_exactly_zero() && self.is_real() && exponent.re.is_positive() {
            return Ok(Complex::whole(0));
        }
        // the exponent magnifies the error of the logarithm
        let work = bits + exponent.re.magnitude().max(exponent.im.magnitude()).clamp(0, 48) as u32;
        exponent.multiply(&self.ln(work)?, work)?.exp(bits)
    }

    /// sin z and cos z
    pub fn sin_cos(&self, bits: u32) -> Outcome<(Self, Self)> {
        if self.is_real() {
            let (sin, cos) = sin_cos(&self.re, bits)?;
            return Ok((Complex::real(sin), Complex::real(cos)));
        }
        let turned = Complex { re: self.im.negated(), im: self.re.clone() };
        let (forth, back) = (turned.exp(bits)?, turned.negated().exp(bits)?);
        let cos = forth.add(&back, bits)?.divide(&Complex::whole(2), bits)?;
        let sin = forth.subtract(&back, bits)?.divide(&Complex { re: Ball::zero(), im: Ball::whole(2) }, bits)?;
        Ok((sin, cos))
    }

    /// sinh z and cosh z
    pub fn sinh_cosh(&self, bits: u32) -> Outcome<(Self, Self)> {
        let (forth, back) = (self.exp(bits)?, self.negated().exp(bits)?);
        let half = |sum: Complex| sum.divide(&Complex::whole(2), bits);
        Ok((half(forth.subtract(&back, bits)?)?, half(forth.add(&back, bits)?)?))
    }

    /// The principal inverse sine: real between −1 and 1.
    pub fn asin(&self, bits: u32) -> Outcome<Self> {
        let cosine = Complex::whole(1).subtract(&self.multiply(self, bits)?, bits)?.root(bits)?;
        if self.is_real() && cosine.is_real() {
            return Ok(Complex::real(angle(&self.re, &cosine.re, bits)?));
        }
        // −i ln(iz + √(1 − z²))
        let inner = self.multiply(&Complex::i(), bits)?.add(&cosine, bits)?;
        inner.ln(bits)?.multiply(&Complex::i().negated(), bits)
    }

    /// π/2 − asin z
    pub fn acos(&self, bits: u32) -> Outcome<Self> {
        Complex::real(pi(bits).scaled(-1)).subtract(&self.asin(bits)?, bits)
    }

    /// The principal inverse tangent.
    pub fn atan(&self, bits: u32) -> Outcome<Self> {
        if self.is_real() {
            return Ok(Complex::real(atan(&self.re, bits)?));
        }
        // (ln(1 + iz) − ln(1 − iz)) / 2i
        let turned = self.multiply(&Complex::i(), bits)?;
        let one = Complex::whole(1);
        let difference = one.add(&turned, bits)?.ln(bits)?.subtract(&one.subtract(&turned, bits)?.ln(bits)?, bits)?;
        difference.divide(&Complex { re: Ball::zero(), im: Ball::whole(2) }, bits)
    }
}
