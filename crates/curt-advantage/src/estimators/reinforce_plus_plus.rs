//! `reinforce_plus_plus`: rewards whitened over all tokens of the batch, without a group baseline.

use serde::Serialize;

use super::{checked_epsilon, quotient};
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = (r − m) / √(v + ε)** per rollout: r its reward, m and v the mean and the sample variance of the reward over all
/// *tokens* of the counted rollouts of the batch, so that a rollout of L tokens counts L times (REINFORCE++,
/// arXiv 2501.03262).
///
/// That is the paper's return with γ = 1 and the whole reward on the last token; its KL penalty inside the reward is left
/// to the loss (`beta`). ε = 1e-8 inside the root, as verl's `masked_whiten` has it; OpenRLHF takes the population
/// variance.
///
/// - Degenerate: a *batch* whose counted rollouts with tokens have all the same reward gets exactly 0, and so does one with
///   fewer than two tokens. A rollout without tokens gets exactly 0 in every batch: it is in neither m nor v, which do not
///   bound its distance from them. A flat group among others does **not** get 0: the baseline is the batch's, so a group
///   that is all right is reinforced.
/// - Keeps: Σ over all tokens of A = 0; unchanged by a shift common to the batch, and as ε → 0 by a positive scale; equal
///   rewards of rollouts with tokens get equal advantages. Breaks: Σ A = 0 per group; zero for flat groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReinforcePlusPlus {
    epsilon: f64,
}

impl Default for ReinforcePlusPlus {
    /// ε = 1e-8.
    fn default() -> Self {
        Self { epsilon: 1e-8 }
    }
}

impl ReinforcePlusPlus {
    /// The estimator with this ε, added to the variance.
    ///
    /// # Errors
    /// An ε that is negative or not finite.
    pub fn new(epsilon: f64) -> Result<Self, AdvantageError> {
        Ok(Self { epsilon: checked_epsilon(epsilon)? })
    }
}

impl AdvantageEstimator for ReinforcePlusPlus {
    fn name(&self) -> &'static str {
        "reinforce_plus_plus"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let tokens =
            || groups.iter().flat_map(|group| group.rows_with_tokens().map(|row| (group.rewards[row], group.length(row))));
        let mut rewards = tokens().map(|(reward, _)| reward);
        let first = rewards.next();
        if rewards.all(|reward| Some(reward) == first) {
            return Ok(groups.iter().map(RewardGroup::no_credit).collect());
        }
        let spread = Spread::weighted(tokens);
        let divisor = (spread.deviation * spread.deviation + self.epsilon).sqrt();
        let credits = groups.iter().map(|g| g.credit_tokens(|row| quotient(spread.centred(g.rewards[row]), divisor)));
        Ok(credits.collect())
    }
}
