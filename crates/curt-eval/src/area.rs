//! One number for a whole budget curve.

use serde::{Deserialize, Serialize};

use crate::budget::check_budgets;
use crate::metrics::problem_values_of;
use crate::paired::{check_equal_counts, check_finite};
use crate::{EvalError, Groups};

/// The area under a budget curve, as the mean accuracy over the budgets it covers, in \[0, 1\]:
/// Σ (B_{i+1} − B_i)(a_i + a_{i+1})/2 divided by the last budget minus the first, straight lines between the points.
/// One budget gives its accuracy. Errors: [`EvalError::Empty`], [`EvalError::BudgetsOutOfOrder`], [`EvalError::Unequal`],
/// [`EvalError::NotFinite`].
pub fn area_under_budgets(budgets: &[u32], accuracies: &[f64]) -> Result<f64, EvalError> {
    check_budgets(budgets)?;
    check_equal_counts(("budgets", budgets.len()), ("accuracies", accuracies.len()))?;
    check_finite("accuracies", accuracies)?;
    let span = f64::from(budgets[budgets.len() - 1]) - f64::from(budgets[0]);
    if budgets.len() == 1 {
        return Ok(accuracies[0]);
    }
    let pieces = budgets.windows(2).zip(accuracies.windows(2));
    let area: f64 = pieces.map(|(b, a)| (f64::from(b[1]) - f64::from(b[0])) * (a[0] + a[1]) / 2.0).sum();
    Ok(area / span)
}

/// AUC_OAA in \[0, 1\]: (1/t_max) ∫₀^{t_max} OAA_t dt with OAA_t = mean 1\[right ∧ ended ∧ length < t\], in its closed form
/// mean 1\[right ∧ ended\]·max(0, 1 − length/t_max) (OptimalThinkingBench, arXiv 2508.13141, which takes t_max = 1000). It rises
/// with accuracy and falls with the length of right answers. Error: [`EvalError::Empty`] for `t_max` 0.
pub fn auc_oaa(groups: &Groups, t_max: u32) -> Result<f64, EvalError> {
    let values = problem_auc_oaa(groups, t_max)?;
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

/// [`auc_oaa`] of each problem, in increasing order of problems.
pub fn problem_auc_oaa(groups: &Groups, t_max: u32) -> Result<Vec<f64>, EvalError> {
    if t_max == 0 {
        return Err(EvalError::Empty("token of t_max"));
    }
    // whole tokens below t_max, so that the order of samples changes no bit
    let left = |samples: &[crate::Sample]| -> u64 {
        let right = samples.iter().filter(|sample| sample.correct && sample.finished);
        right.map(|sample| u64::from(t_max.saturating_sub(sample.length))).sum()
    };
    let whole = f64::from(t_max) * groups.samples_per_problem() as f64;
    Ok(problem_values_of(groups, |samples| left(samples) as f64 / whole))
}

/// How far one model stays below the best of a set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regret {
    /// Σ over budgets of J*(B) − J(B), at least 0.
    pub sum: f64,
    /// The same divided by Σ J*(B), in \[0, 1\]; none where no model of the set is ever right.
    pub share: Option<f64>,
}

/// REG of each curve against the set of all of them (REO-RL, arXiv 2506.07104): J is a model's accuracy at each budget, J* the
/// highest of the set there. A model that is best at every budget has 0. It says nothing about models outside the set.
/// Errors: [`EvalError::Empty`] without curves, [`EvalError::Unequal`], [`EvalError::NotFinite`].
pub fn regret(curves: &[&[f64]]) -> Result<Vec<Regret>, EvalError> {
    let first = *curves.first().ok_or(EvalError::Empty("curve"))?;
    for curve in curves {
        check_equal_counts(("the first curve", first.len()), ("another curve", curve.len()))?;
        check_finite("accuracies", curve)?;
    }
    let best: Vec<f64> = (0..first.len()).map(|at| curves.iter().map(|curve| curve[at]).fold(f64::MIN, f64::max)).collect();
    let total: f64 = best.iter().sum();
    let of = |curve: &&[f64]| {
        let sum: f64 = best.iter().zip(*curve).map(|(best, own)| best - own).sum();
        Regret { sum, share: (total > 0.0).then(|| sum / total) }
    };
    Ok(curves.iter().map(of).collect())
}
