//! Ranges of pass rates.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DifficultyError;

/// A range of pass rates, each end included or not; as text `[0.1, 0.6]`, `(0.5, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Band {
    low: f64,
    high: f64,
    holds_low: bool,
    holds_high: bool,
}

/// Where a pass rate lies beside a [`Band`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Harder than the band.
    Below,
    /// In it.
    Within,
    /// Easier than the band.
    Above,
}

impl Band {
    /// (0.5, 1]: the paper's Easy (arXiv 2602.20945, §3.1).
    pub const EASY: Band = Band { low: 0.5, high: 1.0, holds_low: false, holds_high: true };
    /// [0, 0.5]: the paper's Hard.
    pub const HARD: Band = Band { low: 0.0, high: 0.5, holds_low: true, holds_high: true };

    /// The band of a range such as `0.1..=0.6`, or of two `Bound`s. An end that is left out is 0 or 1, included.
    ///
    /// # Errors
    /// An end outside \[0, 1\]; a band that holds no number.
    pub fn new(range: impl RangeBounds<f64>) -> Result<Self, DifficultyError> {
        let end = |bound: Bound<&f64>, default| match bound {
            Bound::Included(&x) => (x, true),
            Bound::Excluded(&x) => (x, false),
            Bound::Unbounded => (default, true),
        };
        let ((low, holds_low), (high, holds_high)) = (end(range.start_bound(), 0.0), end(range.end_bound(), 1.0));
        if let Some(found) = [low, high].into_iter().find(|x| !(0.0..=1.0).contains(x)) {
            return Err(DifficultyError::BandEnd { found });
        }
        let band = Self { low, high, holds_low, holds_high };
        if low > high || (low == high && !(holds_low && holds_high)) {
            return Err(DifficultyError::EmptyBand { band: band.to_string() });
        }
        Ok(band)
    }

    /// Where a rate lies. Rates are compared as they are: 1/10 is not above 0.1.
    pub fn place(&self, rate: f64) -> Placement {
        if rate < self.low || (rate == self.low && !self.holds_low) {
            Placement::Below
        } else if rate > self.high || (rate == self.high && !self.holds_high) {
            Placement::Above
        } else {
            Placement::Within
        }
    }

    /// Whether a rate lies in it.
    pub fn contains(&self, rate: f64) -> bool {
        self.place(rate) == Placement::Within
    }

    /// The fewest and the most right answers of `n` whose rate lies in it.
    ///
    /// # Errors
    /// No attempts; no number of right answers has such a rate.
    pub fn counts(&self, n: u32) -> Result<(u32, u32), DifficultyError> {
        if n == 0 {
            return Err(DifficultyError::NoAttempts);
        }
        let place = |k: u64| self.place(k as f64 / f64::from(n));
        let fewest = first(n, |k| place(k) != Placement::Below);
        let beyond = first(n, |k| place(k) == Placement::Above);
        if fewest >= beyond {
            return Err(DifficultyError::BandWithoutCount { band: self.to_string(), n });
        }
        Ok((fewest as u32, (beyond - 1) as u32))
    }
}

/// The first of 0 ..= n for which `holds`, which then holds for all that follow; n + 1 where it holds for none.
fn first(n: u32, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, u64::from(n) + 1);
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = (if self.holds_low { '[' } else { '(' }, if self.holds_high { ']' } else { ')' });
        write!(f, "{open}{}, {}{close}", self.low, self.high)
    }
}

impl FromStr for Band {
    type Err = DifficultyError;

    fn from_str(text: &str) -> Result<Self, DifficultyError> {
        let syntax = || DifficultyError::BandSyntax { text: text.chars().take(80).collect() };
        let trimmed = text.trim();
        let (open, close) = (trimmed.chars().next().ok_or_else(syntax)?, trimmed.chars().last().ok_or_else(syntax)?);
        let inside = trimmed.strip_prefix(['[', '(']).and_then(|rest| rest.strip_suffix([']', ')'])).ok_or_else(syntax)?;
        let (low, high) = inside.split_once(',').ok_or_else(syntax)?;
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| syntax());
        let (low, high) = (number(low)?, number(high)?);
        let low = if open == '[' { Bound::Included(low) } else { Bound::Excluded(low) };
        let high = if close == ']' { Bound::Included(high) } else { Bound::Excluded(high) };
        Band::new((low, high))
    }
}

impl TryFrom<String> for Band {
    type Error = DifficultyError;

    fn try_from(text: String) -> Result<Self, DifficultyError> {
        text.parse()
    }
}

impl From<Band> for String {
    fn from(band: Band) -> Self {
        band.to_string()
    }
}
