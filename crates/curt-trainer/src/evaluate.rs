//! Evaluation of a policy on a fixed set of problems, with the same draws every time.

use curt_eval::{Groups, Sample, Summary, summarize};
use curt_runtime::{GenerateProgress, Policy, Purpose, Sampling, Tokenizer};
use curt_verify::Verifier;

use crate::config::EvalSection;
use crate::error::TrainError;
use crate::rollout::{RolloutPlan, rollout};
use crate::select::Selected;
use crate::verify::{VerifiedGroup, verify};

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Accuracy, lengths and budget curve.
    pub summary: Summary,
    /// The samples that it was computed from, for paired comparisons.
    pub groups: Groups,
    /// Prompts and completions, for reading.
    pub verified: Vec<VerifiedGroup>,
}

/// Samples `eval.n` completions of each problem and judges them.
///
/// Every evaluation of a run draws with the same keys, so two evaluations differ by their weights alone.
///
/// # Errors
/// No problems, or whatever the policy refuses.
pub fn evaluate(
    policy: &mut dyn Policy,
    tokenizer: &Tokenizer,
    verifier: &dyn Verifier,
    problems: &[Selected],
    eval: &EvalSection,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<Evaluation, TrainError> {
    if problems.is_empty() {
        return Err(TrainError::NoProblems { what: "the evaluation set".into() });
    }
    let plan = RolloutPlan {
        seed: eval.seed,
        purpose: Purpose::Eval,
        step: 0,
        num_generations: eval.n,
        max_completion_length: eval.max_completion_length,
        sampling: Sampling { temperature: eval.temperature, top_k: eval.top_k, top_p: eval.top_p, min_p: eval.min_p },
    };
    let verified = verify(verifier, tokenizer, rollout(policy, problems.to_vec(), &plan, keep_going)?)?;
    let groups = Groups::new(&samples(&verified))?;
    let difficulty: Option<Vec<u32>> = problems.iter().map(|p| p.problem.difficulty).collect();
    let difficulty = difficulty.unwrap_or_default();
    let summary = summarize(&groups, eval.max_completion_length as u32, &eval.budgets, &difficulty)?;
    Ok(Evaluation { summary, groups, verified })
}

fn samples(verified: &[VerifiedGroup]) -> Vec<Sample> {
    let rows = verified.iter().enumerate().flat_map(|(problem, group)| {
        group.group.completions.iter().zip(&group.verdicts).map(move |(completion, verdict)| Sample {
            problem,
            length: completion.ids.len() as u32,
            correct: verdict.is_correct(),
            finished: verdict.finished,
        })
    });
    rows.collect()
}
