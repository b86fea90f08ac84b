//! How lengths are spread, apart for right and wrong responses.

use serde::{Deserialize, Serialize};

use crate::{Groups, Quantile, Sample};

/// Shares of the quantiles, in percent.
const PERCENTS: [usize; 9] = [1, 5, 10, 25, 50, 75, 90, 95, 99];
/// Bins of a histogram.
const BINS: u32 = 40;
/// Most points of an empirical distribution function.
const POINTS: usize = 200;

/// One bar of a histogram: lengths from `from` up to, not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bin {
    /// The shortest length in it.
    pub from: u32,
    /// The length after its longest.
    pub to: u32,
    /// Samples in it.
    pub samples: usize,
}

/// A point of an empirical distribution function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EcdfPoint {
    /// A length that occurs.
    pub length: u32,
    /// The share of samples that are not longer, in (0, 1\].
    pub share: f64,
}

/// The lengths of some samples, in tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthDistribution {
    /// Samples, at least 1.
    pub samples: usize,
    /// Their mean.
    pub mean: f64,
    /// Quantiles: 1, 5, 10, 25, 50, 75, 90, 95, 99 %, by nearest rank.
    pub quantiles: Vec<Quantile>,
    /// Bars of equal width from 0 to the generation limit; the same for right and wrong samples.
    pub histogram: Vec<Bin>,
    /// The empirical distribution function, at every length that occurs or at about 200 of them; the last has share 1.
    pub ecdf: Vec<EcdfPoint>,
}

/// The lengths of right samples and of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthsByCorrectness {
    /// All samples.
    pub all: LengthDistribution,
    /// Right ones; none where there are none.
    pub correct: Option<LengthDistribution>,
    /// The others; none where there are none.
    pub wrong: Option<LengthDistribution>,
    /// The mean over problems of the mean length of their right samples, problems without one left out: each problem weighs the
    /// same, so the easy ones, which have more right samples, do not pull it down. None where no sample is right.
    pub correct_per_problem: Option<f64>,
}

/// The lengths of `groups`, by correctness. Histograms reach to `limit`, longer samples count in the last bar.
pub fn lengths_by_correctness(groups: &Groups, limit: u32) -> LengthsByCorrectness {
    let of = |keep: &dyn Fn(&Sample) -> bool| {
        let mut lengths: Vec<u32> = groups.samples().filter(|sample| keep(sample)).map(|sample| sample.length).collect();
        lengths.sort_unstable();
        distribution(&lengths, limit)
    };
    let means = groups.iter().filter_map(|(_, samples)| crate::length::mean(samples.iter().filter(|sample| sample.correct)));
    let (sum, count) = means.fold((0.0, 0_u32), |(sum, count), mean| (sum + mean, count + 1));
    let nothing = LengthDistribution { samples: 0, mean: 0.0, quantiles: vec![], histogram: vec![], ecdf: vec![] };
    LengthsByCorrectness {
        // groups have at least one sample
        all: of(&|_| true).unwrap_or(nothing),
        correct: of(&|sample| sample.correct),
        wrong: of(&|sample| !sample.correct),
        correct_per_problem: (count > 0).then(|| sum / f64::from(count)),
    }
}

/// The distribution of lengths that are sorted; none without any.
fn distribution(sorted: &[u32], limit: u32) -> Option<LengthDistribution> {
    let samples = sorted.len();
    if samples == 0 {
        return None;
    }
    let total: u64 = sorted.iter().map(|length| u64::from(*length)).sum();
    let quantile = |percent: usize| {
        let rank = (samples * percent).div_ceil(100).max(1);
        Quantile { share: percent as f64 / 100.0, length: sorted[rank - 1] }
    };
    Some(LengthDistribution {
        samples,
        mean: total as f64 / samples as f64,
        quantiles: PERCENTS.map(quantile).to_vec(),
        histogram: histogram(sorted, limit),
        ecdf: ecdf(sorted),
    })
}

fn histogram(sorted: &[u32], limit: u32) -> Vec<Bin> {
    // one more than the limit, since a length of exactly the limit is in the last bar
    let width = (limit / BINS).saturating_add(1);
    let bars = (limit / width + 1) as usize;
    let mut counts = vec![0; bars];
    for length in sorted {
        counts[((length / width) as usize).min(bars - 1)] += 1;
    }
    let bin = |(bar, samples)| {
        let from = bar as u32 * width;
        Bin { from, to: from.saturating_add(width), samples }
    };
    counts.into_iter().enumerate().map(bin).collect()
}

fn ecdf(sorted: &[u32]) -> Vec<EcdfPoint> {
    let mut points: Vec<EcdfPoint> = Vec::new();
    let step = sorted.len().div_ceil(POINTS);
    let mut due = 0;
    for (at, length) in sorted.iter().enumerate() {
        let is_last_of_its_length = sorted.get(at + 1) != Some(length);
        if is_last_of_its_length && (at + 1 == sorted.len() || at >= due) {
            points.push(EcdfPoint { length: *length, share: (at + 1) as f64 / sorted.len() as f64 });
            due = at + step;
        }
    }
    points
}
