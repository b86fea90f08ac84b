//! `gspo`: one clipped ratio per sequence.

use serde::Serialize;

use super::{Ratio, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Clip, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −min(sA, clip(s, 1 − ε_low, 1 + ε_high)·A), s = exp(mean over tokens of ln ρ)** for every token of a sequence: the
/// geometric mean of its ratios ρ = exp(current − behaviour) is clipped as a whole (GSPO, arXiv 2507.18071).
///
/// The derivative by each log-probability is −sA where s is not clipped, and 0 where it is. With one advantage per sequence
/// that is the derivative of the summed loss; with one per token it is that of the paper's GSPO-token, in which the ratio of
/// a token has the value s and the gradient of its own ρ.
///
/// - Defaults: ε_low 3e-4, ε_high 4e-4 (s moves far less than ρ), `seq-mean-token-mean`, which gives −sA / (B · L).
/// - TRL's `importance_sampling_level = "sequence"` is the same. verl holds ln s below 10; here it is held within ±20.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0.
/// - On policy s is exactly 1, and the derivative exactly −A times the weight. The counts of clipped tokens count every
///   token of a clipped sequence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gspo {
    clip: Clip,
    aggregation: Aggregation,
}

impl Default for Gspo {
    /// The bounds of the paper.
    fn default() -> Self {
        Self::new(3e-4, 4e-4, Aggregation::SeqMeanTokenMean).expect("within the ranges")
    }
}

impl Gspo {
    /// The objective with these bounds on s.
    ///
    /// # Errors
    /// An `epsilon` outside [0, 1); an `epsilon_high` that is negative or not finite; an aggregation of length 0.
    pub fn new(epsilon: f64, epsilon_high: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        Ok(Self { clip: Clip::new(epsilon, epsilon_high, None, aggregation)?, aggregation })
    }
}

impl Objective for Gspo {
    fn name(&self) -> &'static str {
        "gspo"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for t in 0..grads.len() {
                Ratio::noted(view, t, stats);
            }
            let ratio = Ratio::of(mean_log_ratio(view));
            for (t, grad) in grads.iter_mut().enumerate() {
                (grad.loss, grad.d_logprob) = self.clip.token(&ratio, view.credit.at(t), stats);
            }
        })
    }
}

/// Mean of current − behaviour over the tokens; 0 of none.
fn mean_log_ratio(view: &SequenceView<'_>) -> f64 {
    let sum: f64 = view.current.iter().zip(view.behaviour).map(|(current, behaviour)| current - behaviour).sum();
    sum / view.current.len().max(1) as f64
}
