//! `o1_pruner`: shorter and righter than a frozen reference.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill, verdict};
use crate::{Facts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "o1_pruner",
    parameters: &[Parameter::number("lambda", 5.0, "weight of accuracy against length")],
    build: |given| Ok(Box::new(O1Pruner::new(given)?)),
};

/// **R = L̄_ref/L − 1 + λ(c − Ā_ref)** (O1-Pruner, arXiv 2501.12570).
///
/// - L̄_ref, Ā_ref: mean length in tokens and accuracy of a frozen reference policy on this problem, sampled beforehand
///   (12 times in the authors' script); [`Rollout::reference`]. `lambda`, λ ≥ 0: 5.
/// - Needs: `reference`.
/// - Degenerate: L = 0 counts as 1 token, else the reward would be infinite. A group without a right rollout is not flat. One
///   rollout and equal lengths need no care.
/// - Keeps: among right ones falls with L; scaling all lengths, the reference's included, changes nothing but for L = 0.
///   Breaks: a wrong one can be above a right one, since L̄_ref/L has no bound as L goes to 0; a long right one can be below
///   the mean.
/// - The authors standardise the rewards over the whole set and train offline; here that is the business of the advantages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct O1Pruner {
    lambda: f64,
}

impl O1Pruner {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { lambda: ENTRY.reading(given)?.number("lambda", AT_LEAST_0)? })
    }
}

impl RewardStrategy for O1Pruner {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { reference: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill(group, out, |rollout| {
            let (length, accuracy) = rollout.reference.map_or((0.0, 0.0), |r| (r.mean_length, r.accuracy));
            (self.lambda * (verdict(rollout) - accuracy), length / f64::from(rollout.length.max(1)) - 1.0)
        })
    }
}
