//! `opo`: rewards less a mean that weighs by length.

use serde::Serialize;

use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = r − ΣLr / ΣL** per rollout, in units of reward, with L the lengths in tokens of the counted rollouts of the group
/// (on-policy RL with optimal baseline, arXiv 2505.23585).
///
/// The baseline of least variance when the squared norm of a rollout's gradient grows with its length.
///
/// - Degenerate: a flat group gets exactly 0. Where all lengths are 0 the plain mean is taken. verl gives a group of one
///   its raw reward; here it gets 0.
/// - Keeps: ΣLA = 0 over the counted of a group; unchanged by a common shift; A(a·r) = a·A(r); equal rewards get equal
///   advantages; with equal lengths it is [`DrGrpo`](crate::DrGrpo). Breaks: ΣA = 0; invariance under a positive scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Opo;

impl AdvantageEstimator for Opo {
    fn name(&self) -> &'static str {
        "opo"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let group = |group: &RewardGroup| {
            if group.is_flat() {
                return group.no_credit();
            }
            let empty = group.counted_rows().all(|row| group.lengths[row] == 0);
            let weight = |row| if empty { 1.0 } else { group.length(row) };
            let spread = Spread::weighted(|| group.counted_rows().map(|row| (group.rewards[row], weight(row))));
            group.credit_trained(|row| spread.centred(group.rewards[row]))
        };
        Ok(groups.iter().map(group).collect())
    }
}
