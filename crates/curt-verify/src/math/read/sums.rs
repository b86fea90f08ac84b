//! Sums, differences and ±.

use super::super::expression::Expression;
use super::Reason;
use super::commands::Meaning;
use super::reader::{Read, Reader};

/// Most ± in one sum.
const MAX_SIGNS: usize = 16;

impl Reader<'_> {
    /// `a + b − c ± d`
    pub fn sum(&mut self) -> Read {
        let first = self.signed_product()?;
        if !matches!(self.meaning(), Some(Meaning::Plus | Meaning::Minus | Meaning::PlusMinus(_))) {
            return Ok(first);
        }
        let mut terms = vec![first];
        let mut n_signs = 0;
        while !self.is_integral_complete() {
            match self.meaning() {
                Some(Meaning::Plus) => {
                    self.next += 1;
                    terms.push(self.signed_product()?);
                }
                Some(Meaning::Minus) => {
                    self.next += 1;
                    let subtracted = self.signed_product()?;
                    terms.push(Expression::Negative(Box::new(subtracted)));
                }
                Some(Meaning::PlusMinus(upper)) => {
                    n_signs += 1;
                    if n_signs > MAX_SIGNS {
                        return self.fail(Reason::TooDeep);
                    }
                    self.next += 1;
                    let left = Some(Box::new(sum_of(std::mem::take(&mut terms))));
                    let right = Box::new(self.signed_product()?);
                    terms.push(Expression::PlusMinus { left, right, upper });
                }
                _ => break,
            }
        }
        Ok(sum_of(terms))
    }

    /// A product behind any number of signs.
    fn signed_product(&mut self) -> Read {
        let mut negative = false;
        loop {
            match self.meaning() {
                Some(Meaning::Plus) => {}
                Some(Meaning::Minus) => negative = !negative,
                Some(Meaning::PlusMinus(upper)) => {
                    self.next += 1;
                    let right = Box::new(self.product(negative)?);
                    return Ok(Expression::PlusMinus { left: None, right, upper });
                }
                _ => return self.product(negative),
            }
            self.next += 1;
        }
    }

    /// Whether the differential of the integral around has been read, which ends what is integrated.
    pub fn is_integral_complete(&self) -> bool {
        matches!(self.differential, Some(Some(_)))
    }
}

/// The sum of these terms; its unit is the one of its last term, if only that has one (`3 + 2 \text{ cm}`).
fn sum_of(mut terms: Vec<Expression>) -> Expression {
    let n_with_unit = terms.iter().filter(|term| unit_of(term).is_some()).count();
    let unit = terms.last().and_then(unit_of).filter(|_| n_with_unit == 1 && terms.len() > 1).map(str::to_owned);
    if let Some(unit) = unit {
        let last = terms.pop().map(without_unit);
        terms.extend(last);
        return Expression::Quantity(Box::new(Expression::Sum(terms)), unit);
    }
    if terms.len() == 1 { terms.remove(0) } else { Expression::Sum(terms) }
}

fn unit_of(term: &Expression) -> Option<&str> {
    match term {
        Expression::Quantity(_, unit) => Some(unit),
        Expression::Negative(term) => unit_of(term),
        _ => None,
    }
}

fn without_unit(term: Expression) -> Expression {
    match term {
        Expression::Quantity(value, _) => *value,
        Expression::Negative(term) => Expression::Negative(Box::new(without_unit(*term))),
        term => term,
    }
}
