//! The parts of an expression: visited, replaced, surveyed.

use super::budget::{MAX_DEPTH, Obstacle, Outcome};
use crate::math::expression::{Constant, Expression, Function};

/// The direct parts of `expression`, in the order in which they stand.
pub fn children(expression: &Expression) -> Vec<&Expression> {
    let mut found = Vec::new();
    expression.parts(&mut |part| found.push(part));
    found
}

/// The same parts, to be changed in place.
pub fn children_mut(expression: &mut Expression) -> Vec<&mut Expression> {
    use Expression as E;
    match expression {
        E::Number { .. } | E::Constant(_) | E::Symbol(_) | E::Based { .. } => Vec::new(),
        E::NumberSet(_) | E::Choice(_) | E::Text(_) => Vec::new(),
        E::Sum(parts) | E::Product(parts) | E::Ratio(parts) | E::Tuple(parts) | E::Set(parts) | E::List(parts) => {
            parts.iter_mut().collect()
        }
        E::Call(_, parts) | E::Apply(_, parts) | E::SetOperation(_, parts) => parts.iter_mut().collect(),
        E::Quotient(a, b) | E::Power(a, b) => vec![a, b],
        E::Negative(a) | E::Percent(a) | E::Quantity(a, _) | E::Labelled(_, a) => vec![a],
        E::PlusMinus { left, right, .. } => left.iter_mut().chain([right]).map(|part| &mut **part).collect(),
        E::Range { from, to, body, .. } => vec![from, to, body],
        E::Integral { bounds, body, .. } => {
            let bounds = bounds.iter_mut().flat_map(|(low, high)| [&mut **low, &mut **high]);
            bounds.chain([&mut **body]).collect()
        }
        E::Limit { point, body, .. } => vec![point, body],
        E::Derivative { body, .. } => vec![body],
        E::Interval { low, high, .. } => vec![low, high],
        E::SetBuilder { element, condition } => vec![element, condition],
        E::Matrix(rows) => rows.iter_mut().flatten().collect(),
        E::Relation { operands, .. } => operands.iter_mut().collect(),
    }
}

/// Calls `change` on every part of a copy, the deepest first and the whole last.
pub fn rewritten(expression: &Expression, change: &mut dyn FnMut(&mut Expression)) -> Expression {
    let mut copy = expression.clone();
    rewrite(&mut copy, change);
    copy
}

fn rewrite(expression: &mut Expression, change: &mut dyn FnMut(&mut Expression)) {
    for part in children_mut(expression) {
        rewrite(part, change);
    }
    change(expression);
}

/// What occurs in a tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey {
    /// Any [`Expression::Symbol`], bound ones too.
    pub symbols: bool,
    /// Functions of whole numbers of something with a symbol: such symbols stand for whole numbers.
    pub whole: bool,
    /// An absolute value or a sign: negative points matter.
    pub absolute: bool,
    /// i
    pub imaginary: bool,
    /// [`Expression::PlusMinus`]
    pub plus_minus: bool,
    /// Nodes.
    pub size: u64,
}

impl Survey {
    /// What occurs in `expression`. Error: [`Obstacle::Size`] if it is nested deeper than [`MAX_DEPTH`].
    pub fn of(expression: &Expression) -> Outcome<Survey> {
        let mut survey = Survey::default();
        survey.visit(expression, 0)?;
        Ok(survey)
    }

    /// What occurs in either.
    pub fn or(self, other: Survey) -> Survey {
        Survey {
            symbols: self.symbols || other.symbols,
            whole: self.whole || other.whole,
            absolute: self.absolute || other.absolute,
            imaginary: self.imaginary || other.imaginary,
            plus_minus: self.plus_minus || other.plus_minus,
            size: self.size + other.size,
        }
    }

    fn visit(&mut self, expression: &Expression, depth: usize) -> Outcome<()> {
        if depth == MAX_DEPTH {
            return Err(Obstacle::Size);
        }
        self.size += 1;
        match expression {
            Expression::Symbol(_) => self.symbols = true,
            Expression::Constant(Constant::I) => self.imaginary = true,
            Expression::PlusMinus { .. } => self.plus_minus = true,
            Expression::Call(Function::Abs | Function::Sign, _) => self.absolute = true,
            Expression::Call(function, arguments) if is_of_whole_numbers(*function) => {
                self.whole |= arguments.iter().any(has_symbol);
            }
            Expression::Range { from, to, .. } => self.whole |= has_symbol(from) || has_symbol(to),
            // (−1)^n
            Expression::Power(base, exponent) => {
                self.whole |= matches!(**base, Expression::Negative(_)) && !has_symbol(base) && has_symbol(exponent);
            }
            _ => {}
        }
        children(expression).into_iter().try_for_each(|part| self.visit(part, depth + 1))
    }
}

/// Functions that are mostly applied to whole numbers, and tell them from others.
pub fn is_of_whole_numbers(function: Function) -> bool {
    use Function as F;
    matches!(function, F::Factorial | F::DoubleFactorial | F::Binomial | F::Permutations | F::Gcd | F::Lcm | F::Mod)
        || matches!(function, F::Floor | F::Ceil)
}

/// Whether there is a symbol that nothing binds, to a depth of [`MAX_DEPTH`].
pub fn has_symbol(expression: &Expression) -> bool {
    has_free(expression, &mut Vec::new(), 0)
}

fn has_free<'a>(expression: &'a Expression, bound: &mut Vec<&'a str>, depth: usize) -> bool {
    use Expression as E;
    if depth == MAX_DEPTH {
        return false;
    }
    let (outside, variable, body): (Vec<&E>, &str, &E) = match expression {
        E::Symbol(name) => return !bound.contains(&name.as_str()),
        E::Range { variable, from, to, body, .. } => (vec![from, to], variable, body),
        E::Limit { variable, point, body, .. } => (vec![point], variable, body),
        E::Integral { variable, bounds: Some((low, high)), body } => (vec![low, high], variable, body),
        _ => return children(expression).into_iter().any(|part| has_free(part, bound, depth + 1)),
    };
    if outside.into_iter().any(|part| has_free(part, bound, depth + 1)) {
        return true;
    }
    bound.push(variable);
    let found = has_free(body, bound, depth + 1);
    bound.pop();
    found
}

/// Whether ∞ occurs.
pub fn contains_infinity(expression: &Expression) -> bool {
    *expression == Expression::Constant(Constant::Infinity) || children(expression).into_iter().any(contains_infinity)
}

/// Whether a function occurs that jumps, so that its value somewhere is not its limit there.
pub fn has_steps(expression: &Expression) -> bool {
    use Function as F;
    matches!(expression, Expression::Call(F::Floor | F::Ceil | F::Sign | F::Mod | F::Gcd | F::Lcm, _))
        || children(expression).into_iter().any(has_steps)
}
