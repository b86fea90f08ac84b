//! Barriers, fences and ends.

use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::program::{Barrier, Class, Op, Reduction, ReductionKind};
use crate::scalar::Scalar;

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    let op = match opcode {
        "exit" => Op::Exit,
        "trap" | "brkpt" => Op::Trap,
        "bar" | "barrier" => return barrier(operands, modifiers),
        "membar" | "fence" => {
            let is_proxy = modifiers.one_of(&["proxy", "mbarrier_init"]).is_some();
            if is_proxy {
                // Orders other ways to memory, which this interpreter does not have.
                Op::Nop
            } else {
                modifiers.ignore(&["sc", "acq_rel", "cluster", "cta", "gl", "gpu", "sys"]);
                modifiers.finish()?;
                Op::Fence
            }
        }
        _ => Op::Nop,
    };
    Ok((op, Class::Control))
}

fn barrier(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let word = Scalar::Unsigned(32);
    if modifiers.take("warp") {
        modifiers.take("sync");
        modifiers.finish()?;
        operands.expect(1)?;
        return Ok((Op::WarpSync { mask: operands.source(0, word)? }, Class::Barrier));
    }
    modifiers.ignore(&["cta", "aligned"]);
    let mode = modifiers.one_of(&["sync", "arrive", "red"]).ok_or_else(|| modifiers.error("no mode"))?;
    let mut reduction = None;
    let mut first = 0;
    let mut n_operands = operands.len();
    if mode == "red" {
        let kind = modifiers.one_of(&["popc", "and", "or"]).ok_or_else(|| modifiers.error("no operation"))?;
        modifiers.scalar()?;
        let condition = operands.condition(n_operands.saturating_sub(1))?;
        let kind = match kind {
            "popc" => ReductionKind::Count(operands.destination(0)?),
            "and" => ReductionKind::And(operands.predicate(0)?),
            _ => ReductionKind::Or(operands.predicate(0)?),
        };
        reduction = Some(Reduction { condition, kind });
        first = 1;
        n_operands -= 1;
    }
    modifiers.finish()?;
    let id = operands.source(first, word)?;
    let count = if n_operands > first + 1 { Some(operands.source(first + 1, word)?) } else { None };
    if mode == "arrive" && count.is_none() {
        return Err(modifiers.error("the number of threads is missing"));
    }
    Ok((Op::Barrier(Box::new(Barrier { id, count, waits: mode != "arrive", reduction })), Class::Barrier))
}
