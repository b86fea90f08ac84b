//! A term that keeps the policy from growing certain.

use serde::Serialize;

use super::{bad_setting, fact};
use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ − c·H** per token: any objective with a bonus on the entropy H, in nats, of the distribution that the token was drawn
/// from, aggregated like the policy loss. d loss / d H is −c times the weight.
///
/// Every token in the loss has the term, those without an advantage too. verl, TRL and slime have c = 0 by default; a
/// negative c punishes entropy.
///
/// Degenerate: c = 0 leaves every number as it was and needs no entropy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EntropyBonus<O> {
    inner: O,
    coefficient: f64,
    aggregation: Aggregation,
}

impl<O: Objective> EntropyBonus<O> {
    /// `inner` with this c; `aggregation` should be that of `inner`.
    ///
    /// # Errors
    /// A `coefficient` that is not finite; an aggregation of length 0.
    pub fn new(inner: O, coefficient: f64, aggregation: Aggregation) -> Result<Self, AdvantageError> {
        if !coefficient.is_finite() {
            return bad_setting("entropy_bonus", "a finite number", coefficient);
        }
        Ok(Self { inner, coefficient, aggregation: aggregation.checked()? })
    }
}

impl<O: Objective> Objective for EntropyBonus<O> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        let mut evaluation = self.inner.evaluate(minibatch, norm)?;
        if self.coefficient == 0.0 {
            return Ok(evaluation);
        }
        for (i, view) in minibatch.iter().enumerate().filter(|(_, view)| view.in_loss) {
            let entropy = fact(view.entropy, "entropy", i, "the entropy bonus")?;
            let factor = self.coefficient * self.aggregation.weight(view.current.len(), norm);
            for (grad, entropy) in evaluation.tokens[i].iter_mut().zip(entropy) {
                grad.loss -= factor * entropy;
                grad.d_entropy -= factor;
            }
        }
        Ok(evaluation.sum_up())
    }

    fn is_minibatch_wide(&self) -> bool {
        self.inner.is_minibatch_wide()
    }
}
