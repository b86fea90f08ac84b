//! `nemotron_bonus`: a bonus of zero mean by the relative length of thinking and of the answer.

use crate::parameters::{AT_LEAST_0, Parameter, SHARE};
use crate::registry::Entry;
use crate::statistics::{Moments, fill_beside_verdict, least_and_most, lengths, n_right, quantile_of_sorted, verdict};
use crate::{Facts, Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "nemotron_bonus",
    parameters: &[
        Parameter::number("lambda_think", 0.5, "weight of the thinking part"),
        Parameter::number("lambda_answer", 0.5, "weight of the answer part"),
        Parameter::number("bonus", 0.5, "added to the shortest rollout if it is good enough"),
        Parameter::number("percentile", 0.8, "good enough: at least this quantile of the group's plain rewards"),
    ],
    build: |given| Ok(Box::new(NemotronBonus::new(given)?)),
};

/// **R = c + λ_t(x_i − x̄) + λ_a(y_i − ȳ)**, x = 1 − (l − l_min)/(l_max − l_min) of the thinking part and y of the answer, and
/// **+ bonus** for the shortest rollout if its c is at least the 80th percentile of the group (the group-relative length
/// control of Nemotron 3, arXiv 2512.20848, after third-party texts).
///
/// - l: tokens of the part; the answer's are [`Rollout::answer_length`], the thinking's the rest. `lambda_think`,
///   `lambda_answer`, ≥ 0: 0.5. `percentile`: 0.8, linear between ranks. `bonus` ≥ 0: 0.5; its size and "shortest" as the
///   whole length are ours, the texts do not say. All of several shortest get it.
/// - Needs: `answer_length`.
/// - Degenerate: parts of equal length have no term. In a group without a right rollout every c is at the percentile, so
///   the shortest wrong rollout gets the bonus, and the group presses on length: gate such groups. One rollout gets the bonus.
/// - Keeps: equals get equal; scaling lengths (with the answers') changes nothing. Breaks: one part can be shorter while the
///   other is longer, so right ones need not fall with the whole L; a right one can be below a wrong one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NemotronBonus {
    lambda_think: f64,
    lambda_answer: f64,
    bonus: f64,
    percentile: f64,
}

impl NemotronBonus {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self {
            lambda_think: read.number("lambda_think", AT_LEAST_0)?,
            lambda_answer: read.number("lambda_answer", AT_LEAST_0)?,
            bonus: read.number("bonus", AT_LEAST_0)?,
            percentile: read.number("percentile", SHARE)?,
        })
    }
}

fn answer(rollout: &Rollout) -> f64 {
    f64::from(rollout.answer_length.unwrap_or(0))
}

fn thinking(rollout: &Rollout) -> f64 {
    f64::from(rollout.length) - answer(rollout)
}

/// The place of a length among those of a group, with zero mean: x_i − x̄.
struct Relative {
    most: f64,
    spread: f64,
    mean: f64,
}

impl Relative {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (least, most) = least_and_most(values.clone()).unwrap_or_default();
        let spread = most - least;
        let mean = if spread > 0.0 { Moments::of(values.map(|l| (most - l) / spread)).mean } else { 0.0 };
        Self { most, spread, mean }
    }

    fn at(&self, length: f64) -> f64 {
        if self.spread > 0.0 { (self.most - length) / self.spread - self.mean } else { 0.0 }
    }
}

impl RewardStrategy for NemotronBonus {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs(&self) -> Facts {
        Facts { answer_length: true, ..Facts::BASIC }
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let (x, y) = (Relative::of(group.iter().map(thinking)), Relative::of(group.iter().map(answer)));
        let (shortest, _) = least_and_most(lengths(group)).unwrap_or_default();
        // in rising order, the wrong ones come before the right ones
        let n_wrong = group.len() - n_right(group);
        let quality = |place: usize| f64::from(u8::from(place >= n_wrong));
        let bar = quantile_of_sorted(group.len(), self.percentile, quality).unwrap_or_default();
        fill_beside_verdict(group, out, |rollout| {
            let is_best = f64::from(rollout.length) == shortest && verdict(rollout) >= bar;
            let relative = self.lambda_think * x.at(thinking(rollout)) + self.lambda_answer * y.at(answer(rollout));
            relative + if is_best { self.bonus } else { 0.0 }
        })
    }
}
