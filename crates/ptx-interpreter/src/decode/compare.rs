//! `setp`, `set`, `selp`, `slct`, `testp`.

use super::modifiers::Modifiers;
use super::names::FALSE;
use super::operands::Operands;
use crate::LoadError;
use crate::lanes::{Relation, binary, relation, ternary};
use crate::number::float::{double, flush, single};
use crate::number::half;
use crate::number::integer::{signed, unsigned};
use crate::program::{Class, Compare, Op};
use crate::scalar::Scalar;

const RELATIONS: [&str; 18] =
    ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    match opcode {
        "setp" => set_predicate(operands, modifiers),
        "set" => set_value(operands, modifiers),
        "selp" => {
            let scalar = modifiers.scalar()?;
            modifiers.finish()?;
            operands.expect(4)?;
            let (a, b) = (operands.source(1, scalar)?, operands.source(2, scalar)?);
            Ok((Op::Choose { d: operands.destination(0)?, a, b, condition: operands.condition(3)? }, Class::Move))
        }
        _ => {
            // slct: the first value where the third is not negative (of f32: -0 counts as not negative, NaN as negative).
            let scalar = modifiers.scalar()?;
            let by = modifiers.scalar()?;
            modifiers.ignore(&["ftz"]);
            modifiers.finish()?;
            operands.expect(4)?;
            let (a, b, c) = (operands.source(1, scalar)?, operands.source(2, scalar)?, operands.source(3, by)?);
            let f = if by == Scalar::F32 {
                ternary(|a, b, c| if single(c) >= 0.0 { a } else { b })
            } else {
                ternary(|a, b, c| if signed(c, 32) >= 0 { a } else { b })
            };
            Ok((Op::Ternary { d: operands.destination(0)?, a, b, c, f }, Class::Move))
        }
    }
}

fn set_predicate(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let name = modifiers.one_of(&RELATIONS).ok_or_else(|| modifiers.error("no relation"))?;
    let combined = modifiers.one_of(&["and", "or", "xor"]);
    let flushes = modifiers.take("ftz");
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    let relation = relation_of(name, scalar, flushes).ok_or_else(|| modifiers.error("no such relation of this type"))?;
    operands.expect(if combined.is_some() { 4 } else { 3 })?;
    let (d, negated) = operands.predicate_pair(0)?;
    let (a, b) = (operands.source(1, scalar)?, operands.source(2, scalar)?);
    let combine = match combined {
        None => None,
        Some(name) => {
            let f: fn(u32, u32) -> u32 = match name {
                "and" => |a, b| a & b,
                "or" => |a, b| a | b,
                _ => |a, b| a ^ b,
            };
            Some((f, operands.condition(3)?))
        }
    };
    let class = if scalar.is_integer() { Class::Integer } else { Class::Float };
    Ok((Op::Compare(Box::new(Compare { d, negated, a, b, relation, combine })), class))
}

/// `set`: all ones or 1.0 where the relation holds, else zero.
fn set_value(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let name = modifiers.one_of(&RELATIONS).ok_or_else(|| modifiers.error("no relation"))?;
    let flushes = modifiers.take("ftz");
    let to = modifiers.scalar()?;
    let from = modifiers.scalar()?;
    modifiers.finish()?;
    operands.expect(3)?;
    let holds = holds(name, from, flushes).ok_or_else(|| modifiers.error("no such relation of this type"))?;
    let one = match to {
        Scalar::F32 => u64::from(1f32.to_bits()),
        to if to.is_integer() => unsigned(u64::MAX, to.bits()),
        _ => return Err(modifiers.error("this result type is not supported")),
    };
    let f = binary(move |a, b| if holds(a, b) { one } else { 0 });
    let (a, b) = (operands.source(1, from)?, operands.source(2, from)?);
    Ok((Op::Binary { d: operands.destination(0)?, a, b, f }, Class::Integer))
}

/// `testp`: what kind of number a float is.
pub fn test(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let kind = modifiers.one_of(&["finite", "infinite", "number", "notanumber", "normal", "subnormal"]);
    let kind = kind.ok_or_else(|| modifiers.error("no property"))?;
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    operands.expect(2)?;
    let has = move |is_finite: bool, is_nan: bool, is_normal: bool, is_subnormal: bool| match kind {
        "finite" => is_finite,
        "infinite" => !is_finite && !is_nan,
        "number" => !is_nan,
        "notanumber" => is_nan,
        "normal" => is_normal,
        _ => is_subnormal,
    };
    let relation = match scalar {
        Scalar::F32 => relation(move |a, _| {
            let a = single(a);
            has(a.is_finite(), a.is_nan(), a.is_normal(), a.is_subnormal())
        }),
        Scalar::F64 => relation(move |a, _| {
            let a = double(a);
            has(a.is_finite(), a.is_nan(), a.is_normal(), a.is_subnormal())
        }),
        _ => return Err(modifiers.error("not supported for this type")),
    };
    let a = operands.source(1, scalar)?;
    let d = Some(operands.predicate(0)?).filter(|predicate| *predicate != FALSE);
    Ok((Op::Compare(Box::new(Compare { d, negated: None, a, b: a, relation, combine: None })), Class::Float))
}

fn relation_of(name: &'static str, scalar: Scalar, flushes: bool) -> Option<Relation> {
    // The common ones have loops of their own, without a call for each lane.
    Some(match (name, scalar) {
        ("lt", Scalar::Signed(32)) => relation(|a, b| (a as i32) < b as i32),
        ("ge", Scalar::Signed(32)) => relation(|a, b| a as i32 >= b as i32),
        ("gt", Scalar::Signed(32)) => relation(|a, b| a as i32 > b as i32),
        ("eq", Scalar::Signed(32) | Scalar::Unsigned(32) | Scalar::Bits(32)) => relation(|a, b| a as u32 == b as u32),
        ("ne", Scalar::Signed(32) | Scalar::Unsigned(32) | Scalar::Bits(32)) => relation(|a, b| a as u32 != b as u32),
        ("lt", Scalar::Unsigned(32)) => relation(|a, b| (a as u32) < b as u32),
        ("gt", Scalar::F32) if !flushes => relation(|a, b| single(a) > single(b)),
        ("lt", Scalar::F32) if !flushes => relation(|a, b| single(a) < single(b)),
        _ => {
            let holds = holds(name, scalar, flushes)?;
            relation(holds)
        }
    })
}

type Holds = Box<dyn Fn(u64, u64) -> bool + Send + Sync>;

fn holds(name: &'static str, scalar: Scalar, flushes: bool) -> Option<Holds> {
    use std::cmp::Ordering;
    let bits = scalar.bits();
    let is_float = !scalar.is_integer() && scalar != Scalar::Pred;
    // Whether the relation holds for an ordering; of unordered values, as floats have them, the last.
    let (less, equal, greater, unordered) = match name {
        "eq" => (false, true, false, false),
        "ne" => (true, false, true, false),
        "lt" | "lo" => (true, false, false, false),
        "le" | "ls" => (true, true, false, false),
        "gt" | "hi" => (false, false, true, false),
        "ge" | "hs" => (false, true, true, false),
        "equ" => (false, true, false, true),
        "neu" => (true, false, true, true),
        "ltu" => (true, false, false, true),
        "leu" => (true, true, false, true),
        "gtu" => (false, false, true, true),
        "geu" => (false, true, true, true),
        "num" => (true, true, true, false),
        "nan" => (false, false, false, true),
        _ => return None,
    };
    let is_unsigned_only = matches!(name, "lo" | "ls" | "hi" | "hs");
    let is_float_only = unordered || name == "num";
    let is_equality_only = matches!(name, "eq" | "ne");
    if (is_float && is_unsigned_only) || (!is_float && is_float_only) {
        return None;
    }
    let decide = move |ordering: Option<Ordering>| match ordering {
        Some(Ordering::Less) => less,
        Some(Ordering::Equal) => equal,
        Some(Ordering::Greater) => greater,
        None => unordered,
    };
    Some(match scalar {
        Scalar::F32 if flushes => Box::new(move |a, b| decide(flush(single(a)).partial_cmp(&flush(single(b))))),
        Scalar::F32 => Box::new(move |a, b| decide(single(a).partial_cmp(&single(b)))),
        Scalar::F64 => Box::new(move |a, b| decide(double(a).partial_cmp(&double(b)))),
        Scalar::F16 | Scalar::Bf16 => {
            let format = half::format(scalar)?;
            Box::new(move |a, b| decide(format.to_double(a as u16).partial_cmp(&format.to_double(b as u16))))
        }
        Scalar::Signed(_) if !is_unsigned_only => Box::new(move |a, b| decide(Some(signed(a, bits).cmp(&signed(b, bits))))),
        Scalar::Bits(_) if !is_equality_only => return None,
        Scalar::Unsigned(_) | Scalar::Bits(_) => Box::new(move |a, b| decide(Some(unsigned(a, bits).cmp(&unsigned(b, bits))))),
        _ => return None,
    })
}
