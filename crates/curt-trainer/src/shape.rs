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
    let context = StepContext { accuracy: accuracy(&groups), ..*context };
    let needs = strategy.needs();
    let mut out = Vec::with_capacity(groups.len());
    for verified in groups {
        let rollouts = facts(&verified, needs);
        let mut shaped = vec![Shaped::default(); rollouts.len()];
        strategy.shape(&context, &rollouts, &mut shaped)?;
        if let Some(sample) = shaped.iter().position(|s| s.cut_at == Some(0)) {
            let problem = verified.group.selected.problem.id.clone();
            return Err(TrainError::CutToNothing { strategy: strategy.name().into(), problem, sample });
        }
        out.push(ShapedGroup { verified, rollouts, shaped });
    }
    let observed: Vec<GroupFacts<'_>> = out.iter().map(|g| GroupFacts { group: &g.rollouts, shaped: &g.shaped }).collect();
    strategy.observe(&observed);
    Ok(out)
}

/// The share of all completions of a step that are right, or `None` for none.
fn accuracy(groups: &[VerifiedGroup]) -> Option<f64> {
    let verdicts = || groups.iter().flat_map(|group| &group.verdicts);
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
