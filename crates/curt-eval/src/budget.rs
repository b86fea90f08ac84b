//! The budget curve: accuracy at every token budget, from one generation pass.

use serde::{Deserialize, Serialize};

use crate::metrics::{pass_of, problem_values};
use crate::{EvalError, Groups, Interval, Sample, mean_interval};

/// What generation with one budget would have given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// B, in tokens.
    pub budget: u32,
    /// The share of samples that are right and ended within B: the strict convention.
    pub strict: f64,
    /// Its 95 % interval over problems; none for one problem.
    pub interval: Option<Interval>,
    /// The share of samples whose right answer stands within B tokens, ended or not: the lenient convention. A lower bound
    /// where `lenient_unknown` is above 0.
    pub lenient: f64,
    /// The share of samples that are right, longer than B, and do not say where their answer stands: `lenient` may be higher by
    /// up to this much.
    pub lenient_unknown: f64,
    /// Pass@k of strict accuracy, with k = samples per problem.
    pub pass_at_k: f64,
    /// The share of samples that would be cut off at B.
    pub truncation_rate: f64,
    /// The mean number of tokens that would be generated: of min(length, B).
    pub mean_tokens: f64,
}

/// One row per budget, in their order.
///
/// acc(B) = mean over samples of 1\[right ∧ ended ∧ length ≤ B\]. For a model whose prompt does not state the budget, a run with
/// a limit of B tokens draws the same tokens as the first B of a longer run, so cutting is exact; it is not where the prompt
/// names the budget or the program forces an answer at B. Accuracies are shares in \[0, 1\], never fall with the budget, and
/// strict ≤ lenient ≤ lenient + unknown.
///
/// Errors: [`EvalError::Empty`] without budgets, [`EvalError::BudgetsOutOfOrder`], [`EvalError::BudgetBeyondLimit`],
/// [`EvalError::BeyondLimit`].
pub fn budget_curve(groups: &Groups, limit: u32, budgets: &[u32]) -> Result<Vec<BudgetRow>, EvalError> {
    check_budgets(budgets)?;
    if let Some(budget) = budgets.iter().copied().find(|budget| *budget > limit) {
        return Err(EvalError::BudgetBeyondLimit { budget, limit });
    }
    if let Some(long) = groups.samples().find(|sample| sample.length > limit) {
        return Err(EvalError::BeyondLimit { problem: long.problem, length: long.length, limit });
    }
    budgets.iter().map(|budget| row(groups, *budget)).collect()
}

/// Refuses budgets that do not rise from each to the next, and an empty list.
pub(crate) fn check_budgets(budgets: &[u32]) -> Result<(), EvalError> {
    if budgets.is_empty() {
        return Err(EvalError::Empty("budget"));
    }
    check_order(budgets)
}

/// Refuses budgets that do not rise from each to the next.
pub(crate) fn check_order(budgets: &[u32]) -> Result<(), EvalError> {
    match budgets.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(EvalError::BudgetsOutOfOrder { before: pair[0], found: pair[1] }),
        None => Ok(()),
    }
}

fn row(groups: &Groups, budget: u32) -> Result<BudgetRow, EvalError> {
    let (mut strict, mut lenient, mut unknown, mut cut, mut tokens) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    for sample in groups.samples() {
        let within = sample.correct_within(budget);
        let answered = if within { Some(true) } else { sample.answered_within(budget) };
        strict += u64::from(within);
        lenient += u64::from(answered == Some(true));
        unknown += u64::from(answered.is_none());
        cut += u64::from(is_cut(sample, budget));
        tokens += u64::from(sample.length.min(budget));
    }
    let share = |count: u64| count as f64 / (groups.problems() * groups.samples_per_problem()) as f64;
    Ok(BudgetRow {
        budget,
        strict: share(strict),
        interval: mean_interval(&problem_values(groups, |sample| sample.correct_within(budget))).ok(),
        lenient: share(lenient),
        lenient_unknown: share(unknown),
        pass_at_k: pass_of(groups, groups.samples_per_problem(), |sample| sample.correct_within(budget))?,
        truncation_rate: share(cut),
        mean_tokens: share(tokens),
    })
}

fn is_cut(sample: &Sample, budget: u32) -> bool {
    sample.length > budget || !sample.finished
}
