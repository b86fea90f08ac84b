//! `quantile_target`: truncation at a quantile of the lengths of right answers.

use std::collections::BTreeMap;

use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::state::SavedState;
use crate::statistics::{fill_beside_verdict, quantile, right_lengths};
use crate::{GroupFacts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "quantile_target",
    parameters: &[
        Parameter::number("quantile", 0.9, "share of right answers that the target lets pass"),
        Parameter::word("scope", "batch", "whose lengths: `batch`, the last step's, or the `group`'s own"),
    ],
    build: |given| Ok(Box::new(QuantileTarget::new(given)?)),
};

const VERSION: u32 = 1;
const TARGET: &str = "target_length";

/// **R = c · 1\[L ≤ L_T\]**, **L_T = Q_q** of the lengths of right rollouts (arXiv 2602.20945, appendix E, "adaptive L_T").
///
/// - `quantile`, q from 0 to 1: 0.9, linear between ranks. `scope`: the paper does not say over which rollouts. `batch`: the
///   right ones of the last step that had any; a group cannot wait for the others of its own step. `group`: its own.
/// - State (scope `batch`): L_T. Until a step had a right rollout there is no target, so R = c.
/// - Degenerate: a group without a right rollout is flat. With scope `group` the longest right rollout always loses, unless it
///   is tied or alone. Zero length needs no care.
/// - Keeps: within a group never rises with L; no wrong one above a right one; with scope `group` scaling lengths changes
///   nothing. Breaks: a long right one gets 0 like a wrong one, and is then below the mean. The target follows the model
///   down without end: the paper saw a better result at 4k and none at 32k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileTarget {
    quantile: f64,
    is_per_group: bool,
    target: Option<f64>,
}

impl QuantileTarget {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let is_per_group = read.word("scope", &[("batch", false), ("group", true)], "`batch` or `group`")?;
        Ok(Self { quantile: read.number("quantile", SHARE)?, is_per_group, target: None })
    }
}

impl RewardStrategy for QuantileTarget {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let target = match self.is_per_group {
            true => {
                let mut lengths = Vec::with_capacity(group.len());
                lengths.extend(right_lengths(group));
                quantile(&mut lengths, self.quantile)
            }
            false => self.target,
        };
        let is_late = |rollout: &Rollout| rollout.correct && target.is_some_and(|target| f64::from(rollout.length) > target);
        fill_beside_verdict(group, out, |rollout| if is_late(rollout) { -1.0 } else { 0.0 })
    }

    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        let mut lengths: Vec<f64> = step.iter().flat_map(|facts| right_lengths(facts.group)).collect();
        if !self.is_per_group {
            self.target = quantile(&mut lengths, self.quantile).or(self.target);
        }
    }

    fn save(&self) -> StrategyState {
        let values: BTreeMap<String, f64> = self.target.map(|target| (TARGET.to_owned(), target)).into_iter().collect();
        StrategyState { strategy: ENTRY.name.to_owned(), version: VERSION, values }
    }

    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        let saved = SavedState::of(ENTRY.name, VERSION, state)?;
        saved.expect_only(|key| key == TARGET && !self.is_per_group)?;
        self.target = saved.optional(TARGET, AT_LEAST_0)?;
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.target.map(|target| ("quantile_target", target)).into_iter().collect()
    }
}
