//! Moves, address conversions, loads, stores and atomics.

use super::modifiers::Modifiers;
use super::names::TRUE;
use super::operands::Operands;
use crate::LoadError;
use crate::lanes::unary;
use crate::memory::SHARED_WINDOW;
use crate::number::float::{double, of_double, of_single, single};
use crate::number::integer::{signed, unsigned};
use crate::parse::{Operand, Space};
use crate::program::{Atomic, Class, Condition, Load, Op, Order, Store};
use crate::scalar::Scalar;

/// Hints for caches, which change no result.
const CACHE_HINTS: [&str; 8] = ["ca", "cg", "cs", "lu", "cv", "wb", "wt", "unified"];

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    match opcode {
        "mov" => moved(operands, modifiers),
        "cvta" => {
            let is_to = modifiers.take("to");
            let space = space(&mut modifiers);
            let scalar = modifiers.scalar()?;
            modifiers.finish()?;
            operands.expect(2)?;
            // Only shared addresses differ between their space and the generic one.
            let f = match (space, is_to) {
                (Space::Shared, true) => unary(|a| a.wrapping_sub(SHARED_WINDOW)),
                (Space::Shared, false) => unary(|a| a.wrapping_add(SHARED_WINDOW)),
                (Space::Generic, _) => return Err(modifiers.error("no space")),
                _ => unary(|a| a),
            };
            Ok((Op::Unary { d: operands.destination(0)?, a: operands.source(1, scalar)?, f }, Class::Move))
        }
        "ld" | "ldu" => load(operands, modifiers),
        "st" => store(operands, modifiers),
        "atom" | "red" => atomic(operands, modifiers, opcode == "atom"),
        "prefetch" | "prefetchu" | "discard" | "applypriority" => Ok((Op::Nop, Class::Move)),
        _ => Err(modifiers.error("not supported")),
    }
}

fn moved(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let scalar = modifiers.scalar()?;
    modifiers.finish()?;
    operands.expect(2)?;
    let bits = scalar.bits();
    if scalar == Scalar::Pred {
        let always = Condition { predicate: TRUE, is_negated: false };
        let op = Op::Predicates { d: operands.predicate(0)?, a: operands.condition(1)?, b: always, f: |a, _| a };
        return Ok((op, Class::Move));
    }
    let op = match (operands.is_vector(0), operands.is_vector(1)) {
        (false, true) => {
            let n_parts = operands.sources(1, Scalar::Bits(64))?.len() as u32;
            let parts = operands.sources(1, Scalar::Bits(bits / n_parts))?;
            Op::Pack { d: operands.destination(0)?, parts, bits: bits / n_parts }
        }
        (true, false) => {
            let parts = operands.destinations(0)?;
            let bits = bits / parts.len() as u32;
            Op::Unpack { parts, a: operands.source(1, scalar)?, bits }
        }
        (true, true) => return Err(modifiers.error("one side must be a scalar")),
        (false, false) => match &operands.statement.operands[1] {
            Operand::Name(name) if matches!(name.as_str(), "%clock" | "%clock64" | "%globaltimer" | "%clock_hi") => {
                Op::Clock { d: operands.destination(0)? }
            }
            _ => {
                let f = unary(move |a| unsigned(a, bits));
                Op::Unary { d: operands.destination(0)?, a: operands.source(1, scalar)?, f }
            }
        },
    };
    if scalar.bits() > 64 {
        return Err(Modifiers::new(operands.statement).error("128 bits are not supported"));
    }
    Ok((op, Class::Move))
}

/// The space of an access; generic if none is given.
pub fn space(modifiers: &mut Modifiers) -> Space {
    let names = ["global", "shared", "shared::cta", "local", "const", "param", "param::entry", "param::func"];
    match modifiers.one_of(&names) {
        Some("global") => Space::Global,
        Some("shared" | "shared::cta") => Space::Shared,
        Some("local") => Space::Local,
        Some("const") => Space::Const,
        Some(_) => Space::Param,
        None => Space::Generic,
    }
}

fn drop_cache_hints(modifiers: &mut Modifiers) {
    modifiers.ignore(&CACHE_HINTS);
    modifiers.ignore_prefix("L1::");
    modifiers.ignore_prefix("L2::");
}

fn element(modifiers: &mut Modifiers) -> Result<Scalar, LoadError> {
    let scalar = modifiers.scalar()?;
    if scalar == Scalar::Pred || scalar.bits() > 64 { Err(modifiers.error("no such access")) } else { Ok(scalar) }
}

fn load(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let order = modifiers.order(Order::Weak);
    let space = space(&mut modifiers);
    modifiers.ignore(&["nc"]);
    drop_cache_hints(&mut modifiers);
    let n = modifiers.vector();
    let scalar = element(&mut modifiers)?;
    modifiers.finish()?;
    operands.expect(2)?;
    let d = operands.destinations(0)?;
    if d.len() != n {
        return Err(modifiers.error(format!("{n} registers expected, found {}", d.len())));
    }
    let load = Load { d, address: operands.address(1)?, space, scalar, order };
    Ok((Op::Load(Box::new(load)), Class::Load))
}

fn store(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let order = modifiers.order(Order::Weak);
    let space = space(&mut modifiers);
    drop_cache_hints(&mut modifiers);
    let n = modifiers.vector();
    let scalar = element(&mut modifiers)?;
    modifiers.finish()?;
    operands.expect(2)?;
    let values = operands.sources(1, scalar)?;
    if values.len() != n {
        return Err(modifiers.error(format!("{n} values expected, found {}", values.len())));
    }
    let store = Store { values, address: operands.address(0)?, space, scalar, order };
    Ok((Op::Store(Box::new(store)), Class::Store))
}

fn atomic(operands: &mut Operands, mut modifiers: Modifiers, returns: bool) -> Result<(Op, Class), LoadError> {
    let order = modifiers.order(Order::Relaxed);
    let space = space(&mut modifiers);
    drop_cache_hints(&mut modifiers);
    modifiers.ignore(&["noftz"]);
    let names = ["add", "and", "or", "xor", "exch", "cas", "min", "max", "inc", "dec"];
    let name = modifiers.one_of(&names).ok_or_else(|| modifiers.error("this operation is not supported"))?;
    let scalar = element(&mut modifiers)?;
    modifiers.finish()?;
    let f = update(name, scalar).ok_or_else(|| modifiers.error("this operation is not supported for this type"))?;
    let first = usize::from(returns);
    operands.expect(first + if name == "cas" { 3 } else { 2 })?;
    let d = if returns { operands.destinations(0)?[0] } else { None };
    let b = operands.source(first + 1, scalar)?;
    let c = if name == "cas" { operands.source(first + 2, scalar)? } else { b };
    let address = operands.address(first)?;
    let atomic = Atomic { d, address, space, bytes: scalar.bytes(), b, c, f, order };
    Ok((Op::Atomic(Box::new(atomic)), Class::Atomic))
}

type Update = Box<dyn Fn(u64, u64, u64) -> u64 + Send + Sync>;

/// The new value from the old one and the operands.
fn update(name: &str, scalar: Scalar) -> Option<Update> {
    let bits = scalar.bits();
    Some(match (name, scalar) {
        ("exch", _) => Box::new(|_, b, _| b),
        ("cas", _) => Box::new(|old, compare, new| if old == compare { new } else { old }),
        ("add", Scalar::F32) => Box::new(|old, b, _| of_single(single(old) + single(b))),
        ("add", Scalar::F64) => Box::new(|old, b, _| of_double(double(old) + double(b))),
        (_, scalar) if !scalar.is_integer() => return None,
        ("add", _) => Box::new(move |old, b, _| unsigned(old.wrapping_add(b), bits)),
        ("and", _) => Box::new(|old, b, _| old & b),
        ("or", _) => Box::new(|old, b, _| old | b),
        ("xor", _) => Box::new(|old, b, _| old ^ b),
        ("min", Scalar::Signed(_)) => Box::new(move |old, b, _| if signed(b, bits) < signed(old, bits) { b } else { old }),
        ("max", Scalar::Signed(_)) => Box::new(move |old, b, _| if signed(b, bits) > signed(old, bits) { b } else { old }),
        ("min", _) => Box::new(|old, b, _| old.min(b)),
        ("max", _) => Box::new(|old, b, _| old.max(b)),
        ("inc", _) => Box::new(|old, b, _| if old >= b { 0 } else { old + 1 }),
        ("dec", _) => Box::new(|old, b, _| if old == 0 || old > b { b } else { old - 1 }),
        _ => return None,
    })
}
