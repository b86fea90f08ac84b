//! `gpg`: the plain policy gradient.

use serde::Serialize;

use super::{Ratio, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −A · ln π** per token, with derivative −A: REINFORCE, as GPG uses it (arXiv 2504.02546).
///
/// There is no ratio and no clip, so nothing holds the policy when the weights are no longer those that sampled: use it on
/// policy. Statistics of the ratio are kept all the same.
///
/// - Default aggregation: token-mean.
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct GpgLoss {
    aggregation: Aggregation,
}

impl GpgLoss {
    /// The objective with this aggregation.
    ///
    /// # Errors
    /// An aggregation of length 0.
    pub fn new(aggregation: Aggregation) -> Result<Self, AdvantageError> {
        Ok(Self { aggregation: aggregation.checked()? })
    }
}

impl Objective for GpgLoss {
    fn name(&self) -> &'static str {
        "gpg"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for (t, grad) in grads.iter_mut().enumerate() {
                Ratio::noted(view, t, stats);
                let advantage = view.credit.at(t);
                if advantage != 0.0 {
                    (grad.loss, grad.d_logprob) = (-advantage * view.current[t], -advantage);
                }
            }
        })
    }
}
