//! Environments: matrices, determinants, systems.

use super::super::expression::{Expression, Function};
use super::Reason;
use super::commands::{Environment, Meaning};
use super::lexer::Kind;
use super::reader::{Read, Reader};

impl Reader<'_> {
    /// An environment whose beginning has been passed.
    pub fn environment(&mut self, environment: Environment) -> Read {
        let outer = (self.pipes, self.in_set, self.thousands, self.in_lines);
        (self.pipes, self.in_set, self.thousands, self.in_lines) = (0, false, false, environment == Environment::Lines);
        let rows = match environment {
            Environment::Lines => self.lines().map(|lines| vec![lines]),
            Environment::Matrix | Environment::Determinant => self.rows(),
        };
        (self.pipes, self.in_set, self.thousands, self.in_lines) = outer;
        let mut rows = rows?;
        match environment {
            Environment::Lines => {
                let mut lines = rows.pop().unwrap_or_default();
                Ok(if lines.len() == 1 { lines.remove(0) } else { Expression::List(lines) })
            }
            _ if rows.iter().any(|row| row.len() != rows[0].len()) => self.fail(Reason::Unexpected),
            Environment::Matrix => Ok(Expression::Matrix(rows)),
            Environment::Determinant => Ok(Expression::Call(Function::Determinant, vec![Expression::Matrix(rows)])),
        }
    }

    /// Cells between `&`, rows between `\\`, up to the end of the environment.
    fn rows(&mut self) -> Read<Vec<Vec<Expression>>> {
        let mut rows = vec![Vec::new()];
        while !self.take(Meaning::End) {
            let row = rows.last_mut().map_or(0, |row| row.len());
            let cell = self.relation()?;
            if let Some(last) = rows.last_mut() {
                last.push(cell);
            }
            match self.meaning() {
                Some(Meaning::Ampersand) => self.next += 1,
                Some(Meaning::NewRow) => {
                    self.next += 1;
                    if !self.is(Meaning::End) {
                        rows.push(Vec::with_capacity(row + 1));
                    }
                }
                // an equation or a list at the end of a row of `array`
                Some(Meaning::Comma | Meaning::Point | Meaning::Semicolon) => {
                    self.next += 1;
                    if self.take(Meaning::NewRow) && !self.is(Meaning::End) {
                        rows.push(Vec::new());
                    }
                }
                Some(Meaning::End) => {}
                _ => return self.unexpected(),
            }
        }
        if rows[0].is_empty() { self.unexpected() } else { Ok(rows) }
    }

    /// Rows that are read one by one, in which `&` only aligns; a row in two columns says more than is read here.
    fn lines(&mut self) -> Read<Vec<Expression>> {
        let mut lines = Vec::new();
        let mut columns = 0;
        for at in self.next..self.end {
            match self.tokens[at].kind {
                Kind::Is(Meaning::End) => break,
                Kind::Is(Meaning::NewRow) => columns = 0,
                Kind::Is(Meaning::Ampersand) => {
                    columns += 1;
                    let starts = at == self.next || matches!(self.tokens[at - 1].kind, Kind::Is(Meaning::NewRow));
                    let aligns = matches!(self.tokens.get(at + 1).map(|token| token.kind), Some(Kind::Is(Meaning::Relation(_))));
                    if columns > 1 || !starts && !aligns {
                        return self.fail(Reason::Words);
                    }
                }
                _ => {}
            }
        }
        while !self.take(Meaning::End) {
            self.take(Meaning::Ampersand);
            lines.push(self.relation()?);
            while matches!(
                self.meaning(),
                Some(Meaning::NewRow | Meaning::Comma | Meaning::Semicolon | Meaning::Point | Meaning::And)
            ) {
                self.next += 1;
            }
            if self.next >= self.end {
                return self.unexpected();
            }
        }
        if lines.is_empty() { self.unexpected() } else { Ok(lines) }
    }
}
