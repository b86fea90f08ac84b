//! `l1_exact`: as long as the prompt asked for.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Facts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

/// α of L1, of both forms.
pub(crate) const ALPHA: Parameter = Parameter::number("alpha", 3e-4, "reward per token of distance to the budget");

pub(crate) static ENTRY: Entry =
    Entry { name: "l1_exact", parameters: &[ALPHA], build: |given| Ok(Box::new(L1Exact::new(given)?)) };

/// **R = c − α · |n\* − L|** (L1-Exact, arXiv 2503.04697): the prompt says "Think for n\* tokens", and the reward falls on
/// both sides of n\*.
///
/// - n\*: [`Rollout::budget`], tokens; drawn evenly from 100 to 4,000 by the authors. `alpha`, α ≥ 0, per token: 3e-4.
/// - Needs: `budget`.
/// - Degenerate: a group without a right rollout is not flat. One rollout, equal lengths and zero length need no care.
/// - Keeps: hardly a law. Among right ones it *rises* with L up to n\*; a right one far from n\* is below a wrong one near
///   it when α times the difference is above 1 (on lengths up to 4,096, α · |n\* − L| is below 1.23).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1Exact {
    alpha: f64,
}

impl L1Exact {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { alpha: ENTRY.reading(given)?.number("alpha", AT_LEAST_0)? })
    }
}

/// n* − L in tokens; 0 for a rollout without a budget, which [`check_group`] does not let through.
pub(crate) fn tokens_left(rollout: &Rollout) -> f64 {
    rollout.budget.map_or(0.0, |budget| f64::from(budget) - f64::from(rollout.length))
}

impl RewardStrategy for L1Exact {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { budget: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |rollout| -self.alpha * tokens_left(rollout).abs())
    }
}
