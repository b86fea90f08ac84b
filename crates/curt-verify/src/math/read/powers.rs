//! A factor: an operand with what is raised, lowered or written behind it.

use super::super::expression::{Expression, Function};
use super::Reason;
use super::commands::{Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::numbers::number_of;
use super::products::{begins_operand, ungrouped};
use super::reader::{Read, Reader};

/// Most signs behind one operand.
const MAX_SIGNS: usize = 16;

/// What stands behind a caret.
enum Raised {
    Exponent(Expression),
    Degree,
    Primes(usize),
    /// A sign alone, as in `\mathbb{R}^+`
    Sign(char),
    /// `th` of `11^{\text{th}}`
    Ordinal,
}

impl Reader<'_> {
    /// An operand with its powers, factorials and percent signs.
    pub fn factor(&mut self) -> Read {
        self.deeper(|reader| {
            let mut factor = reader.atom()?;
            for _ in 0..MAX_SIGNS {
                match reader.behind(factor)? {
                    (found, true) => factor = found,
                    (found, false) => return Ok(found),
                }
            }
            reader.fail(Reason::TooDeep)
        })
    }

    /// `operand` with the one sign behind it, and whether there was one.
    fn behind(&mut self, operand: Expression) -> Read<(Expression, bool)> {
        let Some(meaning) = self.meaning() else { return Ok((operand, false)) };
        let found = match meaning {
            Meaning::Caret => {
                self.next += 1;
                self.raised_to(operand)?
            }
            Meaning::Underscore => return self.lowered(operand),
            Meaning::Bang => self.factorial(operand),
            Meaning::Percent => {
                self.next += 1;
                Expression::Percent(Box::new(operand))
            }
            Meaning::Degree => {
                self.next += 1;
                self.degrees(operand)
            }
            Meaning::Prime if matches!(operand, Expression::Number { .. }) => {
                // minutes or feet, seconds or inches
                let mut marks = String::new();
                while marks.len() < 2 && self.take(Meaning::Prime) {
                    marks.push('\'');
                }
                Expression::Quantity(Box::new(operand), marks)
            }
            _ => return Ok((operand, false)),
        };
        Ok((found, true))
    }

    fn raised_to(&mut self, operand: Expression) -> Read {
        match self.raised()? {
            Raised::Degree => Ok(self.degrees(operand)),
            Raised::Ordinal => Ok(operand),
            Raised::Sign(sign) => match operand {
                Expression::NumberSet(letter) => Ok(Expression::Symbol(format!("{letter}^{sign}"))),
                Expression::Symbol(name) => Ok(Expression::Symbol(format!("{name}^{sign}"))),
                _ => self.fail(Reason::Unexpected),
            },
            Raised::Primes(n_primes) => match operand {
                Expression::Symbol(name) => Ok(Expression::Symbol(name + &"'".repeat(n_primes))),
                _ => self.fail(Reason::Unexpected),
            },
            Raised::Exponent(exponent) => {
                let mut base = ungrouped(operand);
                // `x^2_i` is the square of x_i
                if self.is(Meaning::Underscore)
                    && let Expression::Symbol(name) = &base
                    && !name.contains('_')
                {
                    base = Expression::Symbol(format!("{name}{}", self.subscript()?.unwrap_or_default()));
                }
                Ok(Expression::Power(Box::new(base), Box::new(exponent)))
            }
        }
    }

    /// What stands behind a caret, which has been passed.
    fn raised(&mut self) -> Read<Raised> {
        if let Some(end) = self.group_end()? {
            let is_all = |meaning| self.tokens[self.next + 1..end].iter().all(|token| token.kind == Kind::Is(meaning));
            let length = end - self.next - 1;
            if let (1, Some(Kind::Words { raw: "st" | "nd" | "rd" | "th", .. })) = (length, self.peek_ahead(1)) {
                self.next = end + 1;
                return Ok(Raised::Ordinal);
            }
            if let (1, Some(sign)) = (length, self.peek_ahead(1).and_then(sign_of)) {
                self.next = end + 1;
                return Ok(Raised::Sign(sign));
            }
            if length == 1 && is_all(Meaning::Degree) {
                self.next = end + 1;
                return Ok(Raised::Degree);
            }
            if length > 0 && is_all(Meaning::Prime) {
                self.next = end + 1;
                return Ok(Raised::Primes(length));
            }
            self.next += 1;
            return self.deeper(|reader| reader.within(end, Self::list)).map(Raised::Exponent);
        }
        match self.peek() {
            Some(Kind::Is(Meaning::Degree)) => {
                self.next += 1;
                Ok(Raised::Degree)
            }
            Some(Kind::Is(Meaning::Prime)) => {
                self.next += 1;
                Ok(Raised::Primes(1))
            }
            Some(kind) if sign_of(kind).is_some() && !self.is_followed_by_operand() => {
                self.next += 1;
                Ok(Raised::Sign(sign_of(kind).unwrap_or('*')))
            }
            _ => self.exponent().map(Raised::Exponent),
        }
    }

    /// Whether a number or a name stands behind the next token.
    fn is_followed_by_operand(&self) -> bool {
        match self.peek_ahead(1) {
            Some(Kind::Number(_) | Kind::Letter { .. }) => true,
            Some(Kind::Is(meaning)) => begins_operand(meaning) || meaning == Meaning::Minus,
            _ => false,
        }
    }

    /// An exponent without braces: a number or one letter, with its own sign and exponent, or any factor.
    fn exponent(&mut self) -> Read {
        self.deeper(|reader| {
            let simple = match reader.peek() {
                Some(Kind::Is(Meaning::Minus)) => {
                    reader.next += 1;
                    return Ok(Expression::Negative(Box::new(reader.exponent()?)));
                }
                Some(Kind::Is(Meaning::Plus)) => {
                    reader.next += 1;
                    return reader.exponent();
                }
                Some(Kind::Number(digits)) => {
                    reader.next += 1;
                    number_of(digits)
                }
                Some(Kind::Letter { run, .. }) => {
                    reader.next += 1;
                    reader.letter_of(&run[..1])
                }
                _ => return reader.factor(),
            };
            if reader.gap() == NO_GAP && reader.take(Meaning::Caret) {
                let exponent = reader.exponent()?;
                return Ok(Expression::Power(Box::new(simple), Box::new(exponent)));
            }
            Ok(simple)
        })
    }

    /// A subscript behind an operand that is no name: the base of a numeral.
    fn lowered(&mut self, operand: Expression) -> Read<(Expression, bool)> {
        // the numeral may stand in brackets: `(1011)_2`
        let digits = match &operand {
            Expression::Number { value, decimal: false } if value.is_integer() => value.to_integer().to_string(),
            _ => return self.unexpected(),
        };
        self.next += 1;
        let Some(base) = self.base()? else { return self.unexpected() };
        Ok((Expression::Based { digits, base }, true))
    }

    fn factorial(&mut self, operand: Expression) -> Expression {
        let mut n_signs = 0;
        while n_signs < 3 && self.take(Meaning::Bang) {
            n_signs += 1;
        }
        if n_signs == 2 {
            return Expression::Call(Function::DoubleFactorial, vec![operand]);
        }
        (0..n_signs).fold(operand, |operand, _| Expression::Call(Function::Factorial, vec![operand]))
    }

    /// An angle in degrees: a number of them inside a trigonometric function, a quantity elsewhere. `^\circ C` is a unit too.
    fn degrees(&mut self, operand: Expression) -> Expression {
        if self.angle > 0 {
            return Expression::Call(Function::Degrees, vec![operand]);
        }
        let scale = match (self.peek(), self.peek_ahead(1)) {
            (Some(Kind::Letter { run, first: true } | Kind::Words { raw: run, .. }), _) => run,
            (Some(Kind::Is(Meaning::Open(Bracket::Group))), Some(Kind::Letter { run, .. })) => run,
            _ => "",
        };
        let unit = match scale.trim_matches([' ', '~']) {
            "C" | "Celsius" => "celsius",
            "F" | "Fahrenheit" => "fahrenheit",
            _ => "degree",
        };
        if unit != "degree" {
            self.next += if self.is(Meaning::Open(Bracket::Group)) { 3.min(self.end - self.next) } else { 1 };
        }
        Expression::Quantity(Box::new(operand), unit.to_owned())
    }
}

/// The sign that this token is, if it can stand alone behind a caret.
fn sign_of(kind: Kind<'_>) -> Option<char> {
    match kind {
        Kind::Is(Meaning::Plus) => Some('+'),
        Kind::Is(Meaning::Minus) => Some('-'),
        Kind::Is(Meaning::Times) => Some('*'),
        _ => None,
    }
}
