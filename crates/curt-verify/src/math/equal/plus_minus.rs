//! ± stands for two values.

use super::tree::{Survey, rewritten};
use crate::math::expression::Expression;

/// Independent signs are at most this many.
const MAX_SIGNS: usize = 4;

/// The values that an expression with ± stands for; none without ±, or with too many.
///
/// With a ∓ all signs go together: two values. Otherwise each ± is free: `±√2 ± √3` has four.
pub fn values(expression: &Expression) -> Option<Vec<Expression>> {
    if !Survey::of(expression).ok()?.plus_minus {
        return None;
    }
    let (mut signs, mut linked) = (0, false);
    rewritten(expression, &mut |part| {
        if let Expression::PlusMinus { upper, .. } = part {
            signs += 1;
            linked |= !*upper;
        }
    });
    if signs > MAX_SIGNS {
        return None;
    }
    let combinations = if linked { 2 } else { 1 << signs };
    Some((0..combinations).map(|choice: u32| chosen(expression, choice, linked)).collect())
}

/// The value for one choice of signs: bit i is the sign of the i-th ±, or bit 0 of all.
fn chosen(expression: &Expression, choice: u32, linked: bool) -> Expression {
    let mut i = 0;
    rewritten(expression, &mut |part| {
        let Expression::PlusMinus { left, right, upper } = part else { return };
        let is_lower = choice >> if linked { 0 } else { i } & 1 == 1;
        i += 1;
        let right = std::mem::replace(&mut **right, Expression::List(Vec::new()));
        let signed = if is_lower == *upper { Expression::Negative(Box::new(right)) } else { right };
        *part = match left.take() {
            Some(left) => Expression::Sum(vec![*left, signed]),
            None => signed,
        };
    })
}
