//! `pass_at_k`: only the best rollout of a group is credited, with its lead.

use serde::Serialize;

use super::{checked_epsilon, quotient};
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = (r₁ − r₂) / (s + ε) for the best rollout of a group, 0 for the others**: r₁ and r₂ the best and the second best
/// reward, s the sample deviation of the group (leave-one-out pass@k with k = N, arXiv 2503.19595).
///
/// The reward of a group is that of its best rollout; without the best it would be that of the second.
///
/// - ε = 1e-6 as in verl; `scale` off leaves r₁ − r₂ in units of reward.
/// - Degenerate: a tie at the top, and with it a flat group, gives exactly 0 to all.
/// - Keeps: A ≥ 0, at most one of a group above 0; unchanged by a common shift, and as ε → 0 by a positive scale (with
///   `scale`); equal rewards get equal advantages. Breaks: ΣA = 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PassAtK {
    scale: bool,
    epsilon: f64,
}

impl Default for PassAtK {
    /// Divided by the deviation, ε = 1e-6.
    fn default() -> Self {
        Self { scale: true, epsilon: 1e-6 }
    }
}

impl PassAtK {
    /// The estimator that divides by the deviation plus ε where `scale` says so.
    ///
    /// # Errors
    /// An ε that is negative or not finite.
    pub fn new(scale: bool, epsilon: f64) -> Result<Self, AdvantageError> {
        Ok(Self { scale, epsilon: checked_epsilon(epsilon)? })
    }
}

impl AdvantageEstimator for PassAtK {
    fn name(&self) -> &'static str {
        "pass_at_k"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let group = |group: &RewardGroup| {
            if group.is_flat() {
                return group.no_credit();
            }
            let best = group.counted().fold(f64::NEG_INFINITY, f64::max);
            let ties = group.counted().filter(|reward| *reward == best).count();
            let second = group.counted().filter(|reward| *reward != best).fold(f64::NEG_INFINITY, f64::max);
            let divisor = if self.scale { Spread::of(|| group.counted()).deviation + self.epsilon } else { 1.0 };
            let lead = if ties == 1 { quotient(best - second, divisor) } else { 0.0 };
            group.credit_trained(|row| if group.rewards[row] == best { lead } else { 0.0 })
        };
        Ok(groups.iter().map(group).collect())
    }
}
