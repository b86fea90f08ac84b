//! How often a model solves a prompt.

use serde::{Deserialize, Serialize};

use crate::DifficultyError;

/// Right answers among the attempts at one prompt. It belongs to a model, a generation cap, a temperature and a grader:
/// store those beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub struct PassRate {
    n: u32,
    correct: u32,
}

/// A [`PassRate`] as it is written, before it is checked.
#[derive(Deserialize)]
struct Counts {
    n: u32,
    correct: u32,
}

impl TryFrom<Counts> for PassRate {
    type Error = DifficultyError;

    fn try_from(counts: Counts) -> Result<Self, DifficultyError> {
        PassRate::new(counts.n, counts.correct)
    }
}

/// The two halves of a data set (arXiv 2602.20945, §3.1, with 8 attempts per prompt).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// More than half of the attempts are right.
    Easy,
    /// At most half of the attempts are right.
    Hard,
}

/// Lower and upper end of an interval for a rate, each in \[0, 1\].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl PassRate {
    /// The pass rate of `correct` right answers in `n` attempts.
    ///
    /// # Errors
    /// No attempts, or more right answers than attempts.
    pub fn new(n: u32, correct: u32) -> Result<Self, DifficultyError> {
        match (n, correct) {
            (0, _) => Err(DifficultyError::NoAttempts),
            _ if correct > n => Err(DifficultyError::TooManyCorrect { attempts: n, correct }),
            _ => Ok(Self { n, correct }),
        }
    }

    /// Attempts, at least 1.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// Right answers, at most `n`.
    pub fn correct(&self) -> u32 {
        self.correct
    }

    /// p̂ = correct / n.
    pub fn rate(&self) -> f64 {
        f64::from(self.correct) / f64::from(self.n)
    }

    /// [`Label::Easy`] iff correct / n > 1/2, decided in whole numbers: 5 of 8 is easy, 4 of 8 is hard.
    pub fn label(&self) -> Label {
        if u64::from(self.correct) * 2 > u64::from(self.n) { Label::Easy } else { Label::Hard }
    }

    /// The Wilson score interval for the true rate: centre (p̂ + z²/2n) / (1 + z²/n), half-width
    /// z / (1 + z²/n) · √(p̂(1−p̂)/n + z²/4n²). z is in standard deviations, 1.96 for 95 %. The end is exactly 0 when none
    /// is right, and exactly 1 when all are.
    ///
    /// # Errors
    /// A z that is negative or not finite.
    pub fn wilson(&self, z: f64) -> Result<Interval, DifficultyError> {
        if !(z.is_finite() && z >= 0.0) {
            return Err(DifficultyError::BadZ { found: z });
        }
        let (n, p) = (f64::from(self.n), self.rate());
        // z²/n may overflow for an absurd z; the interval then is [0, 1] all the same.
        let scale = z * z / n;
        if !scale.is_finite() {
            return Ok(Interval { low: 0.0, high: 1.0 });
        }
        let centre = (p + scale / 2.0) / (1.0 + scale);
        let half = (p * (1.0 - p) / n * z * z + scale * scale / 4.0).sqrt() / (1.0 + scale);
        let low = if self.correct == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.correct == self.n { 1.0 } else { (centre + half).min(1.0) };
        Ok(Interval { low, high })
    }
}
