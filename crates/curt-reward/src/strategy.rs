//! The joint: what a reward strategy is, and the checks that all share.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::parameters::{AT_LEAST_0, Range, SHARE};
use crate::state::SavedState;
use crate::{Facts, GroupFacts, RewardError, Rollout, Shaped, StepContext};

/// Turns the verdicts and lengths of one group into rewards.
///
/// The trainer drives: [`shape`](Self::shape) for each group of a step, in any order; [`reweight`](Self::reweight) after
/// advantages are known; [`observe`](Self::observe) once, with all groups of the step in canonical order. Only `observe`
/// and `load` may change the strategy, so shaping does not depend on the order of the groups.
pub trait RewardStrategy: Debug + Send + Sync {
    /// The word for it in a run file; also its file name and, in camel case, its type.
    fn name(&self) -> &'static str;

    /// The optional facts it reads. A trainer whose task lacks one refuses the run before it starts
    /// ([`Facts::missing_from`]).
    fn needs(&self) -> Facts {
        Facts::BASIC
    }

    /// Overwrites `out[i]` with the reward of `group[i]`. Nothing of what was in `out` is read.
    ///
    /// # Errors
    /// What [`check_group`] refuses; `out` is then unchanged. A reward that is not finite, which absurd but finite parameters
    /// can give, is refused with its row ([`RewardError::NotFinite`]); what is in `out` is then not to be used.
    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError>;

    /// Takes note of a whole step, after shaping. Stateless strategies ignore it.
    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        let _ = step;
    }

    /// Changes the advantages of one group in place, for the strategies that act there. Most leave them alone; those that do
    /// not say so by [`reweights`](Self::reweights).
    fn reweight(&self, advantages: &mut [f64], group: &[Rollout]) {
        let _ = (advantages, group);
    }

    /// Whether [`reweight`](Self::reweight) may change an advantage. It knows one advantage per rollout, so a trainer must
    /// refuse such a strategy beside an estimator that credits token by token.
    fn reweights(&self) -> bool {
        false
    }

    /// What must be kept in a checkpoint. Stateless strategies keep their name alone.
    fn save(&self) -> StrategyState {
        StrategyState { strategy: self.name().to_owned(), version: 1, values: BTreeMap::new() }
    }

    /// Goes back to a saved state, so that a resumed run shapes bit for bit as the uninterrupted one.
    ///
    /// # Errors
    /// The state is of another strategy or version, or holds values where this strategy keeps none.
    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        SavedState::of(self.name(), 1, state)?.expect_only(|_| false)
    }

    /// Numbers worth a curve, by name. Stateless strategies have none.
    fn metrics(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// The saved state of a strategy: plain numbers under names, for any serde format that keeps `f64` exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategyState {
    /// [`RewardStrategy::name`] of the strategy that wrote it.
    pub strategy: String,
    /// Version of its layout.
    pub version: u32,
    /// The numbers.
    pub values: BTreeMap<String, f64>,
}

/// Refuses what no strategy can shape; members call it first, and so should yours.
///
/// # Errors
/// An empty group, `out_len` other than the size of the group, rollouts of two problems, a length beyond
/// [`StepContext::max_completion_length`], an answer longer than its completion, a number that is not finite or not in its
/// range, a fact in `needs` that is not there. Rows are named from 0.
pub fn check_group(needs: Facts, ctx: &StepContext, group: &[Rollout], out_len: usize) -> Result<(), RewardError> {
    let first = group.first().ok_or(RewardError::EmptyGroup)?;
    if group.len() != out_len {
        return Err(RewardError::OutputSize { expected: group.len(), found: out_len });
    }
    check_step(needs, ctx)?;
    // almost every group is whole, and this walks it without a branch on what it holds
    let is_suspect = group.iter().fold(false, |found, rollout| found | is_suspect(needs, ctx, first, rollout));
    if is_suspect { check_rows(needs, ctx, group, first) } else { Ok(()) }
}

/// Whether something may be wrong with a rollout. It may say yes where [`check_rows`] finds nothing, never no where it finds
/// something.
#[inline]
fn is_suspect(needs: Facts, ctx: &StepContext, first: &Rollout, rollout: &Rollout) -> bool {
    let is_share = |x: f64| (0.0..=1.0).contains(&x);
    let is_mean = |x: f64| (0.0..f64::INFINITY).contains(&x);
    let bad_reference = rollout.reference.is_some_and(|r| !is_mean(r.mean_length) | !is_share(r.accuracy));
    (rollout.problem != first.problem)
        | ctx.max_completion_length.is_some_and(|limit| rollout.length > limit)
        | rollout.answer_length.is_some_and(|answer| answer > rollout.length)
        | rollout.repetition.is_some_and(|repetition| !is_share(repetition))
        | bad_reference
        | !needs.are_in(&supplied(rollout))
}

/// The first thing that is wrong with the rows of a group.
#[cold]
fn check_rows(needs: Facts, ctx: &StepContext, group: &[Rollout], first: &Rollout) -> Result<(), RewardError> {
    for (row, rollout) in group.iter().enumerate() {
        if rollout.problem != first.problem {
            return Err(RewardError::MixedGroup { row, expected: first.problem.0, found: rollout.problem.0 });
        }
        check_lengths(ctx, row, rollout)?;
        check_numbers(row, rollout)?;
        check_facts(needs, row, rollout)?;
    }
    Ok(())
}

fn check_facts(needs: Facts, row: usize, rollout: &Rollout) -> Result<(), RewardError> {
    match needs.missing_from(&supplied(rollout)).first() {
        None => Ok(()),
        Some(&fact) => Err(RewardError::MissingFact { row, fact }),
    }
}

fn check_lengths(ctx: &StepContext, row: usize, rollout: &Rollout) -> Result<(), RewardError> {
    if let Some(limit) = ctx.max_completion_length
        && rollout.length > limit
    {
        return Err(RewardError::TooLong { row, limit, found: rollout.length });
    }
    match rollout.answer_length {
        Some(answer) if answer > rollout.length => Err(RewardError::AnswerTooLong { row, length: rollout.length, found: answer }),
        _ => Ok(()),
    }
}

fn check_numbers(row: usize, rollout: &Rollout) -> Result<(), RewardError> {
    if let Some(repetition) = rollout.repetition {
        check_number(row, "repetition", repetition, SHARE)?;
    }
    if let Some(reference) = rollout.reference {
        check_number(row, "reference.mean_length", reference.mean_length, AT_LEAST_0)?;
        check_number(row, "reference.accuracy", reference.accuracy, SHARE)?;
    }
    Ok(())
}

fn check_number(row: usize, field: &'static str, found: f64, range: Range) -> Result<(), RewardError> {
    if !found.is_finite() {
        return Err(RewardError::NotFinite { row, field, found });
    }
    if !(range.holds)(found) {
        return Err(RewardError::OutOfRange { row, field, expected: range.expected, found });
    }
    Ok(())
}

fn check_step(needs: Facts, ctx: &StepContext) -> Result<(), RewardError> {
    let fact = "step_accuracy";
    match ctx.accuracy {
        None if needs.step_accuracy => Err(RewardError::MissingStepFact { fact }),
        Some(found) if !(SHARE.holds)(found) => Err(RewardError::BadStepFact { fact, expected: SHARE.expected, found }),
        _ => Ok(()),
    }
}

fn supplied(rollout: &Rollout) -> Facts {
    Facts {
        answer_length: rollout.answer_length.is_some(),
        budget: rollout.budget.is_some(),
        repetition: rollout.repetition.is_some(),
        reference: rollout.reference.is_some(),
        // of the step, not of a rollout
        step_accuracy: true,
    }
}
