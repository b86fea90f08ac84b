//! A few rollouts first, the rest for those that tell something.

use serde::{Deserialize, Serialize};

use crate::{Admission, DifficultyError, signal};

/// SPEED screening (arXiv 2506.09016): `screen` rollouts of every prompt, and the rest of the group only where those are
/// neither all right nor all wrong. The first rollouts stay in the group, so nothing that is kept is sampled twice.
///
/// A group that goes on is sure to be mixed. Groups that would have been mixed are lost, the more the fewer are screened;
/// [`Screening::expected_cost`] says what a kept group costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Sizes", into = "Sizes")]
pub struct Screening {
    screen: u32,
    total: u32,
}

/// A [`Screening`] as it is written.
#[derive(Serialize, Deserialize)]
struct Sizes {
    screen: u32,
    total: u32,
}

impl TryFrom<Sizes> for Screening {
    type Error = DifficultyError;

    fn try_from(sizes: Sizes) -> Result<Self, DifficultyError> {
        Screening::new(sizes.screen, sizes.total)
    }
}

impl From<Screening> for Sizes {
    fn from(screening: Screening) -> Self {
        Sizes { screen: screening.screen, total: screening.total }
    }
}

/// What screening says of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screened {
    /// Sample so many more.
    Continue(u32),
    /// Leave it, for this reason.
    Drop(Admission),
}

/// What screening costs and keeps at one pass rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScreeningCost {
    /// Share of prompts that go on.
    pub kept: f64,
    /// Rollouts per prompt on average.
    pub rollouts: f64,
    /// Share of the prompts with a mixed group of full size that are dropped.
    pub lost: f64,
}

impl Screening {
    /// Screens with the first `screen` of `total` rollouts.
    ///
    /// # Errors
    /// Fewer than 2 to screen with, or not fewer than in all.
    pub fn new(screen: u32, total: u32) -> Result<Self, DifficultyError> {
        if screen < 2 || screen >= total {
            return Err(DifficultyError::BadScreening { screen, total });
        }
        Ok(Self { screen, total })
    }

    /// Rollouts to screen with.
    pub fn screen(&self) -> u32 {
        self.screen
    }

    /// Rollouts of a group that goes on.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// What to do after `right` of `counted` screening rollouts were right; those that nothing can be said of do not count.
    ///
    /// # Errors
    /// More right answers than rollouts that count, more of those than were to screen with.
    pub fn decide(&self, right: u32, counted: u32) -> Result<Screened, DifficultyError> {
        if counted > self.screen {
            return Err(DifficultyError::TooManyScreened { screen: self.screen, found: counted });
        }
        match right {
            correct if correct > counted => Err(DifficultyError::TooManyCorrect { attempts: counted, correct }),
            0 => Ok(Screened::Drop(Admission::AllWrong)),
            k if k == counted => Ok(Screened::Drop(Admission::AllCorrect)),
            _ => Ok(Screened::Continue(self.total - self.screen)),
        }
    }

    /// What it costs and keeps of prompts with pass rate p: kept = 1 − p^s − (1−p)^s, rollouts = s + kept · (N − s),
    /// lost = 1 − kept / (1 − p^N − (1−p)^N), which is 0 where no group would be mixed.
    ///
    /// # Errors
    /// A rate outside \[0, 1\].
    pub fn expected_cost(&self, rate: f64) -> Result<ScreeningCost, DifficultyError> {
        let kept = signal::useful_share(rate, self.screen)?;
        let mixed = signal::useful_share(rate, self.total)?;
        let rollouts = f64::from(self.screen) + kept * f64::from(self.total - self.screen);
        let lost = if mixed > 0.0 { (1.0 - kept / mixed).max(0.0) } else { 0.0 };
        Ok(ScreeningCost { kept, rollouts, lost })
    }
}
