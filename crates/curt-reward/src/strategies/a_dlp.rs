//! `a_dlp`: a price per token that rises while accuracy holds and falls when it drops.

use std::collections::BTreeMap;

use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::state::SavedState;
use crate::statistics::{fill_beside_verdict, step_accuracy};
use crate::{GroupFacts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "a_dlp",
    parameters: &[
        Parameter::number("initial", 1e-4, "price of a token in the first step"),
        Parameter::number("rate", 1e-5, "change of the price per step and unit of accuracy"),
        Parameter::word("reference_accuracy", "first_step", "accuracy to keep: a share, or `first_step`: that of the first step"),
    ],
    build: |given| Ok(Box::new(ADlp::new(given)?)),
};

const VERSION: u32 = 1;
const COEFFICIENT: &str = "coefficient";
const REFERENCE: &str = "reference_accuracy";

/// **R = c − λ_t · L**, all rollouts; after each step **λ ← max(0, λ + η(acc − acc_ref))** (A-DLP, arXiv 2505.18298).
///
/// - λ: per token; `initial`, λ₀ ≥ 0: 1e-4. `rate`, η ≥ 0: 1e-5. acc: share of right rollouts of the step.
///   `reference_accuracy`, acc_ref: a share, or the accuracy of the first step, where the policy still is the model to keep
///   up with.
/// - State: λ, and acc_ref once it was measured.
/// - Degenerate: a group without a right rollout still pays by length. One rollout, equal lengths and zero length need no
///   care.
/// - Keeps: falls with L, among wrong ones too; every right one above every wrong one only while λ · (L_right − L_wrong) is
///   below 1. Breaks: a long right rollout can be below the mean; scaling lengths changes the reward.
/// - The authors' configuration has λ₀ = 0.1 and η = 0.01; on lengths in tokens that drowns c, so ours are a thousandth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ADlp {
    rate: f64,
    coefficient: f64,
    reference: Option<f64>,
}

impl ADlp {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self {
            rate: read.number("rate", AT_LEAST_0)?,
            coefficient: read.number("initial", AT_LEAST_0)?,
            reference: read.number_or(REFERENCE, SHARE, "first_step", "a number from 0 to 1, or `first_step`")?,
        })
    }
}

impl RewardStrategy for ADlp {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |rollout| -self.coefficient * f64::from(rollout.length))
    }

    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        if let Some(accuracy) = step_accuracy(step) {
            let reference = *self.reference.get_or_insert(accuracy);
            self.coefficient = (self.coefficient + self.rate * (accuracy - reference)).max(0.0);
        }
    }

    fn save(&self) -> StrategyState {
        let mut values = BTreeMap::from([(COEFFICIENT.to_owned(), self.coefficient)]);
        values.extend(self.reference.map(|reference| (REFERENCE.to_owned(), reference)));
        StrategyState { strategy: ENTRY.name.to_owned(), version: VERSION, values }
    }

    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        let saved = SavedState::of(ENTRY.name, VERSION, state)?;
        saved.expect_only(|key| key == COEFFICIENT || key == REFERENCE)?;
        let (coefficient, reference) = (saved.number(COEFFICIENT, AT_LEAST_0)?, saved.optional(REFERENCE, SHARE)?);
        (self.coefficient, self.reference) = (coefficient, reference);
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![("length_coefficient", self.coefficient)]
    }
}
