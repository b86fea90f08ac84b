//! `short_rl`: length counts only while accuracy is as good as it ever was.

use std::collections::BTreeMap;

use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::state::SavedState;
use crate::statistics::{fill_beside_verdict, right_range, step_accuracy};
use crate::{
    Facts, GroupFacts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group,
};

pub(crate) static ENTRY: Entry = Entry {
    name: "short_rl",
    parameters: &[
        Parameter::number("tolerance", 100.0, "tokens beyond the shortest right rollout that cost nothing"),
        Parameter::number("accuracy_tolerance", 0.05, "how far below the best accuracy length still counts"),
    ],
    build: |given| Ok(Box::new(ShortRl::new(given)?)),
};

const VERSION: u32 = 1;
const BEST: &str = "best_accuracy";

/// The term of the shortest; half a unit below the plain reward's unit.
const FULL: f64 = 0.5;

/// In the denominator, as in the authors' code.
const EPSILON: f64 = 1e-5;

/// **R = c + λ** for a right rollout while the step's accuracy is at least the best so far minus a tolerance, else **c**;
/// **λ = ½** if L ≤ L_min + tol, **½ − (L − L_min)/(L_max − L_min + 1e-5)** beyond (Short-RL, arXiv 2505.12284).
///
/// - L_min, L_max: tokens of the shortest and longest *right* rollout of the group. `tolerance`: 100 tokens.
///   `accuracy_tolerance`: 0.05. Both are settings without a preset in the authors' code; these are ours.
/// - State: the best accuracy of a step, the current one counted before the comparison, as the authors do. Needs:
///   [`StepContext::accuracy`].
/// - Degenerate: a lone right rollout and equal lengths get ½. A group without a right rollout is flat. Zero length needs no
///   care.
/// - Keeps: among right ones never rises with L, flat near the shortest; every right one above every wrong one. Breaks: a
///   long right rollout can be below the mean; scaling lengths moves them over the tolerance.
/// - The authors add this to a format reward and answer rewards of 2 and −1.5; here it is added to c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShortRl {
    tolerance: f64,
    accuracy_tolerance: f64,
    best: f64,
}

impl ShortRl {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let accuracy_tolerance = read.number("accuracy_tolerance", SHARE)?;
        Ok(Self { tolerance: read.number("tolerance", AT_LEAST_0)?, accuracy_tolerance, best: 0.0 })
    }
}

impl RewardStrategy for ShortRl {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { step_accuracy: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let (shortest, longest) = right_range(group).unwrap_or_default();
        let counts = ctx.accuracy.is_some_and(|now| now >= self.best.max(now) - self.accuracy_tolerance);
        fill_beside_verdict(group, out, |rollout| {
            let beyond = f64::from(rollout.length) - shortest;
            match rollout.correct && counts {
                true if beyond <= self.tolerance => FULL,
                true => FULL - beyond / (longest - shortest + EPSILON),
                false => 0.0,
            }
        })
    }

    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        self.best = step_accuracy(step).map_or(self.best, |accuracy| self.best.max(accuracy));
    }

    fn save(&self) -> StrategyState {
        let values = BTreeMap::from([(BEST.to_owned(), self.best)]);
        StrategyState { strategy: ENTRY.name.to_owned(), version: VERSION, values }
    }

    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        let saved = SavedState::of(ENTRY.name, VERSION, state)?;
        saved.expect_only(|key| key == BEST)?;
        self.best = saved.number(BEST, SHARE)?;
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![(BEST, self.best)]
    }
}
