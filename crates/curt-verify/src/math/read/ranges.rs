//! Sums and products over a range, integrals, limits.

use super::super::expression::{Expression, RangeKind, Relation};
use super::commands::{Bracket, Meaning};
use super::fractions::name_of;
use super::lexer::Kind;
use super::products::ungrouped;
use super::reader::{Read, Reader};

impl Reader<'_> {
    /// `\sum_{k=1}^{n} body`, of which the command has been passed. The body is one term.
    pub fn range(&mut self, kind: RangeKind) -> Read {
        let mut lower = None;
        let mut upper = None;
        for _ in 0..2 {
            if lower.is_none() && self.take(Meaning::Underscore) {
                lower = Some(self.counter()?);
            } else if upper.is_none() && self.take(Meaning::Caret) {
                upper = Some(self.bound()?);
            }
        }
        let (Some((variable, from)), Some(to)) = (lower, upper) else { return self.unexpected() };
        self.counters.push(variable.clone());
        let body = self.deeper(|reader| reader.product(false));
        self.counters.pop();
        let (from, to, body) = (Box::new(from), Box::new(to), Box::new(body?));
        Ok(Expression::Range { kind, variable, from, to, body })
    }

    /// `{k = 1}`: the counter and its first value.
    fn counter(&mut self) -> Read<(String, Expression)> {
        let Some(end) = self.group_end()? else { return self.unexpected() };
        let Some(variable) = self.peek_ahead(1).and_then(name_of) else { return self.unexpected() };
        if !self.is_ahead(2, Meaning::Relation(Relation::Equal)) {
            return self.unexpected();
        }
        self.next += 3;
        let from = self.deeper(|reader| reader.within(end, Self::list))?;
        Ok((variable, from))
    }

    /// A bound of a range or an integral: a group, or one number, letter or operand.
    fn bound(&mut self) -> Read {
        match self.peek() {
            Some(Kind::Letter { run, .. }) => {
                self.next += 1;
                Ok(self.letter_of(&run[..1]))
            }
            Some(Kind::Is(Meaning::Minus)) => {
                self.next += 1;
                Ok(Expression::Negative(Box::new(self.deeper(Self::atom)?)))
            }
            Some(Kind::Number(digits)) => {
                self.next += 1;
                Ok(super::numbers::number_of(digits))
            }
            _ => self.deeper(Self::atom),
        }
    }

    /// `\int_a^b body dx`, of which the command has been passed.
    pub fn integral(&mut self) -> Read {
        let mut low = None;
        let mut high = None;
        for _ in 0..2 {
            let is_low = self.is(Meaning::Underscore);
            if !is_low && !self.is(Meaning::Caret) {
                break;
            }
            self.next += 1;
            let is_empty = self.group_end()? == Some(self.next + 1);
            let bound = if is_empty {
                self.next += 2;
                None
            } else {
                Some(self.bound()?)
            };
            *(if is_low { &mut low } else { &mut high }) = bound;
        }
        let outer = self.differential.replace(None);
        let body = self.deeper(Self::sum);
        let met = std::mem::replace(&mut self.differential, outer);
        let body = Box::new(ungrouped(body?));
        let Some(Some(variable)) = met else { return self.unexpected() };
        let bounds = match (low, high) {
            (Some(low), Some(high)) => Some((Box::new(low), Box::new(high))),
            (None, None) => None,
            _ => return self.unexpected(),
        };
        Ok(Expression::Integral { variable, bounds, body })
    }

    /// `\lim_{x \to a^+} body`, of which the command has been passed.
    pub fn limit(&mut self) -> Read {
        self.expect(Meaning::Underscore)?;
        let Some(end) = self.group_end()? else { return self.unexpected() };
        let Some(variable) = self.peek_ahead(1).and_then(name_of) else { return self.unexpected() };
        if !self.is_ahead(2, Meaning::Relation(Relation::Arrow)) {
            return self.unexpected();
        }
        self.next += 3;
        let (point_end, side) = self.side(end);
        self.end = self.end.max(end);
        let point = self.deeper(|reader| reader.within(point_end, Self::list))?;
        self.next = end + 1;
        let body = Box::new(self.deeper(|reader| reader.product(false))?);
        Ok(Expression::Limit { variable, point: Box::new(point), side, body })
    }

    /// Where the point of a limit ends, before `^+`, `^{-}` or nothing, and the side that this says.
    fn side(&self, end: usize) -> (usize, i8) {
        let tokens = &self.tokens[..end];
        let kind = |back: usize| end.checked_sub(back).and_then(|at| tokens.get(at)).map(|token| token.kind);
        let sign = |kind| match kind {
            Some(Kind::Is(Meaning::Plus)) => Some(1),
            Some(Kind::Is(Meaning::Minus)) => Some(-1),
            _ => None,
        };
        let caret = Some(Kind::Is(Meaning::Caret));
        let braces =
            kind(1) == Some(Kind::Is(Meaning::Close(Bracket::Group))) && kind(3) == Some(Kind::Is(Meaning::Open(Bracket::Group)));
        if let Some(side) = sign(kind(1)).filter(|_| kind(2) == caret) {
            return (end - 2, side);
        }
        if let Some(side) = sign(kind(2)).filter(|_| braces && kind(4) == caret) {
            return (end - 4, side);
        }
        (end, 0)
    }
}
