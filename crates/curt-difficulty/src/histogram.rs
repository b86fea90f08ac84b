//! How the pass rates of a data set are spread.

use serde::{Deserialize, Serialize};

use crate::{DifficultyError, Interval, PassRate, estimator::Z95, signal};

/// Problems by pass rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Problems in all.
    pub problems: u32,
    /// Bars of equal width over \[0, 1\].
    pub bars: Vec<Bar>,
}

/// The problems whose rate is at least `low` and below `high`, compared as they are; the last bar holds 1 too. The ends of bar
/// k of n are the numbers k/n and (k+1)/n as `f64` division gives them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Problems in it.
    pub problems: u32,
    /// The 95 % Wilson interval of its share, taking the problems for a sample.
    pub share: Interval,
}

impl Histogram {
    /// The histogram of these rates. Rates k/n of equal n have a bar each when there are n + 1 bars.
    ///
    /// # Errors
    /// No rates, no bars or more than 1,000, a rate outside \[0, 1\], more rates than a `u32` counts.
    pub fn new(rates: impl IntoIterator<Item = f64>, bars: u32) -> Result<Self, DifficultyError> {
        if !(1..=1000).contains(&bars) {
            return Err(DifficultyError::BadBars { found: bars });
        }
        let mut counts = vec![0_u64; bars as usize];
        for rate in rates {
            counts[place(signal::checked(rate)?, bars as usize)] += 1;
        }
        let total: u64 = counts.iter().sum();
        let problems = u32::try_from(total).map_err(|_| DifficultyError::TooManyProblems { found: total })?;
        if problems == 0 {
            return Err(DifficultyError::NoProblems);
        }
        let bar = |(place, count): (usize, u64)| {
            let share = PassRate::new(problems, count as u32)?.wilson(Z95)?;
            let (low, high) = (edge(place, bars as usize), edge(place + 1, bars as usize));
            Ok(Bar { low, high, problems: count as u32, share })
        };
        Ok(Self { problems, bars: counts.into_iter().enumerate().map(bar).collect::<Result<_, DifficultyError>>()? })
    }
}

/// The lower end of the bar at `place` of so many.
fn edge(place: usize, bars: usize) -> f64 {
    place as f64 / bars as f64
}

/// The place of the bar of a rate. The product is a bar off where it rounds across an end: 0.29 · 100 is below 29.
fn place(rate: f64, bars: usize) -> usize {
    let near = ((rate * bars as f64) as usize).min(bars - 1);
    if rate < edge(near, bars) {
        near - 1
    } else if near + 1 < bars && rate >= edge(near + 1, bars) {
        near + 1
    } else {
        near
    }
}
