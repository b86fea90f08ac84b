//! `qglas`: length acts on positive advantages only, after they are known.

use crate::parameters::{ABOVE_0, AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{Moments, fill_beside_verdict, pass_rate};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "qglas",
    parameters: &[
        Parameter::number("beta", 0.25, "added to the advantage of a short one, at pass rate 0; twice that at pass rate 1"),
        Parameter::number("cap", 1.0, "share below the mean length from where nothing more is added"),
    ],
    build: |given| Ok(Box::new(Qglas::new(given)?)),
};

/// **R = c**; then **Ã = A + λ·h** for A > 0, **h = clip((L̄₊ − L)/L̄₊, 0, κ)/κ**, and Ã = A for any other (QGLAS, 2026).
///
/// - L̄₊: mean length in tokens of the group's rollouts with A > 0. λ = β(1 + p), p the share of right ones: from `beta`,
///   β ≥ 0: 0.25, to twice that; the source has β_max = 2β_min, and the straight line in p and the value of β are ours.
///   `cap`, κ > 0: 1; not given in the source either.
/// - Acts in [`reweight`](RewardStrategy::reweight), so it needs one advantage per rollout.
/// - Degenerate: no positive advantage, one of them alone, equal or zero lengths: nothing is added.
/// - Keeps: the reward is plain correctness with all its laws; the sign of every advantage. Breaks: advantages no longer sum
///   to 0. It is pressure among right ones only: a group all right is silent, since its advantages are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Qglas {
    beta: f64,
    cap: f64,
}

impl Qglas {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { beta: read.number("beta", AT_LEAST_0)?, cap: read.number("cap", ABOVE_0)? })
    }
}

impl RewardStrategy for Qglas {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |_| 0.0)
    }

    fn reweights(&self) -> bool {
        true
    }

    fn reweight(&self, advantages: &mut [f64], group: &[Rollout]) {
        let positive = group.iter().zip(&*advantages).filter(|(_, advantage)| **advantage > 0.0);
        let mean = Moments::of(positive.map(|(rollout, _)| f64::from(rollout.length))).mean;
        if mean <= 0.0 {
            return;
        }
        let weight = self.beta * (1.0 + pass_rate(group));
        for (advantage, rollout) in advantages.iter_mut().zip(group).filter(|(advantage, _)| **advantage > 0.0) {
            let h = ((mean - f64::from(rollout.length)) / mean).clamp(0.0, self.cap) / self.cap;
            *advantage += weight * h;
        }
    }
}
