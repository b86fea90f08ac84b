//! Rewards that depend only on the cell correct/wrong × short/long, as a table.

use serde::{Deserialize, Serialize};

use crate::{RewardError, Rollout, Shaped};

/// One of the four kinds of rollout. Short means `length <= target_length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Right, L ≤ L_T.
    CorrectShort,
    /// Right, L > L_T.
    CorrectLong,
    /// Wrong, L ≤ L_T.
    WrongShort,
    /// Wrong, L > L_T.
    WrongLong,
}

impl Cell {
    /// The cell of a rollout: its verdict, and its length (tokens) against the target L_T.
    pub fn of(rollout: &Rollout, target_length: u32) -> Self {
        match (rollout.correct, rollout.length <= target_length) {
            (true, true) => Cell::CorrectShort,
            (true, false) => Cell::CorrectLong,
            (false, true) => Cell::WrongShort,
            (false, false) => Cell::WrongLong,
        }
    }
}

/// A row of Table 1 of arXiv 2602.20945: the reward of each [`Cell`], `None` where the rollout is masked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cells {
    /// Reward of right and short.
    pub correct_short: Option<f64>,
    /// Reward of right and long.
    pub correct_long: Option<f64>,
    /// Reward of wrong and short.
    pub wrong_short: Option<f64>,
    /// Reward of wrong and long.
    pub wrong_long: Option<f64>,
}

/// How a masked rollout acts on the statistics of its group. The paper (arXiv 2602.20945) does not say; both readings
/// are here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Masking {
    /// It is as if it had not been sampled: out of the statistics and out of the loss. "–" in the table carries no
    /// reward, so this is the nearer reading and the default.
    #[default]
    Exclude,
    /// It counts with reward 0 in the mean and the deviation, and only the loss leaves it out: what a loss mask set
    /// after the advantages does. The advantages of the others are then those of [`crate::Truncation`].
    ZeroAfter,
}

impl Cells {
    /// The reward of one cell; `None` is masked.
    pub fn at(&self, cell: Cell) -> Option<f64> {
        match cell {
            Cell::CorrectShort => self.correct_short,
            Cell::CorrectLong => self.correct_long,
            Cell::WrongShort => self.wrong_short,
            Cell::WrongLong => self.wrong_long,
        }
    }

    /// Writes the reward of each rollout. Its parts are `correctness`, the verdict as 0 or 1, and `length`, what the
    /// table adds to it.
    pub(crate) fn fill(&self, target_length: u32, masking: Masking, group: &[Rollout], out: &mut [Shaped]) {
        for (rollout, shaped) in group.iter().zip(out) {
            let correctness = f64::from(u8::from(rollout.correct));
            let reward = self.at(Cell::of(rollout, target_length));
            let total = reward.unwrap_or(0.0);
            shaped.set(total, [("correctness", correctness), ("length", total - correctness)]);
            shaped.in_loss = reward.is_some();
            shaped.in_statistics = reward.is_some() || masking == Masking::ZeroAfter;
        }
    }
}

/// `target_length` if it is a length that a rollout can keep to.
pub(crate) fn checked_target(strategy: &'static str, target_length: u32) -> Result<u32, RewardError> {
    if target_length >= 1 {
        return Ok(target_length);
    }
    Err(RewardError::BadParameter {
        strategy,
        parameter: "target_length",
        expected: "a whole number of tokens, at least 1",
        found: target_length.to_string(),
    })
}
