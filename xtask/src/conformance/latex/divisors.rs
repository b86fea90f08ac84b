//! What sympy makes of gcd and lcm before it prints: those of polynomials and of fractions.
//!
//! This is a convention of the references and no rule for grading, where `\gcd(m, n)` of two unknown numbers is not 1. So it is
//! applied here, to what was read, and only for the comparison.

use std::collections::BTreeMap;

use curt_verify::math::expression::{Expression, Function};
use curt_verify::math::{ReadOptions, read};

/// A fraction times powers of things that have no divisor in common. Things are kept under their text.
struct Monomial {
    numerator: Expression,
    denominator: Expression,
    negative: bool,
    factors: BTreeMap<String, (Expression, usize)>,
}

/// `expression` with each gcd and lcm of something else than whole numbers carried out.
pub fn settled(expression: Expression) -> Expression {
    use Expression::*;
    let all = |parts: Vec<Expression>| parts.into_iter().map(settled).collect::<Vec<_>>();
    let boxed = |part: Box<Expression>| Box::new(settled(*part));
    match expression {
        Call(function @ (Function::Gcd | Function::Lcm), arguments) => divisor(function, all(arguments)),
        Call(function, arguments) => Call(function, all(arguments)),
        Sum(terms) => Sum(all(terms)),
        Product(factors) => Product(all(factors)),
        Quotient(above, below) => Quotient(boxed(above), boxed(below)),
        Negative(inner) => Negative(boxed(inner)),
        other => other,
    }
}

fn divisor(function: Function, arguments: Vec<Expression>) -> Expression {
    if arguments.iter().all(is_whole) {
        return Expression::Call(function, arguments);
    }
    let monomials: Vec<Monomial> = arguments.iter().map(monomial).collect();
    let is_gcd = function == Function::Gcd;
    let other = if is_gcd { Function::Lcm } else { Function::Gcd };
    let numerators = monomials.iter().map(|monomial| monomial.numerator.clone()).collect();
    let denominators = monomials.iter().map(|monomial| monomial.denominator.clone()).collect();
    let coefficient = quotient(Expression::Call(function, numerators), Expression::Call(other, denominators));
    let mut factors: BTreeMap<&String, (&Expression, usize)> = BTreeMap::new();
    for (name, (factor, _)) in monomials.iter().flat_map(|monomial| &monomial.factors) {
        let powers = monomials.iter().map(|monomial| monomial.factors.get(name).map_or(0, |(_, power)| *power));
        let power = if is_gcd { powers.min() } else { powers.max() };
        factors.insert(name, (factor, power.unwrap_or(0)));
    }
    let negative = !is_gcd && !factors.is_empty() && monomials.iter().filter(|monomial| monomial.negative).count() % 2 == 1;
    let mut product = vec![coefficient];
    for (factor, power) in factors.into_values() {
        product.extend(std::iter::repeat_n(factor.clone(), power));
    }
    let product = Expression::Product(product);
    if negative { Expression::Negative(Box::new(product)) } else { product }
}

fn is_whole(argument: &Expression) -> bool {
    match argument {
        Expression::Number { value, .. } => value.is_integer(),
        Expression::Negative(inner) => is_whole(inner),
        Expression::Sum(parts) | Expression::Product(parts) => parts.iter().all(is_whole),
        Expression::Power(base, exponent) => is_whole(base) && is_whole(exponent),
        Expression::Quotient(above, below) => match (&**above, &**below) {
            (Expression::Number { value: above, .. }, Expression::Number { value: below, .. }) => (above / below).is_integer(),
            _ => false,
        },
        _ => false,
    }
}

fn monomial(expression: &Expression) -> Monomial {
    match expression {
        Expression::Number { value, .. } => Monomial {
            numerator: whole(&value.numer().to_string()),
            denominator: whole(&value.denom().to_string()),
            negative: false,
            factors: BTreeMap::new(),
        },
        Expression::Negative(inner) => {
            let inner = monomial(inner);
            Monomial { negative: !inner.negative, ..inner }
        }
        Expression::Product(factors) => factors.iter().map(monomial).fold(monomial(&whole("1")), times),
        Expression::Quotient(above, below) if matches!(**below, Expression::Number { .. }) => {
            let below = monomial(below);
            let inverse = Monomial { numerator: below.denominator, denominator: below.numerator, ..below };
            times(monomial(above), inverse)
        }
        Expression::Call(Function::Root, parts) => match root_of_square(parts) {
            Some(root) => monomial(&root),
            None => factor(expression),
        },
        _ => factor(expression),
    }
}

fn factor(expression: &Expression) -> Monomial {
    let factors = BTreeMap::from([(format!("{expression:?}"), (expression.clone(), 1))]);
    Monomial { factors, ..monomial(&whole("1")) }
}

fn times(mut left: Monomial, right: Monomial) -> Monomial {
    for (name, (factor, power)) in right.factors {
        left.factors.entry(name).or_insert((factor, 0)).1 += power;
    }
    Monomial {
        numerator: product(left.numerator, right.numerator),
        denominator: product(left.denominator, right.denominator),
        negative: left.negative != right.negative,
        factors: left.factors,
    }
}

/// √100 as 10.
fn root_of_square(parts: &[Expression]) -> Option<Expression> {
    let [Expression::Number { value, .. }, index] = parts else { return None };
    let square: u64 = value.to_string().parse().ok()?;
    let root = (1..=1000).find(|root| root * root == square)?;
    (*index == whole("2")).then(|| whole(&root.to_string()))
}

fn product(left: Expression, right: Expression) -> Expression {
    let one = whole("1");
    match (left == one, right == one) {
        (true, _) => right,
        (_, true) => left,
        _ => Expression::Product(vec![left, right]),
    }
}

fn quotient(above: Expression, below: Expression) -> Expression {
    Expression::Quotient(Box::new(above), Box::new(below))
}

/// A whole number from its digits. A sign before them is a part of the expression.
fn whole(digits: &str) -> Expression {
    read(digits, &ReadOptions::default()).unwrap_or(Expression::Sum(Vec::new()))
}

#[cfg(test)]
mod tests {
    use curt_verify::Verdict;
    use curt_verify::math::{Options, judge};

    use super::*;

    #[test]
    fn divisors_of_polynomials_and_fractions() {
        let read = |text: &str| read(text, &ReadOptions::default()).unwrap();
        for (latex, value) in [
            (r"\gcd(2.4, 3.6, 0.6)", "3/5"),
            (r"\operatorname{lcm}(0.42, 2)", "42"),
            (r"\gcd(125, 50x)", "25"),
            (r"\gcd(x, y) + 1", "2"),
            (r"\operatorname{lcm}(2y, x)", "2xy"),
            (r"\operatorname{lcm}(\sqrt{3}, \sqrt{2}, \sqrt{100})", r"10\sqrt{6}"),
            (r"\gcd(x^2 y, y)", "y"),
            (r"\gcd(12, 18)", "6"),
        ] {
            assert_eq!(judge(&read(value), &settled(read(latex)), &Options::default()).verdict, Verdict::Correct, "{latex}");
        }
    }
}
