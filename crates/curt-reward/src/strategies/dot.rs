//! `dot`: in solved groups, the outlier in length is cut and so no longer right.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{Moments, fill_beside_verdict, lengths};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "dot",
    parameters: &[
        Parameter::number("alpha", 3.0, "deviations above the mean from where a length is an outlier"),
        Parameter::number("min_excess", 32.0, "fewer tokens than this beyond are let pass"),
    ],
    build: |given| Ok(Box::new(Dot::new(given)?)),
};

/// **R = c**; in a group that is right throughout, a rollout with **L − T ≥ m** is cut at **T = ⌊mean + α·s⌋** and is then
/// wrong: 0 (DOT, arXiv 2601.03969).
///
/// - T: tokens, from mean and sample deviation s of the group's lengths. `alpha`, α ≥ 0: 3. `min_excess`, m: 32 tokens. The
///   cut is [`Shaped::cut_at`]: the trainer trains on the first T tokens. The source does not say which deviation; ours is the
///   sample's, as torch has it.
/// - A rollout that is cut has no answer, so it is not graded again here.
/// - Degenerate: no length of N rollouts is more than (N − 1)/√N sample deviations above the mean, so with α = 3 nothing is
///   ever cut in groups of 10 or fewer. Groups with a wrong rollout, one rollout and equal lengths are left alone.
/// - Keeps: among right ones never rises with L; no length pressure without outliers. Breaks: what is cut is right and yet
///   gets 0; not idempotent, since T changes; scaling lengths moves an outlier over m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    alpha: f64,
    min_excess: f64,
}

impl Dot {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { alpha: read.number("alpha", AT_LEAST_0)?, min_excess: f64::from(read.length("min_excess")?) })
    }
}

impl RewardStrategy for Dot {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let all = Moments::of(lengths(group));
        let limit = libm::floor(all.mean + self.alpha * all.sample_deviation());
        let is_solved = group.iter().all(|rollout| rollout.correct);
        let is_cut = |rollout: &Rollout| is_solved && f64::from(rollout.length) - limit >= self.min_excess;
        fill_beside_verdict(group, out, |rollout| if is_cut(rollout) { -1.0 } else { 0.0 })?;
        for (_, shaped) in group.iter().zip(out).filter(|(rollout, _)| is_cut(rollout)) {
            shaped.cut_at = Some(limit as u32);
        }
        Ok(())
    }
}
