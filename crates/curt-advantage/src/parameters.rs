//! The parameters of an estimator or objective as a run file gives them, before they are checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::AdvantageError;

/// Parameters by name, as read from a run file. They are checked by what is built from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Given>")]
pub struct Parameters(BTreeMap<String, Value>);

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, a word, true or false")]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number. Whole numbers may be written without a point.
    Number(f64),
    /// A word.
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// What stands in the place of a value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Value(Value),
    List(Vec<IgnoredAny>),
    Nothing(()),
    Other(IgnoredAny),
}

impl TryFrom<BTreeMap<String, Given>> for Parameters {
    type Error = String;

    fn try_from(given: BTreeMap<String, Given>) -> Result<Self, String> {
        let refused = |name: &str, found: &str| {
            Err(format!("expected the parameter `{name}` to be a number, a word, true or false, found {found}"))
        };
        let value = |(name, given): (String, Given)| match given {
            Given::Value(value) => Ok((name, value)),
            Given::List(list) => refused(&name, &format!("a list of {}", list.len())),
            Given::Nothing(()) => refused(&name, "nothing"),
            Given::Other(_) => refused(&name, "a table"),
        };
        given.into_iter().map(value).collect::<Result<_, _>>().map(Parameters)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
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

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A number, or `default` where it is not given.
    pub(crate) fn number(&self, name: &'static str, default: f64) -> Result<f64, AdvantageError> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// A number, or `None` where it is not given.
    pub(crate) fn optional(&self, name: &'static str) -> Result<Option<f64>, AdvantageError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(other) => Err(mistyped(name, "a number", other)),
        }
    }

    /// Yes or no, or `default` where it is not given.
    pub(crate) fn flag(&self, name: &'static str, default: bool) -> Result<bool, AdvantageError> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Flag(flag)) => Ok(*flag),
            Some(other) => Err(mistyped(name, "true or false", other)),
        }
    }

    /// What one of `words` means, or the first where none is given. `expected` lists them.
    pub(crate) fn word<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&str, T)],
        expected: &'static str,
    ) -> Result<T, AdvantageError> {
        let Some(value) = self.get(name) else { return Ok(words[0].1) };
        let found = words.iter().find(|(word, _)| matches!(value, Value::Word(given) if given == word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| mistyped(name, expected, value))
    }
}

fn mistyped(setting: &'static str, expected: &'static str, found: &Value) -> AdvantageError {
    AdvantageError::BadSetting { setting, expected, found: found.to_string() }
}
