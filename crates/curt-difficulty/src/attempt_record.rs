//! The attempts at one problem as they are written, and the conditions they were made under.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{Attempt, DifficultyError, Interval, PassRate, estimator::Z95};

/// What a pass rate depends on besides the problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Which model: a name or a digest of its weights.
    pub model: String,
    /// Most tokens of a completion.
    pub cap: u32,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// Share of the distribution that was sampled from; 1 is all.
    pub top_p: f64,
    /// Which grader, with its version.
    pub grader: String,
    /// Key of the randomness.
    pub seed: u64,
}

impl Eq for Conditions {}

impl PartialOrd for Conditions {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Conditions {
    fn cmp(&self, other: &Self) -> Ordering {
        let words = |c: &Self| (c.model.clone(), c.grader.clone(), c.cap, c.seed);
        let numbers = self.temperature.total_cmp(&other.temperature).then(self.top_p.total_cmp(&other.top_p));
        words(self).cmp(&words(other)).then(numbers)
    }
}

impl Conditions {
    /// Whether they can be those of a measurement.
    ///
    /// # Errors
    /// No model or grader, a cap of 0, a temperature below 0, a top-p outside (0, 1\].
    pub fn check(&self) -> Result<(), DifficultyError> {
        let temperature = self.temperature.is_finite() && self.temperature >= 0.0 && self.temperature.is_sign_positive();
        let checks = [
            ("model", !self.model.is_empty(), self.model.clone()),
            ("cap", self.cap > 0, self.cap.to_string()),
            ("temperature", temperature, self.temperature.to_string()),
            ("top_p", self.top_p > 0.0 && self.top_p <= 1.0, self.top_p.to_string()),
            ("grader", !self.grader.is_empty(), self.grader.clone()),
        ];
        match checks.into_iter().find(|(_, fits, _)| !fits) {
            Some((what, _, found)) => Err(DifficultyError::BadCondition { what, found }),
            None => Ok(()),
        }
    }

    /// Whether `other` are the same.
    ///
    /// # Errors
    /// The first that differs.
    pub fn same_as(&self, other: &Self) -> Result<(), DifficultyError> {
        let words = |c: &Self| {
            [
                ("model", c.model.clone()),
                ("cap", c.cap.to_string()),
                ("temperature", c.temperature.to_string()),
                ("top_p", c.top_p.to_string()),
                ("grader", c.grader.clone()),
                ("seed", c.seed.to_string()),
            ]
        };
        match words(self).into_iter().zip(words(other)).find(|(ours, theirs)| ours != theirs) {
            Some(((what, ours), (_, theirs))) => Err(DifficultyError::OtherConditions { what, ours, theirs }),
            None => Ok(()),
        }
    }
}

/// The attempts at one problem as a line of `attempts.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The problem.
    pub id: String,
    /// What they were made with.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Attempts.
    pub n: u32,
    /// Right ones.
    pub k: u32,
    /// Where the pass rate lies with 95 % confidence, by Wilson. For readers: it is not read back.
    #[serde(skip_deserializing)]
    pub wilson: Option<Interval>,
    /// The sample index of each attempt, rising.
    pub samples: Vec<u32>,
    /// Whether each is right.
    pub correct: Vec<bool>,
    /// Tokens of each.
    pub lengths: Vec<u32>,
    /// Whether the cap cut each.
    pub truncated: Vec<bool>,
}

impl AttemptRecord {
    /// The record of these attempts, whose sample indices rise.
    pub fn new(conditions: &Conditions, id: &str, attempts: impl IntoIterator<Item = (u32, Attempt)>) -> Self {
        let (samples, attempts): (Vec<u32>, Vec<Attempt>) = attempts.into_iter().unzip();
        let n = attempts.len() as u32;
        let k = attempts.iter().filter(|attempt| attempt.correct).count() as u32;
        Self {
            id: id.to_owned(),
            conditions: conditions.clone(),
            n,
            k,
            wilson: PassRate::new(n, k).and_then(|rate| rate.wilson(Z95)).ok(),
            samples,
            correct: attempts.iter().map(|attempt| attempt.correct).collect(),
            lengths: attempts.iter().map(|attempt| attempt.length).collect(),
            truncated: attempts.iter().map(|attempt| attempt.truncated).collect(),
        }
    }

    /// Sample indices and attempts.
    ///
    /// # Errors
    /// Lists of another length than `n`, a `k` that is not the number of right ones, sample indices that do not rise.
    pub fn attempts(&self) -> Result<Vec<(u32, Attempt)>, DifficultyError> {
        let problem = || self.id.clone();
        let lists = [
            ("samples", self.samples.len()),
            ("correct", self.correct.len()),
            ("lengths", self.lengths.len()),
            ("truncated", self.truncated.len()),
        ];
        if let Some((field, found)) = lists.into_iter().find(|(_, found)| *found != self.n as usize) {
            return Err(DifficultyError::RecordLength { problem: problem(), field, expected: self.n, found });
        }
        let right = self.correct.iter().filter(|correct| **correct).count();
        if right != self.k as usize {
            return Err(DifficultyError::RecordCount { problem: problem(), expected: self.k, found: right });
        }
        if let Some(pair) = self.samples.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(DifficultyError::RecordOrder { problem: problem(), first: pair[0], second: pair[1] });
        }
        let attempt =
            |row: usize| Attempt { correct: self.correct[row], length: self.lengths[row], truncated: self.truncated[row] };
        Ok(self.samples.iter().enumerate().map(|(row, sample)| (*sample, attempt(row))).collect())
    }
}
