//! The sums behind a run: prompts, rollouts, tokens, updates.

use serde::Serialize;

use crate::config::Config;

/// How much of everything a run has. Tokens are at most: every completion at its limit, every prompt at its.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arithmetic {
    /// Prompts of a step.
    pub prompts: u64,
    /// Completions of a prompt: N.
    pub samples: u64,
    /// Rollouts of a step.
    pub rollouts: u64,
    /// Most tokens of a completion: L_R.
    pub limit: u64,
    /// Tokens that a step generates.
    pub generated: u64,
    /// Optimizer updates of a step: S.
    pub updates: u64,
    /// Rollouts of one update.
    pub rollouts_per_update: u64,
    /// Tokens of one update, each completion with its prompt.
    pub tokens_per_update: u64,
    /// Tokens of one forward and backward pass.
    pub micro_tokens: u64,
    /// Passes of one update.
    pub passes_per_update: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Rollouts of the run.
    pub all_rollouts: u64,
    /// Updates of the run.
    pub all_updates: u64,
    /// `None` without evaluation.
    pub evaluation: Option<EvaluationArithmetic>,
}

/// How much is evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvaluationArithmetic {
    /// Problems; for a file, at most.
    pub problems: u64,
    /// Samples of each.
    pub samples: u64,
    /// Completions of one evaluation.
    pub completions: u64,
    /// Most tokens of a completion.
    pub limit: u64,
    /// Evaluations of the run.
    pub times: u64,
    /// Completions of all evaluations for each rollout of the run.
    pub per_rollout: f64,
}

impl Arithmetic {
    /// That of a configuration.
    pub fn new(config: &Config) -> Self {
        let (rollout, train) = (&config.rollout, &config.train);
        let (prompts, samples) = (rollout.prompts_per_step as u64, rollout.num_generations as u64);
        let (limit, updates) = (rollout.max_completion_length as u64, config.algo.updates_per_batch as u64);
        let (rollouts, steps, micro_tokens) = (prompts * samples, u64::from(train.steps), train.micro_tokens as u64);
        let longest = limit + rollout.max_prompt_length as u64;
        let rollouts_per_update = rollouts / updates.max(1);
        // sequences are not cut: as many as fit go into a pass
        let per_pass = (micro_tokens / longest.max(1)).max(1);
        let all_rollouts = rollouts.saturating_mul(steps);
        Self {
            prompts,
            samples,
            rollouts,
            limit,
            generated: rollouts.saturating_mul(limit),
            updates,
            rollouts_per_update,
            tokens_per_update: rollouts_per_update.saturating_mul(longest),
            micro_tokens,
            passes_per_update: rollouts_per_update.div_ceil(per_pass),
            steps,
            all_rollouts,
            all_updates: updates * steps,
            evaluation: config.eval.enabled.then(|| evaluation(config, all_rollouts)),
        }
    }
}

fn evaluation(config: &Config, all_rollouts: u64) -> EvaluationArithmetic {
    let eval = &config.eval;
    let chains = config.data.task == crate::config::TaskKind::Chain;
    let problems = eval.problems as u64 * if chains { eval.links.len() as u64 } else { 1 };
    let (samples, steps) = (eval.n as u64, u64::from(config.train.steps));
    // before, after, and in between
    let between = if eval.every == 0 { 0 } else { steps.saturating_sub(1) / u64::from(eval.every) };
    let (completions, times) = (problems * samples, 2 + between);
    let per_rollout = (completions * times) as f64 / all_rollouts.max(1) as f64;
    EvaluationArithmetic { problems, samples, completions, limit: eval.max_completion_length as u64, times, per_rollout }
}
