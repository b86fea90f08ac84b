//! Registers, variables and labels by name, in nested scopes.

use std::collections::BTreeMap;

use crate::LoadError;
use crate::lanes::WARP;
use crate::memory::{LOCAL_START, PARAMETERS_START, SHARED_START};
use crate::parse::Variable;
use crate::program::{Condition, MaskKind, Pred, Reg, Special};
use crate::scalar::Scalar;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    Value(Reg),
    Predicate(Pred),
    /// The address of a variable, in its space.
    Address(u64),
}

/// All names of one kernel, functions that are expanded in it included.
pub struct Names<'a> {
    /// Variables of the module.
    globals: &'a BTreeMap<String, u64>,
    scopes: Vec<BTreeMap<String, Named>>,
    pub n_registers: usize,
    pub n_predicates: usize,
    pub constants: BTreeMap<u64, Reg>,
    pub specials: BTreeMap<Special, Reg>,
    /// Bytes used so far.
    pub shared: usize,
    pub local: usize,
}

/// The predicate that never holds, the one that always holds, and the carry flag.
pub const FALSE: Pred = 0;
pub const TRUE: Pred = 1;
pub const CARRY: Pred = 2;

impl<'a> Names<'a> {
    pub fn new(globals: &'a BTreeMap<String, u64>) -> Self {
        Names {
            globals,
            scopes: Vec::new(),
            n_registers: 0,
            n_predicates: 3,
            constants: BTreeMap::new(),
            specials: BTreeMap::new(),
            shared: 0,
            local: 0,
        }
    }

    pub fn open(&mut self) {
        self.scopes.push(BTreeMap::new());
    }

    pub fn close(&mut self) {
        self.scopes.pop();
    }

    /// Takes the scopes away, for the body of another function; [`Names::restore`] puts them back.
    pub fn set_aside(&mut self) -> Vec<BTreeMap<String, Named>> {
        std::mem::take(&mut self.scopes)
    }

    pub fn restore(&mut self, scopes: Vec<BTreeMap<String, Named>>) {
        self.scopes = scopes;
    }

    pub fn define(&mut self, name: &str, named: Named) {
        self.scopes.last_mut().expect("inside a function").insert(name.to_owned(), named);
    }

    pub fn declare(&mut self, scalar: Scalar, name: &str, count: Option<u32>) {
        match count {
            None => self.declare_one(scalar, name),
            Some(count) => (0..count).for_each(|i| self.declare_one(scalar, &format!("{name}{i}"))),
        }
    }

    fn declare_one(&mut self, scalar: Scalar, name: &str) {
        let named = if scalar == Scalar::Pred {
            self.n_predicates += 1;
            Named::Predicate(self.n_predicates - 1)
        } else {
            Named::Value(self.fresh())
        };
        self.define(name, named);
    }

    /// A register without a name.
    pub fn fresh(&mut self) -> Reg {
        self.n_registers += 1;
        self.n_registers - 1
    }

    pub fn declare_shared(&mut self, variable: &Variable) -> u64 {
        self.shared = self.shared.next_multiple_of(variable.align.max(1));
        let address = SHARED_START + self.shared as u64;
        self.shared += variable.size.unwrap_or(0);
        address
    }

    /// Space in the memory of a thread; parameters of calls lie there too.
    pub fn declare_local(&mut self, variable: &Variable) -> u64 {
        self.local = self.local.next_multiple_of(variable.align.clamp(1, 16));
        let address = LOCAL_START + self.local as u64;
        self.local += variable.size.unwrap_or(0);
        address
    }

    pub fn define_parameter(&mut self, name: &str, offset: usize) {
        self.define(name, Named::Address(PARAMETERS_START + offset as u64));
    }

    pub fn find(&self, name: &str) -> Option<Named> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name)).copied();
        found.or_else(|| self.globals.get(name).map(|address| Named::Address(*address)))
    }

    /// A register that holds this value.
    pub fn constant(&mut self, value: u64) -> Reg {
        if let Some(&reg) = self.constants.get(&value) {
            return reg;
        }
        let reg = self.fresh();
        self.constants.insert(value, reg);
        reg
    }

    pub fn special(&mut self, special: Special) -> Reg {
        if let Some(&reg) = self.specials.get(&special) {
            return reg;
        }
        let reg = self.fresh();
        self.specials.insert(special, reg);
        reg
    }

    /// The register of a value name: a register, a special register or the address of a variable.
    pub fn value(&mut self, name: &str, line: u32) -> Result<Reg, LoadError> {
        match self.find(name) {
            Some(Named::Value(reg)) => Ok(reg),
            Some(Named::Address(address)) => Ok(self.constant(address)),
            Some(Named::Predicate(_)) => Err(LoadError::syntax(line, format!("`{name}` is a predicate, a value is needed"))),
            None if name == "WARP_SZ" => Ok(self.constant(WARP as u64)),
            None => match special(name) {
                Some(special) => Ok(self.special(special)),
                None => Err(LoadError::UnknownName { line, name: name.to_owned() }),
            },
        }
    }

    pub fn predicate(&self, name: &str, line: u32) -> Result<Pred, LoadError> {
        match self.find(name) {
            Some(Named::Predicate(predicate)) => Ok(predicate),
            Some(_) => Err(LoadError::syntax(line, format!("`{name}` is no predicate"))),
            None => Err(LoadError::UnknownName { line, name: name.to_owned() }),
        }
    }

    pub fn condition(&self, name: &str, is_negated: bool, line: u32) -> Result<Condition, LoadError> {
        Ok(Condition { predicate: self.predicate(name, line)?, is_negated })
    }
}

fn special(name: &str) -> Option<Special> {
    let axis = |rest: &str| ["x", "y", "z"].iter().position(|axis| *axis == rest);
    if let Some((base, rest)) = name.split_once('.') {
        let axis = axis(rest)?;
        return match base {
            "%tid" => Some(Special::Thread(axis)),
            "%ntid" => Some(Special::BlockSize(axis)),
            "%ctaid" => Some(Special::Block(axis)),
            "%nctaid" => Some(Special::GridSize(axis)),
            _ => None,
        };
    }
    Some(match name {
        "%laneid" => Special::Lane,
        "%warpid" => Special::WarpIndex,
        "%nwarpid" => Special::WarpCount,
        "%lanemask_eq" => Special::LaneMask(MaskKind::Equal),
        "%lanemask_lt" => Special::LaneMask(MaskKind::Less),
        "%lanemask_le" => Special::LaneMask(MaskKind::LessEqual),
        "%lanemask_gt" => Special::LaneMask(MaskKind::Greater),
        "%lanemask_ge" => Special::LaneMask(MaskKind::GreaterEqual),
        "%dynamic_smem_size" => Special::DynamicSharedSize,
        "%total_smem_size" => Special::TotalSharedSize,
        "%smid" => Special::SmIndex,
        "%nsmid" => Special::SmCount,
        "%gridid" => Special::GridIndex,
        _ => return None,
    })
}
