//! `cosine`: short right answers and long wrong ones, along half a cosine.

use std::f64::consts::PI;

use crate::parameters::{ANY, AT_LEAST_0, MAX_LENGTH, Parameter};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Facts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "cosine",
    parameters: &[
        MAX_LENGTH,
        Parameter::number("right_short", 2.0, "reward of a right rollout of no length"),
        Parameter::number("right_long", 1.0, "reward of a right rollout at `max_length`"),
        Parameter::number("wrong_short", -10.0, "reward of a wrong rollout of no length"),
        Parameter::number("wrong_long", 0.0, "reward of a wrong rollout at `max_length`"),
        Parameter::number("exceed", -10.0, "reward at `max_length` and beyond, right or wrong"),
        Parameter::number("margin", 0.0, "so many tokens before `max_length` count as at it"),
        Parameter::number("repetition_weight", 1.0, "taken off a wrong rollout per share of repeated n-grams"),
    ],
    build: |given| Ok(Box::new(Cosine::new(given)?)),
};

/// **R = b + ½(a − b)(1 + cos(π L/L_max))**, from a at no length to b at L_max; **r_exceed** from L_max on
/// (arXiv 2502.03373, "demystifying long CoT").
///
/// - `max_length`, L_max: tokens, required. Right: `right_short` a = 2, `right_long` b = 1. Wrong: `wrong_short` a = −10,
///   `wrong_long` b = 0, so a longer wrong answer loses less. `exceed`: −10, from L + `margin` ≥ L_max on, whatever the
///   verdict. `margin`: 0 tokens.
/// - `repetition_weight`, ≥ 0: 1, times [`Rollout::repetition`], taken off wrong rollouts below L_max only. The authors take
///   a penalty off each repeated n-gram token by token; a sequence reward can only take its share. The weight is ours.
/// - Needs: `repetition`, unless `repetition_weight` is 0.
/// - Degenerate: a group without a right rollout is not flat. One rollout, equal lengths and zero length need no care.
/// - Keeps: below L_max, among right ones falls with L, and every right one is above every wrong one. Breaks: at L_max a
///   right one drops below wrong ones; wrong ones rise with L; a long right one can be below the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    max_length: u32,
    right: [f64; 2],
    wrong: [f64; 2],
    exceed: f64,
    margin: u32,
    repetition_weight: f64,
}

impl Cosine {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self {
            max_length: read.length("max_length")?,
            right: [read.number("right_short", ANY)?, read.number("right_long", ANY)?],
            wrong: [read.number("wrong_short", ANY)?, read.number("wrong_long", ANY)?],
            exceed: read.number("exceed", ANY)?,
            margin: read.whole("margin")?,
            repetition_weight: read.number("repetition_weight", AT_LEAST_0)?,
        })
    }

    fn reward(&self, rollout: &Rollout) -> f64 {
        if rollout.length.saturating_add(self.margin) >= self.max_length {
            return self.exceed;
        }
        let place = f64::from(rollout.length) / f64::from(self.max_length);
        let falling = 0.5 * (1.0 + libm::cos(PI * place));
        let along = |[short, long]: [f64; 2]| long + (short - long) * falling;
        match rollout.correct {
            true => along(self.right),
            false => along(self.wrong) - self.repetition_weight * rollout.repetition.unwrap_or(0.0),
        }
    }
}

impl RewardStrategy for Cosine {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { repetition: self.repetition_weight > 0.0, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |rollout| self.reward(rollout) - f64::from(u8::from(rollout.correct)))
    }
}
