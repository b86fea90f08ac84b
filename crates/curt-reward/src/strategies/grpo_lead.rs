//! `grpo_lead`: an exponential of the length among right answers, and advantages weighed by difficulty.

use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::{Moments, fill, pass_rate};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "grpo_lead",
    parameters: &[
        Parameter::number("alpha", 0.05, "steepness of the length term"),
        Parameter::number("gate_length", 4000.0, "no length term while the three shortest right ones have at most this mean"),
        Parameter::number("low", 0.4, "weight of an advantage towards the easy end"),
        Parameter::number("high", 1.5, "weight of an advantage towards the hard end"),
        Parameter::number("midpoint", 0.75, "pass rate halfway between the two"),
        Parameter::number("slope", 10.0, "steepness between the two"),
    ],
    build: |given| Ok(Box::new(GrpoLead::new(given)?)),
};

/// Beside the deviation, as in the authors' code.
const EPSILON: f64 = 1e-6;

/// How many of the shortest right rollouts the gate looks at.
const GATE_ROLLOUTS: usize = 3;

/// **R = exp(−α z)** for a right rollout, **−1** for a wrong one, z = (L − μ)/(s + 1e-6); then the advantage is weighed by
/// **w(ρ) = A + (B − A)/(1 + exp(k(ρ − ρ₀)))** (GRPO-LEAD, arXiv 2504.09696).
///
/// - μ, s: mean and sample deviation, in tokens, of the lengths of the group's right rollouts. ρ: its share of right ones. A
///   positive advantage is multiplied by w(ρ), any other by w(1 − ρ).
/// - `alpha`, α ≥ 0: 0.05. `low`, `high`, `midpoint`, `slope`: A = 0.4, B = 1.5, ρ₀ = 0.75, k = 10.
/// - `gate_length`: 4,000 tokens; z = 0 while the mean of the three shortest right rollouts is at most this. The gate is in
///   the authors' code and not in the paper's formula; 0 turns it off for all but rollouts of no length.
/// - Degenerate: a lone right rollout and equal lengths have z = 0. A group without a right rollout is flat. Zero length
///   needs no care.
/// - Keeps: among right ones falls with L; every right one above every wrong one; weighing keeps the sign of an advantage.
///   Breaks: a long right rollout can be below the mean; scaling lengths moves them over the gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrpoLead {
    alpha: f64,
    gate_length: f64,
    low: f64,
    high: f64,
    midpoint: f64,
    slope: f64,
}

impl GrpoLead {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self {
            alpha: read.number("alpha", AT_LEAST_0)?,
            gate_length: read.number("gate_length", AT_LEAST_0)?,
            low: read.number("low", AT_LEAST_0)?,
            high: read.number("high", AT_LEAST_0)?,
            midpoint: read.number("midpoint", SHARE)?,
            slope: read.number("slope", AT_LEAST_0)?,
        })
    }

    fn weight(&self, rate: f64) -> f64 {
        self.low + (self.high - self.low) / (1.0 + libm::exp(self.slope * (rate - self.midpoint)))
    }

    /// Are the shortest right answers still so long that length is worth a term?
    fn is_open(&self, group: &[Rollout]) -> bool {
        let mut shortest = [f64::INFINITY; GATE_ROLLOUTS];
        for rollout in group {
            // a wrong one is behind all others
            let mut length = if rollout.correct { f64::from(rollout.length) } else { f64::INFINITY };
            for place in &mut shortest {
                (*place, length) = (place.min(length), place.max(length));
            }
        }
        let found = shortest.iter().copied().filter(|length| length.is_finite());
        Moments::of(found).mean > self.gate_length
    }
}

impl RewardStrategy for GrpoLead {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let right = Moments::of_right(group, |length| length);
        let scale = right.sample_deviation() + EPSILON;
        let is_open = self.is_open(group);
        fill(group, out, |rollout| match (rollout.correct, is_open) {
            (true, true) => (1.0, libm::exp(-self.alpha * (f64::from(rollout.length) - right.mean) / scale) - 1.0),
            (true, false) => (1.0, 0.0),
            (false, _) => (-1.0, 0.0),
        })
    }

    fn reweights(&self) -> bool {
        true
    }

    fn reweight(&self, advantages: &mut [f64], group: &[Rollout]) {
        let rate = pass_rate(group);
        let (positive, other) = (self.weight(rate), self.weight(1.0 - rate));
        for advantage in advantages {
            *advantage *= if *advantage > 0.0 { positive } else { other };
        }
    }
}
