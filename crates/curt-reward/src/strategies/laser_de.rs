//! `laser_de`: LASER-D that also lets wrong rollouts explore beyond the target.

use super::dynamic_targets::{DynamicTargets, END, START, STEP, TARGET};
use super::laser::{ALPHA, WRONG_REWARD};
use crate::parameters::{ANY, AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::fill;
use crate::{
    Facts, GroupFacts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group,
};

pub(crate) static ENTRY: Entry = Entry {
    name: "laser_de",
    parameters: &[
        TARGET,
        ALPHA,
        WRONG_REWARD,
        START,
        STEP,
        END,
        Parameter::number("max_repetition", 0.2, "a wrong rollout that repeats a greater share of its n-grams gets no α"),
    ],
    build: |given| Ok(Box::new(LaserDe::new(given)?)),
};

/// [`LaserD`](crate::LaserD), and **+α for a wrong rollout with L > ℓ** that does not merely repeat itself: −½ becomes 0
/// (LASER-DE, arXiv 2505.15612; "E" is *exploration*).
///
/// - Everything of `laser_d`, and `max_repetition`, 0 to 1: 0.2. The authors' detector is a rule on repeated n-grams; here
///   it fires when [`Rollout::repetition`] is above `max_repetition`, and the value is ours.
/// - Needs: `repetition`.
/// - Degenerate: while a level has no limit, no wrong rollout is beyond it. A group without a right rollout is not flat:
///   its long rollouts are above its short ones.
/// - Keeps: among right ones never rises with L; every right one above every wrong one iff α < 1.5, by the presets. Breaks:
///   wrong ones rise with L by design; a long right rollout can be below the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct LaserDe {
    targets: DynamicTargets,
    alpha: f64,
    wrong: f64,
    max_repetition: f64,
}

impl LaserDe {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range, a grid of more than 1,024 lengths.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (alpha, wrong) = (read.number("alpha", AT_LEAST_0)?, read.number("wrong_reward", ANY)?);
        Ok(Self { targets: DynamicTargets::new(&read)?, alpha, wrong, max_repetition: read.number("max_repetition", SHARE)? })
    }

    fn repeats_itself(&self, rollout: &Rollout) -> bool {
        rollout.repetition.is_some_and(|share| share > self.max_repetition)
    }
}

impl RewardStrategy for LaserDe {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { repetition: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let target = self.targets.of(group).unwrap_or(u32::MAX);
        fill(group, out, |rollout| match (rollout.correct, rollout.length <= target) {
            (true, true) => (1.0, self.alpha),
            (true, false) => (1.0, 0.0),
            (false, false) if !self.repeats_itself(rollout) => (self.wrong, self.alpha),
            (false, _) => (self.wrong, 0.0),
        })
    }

    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        self.targets.observe(step);
    }

    fn save(&self) -> StrategyState {
        self.targets.save(ENTRY.name)
    }

    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        self.targets.load(ENTRY.name, state)
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.targets.metrics()
    }
}
