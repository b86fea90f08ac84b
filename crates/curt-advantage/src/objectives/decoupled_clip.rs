//! `decoupled_clip`: clip to the weights before the update, weighed to the weights that sampled.

use serde::Serialize;

use super::{ImportanceLevel, ImportanceRule, ImportanceWeighted, ImportanceWeights};
use crate::{AdvantageError, Clip, Evaluation, Normalizer, Objective, SequenceView};

/// **ℓ = w · ([`Clip`] of π / π_proximal), w = π_proximal / π_behaviour** per token, and ℓ = 0 where w exceeds a cap: decoupled
/// PPO for rollouts of older weights (arXiv 2110.00641; AReaL, arXiv 2505.24298).
///
/// The proximal policy is that of the start of this batch of updates. Clipping about it limits the update; w corrects for
/// the age of the rollouts, which clipping about the behaviour policy would count as part of the update.
///
/// - Default: the cap 5, as AReaL documents it, and [`Clip::default`]; built by its word, the clip that `clip` has by its
///   own. The normalizer counts what the cap leaves out.
/// - Degenerate: where the rollouts are of the proximal policy itself, each number is that of [`Clip`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DecoupledClip {
    weighted: ImportanceWeighted<Clip>,
}

impl Default for DecoupledClip {
    /// A cap of 5, and the default [`Clip`].
    fn default() -> Self {
        Self::new(Clip::default(), 5.0).expect("within the ranges")
    }
}

impl DecoupledClip {
    /// The objective with this clip and this cap on w.
    ///
    /// # Errors
    /// A cap that is not a finite number above 0.
    pub fn new(clip: Clip, cap: f64) -> Result<Self, AdvantageError> {
        super::checked_positive("importance_cap", cap)?;
        let weights = ImportanceWeights::new(ImportanceLevel::Token, ImportanceRule::Mask, 0.0, cap, 0.0)?;
        Ok(Self { weighted: ImportanceWeighted::new(clip, weights) })
    }
}

impl Objective for DecoupledClip {
    fn name(&self) -> &'static str {
        "decoupled_clip"
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        self.weighted.evaluate(minibatch, norm)
    }
}
