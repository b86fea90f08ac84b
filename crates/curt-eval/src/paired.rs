//! Means with 95 % intervals, where the problem is the unit.

use serde::{Deserialize, Serialize};

use crate::EvalError;

/// A mean with its standard error and 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Its standard error: sample standard deviation (n − 1) over √n.
    pub standard_error: f64,
    /// Lower end: `mean − t·standard_error`.
    pub low: f64,
    /// Upper end: `mean + t·standard_error`.
    pub high: f64,
    /// The number of problems.
    pub problems: usize,
}

/// The mean of `values`, one per problem, with Student's t interval of n − 1 degrees of freedom (arXiv 2411.00640 argues for
/// the problem as the unit). Values that are all equal give an interval of no width and an error of exactly 0: it is decided
/// by max == min, because the deviations from a rounded mean are none.
/// Errors: [`EvalError::TooFew`] below two values, [`EvalError::NotFinite`].
pub fn mean_interval(values: &[f64]) -> Result<Interval, EvalError> {
    interval(values, are_equal(values))
}

fn interval(values: &[f64], is_flat: bool) -> Result<Interval, EvalError> {
    check_finite("values", values)?;
    if values.len() < 2 {
        return Err(EvalError::TooFew { what: "problems for an interval", expected: 2, found: values.len() });
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    let standard_error = if is_flat { 0.0 } else { (squares / (n - 1.0) / n).sqrt() };
    let half = t_quantile(values.len() - 1) * standard_error;
    Ok(Interval { mean, standard_error, low: mean - half, high: mean + half, problems: values.len() })
}

/// The mean of `after − before`, problem by problem, with its interval: see [`mean_interval`]. Differences are equal that
/// are so up to rounding, which is below 1e-14 of the largest value: 0.2 − 0.1 and 0.3 − 0.2 are.
/// Errors: as there, and [`EvalError::Unequal`].
pub fn paired_difference(before: &[f64], after: &[f64]) -> Result<Interval, EvalError> {
    check_equal(("before", before), ("after", after))?;
    check_finite("before", before)?;
    check_finite("after", after)?;
    let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
    let largest = before.iter().chain(after).fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let is_flat = range(&differences).is_none_or(|(low, high)| high - low <= 1e-14 * largest);
    interval(&differences, is_flat)
}

/// Whether all are the same number.
pub(crate) fn are_equal(values: &[f64]) -> bool {
    range(values).is_none_or(|(low, high)| low == high)
}

/// The least and the greatest; none of none.
fn range(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(low, high), value| (low.min(*value), high.max(*value))))
}

pub(crate) fn check_equal(first: (&'static str, &[f64]), second: (&'static str, &[f64])) -> Result<(), EvalError> {
    check_equal_counts((first.0, first.1.len()), (second.0, second.1.len()))
}

pub(crate) fn check_equal_counts(first: (&'static str, usize), second: (&'static str, usize)) -> Result<(), EvalError> {
    if first.1 == second.1 {
        return Ok(());
    }
    Err(EvalError::Unequal { first: first.0, second: second.0, expected: first.1, found: second.1 })
}

pub(crate) fn check_finite(series: &'static str, values: &[f64]) -> Result<(), EvalError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(EvalError::NotFinite { series, index, value: values[index] }),
        None => Ok(()),
    }
}

/// The 97.5 % quantile of Student's t: a table up to 9 degrees of freedom, beyond it the expansion in 1/ν about the normal
/// quantile (Abramowitz and Stegun 26.7.5), then right to 1e-5.
pub(crate) fn t_quantile(degrees: usize) -> f64 {
    const TABLE: [f64; 9] = [12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157];
    if let Some(quantile) = degrees.checked_sub(1).and_then(|at| TABLE.get(at)) {
        return *quantile;
    }
    let z = 1.959_963_984_540_054_f64;
    let (z2, v) = (z * z, degrees as f64);
    let g1 = z * (z2 + 1.0) / 4.0;
    let g2 = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let g3 = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    let g4 = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0;
    z + (g1 + (g2 + (g3 + g4 / v) / v) / v) / v
}
