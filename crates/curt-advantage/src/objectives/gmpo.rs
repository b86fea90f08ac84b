//! `gmpo`: the geometric mean of clipped ratios.

use serde::Serialize;

use super::{Ratio, checked_coefficient, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −A · exp(mean over tokens of c_t)** for every token of a sequence, where c_t is ln ρ_t held at most ε_high for A > 0 and
/// at least −ε_low for A < 0, with ρ = exp(current − behaviour) (GMPO, arXiv 2507.20673; verl's `geo_mean`).
///
/// A lone wild ratio moves a geometric mean little, so the bounds are wider than those of [`Clip`](crate::Clip), and they
/// are on ln ρ: ε = 0.4 allows ρ from e^−0.4 to e^0.4. The derivative by a log-probability that is not held is −A times the
/// geometric mean, and 0 by one that is.
///
/// - A of a sequence with one advantage per token is their mean, as in verl.
/// - Defaults: ε_low = ε_high = 0.4 (paper); `seq-mean-token-mean`, with which the loss is the mean over sequences of
///   −A · mean. verl adds 1e-8 to the number of tokens.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gmpo {
    epsilon: f64,
    epsilon_high: f64,
    aggregation: Aggregation,
}

impl Default for Gmpo {
    /// Bounds of 0.4, seq-mean-token-mean.
    fn default() -> Self {
        Self { epsilon: 0.4, epsilon_high: 0.4, aggregation: Aggregation::SeqMeanTokenMean }
    }
}

impl Gmpo {
    /// The objective with ln ρ from −`epsilon` to `epsilon_high`.
    ///
    /// # Errors
    /// A bound that is negative or not finite; an aggregation of length 0.
    pub fn new(epsilon: f64, epsilon_high: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        Ok(Self {
            epsilon: checked_coefficient("epsilon", epsilon)?,
            epsilon_high: checked_coefficient("epsilon_high", epsilon_high)?,
            aggregation: aggregation.checked()?,
        })
    }

    /// ln ρ as it counts, and whether it is held there.
    fn held(&self, log_ratio: f64, advantage: f64) -> (f64, bool) {
        if advantage > 0.0 && log_ratio > self.epsilon_high {
            (self.epsilon_high, true)
        } else if advantage < 0.0 && log_ratio < -self.epsilon {
            (-self.epsilon, true)
        } else {
            (log_ratio, false)
        }
    }
}

impl Objective for Gmpo {
    fn name(&self) -> &'static str {
        "gmpo"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            let n = grads.len().max(1) as f64;
            let advantage = (0..grads.len()).map(|t| view.credit.at(t)).sum::<f64>() / n;
            let ratios: Vec<Ratio> = (0..grads.len()).map(|t| Ratio::noted(view, t, stats)).collect();
            if advantage == 0.0 {
                return;
            }
            let mean = libm::exp(ratios.iter().map(|ratio| self.held(ratio.log, advantage).0).sum::<f64>() / n);
            for (grad, ratio) in grads.iter_mut().zip(&ratios) {
                let (_, is_held) = self.held(ratio.log, advantage);
                stats.clipped_high += u64::from(is_held && advantage > 0.0);
                stats.clipped_low += u64::from(is_held && advantage < 0.0);
                grad.loss = -advantage * mean;
                grad.d_logprob = if is_held || !ratio.is_free() { 0.0 } else { -advantage * mean };
            }
        })
    }
}
