//! Accuracy in its several forms. All sums are of whole numbers, so the order of samples changes no bit.

use std::collections::BTreeMap;

use crate::{EvalError, Groups, Sample};

/// The share of `samples` for which `holds`.
fn share(groups: &Groups, holds: impl Fn(&Sample) -> bool) -> f64 {
    let count = groups.samples().filter(|sample| holds(sample)).count();
    count as f64 / (groups.problems() * groups.samples_per_problem()) as f64
}

/// Mean@k with k = samples per problem: the mean over problems of the share of right samples, in \[0, 1\].
pub fn mean_at_k(groups: &Groups) -> f64 {
    share(groups, |sample| sample.correct)
}

/// The share of samples that are right and ended within `budget` tokens (the strict convention), in \[0, 1\]: the accuracy
/// that generation with this limit would have had. Never falls as the budget grows.
pub fn accuracy_at_budget(groups: &Groups, budget: u32) -> f64 {
    share(groups, |sample| sample.correct_within(budget))
}

/// The share of samples that a limit cut off, in \[0, 1\].
pub fn truncation_rate(groups: &Groups) -> f64 {
    share(groups, |sample| !sample.finished)
}

/// Pass@k: the mean over problems of `1 − C(n−c, k) / C(n, k)`, the chance that k of the n samples, c of them right, drawn
/// without repetition hold a right one; in \[0, 1\]. Unbiased (Chen et al. 2021, arXiv 2107.03374). Pass@1 is Mean@k.
/// Error: [`EvalError::PassK`] unless 1 ≤ k ≤ n.
pub fn pass_at_k(groups: &Groups, k: usize) -> Result<f64, EvalError> {
    pass_of(groups, k, |sample| sample.correct)
}

/// Pass@k where the samples for which `holds` are the right ones.
pub(crate) fn pass_of(groups: &Groups, k: usize, holds: impl Fn(&Sample) -> bool) -> Result<f64, EvalError> {
    let samples = groups.samples_per_problem();
    if !(1..=samples).contains(&k) {
        return Err(EvalError::PassK { k, samples });
    }
    let mut problems_with = BTreeMap::new();
    for (_, group) in groups.iter() {
        let right = group.iter().filter(|sample| holds(sample)).count();
        *problems_with.entry(right).or_insert(0_u32) += 1;
    }
    let sum: f64 = problems_with.iter().map(|(right, problems)| f64::from(*problems) * pass(samples, *right, k)).sum();
    Ok(sum / groups.problems() as f64)
}

/// `1 − C(n−c, k) / C(n, k) = 1 − Π_{i = n−c+1 ..= n} (1 − k/i)`.
fn pass(n: usize, c: usize, k: usize) -> f64 {
    if n - c < k {
        return 1.0;
    }
    1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()
}

/// The share of right samples of each problem, in increasing order of problems.
pub fn problem_accuracies(groups: &Groups) -> Vec<f64> {
    problem_values(groups, |sample| sample.correct)
}

/// Pass@k of each problem, in increasing order of problems: its mean is [`pass_at_k`].
/// Error: [`EvalError::PassK`] unless 1 ≤ k ≤ n.
pub fn problem_passes(groups: &Groups, k: usize) -> Result<Vec<f64>, EvalError> {
    let samples = groups.samples_per_problem();
    if !(1..=samples).contains(&k) {
        return Err(EvalError::PassK { k, samples });
    }
    Ok(problem_values_of(groups, |group| pass(samples, correct(group), k)))
}

/// The share of each problem's samples for which `holds`, in increasing order of problems.
pub(crate) fn problem_values(groups: &Groups, holds: impl Fn(&Sample) -> bool) -> Vec<f64> {
    problem_values_of(groups, |group| group.iter().filter(|sample| holds(sample)).count() as f64 / group.len() as f64)
}

/// A number of each problem's samples, in increasing order of problems.
pub(crate) fn problem_values_of(groups: &Groups, value: impl Fn(&[Sample]) -> f64) -> Vec<f64> {
    groups.iter().map(|(_, group)| value(group)).collect()
}

/// The mean length of each problem's samples in tokens, in increasing order of problems.
pub fn problem_lengths(groups: &Groups) -> Vec<f64> {
    let mean = |group: &[Sample]| group.iter().map(|sample| u64::from(sample.length)).sum::<u64>() as f64 / group.len() as f64;
    groups.iter().map(|(_, group)| mean(group)).collect()
}

fn correct(group: &[Sample]) -> usize {
    group.iter().filter(|sample| sample.correct).count()
}
