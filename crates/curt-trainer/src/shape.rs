//! `shape`: verdicts and lengths → shaped rewards.

use curt_reward::{GroupFacts, ProblemKey, RewardStrategy, Rollout, Shaped, StepContext};
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

/// Shapes every group, then lets the strategy observe the whole step in its canonical order.
///
/// # Errors
/// What the strategy refuses, by row and field; a completion that it wants cut, because nothing after this stage would cut it.
pub fn shape(
    strategy: &mut dyn RewardStrategy,
    context: &StepContext,
    groups: Vec<VerifiedGroup>,
) -> Result<Vec<ShapedGroup>, TrainError> {
    let mut out = Vec::with_capacity(groups.len());
    for verified in groups {
        let rollouts = facts(&verified);
        let mut shaped = vec![Shaped::default(); rollouts.len()];
        strategy.shape(context, &rollouts, &mut shaped)?;
        if let Some((sample, tokens)) = shaped.iter().enumerate().find_map(|(i, s)| Some((i, s.cut_at?))) {
            let problem = verified.group.selected.problem.id.clone();
            return Err(TrainError::CutNotSupported { strategy: strategy.name().into(), problem, sample, tokens });
        }
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
