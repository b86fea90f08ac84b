//! Evaluation of a policy on a fixed set of problems, with the same draws every time.

use curt_eval::{Groups, Sample, Summary, problem_accuracies, problem_lengths, summarize};
use curt_runtime::{GenerateProgress, Policy, Tokenizer};
use serde_json::{Value, json};

use crate::config::EvalSection;
use crate::error::TrainError;
use crate::rollout::{RolloutPlan, rollout};
use crate::select::Selected;
use crate::verifiers::Verifiers;
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

impl Evaluation {
    /// Its metrics: accuracy, Pass@k, accuracy at each budget, mean length and the share that was cut off, of the problems
    /// called `set`.
    pub fn metrics(&self, set: &str) -> Vec<(String, f64)> {
        let summary = &self.summary;
        let k = summary.samples_per_problem;
        let mut metrics = vec![(format!("eval/{set}/mean@{k}"), summary.mean_at_k)];
        // Pass@1 is Mean@k
        let pass = summary.pass_at.iter().filter(|pass| pass.k > 1);
        metrics.extend(pass.map(|pass| (format!("eval/{set}/pass@{}", pass.k), pass.value)));
        let budgets = summary.budgets.iter();
        metrics.extend(budgets.map(|at| (format!("eval/{set}/budget_{}/mean@{k}", at.budget), at.accuracy)));
        metrics.push((format!("eval/{set}/mean_length"), summary.length.mean));
        metrics.push((format!("eval/{set}/clipped_ratio"), summary.truncation_rate));
        metrics
    }

    /// It as an event: its summary, per problem what a paired comparison needs, and its samples without their texts.
    /// [`Self::from_record`] reads it back.
    pub fn to_record(&self) -> Value {
        let groups = &self.groups;
        let of_samples = |value: &dyn Fn(&Sample) -> u32| -> Vec<Vec<u32>> {
            groups.iter().map(|(_, samples)| samples.iter().map(value).collect()).collect()
        };
        let mut record = json!(self.summary);
        record["per_problem"] = json!({ "accuracy": problem_accuracies(groups), "length": problem_lengths(groups) });
        record["samples"] = json!({
            "length": of_samples(&|s| s.length),
            "correct": of_samples(&|s| u32::from(s.correct)),
            "finished": of_samples(&|s| u32::from(s.finished)),
        });
        record
    }

    /// The evaluation of such an event, without prompts and completions; `None` where it is not one.
    pub fn from_record(record: &Value) -> Option<Self> {
        let numbers = |name: &str| serde_json::from_value::<Vec<Vec<u32>>>(record["samples"][name].clone()).ok();
        let (lengths, correct, finished) = (numbers("length")?, numbers("correct")?, numbers("finished")?);
        let mut samples = Vec::new();
        for (problem, lengths) in lengths.iter().enumerate() {
            for (i, &length) in lengths.iter().enumerate() {
                let flag = |of: &[Vec<u32>]| Some(*of.get(problem)?.get(i)? == 1);
                samples.push(Sample::new(problem, length, flag(&correct)?, flag(&finished)?));
            }
        }
        let summary: Summary = serde_json::from_value(record.clone()).ok()?;
        Some(Self { summary, groups: Groups::new(&samples).ok()?, verified: Vec::new() })
    }
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
    verifiers: &Verifiers,
    problems: &[Selected],
    eval: &EvalSection,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<Evaluation, TrainError> {
    if problems.is_empty() {
        return Err(TrainError::NoProblems { what: "the evaluation set".into() });
    }
    let plan = RolloutPlan::of_evaluation(eval);
    let verified = verify(verifiers, tokenizer, rollout(policy, problems.to_vec(), &plan, keep_going)?)?;
    let groups = Groups::new(&samples(&verified))?;
    let difficulty: Option<Vec<u32>> = problems.iter().map(|p| p.problem.difficulty).collect();
    let difficulty = difficulty.unwrap_or_default();
    let summary = summarize(&groups, eval.max_completion_length as u32, &eval.budgets, &difficulty)?;
    Ok(Evaluation { summary, groups, verified })
}

fn samples(verified: &[VerifiedGroup]) -> Vec<Sample> {
    let rows = verified.iter().enumerate().flat_map(|(problem, group)| {
        let judged = group.group.completions.iter().zip(&group.verdicts);
        judged.map(move |(completion, verdict)| {
            Sample::new(problem, completion.ids.len() as u32, verdict.is_correct(), verdict.finished)
        })
    });
    rows.collect()
}
