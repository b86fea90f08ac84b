//! `grpo`: rewards centred by group and divided by a deviation.

use serde::{Deserialize, Serialize};

use super::checked_epsilon;
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// Which deviation divides the centred reward; the words of TRL's `scale_rewards`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRewards {
    /// That of the group.
    #[default]
    Group,
    /// That of all counted rewards of the batch, about their common mean.
    Batch,
    /// None: divide by 1 (Dr. GRPO, arXiv 2503.20783).
    None,
}

/// **A = (r − μ) / (s + ε)** per rollout: r its reward, μ the mean of its group, s a sample deviation (n − 1 in the
/// denominator), ε a small number (GRPO, arXiv 2402.03300).
///
/// - μ and s are taken over the rollouts with `in_statistics`. Those without, and those without `in_loss`, get exactly 0.
/// - A flat group ([`RewardGroup::is_flat`]: fewer than two counted, or max == min) gets exactly 0, with every scaling.
/// - Sums are `f64`, in two passes, over differences from the first counted reward, so a large common offset costs no
///   accuracy.
/// - ε: verl adds 1e-6 (the default here), TRL 1e-4. verl gives a group of one its raw reward; here it gets 0, as in TRL.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a common shift, and as ε → 0 by a positive scale; equal
///   rewards get equal advantages. With `group` scaling |A| ≤ (N−1)/√N, and for 0/1 rewards with k ones of N, as ε → 0,
///   A⁺ = √((N−k)(N−1)/(kN)), A⁻ = −√(k(N−1)/((N−k)N)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Grpo {
    scale_rewards: ScaleRewards,
    epsilon: f64,
}

impl Default for Grpo {
    /// Group scaling, ε = 1e-6.
    fn default() -> Self {
        Self { scale_rewards: ScaleRewards::Group, epsilon: 1e-6 }
    }
}

impl Grpo {
    /// The estimator with this scaling and this ε.
    ///
    /// # Errors
    /// An ε that is negative or not finite. 0 is allowed: flat groups are decided without it.
    pub fn new(scale_rewards: ScaleRewards, epsilon: f64) -> Result<Self, AdvantageError> {
        Ok(Self { scale_rewards, epsilon: checked_epsilon(epsilon)? })
    }

    fn estimate_group(&self, group: &RewardGroup, batch_deviation: f64) -> Vec<Credit> {
        if group.is_flat() {
            return group.no_credit();
        }
        let spread = Spread::of_counted(&group.rewards, &group.in_statistics);
        let divisor = match self.scale_rewards {
            ScaleRewards::Group => spread.deviation + self.epsilon,
            ScaleRewards::Batch => batch_deviation + self.epsilon,
            ScaleRewards::None => 1.0,
        };
        if divisor == 0.0 {
            // Only with ε = 0, and differences so small (1e-162) that their squares are lost.
            return group.no_credit();
        }
        group.credit_all(|reward| spread.centred(reward) / divisor)
    }
}

impl AdvantageEstimator for Grpo {
    fn name(&self) -> &'static str {
        "grpo"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let batch_deviation = match self.scale_rewards {
            ScaleRewards::Batch => Spread::of(|| groups.iter().flat_map(RewardGroup::counted)).deviation,
            ScaleRewards::Group | ScaleRewards::None => 0.0,
        };
        Ok(groups.iter().map(|group| self.estimate_group(group, batch_deviation)).collect())
    }
}
