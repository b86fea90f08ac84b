//! `cispo`: the ratio weighs the gradient and is clipped there, so that no token loses its gradient.

use serde::Serialize;

use super::{Ratio, bad_setting, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −sg(clip(ρ, 1 − ε_low, 1 + ε_high)) · A · ln π** per token, with ρ = exp(current − behaviour) and sg a weight that is
/// held constant in the derivative, which is therefore −clip(ρ)·A (CISPO, arXiv 2506.13585).
///
/// - The canonical form has no lower bound (`epsilon` `None`, the default); verl clips both sides. TRL's `epsilon_high` is
///   the cap itself, so its 5.0 is 4.0 here: 1 + ε_high = 5, the default.
/// - The value of ℓ is no estimate of anything; only its derivative is used.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0. Clipped tokens are counted and keep a
///   gradient.
/// - Default aggregation: token-mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cispo {
    epsilon: Option<f64>,
    epsilon_high: f64,
    aggregation: Aggregation,
}

impl Default for Cispo {
    /// No lower bound, weights up to 5, token-mean.
    fn default() -> Self {
        Self { epsilon: None, epsilon_high: 4.0, aggregation: Aggregation::TokenMean }
    }
}

impl Cispo {
    /// The objective with weights from 1 − `epsilon` (`None`: from 0) to 1 + `epsilon_high`.
    ///
    /// # Errors
    /// An `epsilon` outside [0, 1]; an `epsilon_high` that is negative or not finite; an aggregation of length 0.
    pub fn new(epsilon: Option<f64>, epsilon_high: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        if let Some(epsilon) = epsilon.filter(|epsilon| !(0.0..=1.0).contains(epsilon)) {
            return bad_setting("epsilon", "at least 0 and at most 1", epsilon);
        }
        super::checked_clip(0.0, epsilon_high)?;
        Ok(Self { epsilon, epsilon_high, aggregation: aggregation.checked()? })
    }
}

impl Objective for Cispo {
    fn name(&self) -> &'static str {
        "cispo"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        let (low, high) = (self.epsilon.map_or(0.0, |epsilon| 1.0 - epsilon), 1.0 + self.epsilon_high);
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for (t, grad) in grads.iter_mut().enumerate() {
                let ratio = Ratio::noted(view, t, stats).value;
                let advantage = view.credit.at(t);
                if advantage == 0.0 {
                    continue;
                }
                stats.clipped_low += u64::from(ratio < low);
                stats.clipped_high += u64::from(ratio > high);
                grad.d_logprob = -ratio.clamp(low, high) * advantage;
                grad.loss = grad.d_logprob * view.current[t];
            }
        })
    }
}
