//! One step of the smallest size, to see that everything works together.

use curt_advantage::Credit;
use curt_difficulty::Admission;
use curt_runtime::GenerateProgress;
use serde::Serialize;

use crate::credit::CreditedGroup;
use crate::error::TrainError;
use crate::pack::pack;
use crate::step::{step, train_on};
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
    /// Sequences that were trained on.
    pub trained: usize,
    /// Whether no group had signal, so that the advantages were made up.
    pub is_made_up: bool,
    /// The norm of the gradient of the last update that had one.
    pub grad_norm: Option<f64>,
}

/// Rolls out, judges, rewards and updates once, at a size that takes seconds; with made-up advantages where no group has signal, so
/// that backward and optimizer are tried too. Weights change in memory alone; the trainer is not to be used for a run afterwards.
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
    let mut outcome = step(run, 0, keep_going)?;
    let is_made_up = outcome.updates.iter().all(|update| update.trained_sequences == 0);
    if is_made_up {
        outcome.groups.iter_mut().for_each(make_up);
        let minibatches = pack(&outcome.groups, updates, run.config.algo.normalizer);
        outcome.updates = train_on(run, 0, &minibatches)?;
    }
    let rows = || outcome.groups.iter().flat_map(|group| &group.shaped.rollouts);
    Ok(TinyStep {
        rollouts: rows().count(),
        tokens: rows().map(|row| row.length as usize).sum(),
        trained: outcome.updates.iter().map(|update| update.trained_sequences).sum(),
        is_made_up,
        grad_norm: outcome.updates.iter().rev().find_map(|update| update.norms).map(|norms| norms.grad_norm),
    })
}

/// Gives every other rollout of a group an advantage of 1, the others −1.
fn make_up(group: &mut CreditedGroup) {
    group.admission = Admission::Kept;
    for (sample, credit) in group.credits.iter_mut().enumerate() {
        *credit = Credit::Sequence(if sample % 2 == 0 { 1.0 } else { -1.0 });
    }
    for shaped in &mut group.shaped.shaped {
        (shaped.in_loss, shaped.cut_at) = (true, None);
    }
}
