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
}

impl Sample {
    /// True if the response ended within `budget` tokens and is right: what generation with that budget would have scored,
    /// for a model whose prompt does not mention the budget.
    pub fn correct_within(&self, budget: u32) -> bool {
        self.correct && self.finished && self.length <= budget
    }
}

/// The samples of each problem: at least one problem, and equally many samples (at least one) of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    groups: BTreeMap<usize, Vec<Sample>>,
    samples_per_problem: usize,
}

impl Groups {
    /// The samples grouped by problem; their order does not matter. Errors: [`EvalError::Empty`], [`EvalError::Ragged`].
    pub fn new(samples: &[Sample]) -> Result<Groups, EvalError> {
        let mut groups: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
        for sample in samples {
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
