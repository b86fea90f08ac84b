//! Wrong rollouts that the policy has left behind are not trained on.

use serde::Serialize;

use super::checked_coefficient;
use crate::{AdvantageError, Evaluation, Normalizer, Objective, SequenceView};

/// **A sequence with a negative advantage and mean(behaviour − current) > δ is left out of `inner`**, the mean over its
/// tokens, in nats (off-policy sequence masking, DeepSeek-V3.2, arXiv 2512.02556; TRL's `off_policy_mask_threshold`).
///
/// The policy no longer writes such a rollout, so pushing it down further only does harm. Sequences with an advantage of at
/// least 0 stay; of one with an advantage per token the mean counts.
///
/// - The normalizer still counts what is left out, so masking makes a step smaller, not other sequences louder.
/// - The mask has no gradient. On policy nothing is left out, for any δ ≥ 0.
/// - slime has δ = 1e-4; TRL has it off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OffPolicyMask<O> {
    inner: O,
    threshold: f64,
}

impl<O: Objective> OffPolicyMask<O> {
    /// `inner` without the sequences beyond `threshold`.
    ///
    /// # Errors
    /// A `threshold` that is negative or not finite.
    pub fn new(inner: O, threshold: f64) -> Result<Self, AdvantageError> {
        Ok(Self { inner, threshold: checked_coefficient("off_policy_mask_threshold", threshold)? })
    }

    fn is_left_out(&self, view: &SequenceView<'_>) -> bool {
        let n = view.current.len() as f64;
        let advantage: f64 = (0..view.current.len()).map(|t| view.credit.at(t)).sum();
        let gap: f64 = view.behaviour.iter().zip(view.current).map(|(behaviour, current)| behaviour - current).sum();
        view.in_loss && advantage < 0.0 && gap > self.threshold * n
    }
}

impl<O: Objective> Objective for OffPolicyMask<O> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        crate::check_minibatch(minibatch, norm)?;
        let kept = minibatch.iter().map(|view| SequenceView { in_loss: view.in_loss && !self.is_left_out(view), ..*view });
        let mut evaluation = self.inner.evaluate(&kept.collect::<Vec<_>>(), norm)?;
        let left_out = minibatch.iter().filter(|view| self.is_left_out(view));
        evaluation.stats.masked += left_out.map(|view| view.current.len() as u64).sum::<u64>();
        Ok(evaluation)
    }

    fn is_minibatch_wide(&self) -> bool {
        self.inner.is_minibatch_wide()
    }
}
