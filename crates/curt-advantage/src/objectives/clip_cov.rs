//! `clip_cov`: clip, and a few tokens of high covariance left out.

use serde::Serialize;

use super::covariance::{covariances, share};
use super::{Ratio, bad_setting, checked_positive};
use crate::{AdvantageError, Aggregation, Clip, Evaluation, Normalizer, Objective, SequenceView, TokenGrad};

/// **[`Clip`], but k of the tokens with covariance in (c_low, c_high) have ℓ = 0**, where the covariance of a token is
/// (A − mean A)(ln π − mean ln π) over all tokens in the loss and k = max(1, ⌊share · tokens⌋) (Clip-Cov, arXiv 2505.22617).
///
/// Tokens of high covariance are those by which entropy is lost; leaving out very few of them keeps it up.
///
/// - Candidates are tokens that the clip does not hold. The paper and verl draw k of them at random; here every
///   ⌊n/k⌋-th of the n candidates in order is taken, so that a run repeats bit for bit.
/// - Minibatch-wide: means and k are those of the whole optimizer update. verl takes them per micro-batch.
/// - Defaults: share 2e-4, (1, 5), ε 0.2 and 0.2, no dual clip, token-mean (paper and verl).
/// - Degenerate: without candidates it is [`Clip`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClipCov {
    clip: Clip,
    ratio: f64,
    low: f64,
    high: f64,
}

impl Default for ClipCov {
    /// Those of the paper.
    fn default() -> Self {
        let clip = Clip::new(0.2, 0.2, None, Aggregation::TokenMean).expect("within the ranges");
        Self { clip, ratio: 2e-4, low: 1.0, high: 5.0 }
    }
}

impl ClipCov {
    /// The objective that leaves out this share of tokens, from those with covariance above `low` and below `high`.
    ///
    /// # Errors
    /// A share outside (0, 1]; a `low` that is not finite or not below `high`.
    pub fn new(clip: Clip, ratio: f64, low: f64, high: f64) -> Result<Self, AdvantageError> {
        if checked_positive("cov_ratio", ratio)? > 1.0 {
            return bad_setting("cov_ratio", "above 0 and at most 1", ratio);
        }
        if !(low.is_finite() && low < high) {
            return bad_setting("cov_low", "a finite number below cov_high", low);
        }
        Ok(Self { clip, ratio, low, high })
    }

    /// The tokens that are left out, as (sequence, token), in order.
    ///
    /// # Panics
    /// Where `current` and `behaviour` of a sequence are not equally many, which [`evaluate`](Objective::evaluate) refuses.
    pub fn selected(&self, minibatch: &[SequenceView<'_>]) -> Vec<(usize, usize)> {
        for (i, view) in minibatch.iter().enumerate() {
            let equal = view.current.len() == view.behaviour.len();
            assert!(equal, "sequence {i}: one log-probability of each policy per token");
        }
        let all = covariances(minibatch);
        let is_free = |(i, t): (usize, usize)| {
            let view = &minibatch[i];
            self.clip.bound(Ratio::of(view.current[t] - view.behaviour[t]).value, view.credit.at(t)).is_none()
        };
        let in_band = all.iter().filter(|c| c.value > self.low && c.value < self.high);
        let candidates: Vec<(usize, usize)> = in_band.map(|c| c.place).filter(|place| is_free(*place)).collect();
        let (n, k) = (candidates.len(), share(self.ratio, all.len()).min(candidates.len()));
        (0..k).map(|j| candidates[j * n / k]).collect()
    }
}

impl Objective for ClipCov {
    fn name(&self) -> &'static str {
        "clip_cov"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        let mut evaluation = self.clip.evaluate(minibatch, norm)?;
        for (i, t) in self.selected(minibatch) {
            evaluation.tokens[i][t] = TokenGrad::default();
            evaluation.stats.selected += 1;
        }
        Ok(evaluation.sum_up())
    }

    fn is_minibatch_wide(&self) -> bool {
        true
    }
}
