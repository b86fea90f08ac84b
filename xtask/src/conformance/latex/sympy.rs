//! A reader of what sympy prints, as far as the parsing cases need it: operators, calls, tuples, sets, names.

use anyhow::{Result, bail};
use curt_verify::math::expression::{Constant, Expression, Function, RangeKind, Relation, SetOperation};
use curt_verify::math::{ReadOptions, read};

/// The expression that sympy printed as `text`.
pub fn parse(text: &str) -> Result<Expression> {
    let mut reader = Reader { text, at: 0 };
    let found = reader.comparison()?;
    reader.spaces();
    if reader.at < text.len() {
        bail!("`{}` is left over", &text[reader.at..]);
    }
    Ok(found)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.spaces();
        let is = self.text[self.at..].starts_with(sign);
        self.at += if is { sign.len() } else { 0 };
        is
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.take(sign) { Ok(()) } else { bail!("no `{sign}` before `{}`", &self.text[self.at..]) }
    }

    fn comparison(&mut self) -> Result<Expression> {
        let first = self.sum()?;
        let signs =
            [("<=", Relation::LessEqual), (">=", Relation::GreaterEqual), ("<", Relation::Less), (">", Relation::Greater)];
        for (sign, relation) in signs {
            if self.take(sign) {
                return Ok(related(relation, first, self.sum()?));
            }
        }
        Ok(first)
    }

    fn sum(&mut self) -> Result<Expression> {
        let mut terms = vec![self.product()?];
        loop {
            if self.take("+") {
                terms.push(self.product()?);
            } else if self.take("-") {
                terms.push(Expression::Negative(Box::new(self.product()?)));
            } else {
                return Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::Sum(terms) });
            }
        }
    }

    fn product(&mut self) -> Result<Expression> {
        if self.take("-") {
            return Ok(Expression::Negative(Box::new(self.product()?)));
        }
        let mut left = self.power()?;
        loop {
            self.spaces();
            if !self.text[self.at..].starts_with("**") && self.take("*") {
                left = Expression::Product(vec![left, self.power()?]);
            } else if self.take("/") {
                left = Expression::Quotient(Box::new(left), Box::new(self.power()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn power(&mut self) -> Result<Expression> {
        if self.take("-") {
            return Ok(Expression::Negative(Box::new(self.power()?)));
        }
        let base = self.atom()?;
        if self.take("**") {
            return Ok(Expression::Power(Box::new(base), Box::new(self.power()?)));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expression> {
        self.spaces();
        let rest = &self.text[self.at..];
        match rest.as_bytes().first() {
            Some(b'0'..=b'9') => self.number(),
            Some(b'(') => {
                let mut items = self.items("(", ")")?;
                Ok(if items.len() == 1 { items.remove(0) } else { Expression::Tuple(items) })
            }
            Some(b'{') => Ok(Expression::Set(self.items("{", "}")?)),
            Some(b'[') => Ok(Expression::List(self.items("[", "]")?)),
            // the only negation is that of an equation, for "not in"
            Some(b'~') => {
                self.at += 1;
                match self.atom()? {
                    Expression::Relation { operands, .. } => {
                        Ok(Expression::Relation { operands, relations: vec![Relation::NotIn] })
                    }
                    other => bail!("not {other:?}"),
                }
            }
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'\\') => self.name_or_call(),
            _ => bail!("nothing is read at `{rest}`"),
        }
    }

    fn number(&mut self) -> Result<Expression> {
        let rest = &self.text[self.at..];
        let mantissa = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let mut length = mantissa;
        if let Some(exponent) = rest[mantissa..].strip_prefix('e') {
            length += 1 + exponent.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-".contains(byte)).count();
        }
        self.at += length;
        Ok(read(&rest[..length].replace('e', "E"), &ReadOptions::default())?)
    }

    fn items(&mut self, open: &str, close: &str) -> Result<Vec<Expression>> {
        self.expect(open)?;
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.comparison()?);
            if !self.take(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn name_or_call(&mut self) -> Result<Expression> {
        let name = self.name();
        if !self.text[self.at..].starts_with('(') {
            return Ok(named(name));
        }
        if name == "Limit" {
            return self.limit();
        }
        let arguments = self.items("(", ")")?;
        call(name, arguments)
    }

    /// Letters, digits, points, subscripts in braces, and LaTeX commands with the space behind them.
    fn name(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let mut depth = 0_usize;
        let mut in_command = false;
        let length = rest
            .char_indices()
            .find(|&(at, c)| {
                let next = rest[at + c.len_utf8()..].chars().next().unwrap_or(' ');
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    _ if depth > 0 => {}
                    '\\' => in_command = true,
                    ' ' if in_command && (next.is_ascii_alphanumeric() || next == '_') => in_command = false,
                    c => return !(c.is_ascii_alphanumeric() || c == '_' || c == '.'),
                }
                false
            })
            .map_or(rest.len(), |(at, _)| at);
        self.at += length;
        &rest[..length]
    }

    fn limit(&mut self) -> Result<Expression> {
        self.expect("(")?;
        let body = Box::new(self.comparison()?);
        self.expect(",")?;
        let variable = symbol_of(self.comparison()?)?;
        self.expect(",")?;
        let point = Box::new(self.comparison()?);
        // sympy prints `+` for both sides too, since its limits are from above unless told otherwise
        let side = if self.take(", dir='-'") { -1 } else { 1 };
        self.take(", dir='+'");
        self.expect(")")?;
        Ok(Expression::Limit { variable, point, side, body })
    }
}

fn related(relation: Relation, left: Expression, right: Expression) -> Expression {
    Expression::Relation { operands: vec![left, right], relations: vec![relation] }
}

fn symbol_of(expression: Expression) -> Result<String> {
    match expression {
        Expression::Symbol(name) => Ok(name),
        other => bail!("{other:?} is no variable"),
    }
}

/// A constant, a set of numbers, or a variable in the spelling of `read`: without braces and backslashes.
fn named(name: &str) -> Expression {
    match name {
        "pi" => Expression::Constant(Constant::Pi),
        "E" => Expression::Constant(Constant::E),
        "I" => Expression::Constant(Constant::I),
        "oo" => Expression::Constant(Constant::Infinity),
        "EmptySet" => Expression::Set(Vec::new()),
        "Reals" => Expression::NumberSet('R'),
        "Integers" => Expression::NumberSet('Z'),
        "Naturals" => Expression::NumberSet('N'),
        _ => {
            let (mark, rest) = match name.strip_prefix("bar{").and_then(|rest| rest.split_once('}')) {
                Some((letter, rest)) => (format!("bar{{{letter}}}"), rest),
                None => (String::new(), name),
            };
            let plain: String = rest.chars().filter(|c| !"{}\\ ".contains(*c)).collect();
            Expression::Symbol(mark + &plain)
        }
    }
}

fn call(name: &str, mut arguments: Vec<Expression>) -> Result<Expression> {
    let two = || read("2", &ReadOptions::default());
    if let Some(function) = function(name) {
        match function {
            Function::Root => arguments.push(two()?),
            Function::Log if arguments.get(1) == Some(&Expression::Constant(Constant::E)) || arguments.len() == 1 => {
                arguments.truncate(1);
                return Ok(Expression::Call(Function::Ln, arguments));
            }
            _ => {}
        }
        return Ok(Expression::Call(function, arguments));
    }
    let operation = match name {
        "Union" => Some(SetOperation::Union),
        "Intersection" => Some(SetOperation::Intersection),
        "Complement" => Some(SetOperation::Difference),
        _ => None,
    };
    if let Some(operation) = operation {
        return Ok(Expression::SetOperation(operation, arguments));
    }
    match (name, arguments.len()) {
        ("FiniteSet", _) => Ok(Expression::Set(arguments)),
        ("Matrix", 1) => matrix(arguments.remove(0)),
        ("Eq", 2) => Ok(related(Relation::Equal, arguments.remove(0), arguments.remove(0))),
        ("Interval" | "Interval.open" | "Interval.Ropen" | "Interval.Lopen", 2) => {
            let closed_low = !matches!(name, "Interval.open" | "Interval.Lopen");
            let closed_high = !matches!(name, "Interval.open" | "Interval.Ropen");
            let (low, high) = (Box::new(arguments.remove(0)), Box::new(arguments.remove(0)));
            Ok(Expression::Interval { low, high, closed_low, closed_high })
        }
        ("Derivative", 2) => {
            let variable = symbol_of(arguments.remove(1))?;
            Ok(Expression::Derivative { variable, body: Box::new(arguments.remove(0)) })
        }
        ("Sum" | "Product" | "Integral", 2) => ranged(name, arguments.remove(0), arguments.remove(0)),
        _ => bail!("{name} of {} arguments", arguments.len()),
    }
}

/// `Sum(body, (variable, from, to))` and its kin; an integral may have no bounds.
fn ranged(name: &str, body: Expression, range: Expression) -> Result<Expression> {
    let body = Box::new(body);
    let mut items = match range {
        Expression::Tuple(items) => items,
        variable => return Ok(Expression::Integral { variable: symbol_of(variable)?, bounds: None, body }),
    };
    if items.len() != 3 {
        bail!("a range of {} parts", items.len());
    }
    let variable = symbol_of(items.remove(0))?;
    let (from, to) = (Box::new(items.remove(0)), Box::new(items.remove(0)));
    Ok(match name {
        "Integral" => Expression::Integral { variable, bounds: Some((from, to)), body },
        "Sum" => Expression::Range { kind: RangeKind::Sum, variable, from, to, body },
        _ => Expression::Range { kind: RangeKind::Product, variable, from, to, body },
    })
}

fn matrix(rows: Expression) -> Result<Expression> {
    let Expression::List(rows) = rows else { bail!("a matrix without rows") };
    let row = |row| match row {
        Expression::List(cells) => Ok(cells),
        other => bail!("{other:?} is no row"),
    };
    Ok(Expression::Matrix(rows.into_iter().map(row).collect::<Result<_>>()?))
}

#[rustfmt::skip]
fn function(name: &str) -> Option<Function> {
    use Function::*;
    Some(match name {
        "sin" => Sin, "cos" => Cos, "tan" => Tan, "sec" => Sec, "csc" => Csc, "cot" => Cot,
        "asin" => Asin, "acos" => Acos, "atan" => Atan, "acot" => Acot, "asec" => Asec, "acsc" => Acsc,
        "sinh" => Sinh, "cosh" => Cosh, "tanh" => Tanh, "asinh" => Asinh, "acosh" => Acosh, "atanh" => Atanh,
        "sqrt" => Root, "log" => Log, "exp" => Exp, "Abs" => Abs, "floor" => Floor, "ceiling" => Ceil,
        "factorial" => Factorial, "binomial" => Binomial, "gcd" => Gcd, "lcm" => Lcm, "Max" => Max, "Min" => Min, "Mod" => Mod,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sympy_text_is_what_latex_says() {
        for (sympy, latex) in [
            ("x**(1 + 3)", "x^{1+3}"),
            ("sqrt(x)/2 - 1", r"\sqrt{x}/2 - 1"),
            ("log(x, 10)", r"\log x"),
            ("log(x_{23}, E)", r"\ln(x_{23})"),
            ("bar{x}_n", r"\overline{x}_n"),
            ("Interval.Ropen(a, b)", "[a, b)"),
            ("{1, 2}", r"\{1, 2\}"),
            ("Matrix([\n[1, 2],\n[3, 4]])", r"\begin{matrix}1&2\\3&4\end{matrix}"),
            ("Sum(k, (k, 1, 3))", r"\sum_{k=1}^3 k"),
            ("Integral(x, (x, 0, 1))", r"\int_0^1 x dx"),
            ("1.5e+3", "1.5E+3"),
            ("-2", "-2"),
        ] {
            assert_eq!(parse(sympy).unwrap(), read(latex, &ReadOptions::default()).unwrap(), "{sympy}");
        }
        for text in ["", "(", "f(", "1 2", "Eq(1)", "Matrix(1)", "x, y"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
