//! Matrices: read off an expression of matrices, compared entry by entry.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::budget::Outcome;
use super::tree::Survey;
use super::value::Comparison;
use crate::math::expression::{Expression, Function};

type Rows = Vec<Vec<Expression>>;

/// Rows and columns of a matrix that is computed with.
const MAX_SIDE: usize = 8;
const MAX_POWER: u32 = 16;

/// Nodes in the entries of two factors.
const MAX_NODES: u64 = 2000;

/// Compares where at least one side is a matrix; none where neither is. A column or a row is also a tuple.
pub fn same(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Option<Outcome<bool>> {
    let (a, b) = match (rows(gold), rows(answer)) {
        (None, None) => return None,
        (Some(a), Some(b)) => (a, b),
        (Some(a), None) => match as_vector(&a, answer) {
            Some(b) => (a, b),
            None => return Some(Ok(false)),
        },
        (None, Some(b)) => match as_vector(&b, gold) {
            Some(a) => (a, b),
            None => return Some(Ok(false)),
        },
    };
    let shape = |rows: &Rows| rows.iter().map(Vec::len).collect::<Vec<_>>();
    if shape(&a) != shape(&b) {
        return Some(Ok(false));
    }
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        match comparison.same(a, b) {
            Ok(true) => {}
            other => return Some(other),
        }
    }
    Some(Ok(true))
}

/// A tuple in the shape of a row or a column.
fn as_vector(shape: &Rows, tuple: &Expression) -> Option<Rows> {
    let (Expression::Tuple(entries) | Expression::List(entries)) = tuple else { return None };
    if shape.len() == 1 {
        Some(vec![entries.clone()])
    } else if shape.iter().all(|row| row.len() == 1) {
        Some(entries.iter().map(|entry| vec![entry.clone()]).collect())
    } else {
        None
    }
}

/// The entries of a matrix, or of a sum, product, power or multiple of matrices; none for what is no matrix.
fn rows(expression: &Expression) -> Option<Rows> {
    use Expression as E;
    let each = |rows: Rows, change: &dyn Fn(Expression) -> Expression| -> Rows {
        rows.into_iter().map(|row| row.into_iter().map(change).collect()).collect()
    };
    match expression {
        E::Matrix(rows) => Some(rows.clone()),
        E::Negative(inner) => Some(each(rows(inner)?, &|entry| E::Negative(Box::new(entry)))),
        E::Quotient(inner, divisor) => Some(each(rows(inner)?, &|entry| E::Quotient(Box::new(entry), divisor.clone()))),
        E::Sum(terms) => {
            let terms = terms.iter().map(rows).collect::<Option<Vec<_>>>()?;
            let mut terms = terms.into_iter();
            let first = terms.next()?;
            terms.try_fold(first, added)
        }
        E::Product(factors) => {
            let matrices: Vec<Option<Rows>> = factors.iter().map(rows).collect();
            let scalars: Vec<Expression> =
                factors.iter().zip(&matrices).filter(|(_, rows)| rows.is_none()).map(|(factor, _)| factor.clone()).collect();
            let mut matrices = matrices.into_iter().flatten();
            let first = matrices.next()?;
            let product = matrices.try_fold(first, multiplied)?;
            if scalars.is_empty() {
                return Some(product);
            }
            Some(each(product, &|entry| E::Product(scalars.iter().cloned().chain([entry]).collect())))
        }
        E::Power(base, exponent) => {
            let E::Number { value, .. } = &**exponent else { return None };
            let count = value.to_integer().to_u32().filter(|&n| value.is_integer() && (1..=MAX_POWER).contains(&n))?;
            let base = rows(base)?;
            (1..count).try_fold(base.clone(), |power, _| multiplied(power, base.clone()))
        }
        E::Call(Function::Transpose, arguments) => {
            let rows = rows(arguments.first()?)?;
            Some((0..rows.first()?.len()).map(|j| rows.iter().map(|row| row[j].clone()).collect()).collect())
        }
        _ => None,
    }
}

fn added(a: Rows, b: Rows) -> Option<Rows> {
    if a.len() != b.len() || a.iter().zip(&b).any(|(a, b)| a.len() != b.len()) {
        return None;
    }
    let row =
        |(a, b): (Vec<Expression>, Vec<Expression>)| a.into_iter().zip(b).map(|(a, b)| Expression::Sum(vec![a, b])).collect();
    Some(a.into_iter().zip(b).map(row).collect())
}

fn multiplied(a: Rows, b: Rows) -> Option<Rows> {
    let inner = b.len();
    let width = b.first()?.len();
    // entries grow with every product
    let nodes = |rows: &Rows| rows.iter().flatten().map(|entry| Survey::of(entry).map_or(u64::MAX / 64, |s| s.size)).sum::<u64>();
    let fits = a.len() <= MAX_SIDE && inner <= MAX_SIDE && width <= MAX_SIDE && nodes(&a) + nodes(&b) <= MAX_NODES;
    if !fits || a.iter().any(|row| row.len() != inner) || b.iter().any(|row| row.len() != width) {
        return None;
    }
    let zero = || Expression::Number { value: BigRational::from_integer(BigInt::from(0)), decimal: false };
    let entry = |row: &Vec<Expression>, j: usize| {
        let terms = (0..inner).map(|k| Expression::Product(vec![row[k].clone(), b[k][j].clone()]));
        Expression::Sum(terms.chain([zero()]).collect())
    };
    Some(a.iter().map(|row| (0..width).map(|j| entry(row, j)).collect()).collect())
}
