//! A small probe: the first rollouts of the run, and what they would teach.

use curt_eval::{Advice, Alarm, Means, advice};
use curt_reward::StepContext;
use curt_runtime::{GenerateProgress, Purpose, Sampling};
use serde::Serialize;

use super::Finding;
use crate::alarms::run_facts;
use crate::config::Config;
use crate::credit::credit;
use crate::error::TrainError;
use crate::reasons::Reasons;
use crate::rollout::{RolloutPlan, rollout};
use crate::select::select;
use crate::shape::shape;
use crate::trainer::Trainer;
use crate::verify::verify;

/// Prompts that a probe takes at most.
pub const PROBED_PROMPTS: usize = 16;

/// Shares from which something is said.
const MOSTLY_CUT: f64 = 0.9;
const LITTLE_SIGNAL: f64 = 0.1;
const SPARSE: f64 = 0.02;

/// What the probe found: shares of its rollouts or groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeFacts {
    /// Prompts.
    pub prompts: usize,
    /// Rollouts in all.
    pub rollouts: usize,
    /// Mean length of prompts in tokens.
    pub mean_prompt: f64,
    /// Mean length of completions in tokens.
    pub mean_length: f64,
    /// Share of completions that the limit cut off.
    pub truncated: f64,
    /// Share of completions that are right.
    pub right: f64,
    /// Share that are right and within L_T: the density of positive signal.
    pub right_and_short: f64,
    /// Share of completions of which the verifier could say nothing; they count as not right.
    pub ungradable: f64,
    /// Its most frequent reason.
    pub ungradable_reason: Option<String>,
    /// Share of groups that would be trained on.
    pub kept: f64,
    /// Share of groups in which every completion is right, and in which none is.
    pub all_right: f64,
    /// See `all_right`.
    pub all_wrong: f64,
    /// What is likely a mistake.
    pub findings: Vec<Finding>,
}

/// Samples the first prompts of the run as its first step would, and looks at what they earn. The trainer is not to be used
/// for a run afterwards: its strategy has seen the groups.
///
/// # Errors
/// Whatever a stage refuses.
pub fn probe(run: &mut Trainer, keep_going: &mut dyn FnMut(GenerateProgress) -> bool) -> Result<ProbeFacts, TrainError> {
    let c = run.config.clone();
    let plan = RolloutPlan {
        seed: c.seed,
        purpose: Purpose::Train,
        step: 0,
        first_sample: 0,
        num_generations: c.rollout.num_generations,
        max_completion_length: c.rollout.max_completion_length,
        sampling: Sampling::temperature(c.rollout.temperature),
    };
    let context = StepContext { max_completion_length: Some(plan.max_completion_length as u32), ..StepContext::default() };
    let mut prompts = select(
        &run.source,
        &run.encoder,
        c.seed,
        run.source.turn(0, c.rollout.prompts_per_step),
        c.rollout.prompts_per_step,
        [],
    )?;
    prompts.truncate(PROBED_PROMPTS);
    let groups = rollout(run.policy.as_mut(), prompts, &plan, keep_going)?;
    let verified = verify(&run.verifiers, run.encoder.tokenizer(), groups)?;
    let shaped = shape(run.strategy.as_mut(), &context, verified)?;
    let groups = credit(run.estimator.as_ref(), run.gate.as_ref(), run.strategy.as_ref(), shaped)?;
    let target = c.reward.target_length as u32;
    let rows = || groups.iter().flat_map(|group| &group.shaped.rollouts);
    let rollouts = rows().count();
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    let of_rollouts = |holds: &dyn Fn(&curt_reward::Rollout) -> bool| share(rows().filter(|row| holds(row)).count(), rollouts);
    let of_groups = |holds: &dyn Fn(&crate::credit::CreditedGroup) -> bool| {
        share(groups.iter().filter(|group| holds(group)).count(), groups.len())
    };
    let verdicts = groups.iter().flat_map(|group| &group.shaped.verified.verdicts);
    let without_verdict = Reasons::of(verdicts.map(|verdict| &verdict.verification));
    let prompt_tokens: usize = groups.iter().map(|group| group.shaped.verified.group.selected.prompt_ids.len()).sum();
    let mut facts = ProbeFacts {
        prompts: groups.len(),
        rollouts,
        mean_prompt: share(prompt_tokens, groups.len()),
        mean_length: rows().map(|row| f64::from(row.length)).sum::<f64>() / rollouts.max(1) as f64,
        truncated: of_rollouts(&|row| row.truncated),
        right: of_rollouts(&|row| row.correct),
        right_and_short: of_rollouts(&|row| row.correct && row.length <= target),
        ungradable: share(without_verdict.count() as usize, rollouts),
        ungradable_reason: without_verdict.most_frequent().map(str::to_owned),
        kept: of_groups(&|group| group.admission.is_kept()),
        all_right: of_groups(&|group| group.shaped.rollouts.iter().all(|row| row.correct)),
        all_wrong: of_groups(&|group| group.shaped.rollouts.iter().all(|row| !row.correct)),
        findings: Vec::new(),
    };
    facts.findings = findings(&facts, &c);
    Ok(facts)
}

fn findings(facts: &ProbeFacts, config: &Config) -> Vec<Finding> {
    let (limit, target) = (config.rollout.max_completion_length, config.reward.target_length);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let mut found = Vec::new();
    if facts.truncated >= MOSTLY_CUT {
        let what = format!("{} of the probe's rollouts are cut off at {limit} tokens", percent(facts.truncated));
        found.push(Finding::settings(what, "rollout.max_completion_length", format!("{}", 2 * limit)));
    }
    // what has no verdict is not right, however easy the problems are
    if facts.ungradable >= config.alarms.threshold(Alarm::Ungradable) {
        let reason = facts.ungradable_reason.as_deref().unwrap_or_default();
        let Advice { cause, key, change } = advice(Alarm::Ungradable, &run_facts(config), &Means::default());
        let share = percent(facts.ungradable);
        let what = format!("the verifier can say nothing of {share} of the probe's rollouts ({reason}): {cause}");
        found.push(Finding::settings(what, key, change));
    } else if facts.right_and_short <= SPARSE {
        let density = percent(facts.right_and_short);
        let (what, key, change) = match facts.right > 4.0 * facts.right_and_short.max(SPARSE) {
            true => (
                format!("{} of the probe's rollouts are right, but only {density} within {target} tokens", percent(facts.right)),
                "reward.target_length",
                "a larger one".to_owned(),
            ),
            false => (
                format!("only {density} of the probe's rollouts are right and within {target} tokens: next to no signal"),
                "data.path",
                "easier problems: data.links for chains, `curt filter --measure` for files".to_owned(),
            ),
        };
        found.push(Finding::settings(what, key, change));
    } else if facts.kept <= LITTLE_SIGNAL {
        let what = format!(
            "only {} of the probe's groups would be trained on ({} are all right, {} all wrong)",
            percent(facts.kept),
            percent(facts.all_right),
            percent(facts.all_wrong)
        );
        found.push(Finding::settings(what, "rollout.num_generations", "more; or problems that are neither solved nor hopeless"));
    }
    found
}
