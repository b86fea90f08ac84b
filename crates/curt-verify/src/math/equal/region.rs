//! Sets of real numbers: intervals, points, their unions, intersections and differences, and inequalities solved for a symbol.

use super::budget::{Obstacle, Outcome};
use super::relation::mirrored;
use super::structure::infinity;
use super::tree::has_symbol;
use super::value::Comparison;
use crate::math::expression::{Constant, Expression, Relation, SetOperation};

/// Ends of intervals that are sorted.
const MAX_ENDS: usize = 256;

/// Whether this can only be a set of numbers.
pub fn is_region(expression: &Expression) -> bool {
    matches!(expression, Expression::Interval { .. } | Expression::SetOperation(..) | Expression::NumberSet(_))
        || matches!(expression, Expression::SetBuilder { .. })
}

/// Compares where at least one side is a region. `(a, b)` is an open interval here.
pub fn same(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    let (gold, answer) = (of_inequalities(gold), of_inequalities(answer));
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
        ([name, set], [Relation::In]) if is_variable(name) => Some((name, of_inequalities(set))),
        ([name, value] | [value, name], [Relation::NotEqual]) if is_variable(name) && !has_symbol(value) => {
            let all = Expression::NumberSet('R');
            let others = vec![all, Expression::Set(vec![value.clone()])];
            Some((name, Expression::SetOperation(SetOperation::Difference, others)))
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

/// A list of solved inequalities (`x < 1 or x > 3`) as a union, an inequality as its region; others as they are.
fn of_inequalities(expression: &Expression) -> Expression {
    if let Some((_, region)) = solved(expression) {
        return region;
    }
    match expression {
        Expression::List(parts) if parts.len() > 1 => {
            let part = |part: &Expression| match part {
                Expression::Interval { .. } | Expression::SetOperation(..) => Some(part.clone()),
                other => solved(other).map(|(_, region)| region),
            };
            match parts.iter().map(part).collect::<Option<Vec<_>>>() {
                Some(regions) => Expression::SetOperation(SetOperation::Union, regions),
                None => expression.clone(),
            }
        }
        _ => expression.clone(),
    }
}

/// By the order of all ends: the regions are the same if they hold the same ends and the same gaps between them.
fn by_ends(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    let mut ends = Ends { comparison, sorted: Vec::new() };
    ends.collect(gold)?;
    ends.collect(answer)?;
    for probe in 0..=2 * ends.sorted.len() {
        if ends.holds(gold, probe)? != ends.holds(answer, probe)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// All finite ends, in rising order. Probe 2i + 1 is the i-th end, probe 2i the gap before it.
struct Ends<'a, 'b> {
    comparison: &'a Comparison<'b>,
    sorted: Vec<Expression>,
}

impl Ends<'_, '_> {
    fn collect(&mut self, region: &Expression) -> Outcome<()> {
        use Expression as E;
        match region {
            E::Interval { low, high, .. } => self.add(low).and_then(|()| self.add(high)),
            E::Tuple(parts) if parts.len() == 2 => parts.iter().try_for_each(|part| self.add(part)),
            E::Set(points) => points.iter().try_for_each(|point| self.add(point)),
            E::SetOperation(_, parts) => parts.iter().try_for_each(|part| self.collect(part)),
            E::NumberSet('R') => Ok(()),
            _ => Err(Obstacle::Unsupported),
        }
    }

    fn add(&mut self, end: &Expression) -> Outcome<()> {
        if infinity(end).is_some() {
            return Ok(());
        }
        if has_symbol(end) {
            return Err(Obstacle::Unsupported);
        }
        if let Err(place) = self.find(end)? {
            if self.sorted.len() == MAX_ENDS {
                return Err(Obstacle::Size);
            }
            self.sorted.insert(place, end.clone());
        }
        Ok(())
    }

    /// Where an end stands, or would stand.
    fn find(&self, end: &Expression) -> Outcome<Result<usize, usize>> {
        let (mut low, mut high) = (0, self.sorted.len());
        while low < high {
            let middle = (low + high) / 2;
            let other = &self.sorted[middle];
            if self.comparison.same_value(other, end)? {
                return Ok(Ok(middle));
            }
            let difference = Expression::Sum(vec![end.clone(), Expression::Negative(Box::new(other.clone()))]);
            if self.comparison.sign(&difference)? < 0 {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(Err(low))
    }

    /// The probe of an end: −1 and beyond all for the infinite ones.
    fn place(&self, end: &Expression) -> Outcome<isize> {
        match infinity(end) {
            Some(sign) if sign < 0 => Ok(-1),
            Some(_) => Ok(2 * self.sorted.len() as isize + 1),
            None => Ok(2 * self.find(end)?.map_err(|_| Obstacle::Undefined)? as isize + 1),
        }
    }

    fn holds(&self, region: &Expression, probe: usize) -> Outcome<bool> {
        use Expression as E;
        let at = probe as isize;
        let between = |low: &Expression, high: &Expression, closed_low: bool, closed_high: bool| {
            let (low, high) = (self.place(low)?, self.place(high)?);
            Ok(low < at && at < high || closed_low && at == low && low <= high || closed_high && at == high && low <= high)
        };
        match region {
            E::Interval { low, high, closed_low, closed_high } => between(low, high, *closed_low, *closed_high),
            E::Tuple(parts) => between(&parts[0], &parts[1], false, false),
            E::Set(points) => {
                for point in points {
                    if self.place(point)? == at {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            E::NumberSet(_) => Ok(true),
            E::SetOperation(operation, parts) => {
                let (first, rest) = parts.split_first().ok_or(Obstacle::Unsupported)?;
                let mut holds = self.holds(first, probe)?;
                for part in rest {
                    let other = self.holds(part, probe)?;
                    holds = match operation {
                        SetOperation::Union => holds || other,
                        SetOperation::Intersection => holds && other,
                        SetOperation::Difference => holds && !other,
                    };
                }
                Ok(holds)
            }
            _ => Err(Obstacle::Unsupported),
        }
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
