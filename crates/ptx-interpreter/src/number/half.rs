//! f16 and bfloat16, single and in pairs: computed in f64 and rounded once.

use super::round::{BF16, F16, Format16, Rounding, add_odd};
use crate::scalar::Scalar;

/// The format of a 16-bit type or of a pair of them; none for others.
pub fn format(scalar: Scalar) -> Option<Format16> {
    match scalar {
        Scalar::F16 | Scalar::F16x2 => Some(F16),
        Scalar::Bf16 | Scalar::Bf16x2 => Some(BF16),
        _ => None,
    }
}

/// `f` on the one value of 16 bits, or on both halves.
#[inline(always)]
fn each(is_pair: bool, inputs: [u64; 3], f: impl Fn([u16; 3]) -> u16) -> u64 {
    let low = u64::from(f(inputs.map(|input| input as u16)));
    if is_pair { low | u64::from(f(inputs.map(|input| (input >> 16) as u16))) << 16 } else { low }
}

/// `a * b + c` rounded once, to nearest even.
pub fn fused(a: u64, b: u64, c: u64, format: Format16, is_pair: bool) -> u64 {
    each(is_pair, [a, b, c], |[a, b, c]| {
        let product = format.to_double(a) * format.to_double(b);
        format.round(add_odd(product, format.to_double(c)), Rounding::Nearest)
    })
}

pub fn add(a: u64, b: u64, format: Format16, is_pair: bool) -> u64 {
    each(is_pair, [a, b, 0], |[a, b, _]| format.round(add_odd(format.to_double(a), format.to_double(b)), Rounding::Nearest))
}

pub fn subtract(a: u64, b: u64, format: Format16, is_pair: bool) -> u64 {
    add(a, b ^ 0x8000_8000, format, is_pair)
}

pub fn multiply(a: u64, b: u64, format: Format16, is_pair: bool) -> u64 {
    each(is_pair, [a, b, 0], |[a, b, _]| format.round(format.to_double(a) * format.to_double(b), Rounding::Nearest))
}

/// As f32's: of a number and NaN the number, unless NaN spreads.
pub fn min_max(a: u64, b: u64, format: Format16, is_pair: bool, is_max: bool, spreads_nan: bool) -> u64 {
    each(is_pair, [a, b, 0], |[a, b, _]| {
        let (x, y) = (format.to_double(a) as f32, format.to_double(b) as f32);
        let best = if is_max { super::float::max_single(x, y, spreads_nan) } else { super::float::min_single(x, y, spreads_nan) };
        format.round(best.into(), Rounding::Nearest)
    })
}
