//! `verify`: completions → verdicts.

use curt_difficulty::Admission;
use curt_runtime::{StopReason, Tokenizer};
use curt_verify::{Response, Verdict, Verification};

use crate::config::Ungradable;
use crate::error::TrainError;
use crate::rollout::Group;
use crate::verifiers::Verifiers;

/// What is known of one completion.
#[derive(Clone, Debug)]
pub struct CompletionVerdict {
    /// What the verifier said.
    pub verification: Verification,
    /// Whether the completion ended by itself.
    pub finished: bool,
    /// Whether it counts: false where nothing can be said of it, and `verify.ungradable` is `drop`.
    pub counts: bool,
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
    /// Why the group is not trained on, whatever a gate says of it: screening left it, which then has the screening rollouts
    /// alone, or the step was full without it.
    pub left_out: Option<Admission>,
}

/// Judges every completion of every group, each with the verifier of its problem's source.
///
/// # Errors
/// A completion whose ids the tokenizer cannot decode.
pub fn verify(verifiers: &Verifiers, tokenizer: &Tokenizer, groups: Vec<Group>) -> Result<Vec<VerifiedGroup>, TrainError> {
    let mut texts = Vec::with_capacity(groups.len());
    for group in &groups {
        let special = verifiers.of(&group.selected.problem.source).reads_special_tokens();
        let decoded = group.completions.iter().map(|completion| tokenizer.decode(&completion.ids, !special));
        texts.push(decoded.collect::<Result<Vec<_>, _>>()?);
    }
    let mut verdicts = judge(verifiers, &groups, &texts).into_iter();
    let verified = groups.into_iter().zip(texts).map(|(group, texts)| {
        let of_group = group.completions.iter().zip(verdicts.by_ref());
        let verdicts = of_group.map(|(completion, verification)| CompletionVerdict {
            finished: completion.stop == StopReason::Eos,
            counts: verification.verdict != Verdict::Ungradable || verifiers.ungradable == Ungradable::Wrong,
            verification,
        });
        VerifiedGroup { verdicts: verdicts.collect(), group, texts, left_out: None }
    });
    Ok(verified.collect())
}

/// The verdicts on all completions in their order; each verifier gets all of its own at once.
fn judge(verifiers: &Verifiers, groups: &[Group], texts: &[Vec<String>]) -> Vec<Verification> {
    let mut shares: Vec<(Vec<usize>, Vec<Response<'_>>)> = vec![Default::default(); verifiers.count()];
    let rows = groups.iter().zip(texts).flat_map(|(group, texts)| {
        group.completions.iter().zip(texts).map(move |(completion, text)| (&group.selected.problem, completion.stop, text))
    });
    for (row, (problem, stop, text)) in rows.enumerate() {
        let share = &mut shares[verifiers.number_of(&problem.source)];
        share.0.push(row);
        share.1.push(Response { answer: &problem.answer, text, finished: stop == StopReason::Eos });
    }
    let mut all: Vec<(usize, Verification)> = Vec::new();
    for (number, (rows, responses)) in shares.into_iter().enumerate() {
        all.extend(rows.into_iter().zip(verifiers.at(number).verify_all(&responses)));
    }
    all.sort_by_key(|(row, _)| *row);
    all.into_iter().map(|(_, verification)| verification).collect()
}
