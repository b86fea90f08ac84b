//! The two stages of training with a length reward: lengths fall, then accuracy grows at constant length
//! (arXiv 2602.20945, section 2.2).

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::paired::{check_equal, check_finite};

/// The share of the fall in length that the first third of the steps must hold.
const SHARE_OF_FALL: f64 = 0.80;
/// How much the length may change after it, relative to its value there.
const LENGTH_CHANGE: f64 = 0.15;
/// By how much the accuracy must rise after it.
const ACCURACY_RISE: f64 = 0.08;

/// How length and accuracy moved over a run, with the boundary after the first third of the steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Training steps.
    pub steps: usize,
    /// The first step of the second part: `steps / 3`, rounded up.
    pub boundary: usize,
    /// Steps per mean: `max(1, steps / 15)`; at the start a third of it, at least 1, since the fall is steep there.
    pub window: usize,
    /// Mean length over the first steps.
    pub start_length: f64,
    /// Mean length over the `window` steps from the boundary.
    pub boundary_length: f64,
    /// Mean length over the last `window` steps.
    pub end_length: f64,
    /// `(start − boundary) / (start − end)` of lengths; above 1 if lengths grow again. None if there was no fall.
    pub share_of_fall: Option<f64>,
    /// `end / boundary − 1` of lengths.
    pub length_change: f64,
    /// The largest `|mean / boundary − 1|` of lengths over any `window` steps after the boundary: at least
    /// `|length_change|`.
    pub largest_length_change: f64,
    /// Mean in-budget accuracy over the `window` steps from the boundary.
    pub boundary_accuracy: f64,
    /// Mean in-budget accuracy over the last `window` steps.
    pub end_accuracy: f64,
    /// `end − boundary` of accuracies.
    pub accuracy_rise: f64,
}

impl Stages {
    /// True if the run shows both stages: at least 80 % of the fall in length lies in the first third of the steps; after
    /// it the length changes by less than 15 % (`length_change`) while in-budget accuracy rises by at least 0.08.
    pub fn both_seen(&self) -> bool {
        self.share_of_fall.is_some_and(|share| share >= SHARE_OF_FALL)
            && self.length_change.abs() < LENGTH_CHANGE
            && self.accuracy_rise >= ACCURACY_RISE
    }
}

/// The stages of a run, from the mean rollout length and the in-budget training accuracy of each step. Means are plain
/// averages over windows of steps (see [`Stages`]); no value is smoothed twice.
/// Errors: [`EvalError::Unequal`]; [`EvalError::TooFew`] below 6 steps; [`EvalError::NotFinite`], also for a mean length of 0
/// at the boundary.
pub fn stages(lengths: &[f64], accuracies: &[f64]) -> Result<Stages, EvalError> {
    check_equal(("lengths", lengths), ("accuracies", accuracies))?;
    check_finite("lengths", lengths)?;
    check_finite("accuracies", accuracies)?;
    let steps = lengths.len();
    if steps < 6 {
        return Err(EvalError::TooFew { what: "steps", expected: 6, found: steps });
    }
    let (boundary, window) = (steps.div_ceil(3), (steps / 15).max(1));
    let start_length = mean(&lengths[..(window / 3).max(1)]);
    let boundary_length = mean(&lengths[boundary..boundary + window]);
    let end_length = mean(&lengths[steps - window..]);
    let boundary_accuracy = mean(&accuracies[boundary..boundary + window]);
    let end_accuracy = mean(&accuracies[steps - window..]);
    let change = |length: f64| length / boundary_length - 1.0;
    if !change(end_length).is_finite() {
        return Err(EvalError::NotFinite { series: "length changes", index: boundary, value: change(end_length) });
    }
    let fall = start_length - end_length;
    Ok(Stages {
        steps,
        boundary,
        window,
        start_length,
        boundary_length,
        end_length,
        share_of_fall: (fall > 0.0).then(|| (start_length - boundary_length) / fall),
        length_change: change(end_length),
        largest_length_change: lengths[boundary..].windows(window).map(|w| change(mean(w)).abs()).fold(0.0, f64::max),
        boundary_accuracy,
        end_accuracy,
        accuracy_rise: end_accuracy - boundary_accuracy,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
