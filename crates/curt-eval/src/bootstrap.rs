//! Bootstrap intervals: the same numbers over problems drawn again and again.

use serde::{Deserialize, Serialize};

use crate::EvalError;
use crate::draw::{below, draw};
use crate::paired::{are_equal, check_equal_counts, check_finite};

/// An interval from the spread of resampled values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootstrapInterval {
    /// The 2.5 % quantile of the resampled values.
    pub low: f64,
    /// The 97.5 % quantile.
    pub high: f64,
    /// Their standard deviation.
    pub standard_error: f64,
    /// How many there are.
    pub resamples: u32,
}

/// Draws problems with repetition, as many as there are, and computes a number of them again. The percentile interval of the
/// result holds for numbers that are no means, too. The problem is the unit, with all its samples; series of one call are drawn
/// together, so differences of two models stay paired. Deterministic: the draws are a function of the seed alone.
///
/// With few problems (below about 30) the interval is somewhat too narrow; for plain means prefer [`crate::mean_interval`] there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How often problems are drawn again, at least 1.
    pub resamples: u32,
    /// Names the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, seed: 0 }
    }
}

impl Bootstrap {
    /// An interval for the mean of each series, which hold one value per problem in the same order; of no width where these are
    /// all equal.
    /// Errors: [`EvalError::TooFew`] below two problems or one resample, [`EvalError::Unequal`], [`EvalError::NotFinite`].
    pub fn means(&self, series: &[&[f64]]) -> Result<Vec<BootstrapInterval>, EvalError> {
        let Some(first) = series.first() else { return Ok(Vec::new()) };
        let problems = first.len();
        for values in series {
            check_equal_counts(("the first series", problems), ("another series", values.len()))?;
            check_finite("values", values)?;
        }
        self.check(problems)?;
        let mut means = vec![Vec::with_capacity(self.resamples as usize); series.len()];
        let mut times = Vec::new();
        for resample in 0..self.resamples {
            self.draw_problems(resample, problems, &mut times);
            for (means, values) in means.iter_mut().zip(series) {
                let sum: f64 = times.iter().zip(*values).map(|(times, value)| times * value).sum();
                means.push(sum / problems as f64);
            }
        }
        // the mean of equal values is off by a rounding that depends on how often each is drawn
        let flat = means.iter_mut().zip(series).filter(|(_, values)| are_equal(values));
        flat.for_each(|(means, values)| means.fill(values.iter().sum::<f64>() / problems as f64));
        Ok(means.into_iter().map(interval).collect())
    }

    /// An interval for the ratio of two sums over problems, such as tokens to right answers; resamples in which the second sum
    /// is 0 have no ratio and are left out. Errors: as [`Self::means`]; [`EvalError::NotFinite`] where no resample has a ratio.
    pub fn ratio(&self, above: &[f64], below: &[f64]) -> Result<BootstrapInterval, EvalError> {
        check_equal_counts(("numerators", above.len()), ("denominators", below.len()))?;
        check_finite("numerators", above)?;
        check_finite("denominators", below)?;
        self.check(above.len())?;
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        for resample in 0..self.resamples {
            self.draw_problems(resample, above.len(), &mut times);
            let sum = |values: &[f64]| times.iter().zip(values).map(|(times, value)| times * value).sum::<f64>();
            let ratio = sum(above) / sum(below);
            ratios.extend(ratio.is_finite().then_some(ratio));
        }
        if ratios.is_empty() {
            return Err(EvalError::NotFinite { series: "resampled ratios", index: 0, value: f64::NAN });
        }
        Ok(interval(ratios))
    }

    fn check(&self, problems: usize) -> Result<(), EvalError> {
        if self.resamples == 0 {
            return Err(EvalError::TooFew { what: "resamples", expected: 1, found: 0 });
        }
        if problems < 2 {
            return Err(EvalError::TooFew { what: "problems for a bootstrap", expected: 2, found: problems });
        }
        Ok(())
    }

    /// How often each problem is in `resample`.
    fn draw_problems(&self, resample: u32, problems: usize, times: &mut Vec<f64>) {
        times.clear();
        times.resize(problems, 0.0);
        for position in 0..problems as u64 {
            let problem = below(draw(self.seed, resample.into(), position), problems as u64);
            times[problem as usize] += 1.0;
        }
    }
}

fn interval(mut values: Vec<f64>) -> BootstrapInterval {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let is_flat = are_equal(&values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    // as many are left out below as above
    let out = n / 40;
    BootstrapInterval {
        low: values[out],
        high: values[n - 1 - out],
        standard_error: if n > 1 && !is_flat { (squares / (n - 1) as f64).sqrt() } else { 0.0 },
        resamples: n as u32,
    }
}
