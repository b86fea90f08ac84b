//! `alp`: a price per token that grows with how easy the problem is.

use crate::parameters::{AT_LEAST_0, MAX_LENGTH, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, pass_rate};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "alp",
    parameters: &[MAX_LENGTH, Parameter::number("beta", 0.05, "price of `max_length` tokens on a problem that is always solved")],
    build: |given| Ok(Box::new(Alp::new(given)?)),
};

/// **R = c − β · max(p, 1/N) · L/M** (ALP, arXiv 2506.05256).
///
/// - p: share of the group's N rollouts that is right. M: `max_length`, tokens, required; the paper's length normaliser.
///   `beta`, β ≥ 0: 0.05, as in a third-party implementation; the paper's value could not be verified.
/// - Degenerate: a group without a right rollout still pays β/N. One rollout, equal lengths and zero length need no care.
/// - Keeps: falls with L, among wrong ones too; every right one above every wrong one while β · p · (L_right − L_wrong)/M
///   is below 1, so on lengths up to M for β < 1. Breaks: a long right one can be below the mean.
/// - The paper has max(p, 1/N), which we follow; the implementations that were seen have p alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alp {
    max_length: u32,
    beta: f64,
}

impl Alp {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { max_length: read.length("max_length")?, beta: read.number("beta", AT_LEAST_0)? })
    }
}

impl RewardStrategy for Alp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let rate = pass_rate(group).max(1.0 / group.len() as f64);
        let price = self.beta * rate / f64::from(self.max_length);
        fill_beside_verdict(group, out, |rollout| -price * f64::from(rollout.length))
    }
}
