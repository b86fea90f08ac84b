//! `arora_zanette`: right answers weighed by how their length compares with the other right ones.

use crate::parameters::{Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::{Moments, fill_beside_verdict};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "arora_zanette",
    parameters: &[Parameter::number("alpha", 0.2, "share of the reward that length can take")],
    build: |given| Ok(Box::new(AroraZanette::new(given)?)),
};

/// Beside the deviation, so that equal lengths do not divide by 0.
const EPSILON: f64 = 1e-7;

/// **R = c · (1 − α · σ((L − μ)/(s + 1e-7)))** (arXiv 2502.04463), σ the logistic function.
///
/// - μ, s: mean and population deviation, in tokens, of the lengths of this group's *right* rollouts. `alpha`, α from 0 to
///   1: 0.2. The authors sweep 0 to 0.4 with RLOO; the preset of their command line is 1.
/// - Degenerate: a lone right rollout, and equal lengths, give 1 − α/2. A group without a right rollout is flat. Zero
///   length needs no care.
/// - Keeps: among right ones falls with L; every right one above every wrong one iff α < 1; scaling lengths changes nothing
///   beyond the 1e-7. Breaks: the longest right rollout can be below the mean.
/// - We follow the authors' code. LASER's copy of it takes the sample deviation, and mean 0 and deviation 1 for a lone right
///   rollout, which then gets 1 − α whatever its length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AroraZanette {
    alpha: f64,
}

impl AroraZanette {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { alpha: ENTRY.reading(given)?.number("alpha", SHARE)? })
    }
}

impl RewardStrategy for AroraZanette {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let right = Moments::of_right(group, |length| length);
        let scale = right.population_deviation() + EPSILON;
        fill_beside_verdict(group, out, |rollout| {
            if !rollout.correct {
                return 0.0;
            }
            let z = (f64::from(rollout.length) - right.mean) / scale;
            -self.alpha / (1.0 + libm::exp(-z))
        })
    }
}
