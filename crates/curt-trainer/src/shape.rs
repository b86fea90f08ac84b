//! `shape`: verdicts and lengths → shaped rewards.

use curt_reward::{Facts, GroupFacts, ProblemKey, RewardStrategy, Rollout, Shaped, StepContext, repetition};
use curt_runtime::StopReason;

use crate::error::TrainError;
use crate::verify::VerifiedGroup;

/// A verified group with the reward of each completion.
#[derive(Clone, Debug)]
pub struct ShapedGroup {
    /// The group and its verdicts.
    pub verified: VerifiedGroup,
    /// What the strategy was told of each completion.
    pub rollouts: Vec<Rollout>,
    /// Reward, parts and masks of each completion.
    pub shaped: Vec<Shaped>,
}

impl ShapedGroup {
    /// Which completions count.
    pub fn counts(&self) -> Vec<bool> {
        self.verified.verdicts.iter().map(|verdict| verdict.counts).collect()
    }

    /// What the strategy was told and said of those that count.
    fn counted(&self) -> (Vec<Rollout>, Vec<Shaped>) {
        let counts = self.counts();
        (pick(&self.rollouts, &counts), pick(&self.shaped, &counts))
    }
}

/// What this loop can tell a strategy of a rollout and a step, whatever the task.
pub const SUPPLIED: Facts = Facts { repetition: true, step_accuracy: true, ..Facts::BASIC };

/// Shapes every group, then lets the strategy observe the whole step in its canonical order.
///
/// # Errors
/// What the strategy refuses, by row and field; a cut that leaves nothing of a completion, because there would be nothing to
/// train on.
pub fn shape(
    strategy: &mut dyn RewardStrategy,
    context: &StepContext,
    groups: Vec<VerifiedGroup>,
) -> Result<Vec<ShapedGroup>, TrainError> {
    let out = shape_groups(strategy, context, groups)?;
    let counted: Vec<(Vec<Rollout>, Vec<Shaped>)> = out.iter().map(ShapedGroup::counted).collect();
    let seen = counted.iter().filter(|(group, _)| !group.is_empty());
    let observed: Vec<GroupFacts<'_>> = seen.map(|(group, shaped)| GroupFacts { group, shaped }).collect();
    strategy.observe(&observed);
    Ok(out)
}

/// Shapes every group, of which the strategy learns nothing.
///
/// # Errors
/// As [`shape`].
pub(crate) fn shape_groups(
    strategy: &dyn RewardStrategy,
    context: &StepContext,
    groups: Vec<VerifiedGroup>,
) -> Result<Vec<ShapedGroup>, TrainError> {
    let context = StepContext { accuracy: accuracy(&groups), ..*context };
    let needs = strategy.needs();
    let mut out = Vec::with_capacity(groups.len());
    for verified in groups {
        let rollouts = facts(&verified, needs);
        let shaped = shape_counted(strategy, &context, &verified, &rollouts)?;
        if let Some(sample) = shaped.iter().position(|s| s.cut_at == Some(0)) {
            let problem = verified.group.selected.problem.id.clone();
            return Err(TrainError::CutToNothing { strategy: strategy.name().into(), problem, sample });
        }
        out.push(ShapedGroup { verified, rollouts, shaped });
    }
    Ok(out)
}

/// The strategy's word on the completions that count; the others are in neither statistics nor loss.
fn shape_counted(
    strategy: &dyn RewardStrategy,
    context: &StepContext,
    verified: &VerifiedGroup,
    rollouts: &[Rollout],
) -> Result<Vec<Shaped>, TrainError> {
    let counts: Vec<bool> = verified.verdicts.iter().map(|verdict| verdict.counts).collect();
    let group: Vec<Rollout> = pick(rollouts, &counts);
    let mut counted = vec![Shaped::default(); group.len()];
    if !group.is_empty() {
        strategy.shape(context, &group, &mut counted)?;
    }
    let mut counted = counted.into_iter();
    let nothing = || Shaped { in_statistics: false, in_loss: false, ..Shaped::default() };
    Ok(counts.into_iter().map(|counts| counts.then(|| counted.next()).flatten().unwrap_or_else(nothing)).collect())
}

/// The elements at the places that are true.
pub fn pick<T: Clone>(all: &[T], places: &[bool]) -> Vec<T> {
    all.iter().zip(places).filter(|(_, wanted)| **wanted).map(|(element, _)| element.clone()).collect()
}

/// The share of the completions of a step that are right, of those that count in anything, or `None` for none.
pub(crate) fn accuracy(groups: &[VerifiedGroup]) -> Option<f64> {
    let verdicts = || groups.iter().flat_map(|group| &group.verdicts).filter(|verdict| verdict.counts);
    let n = verdicts().count();
    (n > 0).then(|| verdicts().filter(|verdict| verdict.is_correct()).count() as f64 / n as f64)
}

fn facts(verified: &VerifiedGroup, needs: Facts) -> Vec<Rollout> {
    let problem = ProblemKey(verified.group.selected.key);
    let completions = verified.group.completions.iter().zip(&verified.verdicts);
    completions
        .map(|(completion, verdict)| Rollout {
            truncated: completion.stop != StopReason::Eos,
            repetition: needs.repetition.then(|| repetition(&completion.ids)),
            ..Rollout::new(problem, verdict.is_correct(), completion.ids.len() as u32)
        })
        .collect()
}
