//! Rounding a value that is known with a sticky last bit.
//!
//! A result is first computed in f64 and rounded to odd: if it is not exact, its last bit is set. Rounding that to a format
//! at least two bits narrower, in any mode, then equals rounding the exact value.

/// A rounding mode of PTX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `.rn`, ties to even.
    Nearest,
    /// `.rz`
    Zero,
    /// `.rm`
    Down,
    /// `.rp`
    Up,
    /// `.rna`, ties away from zero.
    NearestAway,
}

/// `sum`, the nearest f64 to `sum + error`, rounded to odd instead.
#[inline(always)]
pub fn to_odd(sum: f64, error: f64) -> f64 {
    if error == 0.0 || !error.is_finite() || !sum.is_finite() || sum.to_bits() & 1 == 1 {
        sum
    } else if error > 0.0 {
        sum.next_up()
    } else {
        sum.next_down()
    }
}

/// `a + b` rounded to odd.
#[inline(always)]
pub fn add_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let b_part = sum - a;
    to_odd(sum, (a - (sum - b_part)) + (b - b_part))
}

/// A value rounded to odd, to f32.
pub fn to_single(value: f64, rounding: Rounding) -> f32 {
    let near = value as f32;
    let wide = f64::from(near);
    match rounding {
        Rounding::Zero if wide.abs() > value.abs() => {
            if near > 0.0 {
                near.next_down()
            } else {
                near.next_up()
            }
        }
        Rounding::Down if wide > value => near.next_down(),
        Rounding::Up if wide < value => near.next_up(),
        _ => near,
    }
}

/// The nearest f64 `near` to `near + error`, in another mode. Only the sign of `error` counts.
pub fn to_double(near: f64, error: f64, rounding: Rounding) -> f64 {
    if error == 0.0 || error.is_nan() || near.is_nan() {
        return near;
    }
    let towards_zero = if near > 0.0 || (near == 0.0 && error > 0.0) { error < 0.0 } else { error > 0.0 };
    match rounding {
        Rounding::Zero if towards_zero && near > 0.0 => near.next_down(),
        Rounding::Zero if towards_zero => near.next_up(),
        Rounding::Down if error < 0.0 => near.next_down(),
        Rounding::Up if error > 0.0 => near.next_up(),
        _ => near,
    }
}

/// A floating-point format of 16 bits: f16 has 5 + 10, bfloat16 8 + 7.
#[derive(Clone, Copy, Debug)]
pub struct Format16 {
    pub exponent_bits: u32,
    pub fraction_bits: u32,
}

pub const F16: Format16 = Format16 { exponent_bits: 5, fraction_bits: 10 };
pub const BF16: Format16 = Format16 { exponent_bits: 8, fraction_bits: 7 };

impl Format16 {
    fn bias(self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }

    fn infinity(self) -> u16 {
        ((1u16 << self.exponent_bits) - 1) << self.fraction_bits
    }

    /// A value rounded to odd, to this format. NaN becomes the canonical 0x7fff.
    pub fn round(self, value: f64, rounding: Rounding) -> u16 {
        let sign = u16::from(value.is_sign_negative()) << 15;
        if value.is_nan() {
            return 0x7fff;
        }
        if value == 0.0 || value.is_infinite() {
            return sign | if value == 0.0 { 0 } else { self.infinity() };
        }
        let bits = value.abs().to_bits();
        let exponent = ((bits >> 52) as i32 - 1023).max(-1022);
        let significand = if bits >> 52 == 0 { bits & ((1 << 52) - 1) } else { bits & ((1 << 52) - 1) | 1 << 52 };
        // Below the smallest normal number the last place stays where it is.
        let exponent_out = exponent.max(1 - self.bias());
        let drop = (52 - self.fraction_bits as i32 + (exponent_out - exponent)).min(63) as u32;
        let kept = significand >> drop;
        let rest = significand & ((1 << drop) - 1);
        let half = 1 << (drop - 1);
        let rounds_up = match rounding {
            Rounding::Nearest => rest > half || (rest == half && kept & 1 == 1),
            Rounding::NearestAway => rest >= half,
            Rounding::Zero => false,
            Rounding::Down => rest > 0 && sign != 0,
            Rounding::Up => rest > 0 && sign == 0,
        };
        // A carry out of the fraction moves into the exponent by itself.
        let magnitude = ((exponent_out + self.bias() - 1) as u64) * (1 << self.fraction_bits) + kept + u64::from(rounds_up);
        if magnitude < u64::from(self.infinity()) {
            return sign | magnitude as u16;
        }
        let overflows = match rounding {
            Rounding::Zero => false,
            Rounding::Down => sign != 0,
            Rounding::Up => sign == 0,
            _ => true,
        };
        sign | if overflows { self.infinity() } else { self.infinity() - 1 }
    }

    /// The value of these bits, exactly.
    pub fn to_double(self, bits: u16) -> f64 {
        let fraction = f64::from(bits & ((1 << self.fraction_bits) - 1));
        let exponent = i32::from(bits & 0x7fff) >> self.fraction_bits;
        let scale = |power: i32| f64::from_bits(((power + 1023) as u64) << 52);
        let magnitude = if exponent == (1 << self.exponent_bits) - 1 {
            if fraction == 0.0 { f64::INFINITY } else { f64::NAN }
        } else if exponent == 0 {
            fraction * scale(1 - self.bias() - self.fraction_bits as i32)
        } else {
            (fraction + f64::from(1u32 << self.fraction_bits)) * scale(exponent - self.bias() - self.fraction_bits as i32)
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    }
}
