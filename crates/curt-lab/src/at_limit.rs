//! L_R = L_T, replayed: generation stopped at the target.

use curt_reward::{Correctness, RewardError, RewardStrategy, Rollout, Shaped, StepContext};

/// Plain correctness of what a generation limit of L_T tokens would have left: the last row of Table 1 of arXiv 2602.20945.
///
/// Longer rollouts are cut at L_T; [`Replay`](crate::Replay) then takes them for wrong, because the answer comes last. What a
/// model that knew the limit would have written is not known.
#[derive(Debug)]
pub(crate) struct AtLimit {
    pub target_length: u32,
}

impl RewardStrategy for AtLimit {
    fn name(&self) -> &'static str {
        "at_limit"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        Correctness.shape(ctx, group, out)?;
        for (rollout, shaped) in group.iter().zip(out) {
            shaped.cut_at = (rollout.length > self.target_length).then_some(self.target_length);
        }
        Ok(())
    }
}
