//! The joint: what a sampler sees, says and keeps.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{DifficultyError, Randomness};

/// When problems are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The step, counted from 0.
    pub step: u32,
    /// Round of drawing more problems within the step; 0 is the first.
    pub round: u16,
    /// Problems drawn before, in all steps and rounds.
    pub drawn: u64,
}

/// What became of the group of one drawn problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupOutcome {
    /// Its place in the data set.
    pub problem: usize,
    /// Rollouts that count.
    pub attempts: u32,
    /// Of these, the ones that the reward calls good: right, and within L_T where there is one.
    pub good: u32,
    /// Whether a gate kept the group, so that it could teach something.
    pub kept: bool,
}

/// What a sampler must remember to go on as if nothing had happened: named lists of numbers. Through JSON each number comes
/// back bit for bit only if `serde_json` is built with its feature `float_roundtrip`; without it some are off by a last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplerState {
    /// The sampler's name.
    pub sampler: String,
    /// Version of what it writes.
    pub version: u32,
    /// The numbers; empty for a sampler without memory.
    pub values: BTreeMap<String, Vec<f64>>,
}

/// Chooses the problems of a step. Its laws are in the feature `laws`.
///
/// A draw depends on the state, the turn and the randomness handed in alone, and changes nothing: a step that is cut off and
/// made again draws the same. Only [`Sampler::observe`] changes the state, once per round of a step.
pub trait Sampler: Debug + Send + Sync {
    /// The word for it in a run file.
    fn name(&self) -> &'static str;

    /// Places in the data set of `count` problems. A place may come twice.
    fn draw(&self, turn: Turn, count: usize, random: &Randomness<'_>) -> Vec<usize>;

    /// Learns what became of the problems that were drawn at `turn`, in the order of the draw.
    ///
    /// # Errors
    /// A place beyond the data set, more good rollouts than attempts. The state is then as it was.
    fn observe(&mut self, turn: Turn, outcomes: &[GroupOutcome]) -> Result<(), DifficultyError> {
        let _ = (turn, outcomes);
        Ok(())
    }

    /// What it remembers.
    fn save(&self) -> SamplerState {
        SamplerState::without_memory(self.name())
    }

    /// Goes back to what it remembered.
    ///
    /// # Errors
    /// The state of another sampler or version, values that cannot be its own. The state is then as it was.
    fn load(&mut self, state: &SamplerState) -> Result<(), DifficultyError> {
        state.expect(self.name(), &[]).map(|_| ())
    }

    /// Numbers that show its state before the draw at `turn`.
    fn metrics(&self, turn: Turn) -> Vec<(&'static str, f64)>;
}

/// Version of what the samplers of this crate write.
pub(crate) const VERSION: u32 = 1;

impl SamplerState {
    /// The state of a sampler that remembers nothing.
    pub fn without_memory(sampler: &str) -> Self {
        Self { sampler: sampler.to_owned(), version: VERSION, values: BTreeMap::new() }
    }

    /// With this list.
    pub(crate) fn with(mut self, name: &str, numbers: impl IntoIterator<Item = f64>) -> Self {
        self.values.insert(name.to_owned(), numbers.into_iter().collect());
        self
    }

    /// The lists of exactly these names, if the state is of this sampler.
    pub(crate) fn expect<'a>(&'a self, sampler: &str, names: &[&str]) -> Result<Vec<&'a [f64]>, DifficultyError> {
        if self.sampler != sampler || self.version != VERSION {
            return Err(DifficultyError::StateOfAnother {
                expected: format!("{sampler} version {VERSION}"),
                found: format!("{} version {}", self.sampler, self.version),
            });
        }
        if let Some(name) = self.values.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(bad_state(format!("unknown list `{name}`")));
        }
        let list = |name: &&str| self.values.get(*name).map(Vec::as_slice).ok_or_else(|| bad_state(format!("no list `{name}`")));
        names.iter().map(list).collect()
    }
}

pub(crate) fn bad_state(what: String) -> DifficultyError {
    DifficultyError::BadState { what }
}

/// Whole numbers of a saved list, each at most `most`.
pub(crate) fn whole_numbers(name: &str, list: &[f64], most: u64) -> Result<Vec<u64>, DifficultyError> {
    let whole = |x: &f64| {
        let fits = *x >= 0.0 && *x <= most as f64 && x.fract() == 0.0;
        if fits { Ok(*x as u64) } else { Err(bad_state(format!("`{name}`: expected a whole number up to {most}, found {x}"))) }
    };
    list.iter().map(whole).collect()
}

/// Refuses outcomes that cannot be of a data set of `n` problems.
pub(crate) fn check_outcomes(outcomes: &[GroupOutcome], n: usize) -> Result<(), DifficultyError> {
    for outcome in outcomes {
        if outcome.problem >= n {
            return Err(DifficultyError::NoSuchProblem { place: outcome.problem, problems: n });
        }
        if outcome.good > outcome.attempts {
            return Err(DifficultyError::TooManyCorrect { attempts: outcome.attempts, correct: outcome.good });
        }
    }
    Ok(())
}
