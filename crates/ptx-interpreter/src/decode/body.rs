//! A function's body: scopes, labels, jumps and calls.

use std::collections::BTreeMap;

use super::names::{Named, Names};
use super::operands::Operands;
use crate::LoadError;
use crate::parse::{Function, Item, Operand, Source, Space, Statement, Variable};
use crate::program::{Class, Instruction, Op};
use crate::scalar::Scalar;

/// Calls within calls that are still expanded; more is taken for recursion.
const MAX_CALL_DEPTH: usize = 16;
/// Of all expanded bodies together.
const MAX_INSTRUCTIONS: usize = 1 << 16;

/// A body being decoded.
pub struct Body<'s> {
    source: &'s Source,
    pub code: Vec<Instruction>,
    pub dynamic_shared: usize,
    location: Option<(u32, u32)>,
    depth: usize,
}

/// Labels of one expansion of a function: by scope, in the order in which scopes open.
struct Labels {
    by_scope: Vec<BTreeMap<String, Option<usize>>>,
    parents: Vec<usize>,
    /// Branch targets by list name.
    lists: BTreeMap<String, Vec<String>>,
    jumps: Vec<Jump>,
}

struct Jump {
    at: usize,
    scope: usize,
    line: u32,
    labels: Vec<String>,
}

impl<'s> Body<'s> {
    /// The code of a kernel. Dynamic shared memory begins after all static arrays.
    ///
    /// # Errors
    /// See [`super::kernel`].
    pub fn decode(
        source: &'s Source,
        function: &'s Function,
        names: &mut Names,
        extern_arrays: &[&Variable],
    ) -> Result<Self, LoadError> {
        let mut body = Body { source, code: Vec::new(), dynamic_shared: 0, location: None, depth: 0 };
        // Static arrays are found first: the dynamic one lies behind them.
        body.declare_static(function, names, &mut Vec::new());
        let align = extern_arrays.iter().map(|array| array.align).max().unwrap_or(1).max(16);
        body.dynamic_shared = names.shared.next_multiple_of(align);
        for array in extern_arrays {
            names.define(&array.name, Named::Address(crate::memory::SHARED_START + body.dynamic_shared as u64));
        }
        body.function(function, names)?;
        if body.code.len() > MAX_INSTRUCTIONS {
            return Err(LoadError::syntax(
                function.line,
                format!("`{}` has more than {MAX_INSTRUCTIONS} instructions", function.name),
            ));
        }
        Ok(body)
    }

    /// Shared arrays of the function and of all that it calls, each once: they are static.
    fn declare_static(&self, function: &'s Function, names: &mut Names, seen: &mut Vec<&'s str>) {
        if seen.contains(&function.name.as_str()) {
            return;
        }
        seen.push(&function.name);
        for item in &function.body {
            match item {
                Item::Variable(variable) if variable.space == Space::Shared && names.find(&variable.name).is_none() => {
                    let address = names.declare_shared(variable);
                    names.define(&variable.name, Named::Address(address));
                }
                Item::Statement(statement) if statement.opcode[0] == "call" => {
                    if let Some(callee) = self.callee(statement) {
                        self.declare_static(callee, names, seen);
                    }
                }
                _ => {}
            }
        }
    }

    fn callee(&self, statement: &Statement) -> Option<&'s Function> {
        let name = statement.operands.iter().find_map(|operand| match operand {
            Operand::Name(name) => Some(name),
            _ => None,
        })?;
        self.source.functions.iter().find(|function| function.name == *name)
    }

    /// Appends the function's code; a return jumps behind it.
    fn function(&mut self, function: &'s Function, names: &mut Names) -> Result<(), LoadError> {
        let mut labels = Labels::of(&function.body);
        let mut returns = Vec::new();
        let (mut scope, mut n_scopes) = (0, 1);
        names.open();
        for item in &function.body {
            match item {
                Item::Open => {
                    names.open();
                    (scope, n_scopes) = (n_scopes, n_scopes + 1);
                }
                Item::Close => {
                    names.close();
                    scope = labels.parents[scope];
                }
                Item::Label(name) => {
                    labels.by_scope[scope].insert(name.clone(), Some(self.code.len()));
                }
                Item::Registers { scalar, name, count } => names.declare(*scalar, name, *count),
                Item::Variable(variable) => self.variable(variable, names)?,
                Item::Location { file, line } => self.location = Some((*file, *line)).filter(|(_, line)| *line > 0),
                Item::Statement(statement) => match statement.opcode[0].as_str() {
                    "bra" | "brx" => self.branch(statement, scope, &mut labels, names)?,
                    "call" => self.call(statement, names)?,
                    "ret" => {
                        returns.push(self.code.len());
                        self.push(statement, names, Op::Nop, Class::Control)?;
                    }
                    // `.branchtargets`: see `Labels`.
                    "" => {}
                    _ => {
                        let (op, class) = super::instruction(&mut Operands { statement, names })?;
                        self.push(statement, names, op, class)?;
                    }
                },
            }
        }
        names.close();
        labels.resolve(&mut self.code)?;
        let end = self.code.len();
        for at in returns {
            self.code[at].op = if self.depth == 0 { Op::Exit } else { Op::Branch { target: end } };
        }
        if self.depth == 0 {
            let op = Op::Exit;
            self.code.push(Instruction { op, guard: None, line: function.line, location: None, class: Class::Control });
        }
        Ok(())
    }

    fn push(&mut self, statement: &Statement, names: &Names, op: Op, class: Class) -> Result<(), LoadError> {
        let guard =
            statement.guard.as_ref().map(|(name, negated)| names.condition(name, *negated, statement.line)).transpose()?;
        self.code.push(Instruction { op, guard, line: statement.line, location: self.location, class });
        Ok(())
    }

    fn variable(&mut self, variable: &Variable, names: &mut Names) -> Result<(), LoadError> {
        let address = match variable.space {
            // Declared before the body.
            Space::Shared => return Ok(()),
            Space::Local | Space::Param => names.declare_local(variable),
            _ => return Err(LoadError::syntax(variable.line, "a variable in this space stands outside functions")),
        };
        names.define(&variable.name, Named::Address(address));
        Ok(())
    }

    fn branch(&mut self, statement: &Statement, scope: usize, labels: &mut Labels, names: &mut Names) -> Result<(), LoadError> {
        let operands = Operands { statement, names };
        let is_indexed = statement.opcode[0] == "brx";
        let at = self.code.len();
        let line = statement.line;
        if !is_indexed {
            operands.expect(1)?;
            labels.jumps.push(Jump { at, scope, line, labels: vec![operands.name(0)?.to_owned()] });
            return self.push(statement, names, Op::Branch { target: 0 }, Class::Control);
        }
        let mut operands = operands;
        let index = operands.source(0, Scalar::Unsigned(32))?;
        let list = operands.name(1)?;
        let targets = labels.lists.get(list).ok_or_else(|| LoadError::UnknownName { line, name: list.to_owned() })?.clone();
        labels.jumps.push(Jump { at, scope, line, labels: targets });
        self.push(statement, names, Op::BranchIndexed { index, targets: Vec::new() }, Class::Control)
    }

    /// Expands `call (result), function, (arguments)`: parameters of both sides are the same memory.
    fn call(&mut self, statement: &Statement, names: &mut Names) -> Result<(), LoadError> {
        let line = statement.line;
        let callee = self.callee(statement);
        let callee = callee.ok_or_else(|| LoadError::syntax(line, "only calls of functions of this module are supported"))?;
        if self.depth == MAX_CALL_DEPTH {
            return Err(LoadError::syntax(line, format!("calls of `{}` nest too deep: recursion is not supported", callee.name)));
        }
        let lists: Vec<&Vec<Operand>> =
            statement.operands.iter().filter_map(|o| if let Operand::List(list) = o { Some(list) } else { None }).collect();
        let n_before = statement.operands.iter().take_while(|operand| matches!(operand, Operand::List(_))).count();
        let (results, arguments) = lists.split_at(n_before);
        let formal = callee.returns.iter().chain(&callee.parameters);
        let actual = results.iter().chain(arguments).flat_map(|list| list.iter());
        let actual: Vec<&Operand> = actual.collect();
        if actual.len() != callee.returns.len() + callee.parameters.len() {
            return Err(LoadError::syntax(line, format!("`{}` takes another number of parameters", callee.name)));
        }
        let mut bound = Vec::new();
        for (formal, actual) in formal.zip(actual) {
            let Operand::Name(name) = actual else { return Err(LoadError::syntax(line, "an argument is no name")) };
            let named = names.find(name).ok_or_else(|| LoadError::UnknownName { line, name: name.clone() })?;
            bound.push((&formal.name, named));
        }
        // A guarded call is skipped by a jump.
        let skip = self.code.len();
        if statement.guard.is_some() {
            self.push(statement, names, Op::Nop, Class::Control)?;
        }
        let outer = names.set_aside();
        // Names of the module's shared arrays stay visible.
        names.restore(outer[..1].to_vec());
        names.open();
        bound.into_iter().for_each(|(name, named)| names.define(name, named));
        let location = self.location;
        self.depth += 1;
        self.function(callee, names)?;
        self.depth -= 1;
        self.location = location;
        names.restore(outer);
        if statement.guard.is_some() {
            let target = self.code.len();
            let jump = &mut self.code[skip];
            jump.op = Op::Branch { target };
            if let Some(guard) = &mut jump.guard {
                guard.is_negated = !guard.is_negated;
            }
        }
        Ok(())
    }
}

impl Labels {
    fn of(items: &[Item]) -> Self {
        let mut labels = Labels { by_scope: vec![BTreeMap::new()], parents: vec![0], lists: BTreeMap::new(), jumps: Vec::new() };
        let mut scope = 0;
        let mut previous = None;
        for item in items {
            match item {
                Item::Open => {
                    labels.parents.push(scope);
                    labels.by_scope.push(BTreeMap::new());
                    scope = labels.by_scope.len() - 1;
                }
                Item::Close => scope = labels.parents[scope],
                Item::Label(name) => {
                    labels.by_scope[scope].insert(name.clone(), None);
                    previous = Some(name);
                }
                Item::Statement(statement) if statement.opcode.get(1).is_some_and(|part| part == "branchtargets") => {
                    let names = statement.operands.iter().filter_map(|operand| match operand {
                        Operand::Name(name) => Some(name.clone()),
                        _ => None,
                    });
                    labels.lists.extend(previous.map(|list| (list.clone(), names.collect())));
                }
                _ => {}
            }
        }
        labels
    }

    fn find(&self, mut scope: usize, name: &str) -> Option<usize> {
        loop {
            if let Some(at) = self.by_scope[scope].get(name) {
                return *at;
            }
            if scope == 0 {
                return None;
            }
            scope = self.parents[scope];
        }
    }

    fn resolve(&self, code: &mut [Instruction]) -> Result<(), LoadError> {
        for jump in &self.jumps {
            let unknown = |name: &String| LoadError::UnknownName { line: jump.line, name: name.clone() };
            let found = jump.labels.iter().map(|name| self.find(jump.scope, name).ok_or_else(|| unknown(name)));
            let found: Vec<usize> = found.collect::<Result<_, _>>()?;
            match &mut code[jump.at].op {
                Op::Branch { target } => *target = found[0],
                Op::BranchIndexed { targets, .. } => *targets = found,
                _ => unreachable!("jumps are branches"),
            }
        }
        Ok(())
    }
}
