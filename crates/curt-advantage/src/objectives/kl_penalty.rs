//! A term that holds the policy to a frozen reference.

use serde::{Deserialize, Serialize};

use super::{LOG_RATIO_LIMIT, Ratio, checked_coefficient, fact};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// An estimate of KL(current ‖ reference) from one drawn token, with d = ln π − ln π_ref:
///
/// | word | value | derivative by ln π | as a value | as a gradient |
/// |---|---|---|---|---|
/// | `k1` | d | 1 | unbiased | none: its mean is 0 |
/// | `abs` | \|d\| | sign of d, 0 at 0 | biased | biased |
/// | `k2` | d²/2 | d | biased | that of the KL |
/// | `k3` | e^−d + d − 1 ≥ 0 | 1 − e^−d | unbiased, never negative | biased: that of KL(reference ‖ current) |
/// | `k1+` | d | d | unbiased | that of the KL |
/// | `k3+` | e^−d + d − 1 | d | unbiased, never negative | that of the KL |
///
/// "That of the KL" holds on policy. The rows with + take the value of one and the gradient of `k2`, as verl's `k1+` and
/// `k3+` do; all others have the derivative of their value. In `k3` d is held within ±20, without a gradient beyond, as in
/// verl; verl also holds its value below 10, which is not done here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KlEstimator {
    /// d
    #[serde(rename = "k1")]
    K1,
    /// |d|
    #[serde(rename = "abs")]
    Abs,
    /// d²/2
    #[serde(rename = "k2")]
    K2,
    /// e^−d + d − 1: the default, and TRL's.
    #[default]
    #[serde(rename = "k3")]
    K3,
    /// Value of k1, gradient of k2.
    #[serde(rename = "k1+")]
    K1Plus,
    /// Value of k3, gradient of k2.
    #[serde(rename = "k3+")]
    K3Plus,
}

impl KlEstimator {
    /// All of them with their words.
    pub const WORDS: [(&'static str, KlEstimator); 6] =
        [("k1", Self::K1), ("abs", Self::Abs), ("k2", Self::K2), ("k3", Self::K3), ("k1+", Self::K1Plus), ("k3+", Self::K3Plus)];

    /// Value and derivative at d = ln π − ln π_ref, in nats.
    pub fn at(self, d: f64) -> (f64, f64) {
        match self {
            Self::K1 => (d, 1.0),
            Self::Abs => (d.abs(), if d == 0.0 { 0.0 } else { d.signum() }),
            Self::K2 => (0.5 * d * d, d),
            Self::K3 => {
                let held = d.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT);
                // by expm1, so that a small d loses no digits; never below 0 by the mathematics
                let less = libm::expm1(-held);
                ((less + held).max(0.0), if held == d { -less } else { 0.0 })
            }
            Self::K1Plus => (d, d),
            Self::K3Plus => (Self::K3.at(d).0, d),
        }
    }
}

/// **ℓ + β·k(ln π − ln π_ref)** per token: any objective with a KL term to a frozen reference, aggregated like the policy
/// loss (GRPO, arXiv 2402.03300; TRL's `beta`, verl's `kl_loss_coef`).
///
/// - Every token in the loss has the term, those without an advantage too: the term does not need a reward. Under
///   [`Normalizer::active`] such tokens are not counted in the denominator.
/// - With `bias_correction` the term is multiplied by ρ = exp(current − behaviour), which makes it right off policy; the
///   gradient goes through ρ too (TRL's `use_bias_correction_kl`).
/// - An off-policy mask or importance weight inside it does not touch the term, as in TRL.
/// - Degenerate: β = 0 leaves every number as it was and needs no reference. At ln π = ln π_ref `k2`, `k3` and their kind
///   are exactly 0, with their gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KlPenalty<O> {
    inner: O,
    beta: f64,
    estimator: KlEstimator,
    bias_correction: bool,
    aggregation: Aggregation,
}

impl<O: Objective> KlPenalty<O> {
    /// `inner` with this term; `aggregation` should be that of `inner`.
    ///
    /// # Errors
    /// A `beta` that is negative or not finite; an aggregation of length 0.
    pub fn new(inner: O, beta: f64, estimator: KlEstimator, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        let beta = checked_coefficient("beta", beta)?;
        Ok(Self { inner, beta, estimator, bias_correction: false, aggregation: aggregation.checked()? })
    }

    /// The same, with the term multiplied by the ratio to the behaviour policy.
    pub fn with_bias_correction(mut self) -> Self {
        self.bias_correction = true;
        self
    }

    /// Value and derivative of the estimate of one token.
    fn term(&self, d: f64, log_ratio: f64) -> (f64, f64) {
        let (value, slope) = self.estimator.at(d);
        if !self.bias_correction {
            return (value, slope);
        }
        let ratio = Ratio::of(log_ratio);
        (ratio.value * value, ratio.value * slope + ratio.slope_of(value))
    }
}

impl<O: Objective> Objective for KlPenalty<O> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        let mut evaluation = self.inner.evaluate(minibatch, norm)?;
        if self.beta == 0.0 {
            return Ok(evaluation);
        }
        for (i, view) in minibatch.iter().enumerate().filter(|(_, view)| view.in_loss) {
            let reference = fact(view.reference, "reference", i, "the KL term")?;
            let factor = self.beta * self.aggregation.weight(view.current.len(), norm);
            for (t, grad) in evaluation.tokens[i].iter_mut().enumerate() {
                let d = view.current[t] - reference[t];
                let (value, slope) = self.term(d, view.current[t] - view.behaviour[t]);
                grad.loss += factor * value;
                grad.d_logprob += factor * slope;
                evaluation.stats.reference_tokens += 1;
                evaluation.stats.reference_kl_sum += KlEstimator::K3.at(d).0;
            }
        }
        Ok(evaluation.sum_up())
    }

    fn is_minibatch_wide(&self) -> bool {
        self.inner.is_minibatch_wide()
    }
}
