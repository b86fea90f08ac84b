//! `da_dler`: truncation with a tighter target for easy problems.

use crate::parameters::{Parameter, Preset, SHARE};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, pass_rate};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "da_dler",
    parameters: &[
        Parameter { name: "hard_length", preset: Preset::Target, meaning: "target of hard problems in tokens" },
        Parameter {
            name: "easy_length",
            preset: Preset::Share(0.5, "hard_length"),
            meaning: "target of easy problems in tokens",
        },
        Parameter::number("easy_rate", 0.5, "a problem is easy from this share of right rollouts"),
    ],
    build: |given| Ok(Box::new(DaDler::new(given)?)),
};

/// **R = c · 1\[L ≤ L_T(p)\]**, L_T(p) = `easy_length` if p ≥ `easy_rate`, else `hard_length` (DA-DLER,
/// arXiv 2510.15110).
///
/// - p: share of the group that is right, whatever the length. `hard_length`: tokens, required; 4,000 in the paper.
///   `easy_length`: tokens; half of it, the paper's 2,000. `easy_rate`, 0 to 1: 0.5.
/// - Degenerate: as truncation; one rollout is easy when right.
/// - Keeps: within a group never rises with L; no wrong one above a right one. Breaks: one more right rollout can tighten
///   the target of all and so lower the others' reward; a long right one can be below the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DaDler {
    hard_length: u32,
    easy_length: u32,
    easy_rate: f64,
}

impl DaDler {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (hard_length, easy_length) = (read.length("hard_length")?, read.length("easy_length")?);
        Ok(Self { hard_length, easy_length, easy_rate: read.number("easy_rate", SHARE)? })
    }
}

impl RewardStrategy for DaDler {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let target = if pass_rate(group) >= self.easy_rate { self.easy_length } else { self.hard_length };
        let is_late = |rollout: &Rollout| rollout.correct & (rollout.length > target);
        fill_beside_verdict(group, out, |rollout| if is_late(rollout) { -1.0 } else { 0.0 })
    }
}
