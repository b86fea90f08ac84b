//! What stands in brackets: groups, tuples, intervals, sets.

use super::super::expression::{Expression, Function};
use super::commands::{Bracket, Meaning};
use super::lexer::{Kind, NONE};
use super::reader::{Read, Reader};

impl Reader<'_> {
    /// A bracket, which is next, and what it makes of what it holds.
    pub fn bracket(&mut self, bracket: Bracket) -> Read {
        match bracket {
            Bracket::Group => self.braces(),
            Bracket::Curly => self.set(),
            Bracket::Floor | Bracket::Ceil => {
                let (mut items, _) = self.items(bracket)?;
                let function = if bracket == Bracket::Floor { Function::Floor } else { Function::Ceil };
                if items.len() == 1 { Ok(Expression::Call(function, vec![items.remove(0)])) } else { self.unexpected() }
            }
            Bracket::Round | Bracket::Square | Bracket::Angle | Bracket::Nothing => {
                let (items, close) = self.items(bracket)?;
                Ok(interval_or_tuple(items, bracket == Bracket::Square, close == Bracket::Square))
            }
        }
    }

    /// `{…}`: only a group, unless it divides its content (`{n \choose k}`) or lists things.
    fn braces(&mut self) -> Read {
        let Some(end) = self.group_end()? else { return self.unexpected() };
        if end == self.next + 1 {
            // `{}` before a sign or a script
            self.next = end + 1;
            return self.atom();
        }
        let divides = |kind| matches!(kind, Kind::Is(Meaning::Over(_)));
        let mut depth = 0_usize;
        let inside = if self.divides { self.next + 1..end } else { end..end };
        let middle = { inside }.find(|&at| {
            match self.tokens[at].kind {
                Kind::Is(Meaning::Open(Bracket::Group)) => depth += 1,
                Kind::Is(Meaning::Close(Bracket::Group)) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && divides(self.tokens[at].kind)
        });
        self.next += 1;
        let Some(middle) = middle else { return self.within(end, Self::list) };
        let is_quotient = self.tokens[middle].kind == Kind::Is(Meaning::Over(true));
        let above = self.within(middle, Self::list)?;
        let below = self.within(end, Self::list)?;
        Ok(match is_quotient {
            true => Expression::Quotient(Box::new(above), Box::new(below)),
            false => Expression::Call(Function::Binomial, vec![above, below]),
        })
    }

    /// `\{…\}`: a set, with its condition if it has one; the rows of a system behind `\left\{`.
    fn set(&mut self) -> Read {
        let start = self.next;
        let outer = (self.pipes, self.in_set, self.thousands, self.reversed);
        (self.pipes, self.in_set, self.thousands, self.reversed) = (0, true, false, false);
        self.next += 1;
        let found = self.elements();
        (self.pipes, self.in_set, self.thousands, self.reversed) = outer;
        let (elements, condition) = found?;
        if self.take(Meaning::Close(Bracket::Nothing)) || self.next >= self.end && self.tokens[start].partner == NONE {
            return Ok(system(elements));
        }
        self.expect(Meaning::Close(Bracket::Curly))?;
        Ok(match condition {
            None => Expression::Set(elements),
            Some(condition) => {
                let mut elements = elements;
                let element = if elements.len() == 1 { elements.remove(0) } else { Expression::Tuple(elements) };
                Expression::SetBuilder { element: Box::new(element), condition: Box::new(condition) }
            }
        })
    }

    /// The elements of a set and the condition behind its bar, up to the bracket that closes it.
    fn elements(&mut self) -> Read<(Vec<Expression>, Option<Expression>)> {
        let mut elements = Vec::new();
        while !matches!(self.meaning(), Some(Meaning::Close(_)) | None)
            || self.peek().is_some_and(|kind| !matches!(kind, Kind::Is(_)))
        {
            elements.push(self.relation()?);
            match self.meaning() {
                Some(Meaning::Comma | Meaning::Semicolon | Meaning::And) => self.next += 1,
                Some(Meaning::Pipe | Meaning::Bar | Meaning::Colon) => {
                    self.next += 1;
                    self.in_set = false;
                    let mut conditions = vec![self.relation()?];
                    while self.take(Meaning::Comma) || self.take(Meaning::And) {
                        conditions.push(self.relation()?);
                    }
                    let condition = if conditions.len() == 1 { conditions.remove(0) } else { Expression::List(conditions) };
                    return Ok((elements, Some(condition)));
                }
                _ => break,
            }
        }
        Ok((elements, None))
    }

    /// What stands in round or square brackets, floor or ceiling signs, and the bracket that closes them. Both are passed.
    pub fn items(&mut self, bracket: Bracket) -> Read<(Vec<Expression>, Bracket)> {
        let outer = (self.pipes, self.in_set, self.thousands, self.reversed);
        (self.pipes, self.in_set, self.thousands, self.reversed) = (0, false, false, false);
        self.next += 1;
        let found = self.items_inside();
        (self.pipes, self.in_set, self.thousands, self.reversed) = outer;
        let items = found?;
        let Some(Meaning::Close(close)) = self.meaning() else { return self.unexpected() };
        let may_close = match bracket {
            Bracket::Round | Bracket::Square => matches!(close, Bracket::Round | Bracket::Square),
            Bracket::Nothing => close != Bracket::Group,
            bracket => close == bracket,
        };
        if !may_close && close != Bracket::Nothing {
            return self.unexpected();
        }
        self.next += 1;
        Ok((items, close))
    }

    fn items_inside(&mut self) -> Read<Vec<Expression>> {
        let mut items = Vec::new();
        if matches!(self.meaning(), Some(Meaning::Close(_))) {
            return Ok(items);
        }
        loop {
            items.push(self.relation()?);
            match self.meaning() {
                Some(Meaning::Comma | Meaning::Semicolon | Meaning::And) => self.next += 1,
                _ => return Ok(items),
            }
        }
    }

    /// `]a, b[` and `]a, b]`, where a closing bracket stands first.
    pub fn reversed_interval(&mut self) -> Read {
        self.next += 1;
        let outer = (self.pipes, self.in_set, self.thousands, self.reversed);
        (self.pipes, self.in_set, self.thousands, self.reversed) = (0, false, false, true);
        let items = self.items_inside();
        (self.pipes, self.in_set, self.thousands, self.reversed) = outer;
        let mut items = items?;
        let closed_high = match self.meaning() {
            Some(Meaning::Open(Bracket::Square)) => false,
            Some(Meaning::Close(Bracket::Square)) => true,
            _ => return self.unexpected(),
        };
        let (Some(high), Some(low), None) = (items.pop(), items.pop(), items.pop()) else { return self.unexpected() };
        self.next += 1;
        Ok(Expression::Interval { low: Box::new(low), high: Box::new(high), closed_low: false, closed_high })
    }
}

/// One item is itself, two between brackets of which one is square are an interval, others are a tuple.
fn interval_or_tuple(mut items: Vec<Expression>, closed_low: bool, closed_high: bool) -> Expression {
    match (items.len(), closed_low || closed_high) {
        (1, _) => items.remove(0),
        (2, true) => {
            let (high, low) = (Box::new(items.remove(1)), Box::new(items.remove(0)));
            Expression::Interval { low, high, closed_low, closed_high }
        }
        _ => Expression::Tuple(items),
    }
}

/// The equations behind `\left\{` that nothing closes: one below the other in a matrix of one column, or a list.
fn system(mut elements: Vec<Expression>) -> Expression {
    if elements.len() != 1 {
        return Expression::List(elements);
    }
    match elements.remove(0) {
        Expression::Matrix(rows) if rows.iter().all(|row| row.len() == 1) => {
            Expression::List(rows.into_iter().flatten().collect())
        }
        element => element,
    }
}
