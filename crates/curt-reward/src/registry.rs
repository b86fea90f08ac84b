//! From the word in a run file to a strategy: the one table.

use crate::nearest::nearest;
use crate::parameters::{Parameter, Reading};
use crate::strategies::ALL;
use crate::{Parameters, RewardError, RewardStrategy};

/// What the table knows of a strategy; each file of `strategies/` has one.
pub(crate) struct Entry {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub build: fn(&Parameters) -> Result<Box<dyn RewardStrategy>, RewardError>,
}

impl Entry {
    /// The parameters while the strategy is built; unknown ones are refused.
    pub fn reading<'a>(&self, given: &'a Parameters) -> Result<Reading<'a>, RewardError> {
        Reading::new(self.name, self.parameters, given)
    }
}

/// The strategy of this name, built from these parameters.
///
/// # Errors
/// An unknown name (the nearest is suggested, all are listed), a parameter that this strategy does not have, a missing
/// one, or one out of its range.
pub fn by_name(name: &str, parameters: &Parameters) -> Result<Box<dyn RewardStrategy>, RewardError> {
    (entry(name)?.build)(parameters)
}

/// The names of all strategies, in the order of the documentation.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|entry| entry.name).collect()
}

/// The parameters of a strategy.
///
/// # Errors
/// An unknown name, as in [`by_name`].
pub fn parameters_of(name: &str) -> Result<&'static [Parameter], RewardError> {
    Ok(entry(name)?.parameters)
}

/// `given` with the value of every parameter that is not in it: what a run file in full would say. A parameter without a
/// preset stays away.
///
/// # Errors
/// An unknown name, a parameter that this strategy does not have. Values are checked by [`by_name`] only.
pub fn resolved(name: &str, given: &Parameters) -> Result<Parameters, RewardError> {
    Ok(entry(name)?.reading(given)?.resolved())
}

fn entry(name: &str) -> Result<&'static Entry, RewardError> {
    ALL.iter().copied().find(|entry| entry.name == name).ok_or_else(|| {
        let known = names();
        RewardError::UnknownStrategy { name: name.to_owned(), nearest: nearest(name, &known), known }
    })
}
