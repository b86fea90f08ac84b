//! `diet`: two standardised scores, the second for tokens beyond a target that follows difficulty.

use std::f64::consts::PI;

use crate::parameters::{AT_LEAST_0, MAX_LENGTH, Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::{Moments, fill, least_and_most, pass_rate, right_range, verdict};
use crate::{Parameters, ProblemKey, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "diet",
    parameters: &[
        MAX_LENGTH,
        Parameter::number("weight", 0.5, "weight of the token score in the first step"),
        Parameter::number("horizon", 100.0, "steps until that weight is 0"),
        Parameter::number("band", 0.1, "width of the draw of the target, as a share of `max_length`"),
    ],
    build: |given| Ok(Box::new(Diet::new(given)?)),
};

/// Beside the deviations.
const EPSILON: f64 = 1e-6;

/// **R = z(c) − w_t · z(max(L − T, 0))**, the second score among right rollouts only, where
/// **w_t = w · p · (cos(πt/H) + 1)/2** and T is drawn evenly from **\[M(e − b), M·e\]** (DIET, arXiv 2505.19217).
///
/// - z: minus the mean, over sample deviation + 1e-6; 0 for equal values. p: share of right ones; e = 1 − p; T = 0 for e = 0.
///   t: the step. M: `max_length`, tokens, required; the authors' 8,192. `weight`, w ≥ 0: 0.5. `horizon`, H ≥ 1: 100 steps;
///   from then on w_t = 0. `band`, b from 0 to 1: 0.1.
/// - **Already standardised.** DIET adds two advantages, each standardised by itself. Train on this with an estimator that
///   only subtracts the mean, such as Dr.GRPO: dividing once more would undo w_t.
/// - T is one draw per group and step, a fixed function (splitmix64) of problem and step, so that nothing is random here.
/// - Degenerate: fewer than two right rollouts, or equal ones, have no token score; one rollout, and a group without a right
///   one, is flat. Zero length needs no care.
/// - Keeps: among right ones never rises with L. Breaks: in large groups a right one can be below a wrong one, since the token
///   score of N right ones is bounded by (N − 1)/√N only; a long right one can be below the mean; scaling lengths moves them
///   over T.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diet {
    max_length: u32,
    weight: f64,
    horizon: u32,
    band: f64,
}

impl Diet {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (weight, band) = (read.number("weight", AT_LEAST_0)?, read.number("band", SHARE)?);
        Ok(Self { max_length: read.length("max_length")?, weight, horizon: read.length("horizon")?, band })
    }

    /// T in tokens.
    fn target(&self, ctx: &StepContext, group: &[Rollout], error: f64) -> f64 {
        match group.first() {
            Some(first) if error > 0.0 => f64::from(self.max_length) * (error - self.band * draw(first.problem, ctx.step)),
            _ => 0.0,
        }
    }

    /// w_t.
    fn weight_at(&self, step: u64, rate: f64) -> f64 {
        let (t, horizon) = (step.min(u64::from(self.horizon)) as f64, f64::from(self.horizon));
        self.weight * rate * (libm::cos(PI * t / horizon) + 1.0) / 2.0
    }
}

/// From 0 to below 1, the same for equal problem and step.
fn draw(problem: ProblemKey, step: u64) -> f64 {
    let mut x = problem.0.wrapping_add(step.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Mean and divisor of a standardised score, or `None` for equal values.
fn standard(moments: Moments, (least, most): (f64, f64)) -> Option<(f64, f64)> {
    (least < most).then(|| (moments.mean, moments.sample_deviation() + EPSILON))
}

impl RewardStrategy for Diet {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let rate = pass_rate(group);
        let (target, weight) = (self.target(ctx, group, 1.0 - rate), self.weight_at(ctx.step, rate));
        let beyond = |length: f64| (length - target).max(0.0);
        let verdicts = group.iter().map(verdict);
        let verdicts = least_and_most(verdicts.clone()).and_then(|range| standard(Moments::of(verdicts), range));
        // the shortest is beyond the target by least, and the longest by most
        let range = right_range(group).map(|(shortest, longest)| (beyond(shortest), beyond(longest)));
        let tokens = range.and_then(|range| standard(Moments::of_right(group, beyond), range));
        let score = |scale: Option<(f64, f64)>, x: f64| scale.map_or(0.0, |(mean, divisor)| (x - mean) / divisor);
        fill(group, out, |rollout| {
            let length = score(tokens, beyond(f64::from(rollout.length)));
            (score(verdicts, verdict(rollout)), if rollout.correct { -weight * length } else { 0.0 })
        })
    }
}
