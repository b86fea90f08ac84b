//! Text to a module: directives, functions and statements, names not yet resolved.

mod cursor;
mod directives;
mod lexer;
mod statement;

use std::collections::BTreeMap;

use crate::LoadError;
use crate::scalar::Scalar;

/// A parsed module.
#[derive(Debug, Default)]
pub struct Source {
    /// As `.target` says it, such as `sm_80`.
    pub target: String,
    /// Variables outside functions: global, const, shared.
    pub variables: Vec<Variable>,
    pub functions: Vec<Function>,
    /// Names of the source files by their number.
    pub files: BTreeMap<u32, String>,
}

/// A state space that a variable is declared in or an access names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Decided by the address.
    Generic,
    Global,
    Shared,
    Local,
    Const,
    /// Parameters of the kernel or of a call.
    Param,
}

/// A declared variable or parameter.
#[derive(Clone, Debug)]
pub struct Variable {
    pub line: u32,
    pub name: String,
    pub space: Space,
    pub align: usize,
    /// Size in bytes; none where an extern array leaves it open.
    pub size: Option<usize>,
    /// Bytes given by an initializer, maybe fewer than the size.
    pub initial: Vec<u8>,
}

/// A kernel (`.entry`) or a function (`.func`).
#[derive(Debug)]
pub struct Function {
    pub line: u32,
    pub name: String,
    pub is_kernel: bool,
    pub returns: Vec<Variable>,
    pub parameters: Vec<Variable>,
    /// Product of the sizes of `.maxntid` or `.reqntid`.
    pub max_threads: Option<u32>,
    /// Of `.reqntid`: the only block size allowed.
    pub required_block: Option<[u32; 3]>,
    pub body: Vec<Item>,
}

/// What stands in a body.
#[derive(Debug)]
pub enum Item {
    Open,
    Close,
    Label(String),
    /// Names `prefix0..prefixN`, or one plain name.
    Registers {
        scalar: Scalar,
        name: String,
        count: Option<u32>,
    },
    Variable(Variable),
    /// The source line of what follows.
    Location {
        file: u32,
        line: u32,
    },
    Statement(Statement),
}

/// An instruction.
#[derive(Debug)]
pub struct Statement {
    pub line: u32,
    /// A predicate and whether it is negated.
    pub guard: Option<(String, bool)>,
    /// Opcode and modifiers, split at the dots.
    pub opcode: Vec<String>,
    pub operands: Vec<Operand>,
}

/// An operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Name(String),
    /// `!%p`.
    Not(String),
    Integer(i128),
    /// The bits after `0f`.
    Single(u32),
    /// The bits after `0d`.
    Double(u64),
    /// `{a, b}`.
    Vector(Vec<Operand>),
    /// `(a, b)` of a call.
    List(Vec<Operand>),
    /// `[base+offset]`.
    Address(Box<Operand>, i64),
    /// `a|b`.
    Pair(Box<Operand>, Box<Operand>),
}

/// Parses a module.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse(text: &str) -> Result<Source, LoadError> {
    directives::module(&mut cursor::Cursor::new(lexer::tokens(text)?))
}
