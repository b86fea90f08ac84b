//! `l1_max`: at most as long as the prompt allowed, with a soft edge.

use super::l1_exact::{ALPHA, tokens_left};
use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Facts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "l1_max",
    parameters: &[ALPHA, Parameter::number("delta", 0.5, "reward of a right rollout exactly at its budget")],
    build: |given| Ok(Box::new(L1Max::new(given)?)),
};

/// **R = c · clip(α(n\* − L) + δ, 0, 1)** (L1-Max, arXiv 2503.04697): the prompt says "at most n\* tokens".
///
/// - n\*: [`Rollout::budget`], tokens. `alpha`, α ≥ 0, per token: 3e-4. `delta`, δ from 0 to 1: 0.5.
/// - Needs: `budget`.
/// - Degenerate: a group without a right rollout is flat. One rollout, equal lengths and zero length need no care.
/// - Keeps: under one budget never rises with L; no wrong one above a right one. Breaks: a right one far over its budget
///   gets 0 like a wrong one, and can be below the mean; scaling all lengths and budgets changes it.
/// - We follow the paper. The authors' code computes (clip(α(n\* − L), −1, 1) + 1)/2, which is this with δ = ½ and half the
///   α, and marks this form by a negative n\*.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1Max {
    alpha: f64,
    delta: f64,
}

impl L1Max {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { alpha: read.number("alpha", AT_LEAST_0)?, delta: read.number("delta", SHARE)? })
    }
}

impl RewardStrategy for L1Max {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { budget: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |rollout| {
            let kept = (self.alpha * tokens_left(rollout) + self.delta).clamp(0.0, 1.0);
            if rollout.correct { kept - 1.0 } else { 0.0 }
        })
    }
}
