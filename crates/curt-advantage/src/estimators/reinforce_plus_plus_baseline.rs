//! `reinforce_plus_plus_baseline`: rewards centred by group, then whitened over all tokens of the batch.

use serde::Serialize;

use super::{are_equal_but_for_rounding, checked_epsilon, quotient};
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = (x − m) / √(v + ε), x = r − μ** per rollout: μ the mean reward of its group, m and v the mean and the sample
/// variance of x over all *tokens* of the counted rollouts of the batch, so that a rollout of L tokens counts L times
/// (REINFORCE++ with baseline, arXiv 2501.03262; DLER, arXiv 2510.15110, trains with it).
///
/// ε = 1e-8 inside the root, as in verl; OpenRLHF takes the population variance.
///
/// - A flat group gets exactly 0. Its tokens count in m and v all the same. This differs from verl by convention: there a
///   flat group gets −m/√(v + ε), a small push that says nothing about its rollouts, and a group of one gets its raw
///   reward.
/// - Degenerate: where all groups are flat, all get exactly 0; so they do where x is the same in all counted rollouts with
///   tokens, up to rounding, as with fewer than two tokens. A rollout without tokens counts in μ and gets exactly 0: it is
///   in neither m nor v, which do not bound its distance from them.
/// - Keeps: unchanged by a shift common to a group, and as ε → 0 by a positive scale common to the batch; equal rewards of
///   a group, of rollouts with tokens, get equal advantages; flat groups are 0; where no group is flat, Σ over all tokens of
///   A is 0. Breaks: Σ A = 0 per group, because m is a mean over tokens and is subtracted from every rollout alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReinforcePlusPlusBaseline {
    epsilon: f64,
}

impl Default for ReinforcePlusPlusBaseline {
    /// ε = 1e-8.
    fn default() -> Self {
        Self { epsilon: 1e-8 }
    }
}

impl ReinforcePlusPlusBaseline {
    /// The estimator with this ε, added to the variance.
    ///
    /// # Errors
    /// An ε that is negative or not finite.
    pub fn new(epsilon: f64) -> Result<Self, AdvantageError> {
        Ok(Self { epsilon: checked_epsilon(epsilon)? })
    }
}

impl AdvantageEstimator for ReinforcePlusPlusBaseline {
    fn name(&self) -> &'static str {
        "reinforce_plus_plus_baseline"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let means: Vec<Option<Spread>> =
            groups.iter().map(|group| (!group.is_flat()).then(|| Spread::of(|| group.counted()))).collect();
        let centred = |g: usize, row: usize| means[g].as_ref().map_or(0.0, |mean| mean.centred(groups[g].rewards[row]));
        let rows = |g: usize| groups[g].rows_with_tokens().map(move |row| (g, row));
        let tokens = || (0..groups.len()).flat_map(rows).map(|(g, row)| (centred(g, row), groups[g].length(row)));
        let all = (0..groups.len()).flat_map(|g| groups[g].counted_rows().map(move |row| (g, row)));
        let largest = all.fold(0.0, |largest: f64, (g, row)| largest.max(centred(g, row).abs()));
        if are_equal_but_for_rounding(tokens().map(|(score, _)| score), largest) {
            return Ok(groups.iter().map(RewardGroup::no_credit).collect());
        }
        let spread = Spread::weighted(tokens);
        let divisor = (spread.deviation * spread.deviation + self.epsilon).sqrt();
        let credit = |(g, group): (usize, &RewardGroup)| match means[g] {
            None => group.no_credit(),
            Some(_) => group.credit_tokens(|row| quotient(spread.centred(centred(g, row)), divisor)),
        };
        Ok(groups.iter().enumerate().map(credit).collect())
    }
}
