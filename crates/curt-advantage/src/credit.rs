//! From rewards to credit: the data and the joint.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::AdvantageError;

/// The rewards of all rollouts of one prompt. Row i of every field is rollout i.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RewardGroup {
    /// Shaped reward of each rollout.
    pub rewards: Vec<f64>,
    /// Does it count in the mean and the deviation?
    pub in_statistics: Vec<bool>,
    /// Are its tokens trained on?
    pub in_loss: Vec<bool>,
    /// Its length in tokens, for estimators that weigh by length.
    pub lengths: Vec<u32>,
    /// Named parts of the rewards, for estimators that normalise each part on its own; empty when not wanted.
    #[serde(default)]
    pub parts: Vec<(String, Vec<f64>)>,
    /// What the policy said of the tokens it drew, for estimators that credit token by token
    /// ([`AdvantageEstimator::wants_tokens`]); empty when not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<SampledTokens>,
}

/// What the policy said of the tokens of one rollout when it drew them; one number per token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledTokens {
    /// Log-probability of the token.
    pub logprobs: Vec<f64>,
    /// Σp² of the distribution it was drawn from.
    pub sum_p2: Vec<f64>,
}

impl RewardGroup {
    /// A group with nothing masked and no parts.
    pub fn new(rewards: Vec<f64>, lengths: Vec<u32>) -> Self {
        let all = vec![true; rewards.len()];
        Self { rewards, in_statistics: all.clone(), in_loss: all, lengths, parts: Vec::new(), tokens: Vec::new() }
    }

    /// The rewards that count in the statistics, in order.
    pub fn counted(&self) -> impl Iterator<Item = f64> + '_ {
        self.rewards.iter().zip(&self.in_statistics).filter_map(|(&reward, &counts)| counts.then_some(reward))
    }

    /// The rows that count in the statistics, in order.
    pub fn counted_rows(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rewards.len()).filter(|&row| self.in_statistics[row])
    }

    /// The length of rollout `row` in tokens, as a weight.
    pub(crate) fn length(&self, row: usize) -> f64 {
        f64::from(self.lengths[row])
    }

    /// The rows that count in the statistics and have tokens, in order.
    pub(crate) fn rows_with_tokens(&self) -> impl Iterator<Item = usize> + '_ {
        self.counted_rows().filter(|&row| self.lengths[row] > 0)
    }

    /// Whether the group says nothing: fewer than two rollouts count, or all that count have the same reward. Decided by
    /// max == min on the rewards themselves, never by a small deviation, which rounding can fake.
    pub fn is_flat(&self) -> bool {
        let mut counted = self.counted();
        let Some(first) = counted.next() else { return true };
        counted.all(|reward| reward == first)
    }

    /// Whether rollout `row` counts in the statistics and is trained on; all others get no credit.
    pub fn is_trained(&self, row: usize) -> bool {
        self.in_statistics[row] && self.in_loss[row]
    }

    /// Exactly 0 for each rollout.
    pub fn no_credit(&self) -> Vec<Credit> {
        vec![Credit::Sequence(0.0); self.rewards.len()]
    }

    /// `advantage(row)` for each rollout that [`is_trained`](Self::is_trained), exactly 0 for the others.
    pub fn credit_trained(&self, mut advantage: impl FnMut(usize) -> f64) -> Vec<Credit> {
        let rows = 0..self.rewards.len();
        rows.map(|row| Credit::Sequence(if self.is_trained(row) { advantage(row) } else { 0.0 })).collect()
    }

    /// The same for each that has tokens besides: one without has nothing to be credited.
    pub(crate) fn credit_tokens(&self, advantage: impl Fn(usize) -> f64) -> Vec<Credit> {
        self.credit_trained(|row| if self.lengths[row] > 0 { advantage(row) } else { 0.0 })
    }

    /// As [`credit_trained`](Self::credit_trained), by the reward of each rollout, asked for of all, so that nothing branches
    /// on the masks.
    pub(crate) fn credit_all(&self, advantage: impl Fn(f64) -> f64) -> Vec<Credit> {
        let rows = self.rewards.iter().zip(&self.in_statistics).zip(&self.in_loss);
        let credit = |((&reward, &in_statistics), &in_loss): ((&f64, &bool), &bool)| {
            // all bits or none: exactly 0, never -0
            let mask = u64::from(in_statistics & in_loss).wrapping_neg();
            Credit::Sequence(f64::from_bits(advantage(reward).to_bits() & mask))
        };
        rows.map(credit).collect()
    }
}

/// The advantage of one rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Credit {
    /// The same for each of its tokens.
    Sequence(f64),
    /// One number per token.
    Tokens(Vec<f64>),
}

impl Credit {
    /// The advantage of token `token`; 0 past the end.
    pub fn at(&self, token: usize) -> f64 {
        match self {
            Credit::Sequence(advantage) => *advantage,
            Credit::Tokens(advantages) => advantages.get(token).copied().unwrap_or(0.0),
        }
    }

    /// Whether no token has any advantage, so that the rollout cannot move a policy gradient.
    pub fn is_zero(&self) -> bool {
        match self {
            Credit::Sequence(advantage) => *advantage == 0.0,
            Credit::Tokens(advantages) => advantages.iter().all(|&advantage| advantage == 0.0),
        }
    }
}

/// Turns the rewards of a step into advantages.
pub trait AdvantageEstimator: Debug + Send + Sync {
    /// The word for it in a run file.
    fn name(&self) -> &'static str;

    /// The credit of each rollout: `result[g][i]` belongs to rollout i of `groups[g]`. All groups of the step are seen at
    /// once, because some estimators normalise over the batch.
    ///
    /// # Errors
    /// What [`check_groups`] refuses.
    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError>;

    /// Whether it reads [`RewardGroup::tokens`]; it then refuses a group without them.
    fn wants_tokens(&self) -> bool {
        false
    }
}

/// The largest reward that is taken for one, in magnitude; sums of squares stay finite below it.
pub(crate) const REWARD_LIMIT: f64 = 1e100;

/// Refuses what no estimator can use; members call it first, and so should yours.
///
/// # Errors
/// A group without rollouts; a field with another number of rows than `rewards`; a reward, or a part of one, that is not a
/// finite number below 1e100 in magnitude; facts of tokens that are not one finite number per token of `lengths`. Groups,
/// rows and tokens are named from 0. No groups at all is no error.
pub fn check_groups(groups: &[RewardGroup]) -> Result<(), AdvantageError> {
    for (group, data) in groups.iter().enumerate() {
        let rows = data.rewards.len();
        if rows == 0 {
            return Err(AdvantageError::EmptyGroup { group });
        }
        let sizes =
            [("in_statistics", data.in_statistics.len()), ("in_loss", data.in_loss.len()), ("lengths", data.lengths.len())];
        let parts = data.parts.iter().map(|(name, values)| (name.as_str(), values.len()));
        let tokens = (!data.tokens.is_empty()).then_some(("tokens", data.tokens.len()));
        if let Some((field, found)) = sizes.into_iter().chain(parts).chain(tokens).find(|(_, size)| *size != rows) {
            return Err(AdvantageError::GroupSize { group, field: field.to_owned(), expected: rows, found });
        }
        let parts = data.parts.iter().map(|(name, values)| (name.as_str(), values.as_slice()));
        for (field, values) in std::iter::once(("reward", data.rewards.as_slice())).chain(parts) {
            // NaN is not within any limit; walked whole, because almost all are good
            let are_good = values.iter().fold(true, |good, v| good & (v.abs() <= REWARD_LIMIT));
            let bad = || values.iter().position(|v| !v.is_finite() || v.abs() > REWARD_LIMIT);
            if let Some(row) = if are_good { None } else { bad() } {
                return Err(AdvantageError::BadReward { group, row, field: field.to_owned(), found: values[row] });
            }
        }
        for (row, tokens) in data.tokens.iter().enumerate() {
            check_tokens(group, row, tokens, data.lengths[row] as usize)?;
        }
    }
    Ok(())
}

fn check_tokens(group: usize, row: usize, tokens: &SampledTokens, expected: usize) -> Result<(), AdvantageError> {
    for (field, values) in [("logprobs", &tokens.logprobs), ("sum_p2", &tokens.sum_p2)] {
        if values.len() != expected {
            return Err(AdvantageError::TokenCount { group, row, field, expected, found: values.len() });
        }
        if let Some(token) = values.iter().position(|value| !value.is_finite()) {
            return Err(AdvantageError::BadToken { group, row, token, field, found: values[token] });
        }
    }
    Ok(())
}
