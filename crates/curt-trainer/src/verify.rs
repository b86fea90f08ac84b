//! `verify`: completions → verdicts.

use curt_runtime::{StopReason, Tokenizer};
use curt_verify::{Verdict, Verification, Verifier};

use crate::error::TrainError;
use crate::rollout::Group;

/// What is known of one completion.
#[derive(Clone, Debug)]
pub struct CompletionVerdict {
    /// What the verifier said.
    pub verification: Verification,
    /// Whether the completion ended by itself.
    pub finished: bool,
}

impl CompletionVerdict {
    /// Right *and* finished: a completion that was cut off earns nothing, whatever stands in it.
    pub fn is_correct(&self) -> bool {
        self.finished && self.verification.verdict == Verdict::Correct
    }
}

/// A group with a verdict per completion.
#[derive(Clone, Debug)]
pub struct VerifiedGroup {
    /// The group.
    pub group: Group,
    /// One verdict per completion.
    pub verdicts: Vec<CompletionVerdict>,
    /// The text that the verifier read, one per completion.
    pub texts: Vec<String>,
}

/// Judges every completion of every group.
///
/// # Errors
/// A completion whose ids the tokenizer cannot decode.
pub fn verify(verifier: &dyn Verifier, tokenizer: &Tokenizer, groups: Vec<Group>) -> Result<Vec<VerifiedGroup>, TrainError> {
    groups.into_iter().map(|group| verify_group(verifier, tokenizer, group)).collect()
}

fn verify_group(verifier: &dyn Verifier, tokenizer: &Tokenizer, group: Group) -> Result<VerifiedGroup, TrainError> {
    let mut verdicts = Vec::with_capacity(group.completions.len());
    let mut texts = Vec::with_capacity(group.completions.len());
    for completion in &group.completions {
        let text = tokenizer.decode(&completion.ids, !verifier.reads_special_tokens())?;
        let finished = completion.stop == StopReason::Eos;
        let verification = verifier.verify(&group.selected.problem.answer, &text, finished);
        verdicts.push(CompletionVerdict { verification, finished });
        texts.push(text);
    }
    Ok(VerifiedGroup { group, verdicts, texts })
}
