//! Sets of real numbers: intervals, points, their unions, intersections and differences, and inequalities solved for a
//! symbol.

use super::budget::{Obstacle, Outcome};
use super::relation::mirrored;
use super::structure::infinity;
use super::tree::has_symbol;
use super::value::Comparison;
use crate::math::expression::{Constant, Expression, Function, Relation, SetOperation};

/// Ends of intervals that are sorted.
const MAX_ENDS: usize = 256;

/// Whether this can only be a set of numbers.
pub fn is_region(expression: &Expression) -> bool {
    matches!(expression, Expression::Interval { .. } | Expression::SetOperation(..) | Expression::NumberSet(_))
        || matches!(expression, Expression::SetBuilder { .. })
}

/// Compares where at least one side is a region. `(a, b)` is an open interval here.
pub fn same(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    let (gold, answer) = (of_inequalities(comparison, gold)?, of_inequalities(comparison, answer)?);
    match by_ends(comparison, &gold, &answer) {
        Err(Obstacle::Unsupported | Obstacle::Undefined) => by_pieces(comparison, &gold, &answer),
        found => found,
    }
}

/// The symbol that inequalities are solved for, and the region that they leave it.
pub fn solved(expression: &Expression) -> Option<(&Expression, Expression)> {
    if let Expression::SetBuilder { element, condition } = expression {
        return solved(condition).filter(|(name, _)| *name == &**element);
    }
    let Expression::Relation { operands, relations } = expression else { return None };
    let is_variable = |part: &Expression| matches!(part, Expression::Symbol(_) | Expression::Apply(..));
    match (operands.as_slice(), relations.as_slice()) {
        ([name, set], [Relation::In]) if is_variable(name) => Some((name, set.clone())),
        ([name, value] | [value, name], [Relation::NotEqual]) if is_variable(name) && !has_symbol(value) => {
            let all = Expression::NumberSet('R');
            let others = vec![all, Expression::Set(vec![value.clone()])];
            Some((name, Expression::SetOperation(SetOperation::Difference, others)))
        }
        ([Expression::Call(Function::Abs, inner), end], [relation])
            if inner.len() == 1 && is_variable(&inner[0]) && !has_symbol(end) =>
        {
            Some((&inner[0], band(*relation, end)?))
        }
        ([name, end], [relation]) if is_variable(name) && !has_symbol(end) => Some((name, half_line(*relation, end)?)),
        ([end, name], [relation]) if is_variable(name) && !has_symbol(end) => Some((name, half_line(mirrored(*relation)?, end)?)),
        ([low, name, high], [first, second]) if is_variable(name) => {
            let (low, high, first, second) = match (first, second) {
                (Relation::Greater | Relation::GreaterEqual, Relation::Greater | Relation::GreaterEqual) => {
                    (high, low, mirrored(*second)?, mirrored(*first)?)
                }
                (Relation::Less | Relation::LessEqual, Relation::Less | Relation::LessEqual) => (low, high, *first, *second),
                _ => return None,
            };
            let interval = Expression::Interval {
                low: Box::new(low.clone()),
                high: Box::new(high.clone()),
                closed_low: first == Relation::LessEqual,
                closed_high: second == Relation::LessEqual,
            };
            Some((name, interval))
        }
        _ => None,
    }
}

fn half_line(relation: Relation, end: &Expression) -> Option<Expression> {
    let infinite = Expression::Constant(Constant::Infinity);
    let end = Box::new(end.clone());
    let closed = matches!(relation, Relation::LessEqual | Relation::GreaterEqual);
    match relation {
        Relation::Less | Relation::LessEqual => Some(Expression::Interval {
            low: Box::new(Expression::Negative(Box::new(infinite))),
            high: end,
            closed_low: false,
            closed_high: closed,
        }),
        Relation::Greater | Relation::GreaterEqual => {
            Some(Expression::Interval { low: end, high: Box::new(infinite), closed_low: closed, closed_high: false })
        }
        _ => None,
    }
}

/// Where |x| is below or above an end.
fn band(relation: Relation, end: &Expression) -> Option<Expression> {
    let negative = Expression::Negative(Box::new(end.clone()));
    let sides = vec![half_line(mirrored(relation)?, &negative)?, half_line(relation, end)?];
    let is_between = matches!(relation, Relation::Less | Relation::LessEqual);
    Some(Expression::SetOperation(if is_between { SetOperation::Intersection } else { SetOperation::Union }, sides))
}

/// A list of solved inequalities as the region that they leave, an inequality as its region; others as they are.
///
/// `x < 1 or x > 3` is a union. `x > 1 and x < 3` is read as the same kind of list; as a union it would say nothing, so
/// that two half-lines that cover all numbers mean what both hold.
fn of_inequalities(comparison: &Comparison<'_>, expression: &Expression) -> Outcome<Expression> {
    use Expression as E;
    if let Some((_, region)) = solved(expression) {
        return Ok(region);
    }
    let E::List(parts) = expression else { return Ok(expression.clone()) };
    let part = |part: &E| match part {
        E::Interval { .. } | E::SetOperation(..) => Some(part.clone()),
        other => solved(other).map(|(_, region)| region),
    };
    let Some(regions) = parts.iter().map(part).collect::<Option<Vec<_>>>().filter(|regions| regions.len() > 1) else {
        return Ok(expression.clone());
    };
    let mut operation = SetOperation::Union;
    if let [E::Interval { low: a, high: b, .. }, E::Interval { low: c, high: d, .. }] = regions.as_slice() {
        let (low, high) = if infinity(a).is_some() { (c, b) } else { (a, d) };
        let are_half_lines = [a, b, c, d].into_iter().filter(|end| infinity(end).is_some()).count() == 2;
        if are_half_lines && infinity(low).is_none() && infinity(high).is_none() {
            let width = E::Sum(vec![(**high).clone(), E::Negative(low.clone())]);
            if comparison.sign(&width)? > 0 {
                operation = SetOperation::Intersection;
            }
        }
    }
    Ok(E::SetOperation(operation, regions))
}

/// By the order of all ends: the regions are the same if they hold the same ends and the same gaps between them.
fn by_ends(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    let mut ends = Ends { comparison, sorted: Vec::new() };
    let (gold, answer) = (ends.read(gold)?, ends.read(answer)?);
    let n = ends.sorted.len() as isize;
    let places: Vec<isize> = (0..n as usize).map(|name| ends.place(name)).collect();
    let (gold, answer) = (gold.placed(&places), answer.placed(&places));
    comparison.budget.spend((2 * n as u64 + 1) * (gold.size() + answer.size()))?;
    Ok((0..=2 * n).all(|probe| gold.holds(probe) == answer.holds(probe)))
}

/// A region whose ends are numbers: first names in the order in which the ends were met, then places in rising order.
/// The i-th end is at place 2i + 1, the gap before it at 2i.
enum Placed {
    All,
    Between { low: isize, high: isize, closed_low: bool, closed_high: bool },
    Points(Vec<isize>),
    Operation(SetOperation, Vec<Placed>),
}

/// The names of −∞ and ∞.
const BEFORE_ALL: isize = -1;
const AFTER_ALL: isize = isize::MAX;

impl Placed {
    fn placed(self, places: &[isize]) -> Placed {
        let place = |name: isize| places.get(usize::try_from(name).unwrap_or(usize::MAX)).copied().unwrap_or(name);
        match self {
            Placed::All => Placed::All,
            Placed::Between { low, high, closed_low, closed_high } => {
                Placed::Between { low: place(low), high: place(high), closed_low, closed_high }
            }
            Placed::Points(points) => Placed::Points(points.into_iter().map(place).collect()),
            Placed::Operation(operation, parts) => {
                Placed::Operation(operation, parts.into_iter().map(|part| part.placed(places)).collect())
            }
        }
    }

    fn size(&self) -> u64 {
        match self {
            Placed::All | Placed::Between { .. } => 1,
            Placed::Points(points) => 1 + points.len() as u64,
            Placed::Operation(_, parts) => 1 + parts.iter().map(Placed::size).sum::<u64>(),
        }
    }

    fn holds(&self, at: isize) -> bool {
        match self {
            Placed::All => true,
            Placed::Points(points) => points.contains(&at),
            Placed::Between { low, high, closed_low, closed_high } => {
                *low < at && at < *high || low <= high && (*closed_low && at == *low || *closed_high && at == *high)
            }
            Placed::Operation(operation, parts) => {
                let mut parts = parts.iter().map(|part| part.holds(at));
                match operation {
                    SetOperation::Union => parts.any(|holds| holds),
                    SetOperation::Intersection => parts.all(|holds| holds),
                    SetOperation::Difference => parts.next() == Some(true) && !parts.any(|holds| holds),
                }
            }
        }
    }
}

/// All finite ends, in rising order, each with its name: how many were met before it.
struct Ends<'a, 'b> {
    comparison: &'a Comparison<'b>,
    sorted: Vec<(Expression, usize)>,
}

impl Ends<'_, '_> {
    fn read(&mut self, region: &Expression) -> Outcome<Placed> {
        use Expression as E;
        let mut between = |low: &E, high: &E, closed_low: bool, closed_high: bool| {
            Ok(Placed::Between { low: self.name(low)?, high: self.name(high)?, closed_low, closed_high })
        };
        match region {
            E::Interval { low, high, closed_low, closed_high } => between(low, high, *closed_low, *closed_high),
            E::Tuple(parts) if parts.len() == 2 => between(&parts[0], &parts[1], false, false),
            E::Set(points) => Ok(Placed::Points(points.iter().map(|point| self.name(point)).collect::<Outcome<_>>()?)),
            E::SetOperation(operation, parts) => {
                Ok(Placed::Operation(*operation, parts.iter().map(|part| self.read(part)).collect::<Outcome<_>>()?))
            }
            E::NumberSet('R') => Ok(Placed::All),
            _ => Err(Obstacle::Unsupported),
        }
    }

    /// The name of an end, which is that of an equal one met before.
    fn name(&mut self, end: &Expression) -> Outcome<isize> {
        match infinity(end) {
            Some(sign) if sign < 0 => return Ok(BEFORE_ALL),
            Some(_) => return Ok(AFTER_ALL),
            None if has_symbol(end) => return Err(Obstacle::Unsupported),
            None => {}
        }
        let (mut low, mut high) = (0, self.sorted.len());
        while low < high {
            let middle = (low + high) / 2;
            let (other, name) = &self.sorted[middle];
            let difference = Expression::Sum(vec![end.clone(), Expression::Negative(Box::new(other.clone()))]);
            let sign = self.comparison.sign(&difference)?;
            if sign == 0 || !self.comparison.options.is_exact() && self.comparison.same_value(other, end)? {
                return Ok(*name as isize);
            }
            if sign < 0 {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if self.sorted.len() == MAX_ENDS {
            return Err(Obstacle::Size);
        }
        let name = self.sorted.len();
        self.sorted.insert(low, (end.clone(), name));
        Ok(name as isize)
    }

    /// The place of the end of this name.
    fn place(&self, name: usize) -> isize {
        self.sorted.iter().position(|(_, other)| *other == name).map_or(AFTER_ALL, |i| 2 * i as isize + 1)
    }
}

/// Regions whose ends cannot be sorted: piece by piece.
fn by_pieces(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    use Expression as E;
    let same_end = |a: &Expression, b: &Expression| match (infinity(a), infinity(b)) {
        (None, None) => comparison.same(a, b),
        (a, b) => Ok(a == b),
    };
    match (gold, answer) {
        (E::NumberSet(a), E::NumberSet(b)) => Ok(a == b),
        (E::SetBuilder { element: a, condition: c }, E::SetBuilder { element: b, condition: d }) => {
            Ok(comparison.same(a, b)? && comparison.same(c, d)?)
        }
        (E::SetOperation(first, a), E::SetOperation(second, b)) if first == second => match first {
            SetOperation::Difference => {
                Ok(a.len() == b.len() && comparison.same(&a[0], &b[0])? && comparison.unordered(&a[1..], &b[1..], false)?)
            }
            _ => comparison.unordered(a, b, true),
        },
        _ => match (ends(gold), ends(answer)) {
            (Some(a), Some(b)) => Ok((a.2, a.3) == (b.2, b.3) && same_end(a.0, b.0)? && same_end(a.1, b.1)?),
            _ => Ok(false),
        },
    }
}

fn ends(region: &Expression) -> Option<(&Expression, &Expression, bool, bool)> {
    match region {
        Expression::Interval { low, high, closed_low, closed_high } => Some((low, high, *closed_low, *closed_high)),
        Expression::Tuple(parts) if parts.len() == 2 => Some((&parts[0], &parts[1], false, false)),
        _ => None,
    }
}
