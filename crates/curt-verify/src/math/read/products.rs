//! Products, with and without a sign between the factors, quotients and remainders.

use super::super::expression::{Expression, Function};
use super::commands::{Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::numbers::whole;
use super::reader::{Read, Reader};
use super::{Reason, words};

impl Reader<'_> {
    /// `a b · c / d mod m`, negative if a sign stands before it.
    pub fn product(&mut self, mut negative: bool) -> Read {
        if self.take_differential() {
            return Ok(signed(vec![whole(1)], negative));
        }
        let mut factors = vec![self.factor()?];
        while !self.is_integral_complete() {
            match self.meaning() {
                Some(Meaning::Times) => {
                    self.next += 1;
                    factors.push(self.signed_factor()?);
                }
                Some(Meaning::Slash) => {
                    let divisor = self.divisor(factors.last())?;
                    divide(&mut factors, divisor);
                }
                Some(Meaning::Mod) => {
                    self.next += 1;
                    let left = signed(factors, std::mem::take(&mut negative));
                    factors = vec![Expression::Call(Function::Mod, vec![left, self.signed_factor()?])];
                }
                _ if self.take_differential() => break,
                _ if self.starts_factor(factors.last()) => {
                    if matches!(factors.last(), Some(Expression::Text(_))) {
                        return self.fail(Reason::Words);
                    }
                    factors.push(self.factor()?);
                }
                _ => match self.unit()? {
                    // words between two factors say more than is read
                    Some(unit) if unit.is_empty() && self.starts_factor(factors.last()) => return self.fail(Reason::Words),
                    Some(unit) if unit.is_empty() => {}
                    Some(unit) => factors = vec![Expression::Quantity(Box::new(signed(factors, false)), unit)],
                    None => break,
                },
            }
        }
        Ok(signed(factors, negative))
    }

    /// A factor behind any number of signs.
    pub fn signed_factor(&mut self) -> Read {
        let mut negative = false;
        loop {
            match self.meaning() {
                Some(Meaning::Plus) => {}
                Some(Meaning::Minus) => negative = !negative,
                _ => break,
            }
            self.next += 1;
        }
        Ok(signed(vec![self.factor()?], negative))
    }

    /// What stands behind a slash, which is next: one factor and the letters that touch it, but only the number in `1/2x`.
    fn divisor(&mut self, dividend: Option<&Expression>) -> Read {
        let before = self.gap();
        self.next += 1;
        let is_tight = before == NO_GAP && self.gap() == NO_GAP;
        let first = self.signed_factor()?;
        let is_number = |factor: &Expression| matches!(factor, Expression::Number { .. });
        let is_fraction = is_tight && is_number(&first) && dividend.is_some_and(is_number);
        if is_fraction || !matches!(first, Expression::Number { .. } | Expression::Symbol(_) | Expression::Constant(_)) {
            return Ok(first);
        }
        let mut factors = vec![first];
        while self.gap() == NO_GAP && self.touches() && !self.take_differential() {
            factors.push(self.factor()?);
        }
        Ok(signed(factors, false))
    }

    /// Whether the next token is a letter or another name.
    fn touches(&self) -> bool {
        match self.peek() {
            Some(Kind::Letter { run, first }) => !(self.is_union_letter() || first && words::is_word(run)),
            Some(Kind::Is(meaning)) => matches!(meaning, Meaning::Symbol(_) | Meaning::Constant(_) | Meaning::Root),
            _ => false,
        }
    }

    /// Whether a factor starts at the next token, behind the factor `last` and no sign.
    pub fn starts_factor(&self, last: Option<&Expression>) -> bool {
        if self.is_apart() {
            return false;
        }
        match self.peek() {
            Some(Kind::Number(_)) => !matches!(last, Some(Expression::Number { .. })) || self.is_mixed_number(),
            Some(Kind::Letter { run, first }) => !(self.is_union_letter() || first && self.is_word_or_unit(run)),
            Some(Kind::Unknown(_)) => true,
            Some(Kind::Is(Meaning::Pipe)) => self.pipe_opens(),
            Some(Kind::Is(Meaning::Function(Function::Min))) => !self.ends_item(self.next + 1),
            Some(Kind::Is(Meaning::Open(Bracket::Round))) => !self.is_ahead(1, Meaning::Mod),
            Some(Kind::Is(Meaning::Open(Bracket::Square))) => !self.reversed,
            Some(Kind::Is(meaning)) => begins_operand(meaning),
            _ => false,
        }
    }

    /// Whether a bar behind an operand opens an absolute value, rather than closing one or dividing a set.
    fn pipe_opens(&self) -> bool {
        let n_left = self.token(0).map_or(0, |token| token.partner);
        if self.pipes == 0 {
            return !self.in_set && n_left > 1;
        }
        let follows_bar = self.next > 0 && self.tokens[self.next - 1].kind == Kind::Is(Meaning::Pipe);
        let goes_on = match self.peek_ahead(1) {
            Some(Kind::Is(meaning)) => begins_operand(meaning) || meaning == Meaning::Minus,
            Some(_) => true,
            None => false,
        };
        n_left > self.pipes && follows_bar && goes_on
    }
}

/// Whether this can be the first of an operand, whatever stands before.
pub fn begins_operand(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Open(_)
            | Meaning::OpenPipe
            | Meaning::Symbol(_)
            | Meaning::Constant(_)
            | Meaning::EmptySet
            | Meaning::Function(_)
            | Meaning::Fraction
            | Meaning::Binomial
            | Meaning::Root
            | Meaning::CubeRoot
            | Meaning::Big(_)
            | Meaning::Integral
            | Meaning::Limit
            | Meaning::Partial
            | Meaning::Accent(_)
            | Meaning::Bold
            | Meaning::Blackboard
            | Meaning::Variable
            | Meaning::Ellipsis
            | Meaning::Begin(_)
    )
}

/// `a · b` over `divisor` is a · (b / divisor); `a / b` over it is a / (b · divisor).
fn divide(factors: &mut Vec<Expression>, divisor: Expression) {
    let quotient = match factors.pop() {
        Some(Expression::Quotient(dividend, first)) => {
            let divisors = match *first {
                Expression::Product(mut divisors) => {
                    divisors.push(divisor);
                    divisors
                }
                first => vec![first, divisor],
            };
            Expression::Quotient(dividend, Box::new(Expression::Product(divisors)))
        }
        Some(dividend) => Expression::Quotient(Box::new(dividend), Box::new(divisor)),
        None => divisor,
    };
    factors.push(quotient);
}

/// The product of these factors, in which `\{a\}` is only a bracket.
fn signed(mut factors: Vec<Expression>, negative: bool) -> Expression {
    let product =
        if factors.len() == 1 { factors.remove(0) } else { Expression::Product(factors.into_iter().map(ungrouped).collect()) };
    if negative { Expression::Negative(Box::new(product)) } else { product }
}

/// `\{a\}` where it is a bracket: a.
pub fn ungrouped(factor: Expression) -> Expression {
    match factor {
        Expression::Set(mut elements) if elements.len() == 1 => elements.remove(0),
        factor => factor,
    }
}
