//! `curriculum`: by difficulty, as the steps go on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{draw_from, weighted::check_rates};
use crate::{Band, DifficultyError, Randomness, Sampler, Stream, Turn};

/// Which problems come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Those with the highest pass rate.
    EasyToHard,
    /// Those with the lowest.
    HardToEasy,
}

/// From a step on, the problems of a band; as text `100: (0.5, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stage {
    /// The first step of the stage, counted from 0.
    pub from: u32,
    /// The pass rates of its problems.
    pub band: Band,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.from, self.band)
    }
}

impl FromStr for Stage {
    type Err = DifficultyError;

    fn from_str(text: &str) -> Result<Self, DifficultyError> {
        let syntax = || DifficultyError::StageSyntax { text: text.chars().take(80).collect() };
        let (from, band) = text.split_once(':').ok_or_else(syntax)?;
        Ok(Stage { from: from.trim().parse().map_err(|_| syntax())?, band: band.parse()? })
    }
}

impl TryFrom<String> for Stage {
    type Error = DifficultyError;

    fn try_from(text: String) -> Result<Self, DifficultyError> {
        text.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.to_string()
    }
}

/// Draws from a **pool that changes with the steps**: one that widens from the easiest (or the hardest) problems to all, or one
/// band after another. It remembers nothing; the pool depends on the step alone.
///
/// Within a step no problem comes twice until the pool is used up. Over an epoch's time a problem may be missed or come twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Curriculum {
    rates: Vec<f64>,
    /// By direction, equal rates in the order of the data set.
    order: Vec<usize>,
    plan: Plan,
}

#[derive(Clone, Debug, PartialEq)]
enum Plan {
    Widening { start: f64, steps: u32 },
    Stages(Vec<Stage>),
}

impl Curriculum {
    /// A pool that begins with the share `start` of the problems at one end, rounded up, and grows evenly to all of them at
    /// step `steps`.
    ///
    /// # Errors
    /// No problems; problems without a rate (counted), a rate outside \[0, 1\]; a start outside (0, 1\]; no steps.
    pub fn widening(rates: &[Option<f64>], direction: Direction, start: f64, steps: u32) -> Result<Self, DifficultyError> {
        if !(start > 0.0 && start <= 1.0) {
            return Err(DifficultyError::BadStart { found: start });
        }
        if steps == 0 {
            return Err(DifficultyError::NoSteps);
        }
        Self::new(rates, direction, Plan::Widening { start, steps })
    }

    /// The bands of a schedule, one after another.
    ///
    /// # Errors
    /// As [`Curriculum::widening`] of the problems; no stage, a first one that does not begin at step 0, stages whose steps do
    /// not rise, a stage without problems (its band is named).
    pub fn stages(rates: &[Option<f64>], stages: &[Stage]) -> Result<Self, DifficultyError> {
        Self::check_stages(stages)?;
        let curriculum = Self::new(rates, Direction::EasyToHard, Plan::Stages(stages.to_vec()))?;
        match stages.iter().find(|stage| curriculum.pool(stage.from).is_empty()) {
            Some(stage) => Err(DifficultyError::EmptyStage { from: stage.from, band: stage.band.to_string() }),
            None => Ok(curriculum),
        }
    }

    /// Whether the steps of a schedule are in order, before its problems are known.
    ///
    /// # Errors
    /// No stage, a first one that does not begin at step 0, stages whose steps do not rise.
    pub fn check_stages(stages: &[Stage]) -> Result<(), DifficultyError> {
        match stages.first() {
            Some(first) if first.from == 0 => {}
            first => return Err(DifficultyError::FirstStage { found: first.map(|stage| stage.from) }),
        }
        match stages.windows(2).find(|pair| pair[0].from >= pair[1].from) {
            Some(pair) => Err(DifficultyError::StageOrder { first: pair[0].from, second: pair[1].from }),
            None => Ok(()),
        }
    }

    fn new(rates: &[Option<f64>], direction: Direction, plan: Plan) -> Result<Self, DifficultyError> {
        check_rates(rates)?;
        let known: Vec<f64> = rates.iter().copied().flatten().collect();
        if known.len() < rates.len() {
            return Err(DifficultyError::UnknownRates { unknown: rates.len() - known.len(), problems: rates.len() });
        }
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.sort_by(|&i, &j| match direction {
            Direction::EasyToHard => known[j].total_cmp(&known[i]),
            Direction::HardToEasy => known[i].total_cmp(&known[j]),
        });
        Ok(Self { rates: known, order, plan })
    }

    /// The places of the problems that may come at a step.
    pub fn pool(&self, step: u32) -> Vec<usize> {
        match &self.plan {
            Plan::Widening { start, steps } => {
                let progress = f64::from(step.min(*steps)) / f64::from(*steps);
                let share = start + (1.0 - start) * progress;
                let n = self.order.len();
                // 0.07 · 100 is a hair above 7: so much less takes the hair and, of fewer than 10¹² problems, no whole one
                let size = ((share * n as f64 * (1.0 - 1e-12)).ceil() as usize).clamp(1, n);
                self.order[..size].to_vec()
            }
            Plan::Stages(stages) => {
                let band = stages.iter().rev().find(|stage| stage.from <= step).map(|stage| stage.band);
                self.order.iter().copied().filter(|&place| band.is_some_and(|band| band.contains(self.rates[place]))).collect()
            }
        }
    }
}

impl Sampler for Curriculum {
    fn name(&self) -> &'static str {
        "curriculum"
    }

    fn draw(&self, turn: Turn, count: usize, random: &Randomness<'_>) -> Vec<usize> {
        let mut bits = random(Stream::Step { step: turn.step, round: turn.round });
        draw_from(&self.pool(turn.step), count, &mut bits)
    }

    fn metrics(&self, turn: Turn) -> Vec<(&'static str, f64)> {
        let pool = self.pool(turn.step);
        let rates: Vec<f64> = pool.iter().map(|&place| self.rates[place]).collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let (low, high) = rates.iter().fold((1.0_f64, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        vec![("pool", pool.len() as f64), ("pool_rate_mean", mean), ("pool_rate_min", low), ("pool_rate_max", high)]
    }
}
