//! Integer products, bits and carries.

use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::lanes::{Unary, binary, quaternary, ternary, unary};
use crate::number::integer::{self as int, unsigned};
use crate::program::{Carry, Class, Op};
use crate::scalar::Scalar;

/// Integer `mul` and `mad`.
pub fn multiply(operands: &mut Operands, mut modifiers: Modifiers, adds: bool) -> Result<(Op, Class), LoadError> {
    let part = modifiers.one_of(&["lo", "hi", "wide"]).ok_or_else(|| modifiers.error("`.lo`, `.hi` or `.wide` is missing"))?;
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    let (bits, is_signed) = (scalar.bits(), scalar.is_signed());
    if part == "wide" && bits == 64 {
        return Err(modifiers.error("there is no wider type"));
    }
    operands.expect(if adds { 4 } else { 3 })?;
    let (a, b) = (operands.source(1, scalar)?, operands.source(2, scalar)?);
    let d = operands.destination(0)?;
    if !adds {
        let f = match part {
            "lo" => binary(move |a, b| unsigned(a.wrapping_mul(b), bits)),
            "hi" => binary(move |a, b| int::multiply_high(a, b, bits, is_signed)),
            _ => binary(move |a, b| int::multiply_wide(a, b, bits, is_signed)),
        };
        return Ok((Op::Binary { d, a, b, f }, Class::Integer));
    }
    let c = operands.source(3, if part == "wide" { Scalar::Unsigned(2 * bits) } else { scalar })?;
    let f = match part {
        "lo" => ternary(move |a, b, c| unsigned(a.wrapping_mul(b).wrapping_add(c), bits)),
        "hi" => ternary(move |a, b, c| unsigned(int::multiply_high(a, b, bits, is_signed).wrapping_add(c), bits)),
        _ => ternary(move |a, b, c| unsigned(int::multiply_wide(a, b, bits, is_signed).wrapping_add(c), 2 * bits)),
    };
    Ok((Op::Ternary { d, a, b, c, f }, Class::Integer))
}

fn add_with_carry(a: u64, b: u64, carry: u64, bits: u32) -> (u64, bool) {
    let sum = u128::from(a) + u128::from(b) + u128::from(carry);
    (unsigned(sum as u64, bits), sum >> bits != 0)
}

/// `add.cc`, `addc`, `sub.cc`, `subc`, `mad.cc`, `madc`. `reads`: the carry is added in.
pub fn carry(operands: &mut Operands, mut modifiers: Modifiers, opcode: &str, reads: bool) -> Result<(Op, Class), LoadError> {
    let writes = modifiers.take("cc") || !reads;
    let part = modifiers.one_of(&["lo", "hi"]);
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    let bits = scalar.bits();
    let is_product = opcode.starts_with("mad");
    operands.expect(if is_product { 4 } else { 3 })?;
    let zero = operands.names.constant(0);
    let mut inputs = [zero; 3];
    for (i, input) in inputs.iter_mut().enumerate().take(operands.len() - 1) {
        *input = operands.source(i + 1, scalar)?;
    }
    let f: fn(u64, u64, u64, u64, u32) -> (u64, bool) = match (opcode.get(..3), part, scalar.is_signed()) {
        (Some("add"), None, _) => |a, b, _, carry, bits| add_with_carry(a, b, carry, bits),
        // Subtraction borrows: the flag is the borrow.
        (Some("sub"), None, _) => |a, b, _, borrow, bits| {
            let difference = i128::from(a) - i128::from(b) - i128::from(borrow);
            (unsigned(difference as u64, bits), difference < 0)
        },
        (Some("mad"), Some("lo"), _) => |a, b, c, carry, bits| add_with_carry(unsigned(a.wrapping_mul(b), bits), c, carry, bits),
        (Some("mad"), Some("hi"), false) => {
            |a, b, c, carry, bits| add_with_carry(int::multiply_high(a, b, bits, false), c, carry, bits)
        }
        (Some("mad"), Some("hi"), true) => {
            |a, b, c, carry, bits| add_with_carry(int::multiply_high(a, b, bits, true), c, carry, bits)
        }
        _ => return Err(modifiers.error("not supported")),
    };
    let d = operands.destination(0)?;
    Ok((Op::Carry(Box::new(Carry { d, inputs, f, bits, reads, writes })), Class::Integer))
}

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    match opcode {
        "addc" | "subc" | "madc" => return carry(operands, modifiers, opcode, true),
        "and" | "or" | "xor" | "not" | "cnot" => return logic(operands, modifiers, opcode),
        "shf" => return funnel(operands, modifiers),
        _ => {}
    }
    let as_shift = opcode == "bfind" && modifiers.take("shiftamt");
    let scalar = modifiers.scalar()?;
    let (bits, is_signed) = (scalar.bits(), scalar.is_signed());
    let count = Scalar::Unsigned(32);
    let op = match opcode {
        "shl" | "shr" => {
            operands.expect(3)?;
            let f = if opcode == "shl" {
                binary(move |a, by| int::shift_left(a, by, bits))
            } else {
                binary(move |a, by| int::shift_right(a, by, bits, is_signed))
            };
            Op::Binary { d: operands.destination(0)?, a: operands.source(1, scalar)?, b: operands.source(2, count)?, f }
        }
        "bfe" => {
            operands.expect(4)?;
            let [a, b, c] = [operands.source(1, scalar)?, operands.source(2, count)?, operands.source(3, count)?];
            let f = ternary(move |a, at, length| int::extract(a, at, length, bits, is_signed));
            Op::Ternary { d: operands.destination(0)?, a, b, c, f }
        }
        "bfi" => {
            operands.expect(5)?;
            let inputs = [
                operands.source(1, scalar)?,
                operands.source(2, scalar)?,
                operands.source(3, count)?,
                operands.source(4, count)?,
            ];
            let f = quaternary(move |a, b, at, length| int::insert(a, b, at, length, bits));
            Op::Quaternary { d: operands.destination(0)?, inputs, f }
        }
        "prmt" => {
            operands.expect(4)?;
            let [a, b, c] = [1, 2, 3].map(|at| operands.source(at, scalar));
            Op::Ternary { d: operands.destination(0)?, a: a?, b: b?, c: c?, f: ternary(int::permute) }
        }
        "lop3" => lop3(operands)?,
        "sad" => {
            operands.expect(4)?;
            let [a, b, c] = [1, 2, 3].map(|at| operands.source(at, scalar));
            let f = ternary(move |a, b, c| {
                let distance = if is_signed {
                    int::signed(a, bits).abs_diff(int::signed(b, bits))
                } else {
                    unsigned(a, bits).abs_diff(unsigned(b, bits))
                };
                unsigned(c.wrapping_add(distance), bits)
            });
            Op::Ternary { d: operands.destination(0)?, a: a?, b: b?, c: c?, f }
        }
        _ => {
            operands.expect(2)?;
            let f = of_one(opcode, bits, is_signed, as_shift).ok_or_else(|| modifiers.error("not supported"))?;
            Op::Unary { d: operands.destination(0)?, a: operands.source(1, scalar)?, f }
        }
    };
    modifiers.finish()?;
    Ok((op, Class::Integer))
}

fn of_one(opcode: &str, bits: u32, is_signed: bool, as_shift: bool) -> Option<Unary> {
    Some(match opcode {
        "popc" => unary(move |a| u64::from(unsigned(a, bits).count_ones())),
        "clz" => unary(move |a| u64::from(unsigned(a, bits).leading_zeros() + bits - 64)),
        "brev" => unary(move |a| unsigned(a, bits).reverse_bits() >> (64 - bits)),
        "bfind" => unary(move |a| int::find(a, bits, is_signed, as_shift)),
        _ => return None,
    })
}

/// Bitwise operations, on values and on predicates.
fn logic(operands: &mut Operands, mut modifiers: Modifiers, opcode: &str) -> Result<(Op, Class), LoadError> {
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    let is_unary = matches!(opcode, "not" | "cnot");
    operands.expect(if is_unary { 2 } else { 3 })?;
    if scalar == Scalar::Pred {
        let a = operands.condition(1)?;
        let b = if is_unary { a } else { operands.condition(2)? };
        let f: fn(u32, u32) -> u32 = match opcode {
            "and" => |a, b| a & b,
            "or" => |a, b| a | b,
            "xor" => |a, b| a ^ b,
            _ => |a, _| !a,
        };
        return Ok((Op::Predicates { d: operands.predicate(0)?, a, b, f }, Class::Integer));
    }
    let bits = scalar.bits();
    let (d, a) = (operands.destination(0)?, operands.source(1, scalar)?);
    let op = match opcode {
        "not" => Op::Unary { d, a, f: unary(move |a| unsigned(!a, bits)) },
        "cnot" => Op::Unary { d, a, f: unary(move |a| u64::from(unsigned(a, bits) == 0)) },
        "and" => Op::Binary { d, a, b: operands.source(2, scalar)?, f: binary(move |a, b| unsigned(a & b, bits)) },
        "or" => Op::Binary { d, a, b: operands.source(2, scalar)?, f: binary(move |a, b| unsigned(a | b, bits)) },
        _ => Op::Binary { d, a, b: operands.source(2, scalar)?, f: binary(move |a, b| unsigned(a ^ b, bits)) },
    };
    Ok((op, Class::Integer))
}

fn funnel(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let is_left = modifiers.one_of(&["l", "r"]).ok_or_else(|| modifiers.error("no direction"))? == "l";
    let wraps = modifiers.one_of(&["wrap", "clamp"]).ok_or_else(|| modifiers.error("no mode"))? == "wrap";
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    operands.expect(4)?;
    let [a, b, c] = [1, 2, 3].map(|at| operands.source(at, scalar));
    let f = ternary(move |a, b, c| int::funnel(a, b, c, is_left, wraps));
    Ok((Op::Ternary { d: operands.destination(0)?, a: a?, b: b?, c: c?, f }, Class::Integer))
}

/// Any function of three bits, by its table of truth.
fn lop3(operands: &mut Operands) -> Result<Op, LoadError> {
    operands.expect(5)?;
    let scalar = Scalar::Bits(32);
    let table = operands.immediate(4)? as u64;
    let [a, b, c] = [1, 2, 3].map(|at| operands.source(at, scalar));
    let f = ternary(move |a, b, c| {
        let term = |i: u64| {
            let pick = |value: u64, bit: u64| if i >> bit & 1 == 1 { value } else { !value };
            if table >> i & 1 == 1 { pick(a, 2) & pick(b, 1) & pick(c, 0) } else { 0 }
        };
        unsigned((0..8).fold(0, |out, i| out | term(i)), 32)
    });
    Ok(Op::Ternary { d: operands.destination(0)?, a: a?, b: b?, c: c?, f })
}
