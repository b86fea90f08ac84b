//! f32 and f64.

use super::round::{Rounding, add_odd, to_double, to_odd, to_single};

/// The NaN that f32 arithmetic gives.
pub const NAN32: u32 = 0x7fff_ffff;

#[inline(always)]
pub fn single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// The bits of a result: every NaN becomes the canonical one.
#[inline(always)]
pub fn of_single(value: f32) -> u64 {
    u64::from(if value.is_nan() { NAN32 } else { value.to_bits() })
}

#[inline(always)]
pub fn double(bits: u64) -> f64 {
    f64::from_bits(bits)
}

#[inline(always)]
pub fn of_double(value: f64) -> u64 {
    value.to_bits()
}

/// A subnormal f32 to zero of its sign.
#[inline(always)]
pub fn flush(value: f32) -> f32 {
    if value.is_subnormal() { 0f32.copysign(value) } else { value }
}

/// To [0, 1]; NaN to +0.
#[inline(always)]
pub fn saturate(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

pub fn saturate_double(value: f64) -> f64 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// The sum in a mode other than to nearest.
pub fn add_single(a: f32, b: f32, rounding: Rounding) -> f32 {
    zero_of_sum(to_single(add_odd(a.into(), b.into()), rounding), a.is_sign_negative() || b.is_sign_negative(), rounding)
}

pub fn multiply_single(a: f32, b: f32, rounding: Rounding) -> f32 {
    to_single(f64::from(a) * f64::from(b), rounding)
}

pub fn fused_single(a: f32, b: f32, c: f32, rounding: Rounding) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let sum = to_single(add_odd(product, c.into()), rounding);
    zero_of_sum(sum, product.is_sign_negative() || c.is_sign_negative(), rounding)
}

/// Rounding down, a sum of zero is negative unless both terms are positive.
fn zero_of_sum(sum: f32, has_negative_term: bool, rounding: Rounding) -> f32 {
    if sum == 0.0 && rounding == Rounding::Down && has_negative_term { -0.0 } else { sum }
}

pub fn divide_single(a: f32, b: f32, rounding: Rounding) -> f32 {
    let (a, b) = (f64::from(a), f64::from(b));
    let quotient = a / b;
    let remainder = (-quotient).mul_add(b, a);
    to_single(to_odd(quotient, remainder * b.signum()), rounding)
}

pub fn root_single(a: f32, rounding: Rounding) -> f32 {
    let a = f64::from(a);
    let root = a.sqrt();
    to_single(to_odd(root, (-root).mul_add(root, a)), rounding)
}

pub fn add_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    let sum = a + b;
    if sum == 0.0 && rounding == Rounding::Down && (a.is_sign_negative() || b.is_sign_negative()) {
        return -0.0;
    }
    let b_part = sum - a;
    to_double(sum, (a - (sum - b_part)) + (b - b_part), rounding)
}

pub fn multiply_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    let product = a * b;
    to_double(product, a.mul_add(b, -product), rounding)
}

pub fn divide_double(a: f64, b: f64, rounding: Rounding) -> f64 {
    let quotient = a / b;
    to_double(quotient, (-quotient).mul_add(b, a) * b.signum(), rounding)
}

pub fn root_double(a: f64, rounding: Rounding) -> f64 {
    let root = a.sqrt();
    to_double(root, (-root).mul_add(root, a), rounding)
}

/// The lesser: of a number and NaN the number (unless NaN spreads), of zeros the negative.
#[inline(always)]
pub fn min_single(a: f32, b: f32, spreads_nan: bool) -> f32 {
    if a.is_nan() || b.is_nan() {
        if spreads_nan || (a.is_nan() && b.is_nan()) {
            f32::NAN
        } else if a.is_nan() {
            b
        } else {
            a
        }
    } else if a < b || (a == b && a.is_sign_negative()) {
        a
    } else {
        b
    }
}

#[inline(always)]
pub fn max_single(a: f32, b: f32, spreads_nan: bool) -> f32 {
    -min_single(-a, -b, spreads_nan)
}

pub fn min_double(a: f64, b: f64) -> f64 {
    if a.is_nan() {
        b
    } else if b.is_nan() || a < b || (a == b && a.is_sign_negative()) {
        a
    } else {
        b
    }
}

pub fn max_double(a: f64, b: f64) -> f64 {
    -min_double(-a, -b)
}
