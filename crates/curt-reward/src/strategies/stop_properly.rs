//! `stop_properly`: a rollout that does not stop by itself pays.

use crate::parameters::{AT_MOST_1, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, verdict};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "stop_properly",
    parameters: &[Parameter::number("coefficient", -0.5, "from 0 a factor of a cut rollout's reward, below 0 its reward")],
    build: |given| Ok(Box::new(StopProperly::new(given)?)),
};

/// **R = c**; a rollout cut at the generation limit gets **k · c** for k from 0 to 1, and **k** for k < 0 (OpenRLHF's
/// "stop properly" penalty, used for ProRL, arXiv 2505.24864).
///
/// - `coefficient`, k ≤ 1: −0.5. The source has it off unless the user picks a value; ours is what LASER gives a wrong answer.
/// - Degenerate: where what is cut is always wrong, k ≥ 0 changes nothing. One rollout, equal lengths and zero length need no
///   care; a group without a right rollout is not flat when k < 0 and some of it was cut.
/// - Keeps: every right one that stopped above every wrong one; scaling lengths changes nothing. Breaks: a right one that was
///   cut can be below wrong ones and below the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StopProperly {
    coefficient: f64,
}

impl StopProperly {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { coefficient: ENTRY.reading(given)?.number("coefficient", AT_MOST_1)? })
    }
}

impl RewardStrategy for StopProperly {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let k = self.coefficient;
        fill_beside_verdict(group, out, |rollout| match (rollout.truncated, k >= 0.0) {
            (false, _) => 0.0,
            (true, true) => verdict(rollout) * (k - 1.0),
            (true, false) => k - verdict(rollout),
        })
    }
}
