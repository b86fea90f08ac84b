//! `shape`: verdicts and lengths → shaped rewards.

use curt_reward::{GroupFacts, ProblemKey, RewardError, RewardStrategy, Rollout, Shaped, StepContext};
use curt_runtime::StopReason;

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

/// Shapes every group, then lets the strategy observe the whole step in its canonical order.
///
/// # Errors
/// What the strategy refuses, by row and field.
pub fn shape(
    strategy: &mut dyn RewardStrategy,
    context: &StepContext,
    groups: Vec<VerifiedGroup>,
) -> Result<Vec<ShapedGroup>, RewardError> {
    let mut out = Vec::with_capacity(groups.len());
    for verified in groups {
        let rollouts = facts(&verified);
        let mut shaped = vec![Shaped::default(); rollouts.len()];
        strategy.shape(context, &rollouts, &mut shaped)?;
        out.push(ShapedGroup { verified, rollouts, shaped });
    }
    let observed: Vec<GroupFacts<'_>> = out.iter().map(|g| GroupFacts { group: &g.rollouts, shaped: &g.shaped }).collect();
    strategy.observe(&observed);
    Ok(out)
}

fn facts(verified: &VerifiedGroup) -> Vec<Rollout> {
    let problem = ProblemKey(verified.group.selected.key);
    let completions = verified.group.completions.iter().zip(&verified.verdicts);
    completions
        .map(|(completion, verdict)| Rollout {
            truncated: completion.stop != StopReason::Eos,
            ..Rollout::new(problem, verdict.is_correct(), completion.ids.len() as u32)
        })
        .collect()
}
