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
        Mark::Percent => {
            let hundred = Expression::Number { value: ratio(100, 1), decimal: false };
            same(&Expression::Quotient(Box::new(value), Box::new(hundred)))
        }
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

fn times(value: Expression, factor: BigRational) -> Expression {
    Expression::Product(vec![value, Expression::Number { value: factor, decimal: false }])
}

fn ratio(top: i64, bottom: i64) -> BigRational {
    BigRational::new(BigInt::from(top), BigInt::from(bottom))
}

/// What a unit is worth in a base unit of its kind, exactly: `cm^2` in `m^2`, `km/hour` in `m/second`; none for units that are
/// not known or that differ between places, such as tons.
fn worth(unit: &str) -> Option<(BigRational, String)> {
    if let Some((above, below)) = unit.split_once('/') {
        let ((above, base_above), (below, base_below)) = (worth(above)?, worth(below)?);
        return Some((above / below, format!("{base_above}/{base_below}")));
    }
    if let Some((unit, power)) = unit.split_once('^') {
        let (worth, base) = worth(unit)?;
        let times: usize = power.parse().ok().filter(|times| (1..=9).contains(times))?;
        return Some((num_traits::pow(worth, times), format!("{base}^{times}")));
    }
    let (top, bottom, base) = match unit {
        "mm" => (1, 1000, "m"),
        "cm" => (1, 100, "m"),
        "dm" => (1, 10, "m"),
        "m" => (1, 1, "m"),
        "km" => (1000, 1, "m"),
        "inch" => (254, 10_000, "m"),
        "foot" => (3048, 10_000, "m"),
        "yard" => (9144, 10_000, "m"),
        "mile" => (1_609_344, 1000, "m"),
        "ms" => (1, 1000, "second"),
        "second" => (1, 1, "second"),
        "minute" => (60, 1, "second"),
        "hour" => (3600, 1, "second"),
        "day" => (86_400, 1, "second"),
        "week" => (604_800, 1, "second"),
        "mg" => (1, 1_000_000, "kg"),
        "g" => (1, 1000, "kg"),
        "kg" => (1, 1, "kg"),
        "mL" => (1, 1000, "L"),
        "L" => (1, 1, "L"),
        "cent" => (1, 100, "dollar"),
        "dollar" => (1, 1, "dollar"),
        "J" => (1, 1, "J"),
        "kJ" => (1000, 1, "J"),
        "Hz" => (1, 1, "Hz"),
        "kHz" => (1000, 1, "Hz"),
        "MHz" => (1_000_000, 1, "Hz"),
        _ => return None,
    };
    Some((ratio(top, bottom), base.to_owned()))
}
