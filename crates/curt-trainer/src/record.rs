//! `record`: what a step did → metrics and one line per rollout.

use std::collections::BTreeMap;

use curt_advantage::{Credit, ObjectiveStats};
use curt_runtime::StopReason;
use curt_verify::Verdict;
use serde::Serialize;

use crate::credit::CreditedGroup;
use crate::update::UpdateReport;

/// One line of `rollouts/*.jsonl.zst`: everything that is needed to replay rewards, advantages and losses.
#[derive(Clone, Debug, Serialize)]
pub struct RolloutRecord<'a> {
    step: u32,
    prompt_id: &'a str,
    problem_key: String,
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
    correct: bool,
    length: usize,
    answer: &'a str,
    answer_extracted: &'a Option<String>,
    rewards: BTreeMap<&'a str, f64>,
    shaped: f64,
    in_statistics: bool,
    in_loss: bool,
    advantage: &'a Credit,
    kept: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop_reason: Option<&'a str>,
    text: &'a str,
}

/// The records of all rollouts of a step, in canonical order.
pub fn rollout_records(step: u32, groups: &[CreditedGroup]) -> Vec<RolloutRecord<'_>> {
    groups.iter().flat_map(|g| (0..g.credits.len()).map(move |sample| rollout_record(step, g, sample))).collect()
}

fn rollout_record(step: u32, credited: &CreditedGroup, sample: usize) -> RolloutRecord<'_> {
    let verified = &credited.shaped.verified;
    let selected = &verified.group.selected;
    let completion = &verified.group.completions[sample];
    let shaped = &credited.shaped.shaped[sample];
    let verdict = &verified.verdicts[sample];
    RolloutRecord {
        step,
        prompt_id: &selected.problem.id,
        problem_key: format!("{:016x}", selected.key),
        occurrence: selected.occurrence,
        sample_index: sample,
        difficulty: selected.problem.difficulty,
        prompt_ids: &selected.prompt_ids,
        completion_ids: &completion.ids,
        sampler_logprobs: &completion.logprobs,
        finish_reason: completion.stop,
        weight_version: completion.policy_version,
        verdict: verdict.verification.verdict,
        correct: verdict.is_correct(),
        length: completion.ids.len(),
        answer: &selected.problem.answer,
        answer_extracted: &verdict.verification.extracted,
        rewards: shaped.parts.iter().copied().collect(),
        shaped: shaped.total,
        in_statistics: shaped.in_statistics,
        in_loss: shaped.in_loss,
        advantage: &credited.credits[sample],
        kept: credited.in_loss(sample),
        drop_reason: (!credited.admission.is_kept()).then(|| credited.admission.word()),
        text: &verified.texts[sample],
    }
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
/// `target_length` is L_T, `num_tokens` the completion tokens of all steps so far.
pub fn step_metrics(
    groups: &[CreditedGroup],
    updates: &[UpdateReport],
    target_length: u32,
    num_tokens: u64,
) -> Vec<(String, f64)> {
    let mut metrics = Metrics(Vec::new());
    rewards(&mut metrics, groups);
    completions(&mut metrics, groups, target_length);
    group_outcomes(&mut metrics, groups);
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
    let all = || groups.iter().flat_map(|g| &g.shaped.shaped);
    metrics.put("reward", Mean::of(all().map(|s| s.total)).value());
    let spreads = groups.iter().filter_map(|g| sample_deviation(g.shaped.shaped.iter().map(|s| s.total)));
    metrics.put("reward_std", Mean::of(spreads).value());
    let mut parts: BTreeMap<&str, Mean> = BTreeMap::new();
    for (name, value) in all().flat_map(|s| &s.parts) {
        parts.entry(name).or_default().add(*value);
    }
    for (name, mean) in parts {
        metrics.put(&format!("rewards/{name}/mean"), mean.value());
    }
    let flat = groups.iter().map(|g| {
        let mut totals = g.shaped.shaped.iter().map(|s| s.total);
        let first = totals.next();
        f64::from(u8::from(totals.all(|t| Some(t) == first)))
    });
    metrics.put("frac_reward_zero_std", Mean::of(flat).value());
}

fn completions(metrics: &mut Metrics, groups: &[CreditedGroup], target_length: u32) {
    let rows = || groups.iter().flat_map(|g| &g.shaped.rollouts);
    let lengths = || rows().map(|r| f64::from(r.length));
    let ended = || rows().filter(|r| !r.truncated).map(|r| f64::from(r.length));
    let (least, most) = (f64::INFINITY, 0.0);
    metrics.put("completions/mean_length", Mean::of(lengths()).value());
    metrics.put("completions/min_length", lengths().next().map(|_| lengths().fold(least, f64::min)));
    metrics.put("completions/max_length", lengths().next().map(|_| lengths().fold(most, f64::max)));
    metrics.put("completions/mean_terminated_length", Mean::of(ended()).value());
    let share =
        |condition: &dyn Fn(&curt_reward::Rollout) -> bool| Mean::of(rows().map(|r| f64::from(u8::from(condition(r))))).value();
    metrics.put("completions/clipped_ratio", share(&|r| r.truncated));
    metrics.put("eff/accuracy", share(&|r| r.correct));
    metrics.put("eff/accuracy_in_budget", share(&|r| r.correct && r.length <= target_length));
    metrics.put("eff/over_target_ratio", share(&|r| r.length > target_length));
    metrics.put("eff/len_correct_mean", Mean::of(rows().filter(|r| r.correct).map(|r| f64::from(r.length))).value());
    metrics.put("eff/len_wrong_mean", Mean::of(rows().filter(|r| !r.correct).map(|r| f64::from(r.length))).value());
    let entropies = groups.iter().flat_map(|g| &g.shaped.verified.group.completions).flat_map(|c| &c.entropies);
    metrics.put("entropy", Mean::of(entropies.map(|&e| f64::from(e))).value());
}

fn group_outcomes(metrics: &mut Metrics, groups: &[CreditedGroup]) {
    let share =
        |condition: &dyn Fn(&CreditedGroup) -> bool| Mean::of(groups.iter().map(|g| f64::from(u8::from(condition(g))))).value();
    metrics.put("eff/frac_all_correct", share(&|g| g.shaped.rollouts.iter().all(|r| r.correct)));
    metrics.put("eff/frac_all_wrong", share(&|g| g.shaped.rollouts.iter().all(|r| !r.correct)));
    metrics.put("eff/frac_groups_kept", share(&|g| g.admission.is_kept()));
    let positive = groups.iter().flat_map(|g| &g.credits).map(|c| f64::from(u8::from(c.at(0) > 0.0)));
    metrics.put("eff/positive_ratio", Mean::of(positive).value());
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
