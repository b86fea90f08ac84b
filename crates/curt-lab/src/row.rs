//! One line of recorded rollouts.

use std::fmt;

use curt_reward::{ProblemKey, Reference, Rollout};
use serde::{Deserialize, Serialize};

/// What names a group: a number or a word, as the row has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GroupName {
    /// A number.
    Number(i64),
    /// A word.
    Word(String),
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupName::Number(number) => write!(f, "{number}"),
            GroupName::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// Words by which trainers and servers say that a completion was cut off rather than ended: curt's own two, then others'.
const CUT: [&str; 5] = ["budget", "context", "length", "max_length", "max_tokens"];

/// The fields that are read; a row may have any others. Those of curt's own records and the short form of any trainer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    group: Option<GroupName>,
    pub step: Option<u64>,
    prompt_id: Option<GroupName>,
    problem_key: Option<GroupName>,
    occurrence: Option<u32>,
    pub correct: Option<bool>,
    pub length: Option<u32>,
    truncated: Option<bool>,
    finish_reason: Option<String>,
    answer_length: Option<u32>,
    budget: Option<u32>,
    repetition: Option<f64>,
    reference: Option<Reference>,
    completion_ids: Option<Vec<u32>>,
    drop_reason: Option<String>,
}

/// The word of `drop_reason` for the rollouts of a group that screening left.
const SCREENED: &str = "screened";

impl Row {
    /// The name of its group: `group`, else curt's `problem_key` (or `prompt_id`) with the occurrence in the step.
    pub fn group(&self) -> Option<GroupName> {
        let problem = self.group.as_ref().or(self.problem_key.as_ref()).or(self.prompt_id.as_ref())?;
        match self.occurrence {
            Some(occurrence) if occurrence > 0 && self.group.is_none() => {
                let word = match problem {
                    GroupName::Number(number) => number.to_string(),
                    GroupName::Word(word) => word.clone(),
                };
                Some(GroupName::Word(format!("{word}#{occurrence}")))
            }
            _ => Some(problem.clone()),
        }
    }

    /// The problem that strategies with a memory per problem know it by: the same in every step.
    fn problem(&self) -> ProblemKey {
        match self.problem_key.as_ref().or(self.prompt_id.as_ref()).or(self.group.as_ref()) {
            None => ProblemKey(0),
            Some(GroupName::Number(number)) => ProblemKey(*number as u64),
            Some(GroupName::Word(word)) => {
                let own = (word.len() == 16).then(|| u64::from_str_radix(word, 16).ok()).flatten();
                ProblemKey(own.unwrap_or_else(|| fnv1a(word.as_bytes())))
            }
        }
    }

    /// Whether screening left its group, so that the recording holds the first rollouts of it alone.
    pub fn is_screened(&self) -> bool {
        self.drop_reason.as_deref() == Some(SCREENED)
    }

    /// How many token ids it holds, where it holds any.
    pub fn n_ids(&self) -> Option<usize> {
        self.completion_ids.as_ref().map(Vec::len)
    }

    /// What strategies may know of it; `correct` and `length` were found to be there.
    pub fn rollout(&self, correct: bool, length: u32) -> Rollout {
        let cut = |reason: &String| CUT.contains(&reason.as_str());
        Rollout {
            truncated: self.truncated.unwrap_or_else(|| self.finish_reason.as_ref().is_some_and(cut)),
            answer_length: self.answer_length,
            budget: self.budget,
            repetition: self.repetition.or_else(|| self.completion_ids.as_deref().map(curt_reward::repetition)),
            reference: self.reference,
            ..Rollout::new(self.problem(), correct, length)
        }
    }
}

/// The FNV-1a hash: a stable number for a word.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
