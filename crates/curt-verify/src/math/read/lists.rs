//! Whole answers: lists, relations, ratios and operations on sets.

use super::super::expression::{Expression, Relation, SetOperation};
use super::Reason;
use super::commands::{Bracket, Meaning, WIDE};
use super::lexer::Kind;
use super::reader::{Read, Reader};

impl Reader<'_> {
    /// All of the tokens as one answer.
    pub fn answer(mut self) -> Read {
        while matches!(self.meaning(), Some(Meaning::Point | Meaning::Comma | Meaning::NewRow | Meaning::Semicolon)) {
            self.next += 1;
        }
        while self.end > self.next && matches!(self.tokens[self.end - 1].kind, Kind::Is(Meaning::Point)) {
            self.end -= 1;
        }
        if self.next >= self.end {
            return self.fail(Reason::Empty);
        }
        let label = self.label();
        let answer = self.list()?;
        if self.next < self.end {
            return self.unexpected();
        }
        Ok(match label {
            Some(letter) => Expression::Labelled(letter, Box::new(answer)),
            None => answer,
        })
    }

    /// The letter of a choice before its value, which is passed: `\textbf{(B)}\ 5`.
    fn label(&mut self) -> Option<char> {
        let Some(Kind::Words { raw, .. }) = self.peek() else { return None };
        let letter = raw.trim().strip_prefix('(')?.split(')').next().filter(|letter| letter.len() == 1)?.chars().next()?;
        let has_value = self.next + 1 < self.end && !matches!(self.peek_ahead(1), Some(Kind::Is(Meaning::Comma | Meaning::And)));
        if !letter.is_ascii_uppercase() || !has_value {
            return None;
        }
        self.next += 1;
        Some(letter)
    }

    /// Items between separators; one item alone is itself. Items between semicolons are tuples.
    pub fn list(&mut self) -> Read {
        let first = self.relation()?;
        if self.next >= self.end {
            return Ok(first);
        }
        let mut groups: Vec<Expression> = Vec::new();
        let mut items = vec![first];
        let mut is_grouped = false;
        while let Some(closes_group) = self.separator() {
            if closes_group {
                is_grouped |= items.len() > 1;
                groups.push(group(&mut items));
            }
            if self.next >= self.end {
                break;
            }
            items.push(self.relation()?);
        }
        if !items.is_empty() && !groups.is_empty() {
            is_grouped |= items.len() > 1;
            groups.push(group(&mut items));
        }
        if self.next >= self.end && self.is_replaceable_set(&items) {
            return Ok(Expression::Set(items));
        }
        Ok(match (groups.len(), is_grouped) {
            (0, _) if items.len() == 1 => items.remove(0),
            (0, _) => spread(items),
            (1, _) => groups.remove(0),
            _ => Expression::List(groups),
        })
    }

    /// Whether these items of a list stand in braces that are not escaped: `{1, 2}` is the set.
    fn is_replaceable_set(&self, items: &[Expression]) -> bool {
        items.len() > 1 && self.tokens.get(self.end).is_some_and(|token| token.kind == Kind::Is(Meaning::Close(Bracket::Group)))
    }

    /// Passes the separators that are next: whether they end a group; none if no separator is next.
    fn separator(&mut self) -> Option<bool> {
        let mut found = None;
        if self.gap() & WIDE != 0 {
            found = Some(false);
        }
        loop {
            match self.meaning() {
                Some(Meaning::Comma | Meaning::And) => found = Some(found.unwrap_or(false)),
                Some(Meaning::Semicolon | Meaning::NewRow) => found = Some(true),
                Some(Meaning::Point) if self.next + 1 >= self.end => {}
                _ => return found,
            }
            self.next += 1;
        }
    }

    /// Operands between relations.
    pub fn relation(&mut self) -> Read {
        // `= 5` and `\approx 5` say what their right side says
        if let Some(Meaning::Relation(Relation::Equal | Relation::Approximately)) = self.meaning() {
            self.next += 1;
        }
        let first = self.ratio()?;
        let Some(relation) = self.relation_sign() else { return Ok(first) };
        let mut operands = vec![first];
        let mut relations = vec![relation];
        loop {
            operands.push(self.ratio()?);
            match self.relation_sign() {
                Some(relation) => relations.push(relation),
                None => return Ok(Expression::Relation { operands, relations }),
            }
        }
    }

    fn relation_sign(&mut self) -> Option<Relation> {
        // `&` only aligns here
        if self.in_lines && self.is(Meaning::Ampersand) && matches!(self.peek_ahead(1), Some(Kind::Is(Meaning::Relation(_)))) {
            self.next += 1;
        }
        match self.meaning()? {
            Meaning::Relation(relation) => {
                self.next += 1;
                Some(relation)
            }
            Meaning::Not => {
                let relation = match self.peek_ahead(1)? {
                    Kind::Is(Meaning::Relation(Relation::Equal)) => Relation::NotEqual,
                    Kind::Is(Meaning::Relation(Relation::In)) => Relation::NotIn,
                    Kind::Is(Meaning::Relation(Relation::Less)) => Relation::GreaterEqual,
                    Kind::Is(Meaning::Relation(Relation::Greater)) => Relation::LessEqual,
                    _ => return None,
                };
                self.next += 2;
                Some(relation)
            }
            Meaning::Bar | Meaning::Pipe if !self.in_set && self.pipes == 0 => {
                self.next += 1;
                Some(Relation::Divides)
            }
            // the modulus of a congruence: `\pmod{7}`, `(mod 7)`
            Meaning::Modulus => {
                self.next += 1;
                Some(Relation::Congruent)
            }
            Meaning::Open(Bracket::Round) if self.is_ahead(1, Meaning::Mod) => {
                let close = self.token(0)?.partner;
                if close >= self.end {
                    return None;
                }
                // the brackets are taken for the group behind `\pmod`
                self.next += 1;
                self.tokens[self.next].kind = Kind::Is(Meaning::Open(Bracket::Group));
                self.tokens[self.next].partner = close;
                self.tokens[close].kind = Kind::Is(Meaning::Close(Bracket::Group));
                Some(Relation::Congruent)
            }
            _ => None,
        }
    }

    /// `a : b : c`
    fn ratio(&mut self) -> Read {
        let first = self.set_operation()?;
        if !self.is(Meaning::Colon) || self.in_set {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take(Meaning::Colon) {
            terms.push(self.set_operation()?);
        }
        Ok(Expression::Ratio(terms))
    }

    /// `A ∪ B`, from left to right.
    fn set_operation(&mut self) -> Read {
        let mut left = self.sum()?;
        let mut n_changes = 0;
        while let Some(operation) = self.set_sign() {
            let right = as_set(self.sum()?);
            left = match left {
                Expression::SetOperation(same, mut sets) if same == operation && same != SetOperation::Difference => {
                    sets.push(right);
                    Expression::SetOperation(same, sets)
                }
                left => {
                    n_changes += 1;
                    if n_changes > 32 {
                        return self.fail(Reason::TooDeep);
                    }
                    Expression::SetOperation(operation, vec![as_set(left), right])
                }
            };
        }
        Ok(left)
    }

    fn set_sign(&mut self) -> Option<SetOperation> {
        let operation = match self.peek()? {
            Kind::Is(Meaning::SetOperation(operation)) => operation,
            Kind::Letter { run: "U", .. } if self.is_union_letter() => SetOperation::Union,
            _ => return None,
        };
        self.next += 1;
        Some(operation)
    }

    /// Whether the next token is a letter U between two intervals: `(1,2)U(3,4)`.
    pub fn is_union_letter(&self) -> bool {
        let closes = |kind| matches!(kind, Kind::Is(Meaning::Close(Bracket::Round | Bracket::Square | Bracket::Curly)));
        matches!(self.peek(), Some(Kind::Letter { run: "U", first: true }))
            && self.next > 0
            && closes(self.tokens[self.next - 1].kind)
            && matches!(self.peek_ahead(1), Some(Kind::Is(Meaning::Open(Bracket::Round | Bracket::Square | Bracket::Curly))))
    }
}

/// The items of a group between semicolons.
fn group(items: &mut Vec<Expression>) -> Expression {
    let items = std::mem::take(items);
    if items.len() == 1 { items.into_iter().next().unwrap_or(Expression::Tuple(Vec::new())) } else { Expression::Tuple(items) }
}

/// A list; `x = 1, 2, 3` is x = (the list 1, 2, 3), and `x \in 1, 2` is in a set, if what is behind the first comma says nothing of its own.
fn spread(mut items: Vec<Expression>) -> Expression {
    let is_value = |item: &Expression| !matches!(item, Expression::Relation { .. } | Expression::Text(_));
    let rest_are_values = items[1..].iter().all(is_value);
    if let Expression::Relation { operands, relations } = &mut items[0]
        && rest_are_values
        && matches!(relations.last(), Some(Relation::Equal | Relation::In))
        && operands.len() == 2
        && let Some(last) = operands.pop()
    {
        let mut operands = std::mem::take(operands);
        let relations = std::mem::take(relations);
        items[0] = last;
        let is_member = relations.last() == Some(&Relation::In);
        operands.push(if is_member { Expression::Set(items) } else { Expression::List(items) });
        return Expression::Relation { operands, relations };
    }
    Expression::List(items)
}

/// An operand of an operation on sets: a bare value is the set of that value (`[0,1] \setminus {0.5}`).
fn as_set(operand: Expression) -> Expression {
    match operand {
        Expression::Number { .. }
        | Expression::Quotient(..)
        | Expression::Negative(_)
        | Expression::Sum(_)
        | Expression::Constant(_)
        | Expression::Call(..)
        | Expression::Power(..) => Expression::Set(vec![operand]),
        _ => operand,
    }
}
