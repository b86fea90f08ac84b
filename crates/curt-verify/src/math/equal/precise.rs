//! Arithmetic of complex numbers of many digits, with small exact fractions as long as that is all there is.

use std::cell::Cell;

use num_bigint::BigInt;
use num_rational::{BigRational, Ratio};
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, One, Signed, ToPrimitive, Zero};

use super::ball::Ball;
use super::budget::{Budget, Obstacle, Outcome};
use super::complex::Complex;
use super::evaluate::Arithmetic;
use super::points::{Points, hash_of, mixed};
use super::tree::is_of_whole_numbers;
use super::{elementary, whole};
use crate::math::expression::{Constant, Function};

/// One precision at one point.
pub struct Precise<'a> {
    budget: &'a Budget,
    bits: u32,
    points: Points,
    left_reals: Cell<bool>,
}

/// A number.
#[derive(Clone, Debug)]
pub enum Value {
    /// Known exactly, and small.
    Small(Ratio<i64>),
    /// Known within bounds.
    Ball(Complex),
}

impl<'a> Precise<'a> {
    /// Numbers of `bits` bits; symbols have their values at `points`.
    pub fn new(budget: &'a Budget, bits: u32, points: Points) -> Self {
        Precise { budget, bits, points, left_reals: Cell::new(false) }
    }

    /// Whether a function of real numbers had a complex value.
    pub fn left_reals(&self) -> bool {
        self.left_reals.get()
    }

    /// A value as a ball.
    pub fn ball(&self, value: &Value) -> Outcome<Complex> {
        match value {
            Value::Small(small) => Ok(Complex::real(Ball::small(*small, self.bits)?)),
            Value::Ball(ball) => Ok(ball.clone()),
        }
    }

    /// A value that must be real.
    pub fn real(&self, value: &Value) -> Outcome<Ball> {
        let ball = self.ball(value)?;
        if ball.is_real() { Ok(ball.re) } else { Err(Obstacle::Undefined) }
    }

    fn charge_product(&self) -> Outcome<()> {
        self.budget.spend(u64::from(self.bits) / 12)
    }

    fn charge_root(&self) -> Outcome<()> {
        self.budget.spend(u64::from(self.bits))
    }

    fn charge_function(&self) -> Outcome<()> {
        let bits = u64::from(self.bits);
        self.budget.spend(2 * bits + bits * bits / 400)
    }

    fn of_real_part(&self, found: Complex, arguments: &[Complex]) -> Value {
        if !found.is_real() && arguments.iter().all(Complex::is_real) {
            self.left_reals.set(true);
        }
        Value::Ball(found)
    }

    fn root(&self, x: &Value, index: u32) -> Outcome<Value> {
        let z = self.ball(x)?;
        match index {
            0 => Err(Obstacle::Undefined),
            1 => Ok(x.clone()),
            2 => {
                self.charge_root()?;
                Ok(self.of_real_part(z.root(self.bits)?, &[z]))
            }
            _ => {
                self.charge_function()?;
                // the real root of a negative number where there is one
                let is_mirrored = z.is_real() && z.re.is_negative() && index % 2 == 1;
                let base = if is_mirrored { z.negated() } else { z.clone() };
                if base.is_real() && base.re.touches_zero() && !base.re.is_exactly_zero() {
                    return Err(Obstacle::Precision);
                }
                let exponent = Complex::real(Ball::small(Ratio::new(1, i64::from(index)), self.bits)?);
                let root = base.power(&exponent, self.bits)?;
                let root = if is_mirrored { root.negated() } else { root };
                Ok(self.of_real_part(root, &[z]))
            }
        }
    }

    /// Functions of whole numbers at values that are whole as far as can be told.
    fn whole_call(&self, function: Function, arguments: &[Value]) -> Outcome<Value> {
        let to_exact = |value: &Value| match value {
            Value::Small(small) => Ok(BigRational::new(BigInt::from(*small.numer()), BigInt::from(*small.denom()))),
            Value::Ball(_) => {
                let nearest = self.real(value)?.nearest_whole()?;
                nearest.map(BigRational::from_integer).ok_or(Obstacle::Unsupported)
            }
        };
        let arguments = arguments.iter().map(to_exact).collect::<Outcome<Vec<_>>>()?;
        self.number(&whole::call(function, &arguments, self.budget)?)
    }

    fn stepped(&self, function: Function, arguments: &[Value]) -> Outcome<Value> {
        let reals = arguments.iter().map(|argument| self.real(argument)).collect::<Outcome<Vec<_>>>()?;
        let whole = |value: BigInt| self.number(&BigRational::from_integer(value));
        match (function, reals.as_slice()) {
            (Function::Floor, [x]) => whole(x.floor()?),
            (Function::Ceil, [x]) => whole(-x.negated().floor()?),
            (Function::Mod, [a, b]) => {
                let turns = Ball::new(a.divide(b, self.bits)?.floor()?, 0, None, self.bits)?;
                let rest = a.subtract(&b.multiply(&turns, self.bits)?, self.bits)?;
                Ok(Value::Ball(Complex::real(rest)))
            }
            (Function::Sign, [x]) => match x.sign() {
                Some(num_bigint::Sign::Minus) => whole(BigInt::from(-1)),
                Some(_) => whole(BigInt::from(1)),
                None => whole(BigInt::zero()),
            },
            (Function::Max | Function::Min, [first, rest @ ..]) => {
                let mut best = first.clone();
                for x in rest {
                    let difference = x.subtract(&best, self.bits)?;
                    if if function == Function::Max { difference.is_positive() } else { difference.is_negative() } {
                        best = x.clone();
                    }
                }
                Ok(Value::Ball(Complex::real(best)))
            }
            _ => Err(Obstacle::Unsupported),
        }
    }

    fn elementary(&self, function: Function, z: &[Complex]) -> Outcome<Complex> {
        use Function as F;
        let bits = self.bits;
        let inverse = |z: Complex| Complex::whole(1).divide(&z, bits);
        let quotient = |(a, b): (Complex, Complex)| a.divide(&b, bits);
        let [x] = z else {
            return match (function, z) {
                (F::Log, [x, base]) => x.ln(bits)?.divide(&base.ln(bits)?, bits),
                (F::Root, [x, index]) => x.power(&inverse(index.clone())?, bits),
                _ => Err(Obstacle::Unsupported),
            };
        };
        match function {
            F::Exp => x.exp(bits),
            F::Ln => x.ln(bits),
            F::Log => x.ln(bits)?.divide(&Complex::whole(10).ln(bits)?, bits),
            F::Root => x.root(bits),
            F::Sin => Ok(x.sin_cos(bits)?.0),
            F::Cos => Ok(x.sin_cos(bits)?.1),
            F::Tan => quotient(x.sin_cos(bits)?),
            F::Cot => inverse(quotient(x.sin_cos(bits)?)?),
            F::Sec => inverse(x.sin_cos(bits)?.1),
            F::Csc => inverse(x.sin_cos(bits)?.0),
            F::Sinh => Ok(x.sinh_cosh(bits)?.0),
            F::Cosh => Ok(x.sinh_cosh(bits)?.1),
            F::Tanh => quotient(x.sinh_cosh(bits)?),
            F::Coth => inverse(quotient(x.sinh_cosh(bits)?)?),
            F::Sech => inverse(x.sinh_cosh(bits)?.1),
            F::Csch => inverse(x.sinh_cosh(bits)?.0),
            F::Asin => x.asin(bits),
            F::Acos => x.acos(bits),
            F::Atan => x.atan(bits),
            F::Acot => inverse(x.clone())?.atan(bits),
            F::Asec => inverse(x.clone())?.acos(bits),
            F::Acsc => inverse(x.clone())?.asin(bits),
            // ln(x + √(x² + 1)), ln(x + √(x² − 1)), ½ ln((1 + x) / (1 − x))
            F::Asinh | F::Acosh => {
                let one = Complex::whole(if function == F::Asinh { 1 } else { -1 });
                x.add(&x.multiply(x, bits)?.add(&one, bits)?.root(bits)?, bits)?.ln(bits)
            }
            F::Atanh => {
                let one = Complex::whole(1);
                let inner = one.add(x, bits)?.divide(&one.subtract(x, bits)?, bits)?;
                inner.ln(bits)?.divide(&Complex::whole(2), bits)
            }
            F::Abs => Ok(Complex::real(x.size(bits)?)),
            F::Re => Ok(Complex::real(x.re.clone())),
            F::Im => Ok(Complex::real(x.im.clone())),
            F::Conjugate => Ok(x.conjugate()),
            _ => Err(Obstacle::Unsupported),
        }
    }
}

impl Arithmetic for Precise<'_> {
    type Value = Value;

    fn budget(&self) -> &Budget {
        self.budget
    }

    fn number(&self, value: &BigRational) -> Outcome<Value> {
        if let (Some(top), Some(bottom)) = (value.numer().to_i64(), value.denom().to_i64()) {
            return Ok(Value::Small(Ratio::new_raw(top, bottom)));
        }
        self.budget.spend(4 + (value.numer().bits() + value.denom().bits()) / 64)?;
        Ok(Value::Ball(Complex::real(Ball::fraction(value, self.bits)?)))
    }

    fn constant(&self, constant: Constant) -> Outcome<Value> {
        match constant {
            Constant::Pi => Ok(Value::Ball(Complex::real(elementary::pi(self.bits)))),
            Constant::E => {
                self.charge_function()?;
                Ok(Value::Ball(Complex::real(elementary::exp(&Ball::whole(1), self.bits)?)))
            }
            Constant::I => Ok(Value::Ball(Complex::i())),
            Constant::Infinity => Err(Obstacle::Unsupported),
        }
    }

    fn symbol(&self, name: &str) -> Outcome<Value> {
        Ok(Value::Small(self.points.value(name)))
    }

    fn add(&self, a: &Value, b: &Value) -> Outcome<Value> {
        if let (Value::Small(a), Value::Small(b)) = (a, b)
            && let Some(sum) = a.checked_add(b)
        {
            return Ok(Value::Small(sum));
        }
        self.charge_product()?;
        Ok(Value::Ball(self.ball(a)?.add(&self.ball(b)?, self.bits)?))
    }

    fn negate(&self, a: &Value) -> Outcome<Value> {
        match a {
            Value::Small(small) if *small.numer() != i64::MIN => Ok(Value::Small(-small)),
            _ => Ok(Value::Ball(self.ball(a)?.negated())),
        }
    }

    fn multiply(&self, a: &Value, b: &Value) -> Outcome<Value> {
        if let (Value::Small(a), Value::Small(b)) = (a, b)
            && let Some(product) = a.checked_mul(b)
        {
            return Ok(Value::Small(product));
        }
        self.charge_product()?;
        Ok(Value::Ball(self.ball(a)?.multiply(&self.ball(b)?, self.bits)?))
    }

    fn divide(&self, a: &Value, b: &Value) -> Outcome<Value> {
        if let (Value::Small(a), Value::Small(b)) = (a, b) {
            if b.is_zero() {
                return Err(Obstacle::Undefined);
            }
            if *a.numer() != i64::MIN
                && *b.numer() != i64::MIN
                && let Some(quotient) = a.checked_div(b)
            {
                return Ok(Value::Small(quotient));
            }
        }
        self.charge_product()?;
        Ok(Value::Ball(self.ball(a)?.divide(&self.ball(b)?, self.bits)?))
    }

    fn power(&self, base: &Value, exponent: &Value) -> Outcome<Value> {
        if let Value::Small(exponent) = exponent {
            if let Some(small) = small_power(base, exponent) {
                return small;
            }
            if let Ok(index) = u32::try_from(*exponent.denom()) {
                let root = self.root(base, index)?;
                self.budget.spend(u64::from(self.bits) / 12 * u64::from(64 - exponent.numer().leading_zeros()))?;
                return Ok(Value::Ball(self.ball(&root)?.whole_power(*exponent.numer(), self.bits)?));
            }
        }
        self.charge_function()?;
        self.charge_function()?;
        let (base, exponent) = (self.ball(base)?, self.ball(exponent)?);
        let power = base.power(&exponent, self.bits)?;
        Ok(self.of_real_part(power, &[base, exponent]))
    }

    fn call(&self, function: Function, arguments: &[Value]) -> Outcome<Value> {
        let all_small = arguments.iter().all(|argument| matches!(argument, Value::Small(_)));
        if is_of_whole_numbers(function) || all_small || matches!(function, Function::Max | Function::Min | Function::Sign) {
            match self.whole_call(function, arguments) {
                Err(Obstacle::Unsupported) => {}
                found => return found,
            }
            match self.stepped(function, arguments) {
                Err(Obstacle::Unsupported) => {}
                found => return found,
            }
        }
        if let (Function::Root, [x, Value::Small(index)]) = (function, arguments)
            && let (true, Ok(index)) = (index.is_integer(), u32::try_from(*index.numer()))
        {
            return self.root(x, index);
        }
        self.charge_function()?;
        self.charge_function()?;
        let arguments = arguments.iter().map(|argument| self.ball(argument)).collect::<Outcome<Vec<_>>>()?;
        Ok(self.of_real_part(self.elementary(function, &arguments)?, &arguments))
    }

    fn opaque(&self, head: &str, arguments: &[Value]) -> Outcome<Value> {
        let mut state = mixed(self.points.seed ^ hash_of(head));
        for argument in arguments {
            let ball = self.ball(argument)?;
            let words = ball.re.fingerprint().into_iter().chain(ball.im.fingerprint());
            state = words.fold(state, |state, word| mixed(state ^ word));
        }
        Ok(Value::Small(self.points.value(&format!("opaque {state}"))))
    }

    fn integer(&self, value: &Value) -> Option<i64> {
        match value {
            Value::Small(small) => small.is_integer().then(|| *small.numer()),
            Value::Ball(ball) if ball.is_real() => ball.re.nearest_whole().ok().flatten()?.to_i64(),
            Value::Ball(_) => None,
        }
    }
}

/// A power of small numbers that is small: none if it is not.
fn small_power(base: &Value, exponent: &Ratio<i64>) -> Option<Outcome<Value>> {
    let (Value::Small(base), true) = (base, exponent.is_integer()) else { return None };
    if base.is_zero() {
        return Some(match exponent {
            zero if zero.is_zero() => Ok(Value::Small(Ratio::one())),
            negative if negative.is_negative() => Err(Obstacle::Undefined),
            _ => Ok(Value::Small(Ratio::zero())),
        });
    }
    let count = u32::try_from(exponent.numer().unsigned_abs()).ok()?;
    let (top, bottom) = (base.numer().checked_pow(count)?, base.denom().checked_pow(count)?);
    let power = if exponent.is_negative() { checked_ratio(bottom, top)? } else { Ratio::new_raw(top, bottom) };
    Some(Ok(Value::Small(power)))
}

fn checked_ratio(top: i64, bottom: i64) -> Option<Ratio<i64>> {
    if bottom > 0 { Some(Ratio::new_raw(top, bottom)) } else { Some(Ratio::new_raw(top.checked_neg()?, bottom.checked_neg()?)) }
}
