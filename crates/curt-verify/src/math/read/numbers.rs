//! Numbers: digits, groups of digits, decimals, powers of ten, mixed numbers, other bases.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

use super::super::expression::Expression;
use super::commands::{Bracket, Meaning, NEGATIVE, NO_GAP, SPACE, THIN};
use super::lexer::{Kind, Token};
use super::reader::{Read, Reader};

/// Greatest power of ten that becomes part of an exact number; others are written out as a power.
const MAX_EXPONENT: usize = 400;

/// An integer as an expression.
pub fn whole(value: i64) -> Expression {
    Expression::Number { value: BigRational::from_integer(value.into()), decimal: false }
}

/// The number that `digits` say: digits with at most one point.
pub fn number_of(digits: &str) -> Expression {
    match digits.split_once('.') {
        None => Expression::Number { value: BigRational::from_integer(integer(digits)), decimal: false },
        Some((front, decimals)) => {
            let value = BigRational::new(integer(&[front, decimals].concat()), ten_to(decimals.len()));
            Expression::Number { value, decimal: true }
        }
    }
}

fn integer(digits: &str) -> BigInt {
    match digits.parse::<i64>() {
        Ok(small) => small.into(),
        Err(_) => digits.parse().unwrap_or_default(),
    }
}

fn ten_to(exponent: usize) -> BigInt {
    if exponent < 19 { 10_i64.pow(exponent as u32).into() } else { BigInt::from(10).pow(exponent as u32) }
}

impl<'a> Reader<'a> {
    /// The number that begins at the next token, which holds these digits.
    pub fn number(&mut self, digits: &'a str) -> Read {
        if let Some(numeral) = self.numeral_with_letters()? {
            return Ok(numeral);
        }
        let number = match self.joined(digits) {
            Some(joined) => number_of(&joined),
            None => {
                self.next += 1;
                match self.repeating(digits)? {
                    Some(number) => number,
                    None => number_of(digits),
                }
            }
        };
        if self.is(Meaning::Underscore) && self.gap() == NO_GAP && !digits.contains('.') {
            let start = self.next;
            self.next += 1;
            if let Some(base) = self.base()? {
                return Ok(Expression::Based { digits: digits.to_owned(), base });
            }
            // some base without a value
            self.next = start;
            let subscript = self.subscript()?.unwrap_or_default();
            return Ok(Expression::Symbol(format!("{digits}{subscript}")));
        }
        if digits.contains('.') && self.take(Meaning::Ellipsis) {
            // `3.14\ldots` is as good as what is written of it
            return Ok(number);
        }
        if let Some(number) = self.scientific(&number)? {
            return Ok(number);
        }
        match self.fraction_behind(&number)? {
            Some(fraction) => Ok(Expression::Sum(vec![number, fraction])),
            None => Ok(number),
        }
    }

    /// The digits of groups that belong together, which are passed: `1,000`, `1 000`, `1{,}000.5`, `1234,56`, `1.234,56`.
    fn joined(&mut self, digits: &str) -> Option<String> {
        // most numbers end here
        match self.peek_ahead(1)? {
            Kind::Number(_) | Kind::Is(Meaning::Comma | Meaning::Thousands) => {}
            _ => return None,
        }
        if let Some(joined) = self.decimal_comma(digits) {
            self.next += 3;
            return Some(joined);
        }
        if digits.len() > 3 || digits.contains('.') {
            return None;
        }
        let mut joined = digits.to_owned();
        let mut at = 1;
        let mut style = None;
        while let Some((group, found, length)) = self.digit_group(at) {
            if joined.contains('.') || style.is_some_and(|style| style != found) {
                break;
            }
            if group.split('.').next().is_none_or(|front| front.len() != 3) {
                // `1,000,50` is a list
                return None;
            }
            style = Some(found);
            joined.push_str(group);
            at += length;
        }
        style?;
        self.next += at;
        Some(joined)
    }

    /// A further group of digits `ahead` of the next token: its digits, what joins it, and how many tokens it is.
    fn digit_group(&self, ahead: usize) -> Option<(&'a str, u8, usize)> {
        const BY_COMMA: u8 = 1;
        const BY_SPACE: u8 = 2;
        const IN_NUMBER: u8 = 3;
        let first = self.token(ahead)?;
        match first.kind {
            Kind::Number(group) if first.gap & (SPACE | THIN) != 0 && first.gap & !(SPACE | THIN | NEGATIVE) == 0 => {
                // `2 000/3` could be a mixed number; `1 234` is joined only if it has three digits
                let is_group = group.split('.').next().is_some_and(|front| front.len() == 3);
                (is_group && !self.is_ahead(ahead + 1, Meaning::Slash)).then_some((group, BY_SPACE, 1))
            }
            Kind::Is(Meaning::Thousands) => match self.token(ahead + 1) {
                Some(Token { kind: Kind::Number(group), .. }) => Some((group, IN_NUMBER, 2)),
                _ => None,
            },
            Kind::Is(Meaning::Comma) => match self.token(ahead + 1) {
                Some(Token { kind: Kind::Number(group), gap, .. }) => {
                    if gap & NEGATIVE != 0 {
                        return Some((group, IN_NUMBER, 2));
                    }
                    (self.thousands && first.gap == NO_GAP && *gap == NO_GAP).then_some((group, BY_COMMA, 2))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `1234,56` and `1.234,56`: a comma before one or two last digits, if nothing else in the answer has a comma.
    fn decimal_comma(&self, digits: &str) -> Option<String> {
        let (comma, decimals) = (self.token(1)?, self.token(2)?);
        let Kind::Number(last) = decimals.kind else { return None };
        let (front, is_long) = match digits.split_once('.') {
            None => (digits.to_owned(), digits.len() > 3),
            Some((front, group)) => ([front, group].concat(), group.len() == 3 && (1..=3).contains(&front.len())),
        };
        let is_alone = comma.kind == Kind::Is(Meaning::Comma)
            && comma.gap == NO_GAP
            && decimals.gap == NO_GAP
            && !self.is_ahead(3, Meaning::Comma)
            && self.next < 2;
        (self.thousands && is_alone && is_long && last.len() == 2 && !last.contains('.')).then(|| format!("{front}.{last}"))
    }

    /// `0.\overline{3}`, `0.1\overline{6}`, `0.\dot{3}`: behind `digits`, which have been passed.
    fn repeating(&mut self, digits: &str) -> Read<Option<Expression>> {
        let has_point = digits.contains('.');
        let skip = usize::from(!has_point && self.is(Meaning::Point) && self.gap() == NO_GAP);
        let Some(Kind::Is(Meaning::Accent("bar" | "dot"))) = self.peek_ahead(skip) else { return Ok(None) };
        if !has_point && skip == 0 {
            return Ok(None);
        }
        self.next += skip;
        let mut period = String::new();
        while let Some(Kind::Is(Meaning::Accent("bar" | "dot"))) = self.peek() {
            let start = self.next;
            self.next += 1;
            let end = self.group_end()?;
            let (Some(Kind::Number(group)), true) = (self.peek_ahead(1), end == Some(self.next + 2)) else {
                self.next = start;
                return if period.is_empty() { self.unexpected() } else { Ok(Some(periodic(digits, &period))) };
            };
            period.push_str(group);
            self.next += 3;
            // `0.\dot{1}4\dot{2}`: what stands between two dots repeats too
            if let (Some(Kind::Number(middle)), Some(Kind::Is(Meaning::Accent("dot")))) = (self.peek(), self.peek_ahead(1)) {
                period.push_str(middle);
                self.next += 1;
            }
        }
        Ok(Some(periodic(digits, &period)))
    }

    /// `E5`, `e-3` behind a number, as far as it is a power of ten.
    fn scientific(&mut self, number: &Expression) -> Read<Option<Expression>> {
        let Some(Kind::Letter { run: run @ ("E" | "e"), .. }) = self.peek() else { return Ok(None) };
        if self.gap() != NO_GAP {
            return Ok(None);
        }
        let sign = self.meaning_ahead(1).filter(|sign| matches!(sign, Meaning::Plus | Meaning::Minus));
        let at = 1 + usize::from(sign.is_some());
        let Some(Token { kind: Kind::Number(digits), gap: NO_GAP, .. }) = self.token(at) else { return Ok(None) };
        let Expression::Number { value, decimal } = number else { return Ok(None) };
        // `2e-1` is a number less than 2e
        if run == "e" && sign.is_some() && !*decimal && !value.is_one() && digits.len() < 2 || digits.contains('.') {
            return Ok(None);
        }
        let digits = *digits;
        self.next += at + 1;
        let negative = sign == Some(Meaning::Minus);
        match digits.parse::<usize>() {
            Ok(exponent) if exponent <= MAX_EXPONENT => {
                let power = BigRational::from_integer(ten_to(exponent));
                let value = if negative { value / power } else { value * power };
                Ok(Some(Expression::Number { value, decimal: true }))
            }
            _ => {
                let exponent = number_of(digits);
                let exponent = if negative { Expression::Negative(Box::new(exponent)) } else { exponent };
                let power = Expression::Power(Box::new(whole(10)), Box::new(exponent));
                Ok(Some(Expression::Product(vec![number.clone(), power])))
            }
        }
    }

    fn meaning_ahead(&self, ahead: usize) -> Option<Meaning> {
        match self.peek_ahead(ahead) {
            Some(Kind::Is(meaning)) => Some(meaning),
            _ => None,
        }
    }

    /// The proper fraction of a mixed number, behind a whole number that has been passed.
    fn fraction_behind(&mut self, number: &Expression) -> Read<Option<Expression>> {
        if !matches!(number, Expression::Number { decimal: false, .. }) {
            return Ok(None);
        }
        if let Some((numerator, denominator)) = self.plain_fraction() {
            self.next += 3;
            return Ok(Some(quotient(numerator, denominator)));
        }
        if self.is(Meaning::Fraction) && self.digit_fraction(1).is_some_and(|(above, below)| is_proper(&quotient(above, below))) {
            return self.fraction().map(Some);
        }
        Ok(None)
    }

    /// `1/3` of `2 1/3`, where it is proper.
    fn plain_fraction(&self) -> Option<(&'a str, &'a str)> {
        let (first, second) = (self.token(0)?, self.token(2)?);
        match (first.kind, self.peek_ahead(1)?, second.kind) {
            (Kind::Number(numerator), Kind::Is(Meaning::Slash), Kind::Number(denominator))
                if first.gap & SPACE != 0 && !numerator.contains('.') && !denominator.contains('.') =>
            {
                is_proper(&quotient(numerator, denominator)).then_some((numerator, denominator))
            }
            _ => None,
        }
    }

    /// Whether a mixed number begins at the next token.
    pub fn is_mixed_number(&self) -> bool {
        self.is_ahead(1, Meaning::Fraction) && self.digit_fraction(2).is_some()
    }

    /// Both arguments of a fraction, `ahead` of the next token, if they are digits or groups of digits.
    fn digit_fraction(&self, ahead: usize) -> Option<(&'a str, &'a str)> {
        let argument = |at: usize| match self.peek_ahead(at)? {
            Kind::Number(digits) => Some((digits, 1)),
            Kind::Is(Meaning::Open(Bracket::Group)) => match (self.peek_ahead(at + 1)?, self.peek_ahead(at + 2)?) {
                (Kind::Number(digits), Kind::Is(Meaning::Close(Bracket::Group))) => Some((digits, 3)),
                _ => None,
            },
            _ => None,
        };
        match argument(ahead)? {
            // `\frac12` has both in one token
            (digits, 1) if digits.len() > 1 => Some((&digits[..1], &digits[1..2])),
            (numerator, length) => argument(ahead + length).map(|(denominator, _)| (numerator, denominator)),
        }
    }

    /// The base in a subscript that is next, which is passed; none if it is no number from 2 to 36.
    pub fn base(&mut self) -> Read<Option<u32>> {
        let (digits, length) = match self.group_end()? {
            Some(end) if end == self.next + 2 => (self.peek_ahead(1), 3),
            Some(end) if end == self.next + 4 && self.is_ahead(1, Meaning::Open(Bracket::Round)) => (self.peek_ahead(2), 5),
            Some(_) => return Ok(None),
            None => (self.peek(), 1),
        };
        let Some(Kind::Number(digits)) = digits else { return Ok(None) };
        let base = digits.parse::<u32>().ok().filter(|base| (2..=36).contains(base));
        if base.is_some() {
            self.next += length;
        }
        Ok(base)
    }

    /// `1A3_{16}`: digits and capital letters that touch, with a base above ten.
    fn numeral_with_letters(&mut self) -> Read<Option<Expression>> {
        if !matches!(self.peek_ahead(1), Some(Kind::Letter { .. })) {
            return Ok(None);
        }
        let mut length = 1;
        loop {
            match self.token(length) {
                Some(Token { kind: Kind::Number(digits), gap: NO_GAP, .. }) if !digits.contains('.') => {}
                Some(Token { kind: Kind::Letter { run, .. }, gap: NO_GAP, .. }) if run.as_bytes()[0].is_ascii_uppercase() => {}
                Some(Token { kind: Kind::Is(Meaning::Underscore), gap: NO_GAP, .. }) => break,
                _ => return Ok(None),
            }
            length += 1;
        }
        let start = self.next;
        let digits = self.text[self.tokens[start].start..self.tokens[start + length - 1].end].to_owned();
        self.next += length + 1;
        match self.base()? {
            Some(base) if base > 10 => Ok(Some(Expression::Based { digits, base })),
            _ => {
                self.next = start;
                Ok(None)
            }
        }
    }
}

fn quotient(numerator: &str, denominator: &str) -> Expression {
    Expression::Quotient(Box::new(number_of(numerator)), Box::new(number_of(denominator)))
}

fn is_proper(fraction: &Expression) -> bool {
    let Expression::Quotient(numerator, denominator) = fraction else { return false };
    match (&**numerator, &**denominator) {
        (Expression::Number { value: above, decimal: false }, Expression::Number { value: below, decimal: false }) => {
            above < below
        }
        _ => false,
    }
}

/// `digits` with `period` repeated for ever behind them.
fn periodic(digits: &str, period: &str) -> Expression {
    let n_decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let period_digits: String = period.chars().filter(char::is_ascii_digit).collect();
    let Expression::Number { value: front, .. } = number_of(digits) else { return whole(0) };
    let nines = ten_to(period_digits.len()) - BigInt::one();
    if nines.is_zero() {
        return Expression::Number { value: front, decimal: true };
    }
    let value = front + BigRational::new(integer(&period_digits), nines * ten_to(n_decimals));
    Expression::Number { value, decimal: true }
}
