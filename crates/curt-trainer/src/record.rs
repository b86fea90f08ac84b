//! `record`: what a step did → metrics and one line per rollout.

use std::collections::BTreeMap;

use curt_advantage::{Credit, ObjectiveStats};
use curt_eval::{TrainedRollout, TrapTest, advantage_length_correlation};
use curt_reward::{Rollout, Shaped};
use curt_runtime::StopReason;
use curt_verify::Verdict;
use serde::Serialize;

use crate::credit::CreditedGroup;
use crate::update::UpdateReport;

/// One line of `rollouts/*.jsonl.zst`: everything that is needed to replay rewards, advantages and losses.
#[derive(Clone, Debug, Serialize)]
pub struct RolloutRecord<'a> {
    /// Counted from 1.
    step: u32,
    /// That of the run: with `step`, the problem and the sample it gives the draw again.
    seed: u64,
    prompt_id: &'a str,
    problem_key: String,
    /// The round of a refill in which the problem was drawn, which is part of the draw's key; left out for the first, 0.
    #[serde(skip_serializing_if = "is_first")]
    refill: u16,
    occurrence: u32,
    sample_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<u32>,
    prompt_ids: &'a [u32],
    completion_ids: &'a [u32],
    sampler_logprobs: &'a [f32],
    finish_reason: StopReason,
    weight_version: u64,
    verdict: Verdict,
    /// Why, where the verifier says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    correct: bool,
    length: usize,
    answer: &'a str,
    answer_extracted: &'a Option<String>,
    rewards: BTreeMap<&'a str, f64>,
    shaped: f64,
    in_statistics: bool,
    in_loss: bool,
    /// Leading tokens that are trained on, where the strategy cut the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_at: Option<u32>,
    advantage: &'a Credit,
    kept: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop_reason: Option<&'a str>,
    text: &'a str,
}

/// Why a rollout of a kept group is not trained on.
const MASKED: &str = "masked";
const UNGRADABLE: &str = "ungradable";

/// The records of all rollouts of a step, in canonical order. `step` counts from 1, as everything that is recorded does (a
/// draw's own key counts from 0), and `seed` is the run's.
///
/// `drop_reason` is there for every rollout that is not trained on: the word of the gate where it dropped the group, else
/// `ungradable` or `masked`.
pub fn rollout_records(step: u32, seed: u64, groups: &[CreditedGroup]) -> Vec<RolloutRecord<'_>> {
    groups.iter().flat_map(|g| (0..g.credits.len()).map(move |sample| rollout_record(step, seed, g, sample))).collect()
}

fn rollout_record(step: u32, seed: u64, credited: &CreditedGroup, sample: usize) -> RolloutRecord<'_> {
    let verified = &credited.shaped.verified;
    let selected = &verified.group.selected;
    let completion = &verified.group.completions[sample];
    let shaped = &credited.shaped.shaped[sample];
    let verdict = &verified.verdicts[sample];
    let dropped = (!credited.admission.is_kept()).then(|| credited.admission.word());
    RolloutRecord {
        step,
        seed,
        prompt_id: &selected.problem.id,
        problem_key: format!("{:016x}", selected.key),
        refill: selected.round,
        occurrence: selected.occurrence,
        sample_index: sample,
        difficulty: selected.problem.difficulty,
        prompt_ids: &selected.prompt_ids,
        completion_ids: &completion.ids,
        sampler_logprobs: &completion.logprobs,
        finish_reason: completion.stop,
        weight_version: completion.policy_version,
        verdict: verdict.verification.verdict,
        reason: verdict.verification.reason.as_deref(),
        correct: verdict.is_correct(),
        length: completion.ids.len(),
        answer: &selected.problem.answer,
        answer_extracted: &verdict.verification.extracted,
        rewards: shaped.parts.iter().copied().collect(),
        shaped: shaped.total,
        in_statistics: shaped.in_statistics,
        in_loss: shaped.in_loss,
        cut_at: shaped.cut_at,
        advantage: &credited.credits[sample],
        kept: credited.in_loss(sample),
        drop_reason: dropped.or((!verdict.counts).then_some(UNGRADABLE)).or((!shaped.in_loss).then_some(MASKED)),
        text: &verified.texts[sample],
    }
}

fn is_first(round: &u16) -> bool {
    *round == 0
}

/// Sums and counts of one quantity; printed as a mean.
#[derive(Clone, Copy, Debug, Default)]
struct Mean(f64, f64);

impl Mean {
    fn add(&mut self, value: f64) {
        self.0 += value;
        self.1 += 1.0;
    }

    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut mean = Self::default();
        values.into_iter().for_each(|v| mean.add(v));
        mean
    }

    fn value(self) -> Option<f64> {
        (self.1 > 0.0).then(|| self.0 / self.1)
    }
}

/// Metrics of a step by name: TRL's names where they exist, `eff/…` for ours. A quantity without a sample is left out.
///
/// `target_length` is L_T, `num_tokens` the tokens of all steps so far, each completion with its prompt. Rewards are those
/// that count in statistics. `kl` is that to the reference model, there with a KL term alone; `approx_kl` is that of the weights
/// that sampled to those being updated.
pub fn step_metrics(
    groups: &[CreditedGroup],
    updates: &[UpdateReport],
    target_length: u32,
    num_tokens: u64,
) -> Vec<(String, f64)> {
    let mut metrics = Metrics(Vec::new());
    rewards(&mut metrics, groups);
    completions(&mut metrics, groups, target_length);
    group_outcomes(&mut metrics, groups, target_length);
    optimization(&mut metrics, updates);
    metrics.put("num_tokens", Some(num_tokens as f64));
    metrics.0
}

struct Metrics(Vec<(String, f64)>);

impl Metrics {
    fn put(&mut self, name: &str, value: Option<f64>) {
        self.0.extend(value.map(|v| (name.to_owned(), v)));
    }
}

fn rewards(metrics: &mut Metrics, groups: &[CreditedGroup]) {
    metrics.put("reward", Mean::of(groups.iter().flat_map(counted_rewards)).value());
    metrics.put("reward_std", Mean::of(groups.iter().filter_map(|g| sample_deviation(counted_rewards(g)))).value());
    let mut parts: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in groups.iter().flat_map(counted).flat_map(|s| &s.parts) {
        parts.entry(name).or_default().push(*value);
    }
    for (name, values) in parts {
        metrics.put(&format!("rewards/{name}/mean"), Mean::of(values.iter().copied()).value());
        metrics.put(&format!("rewards/{name}/std"), sample_deviation(values.iter().copied()));
    }
    metrics.put("frac_reward_zero_std", Mean::of(groups.iter().map(|g| f64::from(u8::from(!has_spread(g))))).value());
}

/// The shaped rewards of a group that count in its statistics; what a strategy masked out of them has no reward.
fn counted(group: &CreditedGroup) -> impl Iterator<Item = &Shaped> + Clone {
    group.shaped.shaped.iter().filter(|s| s.in_statistics)
}

fn counted_rewards(group: &CreditedGroup) -> impl Iterator<Item = f64> + Clone + '_ {
    counted(group).map(|s| s.total)
}

/// Whether two rewards that count differ.
fn has_spread(group: &CreditedGroup) -> bool {
    let mut rewards = counted_rewards(group);
    rewards.next().is_some_and(|first| rewards.any(|reward| reward != first))
}

fn completions(metrics: &mut Metrics, groups: &[CreditedGroup], target_length: u32) {
    let rows = || groups.iter().flat_map(|g| &g.shaped.rollouts);
    let lengths = || rows().map(|r| f64::from(r.length));
    let ended = || rows().filter(|r| !r.truncated).map(|r| f64::from(r.length));
    metrics.put("completions/mean_length", Mean::of(lengths()).value());
    metrics.put("completions/min_length", lengths().reduce(f64::min));
    metrics.put("completions/max_length", lengths().reduce(f64::max));
    metrics.put("completions/mean_terminated_length", Mean::of(ended()).value());
    metrics.put("completions/min_terminated_length", ended().reduce(f64::min));
    metrics.put("completions/max_terminated_length", ended().reduce(f64::max));
    let share = |condition: &dyn Fn(&Rollout) -> bool| Mean::of(rows().map(|r| f64::from(u8::from(condition(r))))).value();
    metrics.put("completions/clipped_ratio", share(&|r| r.truncated));
    metrics.put("eff/accuracy", share(&|r| r.correct));
    let verdicts = || groups.iter().flat_map(|g| &g.shaped.verified.verdicts).map(|v| v.verification.verdict);
    metrics.put("eff/ungradable", Some(verdicts().filter(|v| *v == Verdict::Ungradable).count() as f64));
    metrics.put("eff/accuracy_in_budget", share(&|r| r.correct && r.length <= target_length));
    metrics.put("eff/over_target_ratio", share(&|r| r.length > target_length));
    for (kind, correct) in [("correct", true), ("wrong", false)] {
        let mut lengths: Vec<u32> = rows().filter(|r| r.correct == correct).map(|r| r.length).collect();
        lengths.sort_unstable();
        metrics.put(&format!("eff/len_{kind}_mean"), Mean::of(lengths.iter().map(|&n| f64::from(n))).value());
        for percent in [10, 50, 90] {
            metrics.put(&format!("eff/len_{kind}_p{percent}"), quantile(&lengths, percent));
        }
    }
    metrics.put("eff/completion_tokens", Some(rows().map(|r| f64::from(r.length)).sum()));
    let entropies = groups.iter().flat_map(|g| &g.shaped.verified.group.completions).flat_map(|c| &c.entropies);
    metrics.put("entropy", Mean::of(entropies.map(|&e| f64::from(e))).value());
}

fn group_outcomes(metrics: &mut Metrics, groups: &[CreditedGroup], target_length: u32) {
    let share =
        |condition: &dyn Fn(&CreditedGroup) -> bool| Mean::of(groups.iter().map(|g| f64::from(u8::from(condition(g))))).value();
    metrics.put("eff/frac_all_correct", share(&|g| g.shaped.rollouts.iter().all(|r| r.correct)));
    metrics.put("eff/frac_all_wrong", share(&|g| g.shaped.rollouts.iter().all(|r| !r.correct)));
    metrics.put("eff/frac_groups_kept", share(&|g| g.admission.is_kept()));
    // nothing is right, yet the rewards tell rollouts apart: whatever is learned from that is not to be right
    let is_phantom = |g: &CreditedGroup| g.shaped.rollouts.iter().all(|r| !r.correct) && has_spread(g);
    metrics.put("eff/phantom_groups", share(&is_phantom));
    metrics.put("eff/phantom_groups_kept", share(&|g| g.admission.is_kept() && is_phantom(g)));
    let short_minus_long = groups.iter().filter_map(|g| correct_short_minus_long(&g.shaped.rollouts));
    metrics.put("eff/p_correct_short_minus_long", Mean::of(short_minus_long).value());
    let positive = groups.iter().flat_map(|g| &g.credits).map(|c| f64::from(u8::from(c.at(0) > 0.0)));
    metrics.put("eff/positive_ratio", Mean::of(positive).value());
    let mut trap = TrapTest::default();
    let mut correlation = Mean::default();
    for rollouts in groups.iter().map(trained_rollouts) {
        trap.add(target_length, &rollouts);
        advantage_length_correlation(&rollouts).into_iter().for_each(|value| correlation.add(value));
    }
    metrics.put("eff/trap/comparable_groups", Some(f64::from(trap.comparable_groups)));
    metrics.put("eff/trap/told_apart", trap.told_apart());
    metrics.put("eff/trap/advantage_gap", trap.advantage_gap());
    metrics.put("eff/corr_adv_len", correlation.value());
}

/// The rollouts of a group as the trap test sees them; of an advantage that differs from token to token, the first.
fn trained_rollouts(group: &CreditedGroup) -> Vec<TrainedRollout> {
    let rollouts = group.shaped.rollouts.iter().zip(&group.credits).enumerate();
    let trained = rollouts.map(|(sample, (rollout, credit))| TrainedRollout {
        length: rollout.length,
        correct: rollout.correct,
        in_loss: group.in_loss(sample),
        in_statistics: group.admission.is_kept() && group.shaped.shaped[sample].in_statistics,
        advantage: credit.at(0),
    });
    trained.collect()
}

fn optimization(metrics: &mut Metrics, updates: &[UpdateReport]) {
    let mut stats = ObjectiveStats::default();
    updates.iter().for_each(|u| stats.merge(&u.stats));
    let mean = |value: &dyn Fn(&UpdateReport) -> Option<f64>| Mean::of(updates.iter().filter_map(value)).value();
    metrics.put("loss", mean(&|u| (u.stats.tokens > 0).then_some(u.stats.loss)));
    metrics.put("grad_norm", mean(&|u| u.norms.map(|n| n.grad_norm)));
    metrics.put("learning_rate", updates.last().map(|u| u.learning_rate));
    metrics.put("clip_ratio/low_mean", stats.clip_ratio_low());
    metrics.put("clip_ratio/high_mean", stats.clip_ratio_high());
    metrics.put("clip_ratio/region_mean", stats.clip_ratio_region());
    metrics.put("clip_ratio/low_min", updates.iter().filter_map(|u| u.stats.clip_ratio_low()).reduce(f64::min));
    metrics.put("clip_ratio/high_max", updates.iter().filter_map(|u| u.stats.clip_ratio_high()).reduce(f64::max));
    metrics.put("kl", stats.reference_kl());
    metrics.put("approx_kl", stats.approx_kl());
    if stats.tokens > 0 {
        metrics.put("sampling/importance_sampling_ratio/min", stats.ratio_min);
        metrics.put("sampling/importance_sampling_ratio/mean", stats.mean_ratio());
        metrics.put("sampling/importance_sampling_ratio/max", stats.ratio_max);
    }
    let mismatch = updates.iter().fold((0.0, 0), |a, u| (a.0 + u.mismatch_sum.0, a.1 + u.mismatch_sum.1));
    if mismatch.1 > 0 {
        let largest = updates.iter().fold(0.0, |m: f64, u| m.max(u.mismatch_max));
        metrics.put("sampling/sampling_logp_difference/mean", Some(mismatch.0 / mismatch.1 as f64));
        metrics.put("sampling/sampling_logp_difference/max", Some(largest));
    }
    metrics.put("eff/trained_sequences", Some(updates.iter().map(|u| u.trained_sequences as f64).sum()));
    metrics.put("eff/trained_tokens", Some(updates.iter().map(|u| u.trained_tokens as f64).sum()));
}

/// The smallest of the sorted lengths that at least `percent` of them do not exceed; `None` of none.
fn quantile(sorted: &[u32], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).map(|&length| f64::from(length))
}

/// The share of right rollouts among the shortest third of a group less that among its longest third, ties taken in at both
/// ends; `None` where all are equally long.
fn correct_short_minus_long(rollouts: &[Rollout]) -> Option<f64> {
    let mut lengths: Vec<u32> = rollouts.iter().map(|r| r.length).collect();
    lengths.sort_unstable();
    if lengths.first() == lengths.last() {
        return None;
    }
    let third = (lengths.len() / 3).max(1);
    let (short, long) = (lengths[third - 1], lengths[lengths.len() - third]);
    let share = |picked: &dyn Fn(u32) -> bool| {
        Mean::of(rollouts.iter().filter(|r| picked(r.length)).map(|r| f64::from(u8::from(r.correct)))).value()
    };
    Some(share(&|length| length <= short)? - share(&|length| length >= long)?)
}

/// The sample standard deviation; `None` below two values.
fn sample_deviation(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let mean = Mean::of(values.clone());
    let squares: f64 = values.map(|v| (v - mean.0 / mean.1) * (v - mean.0 / mean.1)).sum();
    (mean.1 > 1.0).then(|| (squares / (mean.1 - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_the_mean_over_updates_that_had_tokens() {
        let report = |tokens, loss| UpdateReport {
            stats: ObjectiveStats { tokens, loss, ..ObjectiveStats::default() },
            norms: None,
            learning_rate: 0.1,
            trained_sequences: 0,
            trained_tokens: 0,
            mismatch_max: 0.0,
            mismatch_sum: (0.0, 0),
        };
        let loss = |updates: &[UpdateReport]| {
            let metrics = step_metrics(&[], updates, 8, 0);
            metrics.into_iter().find(|(name, _)| name == "loss").map(|(_, value)| value)
        };
        assert_eq!(loss(&[report(5, 0.5), report(0, 0.0), report(7, 0.25)]), Some(0.375));
        assert_eq!(loss(&[report(0, 0.0)]), None);
    }
}
