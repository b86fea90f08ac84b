//! `gr3`: the reward divided by a factor that grows with the length.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{Moments, fill_beside_verdict, lengths};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "gr3",
    parameters: &[Parameter::number("alpha", 0.3, "weight of the length against the mean length of the group")],
    build: |given| Ok(Box::new(Gr3::new(given)?)),
};

/// **R = c / (1 + α · L/L̄)** (GR3, arXiv 2603.10535).
///
/// - L̄: mean length of the whole group in tokens. `alpha`, α ≥ 0: 0.3, as in a follow-up. The paper calibrates α so that a
///   rollout of the best reward and of mean length keeps an advantage of at least 0; its rule could not be verified, so α is
///   fixed here.
/// - Degenerate: L̄ = 0 gives c. A group without a right rollout is flat. One rollout and equal lengths give c/(1 + α).
/// - Keeps: among right ones falls with L; every right one above every wrong one; scaling lengths changes nothing. Breaks:
///   a long right rollout can be below the mean. For rewards below 0 the factor would turn its sense; there are none here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gr3 {
    alpha: f64,
}

impl Gr3 {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { alpha: ENTRY.reading(given)?.number("alpha", AT_LEAST_0)? })
    }
}

impl RewardStrategy for Gr3 {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let mean = Moments::of(lengths(group)).mean;
        fill_beside_verdict(group, out, |rollout| {
            let share = if mean > 0.0 { f64::from(rollout.length) / mean } else { 0.0 };
            if rollout.correct { 1.0 / (1.0 + self.alpha * share) - 1.0 } else { 0.0 }
        })
    }
}
