//! `kl_cov`: the plain ratio, and a penalty on the tokens of highest covariance.

use serde::Serialize;

use super::covariance::{covariances, share};
use super::{Ratio, bad_setting, checked_coefficient, checked_positive, evaluate_sequences};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = −ρA, plus κ·|ln ρ| for the k tokens of highest covariance**, with ρ = exp(current − behaviour), the covariance of a
/// token (A − mean A)(ln π − mean ln π) over all tokens in the loss, and k = max(1, ⌊share · tokens⌋) (KL-Cov,
/// arXiv 2505.22617).
///
/// Nothing is clipped. The derivative is −ρA, plus κ times the sign of ln ρ for the picked, 0 at ρ = 1: on policy the penalty
/// has no gradient.
///
/// - Of equal covariances the earlier token is picked.
/// - Minibatch-wide: means and k are those of the whole optimizer update. verl takes them per micro-batch.
/// - Defaults: share 2e-4, κ = 1, token-mean (paper and verl).
/// - Degenerate: sequences out of the loss, and those without tokens, give exactly 0 and are not picked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KlCov {
    ratio: f64,
    coefficient: f64,
    aggregation: Aggregation,
}

impl Default for KlCov {
    /// Those of the paper.
    fn default() -> Self {
        Self { ratio: 2e-4, coefficient: 1.0, aggregation: Aggregation::TokenMean }
    }
}

impl KlCov {
    /// The objective that penalises this share of tokens with this κ.
    ///
    /// # Errors
    /// A share outside (0, 1]; a κ that is negative or not finite; an aggregation of length 0.
    pub fn new(ratio: f64, coefficient: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        if checked_positive("cov_ratio", ratio)? > 1.0 {
            return bad_setting("cov_ratio", "above 0 and at most 1", ratio);
        }
        let coefficient = checked_coefficient("kl_cov_coefficient", coefficient)?;
        Ok(Self { ratio, coefficient, aggregation: aggregation.checked()? })
    }

    /// The tokens that are penalised, as (sequence, token), by falling covariance.
    pub fn selected(&self, minibatch: &[SequenceView<'_>]) -> Vec<(usize, usize)> {
        let mut all = covariances(minibatch);
        let k = share(self.ratio, all.len()).min(all.len());
        all.sort_by(|a, b| b.value.total_cmp(&a.value)); // stable
        all[..k].iter().map(|c| c.place).collect()
    }
}

impl Objective for KlCov {
    fn name(&self) -> &'static str {
        "kl_cov"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        let mut evaluation = evaluate_sequences(minibatch, norm, self.aggregation, |view, stats, grads| {
            for (t, grad) in grads.iter_mut().enumerate() {
                let ratio = Ratio::noted(view, t, stats);
                let advantage = view.credit.at(t);
                if advantage != 0.0 {
                    (grad.loss, grad.d_logprob) = (-ratio.value * advantage, ratio.slope_of(-advantage));
                }
            }
        })?;
        for (i, t) in self.selected(minibatch) {
            let view = &minibatch[i];
            let ratio = Ratio::of(view.current[t] - view.behaviour[t]);
            let factor = self.coefficient * self.aggregation.weight(view.current.len(), norm);
            let sign = if ratio.log == 0.0 || !ratio.is_free() { 0.0 } else { ratio.log.signum() };
            evaluation.tokens[i][t].loss += factor * ratio.log.abs();
            evaluation.tokens[i][t].d_logprob += factor * sign;
            evaluation.stats.selected += 1;
        }
        Ok(evaluation.sum_up())
    }

    fn is_minibatch_wide(&self) -> bool {
        true
    }
}
