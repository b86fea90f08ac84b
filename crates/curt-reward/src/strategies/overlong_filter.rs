//! `overlong_filter`: what was cut off teaches nothing.

use crate::parameters::MASKING;
use crate::registry::Entry;
use crate::statistics::verdict;
use crate::{Masking, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry =
    Entry { name: "overlong_filter", parameters: &[MASKING], build: |given| Ok(Box::new(OverlongFilter::new(given)?)) };

/// **R = c**, and a rollout that was cut at the generation limit is masked (DAPO's overlong filtering, arXiv 2503.14476).
///
/// - `masking`: [`Masking`], `exclude` by default. In the public trainers the loss mask is set after the advantages, which is
///   `zero_after` with the reward of a cut rollout as 0.
/// - Degenerate: a group of cut rollouts alone is masked whole. One rollout, none right, equal lengths, zero length: as plain
///   correctness.
/// - There is no length pressure, not even that of the limit: nothing pushes a rollout away from it. The authors of DAPO
///   say that masking teaches nothing about length, and use [`DapoOverlong`](crate::DapoOverlong) for that.
/// - Keeps: within a group never rises with L; every right one above every wrong one; no right one below the mean; scaling
///   lengths changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlongFilter {
    masking: Masking,
}

impl OverlongFilter {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, an unknown word.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { masking: ENTRY.reading(given)?.masking()? })
    }
}

impl RewardStrategy for OverlongFilter {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        for (rollout, shaped) in group.iter().zip(out) {
            let total = if rollout.truncated { 0.0 } else { verdict(rollout) };
            shaped.set(total, [("correctness", total)]);
            shaped.in_loss = !rollout.truncated;
            shaped.in_statistics = shaped.in_loss || self.masking == Masking::ZeroAfter;
        }
        Ok(())
    }
}
