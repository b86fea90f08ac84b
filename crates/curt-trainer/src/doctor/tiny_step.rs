//! One step of the smallest size, to see that everything works together.

use curt_runtime::GenerateProgress;
use serde::Serialize;

use crate::error::TrainError;
use crate::step::step;
use crate::trainer::Trainer;

/// Prompts, completions and tokens of the tiny step, where the run has not less.
const PROMPTS: usize = 2;
const SAMPLES: usize = 4;
const TOKENS: usize = 64;

/// What the tiny step did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TinyStep {
    /// Rollouts.
    pub rollouts: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Sequences that were trained on: 0 where no group had signal.
    pub trained: usize,
    /// The norm of the gradient of the last update that had one.
    pub grad_norm: Option<f64>,
}

/// Rolls out, judges, rewards and updates once, at a size that takes seconds. Weights change in memory alone; the trainer is
/// not to be used for a run afterwards.
///
/// # Errors
/// Whatever a stage refuses.
pub fn tiny_step(run: &mut Trainer, keep_going: &mut dyn FnMut(GenerateProgress) -> bool) -> Result<TinyStep, TrainError> {
    let updates = run.config.algo.updates_per_batch;
    let rollout = &mut run.config.rollout;
    // as many prompts as can be shared between the updates
    rollout.prompts_per_step = rollout.prompts_per_step.min(PROMPTS.next_multiple_of(updates));
    rollout.num_generations = rollout.num_generations.min(SAMPLES);
    rollout.max_completion_length = rollout.max_completion_length.min(TOKENS);
    rollout.screening = 0;
    rollout.refill_rounds = 0;
    let outcome = step(run, 0, keep_going)?;
    let rows = || outcome.groups.iter().flat_map(|group| &group.shaped.rollouts);
    Ok(TinyStep {
        rollouts: rows().count(),
        tokens: rows().map(|row| row.length as usize).sum(),
        trained: outcome.updates.iter().map(|update| update.trained_sequences).sum(),
        grad_norm: outcome.updates.iter().rev().find_map(|update| update.norms).map(|norms| norms.grad_norm),
    })
}
