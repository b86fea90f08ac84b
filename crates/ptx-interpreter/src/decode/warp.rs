//! Exchange between the lanes of a warp.

use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::number::integer::signed;
use crate::program::{Class, Op, Shuffle, ShuffleMode, Vote, VoteKind};
use crate::scalar::Scalar;

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    let word = Scalar::Bits(32);
    if opcode == "activemask" {
        modifiers.scalar()?;
        modifiers.finish()?;
        return Ok((Op::ActiveMask { d: operands.destination(0)? }, Class::Exchange));
    }
    if !modifiers.take("sync") {
        return Err(modifiers.error("only the `.sync` form is supported"));
    }
    let op = match opcode {
        "shfl" => shuffle(operands, modifiers)?,
        "vote" => {
            let name = modifiers.one_of(&["all", "any", "uni", "ballot"]).ok_or_else(|| modifiers.error("no mode"))?;
            modifiers.scalar()?;
            modifiers.finish()?;
            operands.expect(3)?;
            let kind = match name {
                "all" => VoteKind::All(operands.predicate(0)?),
                "any" => VoteKind::Any(operands.predicate(0)?),
                "uni" => VoteKind::Uniform(operands.predicate(0)?),
                _ => VoteKind::Ballot(operands.destination(0)?),
            };
            Op::Vote(Box::new(Vote { kind, a: operands.condition(1)?, mask: operands.source(2, word)? }))
        }
        "match" => {
            let is_all = modifiers.one_of(&["any", "all"]).ok_or_else(|| modifiers.error("no mode"))? == "all";
            let scalar = modifiers.scalar()?;
            modifiers.finish()?;
            operands.expect(3)?;
            let (d, all) = operands.register_and_predicate(0)?;
            Op::Match { d, all, is_all, a: operands.source(1, scalar)?, mask: operands.source(2, word)? }
        }
        "redux" => {
            let name = modifiers.one_of(&["add", "min", "max", "and", "or", "xor"]);
            let scalar = modifiers.scalar()?;
            modifiers.finish()?;
            operands.expect(3)?;
            let f: fn(u64, u64) -> u64 = match (name, scalar.is_signed()) {
                (Some("add"), _) => |a, b| u64::from((a as u32).wrapping_add(b as u32)),
                (Some("and"), _) => |a, b| a & b,
                (Some("or"), _) => |a, b| a | b,
                (Some("xor"), _) => |a, b| a ^ b,
                (Some("min"), false) => |a, b| a.min(b),
                (Some("max"), false) => |a, b| a.max(b),
                (Some("min"), true) => |a, b| if signed(a, 32) < signed(b, 32) { a } else { b },
                (Some("max"), true) => |a, b| if signed(a, 32) > signed(b, 32) { a } else { b },
                _ => return Err(modifiers.error("this operation is not supported")),
            };
            Op::Reduce { d: operands.destination(0)?, a: operands.source(1, scalar)?, mask: operands.source(2, word)?, f }
        }
        _ => return Err(modifiers.error("not supported")),
    };
    Ok((op, Class::Exchange))
}

fn shuffle(operands: &mut Operands, mut modifiers: Modifiers) -> Result<Op, LoadError> {
    let mode = match modifiers.one_of(&["up", "down", "bfly", "idx"]) {
        Some("up") => ShuffleMode::Up,
        Some("down") => ShuffleMode::Down,
        Some("bfly") => ShuffleMode::Butterfly,
        Some(_) => ShuffleMode::Index,
        None => return Err(modifiers.error("no mode")),
    };
    let word = modifiers.scalar()?;
    modifiers.finish()?;
    operands.expect(5)?;
    let (d, in_range) = operands.register_and_predicate(0)?;
    let [a, b, clamp, mask] =
        [operands.source(1, word)?, operands.source(2, word)?, operands.source(3, word)?, operands.source(4, word)?];
    Ok(Op::Shuffle(Box::new(Shuffle { mode, d, in_range, a, b, clamp, mask })))
}
