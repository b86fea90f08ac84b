//! How large a difference a set of problems can show.

use serde::{Deserialize, Serialize};

use crate::Spread;

/// z of a two-sided level of 5 % plus z of a power of 80 %.
const FACTOR: f64 = 1.959_963_984_540_054 + 0.841_621_233_572_914_3;
/// Below this many problems, an evaluation says of itself that it is small.
const FEW: usize = 100;
/// The gain that a sentence is about.
const POINTS: f64 = 0.02;

/// The smallest true difference that a test at the 5 % level finds in 80 % of evaluations, for a difference with this standard
/// error and a normal law: (z₀.₉₇₅ + z₀.₈)·SE = 2.80·SE, in the unit of the error.
pub fn minimum_detectable(standard_error: f64) -> f64 {
    FACTOR * standard_error
}

/// The number of problems for which `difference` would be the [`minimum_detectable`] one, for problems whose differences have
/// this standard deviation: 7.85·σ²/δ², rounded up, at least 2. The largest number for a difference of 0.
pub fn problems_needed(deviation: f64, difference: f64) -> u64 {
    let ratio = FACTOR * deviation / difference;
    (ratio * ratio).ceil().max(2.0) as u64 // saturates
}

/// What an evaluation can show, in numbers and in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Standard errors of Mean@k and where they come from.
    pub spread: Spread,
    /// Standard error with problems of one cluster counted as alike; none where no clusters are known.
    pub clustered_error: Option<f64>,
    /// The smallest difference of Mean@k to another model that could be seen without pairing problems, if its scores were spread
    /// alike: [`minimum_detectable`] of √2·SE. 0 where all problems score alike, and then no statement.
    pub minimum_detectable: f64,
    /// The same in words, with what it means for the reader.
    pub words: String,
}

impl Power {
    /// What an evaluation of so many problems with this spread can show. Where all problems score alike that is nothing, and
    /// the words say so instead of speaking of points.
    pub fn new(problems: usize, spread: Spread, clustered_error: Option<f64>) -> Self {
        if spread.deviation == 0.0 {
            let words = format!(
                "{problems} problems, which all score alike: intervals of no width say nothing of how far the numbers may be off"
            );
            return Self { spread, clustered_error, minimum_detectable: 0.0, words };
        }
        let error = clustered_error.unwrap_or(spread.standard_error);
        let two = std::f64::consts::SQRT_2;
        let seen = minimum_detectable(two * error);
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let mut words = format!("{problems} problems: Mean@k is known to ± {} points (standard error)", percent(error));
        if let Some(floor) = spread.floor {
            words += &format!(", and to ± {} at best with more samples of the same problems", percent(floor));
        }
        words += &format!("; two models must differ by {} points to be told apart (5 % level, 80 % power)", percent(seen));
        if problems < FEW {
            let needed = problems_needed(two * spread.deviation, POINTS);
            words += &format!(
                "; a gain of 2 points needs about {needed} problems, or pairing: read smaller differences here as noise, \
                 differences of length less so"
            );
        }
        Self { spread, clustered_error, minimum_detectable: seen, words }
    }
}
