//! How far a mean may be off: standard errors with the problem as the unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::paired::{are_equal, check_equal_counts, check_finite};
use crate::{EvalError, Groups, problem_accuracies};

/// Where the error of Mean@k comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Standard error of Mean@k: sample standard deviation of the problems' scores over √problems.
    pub standard_error: f64,
    /// Standard deviation (n − 1) of the problems' scores.
    pub deviation: f64,
    /// Estimated variance of a problem's true score between problems, at least 0; none with one sample per problem.
    pub between: Option<f64>,
    /// Mean variance of one sample within its problem; none with one sample per problem.
    pub within: Option<f64>,
    /// The standard error that is left however many samples each problem gets: √(between/problems).
    pub floor: Option<f64>,
}

/// The spread of the problems' shares of right samples s_i: variance of the mean = σ²_between/n + σ²_within/(nK) with
/// σ²_within = mean s_i(1 − s_i)·K/(K − 1) and σ²_between what the variance of s_i leaves of it, at least 0 (arXiv 2411.00640).
/// Problems that all score alike have a deviation of exactly 0. Error: [`EvalError::TooFew`] below two problems.
pub fn spread(groups: &Groups) -> Result<Spread, EvalError> {
    let scores = problem_accuracies(groups);
    let variance = variance(&scores)?;
    let (n, k) = (scores.len() as f64, groups.samples_per_problem() as f64);
    let within = (k > 1.0).then(|| scores.iter().map(|s| s * (1.0 - s)).sum::<f64>() / n * k / (k - 1.0));
    let between = within.map(|within| (variance - within / k).max(0.0));
    Ok(Spread {
        standard_error: (variance / n).sqrt(),
        deviation: variance.sqrt(),
        between,
        within,
        floor: between.map(|between| (between / n).sqrt()),
    })
}

/// The standard error of the mean of `values` where those of one cluster are alike, such as problems made from one text:
/// SE² = s²/n + n⁻² Σ_clusters Σ_{i≠j} (v_i − v̄)(v_j − v̄) (arXiv 2411.00640). With each value in a cluster of its own it is the
/// usual one; of equal values it is exactly 0. Errors: [`EvalError::TooFew`] below two values, [`EvalError::Unequal`],
/// [`EvalError::NotFinite`].
pub fn clustered_error(values: &[f64], clusters: &[u32]) -> Result<f64, EvalError> {
    check_equal_counts(("values", values.len()), ("clusters", clusters.len()))?;
    let variance = variance(values)?;
    if variance == 0.0 {
        return Ok(0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let away = value - mean;
        let (sum, squares) = sums.entry(*cluster).or_insert((0.0, 0.0));
        *sum += away;
        *squares += away * away;
    }
    let across: f64 = sums.values().map(|(sum, squares)| sum * sum - squares).sum();
    Ok((variance / n + across / (n * n)).max(0.0).sqrt())
}

/// The sample variance (n − 1); exactly 0 of equal values, whose mean may be rounded.
fn variance(values: &[f64]) -> Result<f64, EvalError> {
    check_finite("values", values)?;
    if values.len() < 2 {
        return Err(EvalError::TooFew { what: "problems for an error", expected: 2, found: values.len() });
    }
    if are_equal(values) {
        return Ok(0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Ok(values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0))
}
