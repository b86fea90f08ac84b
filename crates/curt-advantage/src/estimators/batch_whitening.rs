//! `batch_whitening`: rewards centred by group, divided by the deviation of the batch.

use serde::Serialize;

use super::{checked_epsilon, quotient};
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = (r − μ) / (s + ε)** per rollout: μ the mean reward of its group, s the sample deviation of r − μ over all counted
/// *rollouts* of the batch (DLER, arXiv 2510.15110; the last step of GDPO, arXiv 2601.05242).
///
/// A group that is nearly always right is then not blown up by its own small deviation, as it is by
/// [`Grpo`](crate::Grpo). The mean of r − μ over the batch is 0 by construction and is not subtracted again. DLER's public
/// code whitens over tokens: [`ReinforcePlusPlusBaseline`](crate::ReinforcePlusPlusBaseline). TRL's `scale_rewards =
/// "batch"` ([`ScaleRewards::Batch`](crate::ScaleRewards::Batch)) divides by the deviation of r, not of r − μ.
///
/// - ε = 1e-4, as in GDPO's code.
/// - Degenerate: flat groups get exactly 0, and count in s.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a shift of a group, and as ε → 0 by a positive scale common
///   to the batch; equal rewards of a group get equal advantages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BatchWhitening {
    epsilon: f64,
}

impl Default for BatchWhitening {
    /// ε = 1e-4.
    fn default() -> Self {
        Self { epsilon: 1e-4 }
    }
}

impl BatchWhitening {
    /// The estimator with this ε, added to the deviation.
    ///
    /// # Errors
    /// An ε that is negative or not finite.
    pub fn new(epsilon: f64) -> Result<Self, AdvantageError> {
        Ok(Self { epsilon: checked_epsilon(epsilon)? })
    }
}

impl AdvantageEstimator for BatchWhitening {
    fn name(&self) -> &'static str {
        "batch_whitening"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let centred = groups.iter().map(|group| {
            let spread = Spread::of(|| group.counted());
            let flat = group.is_flat();
            group.rewards.iter().map(|&reward| if flat { 0.0 } else { spread.centred(reward) }).collect()
        });
        Ok(whitened(groups, &centred.collect::<Vec<Vec<f64>>>(), self.epsilon))
    }
}

/// Each score of `scores[g][row]` over the sample deviation of all counted ones, plus ε.
pub(super) fn whitened(groups: &[RewardGroup], scores: &[Vec<f64>], epsilon: f64) -> Vec<Vec<Credit>> {
    let counted = || groups.iter().zip(scores).flat_map(|(group, scores)| group.counted_rows().map(|row| scores[row]));
    let divisor = Spread::of(counted).deviation + epsilon;
    groups.iter().zip(scores).map(|(group, scores)| group.credit_trained(|row| quotient(scores[row], divisor))).collect()
}
