//! Units, percent and degrees: the number before them, and what they are worth of each other.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::budget::Outcome;
use super::value::Comparison;
use crate::math::expression::{Expression, Function};

/// What stands behind a number.
enum Mark<'a> {
    Unit(&'a str),
    Percent,
    Degrees,
}

/// A number and its mark; none for what has no mark.
fn marked(expression: &Expression) -> Option<(Expression, Mark<'_>)> {
    match expression {
        Expression::Quantity(value, unit) => match unit.as_str() {
            "degree" | "degrees" => Some(((**value).clone(), Mark::Degrees)),
            "percent" | "%" => Some(((**value).clone(), Mark::Percent)),
            unit => Some(((**value).clone(), Mark::Unit(unit))),
        },
        Expression::Percent(value) => Some(((**value).clone(), Mark::Percent)),
        Expression::Call(Function::Degrees, arguments) => Some((arguments.first()?.clone(), Mark::Degrees)),
        Expression::Negative(inner) => {
            let (value, mark) = marked(inner)?;
            Some((Expression::Negative(Box::new(value)), mark))
        }
        _ => None,
    }
}

/// Compares where at least one side has a unit, a percent or a degree sign; none where neither has.
///
/// - A missing unit is no fault: `5 cm` and `5`. Different units are, unless [`worth`] knows both.
/// - `50%` is `0.5`, and `50` too, because many answers to "what percent" leave the sign away.
/// - `90°` is `90` and `π/2`.
pub fn same(comparison: &Comparison<'_>, gold: &Expression, answer: &Expression) -> Option<Outcome<bool>> {
    Some(match (marked(gold), marked(answer)) {
        (None, None) => return None,
        (Some((gold, a)), Some((answer, b))) => match (a, b) {
            (Mark::Unit(a), Mark::Unit(b)) if a != b => match (worth(a), worth(b)) {
                (Some((a, base_a)), Some((b, base_b))) if base_a == base_b => comparison.same(&times(gold, a), &times(answer, b)),
                _ => Ok(false),
            },
            (Mark::Unit(_), Mark::Unit(_)) | (Mark::Percent, Mark::Percent) | (Mark::Degrees, Mark::Degrees) => {
                comparison.same(&gold, &answer)
            }
            _ => Ok(false),
        },
        (Some((value, mark)), None) => one_marked(comparison, gold, value, &mark, answer, true),
        (None, Some((value, mark))) => one_marked(comparison, answer, value, &mark, gold, false),
    })
}

fn one_marked(
    comparison: &Comparison<'_>,
    whole: &Expression,
    value: Expression,
    mark: &Mark<'_>,
    bare: &Expression,
    gold_is_marked: bool,
) -> Outcome<bool> {
    let same = |marked: &Expression| {
        if gold_is_marked { comparison.same(marked, bare) } else { comparison.same(bare, marked) }
    };
    if same(&value)? {
        return Ok(true);
    }
    match mark {
        Mark::Unit(_) => Ok(false),
        Mark::Percent => same(&Expression::Quotient(Box::new(value), Box::new(number(100, 1)))),
        Mark::Degrees if matches!(whole, Expression::Call(..)) => {
            if gold_is_marked {
                comparison.same_value(whole, bare)
            } else {
                comparison.same_value(bare, whole)
            }
        }
        Mark::Degrees => same(&Expression::Call(Function::Degrees, vec![value])).or(Ok(false)),
    }
}

fn times(value: Expression, factor: (i64, i64)) -> Expression {
    Expression::Product(vec![value, number(factor.0, factor.1)])
}

fn number(top: i64, bottom: i64) -> Expression {
    Expression::Number { value: BigRational::new(BigInt::from(top), BigInt::from(bottom)), decimal: false }
}

/// Exact worth of common units in a base unit of their kind.
fn worth(unit: &str) -> Option<((i64, i64), &'static str)> {
    Some(match unit.trim_end_matches('s') {
        "mm" | "millimeter" | "millimetre" => ((1, 1000), "m"),
        "cm" | "centimeter" | "centimetre" => ((1, 100), "m"),
        "dm" | "decimeter" => ((1, 10), "m"),
        "m" | "meter" | "metre" => ((1, 1), "m"),
        "km" | "kilometer" | "kilometre" => ((1000, 1), "m"),
        "in" | "inch" | "inche" => ((254, 10_000), "m"),
        "ft" | "foot" | "feet" => ((3048, 10_000), "m"),
        "yd" | "yard" => ((9144, 10_000), "m"),
        "mile" => ((1_609_344, 1000), "m"),
        "" | "s" | "sec" | "second" => ((1, 1), "s"),
        "min" | "minute" => ((60, 1), "s"),
        "h" | "hr" | "hour" => ((3600, 1), "s"),
        "day" => ((86_400, 1), "s"),
        "week" => ((604_800, 1), "s"),
        "mg" | "milligram" => ((1, 1_000_000), "kg"),
        "g" | "gram" => ((1, 1000), "kg"),
        "kg" | "kilogram" => ((1, 1), "kg"),
        "ton" | "tonne" => ((1000, 1), "kg"),
        "ml" | "mL" | "milliliter" => ((1, 1000), "l"),
        "l" | "L" | "liter" | "litre" => ((1, 1), "l"),
        "cent" => ((1, 100), "dollar"),
        "dollar" | "$" => ((1, 1), "dollar"),
        _ => return None,
    })
}
