//! `optimal_token_baseline`: each position of a group has a baseline of its own.

use serde::Serialize;

use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A_t = r − B_t, B_t = Σ r W_t / Σ W_t, W_t = Σ_{j ≤ t} (1 − 2π_j + Σπ²)** per token, in units of reward: the sums of B_t
/// over the counted rollouts of the group that have a token t, π_j the probability of token j and Σπ² that of drawing the
/// same token twice (optimal token baseline, as verl has it).
///
/// 1 − 2π + Σπ² is the squared norm of the gradient of log π with respect to the logits, so a rollout weighs by how much
/// gradient it has gathered so far. r is the reward of the whole rollout: with an outcome reward every token's return.
///
/// - Reads [`RewardGroup::tokens`]; a group without them is refused.
/// - Degenerate: a flat group gets exactly 0. So does a token that only one rollout of the group has, or where all that
///   have it got equal rewards, and with them the tail of the longest rollout. Where no gradient was gathered (every π is
///   1), B_t is the plain mean. verl adds 1e-8 to ΣW instead, and can leave the tail without a baseline.
/// - Keeps: Σ W_t A_t = 0 at each position of a group; unchanged by a common shift; A(a·r) = a·A(r). Breaks: ΣA = 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OptimalTokenBaseline;

impl AdvantageEstimator for OptimalTokenBaseline {
    fn name(&self) -> &'static str {
        "optimal_token_baseline"
    }

    fn wants_tokens(&self) -> bool {
        true
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        if let Some(group) = groups.iter().position(|group| group.tokens.is_empty()) {
            return Err(AdvantageError::MissingTokens { estimator: self.name(), group });
        }
        Ok(groups.iter().map(|group| if group.is_flat() { group.no_credit() } else { token_credits(group) }).collect())
    }
}

fn token_credits(group: &RewardGroup) -> Vec<Credit> {
    let rows: Vec<usize> = group.counted_rows().collect();
    let longest = rows.iter().map(|&row| group.lengths[row]).max().unwrap_or(0) as usize;
    let mut gathered = vec![0.0; group.rewards.len()];
    let mut credits: Vec<Vec<f64>> = vec![Vec::new(); group.rewards.len()];
    for t in 0..longest {
        let present: Vec<usize> = rows.iter().copied().filter(|&row| t < group.lengths[row] as usize).collect();
        for &row in &present {
            gathered[row] += gradient_norm(group.tokens[row].logprobs[t], group.tokens[row].sum_p2[t]);
        }
        for (&row, advantage) in present.iter().zip(centred(group, &present, &gathered)) {
            credits[row].push(advantage);
        }
    }
    let credit = |(row, tokens): (usize, Vec<f64>)| match group.is_trained(row) {
        true => Credit::Tokens(tokens),
        false => Credit::Sequence(0.0),
    };
    credits.into_iter().enumerate().map(credit).collect()
}

/// The rewards of these rows less their mean, weighted by what they have gathered; exactly 0 where they are all equal.
fn centred(group: &RewardGroup, rows: &[usize], gathered: &[f64]) -> Vec<f64> {
    let pivot = rows.first().map_or(0.0, |&row| group.rewards[row]);
    if rows.iter().all(|&row| group.rewards[row] == pivot) {
        return vec![0.0; rows.len()];
    }
    let plain = rows.iter().map(|&row| gathered[row]).sum::<f64>() <= 0.0;
    let weight = |row: usize| if plain { 1.0 } else { gathered[row] };
    let total: f64 = rows.iter().map(|&row| weight(row)).sum();
    let offset = rows.iter().map(|&row| weight(row) * (group.rewards[row] - pivot)).sum::<f64>() / total;
    rows.iter().map(|&row| (group.rewards[row] - pivot) - offset).collect()
}

/// 1 − 2π + Σπ² of one token, at least 0.
fn gradient_norm(logprob: f64, sum_p2: f64) -> f64 {
    (1.0 - 2.0 * libm::exp(logprob.min(0.0)) + sum_p2.clamp(0.0, 1.0)).max(0.0)
}
