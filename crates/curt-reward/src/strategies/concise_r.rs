//! `concise_r`: length counts only where everything is right.

use crate::parameters::{AT_LEAST_0, MAX_LENGTH, Parameter};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "concise_r",
    parameters: &[MAX_LENGTH, Parameter::number("weight", 1.0, "bonus of a rollout of no length")],
    build: |given| Ok(Box::new(ConciseR::new(given)?)),
};

/// **R = 1 + w · (1 − L/L_max)** in a group that is right throughout, **c** in any other (ConciseR, arXiv 2505.21178, the
/// second stage, L-GRPO).
///
/// - `max_length`, L_max: tokens, required. `weight`, w ≥ 0: 1.
/// - **The term is our choice.** The source says that length is rewarded once all rollouts of a prompt are right; which
///   function of length could not be verified (its repository holds no code). This is the plainest that falls with L and
///   is 0 at the limit; beyond L_max it stays 0.
/// - Degenerate: one right rollout is a group that is right throughout. Without a right rollout flat. Equal lengths are flat.
/// - Keeps: within a group never rises with L; every right one above every wrong one. Breaks: in a solved group the longer
///   half is below the mean; scaling lengths changes the reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConciseR {
    max_length: u32,
    weight: f64,
}

impl ConciseR {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { max_length: read.length("max_length")?, weight: read.number("weight", AT_LEAST_0)? })
    }
}

impl RewardStrategy for ConciseR {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let is_solved = group.iter().all(|rollout| rollout.correct);
        fill_beside_verdict(group, out, |rollout| {
            let left = (1.0 - f64::from(rollout.length) / f64::from(self.max_length)).max(0.0);
            if is_solved { self.weight * left } else { 0.0 }
        })
    }
}
