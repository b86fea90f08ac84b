//! One evaluation in numbers, and two side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::budget::check_order;
use crate::length::mean;
use crate::{EvalError, Groups, Interval, LengthSummary};
use crate::{accuracy_at_budget, lengths, mean_at_k, mean_interval, paired_difference, pass_at_k};
use crate::{problem_accuracies, problem_lengths, truncation_rate};

/// Accuracy at one budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetAccuracy {
    /// Tokens.
    pub budget: u32,
    /// The share of samples that are right and ended within it.
    pub accuracy: f64,
}

/// Pass@k for one k.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassAt {
    /// k.
    pub k: usize,
    /// Pass@k.
    pub value: f64,
}

/// The problems of one difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifficultyRow {
    /// The difficulty.
    pub difficulty: u32,
    /// How many problems have it.
    pub problems: usize,
    /// Mean@k over them.
    pub mean_at_k: f64,
    /// Pass@k over them, with k = samples per problem.
    pub pass_at_k: f64,
    /// Mean length of all samples.
    pub mean_length: f64,
}

/// One model on one set of problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Problems.
    pub problems: usize,
    /// Samples of each: the k of Mean@k.
    pub samples_per_problem: usize,
    /// The generation limit in tokens.
    pub limit: u32,
    /// Mean@k.
    pub mean_at_k: f64,
    /// Its standard error with the problem as the unit; none for one problem.
    pub standard_error: Option<f64>,
    /// Pass@k for k = 1, 2, 4, … and samples per problem.
    pub pass_at: Vec<PassAt>,
    /// The share of samples that the limit cut off.
    pub truncation_rate: f64,
    /// Lengths of samples.
    pub length: LengthSummary,
    /// Accuracy at each budget, in increasing order of budgets.
    pub budgets: Vec<BudgetAccuracy>,
    /// One row per difficulty, easiest first; empty where difficulties are not known.
    pub by_difficulty: Vec<DifficultyRow>,
}

/// The summary of one evaluation. `budgets` rise, and may be none; `difficulty[p]` is that of problem p, empty if not known.
/// Errors: [`EvalError::BeyondLimit`], [`EvalError::BudgetBeyondLimit`], [`EvalError::BudgetsOutOfOrder`],
/// [`EvalError::NoDifficulty`].
pub fn summarize(groups: &Groups, limit: u32, budgets: &[u32], difficulty: &[u32]) -> Result<Summary, EvalError> {
    if let Some(long) = groups.samples().find(|sample| sample.length > limit) {
        return Err(EvalError::BeyondLimit { problem: long.problem, length: long.length, limit });
    }
    if let Some(budget) = budgets.iter().copied().find(|budget| *budget > limit) {
        return Err(EvalError::BudgetBeyondLimit { budget, limit });
    }
    check_order(budgets)?;
    let samples = groups.samples_per_problem();
    let mut ks: Vec<usize> = std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|k| *k < samples).collect();
    ks.push(samples);
    let pass_at: Result<Vec<PassAt>, EvalError> =
        ks.into_iter().map(|k| Ok(PassAt { k, value: pass_at_k(groups, k)? })).collect();
    Ok(Summary {
        problems: groups.problems(),
        samples_per_problem: samples,
        limit,
        mean_at_k: mean_at_k(groups),
        standard_error: mean_interval(&problem_accuracies(groups)).ok().map(|interval| interval.standard_error),
        pass_at: pass_at?,
        truncation_rate: truncation_rate(groups),
        length: lengths(groups),
        budgets: budgets.iter().map(|&budget| BudgetAccuracy { budget, accuracy: accuracy_at_budget(groups, budget) }).collect(),
        by_difficulty: by_difficulty(groups, difficulty)?,
    })
}

fn by_difficulty(groups: &Groups, difficulty: &[u32]) -> Result<Vec<DifficultyRow>, EvalError> {
    if difficulty.is_empty() {
        return Ok(Vec::new());
    }
    let mut problems_of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (problem, _) in groups.iter() {
        let found = difficulty.len();
        let difficulty = difficulty.get(problem).ok_or(EvalError::NoDifficulty { problem, found })?;
        problems_of.entry(*difficulty).or_default().push(problem);
    }
    let mut rows = Vec::new();
    for (difficulty, problems) in problems_of {
        if let Some(part) = groups.filter(|problem| problems.binary_search(&problem).is_ok()) {
            rows.push(DifficultyRow {
                difficulty,
                problems: part.problems(),
                mean_at_k: mean_at_k(&part),
                pass_at_k: pass_at_k(&part, part.samples_per_problem())?,
                mean_length: mean(part.samples()).unwrap_or(0.0),
            });
        }
    }
    Ok(rows)
}

/// What changed between two evaluations of the same problems, paired problem by problem.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Change of a problem's share of right samples: the change of Mean@k.
    pub accuracy: Interval,
    /// Change of a problem's mean length, in tokens.
    pub length: Interval,
    /// Change of the mean length of right samples, over the problems that both solved at least once; none where these are
    /// fewer than two. Unlike the difference of [`LengthSummary::mean_correct`] it is not moved by *which* problems are
    /// solved.
    pub solved_length: Option<Interval>,
}

impl Comparison {
    /// The change from `before` to `after`. The numbers of samples may differ.
    /// Errors: [`EvalError::DifferentProblems`]; [`EvalError::TooFew`] for one problem.
    pub fn new(before: &Groups, after: &Groups) -> Result<Comparison, EvalError> {
        if let Some(problem) = first_unshared(before, after) {
            return Err(EvalError::DifferentProblems { problem });
        }
        let (solved_before, solved_after) = solved_lengths(before, after);
        Ok(Comparison {
            accuracy: paired_difference(&problem_accuracies(before), &problem_accuracies(after))?,
            length: paired_difference(&problem_lengths(before), &problem_lengths(after))?,
            solved_length: paired_difference(&solved_before, &solved_after).ok(),
        })
    }
}

/// Mean lengths of right samples, of each problem that both solved at least once: before and after.
pub(crate) fn solved_lengths(before: &Groups, after: &Groups) -> (Vec<f64>, Vec<f64>) {
    let correct = |group: &[crate::Sample]| mean(group.iter().filter(|sample| sample.correct));
    let pairs = before.iter().zip(after.iter());
    pairs.filter_map(|((_, before), (_, after))| Some((correct(before)?, correct(after)?))).unzip()
}

/// The first problem that is in one of the two only.
fn first_unshared(a: &Groups, b: &Groups) -> Option<usize> {
    let problems = |groups: &Groups| groups.iter().map(|(problem, _)| problem).collect::<std::collections::BTreeSet<_>>();
    problems(a).symmetric_difference(&problems(b)).next().copied()
}
