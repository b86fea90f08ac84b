//! How long responses are.

use serde::{Deserialize, Serialize};

use crate::{Groups, Sample};

/// A length below which a share of the samples lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The share, in (0, 1].
    pub share: f64,
    /// The smallest length that at least this share of samples does not exceed.
    pub length: u32,
}

/// Lengths in tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthSummary {
    /// Mean over all samples.
    pub mean: f64,
    /// Mean over right samples; none if there are none. Means by correctness are biased when accuracy changes.
    pub mean_correct: Option<f64>,
    /// Mean over the others; none if there are none.
    pub mean_wrong: Option<f64>,
    /// Quantiles over all samples: 5, 25, 50, 75, 95 %.
    pub quantiles: Vec<Quantile>,
}

/// The lengths of all samples. Quantiles are lengths that occur (nearest rank, no interpolation).
pub fn lengths(groups: &Groups) -> LengthSummary {
    let mut sorted: Vec<u32> = groups.samples().map(|sample| sample.length).collect();
    sorted.sort_unstable();
    let quantile = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100);
        Quantile { share: percent as f64 / 100.0, length: sorted[rank - 1] }
    };
    LengthSummary {
        mean: mean(groups.samples()).unwrap_or(0.0),
        mean_correct: mean(groups.samples().filter(|sample| sample.correct)),
        mean_wrong: mean(groups.samples().filter(|sample| !sample.correct)),
        quantiles: [5, 25, 50, 75, 95].map(quantile).to_vec(),
    }
}

/// Tokens per right answer: all tokens of all samples over the number of right samples, Σ L / Σ c; none where none is right.
/// Unlike a mean of ratios it is what a right answer costs.
pub fn tokens_per_correct(groups: &Groups) -> Option<f64> {
    let (tokens, correct) = groups
        .samples()
        .fold((0_u64, 0_u64), |(tokens, correct), s| (tokens + u64::from(s.length), correct + u64::from(s.correct)));
    (correct > 0).then(|| tokens as f64 / correct as f64)
}

/// The mean length; none without samples.
pub(crate) fn mean<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<f64> {
    let (sum, count) = samples.fold((0_u64, 0_u64), |(sum, count), sample| (sum + u64::from(sample.length), count + 1));
    (count > 0).then(|| sum as f64 / count as f64)
}
