//! `sapo`: a soft gate on the ratio in place of a clip.

use serde::Serialize;

use super::{Ratio, checked_positive, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −A · (4/τ) · σ(τ(ρ − 1))** per token, with ρ = exp(current − behaviour), σ the logistic function, τ = τ_pos for
/// A > 0 and τ_neg otherwise (SAPO, arXiv 2511.20347).
///
/// The derivative is −A · 4σ(1 − σ) · ρ: that of −ρA at ρ = 1, fading on both sides, sooner for larger τ. The value at ρ = 1
/// is −2A/τ.
///
/// - Defaults: τ_pos 1.0, τ_neg 1.05 (paper, TRL, verl, AReaL); `seq-mean-token-mean`, as TRL aggregates it.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0. No token is counted as clipped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sapo {
    temperature_pos: f64,
    temperature_neg: f64,
    aggregation: Aggregation,
}

impl Default for Sapo {
    /// τ of 1.0 and 1.05, seq-mean-token-mean.
    fn default() -> Self {
        Self { temperature_pos: 1.0, temperature_neg: 1.05, aggregation: Aggregation::SeqMeanTokenMean }
    }
}

impl Sapo {
    /// The objective with these τ for advantages above 0 and the others.
    ///
    /// # Errors
    /// A τ that is not a finite number above 0; an aggregation of length 0.
    pub fn new(temperature_pos: f64, temperature_neg: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        Ok(Self {
            temperature_pos: checked_positive("sapo_temperature_pos", temperature_pos)?,
            temperature_neg: checked_positive("sapo_temperature_neg", temperature_neg)?,
            aggregation: aggregation.checked()?,
        })
    }
}

impl Objective for Sapo {
    fn name(&self) -> &'static str {
        "sapo"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for (t, grad) in grads.iter_mut().enumerate() {
                let ratio = Ratio::noted(view, t, stats);
                let advantage = view.credit.at(t);
                if advantage == 0.0 {
                    continue;
                }
                let temperature = if advantage > 0.0 { self.temperature_pos } else { self.temperature_neg };
                let gate = 1.0 / (1.0 + libm::exp(-temperature * (ratio.value - 1.0)));
                grad.loss = -advantage * gate * (4.0 / temperature);
                grad.d_logprob = ratio.slope_of(-advantage * (4.0 * gate * (1.0 - gate)));
            }
        })
    }
}
