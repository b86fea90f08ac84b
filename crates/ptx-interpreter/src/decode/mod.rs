//! A parsed kernel to its internal form. Calls are expanded in place: there is no stack.

mod arithmetic;
mod body;
mod compare;
mod control;
mod convert;
mod integer;
mod matrix;
mod memory;
mod modifiers;
mod names;
mod operands;
mod warp;

use std::collections::BTreeMap;

pub use names::{CARRY, TRUE};

use crate::LoadError;
use crate::parse::{Function, Source, Space, Variable};
use crate::program::{Class, Op, Parameter, Program};
use names::Names;
use operands::Operands;

/// Decodes one kernel. `globals` holds the addresses of the module's variables outside shared memory.
///
/// # Errors
/// An instruction or a form of it that is not known, a name that is not declared.
pub fn kernel(source: &Source, function: &Function, globals: &BTreeMap<String, u64>) -> Result<Program, LoadError> {
    let mut names = Names::new(globals);
    names.open();
    let shared = source.variables.iter().filter(|variable| variable.space == Space::Shared);
    let (extern_arrays, arrays): (Vec<&Variable>, Vec<&Variable>) = shared.partition(|variable| variable.size.is_none());
    for variable in arrays {
        let address = names.declare_shared(variable);
        names.define(&variable.name, names::Named::Address(address));
    }
    let (parameters, _) = parameters(function, &mut names);
    let body = body::Body::decode(source, function, &mut names, &extern_arrays)?;
    Ok(Program {
        name: function.name.clone(),
        code: body.code,
        n_registers: names.n_registers,
        n_predicates: names.n_predicates,
        constants: names.constants.iter().map(|(value, reg)| (*reg, *value)).collect(),
        specials: names.specials.iter().map(|(special, reg)| (*reg, *special)).collect(),
        parameters,
        static_shared: names.shared,
        dynamic_shared: body.dynamic_shared,
        local: names.local,
        max_threads: function.max_threads,
        required_block: function.required_block,
    })
}

fn parameters(function: &Function, names: &mut Names) -> (Vec<Parameter>, usize) {
    let mut offset = 0usize;
    let mut found = Vec::new();
    for parameter in &function.parameters {
        offset = offset.next_multiple_of(parameter.align.max(1));
        names.define_parameter(&parameter.name, offset);
        let size = parameter.size.unwrap_or(0);
        found.push(Parameter { name: parameter.name.clone(), offset, size });
        offset += size;
    }
    (found, offset)
}

/// One instruction that neither jumps nor calls.
fn instruction(operands: &mut Operands) -> Result<(Op, Class), LoadError> {
    let opcode = operands.statement.opcode[0].clone();
    match opcode.as_str() {
        "add" | "sub" | "mul" | "mad" | "fma" | "div" | "min" | "max" | "neg" | "abs" | "rem" | "sqrt" | "rsqrt" | "rcp"
        | "ex2" | "lg2" | "sin" | "cos" | "tanh" | "copysign" | "testp" => arithmetic::decode(operands),
        "and" | "or" | "xor" | "not" | "cnot" | "shl" | "shr" | "shf" | "bfe" | "bfi" | "prmt" | "popc" | "clz" | "brev"
        | "bfind" | "sad" | "lop3" | "mul24" | "mad24" | "dp4a" | "addc" | "subc" | "madc" | "fns" | "bmsk" | "szext" => {
            integer::decode(operands)
        }
        "setp" | "selp" | "slct" | "set" => compare::decode(operands),
        "cvt" => convert::decode(operands),
        "mov" | "cvta" | "ld" | "ldu" | "st" | "atom" | "red" | "isspacep" | "prefetch" | "prefetchu" | "discard"
        | "applypriority" => memory::decode(operands),
        "shfl" | "vote" | "match" | "activemask" | "redux" | "elect" => warp::decode(operands),
        "bar" | "barrier" | "membar" | "fence" | "exit" | "trap" | "nanosleep" | "brkpt" | "pmevent" => control::decode(operands),
        "cp" | "ldmatrix" | "mma" | "mbarrier" => matrix::decode(operands),
        _ => {
            let statement = operands.statement;
            Err(LoadError::UnknownInstruction { line: statement.line, opcode: statement.opcode.join(".") })
        }
    }
}
