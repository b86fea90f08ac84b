//! `max_rl`: rewards centred by group, in units of their mean.

use serde::Serialize;

use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = (r − μ) / μ** per rollout, without unit, with μ the mean reward of its group; 0 where μ is not above 0 (maximum
/// likelihood RL, arXiv 2602.02710, as in prime-rl).
///
/// With 0/1 rewards μ is the pass rate p: right rollouts get (1 − p)/p and wrong ones −1, so hard prompts weigh most.
///
/// - Rewards must be at least 0; a negative one is refused, because the sign of μ would turn that of A.
/// - Degenerate: a flat group gets exactly 0, all-zero ones among them.
/// - Keeps: Σ A = 0 over the counted of a group; A(a·r) = A(r) exactly up to rounding, a > 0; equal rewards get equal
///   advantages; A ≥ −1. Breaks: invariance under a shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MaxRl;

impl AdvantageEstimator for MaxRl {
    fn name(&self) -> &'static str {
        "max_rl"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        for (group, data) in groups.iter().enumerate() {
            if let Some(row) = data.counted_rows().find(|&row| data.rewards[row] < 0.0) {
                let found = data.rewards[row];
                return Err(AdvantageError::NegativeReward { estimator: self.name(), group, row, found });
            }
        }
        let group = |group: &RewardGroup| {
            let spread = Spread::of(|| group.counted());
            let mean = spread.mean();
            if group.is_flat() || mean <= 0.0 {
                return group.no_credit();
            }
            group.credit_trained(|row| spread.centred(group.rewards[row]) / mean)
        };
        Ok(groups.iter().map(group).collect())
    }
}
