//! Reading saved states: nothing missing, nothing unknown, nothing absurd.

use crate::parameters::Range;
use crate::{RewardError, StrategyState};

/// A saved state whose writer was checked.
pub(crate) struct SavedState<'a> {
    strategy: &'static str,
    state: &'a StrategyState,
}

impl<'a> SavedState<'a> {
    /// Refuses the state of another strategy or version.
    pub fn of(strategy: &'static str, version: u32, state: &'a StrategyState) -> Result<Self, RewardError> {
        if state.strategy == strategy && state.version == version {
            return Ok(Self { strategy, state });
        }
        Err(RewardError::StateOfAnother {
            expected: format!("{strategy} version {version}"),
            found: format!("{} version {}", state.strategy, state.version),
        })
    }

    /// Refuses values that `is_known` does not know.
    pub fn expect_only(&self, is_known: impl Fn(&str) -> bool) -> Result<(), RewardError> {
        match self.state.values.keys().find(|key| !is_known(key)) {
            None => Ok(()),
            Some(key) => Err(RewardError::UnknownStateValue { strategy: self.strategy, key: key.clone() }),
        }
    }

    /// A value of `range`.
    pub fn number(&self, key: &str, range: Range) -> Result<f64, RewardError> {
        let missing = || RewardError::MissingStateValue { strategy: self.strategy, key: key.to_owned() };
        self.optional(key, range)?.ok_or_else(missing)
    }

    /// A value of `range`, or `None` where the state has none.
    pub fn optional(&self, key: &str, range: Range) -> Result<Option<f64>, RewardError> {
        match self.state.values.get(key) {
            None => Ok(None),
            Some(&x) if x.is_finite() && (range.holds)(x) => Ok(Some(x)),
            Some(&found) => Err(self.bad(key, range.expected, found)),
        }
    }

    /// Refuses a value that is in its range but does not fit the others.
    pub fn bad(&self, key: &str, expected: &'static str, found: f64) -> RewardError {
        RewardError::BadStateValue { strategy: self.strategy, key: key.to_owned(), expected, found }
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> {
        self.state.values.iter().map(|(key, value)| (key.as_str(), *value))
    }

    /// Refuses a key that cannot be read.
    pub fn unknown(&self, key: &str) -> RewardError {
        RewardError::UnknownStateValue { strategy: self.strategy, key: key.to_owned() }
    }
}
