//! `clip`: the clipped policy ratio of PPO, GRPO and DAPO.

use serde::Serialize;

use crate::{
    AdvantageError, Aggregation, Evaluation, Normalizer, Objective, ObjectiveStats, SequenceView, TokenGrad, check_minibatch,
};

/// The most by which two log-probabilities of one token are taken to differ, in nats. Beyond it the ratio is held at
/// e^±20 and gives no gradient, so that no finite log-probabilities make an infinite loss (verl and OpenRLHF do the same).
pub const LOG_RATIO_LIMIT: f64 = 20.0;

/// **ℓ = −min(ρA, clip(ρ, 1 − ε_low, 1 + ε_high)·A)** per token, with ρ = exp(current − behaviour) and A its advantage
/// (PPO, arXiv 1707.06347; ε_high > ε_low is DAPO's clip-higher, arXiv 2503.14476).
///
/// With a dual clip δ > 1 + ε_high (arXiv 1912.09729; TRL's `delta`, verl's `clip_ratio_c`) a token with A < 0 has
/// ℓ = min(−δA, ℓ): ρ beyond δ pushes no harder.
///
/// | A | ρ | ℓ | dℓ / d log-probability |
/// |---|---|---|---|
/// | > 0 | ≤ 1 + ε_high | −ρA | −ρA |
/// | > 0 | > 1 + ε_high | −(1 + ε_high)·A | 0 |
/// | < 0 | < 1 − ε_low | −(1 − ε_low)·A | 0 |
/// | < 0 | ≥ 1 − ε_low, ≤ δ | −ρA | −ρA |
/// | < 0 | > δ | −δA | 0 |
/// | 0 | any | 0 | 0 |
///
/// ℓ and its derivative are multiplied by the weight of the [`Aggregation`]. When `current` and `behaviour` are equal bit
/// for bit, ρ is exactly 1 and the derivative exactly −A times the weight.
///
/// - Defaults: ε_low 0.2, ε_high 0.28, no dual clip, token-mean (those of arXiv 2602.20945 after DAPO).
/// - Reads `current`, `behaviour` and the credit; there is no entropy bonus, so `d_entropy` is 0.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Clip {
    epsilon: f64,
    epsilon_high: f64,
    delta: Option<f64>,
    aggregation: Aggregation,
}

impl Default for Clip {
    fn default() -> Self {
        Self { epsilon: 0.2, epsilon_high: 0.28, delta: None, aggregation: Aggregation::TokenMean }
    }
}

impl Clip {
    /// The objective with these bounds: ratios from 1 − `epsilon` to 1 + `epsilon_high` move freely; `delta` is the dual clip.
    ///
    /// # Errors
    /// An `epsilon` outside [0, 1); an `epsilon_high` that is negative or not finite; a `delta` that is not finite or not
    /// above 1 + `epsilon_high`; an aggregation of length 0.
    pub fn new(epsilon: f64, epsilon_high: f64, delta: Option<f64>, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        let refuse =
            |setting, expected, found: f64| Err(AdvantageError::BadSetting { setting, expected, found: found.to_string() });
        if !(0.0..1.0).contains(&epsilon) {
            return refuse("epsilon", "at least 0 and below 1", epsilon);
        }
        if !(epsilon_high.is_finite() && epsilon_high >= 0.0) {
            return refuse("epsilon_high", "a finite number, at least 0", epsilon_high);
        }
        if let Some(delta) = delta.filter(|delta| !(delta.is_finite() && *delta > 1.0 + epsilon_high)) {
            return refuse("delta", "a finite number above 1 + epsilon_high", delta);
        }
        Ok(Self { epsilon, epsilon_high, delta, aggregation: aggregation.checked()? })
    }

    /// Loss and derivative of one token before the weight; where the ratio is clipped, the derivative is 0.
    fn token(&self, log_ratio: f64, advantage: f64, stats: &mut ObjectiveStats) -> (f64, f64) {
        let held = log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT);
        let ratio = libm::exp(held);
        stats.note_ratio(ratio, held);
        if advantage == 0.0 {
            return (0.0, 0.0); // not −0
        }
        let bound = if advantage > 0.0 && ratio > 1.0 + self.epsilon_high {
            stats.clipped_high += 1;
            1.0 + self.epsilon_high
        } else if advantage < 0.0 && ratio < 1.0 - self.epsilon {
            stats.clipped_low += 1;
            1.0 - self.epsilon
        } else if let Some(delta) = self.delta.filter(|&delta| advantage < 0.0 && ratio > delta) {
            stats.clipped_dual += 1;
            delta
        } else {
            let slope = if held == log_ratio { -ratio * advantage } else { 0.0 };
            return (-ratio * advantage, slope);
        };
        (-bound * advantage, 0.0)
    }
}

impl Objective for Clip {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        check_minibatch(minibatch, norm)?;
        let mut stats = ObjectiveStats::default();
        let mut tokens = Vec::with_capacity(minibatch.len());
        for view in minibatch {
            let mut grads = vec![TokenGrad::default(); view.current.len()];
            let weight = self.aggregation.weight(grads.len(), norm);
            if view.in_loss {
                for (t, grad) in grads.iter_mut().enumerate() {
                    let (loss, slope) = self.token(view.current[t] - view.behaviour[t], view.credit.at(t), &mut stats);
                    (grad.loss, grad.d_logprob) = (loss * weight, slope * weight);
                    stats.loss += grad.loss;
                }
            }
            tokens.push(grads);
        }
        Ok(Evaluation { tokens, stats })
    }
}
