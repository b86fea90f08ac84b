//! `cvt`.

use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::lanes::{Unary, binary, unary};
use crate::number::float::{double, flush, of_double, of_single, saturate, saturate_double, single};
use crate::number::half;
use crate::number::integer::{signed, unsigned};
use crate::number::round::{Rounding, to_double, to_odd, to_single};
use crate::program::{Class, Op};
use crate::scalar::Scalar;

/// Modifiers of a conversion.
#[derive(Clone, Copy)]
struct Style {
    rounding: Rounding,
    /// To an integer: given by `.rni` and its like.
    integral: Option<Rounding>,
    flushes: bool,
    saturates: bool,
    /// Negative results become zero.
    rectifies: bool,
}

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let mut modifiers = Modifiers::new(operands.statement);
    let integral = modifiers.one_of(&["rni", "rzi", "rmi", "rpi"]).map(|name| match name {
        "rni" => Rounding::Nearest,
        "rzi" => Rounding::Zero,
        "rmi" => Rounding::Down,
        _ => Rounding::Up,
    });
    let rounding = modifiers.rounding();
    let style = Style {
        rounding: rounding.unwrap_or(Rounding::Nearest),
        integral,
        flushes: modifiers.take("ftz"),
        saturates: modifiers.one_of(&["sat", "satfinite"]).is_some(),
        rectifies: modifiers.take("relu"),
    };
    if modifiers.take("tf32") {
        return to_tf32(operands, modifiers, style);
    }
    let to = modifiers.scalar()?;
    let from = modifiers.scalar()?;
    modifiers.finish()?;
    if matches!(to, Scalar::F16x2 | Scalar::Bf16x2) {
        return pair(operands, &modifiers, style, to, from);
    }
    operands.expect(2)?;
    let f = conversion(to, from, style).ok_or_else(|| modifiers.error("this conversion is not supported"))?;
    Ok((Op::Unary { d: operands.destination(0)?, a: operands.source(1, from)?, f }, Class::Convert))
}

/// Two f32 to a pair: the first operand becomes the upper half.
fn pair(
    operands: &mut Operands,
    modifiers: &Modifiers,
    style: Style,
    to: Scalar,
    from: Scalar,
) -> Result<(Op, Class), LoadError> {
    let format = half::format(to).filter(|_| from == Scalar::F32 && !style.saturates);
    let format = format.ok_or_else(|| modifiers.error("this conversion is not supported"))?;
    operands.expect(3)?;
    let (a, b) = (operands.source(1, from)?, operands.source(2, from)?);
    let f = binary(move |a, b| {
        let one = |x: u64| u64::from(format.round(rectified(f64::from(single(x)), style), style.rounding));
        one(a) << 16 | one(b)
    });
    Ok((Op::Binary { d: operands.destination(0)?, a, b, f }, Class::Convert))
}

fn rectified(value: f64, style: Style) -> f64 {
    if style.rectifies && value < 0.0 { 0.0 } else { value }
}

/// An f32 with 10 bits of fraction.
fn to_tf32(operands: &mut Operands, mut modifiers: Modifiers, style: Style) -> Result<(Op, Class), LoadError> {
    let from = modifiers.scalar()?;
    modifiers.finish()?;
    if from != Scalar::F32 || style.rounding != Rounding::NearestAway {
        return Err(modifiers.error("only `cvt.rna.tf32.f32` is supported"));
    }
    operands.expect(2)?;
    let f = unary(|a| if single(a).is_finite() { unsigned(a.wrapping_add(0x1000), 32) & !0x1fff } else { a });
    Ok((Op::Unary { d: operands.destination(0)?, a: operands.source(1, from)?, f }, Class::Convert))
}

fn conversion(to: Scalar, from: Scalar, style: Style) -> Option<Unary> {
    match (to.is_integer(), from.is_integer()) {
        (true, true) => Some(integer_to_integer(to, from, style.saturates)),
        (false, true) => integer_to_float(to, from, style),
        (true, false) => float_to_integer(to, from, style),
        (false, false) => float_to_float(to, from, style),
    }
}

fn integer_to_integer(to: Scalar, from: Scalar, saturates: bool) -> Unary {
    let (to_bits, from_bits) = (to.bits(), from.bits());
    let wide = move |a: u64| {
        if from.is_signed() { i128::from(signed(a, from_bits)) } else { i128::from(unsigned(a, from_bits)) }
    };
    if saturates {
        let low = if to.is_signed() { -(1i128 << (to_bits - 1)) } else { 0 };
        let high = if to.is_signed() { (1i128 << (to_bits - 1)) - 1 } else { (1i128 << to_bits) - 1 };
        unary(move |a| unsigned(wide(a).clamp(low, high) as u64, to_bits))
    } else if from.is_signed() {
        unary(move |a| unsigned(signed(a, from_bits) as u64, to_bits))
    } else {
        unary(move |a| unsigned(unsigned(a, from_bits), to_bits))
    }
}

fn integer_to_float(to: Scalar, from: Scalar, style: Style) -> Option<Unary> {
    let bits = from.bits();
    let wide = move |a: u64| if from.is_signed() { i128::from(signed(a, bits)) } else { i128::from(unsigned(a, bits)) };
    // The nearest f64 and what is missing, both exact.
    let split = move |a: u64| {
        let value = wide(a);
        let near = value as f64;
        (near, (value - near as i128) as f64)
    };
    let rounding = style.rounding;
    Some(match to {
        Scalar::F32 if rounding == Rounding::Nearest && from.is_signed() => unary(move |a| of_single(signed(a, bits) as f32)),
        Scalar::F32 if rounding == Rounding::Nearest => unary(move |a| of_single(unsigned(a, bits) as f32)),
        Scalar::F32 => unary(move |a| {
            let (near, error) = split(a);
            of_single(to_single(to_odd(near, error), rounding))
        }),
        Scalar::F64 => unary(move |a| {
            let (near, error) = split(a);
            of_double(to_double(near, error, rounding))
        }),
        _ => {
            let format = half::format(to)?;
            unary(move |a| {
                let (near, error) = split(a);
                u64::from(format.round(to_odd(near, error), rounding))
            })
        }
    })
}

/// The exact value of a float.
fn to_f64(from: Scalar, flushes: bool) -> Option<Box<dyn Fn(u64) -> f64 + Send + Sync>> {
    Some(match from {
        Scalar::F32 if flushes => Box::new(|a| f64::from(flush(single(a)))),
        Scalar::F32 => Box::new(|a| f64::from(single(a))),
        Scalar::F64 => Box::new(double),
        _ => {
            let format = half::format(from)?;
            Box::new(move |a| format.to_double(a as u16))
        }
    })
}

fn to_integral(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Zero => value.trunc(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
        _ => value.round_ties_even(),
    }
}

/// Always clamped to the range of the result; NaN becomes 0.
fn float_to_integer(to: Scalar, from: Scalar, style: Style) -> Option<Unary> {
    let (rounding, bits) = (style.integral?, to.bits());
    let value = to_f64(from, style.flushes)?;
    Some(if to.is_signed() {
        let (low, high) = (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
        unary(move |a| unsigned((to_integral(value(a), rounding) as i128).clamp(low, high) as u64, bits))
    } else {
        let high = (1i128 << bits) - 1;
        unary(move |a| unsigned((to_integral(value(a), rounding) as i128).clamp(0, high) as u64, bits))
    })
}

fn float_to_float(to: Scalar, from: Scalar, style: Style) -> Option<Unary> {
    let value = to_f64(from, style.flushes)?;
    let Style { rounding, integral, flushes, saturates, .. } = style;
    let value = move |a: u64| {
        let value = value(a);
        let value = integral.map_or(value, |integral| to_integral(value, integral));
        rectified(value, style)
    };
    Some(match to {
        Scalar::F32 => unary(move |a| {
            let result = to_single(value(a), rounding);
            let result = if flushes { flush(result) } else { result };
            of_single(if saturates { saturate(result) } else { result })
        }),
        Scalar::F64 => unary(move |a| of_double(if saturates { saturate_double(value(a)) } else { value(a) })),
        _ => {
            let format = half::format(to)?;
            unary(move |a| {
                let value = if saturates { saturate_double(value(a)) } else { value(a) };
                u64::from(format.round(value, rounding))
            })
        }
    })
}
