//! The smallest operands, by their first token.

use super::super::expression::{Expression, Function};
use super::Reason;
use super::commands::{Bracket, Meaning};
use super::lexer::Kind;
use super::reader::{Read, Reader};
use super::words;

impl Reader<'_> {
    /// One operand without anything behind it.
    pub fn atom(&mut self) -> Read {
        match self.peek() {
            Some(Kind::Number(digits)) => self.number(digits),
            Some(Kind::Letter { run, first }) => {
                if first && words::is_word(run) {
                    return self.fail(Reason::Words);
                }
                self.letter(run)
            }
            Some(Kind::Words { raw, upright }) => {
                self.next += 1;
                let is_name = upright && raw.len() <= 4 && raw.bytes().all(|byte| byte.is_ascii_alphabetic());
                if is_name { self.named(raw.to_owned()) } else { Ok(words::text_or_choice(raw)) }
            }
            Some(Kind::Unknown(name)) => {
                self.next += 1;
                self.named(name.to_owned())
            }
            Some(Kind::Is(meaning)) => self.atom_of(meaning),
            Some(Kind::Other(_)) | None => self.unexpected(),
        }
    }

    fn atom_of(&mut self, meaning: Meaning) -> Read {
        match meaning {
            Meaning::Open(bracket) => return self.bracket(bracket),
            Meaning::Close(Bracket::Square) => return self.reversed_interval(),
            Meaning::Pipe | Meaning::OpenPipe => return self.bars(),
            _ => self.next += 1,
        }
        match meaning {
            Meaning::Symbol(name) => self.named(name.to_owned()),
            Meaning::Constant(constant) => Ok(Expression::Constant(constant)),
            Meaning::EmptySet => Ok(Expression::Set(Vec::new())),
            Meaning::Ellipsis => Ok(Expression::Symbol("...".to_owned())),
            Meaning::Function(function) => self.function(function),
            Meaning::Fraction => {
                self.next -= 1;
                self.fraction()
            }
            Meaning::Binomial => self.binomial(),
            Meaning::Root => self.root(),
            Meaning::CubeRoot => self.cube_root(),
            Meaning::Big(kind) => self.range(kind),
            Meaning::Integral => self.integral(),
            Meaning::Limit => self.limit(),
            Meaning::Partial => Ok(Expression::Symbol("partial".to_owned())),
            Meaning::Accent(mark) => self.accent(mark),
            Meaning::Bold => self.bold_operand(),
            Meaning::Blackboard => self.blackboard(),
            Meaning::Variable => self.variable(),
            Meaning::Begin(environment) => self.environment(environment),
            Meaning::Currency(unit) => self.amount(unit),
            _ => {
                self.next -= 1;
                self.unexpected()
            }
        }
    }

    /// A sign of money, which has been passed, and the amount behind it.
    fn amount(&mut self, unit: &str) -> Read {
        let amount = self.factor()?;
        Ok(match amount {
            Expression::Number { .. } => Expression::Quantity(Box::new(amount), unit.to_owned()),
            amount => amount,
        })
    }

    /// `|a|`, `\left|a\right|`; of a matrix: its determinant.
    fn bars(&mut self) -> Read {
        let opens_with_size = self.is(Meaning::OpenPipe);
        self.next += 1;
        let outer = (self.pipes, self.in_set, self.thousands);
        (self.pipes, self.in_set, self.thousands) = (if opens_with_size { 0 } else { self.pipes + 1 }, false, false);
        let inner = self.relation();
        (self.pipes, self.in_set, self.thousands) = outer;
        let inner = inner?;
        // `\left| a |` closes too
        if !self.take(Meaning::ClosePipe) && !self.take(Meaning::Pipe) {
            return self.unexpected();
        }
        Ok(match inner {
            matrix @ Expression::Matrix(_) => Expression::Call(Function::Determinant, vec![matrix]),
            inner => Expression::Call(Function::Abs, vec![inner]),
        })
    }
}
