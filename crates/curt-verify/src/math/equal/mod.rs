//! Whether two expressions say the same.
//!
//! [`judge`] compares their forms ([`structure`]: sets, tuples, intervals, relations, units, words) down to single values, and those
//! by evaluation ([`value`]). All work is counted in steps; nothing depends on the clock.

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

/// Whether `answer` says the same as `gold`: [`crate::Verdict::Correct`] if equal, [`crate::Verdict::Wrong`] if not or if the answer has no
/// value within the budget, [`crate::Verdict::Ungradable`] if the gold has none.
/// At most `1.5 options.steps` steps.
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
