//! `refill`: verified groups, some of which the gate will drop → further rounds of prompts in their place.

use curt_difficulty::{Admission, Refill, RefillCost, RefillStep, Turn};
use curt_reward::StepContext;
use curt_runtime::GenerateProgress;

use crate::credit::admit;
use crate::dataset::outcome;
use crate::error::TrainError;
use crate::rollout::{RolloutPlan, rollout};
use crate::screen::screen;
use crate::select::select;
use crate::shape::{ShapedGroup, shape_groups};
use crate::trainer::Trainer;
use crate::verify::{VerifiedGroup, verify};

/// Samples and verifies further prompts until the gate will keep as many groups as `wanted` wants, or its rounds are used up;
/// returns all groups in the order of the draw, and what they cost. Groups that the gate will keep beyond those wanted are
/// marked, so that every step that is filled trains on equally many.
///
/// What the gate will say is known from shaping all groups so far, as the stages after this one will, without the strategy
/// learning of it. Between the rounds the sampler is told what is known, so that it draws others; it then forgets that again,
/// and learns of the whole step once that is done. So a step that is cut off leaves everything as it was.
///
/// # Errors
/// Whatever select, rollout, verify, screen and shape refuse.
pub fn refill(
    run: &mut Trainer,
    wanted: Refill,
    context: &StepContext,
    first: Vec<VerifiedGroup>,
    plan: &RolloutPlan,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<(Vec<VerifiedGroup>, Option<RefillCost>), TrainError> {
    let (memory, refilled) = (run.source.save(), run.source.refilled());
    let filled = fill(run, wanted, context, first, plan, keep_going);
    run.source.load(memory.as_ref(), refilled)?;
    filled.map(|(groups, cost)| (groups, Some(cost)))
}

fn fill(
    run: &mut Trainer,
    wanted: Refill,
    context: &StepContext,
    mut groups: Vec<VerifiedGroup>,
    plan: &RolloutPlan,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<(Vec<VerifiedGroup>, RefillCost), TrainError> {
    let target = u32::try_from(run.config.reward.target_length).unwrap_or(u32::MAX);
    let mut turn = run.source.turn(plan.step, groups.len());
    let mut rounds = vec![groups.len()];
    loop {
        let shaped = shape_groups(run.strategy.as_ref(), context, groups)?;
        let admissions = shaped.iter().map(|group| admit(run.gate.as_ref(), group)).collect::<Result<Vec<_>, _>>()?;
        let now = after(wanted, &rounds, &admissions)?;
        let RefillStep::Sample(more) = now.plan() else {
            groups = shaped.into_iter().map(|group| group.verified).collect();
            leave_out_surplus(&mut groups, &admissions, run.config.rollout.prompts_per_step);
            return Ok((groups, now.cost()));
        };
        let last = shaped.len() - rounds[rounds.len() - 1];
        let told = |(group, admission): (&ShapedGroup, &Admission)| outcome(group, *admission, target);
        let outcomes: Vec<_> = shaped[last..].iter().zip(&admissions[last..]).map(told).collect();
        run.source.observe_round(turn, &outcomes)?;
        turn = Turn { round: turn.round + 1, drawn: turn.drawn + outcomes.len() as u64, ..turn };
        groups = shaped.into_iter().map(|group| group.verified).collect();
        let round = one_round(run, turn, more as usize, &groups, plan, keep_going)?;
        rounds.push(round.len());
        groups.extend(round);
    }
}

/// The plan after these rounds. A strategy that looks at the accuracy of the step may change what is kept of an earlier one.
fn after(mut plan: Refill, rounds: &[usize], admissions: &[Admission]) -> Result<Refill, TrainError> {
    let mut rest = admissions;
    for size in rounds {
        let (round, later) = rest.split_at(*size);
        plan.sampled(*size as u32, round.iter().filter(|admission| admission.is_kept()).count() as u32)?;
        rest = later;
    }
    Ok(plan)
}

/// Select, rollout, verify and screen, as in the first round.
fn one_round(
    run: &mut Trainer,
    turn: Turn,
    count: usize,
    earlier: &[VerifiedGroup],
    plan: &RolloutPlan,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<Vec<VerifiedGroup>, TrainError> {
    let keys = earlier.iter().map(|group| group.group.selected.key);
    let prompts = select(&run.source, &run.encoder, plan.seed, turn, count, keys)?;
    let groups = rollout(run.policy.as_mut(), prompts, plan, keep_going)?;
    let verified = verify(&run.verifiers, run.encoder.tokenizer(), groups)?;
    match run.config.rollout.screening()? {
        Some(screening) => screen(run, screening, verified, plan, keep_going),
        None => Ok(verified),
    }
}

/// Marks what is kept beyond the first `wanted`.
fn leave_out_surplus(groups: &mut [VerifiedGroup], admissions: &[Admission], wanted: usize) {
    let kept = groups.iter_mut().zip(admissions).filter(|(_, admission)| admission.is_kept());
    kept.skip(wanted).for_each(|(group, _)| group.left_out = Some(Admission::Surplus));
}

/// The cost as metrics, `eff/refill/…`.
pub fn refill_metrics(cost: &RefillCost) -> [(String, f64); 6] {
    let numbers = [
        ("rounds", f64::from(cost.refills)),
        ("sampled", cost.sampled as f64),
        ("kept", cost.kept as f64),
        ("missing", cost.missing as f64),
        ("surplus", cost.surplus as f64),
        // null in the records
        ("oversampling", cost.oversampling.unwrap_or(f64::INFINITY)),
    ];
    numbers.map(|(name, value)| (format!("eff/refill/{name}"), value))
}
