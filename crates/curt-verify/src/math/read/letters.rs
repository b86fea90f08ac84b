//! Names: letters, Greek letters, subscripts, accents, primes.

use super::super::expression::{Constant, Expression};
use super::commands::{Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::reader::{Read, Reader};

/// Letters that are functions where a parenthesis follows.
const FUNCTIONS: [&str; 6] = ["f", "g", "h", "F", "G", "H"];

impl<'a> Reader<'a> {
    /// The letter `run` begins with, which is the next token.
    pub fn letter(&mut self, run: &'a str) -> Read {
        self.next += 1;
        let name = &run[..1];
        if self.is(Meaning::Underscore) || self.is(Meaning::Prime) || self.is(Meaning::Open(Bracket::Round)) {
            return self.named(name.to_owned());
        }
        Ok(self.letter_of(name))
    }

    /// A letter on its own.
    pub fn letter_of(&self, name: &str) -> Expression {
        let is_counter = self.counters.iter().any(|counter| counter == name);
        match name {
            "e" if !is_counter => Expression::Constant(Constant::E),
            "i" if !is_counter => Expression::Constant(Constant::I),
            _ => Expression::Symbol(name.to_owned()),
        }
    }

    /// A name with the subscript, the primes and the arguments that follow it.
    pub fn named(&mut self, mut name: String) -> Read {
        let bare = name.len();
        loop {
            if let Some(subscript) = self.subscript()? {
                name.push_str(&subscript);
            } else if self.take(Meaning::Prime) {
                name.push('\'');
            } else {
                break;
            }
        }
        let applies = FUNCTIONS.contains(&&name[..bare]) && self.is(Meaning::Open(Bracket::Round));
        if applies {
            let arguments = self.arguments()?;
            return Ok(Expression::Apply(name, arguments));
        }
        Ok(if name.len() == bare { self.letter_of(&name) } else { Expression::Symbol(name) })
    }

    /// The subscript that is next, spelled with its underscore; none if none is next.
    pub fn subscript(&mut self) -> Read<Option<String>> {
        if !self.is(Meaning::Underscore) {
            return Ok(None);
        }
        self.next += 1;
        let mut spelled = String::from("_");
        match self.group_end()? {
            Some(end) => {
                (self.next + 1..end).for_each(|at| self.spell(at, &mut spelled));
                self.next = end + 1;
            }
            None if self.next < self.end => {
                self.spell(self.next, &mut spelled);
                self.next += 1;
            }
            None => return self.unexpected(),
        }
        Ok(Some(spelled))
    }

    /// Adds the token at `at` to a name: without backslashes, braces and spaces.
    fn spell(&self, at: usize, name: &mut String) {
        let token = &self.tokens[at];
        match token.kind {
            Kind::Letter { run, .. } => name.push_str(&run[..1]),
            Kind::Words { raw, .. } => name.extend(raw.chars().filter(|c| !" ~\\".contains(*c))),
            Kind::Is(Meaning::Symbol(symbol)) => name.push_str(symbol),
            Kind::Is(Meaning::Open(Bracket::Group) | Meaning::Close(Bracket::Group)) => {}
            _ => name.push_str(self.text[token.start..token.end].trim_start_matches('\\').trim()),
        }
    }

    /// A mark over a name, such as `\bar`, which has been passed: `bar{x}`. A bar over more than a name is the conjugate.
    pub fn accent(&mut self, mark: &'static str) -> Read {
        let mut name = String::new();
        match self.group_end()? {
            Some(end) if mark.is_empty() && end > self.next + 2 => {
                return self.group()?.map_or_else(|| self.unexpected(), Ok);
            }
            Some(end) => {
                let is_name = |kind: Kind| {
                    matches!(
                        kind,
                        Kind::Letter { .. }
                            | Kind::Number(_)
                            | Kind::Is(Meaning::Symbol(_) | Meaning::Underscore | Meaning::Prime)
                    )
                };
                if !self.tokens[self.next + 1..end].iter().all(|token| is_name(token.kind)) {
                    let inner = self.group()?.map_or_else(|| self.unexpected(), Ok)?;
                    return Ok(Expression::Call(super::super::expression::Function::Conjugate, vec![inner]));
                }
                (self.next + 1..end).for_each(|at| self.spell(at, &mut name));
                self.next = end + 1;
            }
            None if self.next < self.end => {
                self.spell(self.next, &mut name);
                self.next += 1;
            }
            None => return self.unexpected(),
        }
        if mark.is_empty() {
            return self.bold(name);
        }
        self.named(format!("{mark}{{{name}}}"))
    }

    /// A name that is no constant: `\mathbf{i}`.
    fn bold(&mut self, name: String) -> Read {
        let named = self.named(name)?;
        Ok(match named {
            Expression::Constant(Constant::E) => Expression::Symbol("e".into()),
            Expression::Constant(Constant::I) => Expression::Symbol("i".into()),
            named => named,
        })
    }

    /// What stands behind `\mathbf`, which has been passed.
    pub fn bold_operand(&mut self) -> Read {
        let end = self.group_end()?;
        let is_letter = |kind| matches!(kind, Some(Kind::Letter { .. }));
        if end.is_none() || end == Some(self.next + 2) && is_letter(self.peek_ahead(1)) {
            return self.accent("");
        }
        self.group()?.map_or_else(|| self.unexpected(), Ok)
    }

    /// `\mathbb{R}`, of which the command has been passed.
    pub fn blackboard(&mut self) -> Read {
        let letter = match (self.group_end()?, self.peek(), self.peek_ahead(1)) {
            (Some(end), _, Some(Kind::Letter { run, .. })) if end == self.next + 2 => {
                self.next += 3;
                run
            }
            (None, Some(Kind::Letter { run, .. }), _) => {
                self.next += 1;
                run
            }
            _ => return self.unexpected(),
        };
        let letter = letter.as_bytes()[0] as char;
        if "RQZNC".contains(letter) { Ok(Expression::NumberSet(letter)) } else { Ok(Expression::Symbol(letter.to_string())) }
    }

    /// `\variable{name}`, of which the command has been passed: a name whatever it holds, but for digits.
    pub fn variable(&mut self) -> Read {
        let Some(end) = self.group_end()? else { return self.unexpected() };
        if let (Some(Kind::Number(digits)), true) = (self.peek_ahead(1), end == self.next + 2) {
            self.next = end + 1;
            return Ok(super::numbers::number_of(digits));
        }
        let mut name = String::new();
        (self.next + 1..end).for_each(|at| self.spell(at, &mut name));
        self.next = end + 1;
        Ok(Expression::Symbol(name))
    }

    /// Passes `dx` behind what is integrated, and keeps its variable, if an integral waits for it.
    pub fn take_differential(&mut self) -> bool {
        if self.differential != Some(None) {
            return false;
        }
        let is_d = matches!(self.peek(), Some(Kind::Letter { run, .. }) if run.starts_with('d'));
        let Some(variable) = self.token(1).filter(|token| is_d && (token.gap == NO_GAP || matches!(token.kind, Kind::Is(_))))
        else {
            return false;
        };
        let name = match variable.kind {
            Kind::Letter { run, .. } => run[..1].to_owned(),
            Kind::Is(Meaning::Symbol(symbol)) => symbol.to_owned(),
            _ => return false,
        };
        self.differential = Some(Some(name));
        self.next += 2;
        true
    }
}
