//! Commands with arguments in braces: fractions, binomials, roots, derivatives written as fractions.

use super::super::expression::{Expression, Function};
use super::commands::{Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::numbers::{number_of, whole};
use super::reader::{Read, Reader};

impl<'a> Reader<'a> {
    /// `\frac{a}{b}`, which is next, or `\frac{d}{dx}` with what it derives.
    pub fn fraction(&mut self) -> Read {
        self.next += 1;
        if let Some(derivative) = self.derivative()? {
            return Ok(derivative);
        }
        let numerator = self.argument()?;
        let denominator = self.argument()?;
        Ok(Expression::Quotient(Box::new(numerator), Box::new(denominator)))
    }

    /// One argument of a command: a group, a digit, a letter or an operand.
    fn argument(&mut self) -> Read {
        if let Some(group) = self.group()? {
            return Ok(group);
        }
        match self.peek() {
            Some(Kind::Number(digits)) => {
                // TeX takes one digit: the rest stays
                let (digit, rest) = digits.split_at(1);
                if rest.is_empty() {
                    self.next += 1;
                } else {
                    let token = &mut self.tokens[self.next];
                    (token.kind, token.start, token.gap) = (Kind::Number(rest), token.start + 1, NO_GAP);
                }
                Ok(number_of(digit))
            }
            Some(Kind::Letter { run, .. }) => {
                self.next += 1;
                Ok(self.letter_of(&run[..1]))
            }
            Some(_) => self.deeper(Self::atom),
            None => self.unexpected(),
        }
    }

    /// `\binom{n}{k}`, of which the command has been passed.
    pub fn binomial(&mut self) -> Read {
        let above = self.argument()?;
        let below = self.argument()?;
        Ok(Expression::Call(Function::Binomial, vec![above, below]))
    }

    /// `\sqrt[n]{x}`, `\sqrt 12`, `sqrt(x)`, of which the command has been passed.
    pub fn root(&mut self) -> Read {
        let index = if self.is(Meaning::Open(Bracket::Square)) {
            let end = self.tokens[self.next].partner;
            if end >= self.end {
                return self.unexpected();
            }
            self.next += 1;
            self.deeper(|reader| reader.within(end, Self::list))?
        } else {
            whole(2)
        };
        let radicand = self.radicand()?;
        Ok(Expression::Call(Function::Root, vec![radicand, index]))
    }

    /// `cbrt(x)`, of which the word has been passed.
    pub fn cube_root(&mut self) -> Read {
        let radicand = self.radicand()?;
        Ok(Expression::Call(Function::Root, vec![radicand, whole(3)]))
    }

    fn radicand(&mut self) -> Read {
        if let Some(group) = self.group()? {
            return Ok(group);
        }
        match self.peek() {
            Some(Kind::Number(digits)) => {
                self.next += 1;
                Ok(number_of(digits))
            }
            Some(Kind::Letter { run, .. }) => {
                self.next += 1;
                Ok(self.letter_of(&run[..1]))
            }
            Some(_) => self.deeper(Self::atom),
            None => self.unexpected(),
        }
    }

    /// `{d}{dx}` and the operand behind, or `{dy}{dx}`: the arguments of a fraction, if they are this.
    fn derivative(&mut self) -> Read<Option<Expression>> {
        let Some(above) = self.group_end()? else { return Ok(None) };
        let inner = |from: usize, to: usize| {
            (self.tokens[from].kind, self.tokens.get(from + 1).filter(|_| from + 1 < to).map(|token| token.kind))
        };
        let below = above + 1;
        let Some(token) = self.tokens.get(below).filter(|token| token.kind == Kind::Is(Meaning::Open(Bracket::Group))) else {
            return Ok(None);
        };
        let close = token.partner;
        if close >= self.end || close != below + 3 || above < self.next + 2 || above > self.next + 3 {
            return Ok(None);
        }
        let is_d =
            |kind: Kind| matches!(kind, Kind::Letter { run, .. } if run.starts_with('d')) || kind == Kind::Is(Meaning::Partial);
        let ((first, derived), (second, variable)) = (inner(self.next + 1, above), inner(below + 1, close));
        let Some(variable) = variable.and_then(name_of).filter(|_| is_d(first) && is_d(second)) else { return Ok(None) };
        let body = match derived {
            None => {
                self.next = close + 1;
                self.factor()?
            }
            Some(derived) => match name_of(derived) {
                Some(name) => {
                    self.next = close + 1;
                    Expression::Symbol(name)
                }
                None => return Ok(None),
            },
        };
        Ok(Some(Expression::Derivative { variable, body: Box::new(body) }))
    }
}

/// The name that this token is, if it is one letter.
pub fn name_of(kind: Kind<'_>) -> Option<String> {
    match kind {
        Kind::Letter { run, .. } => Some(run[..1].to_owned()),
        Kind::Is(Meaning::Symbol(name)) => Some(name.to_owned()),
        _ => None,
    }
}
