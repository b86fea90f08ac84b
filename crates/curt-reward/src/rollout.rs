//! The data that strategies read and write.

use serde::{Deserialize, Serialize};

/// Which problem a rollout answers: any number that is the same for equal problems and stable across runs, for example
/// a hash of the prompt. Strategies with a memory per problem use it as the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProblemKey(pub u64);

/// One completion, as far as a reward strategy may know it.
///
/// Only the first three fields are always there; a strategy says by [`Facts`] which of the others it needs. Write
/// `Rollout { truncated: true, ..Rollout::new(problem, false, 256) }`, and new facts will not break your code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// The problem it answers; the same in the whole group.
    pub problem: ProblemKey,
    /// c: was the answer judged right? An answer that could not be graded is not right.
    pub correct: bool,
    /// L: tokens of the completion, the stop token included.
    pub length: u32,
    /// Was it cut off at the generation limit, with no stop token? The verdict is not inferred from this.
    #[serde(default)]
    pub truncated: bool,
    /// Tokens of the final answer, after the thinking part; at most `length`.
    #[serde(default)]
    pub answer_length: Option<u32>,
    /// Tokens that the prompt allowed this rollout.
    #[serde(default)]
    pub budget: Option<u32>,
    /// Share of its n-grams that it has written before, 0 (none) to 1; n is the trainer's choice.
    #[serde(default)]
    pub repetition: Option<f64>,
    /// What a frozen reference policy does on this problem.
    #[serde(default)]
    pub reference: Option<Reference>,
}

impl Rollout {
    /// A rollout that ended by itself, with the three facts that every strategy reads and no others.
    pub fn new(problem: ProblemKey, correct: bool, length: u32) -> Self {
        Self { problem, correct, length, truncated: false, answer_length: None, budget: None, repetition: None, reference: None }
    }
}

/// What a frozen reference policy does on one problem, measured before training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Mean length of its completions, in tokens.
    pub mean_length: f64,
    /// Share of its completions that are right, 0 to 1.
    pub accuracy: f64,
}

/// Which optional fields of [`Rollout`] and [`StepContext`] a strategy needs, or a task can supply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// [`Rollout::answer_length`].
    pub answer_length: bool,
    /// [`Rollout::budget`].
    pub budget: bool,
    /// [`Rollout::repetition`].
    pub repetition: bool,
    /// [`Rollout::reference`].
    pub reference: bool,
    /// [`StepContext::accuracy`].
    pub step_accuracy: bool,
}

impl Facts {
    /// Correctness and length alone: what every task supplies.
    pub const BASIC: Facts =
        Facts { answer_length: false, budget: false, repetition: false, reference: false, step_accuracy: false };

    /// Whether `supplied` has all of them.
    pub(crate) fn are_in(&self, supplied: &Facts) -> bool {
        let has = |needed: bool, there: bool| !needed | there;
        has(self.answer_length, supplied.answer_length)
            & has(self.budget, supplied.budget)
            & has(self.repetition, supplied.repetition)
            & has(self.reference, supplied.reference)
            & has(self.step_accuracy, supplied.step_accuracy)
    }

    /// Names of the facts needed by `self` that `supplied` lacks; empty when all are there. Ask this when the run is
    /// configured, before any token is generated.
    pub fn missing_from(&self, supplied: &Facts) -> Vec<&'static str> {
        [
            ("answer_length", self.answer_length, supplied.answer_length),
            ("budget", self.budget, supplied.budget),
            ("repetition", self.repetition, supplied.repetition),
            ("reference", self.reference, supplied.reference),
            ("step_accuracy", self.step_accuracy, supplied.step_accuracy),
        ]
        .into_iter()
        .filter_map(|(name, needed, there)| (needed && !there).then_some(name))
        .collect()
    }
}

/// What is the same for all groups of one training step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepContext {
    /// The training step, from 0.
    pub step: u64,
    /// L_R, the most tokens a completion may have. When known, a longer rollout is refused as damaged.
    pub max_completion_length: Option<u32>,
    /// The share of all rollouts of this step that are right, 0 to 1.
    pub accuracy: Option<f64>,
}

/// Name of one part of a reward, as metrics show it (`rewards/<name>/mean`).
pub type PartName = &'static str;

/// The shaped reward of one rollout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shaped {
    /// R, the reward that enters the statistics of the group; the sum of `parts`.
    pub total: f64,
    /// The named parts of `total`.
    pub parts: Vec<(PartName, f64)>,
    /// Does it count in the mean and the deviation of its group?
    pub in_statistics: bool,
    /// Are its tokens trained on? They then count in the normalizer, whatever the advantage is.
    pub in_loss: bool,
    /// When set, only this many leading tokens count: the rest is treated as never written.
    pub cut_at: Option<u32>,
}

impl Default for Shaped {
    /// No reward, no parts, in the statistics and in the loss, not cut.
    fn default() -> Self {
        Self { total: 0.0, parts: Vec::new(), in_statistics: true, in_loss: true, cut_at: None }
    }
}

impl Shaped {
    /// Goes back to the default, keeping the memory of `parts`, so that one buffer serves many groups.
    pub fn reset(&mut self) {
        self.parts.clear();
        (self.total, self.in_statistics, self.in_loss, self.cut_at) = (0.0, true, true, None);
    }

    /// The default with this total and these parts, which stand in the places of those before where there are as many.
    #[inline]
    pub(crate) fn set<const N: usize>(&mut self, total: f64, parts: [(PartName, f64); N]) {
        if self.parts.len() == N {
            self.parts.copy_from_slice(&parts);
        } else {
            self.parts.clear();
            self.parts.extend(parts);
        }
        (self.total, self.in_statistics, self.in_loss, self.cut_at) = (total, true, true, None);
    }
}

/// One finished group, as a strategy with a memory sees it at the end of a step.
#[derive(Clone, Copy, Debug)]
pub struct GroupFacts<'a> {
    /// Its rollouts.
    pub group: &'a [Rollout],
    /// Their shaped rewards, in the same order.
    pub shaped: &'a [Shaped],
}
