//! `gpg`: rewards centred by group, made up for what says nothing.

use serde::{Deserialize, Serialize};

use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// What the factor α of [`Gpg`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpgCount {
    /// α = groups / groups that are not flat: the paper.
    #[default]
    UsefulGroups,
    /// α = counted rollouts / those with a reward other than 0: verl.
    NonzeroRewards,
}

/// **A = α · (r − μ) / f** per rollout, in units of reward over f: μ the mean reward of its group, f a constant, α ≥ 1 the
/// share of the batch that says something, inverted (group policy gradient, arXiv 2504.02546).
///
/// α keeps the size of a step when many groups are flat, as a mean over the useful groups alone would. The paper counts
/// useful groups, and that is followed; verl counts rewards other than 0, which is the same only where wrong is 0 and
/// which moves with a shift of the rewards ([`GpgCount::NonzeroRewards`]).
///
/// - f = 1 and useful groups by default, as in the paper's F_norm = 1.
/// - Degenerate: flat groups get exactly 0; α is taken over at least one.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a common shift (not with `nonzero_rewards`); A(a·r) = a·A(r);
///   equal rewards of a group get equal advantages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gpg {
    count: GpgCount,
    f_norm: f64,
}

impl Default for Gpg {
    /// Useful groups, f = 1.
    fn default() -> Self {
        Self { count: GpgCount::UsefulGroups, f_norm: 1.0 }
    }
}

impl Gpg {
    /// The estimator that counts this and divides by `f_norm`.
    ///
    /// # Errors
    /// An `f_norm` that is not a finite number above 0.
    pub fn new(count: GpgCount, f_norm: f64) -> Result<Self, AdvantageError> {
        if !(f_norm.is_finite() && f_norm > 0.0) {
            let expected = "a finite number above 0";
            return Err(AdvantageError::BadSetting { setting: "f_norm", expected, found: f_norm.to_string() });
        }
        Ok(Self { count, f_norm })
    }

    fn alpha(&self, groups: &[RewardGroup]) -> f64 {
        let (all, useful) = match self.count {
            GpgCount::UsefulGroups => (groups.len(), groups.iter().filter(|group| !group.is_flat()).count()),
            GpgCount::NonzeroRewards => {
                let rewards = || groups.iter().flat_map(RewardGroup::counted);
                (rewards().count(), rewards().filter(|reward| *reward != 0.0).count())
            }
        };
        all as f64 / useful.max(1) as f64
    }
}

impl AdvantageEstimator for Gpg {
    fn name(&self) -> &'static str {
        "gpg"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let factor = self.alpha(groups) / self.f_norm;
        let group = |group: &RewardGroup| {
            let spread = Spread::of(|| group.counted());
            let credit = |row| factor * spread.centred(group.rewards[row]);
            if group.is_flat() { group.no_credit() } else { group.credit_trained(credit) }
        };
        Ok(groups.iter().map(group).collect())
    }
}
