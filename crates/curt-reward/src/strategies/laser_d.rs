//! `laser_d`: LASER with a target per level of difficulty, learnt on the way.

use super::dynamic_targets::{DynamicTargets, END, START, STEP, TARGET};
use super::laser::{ALPHA, WRONG_REWARD};
use crate::parameters::{ANY, AT_LEAST_0};
use crate::registry::Entry;
use crate::statistics::fill;
use crate::{GroupFacts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "laser_d",
    parameters: &[TARGET, ALPHA, WRONG_REWARD, START, STEP, END],
    build: |given| Ok(Box::new(LaserD::new(given)?)),
};

/// **R = 1 + α · 1\[L ≤ ℓ(level)\]** for a right rollout, **−½** for a wrong one, with a target ℓ that follows the model
/// (LASER-D, arXiv 2505.15612). "D" is *dynamic, difficulty-aware*; the "Laser-D" of arXiv 2602.20945 is
/// [`ArtLaserD`](crate::ArtLaserD).
///
/// - The level of a group is *high* when at least ⅔ of it is right, *medium* from ⅓, else *low*.
/// - ℓ(level) is the least length of the grid with ⌊cov(ℓ) · n⌋ ≥ 1, where cov is the share of that level's right answers
///   within ℓ tokens, and n = ⌊2N/3⌋, ⌊N/3⌋ or 1 of the N rollouts of a group; without such a length there is no limit.
/// - `grid_start`, `grid_step`, `grid_end`: 1,024 tokens each and 16,384. `target_length`: tokens, required; the ℓ of all
///   levels until a step was seen. `alpha`: 0.5. `wrong_reward`: −0.5.
/// - State: counts per level and grid length of the last step that had right answers of the level. The authors measure
///   cov on a held monitor set every few steps; this crate has no such set, so the rollouts of training are taken.
/// - Degenerate: one rollout makes n = 0 at level *high*, so no limit. No right rollout, equal lengths and zero length
///   need no care.
/// - Keeps: within a group never rises with L; every right one above every wrong one. Breaks: a long right rollout can be
///   below the mean; scaling lengths moves them over ℓ.
#[derive(Clone, Debug, PartialEq)]
pub struct LaserD {
    targets: DynamicTargets,
    alpha: f64,
    wrong: f64,
}

impl LaserD {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range, a grid of more than 1,024 lengths.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (alpha, wrong) = (read.number("alpha", AT_LEAST_0)?, read.number("wrong_reward", ANY)?);
        Ok(Self { targets: DynamicTargets::new(&read)?, alpha, wrong })
    }
}

impl RewardStrategy for LaserD {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let target = self.targets.of(group).unwrap_or(u32::MAX);
        fill(group, out, |rollout| match (rollout.correct, rollout.length <= target) {
            (true, true) => (1.0, self.alpha),
            (true, false) => (1.0, 0.0),
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
