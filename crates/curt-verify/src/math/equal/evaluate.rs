//! One walk over an expression for every kind of number.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::One;

use super::budget::{Budget, MAX_DEPTH, Obstacle, Outcome};
use super::derivative::derivative;
use super::tree;
use crate::math::expression::{Constant, Expression, Function, RangeKind};

/// Terms of a sum or product over a range that are evaluated one by one; longer ranges are compared by their bodies.
const MAX_TERMS: i64 = 2000;

/// Rows of a determinant that is expanded.
const MAX_DETERMINANT: usize = 6;

/// Arithmetic over one kind of number. Every operation may lack a value.
pub trait Arithmetic {
    /// A number.
    type Value: Clone;
    /// Steps are taken from here.
    fn budget(&self) -> &Budget;
    /// A number as written.
    fn number(&self, value: &BigRational) -> Outcome<Self::Value>;
    /// π, e or i.
    fn constant(&self, constant: Constant) -> Outcome<Self::Value>;
    /// The value of a symbol at the point of this evaluation; equal names have equal values.
    fn symbol(&self, name: &str) -> Outcome<Self::Value>;
    /// a + b
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Outcome<Self::Value>;
    /// −a
    fn negate(&self, a: &Self::Value) -> Outcome<Self::Value>;
    /// a b
    fn multiply(&self, a: &Self::Value, b: &Self::Value) -> Outcome<Self::Value>;
    /// a / b
    fn divide(&self, a: &Self::Value, b: &Self::Value) -> Outcome<Self::Value>;
    /// a^b
    fn power(&self, base: &Self::Value, exponent: &Self::Value) -> Outcome<Self::Value>;
    /// A function with a meaning.
    fn call(&self, function: Function, arguments: &[Self::Value]) -> Outcome<Self::Value>;
    /// A value that depends on `head` and the arguments alone and is otherwise arbitrary: for what is not evaluated.
    fn opaque(&self, head: &str, arguments: &[Self::Value]) -> Outcome<Self::Value>;
    /// The whole number that this value is known to be.
    fn integer(&self, value: &Self::Value) -> Option<i64>;
}

/// An operation on two values, by an arithmetic.
type Operation<A> = fn(&A, &<A as Arithmetic>::Value, &<A as Arithmetic>::Value) -> Outcome<<A as Arithmetic>::Value>;

/// Evaluates expressions, with bound variables.
pub struct Evaluator<'a, A: Arithmetic> {
    arithmetic: &'a A,
    bound: Vec<(String, A::Value)>,
    depth: usize,
}

/// The value of `expression`. Error: the first obstacle met.
pub fn evaluate<A: Arithmetic>(arithmetic: &A, expression: &Expression) -> Outcome<A::Value> {
    Evaluator { arithmetic, bound: Vec::new(), depth: 0 }.value(expression)
}

impl<A: Arithmetic> Evaluator<'_, A> {
    fn value(&mut self, expression: &Expression) -> Outcome<A::Value> {
        self.arithmetic.budget().spend(1)?;
        if self.depth == MAX_DEPTH {
            return Err(Obstacle::Size);
        }
        self.depth += 1;
        let value = self.node(expression);
        self.depth -= 1;
        value
    }

    fn values(&mut self, expressions: &[Expression]) -> Outcome<Vec<A::Value>> {
        expressions.iter().map(|part| self.value(part)).collect()
    }

    fn node(&mut self, expression: &Expression) -> Outcome<A::Value> {
        use Expression as E;
        let arithmetic = self.arithmetic;
        match expression {
            E::Number { value, .. } => arithmetic.number(value),
            E::Based { digits, base } => arithmetic.number(&based(digits, *base)?),
            E::Constant(constant) => arithmetic.constant(*constant),
            E::Symbol(name) => match self.bound.iter().rev().find(|(bound, _)| bound == name) {
                Some((_, value)) => Ok(value.clone()),
                None => arithmetic.symbol(name),
            },
            E::Sum(terms) => self.fold(terms, A::add),
            E::Product(factors) => self.fold(factors, A::multiply),
            E::Quotient(a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                arithmetic.divide(&a, &b)
            }
            E::Power(base, exponent) => {
                let (base, exponent) = (self.value(base)?, self.value(exponent)?);
                arithmetic.power(&base, &exponent)
            }
            E::Negative(a) => {
                let a = self.value(a)?;
                arithmetic.negate(&a)
            }
            E::Percent(a) => {
                let (a, hundred) = (self.value(a)?, self.whole(100)?);
                arithmetic.divide(&a, &hundred)
            }
            E::Quantity(a, unit) => {
                let (a, unit) = (self.value(a)?, arithmetic.opaque(unit, &[])?);
                arithmetic.multiply(&a, &unit)
            }
            E::Call(Function::Determinant, arguments) => match arguments.as_slice() {
                [E::Matrix(rows)] if rows.len() <= MAX_DETERMINANT => self.determinant(rows),
                _ => Err(Obstacle::Unsupported),
            },
            E::Call(Function::Degrees, arguments) => self.degrees(arguments),
            E::Call(function, arguments) => {
                let arguments = self.values(arguments)?;
                arithmetic.call(*function, &arguments)
            }
            E::Apply(name, arguments) => {
                let arguments = self.values(arguments)?;
                arithmetic.opaque(name, &arguments)
            }
            E::Range { kind, variable, from, to, body } => self.range(*kind, variable, from, to, body),
            E::Integral { variable, bounds, body } => {
                let mut parts = match bounds {
                    Some((low, high)) => vec![self.end(low)?, self.end(high)?],
                    None => Vec::new(),
                };
                // without bounds the variable is free: ∫ x dx is a function of x
                parts.push(if bounds.is_some() { self.open(variable, body)? } else { self.value(body)? });
                arithmetic.opaque("integral", &parts)
            }
            E::Limit { variable, point, side, body } => self.limit(variable, point, *side, body),
            E::Derivative { variable, body } => match derivative(body, variable) {
                Some(derivative) => self.value(&derivative),
                None => {
                    let body = self.value(body)?;
                    arithmetic.opaque(&format!("d/d{variable}"), &[body])
                }
            },
            _ => Err(Obstacle::Unsupported),
        }
    }

    fn fold(&mut self, parts: &[Expression], combine: Operation<A>) -> Outcome<A::Value> {
        let (first, rest) = parts.split_first().ok_or(Obstacle::Unsupported)?;
        let mut total = self.value(first)?;
        for part in rest {
            let part = self.value(part)?;
            total = combine(self.arithmetic, &total, &part)?;
        }
        Ok(total)
    }

    fn whole(&self, value: i64) -> Outcome<A::Value> {
        self.arithmetic.number(&BigRational::from_integer(BigInt::from(value)))
    }

    /// `body` with `variable` bound to `value`.
    fn with(&mut self, variable: &str, value: A::Value, body: &Expression) -> Outcome<A::Value> {
        self.arithmetic.budget().spend(4)?;
        self.bound.push((variable.to_owned(), value));
        let found = self.value(body);
        self.bound.pop();
        found
    }

    /// `body` at a point that depends on the nesting of bound variables, not on their names.
    fn open(&mut self, variable: &str, body: &Expression) -> Outcome<A::Value> {
        let point = self.arithmetic.symbol(&format!("bound variable {}", self.bound.len()))?;
        self.with(variable, point, body)
    }

    /// A bound of a range or an integral, which may be infinite.
    fn end(&mut self, end: &Expression) -> Outcome<A::Value> {
        match end {
            Expression::Constant(Constant::Infinity) => self.arithmetic.opaque("infinity", &[]),
            Expression::Negative(inner) if **inner == Expression::Constant(Constant::Infinity) => {
                self.arithmetic.opaque("minus infinity", &[])
            }
            _ => self.value(end),
        }
    }

    fn range(
        &mut self,
        kind: RangeKind,
        variable: &str,
        from: &Expression,
        to: &Expression,
        body: &Expression,
    ) -> Outcome<A::Value> {
        let (first, last) = (self.end(from)?, self.end(to)?);
        let (start, combine): (i64, Operation<A>) = match kind {
            RangeKind::Sum => (0, A::add),
            RangeKind::Product => (1, A::multiply),
        };
        if let (Some(first), Some(last)) = (self.arithmetic.integer(&first), self.arithmetic.integer(&last))
            && last.checked_sub(first).is_some_and(|terms| terms < MAX_TERMS)
        {
            let mut total = self.whole(start)?;
            for index in first..=last {
                let index = self.whole(index)?;
                let term = self.with(variable, index, body)?;
                total = combine(self.arithmetic, &total, &term)?;
            }
            return Ok(total);
        }
        let body = self.open(variable, body)?;
        let head = if kind == RangeKind::Sum { "sum" } else { "product" };
        self.arithmetic.opaque(head, &[first, last, body])
    }

    /// By substitution where the body is continuous there, which all functions but steps are where they are defined.
    fn limit(&mut self, variable: &str, point: &Expression, side: i8, body: &Expression) -> Outcome<A::Value> {
        let is_infinite = tree::contains_infinity(point);
        if !is_infinite && !tree::has_steps(body) {
            let at = self.value(point)?;
            match self.with(variable, at, body) {
                Err(Obstacle::Undefined | Obstacle::Unsupported) => {}
                value => return value,
            }
        }
        let parts = [self.end(point)?, self.open(variable, body)?];
        self.arithmetic.opaque(["limit from below", "limit", "limit from above"][(side + 1).clamp(0, 2) as usize], &parts)
    }

    fn degrees(&mut self, arguments: &[Expression]) -> Outcome<A::Value> {
        let [angle] = arguments else { return Err(Obstacle::Unsupported) };
        let angle = self.value(angle)?;
        let pi = self.arithmetic.constant(Constant::Pi)?;
        let (angle, half_turn) = (self.arithmetic.multiply(&angle, &pi)?, self.whole(180)?);
        self.arithmetic.divide(&angle, &half_turn)
    }

    fn determinant(&mut self, rows: &[Vec<Expression>]) -> Outcome<A::Value> {
        let n = rows.len();
        if n == 0 || rows.iter().any(|row| row.len() != n) {
            return Err(Obstacle::Undefined);
        }
        let rows = rows.iter().map(|row| self.values(row)).collect::<Outcome<Vec<_>>>()?;
        self.expanded(&rows, 0, &mut (0..n).collect())
    }

    /// The minor of the rows from `row` on and these columns.
    fn expanded(&self, rows: &[Vec<A::Value>], row: usize, columns: &mut Vec<usize>) -> Outcome<A::Value> {
        if columns.len() == 1 {
            return Ok(rows[row][columns[0]].clone());
        }
        let mut total = self.whole(0)?;
        for i in 0..columns.len() {
            let column = columns.remove(i);
            let minor = self.expanded(rows, row + 1, columns);
            columns.insert(i, column);
            let mut term = self.arithmetic.multiply(&rows[row][column], &minor?)?;
            if i % 2 == 1 {
                term = self.arithmetic.negate(&term)?;
            }
            total = self.arithmetic.add(&total, &term)?;
        }
        Ok(total)
    }
}

/// The value of digits in a base of 2 to 36, with a point or without.
fn based(digits: &str, base: u32) -> Outcome<BigRational> {
    if !(2..=36).contains(&base) {
        return Err(Obstacle::Undefined);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}").to_lowercase();
    let value = BigInt::parse_bytes(all.as_bytes(), base).ok_or(Obstacle::Undefined)?;
    let scale = num_traits::pow(BigInt::from(base), fraction.len());
    Ok(if scale.is_one() { BigRational::from_integer(value) } else { BigRational::new(value, scale) })
}
