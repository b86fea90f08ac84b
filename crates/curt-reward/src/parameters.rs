//! The parameters of a strategy as a run file gives them, before they are checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::nearest::nearest;
use crate::{Masking, RewardError};

/// Parameters by name, as read from a run file. They are checked by the strategy that is built from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(BTreeMap<String, Value>);

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A number. Whole numbers may be written without a point.
    Number(f64),
    /// A word.
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Word(word) => write!(f, "`{word}`"),
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Number(f64::from(number))
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Value::Word(word.to_owned())
    }
}

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// These parameters with one more; a second value for a name replaces the first.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The value given for `name`, or `None`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Refuses a parameter that the strategy does not have, rather than ignore it.
    pub(crate) fn expect_only(&self, strategy: &'static str, known: &'static [&'static str]) -> Result<(), RewardError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(RewardError::UnknownParameter { strategy, parameter: name.clone(), nearest: nearest(name, known), known })
            }
        }
    }

    /// A length in tokens, from 1; required.
    pub(crate) fn length(&self, strategy: &'static str, parameter: &'static str) -> Result<u32, RewardError> {
        let expected = "a whole number of tokens, at least 1";
        let value = self.get(parameter).ok_or(RewardError::MissingParameter { strategy, parameter, expected })?;
        match *value {
            Value::Number(n) if n >= 1.0 && n <= f64::from(u32::MAX) && n.trunc() == n => Ok(n as u32),
            _ => Err(RewardError::BadParameter { strategy, parameter, expected, found: value.to_string() }),
        }
    }

    /// How masked rollouts act on the statistics; [`Masking::Exclude`] when not given.
    pub(crate) fn masking(&self, strategy: &'static str) -> Result<Masking, RewardError> {
        let expected = "`exclude` or `zero_after`";
        match self.get("masking") {
            None => Ok(Masking::default()),
            Some(Value::Word(word)) if word == "exclude" => Ok(Masking::Exclude),
            Some(Value::Word(word)) if word == "zero_after" => Ok(Masking::ZeroAfter),
            Some(other) => Err(RewardError::BadParameter { strategy, parameter: "masking", expected, found: other.to_string() }),
        }
    }
}
