//! One step, the whole method: select → rollout → verify → shape → credit → pack → update. What it returns goes to `record`,
//! which the loop around it calls, because records need the run directory and a step does not.

use curt_difficulty::RefillCost;
use curt_reward::StepContext;
use curt_runtime::{GenerateProgress, Purpose, Sampling};

use crate::credit::{CreditedGroup, credit};
use crate::error::TrainError;
use crate::pack::{Minibatch, pack};
use crate::refill::refill;
use crate::rollout::{RolloutPlan, rollout};
use crate::screen::screen;
use crate::select::select;
use crate::shape::shape;
use crate::trainer::Trainer;
use crate::update::{UpdatePlan, UpdateReport, update};
use crate::verify::verify;

/// What a step did; `record` (in the loop of [`train`](crate::train)) turns it into metrics and rollout lines.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// All groups with everything that was decided about them.
    pub groups: Vec<CreditedGroup>,
    /// What the groups cost; `None` without refill.
    pub refill: Option<RefillCost>,
    /// One report per optimizer update.
    pub updates: Vec<UpdateReport>,
    /// Seconds of rollout, verify to pack, and update.
    pub seconds: [f64; 3],
}

/// Runs step number `step` (from 0) and returns what it did; the policy's weights are new afterwards.
///
/// # Errors
/// Whatever a stage refuses; [`curt_runtime::PolicyError::Interrupted`] when `keep_going` says stop during the rollout,
/// which leaves weights and strategy as they were.
pub fn step(
    run: &mut Trainer,
    step: u32,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<StepOutcome, TrainError> {
    let c = run.config.clone();
    let screening = c.rollout.screening()?;
    let plan = RolloutPlan {
        seed: c.seed,
        purpose: Purpose::Train,
        step,
        first_sample: 0,
        num_generations: screening.map_or(c.rollout.num_generations, |screening| screening.screen() as usize),
        max_completion_length: c.rollout.max_completion_length,
        sampling: Sampling::temperature(c.rollout.temperature),
    };
    let max_completion_length = Some(plan.max_completion_length as u32);
    let context = StepContext { step: u64::from(step), max_completion_length, ..StepContext::default() };

    let turn = run.source.turn(step, c.rollout.prompts_per_step);
    let prompts = select(&run.source, &run.encoder, c.seed, turn, c.rollout.prompts_per_step, [])?;
    let clock = std::time::Instant::now();
    let groups = rollout(run.policy.as_mut(), prompts, &plan, keep_going)?;
    let mut rolled_out = clock.elapsed().as_secs_f64();
    let mut verified = verify(&run.verifiers, run.encoder.tokenizer(), groups)?;
    if let Some(screening) = screening {
        verified = screen(run, screening, verified, &plan, keep_going)?;
        rolled_out = clock.elapsed().as_secs_f64();
    }
    let mut cost = None;
    if let Some(wanted) = c.rollout.refill()? {
        (verified, cost) = refill(run, wanted, &context, verified, &plan, keep_going)?;
        rolled_out = clock.elapsed().as_secs_f64();
    }
    let shaped = shape(run.strategy.as_mut(), &context, verified)?;
    let groups = credit(run.estimator.as_ref(), run.gate.as_ref(), run.strategy.as_ref(), shaped)?;
    run.source.observe(step, &groups, c.reward.target_length)?;
    let minibatches = pack(&groups, c.algo.updates_per_batch, c.algo.normalizer);
    let packed = clock.elapsed().as_secs_f64();
    let updates = train_on(run, step, &minibatches)?;
    let updated = clock.elapsed().as_secs_f64();
    Ok(StepOutcome { groups, refill: cost, updates, seconds: [rolled_out, packed - rolled_out, updated - packed] })
}

/// One update on each of the minibatches of `step`.
pub(crate) fn train_on(run: &mut Trainer, step: u32, minibatches: &[Minibatch]) -> Result<Vec<UpdateReport>, TrainError> {
    let sampling = Sampling::temperature(run.config.rollout.temperature);
    let plan = UpdatePlan { micro_tokens: run.config.train.micro_tokens, inverse_temperature: sampling.inverse_temperature() };
    let first = u64::from(step) * run.config.algo.updates_per_batch as u64;
    let mut updates = Vec::with_capacity(minibatches.len());
    for (share, minibatch) in minibatches.iter().enumerate() {
        let optimizer = run.optimizer(first + share as u64);
        let reference = run.reference.as_mut();
        updates.push(update(run.policy.as_mut(), reference, run.objective.as_ref(), minibatch, &optimizer, &plan)?);
    }
    Ok(updates)
}
