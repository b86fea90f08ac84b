//! Exponential, logarithm and sigmoid from arithmetic alone, so that every processor gives the same bits.
//!
//! The lane forms are the scalar forms applied to each lane: same operations, same order, same bits.

use crate::cpu::simd::{LANES, Lanes};

/// 1.5 · 2²³: adding it rounds a small f32 to an integer, which then stands in the low bits.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// ln 2 in two parts, high − low, so that the reduced argument is exact to the last bit that matters.
pub(crate) const LN_2: (f32, f32) = (355.0 / 512.0, 2.121_944_4e-4);

/// P of `e^r = 1 + r + r²·P(r)`, highest power first: coefficients of Cephes' expf.
pub(crate) const EXP: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// `e^x`, within 2 units in the last place; 0 below −104, infinite above 88.8, NaN for NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    // x = n·ln 2 + r with |r| ≤ ln 2 / 2
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2.0, x);
    let r = n.mul_add(LN_2.1, r);
    let p = EXP[0].mul_add(r, EXP[1]);
    let p = p.mul_add(r, EXP[2]);
    let p = p.mul_add(r, EXP[3]);
    let p = p.mul_add(r, EXP[4]);
    let p = p.mul_add(r, EXP[5]);
    let y = p.mul_add(r * r, r) + 1.0;
    times_power_of_two(y, shifted)
}

/// `y · 2^n` for the n that adding [`ROUND`] left in the low bits of `shifted`.
///
/// In two factors, so that results below the normal range are reached without a special case.
#[inline(always)]
pub(crate) fn times_power_of_two(y: f32, shifted: f32) -> f32 {
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    y * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `2^n` for n in −126 ..= 127. Wrapping, because a check for overflow would keep a build with checks from using vectors.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// [`exp`] of each lane.
#[inline(always)]
pub fn exp_lanes(x: &Lanes) -> Lanes {
    let mut y = [0.0; LANES];
    for i in 0..LANES {
        y[i] = exp(x[i]);
    }
    y
}

/// The logistic function `1 / (1 + e^−x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The natural logarithm (the `libm` crate's, correct to the last place or so).
#[inline]
pub fn ln(x: f32) -> f32 {
    libm::logf(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_everywhere() {
        let mut worst = 0.0f64;
        for i in -87_000..88_700 {
            let x = i as f32 * 1e-3;
            let want = libm::exp(f64::from(x));
            let ulp = f64::from(f32::EPSILON) * want;
            worst = worst.max((f64::from(exp(x)) - want).abs() / ulp);
        }
        assert!(worst < 2.0, "worst error {worst} units of epsilon");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-200.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(200.0), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoid_is_accurate_and_saturates() {
        let mut worst = 0.0f64;
        for i in -80_000..80_000 {
            let x = i as f32 * 1e-3;
            let want = 1.0 / (1.0 + libm::exp(-f64::from(x)));
            worst = worst.max((f64::from(sigmoid(x)) / want - 1.0).abs() / f64::from(f32::EPSILON));
        }
        assert!(worst < 3.0, "worst relative error {worst} epsilon");
        assert_eq!([sigmoid(f32::NEG_INFINITY), sigmoid(0.0), sigmoid(f32::INFINITY)], [0.0, 0.5, 1.0]);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn lanes_have_the_bits_of_the_scalar() {
        let x: Lanes = std::array::from_fn(|i| (i as f32 - 8.0) * 7.3);
        assert_eq!(exp_lanes(&x).map(f32::to_bits), x.map(|x| exp(x).to_bits()));
    }
}
