//! Functions with a meaning: their powers, bases and arguments.

use super::super::expression::{Expression, Function};
use super::commands::{Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::numbers::{number_of, whole};
use super::reader::{Read, Reader};

impl Reader<'_> {
    /// A function whose name has been passed.
    pub fn function(&mut self, function: Function) -> Read {
        let mut power = None;
        let mut base = None;
        loop {
            if self.take(Meaning::Caret) {
                power = Some(self.function_power()?);
            } else if function == Function::Log && self.take(Meaning::Underscore) {
                base = Some(self.log_base()?);
            } else {
                break;
            }
        }
        let inverse = power.as_ref().filter(|power| is_minus_one(power)).and_then(|_| inverse_of(function));
        let function = inverse.unwrap_or(function);
        let is_angle = takes_angle(function);
        self.angle += u32::from(is_angle);
        let arguments = self.function_arguments(function);
        self.angle -= u32::from(is_angle);
        let mut arguments = arguments?;
        if function == Function::Log {
            arguments.push(base.unwrap_or_else(|| whole(10)));
        }
        let value = Expression::Call(function, arguments);
        Ok(match power {
            Some(power) if inverse.is_none() => Expression::Power(Box::new(value), Box::new(power)),
            _ => value,
        })
    }

    /// The power between the name of a function and its argument: a group, a digit or a letter.
    fn function_power(&mut self) -> Read {
        if let Some(group) = self.group()? {
            return Ok(group);
        }
        let negative = self.take(Meaning::Minus);
        let power = match self.peek() {
            Some(Kind::Number(digits)) => {
                self.next += 1;
                number_of(digits)
            }
            Some(Kind::Letter { run, .. }) => {
                self.next += 1;
                self.letter_of(&run[..1])
            }
            _ => return self.unexpected(),
        };
        Ok(if negative { Expression::Negative(Box::new(power)) } else { power })
    }

    /// The base of a logarithm. Of digits that touch nothing else (`\log_28`), the first is the base.
    fn log_base(&mut self) -> Read {
        if let Some(group) = self.group()? {
            return Ok(group);
        }
        match self.peek() {
            Some(Kind::Number(digits)) => {
                let has_argument = self.peek_ahead(1).is_some_and(|kind| {
                    !matches!(
                        kind,
                        Kind::Is(Meaning::Plus | Meaning::Minus | Meaning::Comma | Meaning::Close(_) | Meaning::Relation(_))
                    )
                });
                if digits.len() > 1 && !has_argument {
                    let token = &mut self.tokens[self.next];
                    (token.kind, token.start, token.gap) = (Kind::Number(&digits[1..]), token.start + 1, NO_GAP);
                    return Ok(number_of(&digits[..1]));
                }
                self.next += 1;
                Ok(number_of(digits))
            }
            Some(Kind::Letter { run, .. }) => {
                self.next += 1;
                Ok(self.letter_of(&run[..1]))
            }
            Some(Kind::Is(Meaning::Constant(constant))) => {
                self.next += 1;
                Ok(Expression::Constant(constant))
            }
            _ => self.unexpected(),
        }
    }

    /// Arguments in a bracket, otherwise the one that follows without a bracket.
    fn function_arguments(&mut self, function: Function) -> Read<Vec<Expression>> {
        match self.meaning() {
            Some(Meaning::Open(Bracket::Round | Bracket::Square | Bracket::Curly)) => self.arguments(),
            Some(Meaning::Open(Bracket::Group)) => {
                let argument = self.group()?.map_or_else(|| self.unexpected(), Ok)?;
                Ok(match argument {
                    Expression::List(items) | Expression::Set(items) if function_takes_many(function) => items,
                    argument => vec![argument],
                })
            }
            _ => self.bare_argument().map(|argument| vec![argument]),
        }
    }

    /// Arguments in the bracket that is next.
    pub fn arguments(&mut self) -> Read<Vec<Expression>> {
        let bracket = match self.meaning() {
            Some(Meaning::Open(bracket)) => bracket,
            _ => return self.unexpected(),
        };
        self.deeper(|reader| reader.items(bracket)).map(|(items, _)| items)
    }

    /// The factors that follow, up to a sign or a function.
    fn bare_argument(&mut self) -> Read {
        let negative = self.take(Meaning::Minus);
        let mut factors = vec![self.factor()?];
        loop {
            let is_function = matches!(self.meaning(), Some(Meaning::Function(_) | Meaning::Big(_) | Meaning::Integral));
            let is_bracket = matches!(self.meaning(), Some(Meaning::Open(Bracket::Round | Bracket::Square)));
            let is_differential =
                self.differential == Some(None) && matches!(self.peek(), Some(Kind::Letter { run, .. }) if run.starts_with('d'));
            if is_function || is_bracket || is_differential || !self.starts_factor(factors.last()) {
                break;
            }
            factors.push(self.factor()?);
        }
        let argument = if factors.len() == 1 { factors.remove(0) } else { Expression::Product(factors) };
        Ok(if negative { Expression::Negative(Box::new(argument)) } else { argument })
    }
}

fn function_takes_many(function: Function) -> bool {
    matches!(function, Function::Gcd | Function::Lcm | Function::Max | Function::Min | Function::Binomial)
}

fn is_minus_one(power: &Expression) -> bool {
    matches!(power, Expression::Negative(one) if **one == whole(1))
}

fn takes_angle(function: Function) -> bool {
    use Function::{Cos, Cot, Csc, Sec, Sin, Tan};
    matches!(function, Sin | Cos | Tan | Cot | Sec | Csc)
}

fn inverse_of(function: Function) -> Option<Function> {
    use Function::*;
    Some(match function {
        Sin => Asin,
        Cos => Acos,
        Tan => Atan,
        Cot => Acot,
        Sec => Asec,
        Csc => Acsc,
        Sinh => Asinh,
        Cosh => Acosh,
        Tanh => Atanh,
        _ => return None,
    })
}
