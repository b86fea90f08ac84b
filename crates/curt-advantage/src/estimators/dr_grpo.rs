//! `dr_grpo`: rewards centred by group, and nothing else.

use serde::Serialize;

use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = r − μ** per rollout, in units of reward: r its reward, μ the mean of its group (Dr. GRPO, arXiv 2503.20783).
///
/// The paper pairs it with a loss that divides by a constant length: [`Aggregation::SeqMeanTokenSumNorm`]. It is
/// [`Grpo`](crate::Grpo) with [`ScaleRewards::None`](crate::ScaleRewards::None), bit for bit.
///
/// - μ is taken over the rollouts with `in_statistics`; those without, and those without `in_loss`, get exactly 0.
/// - Degenerate: a flat group (one rollout, equal rewards) gets exactly 0.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a common shift; A(a·r) = a·A(r); equal rewards get equal
///   advantages. Breaks: invariance under a positive scale, because nothing is divided.
///
/// [`Aggregation::SeqMeanTokenSumNorm`]: crate::Aggregation::SeqMeanTokenSumNorm
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrGrpo;

impl AdvantageEstimator for DrGrpo {
    fn name(&self) -> &'static str {
        "dr_grpo"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let group = |group: &RewardGroup| {
            let spread = Spread::of(|| group.counted());
            if group.is_flat() { group.no_credit() } else { group.credit_trained(|row| spread.centred(group.rewards[row])) }
        };
        Ok(groups.iter().map(group).collect())
    }
}
