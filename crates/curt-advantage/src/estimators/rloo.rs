//! `rloo`: each reward less the mean of the others.

use serde::Serialize;

use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = r − mean of the other rewards = N/(N−1) · (r − μ)** per rollout, in units of reward, with N counted rollouts of
/// mean μ (REINFORCE leave-one-out, arXiv 2402.14740).
///
/// - Degenerate: a flat group gets exactly 0. That is decided on the whole group, not on the others of a rollout: in a
///   group with one loser the others of the loser are all equal, and it must be told so. verl gives a group of one its
///   raw reward; here it gets 0.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a common shift; A(a·r) = a·A(r); equal rewards get equal
///   advantages; equals N/(N−1) times [`DrGrpo`](crate::DrGrpo). Breaks: invariance under a positive scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rloo;

impl AdvantageEstimator for Rloo {
    fn name(&self) -> &'static str {
        "rloo"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let group = |group: &RewardGroup| {
            if group.is_flat() {
                return group.no_credit();
            }
            let (spread, n) = (Spread::of(|| group.counted()), group.counted().count() as f64);
            group.credit_trained(|row| spread.centred(group.rewards[row]) * (n / (n - 1.0)))
        };
        Ok(groups.iter().map(group).collect())
    }
}
