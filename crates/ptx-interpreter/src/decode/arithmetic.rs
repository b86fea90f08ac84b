//! `add`, `sub`, `mul`, `mad`, `fma`, `div`, `min`, `max` and functions of one value.

use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::lanes::{Binary, Ternary, Unary, binary, ternary, unary};
use crate::number::float::{self, double, flush, of_double, of_single, single};
use crate::number::half;
use crate::number::integer::{self as int, signed, unsigned};
use crate::number::round::Rounding;
use crate::program::{Class, Op};
use crate::scalar::Scalar;

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    if opcode == "testp" {
        return super::compare::test(operands, modifiers);
    }
    if matches!(opcode, "add" | "sub" | "mad") && modifiers.take("cc") {
        return super::integer::carry(operands, modifiers, opcode, false);
    }
    match opcode {
        "mul" | "mad" if is_integer(operands) => return super::integer::multiply(operands, modifiers, opcode == "mad"),
        "fma" | "mad" => {
            let style = Style::take(&mut modifiers)?;
            let scalar = style.scalar;
            let f = fused(&style).ok_or_else(|| modifiers.error("not supported for this type or rounding"))?;
            modifiers.finish()?;
            operands.expect(4)?;
            let [a, b, c] = [1, 2, 3].map(|at| operands.source(at, scalar));
            return Ok((Op::Ternary { d: operands.destination(0)?, a: a?, b: b?, c: c?, f }, class(scalar)));
        }
        _ => {}
    }
    let style = Style::take(&mut modifiers)?;
    let scalar = style.scalar;
    let unsupported = |modifiers: &Modifiers| modifiers.error("not supported for this type or rounding");
    if matches!(opcode, "neg" | "abs" | "sqrt" | "rsqrt" | "rcp" | "ex2" | "lg2" | "sin" | "cos" | "tanh") {
        let f = of_one(opcode, &style).ok_or_else(|| unsupported(&modifiers))?;
        modifiers.finish()?;
        operands.expect(2)?;
        let class = if matches!(opcode, "neg" | "abs") { class(scalar) } else { Class::Special };
        return Ok((Op::Unary { d: operands.destination(0)?, a: operands.source(1, scalar)?, f }, class));
    }
    if matches!(opcode, "min" | "max") && operands.len() == 4 {
        return Err(modifiers.error("three inputs are not supported"));
    }
    let f = of_two(opcode, &style).ok_or_else(|| unsupported(&modifiers))?;
    modifiers.finish()?;
    operands.expect(3)?;
    let (a, b) = (operands.source(1, scalar)?, operands.source(2, scalar)?);
    Ok((Op::Binary { d: operands.destination(0)?, a, b, f }, class(scalar)))
}

fn is_integer(operands: &Operands) -> bool {
    operands.statement.opcode.iter().skip(1).filter_map(|part| Scalar::parse(part)).all(Scalar::is_integer)
}

fn class(scalar: Scalar) -> Class {
    match scalar {
        Scalar::F64 => Class::Double,
        scalar if scalar.is_integer() => Class::Integer,
        _ => Class::Float,
    }
}

/// Modifiers that arithmetic shares.
struct Style {
    scalar: Scalar,
    rounding: Rounding,
    has_rounding: bool,
    flushes: bool,
    saturates: bool,
    spreads_nan: bool,
    is_approximate: bool,
}

impl Style {
    fn take(modifiers: &mut Modifiers) -> Result<Self, LoadError> {
        let scalar = modifiers.scalar()?;
        let rounding = modifiers.rounding();
        let style = Style {
            scalar,
            rounding: rounding.unwrap_or(Rounding::Nearest),
            has_rounding: rounding.is_some(),
            flushes: modifiers.take("ftz"),
            saturates: modifiers.take("sat"),
            spreads_nan: modifiers.take("NaN"),
            is_approximate: modifiers.one_of(&["approx", "full"]).is_some(),
        };
        if style.rounding == Rounding::NearestAway {
            return Err(modifiers.error("`.rna` is not supported here"));
        }
        Ok(style)
    }

    /// Flushing and saturation of f32 around `f`, left out where they are not asked for.
    fn single2(&self, f: impl Fn(f32, f32) -> f32 + Send + Sync + Copy + 'static) -> Binary {
        match (self.flushes, self.saturates) {
            (false, false) => binary(move |a, b| of_single(f(single(a), single(b)))),
            (true, false) => binary(move |a, b| of_single(flush(f(flush(single(a)), flush(single(b)))))),
            (false, true) => binary(move |a, b| of_single(float::saturate(f(single(a), single(b))))),
            (true, true) => binary(move |a, b| of_single(float::saturate(flush(f(flush(single(a)), flush(single(b))))))),
        }
    }

    fn single1(&self, f: impl Fn(f32) -> f32 + Send + Sync + Copy + 'static) -> Unary {
        match self.flushes {
            false => unary(move |a| of_single(f(single(a)))),
            true => unary(move |a| of_single(flush(f(flush(single(a)))))),
        }
    }
}

fn fused(style: &Style) -> Option<Ternary> {
    let rounding = style.rounding;
    if let Some(format) = half::format(style.scalar) {
        let is_pair = style.scalar.bits() == 32;
        let plain = rounding == Rounding::Nearest && !style.flushes && !style.saturates;
        return plain.then(|| ternary(move |a, b, c| half::fused(a, b, c, format, is_pair)));
    }
    match style.scalar {
        Scalar::F32 if rounding == Rounding::Nearest && !style.flushes && !style.saturates => {
            Some(ternary(|a, b, c| of_single(single(a).mul_add(single(b), single(c)))))
        }
        Scalar::F32 => {
            let (flushes, saturates) = (style.flushes, style.saturates);
            Some(ternary(move |a, b, c| {
                let prepare = |x: u64| if flushes { flush(single(x)) } else { single(x) };
                let sum = float::fused_single(prepare(a), prepare(b), prepare(c), rounding);
                let sum = if flushes { flush(sum) } else { sum };
                of_single(if saturates { float::saturate(sum) } else { sum })
            }))
        }
        Scalar::F64 if rounding == Rounding::Nearest => {
            Some(ternary(|a, b, c| of_double(double(a).mul_add(double(b), double(c)))))
        }
        _ => None,
    }
}

fn of_two(opcode: &str, style: &Style) -> Option<Binary> {
    let (scalar, rounding) = (style.scalar, style.rounding);
    let bits = scalar.bits();
    if let Some(format) = half::format(scalar) {
        let (is_pair, spreads_nan) = (bits == 32, style.spreads_nan);
        if rounding != Rounding::Nearest || style.flushes || style.saturates {
            return None;
        }
        return Some(match opcode {
            "add" => binary(move |a, b| half::add(a, b, format, is_pair)),
            "sub" => binary(move |a, b| half::subtract(a, b, format, is_pair)),
            "mul" => binary(move |a, b| half::multiply(a, b, format, is_pair)),
            "min" => binary(move |a, b| half::min_max(a, b, format, is_pair, false, spreads_nan)),
            "max" => binary(move |a, b| half::min_max(a, b, format, is_pair, true, spreads_nan)),
            _ => return None,
        });
    }
    let is_near = rounding == Rounding::Nearest;
    let spreads_nan = style.spreads_nan;
    Some(match (opcode, scalar) {
        ("add", Scalar::F32) if is_near => style.single2(|a, b| a + b),
        ("add", Scalar::F32) => style.single2(move |a, b| float::add_single(a, b, rounding)),
        ("sub", Scalar::F32) if is_near => style.single2(|a, b| a - b),
        ("sub", Scalar::F32) => style.single2(move |a, b| float::add_single(a, -b, rounding)),
        ("mul", Scalar::F32) if is_near => style.single2(|a, b| a * b),
        ("mul", Scalar::F32) => style.single2(move |a, b| float::multiply_single(a, b, rounding)),
        ("div", Scalar::F32) if style.is_approximate || (is_near && style.has_rounding) => style.single2(|a, b| a / b),
        ("div", Scalar::F32) if style.has_rounding => style.single2(move |a, b| float::divide_single(a, b, rounding)),
        ("min", Scalar::F32) => style.single2(move |a, b| float::min_single(a, b, spreads_nan)),
        ("max", Scalar::F32) => style.single2(move |a, b| float::max_single(a, b, spreads_nan)),
        ("copysign", Scalar::F32) => binary(|a, b| b & 0x7fff_ffff | a & 0x8000_0000),
        (_, Scalar::F64) if style.saturates || style.flushes => return None,
        ("add", Scalar::F64) if is_near => binary(|a, b| of_double(double(a) + double(b))),
        ("add", Scalar::F64) => binary(move |a, b| of_double(float::add_double(double(a), double(b), rounding))),
        ("sub", Scalar::F64) if is_near => binary(|a, b| of_double(double(a) - double(b))),
        ("sub", Scalar::F64) => binary(move |a, b| of_double(float::add_double(double(a), -double(b), rounding))),
        ("mul", Scalar::F64) if is_near => binary(|a, b| of_double(double(a) * double(b))),
        ("mul", Scalar::F64) => binary(move |a, b| of_double(float::multiply_double(double(a), double(b), rounding))),
        ("div", Scalar::F64) if style.has_rounding => {
            binary(move |a, b| of_double(float::divide_double(double(a), double(b), rounding)))
        }
        ("min", Scalar::F64) => binary(|a, b| of_double(float::min_double(double(a), double(b)))),
        ("max", Scalar::F64) => binary(|a, b| of_double(float::max_double(double(a), double(b)))),
        ("copysign", Scalar::F64) => binary(|a, b| b & (u64::MAX >> 1) | a & (1 << 63)),
        (_, scalar) if !scalar.is_integer() || style.has_rounding || style.flushes => return None,
        ("add", Scalar::Signed(32)) if style.saturates => binary(|a, b| u64::from((a as i32).saturating_add(b as i32) as u32)),
        ("sub", Scalar::Signed(32)) if style.saturates => binary(|a, b| u64::from((a as i32).saturating_sub(b as i32) as u32)),
        _ if style.saturates => return None,
        ("add", _) => binary(move |a, b| unsigned(a.wrapping_add(b), bits)),
        ("sub", _) => binary(move |a, b| unsigned(a.wrapping_sub(b), bits)),
        ("div", _) => binary(move |a, b| int::divide(a, b, bits, scalar.is_signed())),
        ("rem", _) => binary(move |a, b| int::remainder(a, b, bits, scalar.is_signed())),
        ("min", Scalar::Signed(_)) => binary(move |a, b| unsigned(signed(a, bits).min(signed(b, bits)) as u64, bits)),
        ("max", Scalar::Signed(_)) => binary(move |a, b| unsigned(signed(a, bits).max(signed(b, bits)) as u64, bits)),
        ("min", _) => binary(move |a, b| unsigned(a, bits).min(unsigned(b, bits))),
        ("max", _) => binary(move |a, b| unsigned(a, bits).max(unsigned(b, bits))),
        _ => return None,
    })
}

fn of_one(opcode: &str, style: &Style) -> Option<Unary> {
    let (scalar, rounding, bits) = (style.scalar, style.rounding, style.scalar.bits());
    let sign = match scalar {
        Scalar::F16 | Scalar::Bf16 => 0x8000,
        Scalar::F16x2 | Scalar::Bf16x2 => 0x8000_8000,
        Scalar::F32 => 0x8000_0000,
        _ => 1 << 63,
    };
    let exact = style.has_rounding && !style.is_approximate;
    Some(match (opcode, scalar) {
        ("neg", Scalar::Signed(_)) => unary(move |a| unsigned(a.wrapping_neg(), bits)),
        ("abs", Scalar::Signed(_)) => unary(move |a| unsigned(signed(a, bits).unsigned_abs(), bits)),
        (_, scalar) if scalar.is_integer() => return None,
        ("neg", Scalar::F32) if style.flushes => style.single1(|a| -a),
        ("abs", Scalar::F32) if style.flushes => style.single1(f32::abs),
        ("neg", _) => unary(move |a| a ^ sign),
        ("abs", _) => unary(move |a| a & !sign),
        ("sqrt", Scalar::F32) if exact && rounding != Rounding::Nearest => {
            style.single1(move |a| float::root_single(a, rounding))
        }
        ("sqrt", Scalar::F32) => style.single1(f32::sqrt),
        ("rcp", Scalar::F32) if exact && rounding != Rounding::Nearest => {
            style.single1(move |a| float::divide_single(1.0, a, rounding))
        }
        ("rcp", Scalar::F32) => style.single1(|a| 1.0 / a),
        ("rsqrt", Scalar::F32) => style.single1(|a| (1.0 / f64::from(a).sqrt()) as f32),
        ("ex2", Scalar::F32) => style.single1(libm::exp2f),
        ("lg2", Scalar::F32) => style.single1(libm::log2f),
        ("sin", Scalar::F32) => style.single1(libm::sinf),
        ("cos", Scalar::F32) => style.single1(libm::cosf),
        ("tanh", Scalar::F32) => style.single1(libm::tanhf),
        ("sqrt", Scalar::F64) if exact => unary(move |a| of_double(float::root_double(double(a), rounding))),
        ("rcp", Scalar::F64) if exact => unary(move |a| of_double(float::divide_double(1.0, double(a), rounding))),
        // The manual gives both 20 bits of the result, in the upper word.
        ("rcp", Scalar::F64) => unary(|a| of_double(1.0 / double(a)) & !0xffff_ffff),
        ("rsqrt", Scalar::F64) => unary(|a| of_double(1.0 / double(a).sqrt()) & !0xffff_ffff),
        _ => return None,
    })
}
