//! Whether two expressions say the same.
//!
//! [`judge`] compares their forms down to single values, and those by evaluation. All work is counted in steps; nothing
//! depends on the clock, and the random points depend on the two expressions alone.
//!
//! **Values.** Exact fractions; residues modulo random primes of 62 bits (for functions of degree d, two that differ pass
//! for equal with a chance of at most (d/2^61)²); numbers of 100 digits with bounds on their errors. Decimals are exact:
//! `0.33` is not `1/3`, unless [`Options::precision`] or [`Options::tolerance`] allow it. Symbols stand for positive
//! numbers, or for whole ones where factorials are taken of them; so √x² is x, but |x| is not.
//!
//! **Forms.**
//! - Sets and lists are unordered, repeats count in lists only; tuples, vectors and matrices are ordered. One element is
//!   no list.
//! - `(a, b)` is an open interval where the other side is a set of numbers. Unions, intersections, differences, `x ≠ 3`,
//!   `|x| < 2` and inequalities solved for one symbol are sets of numbers.
//! - `x = 3` is `3`, `f(x) = 2x` is `2x`, `2 + 2 = 4` is `4`; the last value before an ≈ counts. Equations are the same
//!   up to a factor that is not 0, inequalities up to a positive one. Names on both sides must agree.
//! - `±` stands for both values. `a : b` is `a/b` and `ka : kb`.
//! - A missing unit is no fault, another one is unless it converts. `50%` is `50` and `1/2`. `60°` is `60` and `π/3`.
//! - Words agree but for case, spacing and a full stop; `(B)` is `B`; `(B) 5` is `B` and `5`.
//! - What is not evaluated (integrals, infinite sums, functions without a meaning) is the same if its parts are, whatever
//!   bound variables are called.
//!
//! **Blame.** An answer that cannot be evaluated within the budget is wrong, so that nothing is gained by it; a gold that
//! cannot is ungradable.

mod ball;
mod budget;
mod complex;
mod derivative;
mod elementary;
mod evaluate;
mod exact;
mod matrix;
mod modular;
mod options;
mod plus_minus;
mod points;
mod precise;
mod region;
mod relation;
mod structure;
#[cfg(test)]
mod tests;
mod tree;
mod unit;
mod value;
mod whole;

pub use budget::Obstacle;
pub use options::{Judgement, Options, Reason};

use super::expression::Expression;
use budget::{Budget, Outcome};
use tree::Survey;
use value::Comparison;

/// Whether `answer` says the same as `gold`: [`crate::Verdict::Correct`] if equal, [`crate::Verdict::Wrong`] if not or if
/// the answer has no value within the budget, [`crate::Verdict::Ungradable`] if the gold has none. At most `1.5
/// options.steps` steps.
pub fn judge(gold: &Expression, answer: &Expression, options: &Options) -> Judgement {
    let reason = match compare(gold, answer, options, true) {
        Ok(true) => Reason::Equal,
        Ok(false) => Reason::Different,
        // who is to blame? Not a gold that can be evaluated
        Err(obstacle) => {
            let options = Options { identity: false, steps: options.steps / 2, ..*options };
            match compare(gold, gold, &options, false) {
                Ok(_) => Reason::AnswerHasNoValue(obstacle),
                Err(obstacle) => Reason::GoldHasNoValue(obstacle),
            }
        }
    };
    reason.judgement()
}

fn compare(gold: &Expression, answer: &Expression, options: &Options, residues: bool) -> Outcome<bool> {
    let size = Survey::of(gold)?.or(Survey::of(answer)?).size;
    let seed = points::seed_of(gold, answer);
    let comparison = Comparison { options, budget: Budget::new(options.steps), seed, residues };
    comparison.budget.spend(size)?;
    if options.identity && gold == answer {
        return Ok(true);
    }
    if !options.strict {
        let (gold, answer) = (structure::renamed(gold), structure::renamed(answer));
        return comparison.same(&gold, &answer);
    }
    comparison.same(gold, answer)
}
