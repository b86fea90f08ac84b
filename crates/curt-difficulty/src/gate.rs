//! The joint: what a gate sees, says and is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{AnyCorrectAndSpread, DifficultyError, MixedOutcome, NoGate, RewardStd};

/// What a gate may know of one finished group; row i of each slice is rollout i. Checked when made, so gates cannot fail.
#[derive(Clone, Copy, Debug)]
pub struct GateFacts<'a> {
    correct: &'a [bool],
    rewards: &'a [f64],
    in_statistics: &'a [bool],
}

impl<'a> GateFacts<'a> {
    /// The facts of a group: verdicts, shaped rewards, and which rollouts count in the group's statistics.
    ///
    /// # Errors
    /// No rollouts, slices of different lengths, a reward that is not finite (its row is named).
    pub fn new(correct: &'a [bool], rewards: &'a [f64], in_statistics: &'a [bool]) -> Result<Self, DifficultyError> {
        if correct.is_empty() {
            return Err(DifficultyError::EmptyGroup);
        }
        let sizes = [("rewards", rewards.len()), ("in_statistics", in_statistics.len())];
        if let Some((field, found)) = sizes.into_iter().find(|(_, size)| *size != correct.len()) {
            return Err(DifficultyError::GroupSize { field, expected: correct.len(), found });
        }
        if let Some(row) = rewards.iter().position(|reward| !reward.is_finite()) {
            return Err(DifficultyError::RewardNotFinite { row, found: rewards[row] });
        }
        Ok(Self { correct, rewards, in_statistics })
    }

    /// Whether some rollout is right, masked ones included.
    pub fn any_correct(&self) -> bool {
        self.correct.contains(&true)
    }

    /// Whether some rollout is wrong, masked ones included.
    pub fn any_wrong(&self) -> bool {
        self.correct.contains(&false)
    }

    /// Whether two rollouts that count have different rewards. Compared exactly: a deviation near 0 proves nothing, because
    /// rounding gives equal rewards one.
    pub fn has_spread(&self) -> bool {
        let mut counted = self.rewards.iter().zip(self.in_statistics).filter(|(_, counts)| **counts).map(|(reward, _)| reward);
        let Some(first) = counted.next() else { return false };
        counted.any(|reward| reward != first)
    }
}

/// The verdict of a gate: kept, or dropped and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// The group is trained on.
    Kept,
    /// Dropped: no rollout is right.
    AllWrong,
    /// Dropped: no rollout is wrong.
    AllCorrect,
    /// Dropped: all counted rewards are equal, or fewer than two count.
    NoSpread,
    /// Dropped before any gate: no rollout could be graded.
    Ungradable,
    /// Dropped before any gate: screening left it, see [`Screening`](crate::Screening).
    Screened,
    /// Dropped after the gate kept it: the step was full without it, see [`Refill`](crate::Refill).
    Surplus,
}

impl Admission {
    /// Whether the group is trained on.
    pub fn is_kept(self) -> bool {
        self == Admission::Kept
    }

    /// The word for records: `kept`, or the reason (`all_wrong`, `all_correct`, `no_spread`, `ungradable`,
    /// `screened`, `surplus`).
    pub fn word(self) -> &'static str {
        match self {
            Admission::Kept => "kept",
            Admission::AllWrong => "all_wrong",
            Admission::AllCorrect => "all_correct",
            Admission::NoSpread => "no_spread",
            Admission::Ungradable => "ungradable",
            Admission::Screened => "screened",
            Admission::Surplus => "surplus",
        }
    }
}

/// Decides which finished groups are trained on.
pub trait Gate: Debug + Send + Sync {
    /// The word for it in a run file.
    fn name(&self) -> &'static str;

    /// Whether this group is trained on, and if not, why. The order of its rollouts does not matter.
    fn admit(&self, group: &GateFacts<'_>) -> Admission;
}

/// The gate of this name.
///
/// # Errors
/// An unknown name; all names are listed.
pub fn by_name(name: &str) -> Result<Box<dyn Gate>, DifficultyError> {
    all()
        .into_iter()
        .find(|gate| gate.name() == name)
        .ok_or_else(|| DifficultyError::UnknownGate { name: name.to_owned(), known: names() })
}

/// The names of all gates, the default first.
pub fn names() -> Vec<&'static str> {
    all().iter().map(|gate| gate.name()).collect()
}

fn all() -> [Box<dyn Gate>; 4] {
    [Box::new(AnyCorrectAndSpread), Box::new(MixedOutcome), Box::new(RewardStd), Box::new(NoGate)]
}
