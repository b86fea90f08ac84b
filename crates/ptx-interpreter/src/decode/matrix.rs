//! Asynchronous copies, matrix fragments and mbarriers.

use super::memory::space;
use super::modifiers::Modifiers;
use super::operands::Operands;
use crate::LoadError;
use crate::parse::Space;
use crate::program::{Class, CopyAsync, LoadMatrix, Mbarrier, MbarrierAction, Multiply, Op};
use crate::scalar::Scalar;

pub fn decode(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].as_str();
    let mut modifiers = Modifiers::new(operands.statement);
    match opcode {
        "cp" => copy(operands, modifiers),
        "ldmatrix" => {
            require(&mut modifiers, &["sync", "aligned", "m8n8"])?;
            let n = match modifiers.one_of(&["x1", "x2", "x4"]) {
                Some("x1") => 1,
                Some("x2") => 2,
                Some(_) => 4,
                None => return Err(modifiers.error("no number of matrices")),
            };
            let is_transposed = modifiers.take("trans");
            let space = space(&mut modifiers);
            require(&mut modifiers, &["b16"])?;
            modifiers.finish()?;
            operands.expect(2)?;
            let d = registers(operands, 0, n)?;
            let load = LoadMatrix { d, address: operands.address(1)?, space, is_transposed };
            Ok((Op::LoadMatrix(Box::new(load)), Class::Matrix))
        }
        "mma" => multiply(operands, modifiers),
        _ => mbarrier(operands, modifiers),
    }
}

fn require(modifiers: &mut Modifiers, names: &[&str]) -> Result<(), LoadError> {
    match names.iter().find(|name| !modifiers.take(name)) {
        None => Ok(()),
        Some(name) => Err(modifiers.error(format!("only the form with `.{name}` is supported"))),
    }
}

fn registers(operands: &mut Operands, at: usize, n: usize) -> Result<Vec<usize>, LoadError> {
    let found = operands.registers(at)?;
    if found.len() == n { Ok(found) } else { Err(operands.error(format!("{n} registers expected, found {}", found.len()))) }
}

fn copy(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    require(&mut modifiers, &["async"])?;
    if modifiers.take("commit_group") {
        modifiers.finish()?;
        return Ok((Op::CopyCommit, Class::Copy));
    }
    if modifiers.take("wait_group") {
        modifiers.finish()?;
        let pending = operands.immediate(0)?;
        let pending = usize::try_from(pending).map_err(|_| modifiers.error("a negative number of groups"))?;
        return Ok((Op::CopyWait { pending: Some(pending) }, Class::Copy));
    }
    if modifiers.take("wait_all") {
        modifiers.finish()?;
        return Ok((Op::CopyWait { pending: None }, Class::Copy));
    }
    let is_cg = modifiers.one_of(&["ca", "cg"]).ok_or_else(|| modifiers.error("not supported"))? == "cg";
    modifiers.ignore_prefix("L2::");
    let has_shared = modifiers.one_of(&["shared", "shared::cta"]).is_some();
    if !has_shared || !modifiers.take("global") {
        return Err(modifiers.error("only copies from global to shared memory are supported"));
    }
    modifiers.finish()?;
    let bytes = operands.immediate(2)?;
    if !(bytes == 16 || (!is_cg && (bytes == 4 || bytes == 8))) {
        return Err(modifiers.error(format!("{bytes} bytes cannot be copied")));
    }
    let (mut source_bytes, mut ignore_source) = (None, None);
    if operands.len() == 4 {
        match operands.source(3, Scalar::Unsigned(32)) {
            Ok(reg) => source_bytes = Some(reg),
            Err(_) => ignore_source = Some(operands.condition(3)?),
        }
    }
    let (to, from) = (operands.address(0)?, operands.address(1)?);
    let copy = CopyAsync { to, from, bytes: bytes as usize, source_bytes, ignore_source };
    Ok((Op::CopyAsync(Box::new(copy)), Class::Copy))
}

fn multiply(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    require(&mut modifiers, &["sync", "aligned"])?;
    let k = match modifiers.one_of(&["m16n8k8", "m16n8k16"]) {
        Some("m16n8k8") => 8,
        Some(_) => 16,
        None => return Err(modifiers.error("this shape is not supported")),
    };
    require(&mut modifiers, &["row", "col"])?;
    let kinds = [modifiers.scalar()?, modifiers.scalar()?, modifiers.scalar()?, modifiers.scalar()?];
    modifiers.finish()?;
    let element = kinds[1];
    let is_known = matches!(element, Scalar::Bf16 | Scalar::F16);
    if kinds[0] != Scalar::F32 || kinds[3] != Scalar::F32 || kinds[2] != element || !is_known {
        return Err(modifiers.error("only products of bf16 or f16 with f32 accumulators are supported"));
    }
    operands.expect(4)?;
    let (d, a) = (registers(operands, 0, 4)?, registers(operands, 1, k / 4)?);
    let b = registers(operands, 2, k / 8)?;
    let c = operands.sources(3, Scalar::F32)?;
    if c.len() != 4 {
        return Err(modifiers.error("4 accumulators expected"));
    }
    Ok((Op::Multiply(Box::new(Multiply { d, a, b, c, k, element })), Class::Matrix))
}

fn mbarrier(operands: &mut Operands, mut modifiers: Modifiers) -> Result<(Op, Class), LoadError> {
    let names = ["init", "inval", "arrive", "test_wait", "try_wait"];
    let name = modifiers.one_of(&names).ok_or_else(|| modifiers.error("not supported"))?;
    let is_parity = modifiers.take("parity");
    modifiers.ignore(&["release", "acquire", "cta"]);
    let space = space(&mut modifiers);
    require(&mut modifiers, &["b64"])?;
    modifiers.finish()?;
    let word = Scalar::Unsigned(32);
    let (at, action) = match name {
        "init" => (0, MbarrierAction::Init { count: operands.source(1, word)? }),
        "inval" => (0, MbarrierAction::Invalidate),
        "arrive" => {
            let count = if operands.len() > 2 { operands.source(2, word)? } else { operands.names.constant(1) };
            (1, MbarrierAction::Arrive { state: operands.destinations(0)?[0], count })
        }
        _ => {
            let state = operands.source(2, if is_parity { word } else { Scalar::Bits(64) })?;
            (1, MbarrierAction::Test { d: operands.predicate(0)?, state, is_parity, blocks: name == "try_wait" })
        }
    };
    debug_assert!(matches!(space, Space::Generic | Space::Shared));
    Ok((Op::Mbarrier(Box::new(Mbarrier { address: operands.address(at)?, space, action })), Class::Barrier))
}
