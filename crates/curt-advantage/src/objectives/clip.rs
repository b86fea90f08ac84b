//! `clip`: the clipped policy ratio of PPO, GRPO and DAPO.

use serde::Serialize;

use super::{Ratio, bad_setting, checked_clip, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, ObjectiveStats, SequenceView};

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
/// - Defaults: ε_low 0.2, ε_high 0.28, no dual clip, token-mean (those of arXiv 2602.20945 after DAPO). Built by its word
///   ([`objective_by_name`](crate::objective_by_name)), ε_high is ε_low unless given, as in TRL.
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
    /// DAPO's: ε_low 0.2, ε_high 0.28, no dual clip, token-mean.
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
        checked_clip(epsilon, epsilon_high)?;
        if let Some(delta) = delta.filter(|delta| !(delta.is_finite() && *delta > 1.0 + epsilon_high)) {
            return bad_setting("delta", "a finite number above 1 + epsilon_high", delta);
        }
        Ok(Self { epsilon, epsilon_high, delta, aggregation: aggregation.checked()? })
    }

    /// The ratio that stands in for one that is clipped, and which clip it is; `None` where the token moves freely.
    pub(super) fn bound(&self, ratio: f64, advantage: f64) -> Option<(f64, Side)> {
        if advantage > 0.0 && ratio > 1.0 + self.epsilon_high {
            return Some((1.0 + self.epsilon_high, Side::High));
        }
        if advantage < 0.0 && ratio < 1.0 - self.epsilon {
            return Some((1.0 - self.epsilon, Side::Low));
        }
        self.delta.filter(|&delta| advantage < 0.0 && ratio > delta).map(|delta| (delta, Side::Dual))
    }

    /// Loss and derivative of one token before the weight; where the ratio is clipped, the derivative is 0.
    pub(super) fn token(&self, ratio: &Ratio, advantage: f64, stats: &mut ObjectiveStats) -> (f64, f64) {
        if advantage == 0.0 {
            return (0.0, 0.0); // not −0
        }
        match self.bound(ratio.value, advantage) {
            None => (-ratio.value * advantage, ratio.slope_of(-advantage)),
            Some((bound, side)) => {
                match side {
                    Side::Low => stats.clipped_low += 1,
                    Side::High => stats.clipped_high += 1,
                    Side::Dual => stats.clipped_dual += 1,
                }
                (-bound * advantage, 0.0)
            }
        }
    }
}

/// The clip that holds a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Low,
    High,
    Dual,
}

impl Objective for Clip {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for (t, grad) in grads.iter_mut().enumerate() {
                let ratio = Ratio::noted(view, t, stats);
                (grad.loss, grad.d_logprob) = self.token(&ratio, view.credit.at(t), stats);
            }
        })
    }
}
