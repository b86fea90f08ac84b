//! Derivatives of elementary functions, as expressions that are then evaluated.

use num_bigint::BigInt;
use num_rational::BigRational;

use crate::math::expression::{Expression, Function};

/// The derivative of `body` by `variable`; none where a part has no rule here.
pub fn derivative(body: &Expression, variable: &str) -> Option<Expression> {
    use Expression as E;
    if !mentions(body, variable) {
        return Some(whole(0));
    }
    let d = |part: &Expression| derivative(part, variable);
    Some(match body {
        E::Symbol(_) => whole(1),
        E::Sum(terms) => E::Sum(terms.iter().map(d).collect::<Option<_>>()?),
        E::Negative(a) => E::Negative(Box::new(d(a)?)),
        E::Product(factors) => {
            let mut terms = Vec::new();
            for i in 0..factors.len() {
                let mut factors = factors.clone();
                factors[i] = d(&factors[i])?;
                terms.push(E::Product(factors));
            }
            E::Sum(terms)
        }
        E::Quotient(a, b) => {
            let first = product([d(a)?, (**b).clone()]);
            let second = E::Negative(Box::new(product([(**a).clone(), d(b)?])));
            E::Quotient(Box::new(E::Sum(vec![first, second])), Box::new(power((**b).clone(), whole(2))))
        }
        E::Power(base, exponent) if !mentions(exponent, variable) => {
            let less = E::Sum(vec![(**exponent).clone(), whole(-1)]);
            product([(**exponent).clone(), power((**base).clone(), less), d(base)?])
        }
        E::Power(base, exponent) if !mentions(base, variable) => {
            product([body.clone(), E::Call(Function::Ln, vec![(**base).clone()]), d(exponent)?])
        }
        E::Call(function, arguments) => match arguments.as_slice() {
            [argument] => product([outer(*function, argument)?, d(argument)?]),
            [argument, index] if *function == Function::Root && !mentions(index, variable) => {
                let inverse = E::Quotient(Box::new(whole(1)), Box::new(index.clone()));
                d(&power(argument.clone(), inverse))?
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The derivative of a function of one argument at that argument.
fn outer(function: Function, argument: &Expression) -> Option<Expression> {
    let call = |function| Expression::Call(function, vec![argument.clone()]);
    let inverse = |of| Expression::Quotient(Box::new(whole(1)), Box::new(of));
    Some(match function {
        Function::Sin => call(Function::Cos),
        Function::Cos => Expression::Negative(Box::new(call(Function::Sin))),
        Function::Tan => power(call(Function::Sec), whole(2)),
        Function::Ln => inverse(argument.clone()),
        Function::Exp => call(Function::Exp),
        Function::Sinh => call(Function::Cosh),
        Function::Cosh => call(Function::Sinh),
        Function::Atan => inverse(Expression::Sum(vec![whole(1), power(argument.clone(), whole(2))])),
        _ => return None,
    })
}

fn mentions(expression: &Expression, variable: &str) -> bool {
    matches!(expression, Expression::Symbol(name) if name == variable)
        || super::tree::children(expression).into_iter().any(|part| mentions(part, variable))
}

fn whole(value: i64) -> Expression {
    Expression::Number { value: BigRational::from_integer(BigInt::from(value)), decimal: false }
}

fn product<const N: usize>(factors: [Expression; N]) -> Expression {
    Expression::Product(factors.into())
}

fn power(base: Expression, exponent: Expression) -> Expression {
    Expression::Power(Box::new(base), Box::new(exponent))
}
