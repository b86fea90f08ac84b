//! An evaluation as rows, one per sample, batch by batch, so that it can be written down while it goes on.

use std::collections::BTreeSet;

use curt_runtime::{Completion, GenerateProgress, PolicyError, StopReason, Tokenizer};
use curt_verify::{Verdict, Verifier};
use serde::Serialize;

use crate::error::TrainError;
use crate::rollout::{RolloutPlan, rollout};
use crate::select::Selected;
use crate::trainer::Trainer;
use crate::verify::{VerifiedGroup, verify};

/// One line of `samples.jsonl.zst`. `curt score` and `curt lab` read it as a rollout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvalRow {
    /// The model's label.
    pub model: String,
    /// The label of the problems.
    pub data: String,
    /// The problem's name: its id, with `#1`, `#2`, … where it is there again.
    pub group: String,
    /// The problem's key, in hexadecimal.
    pub problem_key: String,
    /// Which sample of the problem, from 0.
    pub sample_index: usize,
    /// How hard the problem is, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u32>,
    /// What the problem shares with those that are like it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Right *and* ended.
    pub correct: bool,
    /// Tokens, with the stop token.
    pub length: usize,
    /// Why it ended.
    pub finish_reason: StopReason,
    /// The fewest leading tokens that hold the right answer: see [`answer_at`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_at: Option<usize>,
    /// What the verifier said.
    pub verdict: Verdict,
    /// The right answer.
    pub answer: String,
    /// The answer that the verifier found.
    pub answer_extracted: Option<String>,
    /// The completion as text.
    pub text: String,
    /// The completion.
    pub completion_ids: Vec<u32>,
}

/// What an evaluation writes beside its samples, and how many it makes at once.
#[derive(Clone, Copy, Debug)]
pub struct RowsPlan<'a> {
    /// The model's label.
    pub model: &'a str,
    /// The label of the problems.
    pub data: &'a str,
    /// A field of the problems by which they are alike; `source` is one, too.
    pub cluster: Option<&'a str>,
    /// Completions that are sampled at once, in whole problems; changes no sample, only what a kill can cost.
    pub batch: usize,
}

impl Trainer {
    /// Samples `eval.n` completions of each problem of the evaluation set but those named in `done`, judges them, and hands
    /// the rows of each batch, whole problems in the order of the set, to `sink`. The rows of a problem depend on nothing but
    /// the weights, the problem and `eval`: not on the batch, nor on what was done before.
    ///
    /// # Errors
    /// An empty evaluation set, whatever the policy refuses, [`PolicyError::Interrupted`], what `sink` says.
    pub fn evaluate_rows<E: From<TrainError>>(
        &mut self,
        plan: &RowsPlan<'_>,
        done: &BTreeSet<String>,
        sink: &mut dyn FnMut(Vec<EvalRow>) -> Result<(), E>,
        keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<(), E> {
        if self.evaluation_set.is_empty() {
            return Err(TrainError::NoProblems { what: "the evaluation set".into() }.into());
        }
        let eval = &self.config.eval;
        let rollouts = RolloutPlan::of_evaluation(eval);
        let total = self.evaluation_set.len() * eval.n;
        let left: Vec<Selected> = self.evaluation_set.iter().filter(|s| !done.contains(&name(s))).cloned().collect();
        let (mut finished, mut tokens) = (total - left.len() * eval.n, 0);
        for problems in left.chunks((plan.batch / eval.n).max(1)) {
            let mut seen = 0;
            let mut within = |progress: GenerateProgress| {
                seen = progress.tokens;
                keep_going(GenerateProgress { finished: finished + progress.finished, total, tokens: tokens + progress.tokens })
            };
            let groups = rollout(self.policy.as_mut(), problems.to_vec(), &rollouts, &mut within).map_err(TrainError::from)?;
            let verified = verify(&self.verifiers, self.encoder.tokenizer(), groups)?;
            let mut rows = Vec::with_capacity(problems.len() * eval.n);
            for group in &verified {
                rows.extend(self.rows_of(plan, group)?);
            }
            (finished, tokens) = (finished + rows.len(), tokens + seen);
            sink(rows)?;
            if !keep_going(GenerateProgress { finished, total, tokens }) && finished < total {
                return Err(TrainError::from(PolicyError::Interrupted).into());
            }
        }
        Ok(())
    }

    /// A number that changes when the prompts of the evaluation set, their right answers or their order do.
    pub fn evaluation_fingerprint(&self) -> u64 {
        let words = |s: &Selected| std::iter::once(s.key).chain(s.prompt_ids.iter().map(|id| u64::from(*id))).collect::<Vec<_>>();
        let all: Vec<u64> = self.evaluation_set.iter().flat_map(words).collect();
        crate::select::fingerprint(all.into_iter())
    }

    fn rows_of(&self, plan: &RowsPlan<'_>, group: &VerifiedGroup) -> Result<Vec<EvalRow>, TrainError> {
        let selected = &group.group.selected;
        let problem = &selected.problem;
        let verifier = self.verifiers.of(&problem.source);
        let samples = group.group.completions.iter().zip(&group.verdicts).zip(&group.texts).enumerate();
        let row =
            |(sample_index, ((completion, verdict), text)): (usize, ((&Completion, &crate::CompletionVerdict), &String))| {
                Ok(EvalRow {
                    model: plan.model.to_owned(),
                    data: plan.data.to_owned(),
                    group: name(selected),
                    problem_key: format!("{:016x}", selected.key),
                    sample_index,
                    difficulty: problem.difficulty,
                    cluster: plan.cluster.and_then(|field| field_of(selected, field)),
                    correct: verdict.is_correct(),
                    length: completion.ids.len(),
                    finish_reason: completion.stop,
                    answer_at: answer_at(verifier, self.encoder.tokenizer(), &problem.answer, &completion.ids)?,
                    verdict: verdict.verification.verdict,
                    answer: problem.answer.clone(),
                    answer_extracted: verdict.verification.extracted.clone(),
                    text: text.clone(),
                    completion_ids: completion.ids.clone(),
                })
            };
        samples.map(row).collect()
    }
}

/// The name of a problem among those of its set.
fn name(selected: &Selected) -> String {
    match selected.occurrence {
        0 => selected.problem.id.clone(),
        again => format!("{}#{again}", selected.problem.id),
    }
}

fn field_of(selected: &Selected, field: &str) -> Option<String> {
    match field {
        "source" => Some(selected.problem.source.clone()).filter(|source| !source.is_empty()),
        _ => selected.problem.extra.get(field).map(|value| value.as_str().map_or(value.to_string(), str::to_owned)),
    }
}

/// Words of verifiers that judge one text in moments; others ask another process.
const QUICK: [&str; 3] = ["chain", "exact", "math"];

/// How many tokens beyond the answer's text are tried, for what closes it.
const BEYOND: usize = 16;

/// The fewest leading tokens of a completion in which its last answer stands whole, if that is right; all of them where it is
/// right and its place is not found. `None` where it is not right, and for verifiers that run programs. Whether the completion
/// ended is not looked at.
///
/// # Errors
/// Ids that the tokenizer cannot decode.
pub fn answer_at(verifier: &dyn Verifier, tokenizer: &Tokenizer, answer: &str, ids: &[u32]) -> Result<Option<usize>, TrainError> {
    if !QUICK.contains(&verifier.name()) {
        return Ok(None);
    }
    let skip_special = !verifier.reads_special_tokens();
    let text = |n: usize| tokenizer.decode(&ids[..n], skip_special);
    let whole = text(ids.len())?;
    let found = verifier.verify(answer, &whole, true);
    if found.verdict != Verdict::Correct {
        return Ok(None);
    }
    let end = found.extracted.and_then(|extracted| Some(whole.rfind(&extracted)? + extracted.len()));
    let Some(end) = end else { return Ok(Some(ids.len())) };
    // the fewest tokens whose text reaches the end of the answer: texts grow with their tokens
    let (mut few, mut enough) = (0, ids.len());
    while few < enough {
        let middle = few + (enough - few) / 2;
        if text(middle)?.len() < end {
            few = middle + 1;
        } else {
            enough = middle;
        }
    }
    for n in enough..ids.len().min(enough + BEYOND) {
        if verifier.verify(answer, &text(n)?, true).verdict == Verdict::Correct {
            return Ok(Some(n));
        }
    }
    Ok(Some(ids.len()))
}
