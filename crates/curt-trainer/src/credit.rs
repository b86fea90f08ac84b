//! `credit`: shaped rewards → advantages, and which groups are trained on.

use curt_advantage::{AdvantageEstimator, Credit, RewardGroup, SampledTokens};
use curt_difficulty::{Admission, Gate, GateFacts};
use curt_reward::{RewardStrategy, Rollout, Shaped};

use crate::error::TrainError;
use crate::shape::{ShapedGroup, pick};

/// A shaped group with the advantage of each completion.
#[derive(Clone, Debug)]
pub struct CreditedGroup {
    /// The group, its verdicts and rewards.
    pub shaped: ShapedGroup,
    /// Advantages, one per completion; all zero when the group was not admitted.
    pub credits: Vec<Credit>,
    /// What the gate said.
    pub admission: Admission,
}

impl CreditedGroup {
    /// Whether completion `sample` is trained on.
    pub fn in_loss(&self, sample: usize) -> bool {
        self.admission.is_kept() && self.shaped.shaped[sample].in_loss
    }

    /// How many leading tokens of completion `sample` are trained on: all, unless the strategy cut it.
    pub fn trained_length(&self, sample: usize) -> usize {
        trained_length(&self.shaped.rollouts[sample], &self.shaped.shaped[sample]) as usize
    }
}

/// Estimates advantages over all groups of the step, then lets the gate drop groups and the strategy reweight.
///
/// # Errors
/// Rewards that are not finite, by group and row; a strategy that reweights beside an estimator that credits tokens.
pub fn credit(
    estimator: &dyn AdvantageEstimator,
    gate: &dyn Gate,
    strategy: &dyn RewardStrategy,
    groups: Vec<ShapedGroup>,
) -> Result<Vec<CreditedGroup>, TrainError> {
    let admissions = groups.iter().map(|group| admit(gate, group)).collect::<Result<Vec<_>, _>>()?;
    // groups that are not admitted stay out of batch-wide statistics too
    let kept: Vec<RewardGroup> =
        groups.iter().zip(&admissions).filter(|(_, a)| a.is_kept()).map(|(g, _)| reward_group(g)).collect();
    let kept = if estimator.wants_tokens() { with_tokens(kept, &groups, &admissions) } else { kept };
    let mut estimates = if kept.is_empty() { Vec::new() } else { estimator.estimate(&kept)? }.into_iter();
    let mut credited = Vec::with_capacity(groups.len());
    for (shaped, admission) in groups.into_iter().zip(admissions) {
        let credits = match admission.is_kept() {
            true => reweighted(strategy, estimator, &shaped, estimates.next().unwrap_or_default())?,
            false => vec![Credit::Sequence(0.0); shaped.shaped.len()],
        };
        credited.push(CreditedGroup { shaped, credits, admission });
    }
    Ok(credited)
}

/// What the gate says of a group, or what was said before it.
pub(crate) fn admit(gate: &dyn Gate, group: &ShapedGroup) -> Result<Admission, TrainError> {
    if let Some(reason) = group.verified.left_out {
        return Ok(reason);
    }
    let counts = group.counts();
    if !counts.contains(&true) {
        return Ok(Admission::Ungradable);
    }
    let (rollouts, shaped) = (pick(&group.rollouts, &counts), pick(&group.shaped, &counts));
    let correct: Vec<bool> = rollouts.iter().map(|r| r.correct).collect();
    let rewards: Vec<f64> = shaped.iter().map(|s| s.total).collect();
    let in_statistics: Vec<bool> = shaped.iter().map(|s| s.in_statistics).collect();
    Ok(gate.admit(&GateFacts::new(&correct, &rewards, &in_statistics)?))
}

fn trained_length(rollout: &Rollout, shaped: &Shaped) -> u32 {
    shaped.cut_at.map_or(rollout.length, |cut| cut.min(rollout.length))
}

fn reward_group(group: &ShapedGroup) -> RewardGroup {
    // what does not count has no parts
    let parts = group.shaped.iter().map(|s| &s.parts[..]).max_by_key(|parts| parts.len()).unwrap_or_default();
    RewardGroup {
        rewards: group.shaped.iter().map(|s| s.total).collect(),
        in_statistics: group.shaped.iter().map(|s| s.in_statistics).collect(),
        in_loss: group.shaped.iter().map(|s| s.in_loss).collect(),
        lengths: group.rollouts.iter().zip(&group.shaped).map(|(r, s)| trained_length(r, s)).collect(),
        parts: (0..parts.len())
            .map(|p| (parts[p].0.to_owned(), group.shaped.iter().map(|s| s.parts.get(p).map_or(0.0, |x| x.1)).collect()))
            .collect(),
        tokens: Vec::new(),
    }
}

/// The admitted groups with what the decode steps stored of each token.
fn with_tokens(kept: Vec<RewardGroup>, groups: &[ShapedGroup], admissions: &[Admission]) -> Vec<RewardGroup> {
    let admitted = groups.iter().zip(admissions).filter(|(_, admission)| admission.is_kept());
    let wide = |x: &[f32], n: u32| x.iter().take(n as usize).map(|&v| f64::from(v)).collect();
    let fill = |(mut rewards, (group, _)): (RewardGroup, (&ShapedGroup, &Admission))| {
        let completions = group.verified.group.completions.iter().zip(&rewards.lengths);
        let tokens = completions.map(|(c, &n)| SampledTokens { logprobs: wide(&c.logprobs, n), sum_p2: wide(&c.sum_p2, n) });
        rewards.tokens = tokens.collect();
        rewards
    };
    kept.into_iter().zip(admitted).map(fill).collect()
}

/// The strategy's own weighting of advantages; only defined for one advantage per sequence.
fn reweighted(
    strategy: &dyn RewardStrategy,
    estimator: &dyn AdvantageEstimator,
    group: &ShapedGroup,
    credits: Vec<Credit>,
) -> Result<Vec<Credit>, TrainError> {
    let whole = credits.iter().map(|c| match c {
        Credit::Sequence(advantage) => Some(*advantage),
        Credit::Tokens(_) => None,
    });
    match whole.collect::<Option<Vec<f64>>>() {
        Some(mut advantages) => {
            let counts = group.counts();
            let mut counted = pick(&advantages, &counts);
            strategy.reweight(&mut counted, &pick(&group.rollouts, &counts));
            let places = (0..advantages.len()).filter(|&sample| counts[sample]);
            places.zip(counted).for_each(|(sample, advantage)| advantages[sample] = advantage);
            Ok(advantages.into_iter().map(Credit::Sequence).collect())
        }
        None if strategy.reweights() => Err(unweighable(strategy, estimator)),
        None => Ok(credits),
    }
}

/// The error of a strategy that weighs whole rollouts beside an estimator that credits tokens.
pub(crate) fn unweighable(strategy: &dyn RewardStrategy, estimator: &dyn AdvantageEstimator) -> TrainError {
    TrainError::ReweightsTokens { strategy: strategy.name().into(), advantage: estimator.name().into() }
}
