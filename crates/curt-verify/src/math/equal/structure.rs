//! Forms: words, collections, points, ratios, values with units. What is a single value goes to [`super::value`].

use std::collections::BTreeMap;

use num_rational::BigRational;

use super::budget::{Obstacle, Outcome};
use super::tree::rewritten;
use super::value::Comparison;
use super::{matrix, plus_minus, region, relation, unit};
use crate::math::expression::{Constant, Expression};

/// Elements of a collection that are compared with every element of another.
const MAX_ELEMENTS: usize = 512;

impl Comparison<'_> {
    /// Whether the two say the same.
    pub fn same(&self, gold: &Expression, answer: &Expression) -> Outcome<bool> {
        self.budget.spend(2)?;
        if self.options.identity && gold == answer {
            return Ok(true);
        }
        let (gold, answer) = (bare(gold), bare(answer));
        if let Some(same) = self.same_labels(gold, answer) {
            return same;
        }
        if is_words(gold) || is_words(answer) {
            return Ok(word(gold).is_some_and(|gold| word(answer).is_some_and(|answer| gold == answer)));
        }
        if relation::is_relation(gold) || relation::is_relation(answer) {
            return relation::same(self, gold, answer);
        }
        if region::is_region(gold) || region::is_region(answer) {
            return region::same(self, gold, answer);
        }
        if let Some(same) = self.same_collections(gold, answer) {
            return same;
        }
        if let Some(same) = matrix::same(self, gold, answer) {
            return same;
        }
        if let Some(same) = self.same_ratios(gold, answer) {
            return same;
        }
        if let Some(same) = unit::same(self, gold, answer) {
            return same;
        }
        if let (Some(a), Some(b)) = (infinity(gold), infinity(answer)) {
            return Ok(a == b);
        }
        match self.same_value(gold, answer) {
            // an infinite value or a collection within a sum: only the same tree says the same
            Err(Obstacle::Unsupported) => Ok(gold == answer),
            same => same,
        }
    }

    /// `(B) 5` is `B` and `5`, but neither `(C) 5` nor `(B) 6`.
    fn same_labels(&self, gold: &Expression, answer: &Expression) -> Option<Outcome<bool>> {
        use Expression as E;
        Some(match (gold, answer) {
            (E::Labelled(a, gold), E::Labelled(b, answer)) => {
                if a == b {
                    self.same(gold, answer)
                } else {
                    Ok(false)
                }
            }
            (E::Labelled(letter, value), other) | (other, E::Labelled(letter, value)) => {
                if word(other).is_some_and(|word| word == letter.to_lowercase().to_string()) {
                    Ok(true)
                } else if std::ptr::eq(other, answer) {
                    self.same(value, other)
                } else {
                    self.same(other, value)
                }
            }
            _ => return None,
        })
    }

    /// Compares where at least one side is a collection or has ±.
    fn same_collections(&self, gold: &Expression, answer: &Expression) -> Option<Outcome<bool>> {
        use Expression as E;
        let (a, b) = (Elements::of(gold), Elements::of(answer));
        if a.is_none() && b.is_none() {
            return None;
        }
        let single = |expression: &Expression| Elements { kind: Kind::List, parts: vec![expression.clone()] };
        let (a, b) = (a.unwrap_or_else(|| single(gold)), b.unwrap_or_else(|| single(answer)));
        let is_vector = |expression: &Expression| matches!(expression, E::Matrix(_));
        if is_vector(gold) && b.kind != Kind::Set || is_vector(answer) && a.kind != Kind::Set {
            return None;
        }
        Some(self.same_elements(&a, &b))
    }

    fn same_elements(&self, a: &Elements, b: &Elements) -> Outcome<bool> {
        let ordered = match (a.kind, b.kind) {
            (Kind::Tuple, Kind::Tuple) => true,
            // a point is no set
            (Kind::Tuple, Kind::Set) | (Kind::Set, Kind::Tuple) => return Ok(false),
            (Kind::Tuple, _) => return Ok(b.parts.len() > 1 && self.pairwise(&a.parts, &b.parts)?),
            (_, Kind::Tuple) => return Ok(a.parts.len() > 1 && self.pairwise(&a.parts, &b.parts)?),
            // AB = 4, CD = 5 names its elements, so that their order counts for an answer without names
            _ => relation::names_elements(&a.parts) != relation::names_elements(&b.parts),
        };
        if ordered {
            return self.pairwise(&a.parts, &b.parts);
        }
        let repeats = a.kind == Kind::Set || b.kind == Kind::Set;
        if self.unordered(&a.parts, &b.parts, repeats)? {
            return Ok(true);
        }
        let (flat_a, flat_b) = (flattened(&a.parts), flattened(&b.parts));
        if flat_a.len() == a.parts.len() && flat_b.len() == b.parts.len() {
            return Ok(false);
        }
        self.unordered(&flat_a, &flat_b, repeats)
    }

    /// Element by element in their order.
    fn pairwise(&self, a: &[Expression], b: &[Expression]) -> Outcome<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (a, b) in a.iter().zip(b) {
            if !self.same(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Each element has its like on the other side: another one each, unless `repeats` do not count.
    pub fn unordered(&self, a: &[Expression], b: &[Expression], repeats: bool) -> Outcome<bool> {
        if a.len().max(b.len()) > MAX_ELEMENTS {
            return Err(Obstacle::Size);
        }
        if !repeats && a.len() != b.len() {
            return Ok(false);
        }
        if a.len() > 4
            && self.options.is_exact()
            && let (Some(a), Some(b)) = (self.sorted(a, repeats), self.sorted(b, repeats))
        {
            return Ok(a == b);
        }
        let mut is_free = vec![true; b.len()];
        for (i, gold) in a.iter().enumerate() {
            // most lists stand in the same order
            let order = (i..b.len()).chain(0..i.min(b.len()));
            let mut found = false;
            for j in order {
                if (is_free[j] || repeats) && self.same(gold, &b[j])? {
                    (is_free[j], found) = (false, true);
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        for (j, answer) in b.iter().enumerate() {
            let mut found = !is_free[j];
            for gold in a {
                found = found || self.same(gold, answer)?;
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Exact values in rising order, if all are plain numbers.
    fn sorted(&self, parts: &[Expression], unique: bool) -> Option<Vec<BigRational>> {
        let value = |part: &Expression| match part {
            Expression::Number { value, .. } => Some(value.clone()),
            Expression::Negative(_) | Expression::Quotient(..) => self.exact(part).ok(),
            _ => None,
        };
        let mut values = parts.iter().map(value).collect::<Option<Vec<_>>>()?;
        values.sort();
        if unique {
            values.dedup();
        }
        Some(values)
    }

    /// `a : b` is `ka : kb`, and a/b.
    fn same_ratios(&self, gold: &Expression, answer: &Expression) -> Option<Outcome<bool>> {
        let quotient = |parts: &[Expression]| match parts {
            [a, b] => Some(Expression::Quotient(Box::new(a.clone()), Box::new(b.clone()))),
            _ => None,
        };
        Some(match (gold, answer) {
            (Expression::Ratio(a), Expression::Ratio(b)) => self.proportional(a, b),
            (Expression::Ratio(parts), other) => quotient(parts).map_or(Ok(false), |ratio| self.same_or_undefined(&ratio, other)),
            (other, Expression::Ratio(parts)) => quotient(parts).map_or(Ok(false), |ratio| self.same_or_undefined(other, &ratio)),
            _ => return None,
        })
    }

    /// 12:00 is a time: no quotient.
    fn same_or_undefined(&self, gold: &Expression, answer: &Expression) -> Outcome<bool> {
        match self.same(gold, answer) {
            Err(Obstacle::Undefined) => Ok(false),
            same => same,
        }
    }

    fn proportional(&self, a: &[Expression], b: &[Expression]) -> Outcome<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        if self.pairwise(a, b)? {
            return Ok(true);
        }
        for parts in [a, b] {
            for part in parts {
                // a ratio with a 0, as in 12:00, is taken as it stands
                if self.same_value(part, &relation::zero())? {
                    return Ok(false);
                }
            }
        }
        let cross = |x: &Expression, y: &Expression| Expression::Product(vec![x.clone(), y.clone()]);
        for i in 1..a.len() {
            if !self.same_value(&cross(&a[0], &b[i]), &cross(&a[i], &b[0]))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Set,
    List,
    Tuple,
}

struct Elements {
    kind: Kind,
    parts: Vec<Expression>,
}

impl Elements {
    /// The elements of a collection, ± spelled out; none for what is a single thing.
    fn of(expression: &Expression) -> Option<Self> {
        let (kind, parts) = match expression {
            Expression::Set(parts) => (Kind::Set, parts),
            Expression::List(parts) => (Kind::List, parts),
            Expression::Tuple(parts) => return Some(Elements { kind: Kind::Tuple, parts: parts.clone() }),
            _ => return Some(Elements { kind: Kind::Set, parts: plus_minus::values(expression)? }),
        };
        let spelled = |part: &Expression| plus_minus::values(part).unwrap_or_else(|| vec![part.clone()]);
        Some(Elements { kind, parts: parts.iter().flat_map(spelled).collect() })
    }
}

/// Lists within a list, taken apart.
fn flattened(parts: &[Expression]) -> Vec<Expression> {
    let inner = |part: &Expression| match part {
        Expression::List(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    parts.iter().flat_map(inner).collect()
}

/// Without brackets around a single thing.
fn bare(expression: &Expression) -> &Expression {
    match expression {
        Expression::Tuple(parts) | Expression::List(parts) if parts.len() == 1 => bare(&parts[0]),
        Expression::Sum(parts) | Expression::Product(parts) if parts.len() == 1 => bare(&parts[0]),
        _ => expression,
    }
}

/// Whether this can only be a word.
fn is_words(expression: &Expression) -> bool {
    matches!(expression, Expression::Text(_) | Expression::Choice(_))
}

/// The word that an expression may be: text, the letter of a choice, or letters that were read as a product.
fn word(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Text(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            Some(words.join(" ").trim_end_matches(['.', '!']).to_lowercase())
        }
        Expression::Choice(letter) => Some(letter.to_lowercase().to_string()),
        Expression::Symbol(name) => Some(name.to_lowercase()),
        Expression::Constant(Constant::E) => Some("e".to_owned()),
        Expression::Constant(Constant::I) => Some("i".to_owned()),
        Expression::Product(factors) => factors.iter().map(word).collect(),
        Expression::Tuple(parts) if parts.len() == 1 => word(&parts[0]),
        _ => None,
    }
}

/// 1 for ∞, −1 for −∞.
pub fn infinity(expression: &Expression) -> Option<i8> {
    match expression {
        Expression::Constant(Constant::Infinity) => Some(1),
        Expression::Negative(inner) => infinity(inner).map(|sign| -sign),
        _ => None,
    }
}

/// The expression with its symbols named by the order in which they first occur.
pub fn renamed(expression: &Expression) -> Expression {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    rewritten(expression, &mut |part| {
        let next = names.len();
        match part {
            Expression::Symbol(name)
            | Expression::Range { variable: name, .. }
            | Expression::Integral { variable: name, .. }
            | Expression::Limit { variable: name, .. }
            | Expression::Derivative { variable: name, .. } => {
                *name = format!("v{}", *names.entry(name.clone()).or_insert(next));
            }
            _ => {}
        }
    })
}
