//! Settings that are each allowed and together likely a mistake.

use curt_reward::{ProblemKey, RewardStrategy, Rollout, Shaped, StepContext, makes_short_is_correct_trap};

use super::Finding;
use crate::config::{Config, GroupFilter, LrScheduler};

/// Updates on one batch from which the paper's runs lose entropy control.
const MANY_UPDATES: usize = 8;
/// Weights from which a model is no toy any more, and the learning rate that is too much for it.
const LARGE_MODEL: usize = 50_000_000;
const LARGE_RATE: f64 = 2e-5;
/// An upper clip that clips nothing.
const WIDE_CLIP: f64 = 1.0;

/// What is risky about `config`; `parameters` is how many weights the model has, where that is known.
pub fn combinations(config: &Config, parameters: Option<usize>) -> Vec<Finding> {
    let mut found = Vec::new();
    rewards(config, &mut found);
    updates(config, &mut found);
    optimizer(config, parameters, &mut found);
    groups(config, &mut found);
    found
}

fn rewards(config: &Config, found: &mut Vec<Finding>) {
    let reward = &config.reward;
    let built = reward.all_parameters().and_then(|all| curt_reward::by_name(&reward.strategy, &all));
    // what cannot be built is refused by the run file
    let Ok(strategy) = built else { return };
    let (name, target, limit) = (&reward.strategy, reward.target_length as u32, config.rollout.max_completion_length as u32);
    let trap = target < limit && makes_short_is_correct_trap(strategy.as_ref(), target, target + 1);
    if trap {
        let what = format!("{name} leaves short wrong rollouts out of the statistics: short becomes correct, right or wrong");
        found.push(Finding::settings(what, "reward.masking", "\"zero_after\", or reward.strategy = \"truncation\""));
    }
    let shaped = shaped(strategy.as_ref(), limit);
    let cut_counts = shaped.as_ref().is_none_or(|shaped| shaped[CUT].in_statistics);
    if !trap && !cut_counts {
        let what = format!(
            "{name} masks rollouts that are cut off at {limit} tokens: nothing teaches to end before, and lengths drift to the limit"
        );
        found.push(Finding::settings(what, "reward.strategy", "\"truncation\", for which a cut rollout is a negative"));
    }
    let admits = matches!(config.rollout.group_filter, GroupFilter::None | GroupFilter::RewardStd);
    if admits && shaped.is_some_and(|shaped| tells_wrong_apart(&shaped)) {
        let what = format!("{name} rewards some wrong rollouts more than others, and groups without a right one are trained on");
        found.push(Finding::settings(what, "rollout.group_filter", "\"any_correct_and_spread\""));
    }
}

/// Place of the wrong rollout that is cut off in [`shaped`]; it stands last.
const CUT: usize = 3;

/// How the strategy shapes a right rollout, two wrong ones of different lengths and a wrong one that is cut off; `None` where
/// it needs facts that are not made up here.
fn shaped(strategy: &dyn RewardStrategy, limit: u32) -> Option<Vec<Shaped>> {
    let rollout = |correct, length: u32| Rollout { repetition: Some(0.0), ..Rollout::new(ProblemKey(0), correct, length.max(1)) };
    let cut = Rollout { truncated: true, ..rollout(false, limit) };
    let group = [rollout(true, limit / 4), rollout(false, limit / 4), rollout(false, limit - 1), cut];
    let context = StepContext { accuracy: Some(0.5), max_completion_length: Some(limit), ..StepContext::default() };
    let mut out = vec![Shaped::default(); group.len()];
    strategy.shape(&context, &group, &mut out).ok().map(|()| out)
}

/// Whether two wrong rollouts that count have different rewards.
fn tells_wrong_apart(shaped: &[Shaped]) -> bool {
    let mut wrong = shaped[1..].iter().filter(|s| s.in_statistics).map(|s| s.total);
    wrong.next().is_some_and(|first| wrong.any(|other| other != first))
}

fn updates(config: &Config, found: &mut Vec<Finding>) {
    let (algo, key) = (&config.algo, "algo.updates_per_batch");
    let updates = algo.updates_per_batch;
    if updates > 1 && algo.loss_type == "gpg" {
        let what = format!("{updates} updates on each batch with an objective that clips nothing: the policy runs away");
        found.push(Finding::settings(what, "algo.loss_type", format!("\"clip\"; or {key} = 1")));
    }
    if updates > 1 && algo.loss_type == "clip" && algo.epsilon_high >= WIDE_CLIP {
        let high = algo.epsilon_high;
        let what = format!("{updates} updates on each batch, and ratios may grow to {}: that clips next to nothing", 1.0 + high);
        found.push(Finding::settings(what, "algo.epsilon_high", format!("0.28; or {key} = 1")));
    }
    if updates >= MANY_UPDATES {
        let what = format!("{updates} updates on each batch: entropy climbs and lengths rebound; on policy is the advice");
        found.push(Finding::settings(what, key, "1, at most 4"));
    }
}

fn optimizer(config: &Config, parameters: Option<usize>, found: &mut Vec<Finding>) {
    let train = &config.train;
    let rate = train.learning_rate;
    if parameters.is_some_and(|count| count >= LARGE_MODEL) && rate > LARGE_RATE {
        let what = format!("learning rate {rate:e} is one for a toy: a language model loses what it knows");
        found.push(Finding::settings(what, "train.learning_rate", "1e-6"));
    }
    let updates = u64::from(train.steps) * config.algo.updates_per_batch as u64;
    if train.warmup_steps > 0 && u64::from(train.warmup_steps) >= updates {
        let what =
            format!("warm-up takes {} updates and the run has {updates}: the rate never reaches its peak", train.warmup_steps);
        found.push(Finding::settings(what, "train.warmup_steps", format!("at most {}", updates / 10)));
    }
    if train.weight_decay >= 0.5 && train.lr_scheduler_type == LrScheduler::Constant {
        let what = format!("weight decay {} pulls all weights towards 0 faster than rewards can hold them", train.weight_decay);
        found.push(Finding::settings(what, "train.weight_decay", "0.0, at most 0.1"));
    }
    let save = config.checkpoint.save_steps;
    if (save == 0 || save > train.steps) && train.steps >= 100 {
        let what = format!("no checkpoint within {} steps: whatever stops the run loses all of it", train.steps);
        found.push(Finding::settings(what, "checkpoint.save_steps", "50"));
    }
}

fn groups(config: &Config, found: &mut Vec<Finding>) {
    let rollout = &config.rollout;
    if rollout.num_generations < 4 {
        let what = format!("groups of {} are rarely both right and wrong: few of them teach anything", rollout.num_generations);
        found.push(Finding::settings(what, "rollout.num_generations", "8, or 24 as in the paper"));
    }
    if rollout.temperature < 0.5 {
        let what = format!(
            "at temperature {} the rollouts of a group are nearly the same: few groups teach anything",
            rollout.temperature
        );
        found.push(Finding::settings(what, "rollout.temperature", "1.0"));
    }
    if config.algo.entropy_bonus < 0.0 {
        let what = format!("an entropy bonus of {} rewards certainty: the policy stops to explore", config.algo.entropy_bonus);
        found.push(Finding::settings(what, "algo.entropy_bonus", "0.0"));
    }
}
