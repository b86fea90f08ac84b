//! What a filter did.

use std::path::PathBuf;

use curt_difficulty::{Conditions, Histogram};
use serde::Serialize;

use super::part::Part;

/// Ids that are named of each kind of dropped problems.
const NAMED: usize = 20;

/// What a filter did: nothing in it depends on how often it was interrupted.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// The version of this program.
    pub version: &'static str,
    /// Where the problems came from.
    pub files: Vec<String>,
    /// Problems that were read.
    pub problems: usize,
    /// Those with a pass rate.
    pub rated: usize,
    /// Where the pass rates came from.
    pub rates: RateSource,
    /// The parts, each a file.
    pub parts: Vec<PartFacts>,
    /// Problems in no part, and why.
    pub dropped: Vec<DroppedProblems>,
    /// Rows that repeat an earlier one.
    pub repeated: usize,
    /// Records that are no problems, and were passed over.
    pub bad: usize,
    /// How the pass rates are spread.
    pub histogram: Option<Histogram>,
    /// The mean pass rate of the problems of each difficulty, where they have one.
    pub levels: Vec<LevelRate>,
}

/// Where pass rates came from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSource {
    /// A field of the rows.
    Field {
        /// Its name.
        field: String,
        /// Attempts behind each rate, where that was said.
        attempts: Option<u32>,
    },
    /// A measurement.
    Measured(Measurement),
}

/// A measurement of pass rates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Model, cap, temperature, grader, seed.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Planned attempts at each problem.
    pub attempts: u32,
    /// Whether attempts that could not change a label were left out.
    pub early_stop: bool,
    /// Completions that count.
    pub rollouts: u64,
    /// Completions that early stopping saved.
    pub rollouts_saved: u64,
    /// Tokens of those that count.
    pub tokens: u64,
    /// Completions that the cap cut.
    pub truncated: u64,
    /// Completions that do not count, because the verifier failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_verdict: Option<WithoutVerdict>,
}

/// Completions that do not count, because the verifier failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithoutVerdict {
    /// How many.
    pub rollouts: u64,
    /// The most frequent reason.
    pub reason: String,
}

/// A part.
#[derive(Clone, Debug, Serialize)]
pub struct PartFacts {
    /// Name and band.
    #[serde(flatten)]
    pub part: Part,
    /// Its file, in the same folder.
    pub file: PathBuf,
    /// Problems in it.
    pub problems: usize,
}

/// Why problems are in no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// The row has no pass rate.
    NoRate,
    /// The prompt is empty, or leaves no room for the cap in the model's context.
    Prompt,
    /// The right answer cannot be graded.
    Ungradable,
    /// The verifier failed on every attempt that the cap did not cut.
    NoVerdict,
    /// The pass rate lies in no band.
    OutsideBands,
}

/// Problems in no part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DroppedProblems {
    /// Why.
    pub why: Dropped,
    /// How many.
    pub problems: usize,
    /// The ids of the first.
    pub first: Vec<String>,
}

/// The pass rate of problems of one difficulty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelRate {
    /// Difficulty: for the chain task the number of links.
    pub difficulty: u32,
    /// Problems.
    pub problems: usize,
    /// The mean of their pass rates, each without the lean of early stopping where that can be told.
    pub mean: f64,
}

impl Dropped {
    /// It in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRate => "without a pass rate",
            Self::Prompt => "with an empty prompt, or one that leaves no room for the cap",
            Self::Ungradable => "with a right answer that cannot be graded",
            Self::NoVerdict => "without a verdict on any attempt",
            Self::OutsideBands => "with a pass rate outside all bands",
        }
    }

    /// Whether they are written to `unrated.jsonl`.
    pub fn is_unrated(self) -> bool {
        self != Self::OutsideBands
    }
}

/// Counts dropped problems by reason.
#[derive(Clone, Debug, Default)]
pub(super) struct DroppedList(std::collections::BTreeMap<Dropped, DroppedProblems>);

impl DroppedList {
    pub fn add(&mut self, why: Dropped, id: impl FnOnce() -> String) {
        let entry = self.0.entry(why).or_insert_with(|| DroppedProblems { why, problems: 0, first: Vec::new() });
        entry.problems += 1;
        if entry.first.len() < NAMED {
            entry.first.push(id());
        }
    }

    pub fn into_list(self) -> Vec<DroppedProblems> {
        self.0.into_values().collect()
    }
}

/// Bars such that each k/n has one of its own where the number of attempts is small and known.
pub(super) fn histogram(rates: &[f64], attempts: Option<u32>) -> Option<Histogram> {
    let bars = attempts.filter(|n| *n <= 32).map_or(20, |n| n + 1);
    Histogram::new(rates.iter().copied(), bars).ok()
}
