//! The dotted parts of an opcode, each of which must be understood by someone.

use crate::LoadError;
use crate::number::round::Rounding;
use crate::parse::Statement;
use crate::program::Order;
use crate::scalar::Scalar;

/// The parts after the first that nobody has taken yet.
pub struct Modifiers<'a> {
    statement: &'a Statement,
    rest: Vec<&'a str>,
}

impl<'a> Modifiers<'a> {
    pub fn new(statement: &'a Statement) -> Self {
        Modifiers { statement, rest: statement.opcode.iter().skip(1).map(String::as_str).collect() }
    }

    /// Whether this part is there; it is then taken.
    pub fn take(&mut self, name: &str) -> bool {
        let at = self.rest.iter().position(|part| *part == name);
        at.map(|at| self.rest.remove(at)).is_some()
    }

    /// The first of these parts that is there, taken.
    pub fn one_of(&mut self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.take(name))
    }

    /// Drops parts that change nothing here.
    pub fn ignore(&mut self, names: &[&str]) {
        self.rest.retain(|part| !names.contains(part));
    }

    /// Drops parts that begin so.
    pub fn ignore_prefix(&mut self, prefix: &str) {
        self.rest.retain(|part| !part.starts_with(prefix));
    }

    /// The next type, taken.
    pub fn scalar(&mut self) -> Result<Scalar, LoadError> {
        let at = self.rest.iter().position(|part| Scalar::parse(part).is_some());
        let at = at.ok_or_else(|| self.error("no type"))?;
        Ok(Scalar::parse(self.rest.remove(at)).expect("found above"))
    }

    /// The rounding mode, taken; none if none is given.
    pub fn rounding(&mut self) -> Option<Rounding> {
        let name = self.one_of(&["rn", "rz", "rm", "rp", "rna"])?;
        Some(match name {
            "rn" => Rounding::Nearest,
            "rz" => Rounding::Zero,
            "rm" => Rounding::Down,
            "rp" => Rounding::Up,
            _ => Rounding::NearestAway,
        })
    }

    /// Number of elements: 1, or that of `.v2`, `.v4`.
    pub fn vector(&mut self) -> usize {
        match self.one_of(&["v2", "v4", "v8"]) {
            Some("v2") => 2,
            Some("v4") => 4,
            Some(_) => 8,
            None => 1,
        }
    }

    /// Memory order and scope, taken. Scopes are all treated as the device's.
    pub fn order(&mut self, default: Order) -> Order {
        self.ignore(&["cta", "cluster", "gpu", "sys"]);
        match self.one_of(&["weak", "volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"]) {
            Some("weak") => Order::Weak,
            Some("volatile" | "relaxed" | "mmio") => Order::Relaxed,
            Some("acquire") => Order::Acquire,
            Some("release") => Order::Release,
            Some(_) => Order::AcquireRelease,
            None => default,
        }
    }

    /// # Errors
    /// A part that nobody took.
    pub fn finish(&self) -> Result<(), LoadError> {
        match self.rest.first() {
            None => Ok(()),
            Some(part) => Err(self.error(format!("`.{part}` is not supported here"))),
        }
    }

    pub fn error(&self, what: impl Into<String>) -> LoadError {
        let opcode = self.statement.opcode.join(".");
        LoadError::UnknownForm { line: self.statement.line, opcode, what: what.into() }
    }
}
