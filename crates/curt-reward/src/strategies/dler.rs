//! `dler`: the reward of DLER, truncation.

use crate::parameters::TARGET_LENGTH;
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry =
    Entry { name: "dler", parameters: &[TARGET_LENGTH], build: |given| Ok(Box::new(Dler::new(given)?)) };

/// **R = c · 1\[L ≤ L_T\]** (DLER, arXiv 2510.15110): the reward of [`Truncation`](crate::Truncation) under its own name.
///
/// What makes it DLER is elsewhere: advantages whitened over the batch, clips of 0.2 and 0.28, dynamic sampling (no group
/// that is all 1 or all 0) and a token-mean loss.
///
/// - `target_length`, L_T: tokens, required; 4,000 in the paper, with 16 rollouts per prompt.
/// - Degenerate cases and laws: as truncation. The difficulty-aware form is [`DaDler`](crate::DaDler).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dler {
    target_length: u32,
}

impl Dler {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { target_length: ENTRY.reading(given)?.length("target_length")? })
    }
}

impl RewardStrategy for Dler {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let is_late = |rollout: &Rollout| rollout.correct && rollout.length > self.target_length;
        fill_beside_verdict(group, out, |rollout| if is_late(rollout) { -1.0 } else { 0.0 })
    }
}
