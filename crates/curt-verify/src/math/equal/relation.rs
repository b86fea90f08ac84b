//! Equations, inequalities and what they say of one symbol.

use num_rational::BigRational;
use num_traits::Zero;

use super::budget::{Obstacle, Outcome};
use super::region;
use super::tree::{has_symbol, rewritten};
use super::value::Comparison;
use crate::math::expression::{Expression, Relation};

/// The number 0.
pub fn zero() -> Expression {
    Expression::Number { value: BigRational::zero(), decimal: false }
}

/// Whether this is a relation.
pub fn is_relation(expression: &Expression) -> bool {
    matches!(expression, Expression::Relation { .. })
}

/// Compares where at least one side is a relation.
pub fn same(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Outcome<bool> {
    match (parts(gold), parts(answer)) {
        (Some(a), Some(b)) => both(comparison, (gold, a), (answer, b)),
        (Some(_), None) => Ok(match said(gold) {
            Some(value) => comparison.same(&value, answer)?,
            None => false,
        }),
        (None, Some(_)) => Ok(match said(answer) {
            Some(value) => comparison.same(gold, &value)?,
            None => false,
        }),
        (None, None) => Ok(false),
    }
}

type Chain<'a> = (&'a [Expression], &'a [Relation]);

fn parts(expression: &Expression) -> Option<Chain<'_>> {
    match expression {
        Expression::Relation { operands, relations } if operands.len() == relations.len() + 1 && !relations.is_empty() => {
            Some((operands, relations))
        }
        _ => None,
    }
}

/// What a relation says without the name that it says it of: 3 of `x = 3`, (3, ∞) of `x > 3`, S of `x ∈ S`.
fn said(expression: &Expression) -> Option<Expression> {
    if let Some((_, value)) = assigned(expression) {
        return Some(value.clone());
    }
    let (operands, relations) = parts(expression)?;
    match relations {
        [Relation::In] => Some(operands[1].clone()),
        [Relation::Congruent, Relation::Congruent] if is_name(&operands[0]) => Some(operands[1].clone()),
        _ => region::solved(expression).map(|(_, region)| region),
    }
}

/// The name and the value of an equation that says what something is: `x = 3`, `f(x) = 2x`, `A : B = 1`, and the first
/// and last of a chain `x = 1/3 ≈ 0.33` before it becomes approximate, or of `2 + 2 = 4`.
pub fn assigned(expression: &Expression) -> Option<(&Expression, &Expression)> {
    let (operands, relations) = parts(expression)?;
    let exact = relations.iter().take_while(|relation| **relation == Relation::Equal).count();
    let rest_is_approximate = relations[exact..].iter().all(|relation| *relation == Relation::Approximately);
    if !rest_is_approximate {
        return None;
    }
    let (name, value) = (&operands[0], &operands[exact.max(1)]);
    if is_name(name) || exact >= 2 || !has_symbol(name) && !has_symbol(value) {
        Some((name, value))
    } else if is_name(value) && !has_symbol(name) {
        Some((value, name))
    } else {
        None
    }
}

/// Something that an equation may define: a symbol, f(x), a tuple of names, AB : CD or AB/CD, AB or ∠ABC read as a product.
fn is_name(expression: &Expression) -> bool {
    use Expression as E;
    match expression {
        E::Symbol(_) | E::Apply(..) => true,
        E::Tuple(parts) | E::List(parts) | E::Ratio(parts) | E::Product(parts) => parts.iter().all(is_name),
        E::Quotient(a, b) => is_name(a) && is_name(b),
        E::Call(_, arguments) => !arguments.is_empty() && arguments.iter().all(is_name),
        _ => false,
    }
}

/// Whether every element of a list says what something is, of different things.
pub fn names_elements(parts: &[Expression]) -> bool {
    let names: Option<Vec<&Expression>> = parts.iter().map(|part| assigned(part).map(|(name, _)| name)).collect();
    names.is_some_and(|names| names.len() > 1 && names.windows(2).any(|pair| pair[0] != pair[1]))
}

fn both(comparison: &Comparison<'_>, a: (&Expression, Chain<'_>), b: (&Expression, Chain<'_>)) -> Outcome<bool> {
    if let (Some((name_a, value_a)), Some((name_b, value_b))) = (assigned(a.0), assigned(b.0)) {
        let named_alike = is_function(name_a) != is_function(name_b) || same_name(comparison, name_a, name_b)?;
        let unnamed = !has_symbol(name_a) || !has_symbol(name_b);
        if (named_alike || unnamed) && comparison.same(value_a, value_b)? {
            return Ok(true);
        }
    }
    let ((operands_a, relations_a), (operands_b, relations_b)) = (a.1, b.1);
    if let (Some((name_a, region_a)), Some((name_b, region_b))) = (region::solved(a.0), region::solved(b.0))
        && name_a == name_b
    {
        return region::same(comparison, &region_a, &region_b);
    }
    if let ([first], [second]) = (relations_a, relations_b)
        && let Some(same) = same_sides(comparison, (operands_a, *first), (operands_b, *second))
    {
        return same;
    }
    Ok(same_chain(comparison, (operands_a, relations_a), (operands_b, relations_b))? || {
        let operands: Vec<Expression> = operands_b.iter().rev().cloned().collect();
        let relations: Option<Vec<Relation>> = relations_b.iter().rev().map(|relation| mirrored(*relation)).collect();
        match relations {
            Some(relations) => same_chain(comparison, (operands_a, relations_a), (&operands, &relations))?,
            None => false,
        }
    })
}

fn is_function(name: &Expression) -> bool {
    matches!(name, Expression::Apply(..))
}

fn same_name(comparison: &Comparison<'_>, a: &Expression, b: &Expression) -> Outcome<bool> {
    match (a, b) {
        (Expression::Symbol(a), Expression::Symbol(b)) => Ok(a == b),
        // f(x) = x² is g(t) = t², but for the letters
        (Expression::Apply(..), Expression::Apply(..)) => Ok(a == b || comparison.same(a, b)?),
        _ => comparison.same(a, b),
    }
}

/// Operand by operand.
fn same_chain(comparison: &Comparison<'_>, a: Chain<'_>, b: Chain<'_>) -> Outcome<bool> {
    if a.1 != b.1 {
        return Ok(false);
    }
    for (a, b) in a.0.iter().zip(b.0) {
        if !comparison.same(a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The relation read from right to left.
pub fn mirrored(relation: Relation) -> Option<Relation> {
    use Relation as R;
    Some(match relation {
        R::Less => R::Greater,
        R::Greater => R::Less,
        R::LessEqual => R::GreaterEqual,
        R::GreaterEqual => R::LessEqual,
        R::Equal | R::NotEqual | R::Approximately => relation,
        _ => return None,
    })
}

/// Two relations of two sides each, moved to one side: the same up to a factor that is not 0, and positive for
/// inequalities.
fn same_sides(comparison: &Comparison<'_>, a: (&[Expression], Relation), b: (&[Expression], Relation)) -> Option<Outcome<bool>> {
    use Relation as R;
    let directed = |(operands, relation): (&[Expression], Relation)| {
        let (left, right) = (operands[0].clone(), operands[1].clone());
        let (greater, less, relation) = match relation {
            R::Less => (right, left, R::Greater),
            R::LessEqual => (right, left, R::GreaterEqual),
            R::Greater | R::GreaterEqual | R::Equal | R::NotEqual => (left, right, relation),
            _ => return None,
        };
        Some((Expression::Sum(vec![greater, Expression::Negative(Box::new(less))]), relation))
    };
    let ((f, relation_f), (g, relation_g)) = (directed(a)?, directed(b)?);
    if relation_f != relation_g {
        return Some(Ok(false));
    }
    let is_equation = matches!(relation_f, R::Equal | R::NotEqual);
    Some(match proportional(comparison, &f, &g, !is_equation) {
        // sides that are no values, such as points, and relations that always hold
        Err(Obstacle::Unsupported) => return None,
        same => same,
    })
}

/// Whether f = c g for a number c ≠ 0, or c > 0: f(x) g(y) = f(y) g(x) for unrelated x and y.
fn proportional(comparison: &Comparison<'_>, f: &Expression, g: &Expression, positive: bool) -> Outcome<bool> {
    let elsewhere = |expression: &Expression| {
        rewritten(expression, &mut |part| {
            if let Expression::Symbol(name) = part {
                name.push_str(" elsewhere");
            }
        })
    };
    let product = |a: &Expression, b: Expression| Expression::Product(vec![a.clone(), b]);
    if !has_symbol(f) && !has_symbol(g) {
        return comparison.same_value(f, g);
    }
    if !comparison.same_value(&product(f, elsewhere(g)), &product(g, elsewhere(f)))? {
        return Ok(false);
    }
    match (comparison.same_value(f, &zero())?, comparison.same_value(g, &zero())?) {
        (true, true) => return Err(Obstacle::Unsupported),
        (false, false) => {}
        _ => return Ok(false),
    }
    let quotient = Expression::Quotient(Box::new(f.clone()), Box::new(g.clone()));
    Ok(!positive || comparison.sign(&quotient)? > 0)
}
