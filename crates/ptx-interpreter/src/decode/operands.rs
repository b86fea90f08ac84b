//! Operands of one statement, resolved.

use super::modifiers::Modifiers;
use super::names::{FALSE, Named, Names, TRUE};
use crate::LoadError;
use crate::number::integer::unsigned;
use crate::parse::{Operand, Statement};
use crate::program::{Address, Condition, Pred, Reg};
use crate::scalar::Scalar;

/// A statement with the names around it.
pub struct Operands<'s, 'n, 'a> {
    pub statement: &'s Statement,
    pub names: &'n mut Names<'a>,
}

impl Operands<'_, '_, '_> {
    pub fn len(&self) -> usize {
        self.statement.operands.len()
    }

    fn get(&self, at: usize) -> Result<&Operand, LoadError> {
        self.statement.operands.get(at).ok_or_else(|| self.error(format!("operand {} is missing", at + 1)))
    }

    /// # Errors
    /// Another number of operands than this.
    pub fn expect(&self, count: usize) -> Result<(), LoadError> {
        if self.len() == count { Ok(()) } else { Err(self.error(format!("{count} operands expected, found {}", self.len()))) }
    }

    pub fn error(&self, what: impl Into<String>) -> LoadError {
        Modifiers::new(self.statement).error(what)
    }

    /// The register of a value of this type.
    pub fn source(&mut self, at: usize, scalar: Scalar) -> Result<Reg, LoadError> {
        let operand = self.get(at)?.clone();
        self.value(&operand, scalar)
    }

    fn value(&mut self, operand: &Operand, scalar: Scalar) -> Result<Reg, LoadError> {
        let bits = scalar.bits().min(64);
        match operand {
            Operand::Name(name) => self.names.value(name, self.statement.line),
            Operand::Integer(value) => Ok(self.names.constant(unsigned(*value as u64, bits))),
            // Bits of an f32 or f64; each may be written for the other.
            Operand::Single(value) if scalar == Scalar::F64 => {
                Ok(self.names.constant(f64::from(f32::from_bits(*value)).to_bits()))
            }
            Operand::Double(value) if scalar == Scalar::F32 => {
                Ok(self.names.constant(u64::from((f64::from_bits(*value) as f32).to_bits())))
            }
            Operand::Single(value) => Ok(self.names.constant(u64::from(*value))),
            Operand::Double(value) => Ok(self.names.constant(*value)),
            Operand::Address(base, offset) => match &**base {
                Operand::Name(name) => match self.names.find(name) {
                    Some(Named::Address(address)) => Ok(self.names.constant(address.wrapping_add_signed(*offset))),
                    _ => Err(self.error("an address is no value here")),
                },
                _ => Err(self.error("an address is no value here")),
            },
            _ => Err(self.error("a value is needed")),
        }
    }

    /// The register that a result goes to.
    pub fn destination(&mut self, at: usize) -> Result<Reg, LoadError> {
        let operand = self.get(at)?.clone();
        self.register(&operand)?.ok_or_else(|| self.error("`_` is no destination here"))
    }

    /// A register, or none for `_`.
    fn register(&mut self, operand: &Operand) -> Result<Option<Reg>, LoadError> {
        let Operand::Name(name) = operand else { return Err(self.error("a register is needed")) };
        if name == "_" {
            return Ok(None);
        }
        match self.names.find(name) {
            Some(Named::Value(reg)) => Ok(Some(reg)),
            Some(_) => Err(self.error(format!("`{name}` is no register for values"))),
            None => Err(LoadError::UnknownName { line: self.statement.line, name: name.clone() }),
        }
    }

    /// The registers of `{a, b}`, or the one of a plain operand; none for `_`.
    pub fn destinations(&mut self, at: usize) -> Result<Vec<Option<Reg>>, LoadError> {
        match self.get(at)?.clone() {
            Operand::Vector(parts) => parts.iter().map(|part| self.register(part)).collect(),
            operand => Ok(vec![self.register(&operand)?]),
        }
    }

    /// The same, without `_`.
    pub fn registers(&mut self, at: usize) -> Result<Vec<Reg>, LoadError> {
        let found = self.destinations(at)?;
        found.into_iter().map(|reg| reg.ok_or_else(|| self.error("`_` is not allowed here"))).collect()
    }

    /// The values of `{a, b}`, or the one of a plain operand.
    pub fn sources(&mut self, at: usize, scalar: Scalar) -> Result<Vec<Reg>, LoadError> {
        match self.get(at)?.clone() {
            Operand::Vector(parts) => parts.iter().map(|part| self.value(part, scalar)).collect(),
            operand => Ok(vec![self.value(&operand, scalar)?]),
        }
    }

    pub fn is_vector(&self, at: usize) -> bool {
        matches!(self.statement.operands.get(at), Some(Operand::Vector(_)))
    }

    pub fn predicate(&mut self, at: usize) -> Result<Pred, LoadError> {
        match self.get(at)? {
            Operand::Name(name) => self.names.predicate(name, self.statement.line),
            _ => Err(self.error("a predicate is needed")),
        }
    }

    /// `p` or `p|q`; none for `_`.
    pub fn predicate_pair(&mut self, at: usize) -> Result<(Option<Pred>, Option<Pred>), LoadError> {
        let operand = self.get(at)?.clone();
        let (first, second) = match operand {
            Operand::Pair(first, second) => (*first, Some(*second)),
            first => (first, None),
        };
        let one = |this: &Self, operand: &Operand| match operand {
            Operand::Name(name) if name == "_" => Ok(None),
            Operand::Name(name) => this.names.predicate(name, this.statement.line).map(Some),
            _ => Err(this.error("a predicate is needed")),
        };
        let first = one(self, &first)?;
        let second = second.map_or(Ok(None), |second| one(self, &second))?;
        Ok((first, second))
    }

    /// `d` or `d|p`: a register and maybe a predicate.
    pub fn register_and_predicate(&mut self, at: usize) -> Result<(Reg, Option<Pred>), LoadError> {
        match self.get(at)?.clone() {
            Operand::Pair(first, second) => {
                let reg = self.register(&first)?.ok_or_else(|| self.error("`_` is no destination here"))?;
                let Operand::Name(name) = &*second else { return Err(self.error("a predicate is needed")) };
                Ok((reg, Some(self.names.predicate(name, self.statement.line)?)))
            }
            _ => Ok((self.destination(at)?, None)),
        }
    }

    /// A predicate, its negation, or a constant truth.
    pub fn condition(&mut self, at: usize) -> Result<Condition, LoadError> {
        match self.get(at)? {
            Operand::Name(name) => self.names.condition(name, false, self.statement.line),
            Operand::Not(name) => self.names.condition(name, true, self.statement.line),
            Operand::Integer(value) => Ok(Condition { predicate: if *value == 0 { FALSE } else { TRUE }, is_negated: false }),
            _ => Err(self.error("a predicate is needed")),
        }
    }

    pub fn address(&mut self, at: usize) -> Result<Address, LoadError> {
        let Operand::Address(base, offset) = self.get(at)?.clone() else { return Err(self.error("an address is needed")) };
        let base = self.value(&base, Scalar::Bits(64))?;
        Ok(Address { base, offset })
    }

    /// An integer constant.
    pub fn immediate(&self, at: usize) -> Result<i128, LoadError> {
        match self.get(at)? {
            Operand::Integer(value) => Ok(*value),
            _ => Err(self.error("a constant is needed")),
        }
    }

    pub fn name(&self, at: usize) -> Result<&str, LoadError> {
        match self.get(at)? {
            Operand::Name(name) => Ok(name),
            _ => Err(self.error("a name is needed")),
        }
    }
}
