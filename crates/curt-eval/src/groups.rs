//! Samples, grouped by problem.

use std::collections::BTreeMap;

use crate::EvalError;

/// One response, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Which problem it answers.
    pub problem: usize,
    /// Tokens, with the stop token.
    pub length: u32,
    /// The verifier's verdict (an ungradable response counts as not correct).
    pub correct: bool,
    /// It ended with a stop token, rather than by a limit.
    pub finished: bool,
    /// The fewest leading tokens that hold the right answer, at most `length`. None where the response gives no right answer,
    /// and where the place is not known. A response that was cut off, and is not `correct` for that, may have one.
    pub answer_at: Option<u32>,
    /// Which answer it gives: responses to a problem with equal numbers give equal answers. None without an answer, and where
    /// answers are not known. All correct responses count as one answer, whatever their numbers.
    pub answer: Option<u32>,
}

impl Sample {
    /// A response of which no more is known.
    pub fn new(problem: usize, length: u32, correct: bool, finished: bool) -> Self {
        Self { problem, length, correct, finished, answer_at: None, answer: None }
    }

    /// True if the response ended within `budget` tokens and is right: what generation with that budget would have scored,
    /// for a model whose prompt does not mention the budget.
    pub fn correct_within(&self, budget: u32) -> bool {
        self.correct && self.finished && self.length <= budget
    }

    /// Whether the right answer stands within the first `budget` tokens, ended or not; none where it is right and longer than
    /// the budget, and the place of its answer is not known. A response that was judged wrong holds no right answer, unless
    /// `answer_at` says where.
    pub fn answered_within(&self, budget: u32) -> Option<bool> {
        match self.answer_at {
            Some(at) => Some(at <= budget),
            None if !self.correct => Some(false),
            None if self.length <= budget => Some(true),
            None => None,
        }
    }
}

/// The samples of each problem: at least one problem, and equally many samples (at least one) of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    groups: BTreeMap<usize, Vec<Sample>>,
    samples_per_problem: usize,
}

impl Groups {
    /// The samples grouped by problem; their order does not matter. Errors: [`EvalError::Empty`], [`EvalError::Ragged`],
    /// [`EvalError::AnswerBeyondEnd`].
    pub fn new(samples: &[Sample]) -> Result<Groups, EvalError> {
        let mut groups: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
        for sample in samples {
            if let Some(at) = sample.answer_at.filter(|at| *at > sample.length) {
                return Err(EvalError::AnswerBeyondEnd { problem: sample.problem, at, length: sample.length });
            }
            groups.entry(sample.problem).or_default().push(*sample);
        }
        let (first, expected) = match groups.first_key_value() {
            Some((first, group)) => (*first, group.len()),
            None => return Err(EvalError::Empty("sample")),
        };
        for (problem, group) in &mut groups {
            if group.len() != expected {
                return Err(EvalError::Ragged { problem: *problem, found: group.len(), expected, first });
            }
            group.sort_unstable(); // so that no result can depend on the order of generation
        }
        Ok(Groups { groups, samples_per_problem: expected })
    }

    /// The number of problems, at least 1.
    pub fn problems(&self) -> usize {
        self.groups.len()
    }

    /// The number of samples of each problem, at least 1.
    pub fn samples_per_problem(&self) -> usize {
        self.samples_per_problem
    }

    /// Each problem with its samples, in increasing order of problems.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[Sample])> {
        self.groups.iter().map(|(problem, samples)| (*problem, samples.as_slice()))
    }

    /// All samples, problem by problem.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.groups.values().flatten()
    }

    /// The problems of these groups for which `keep` holds; none if there are none.
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Option<Groups> {
        let kept = self.groups.iter().filter(|(problem, _)| keep(**problem));
        let groups: BTreeMap<usize, Vec<Sample>> = kept.map(|(problem, samples)| (*problem, samples.clone())).collect();
        (!groups.is_empty()).then_some(Groups { groups, samples_per_problem: self.samples_per_problem })
    }
}
