//! `screen`: verdicts on a few rollouts of each prompt → the rest of the group, for the prompts that they say something of.

use curt_difficulty::{Admission, Screened, Screening};
use curt_runtime::GenerateProgress;

use crate::error::TrainError;
use crate::rollout::{RolloutPlan, rollout};
use crate::trainer::Trainer;
use crate::verify::{VerifiedGroup, verify};

/// Samples and verifies the rest of each group whose first rollouts are neither all good nor all not: right, and within the
/// target length. The other groups stay as they are and are marked. A group that goes on has the same completions as without
/// screening, because each is drawn by its own key.
///
/// # Errors
/// Whatever rollout and verify refuse.
pub fn screen(
    run: &mut Trainer,
    screening: Screening,
    mut first: Vec<VerifiedGroup>,
    plan: &RolloutPlan,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<Vec<VerifiedGroup>, TrainError> {
    let target = run.config.reward.target_length;
    for group in &mut first {
        group.left_out = matches!(decide(screening, group, target)?, Screened::Drop(_)).then_some(Admission::Screened);
    }
    let prompts: Vec<_> =
        first.iter().filter(|group| group.left_out.is_none()).map(|group| group.group.selected.clone()).collect();
    if prompts.is_empty() {
        return Ok(first);
    }
    let (screen, total) = (screening.screen() as usize, screening.total() as usize);
    let plan = RolloutPlan { first_sample: screen, num_generations: total - screen, ..*plan };
    let groups = rollout(run.policy.as_mut(), prompts, &plan, keep_going)?;
    let rest = verify(&run.verifiers, run.encoder.tokenizer(), groups)?;
    for (group, more) in first.iter_mut().filter(|group| group.left_out.is_none()).zip(rest) {
        group.group.completions.extend(more.group.completions);
        group.verdicts.extend(more.verdicts);
        group.texts.extend(more.texts);
    }
    Ok(first)
}

fn decide(screening: Screening, group: &VerifiedGroup, target: usize) -> Result<Screened, TrainError> {
    let counted = || group.verdicts.iter().zip(&group.group.completions).filter(|(verdict, _)| verdict.counts);
    let good = counted().filter(|(verdict, completion)| verdict.is_correct() && completion.ids.len() <= target);
    Ok(screening.decide(good.count() as u32, counted().count() as u32)?)
}
