//! `shorter_better`: the distance to the shortest right answer of the group.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{Moments, fill, lengths, right_range, verdict};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "shorter_better",
    parameters: &[
        Parameter::number("a", 2.0, "reward of a right rollout at the best length"),
        Parameter::number("b", 1e-3, "taken off per token of distance to the best length"),
    ],
    build: |given| Ok(Box::new(ShorterBetter::new(given)?)),
};

/// **R = a·c − b·|L − L\*|**, L\* the length of the group's shortest right rollout (ShorterBetter, arXiv 2504.21370).
///
/// - L\*: tokens; without a right rollout the mean length of the group. `a` ≥ 0: 2. `b` ≥ 0, per token: 1e-3. These are the
///   presets of the authors' reward manager; another file of theirs has a = 1.
/// - Degenerate: a group without a right rollout is pulled to its mean length. One rollout or equal lengths: the length term
///   is 0. Zero length needs no care.
/// - Keeps: among right ones falls with L, since none is shorter than L\*. Breaks: with b times a gap above a, a right one
///   is below a wrong one; wrong ones shorter than L\* lose too; scaling lengths changes the reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShorterBetter {
    a: f64,
    b: f64,
}

impl ShorterBetter {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { a: read.number("a", AT_LEAST_0)?, b: read.number("b", AT_LEAST_0)? })
    }
}

impl RewardStrategy for ShorterBetter {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let best = match right_range(group) {
            Some((shortest, _)) => shortest,
            None => Moments::of(lengths(group)).mean,
        };
        let length = |rollout: &Rollout| -self.b * (f64::from(rollout.length) - best).abs();
        fill(group, out, |rollout| (self.a * verdict(rollout), length(rollout)))
    }
}
