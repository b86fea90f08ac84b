//! `lc_r1`: the sequence term of LC-R1, a bonus against the longest right answer.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, right_range};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "lc_r1",
    parameters: &[
        Parameter::number("coefficient", 1.0, "weight of the length term"),
        Parameter::word("scope", "right", "which rollouts of a group with a right one get the term: `right` or `all`"),
    ],
    build: |given| Ok(Box::new(LcR1::new(given)?)),
};

/// **R = c + w · (1 − L/L_max)** for a right rollout, **0** for a wrong one (LC-R1, arXiv 2506.14755, the term of the whole
/// sequence).
///
/// - L_max: tokens of the group's longest *right* rollout. `coefficient`, w ≥ 0: 1. `scope`: `right`.
/// - Left out: the reward at the closing think token, which asks a second model for the part that was needed. The authors
///   subtract the mean and do not divide by a deviation; that is the estimator's.
/// - Degenerate: a group without a right rollout is flat. L_max = 0 has no term. A lone right rollout gets c.
/// - Keeps (scope `right`): among right ones falls with L; every right one above every wrong one; scaling lengths changes
///   nothing. Breaks: the longest right rollout can be below the mean.
/// - The authors' code adds the term to *every* rollout of a group with a right one (`scope = "all"`), so that a short wrong
///   rollout is paid nearly like a right one, and one longer than L_max is punished. We follow the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LcR1 {
    coefficient: f64,
    is_for_all: bool,
}

impl LcR1 {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let is_for_all = read.word("scope", &[("right", false), ("all", true)], "`right` or `all`")?;
        Ok(Self { coefficient: read.number("coefficient", AT_LEAST_0)?, is_for_all })
    }
}

impl RewardStrategy for LcR1 {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let longest = right_range(group).map(|(_, longest)| longest).filter(|longest| *longest > 0.0);
        fill_beside_verdict(group, out, |rollout| match longest {
            Some(longest) if rollout.correct || self.is_for_all => self.coefficient * (1.0 - f64::from(rollout.length) / longest),
            _ => 0.0,
        })
    }
}
