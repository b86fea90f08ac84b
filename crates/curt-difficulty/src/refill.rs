//! Sampling more prompts until a step has enough useful groups.

use serde::{Deserialize, Serialize};

use crate::DifficultyError;

/// Plans dynamic refill (DAPO's dynamic sampling, arXiv 2503.14476): a step wants so many kept groups, and samples further
/// prompts in place of those that a gate dropped, for a limited number of rounds. It counts what it is told and decides; it
/// samples nothing itself.
///
/// ```
/// use curt_difficulty::{Refill, RefillStep};
///
/// let mut refill = Refill::new(16, 2)?; // 16 kept groups, at most 2 rounds after the first
/// assert_eq!(refill.plan(), RefillStep::Sample(16));
/// refill.sampled(16, 8)?; // half of them were dropped
/// assert_eq!(refill.plan(), RefillStep::Sample(16)); // 8 are missing, and every other one is kept
/// refill.sampled(16, 9)?;
/// assert_eq!(refill.plan(), RefillStep::Full);
/// assert_eq!(refill.cost().surplus, 1);
/// # Ok::<(), curt_difficulty::DifficultyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub struct Refill {
    wanted: u32,
    max_refills: u32,
    rounds: u32,
    sampled: u64,
    kept: u64,
}

/// A [`Refill`] as it is written, before it is checked.
#[derive(Deserialize)]
struct Counts {
    wanted: u32,
    max_refills: u32,
    rounds: u32,
    sampled: u64,
    kept: u64,
}

impl TryFrom<Counts> for Refill {
    type Error = DifficultyError;

    fn try_from(Counts { wanted, max_refills, rounds, sampled, kept }: Counts) -> Result<Self, DifficultyError> {
        let new = Refill::new(wanted, max_refills)?;
        // each round samples at least one group, and no more than it can say
        let most = u64::from(rounds) * u64::from(u32::MAX);
        if !(u64::from(rounds)..=most).contains(&sampled) || kept > sampled {
            return Err(DifficultyError::BadRefill { rounds, sampled, kept });
        }
        Ok(Refill { rounds, sampled, kept, ..new })
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefillStep {
    /// Sample so many more prompts.
    Sample(u32),
    /// There are groups enough.
    Full,
    /// There are not, and the rounds are used up: train on what there is.
    GiveUp,
}

/// What a step's groups cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefillCost {
    /// Rounds after the first.
    pub refills: u32,
    /// Groups sampled.
    pub sampled: u64,
    /// Groups kept.
    pub kept: u64,
    /// Kept groups beyond those wanted.
    pub surplus: u64,
    /// Groups that are missing.
    pub missing: u64,
    /// Groups sampled for each one kept; `None` where none was.
    pub oversampling: Option<f64>,
}

impl Refill {
    /// No round samples more than this many times the groups wanted.
    pub const LARGEST_ROUND: u32 = 4;

    /// Wants `wanted` kept groups, with at most `max_refills` rounds after the first.
    ///
    /// # Errors
    /// No groups wanted.
    pub fn new(wanted: u32, max_refills: u32) -> Result<Self, DifficultyError> {
        if wanted == 0 {
            return Err(DifficultyError::NoGroupsWanted);
        }
        Ok(Self { wanted, max_refills, rounds: 0, sampled: 0, kept: 0 })
    }

    /// What to do next. A refill samples the missing groups times the groups sampled so far for each one kept, rounded up, at
    /// most [`Refill::LARGEST_ROUND`] times the groups wanted.
    pub fn plan(&self) -> RefillStep {
        let missing = u64::from(self.wanted).saturating_sub(self.kept);
        if missing == 0 {
            return RefillStep::Full;
        }
        if self.rounds == 0 {
            return RefillStep::Sample(self.wanted);
        }
        if self.rounds > self.max_refills {
            return RefillStep::GiveUp;
        }
        let largest = u128::from(self.wanted) * u128::from(Self::LARGEST_ROUND);
        let needed = (u128::from(missing) * u128::from(self.sampled)).div_ceil(u128::from(self.kept.max(1)));
        RefillStep::Sample(u32::try_from(needed.min(largest)).unwrap_or(u32::MAX).max(1))
    }

    /// Notes a round.
    ///
    /// # Errors
    /// More kept than sampled, a round of none.
    pub fn sampled(&mut self, groups: u32, kept: u32) -> Result<(), DifficultyError> {
        if groups == 0 || kept > groups {
            return Err(DifficultyError::BadRound { sampled: groups, kept });
        }
        self.rounds = self.rounds.saturating_add(1);
        self.sampled = self.sampled.saturating_add(u64::from(groups));
        self.kept = self.kept.saturating_add(u64::from(kept));
        Ok(())
    }

    /// What the groups cost so far.
    pub fn cost(&self) -> RefillCost {
        let wanted = u64::from(self.wanted);
        RefillCost {
            refills: self.rounds.saturating_sub(1),
            sampled: self.sampled,
            kept: self.kept,
            surplus: self.kept.saturating_sub(wanted),
            missing: wanted.saturating_sub(self.kept),
            oversampling: (self.kept > 0).then(|| self.sampled as f64 / self.kept as f64),
        }
    }
}
