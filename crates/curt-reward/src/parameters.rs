//! The parameters of a strategy: what it has, and what a run file gives.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::nearest::nearest;
use crate::{Masking, RewardError};

/// One parameter of a strategy, as its documentation lists it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// The word for it in a run file.
    pub name: &'static str,
    /// Its value when it is not given.
    pub preset: Preset,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// The value that a parameter has when it is not given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// This number.
    Number(f64),
    /// This word.
    Word(&'static str),
    /// None: it is a target L_T, which a trainer takes from its own setting and everybody else must give.
    Target,
    /// None: it is the generation limit L_R, which a trainer knows and everybody else must give.
    Limit,
    /// This share of another parameter, rounded down to a whole number, at least 1.
    Share(f64, &'static str),
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Preset::Number(number) => write!(f, "{number}"),
            Preset::Word(word) => f.write_str(word),
            Preset::Target => f.write_str("required: L_T"),
            Preset::Limit => f.write_str("required: L_R"),
            Preset::Share(share, of) => write!(f, "{share} · {of}"),
        }
    }
}

/// Parameters by name, as read from a run file. They are checked by the strategy that is built from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Given>")]
pub struct Parameters(BTreeMap<String, Value>);

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or a word")]
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

/// What stands in the place of a value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Value(Value),
    Flag(bool),
    List(Vec<IgnoredAny>),
    Nothing(()),
    Other(IgnoredAny),
}

impl TryFrom<BTreeMap<String, Given>> for Parameters {
    type Error = String;

    fn try_from(given: BTreeMap<String, Given>) -> Result<Self, String> {
        let refused =
            |name: &str, found: &str| Err(format!("expected the parameter `{name}` to be a number or a word, found {found}"));
        let value = |(name, given): (String, Given)| match given {
            Given::Value(value) => Ok((name, value)),
            Given::Flag(flag) => refused(&name, if flag { "true" } else { "false" }),
            Given::List(list) => refused(&name, &format!("a list of {}", list.len())),
            Given::Nothing(()) => refused(&name, "nothing"),
            Given::Other(_) => refused(&name, "a table"),
        };
        given.into_iter().map(value).collect::<Result<_, _>>().map(Parameters)
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

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// What a number may be.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub expected: &'static str,
    pub holds: fn(f64) -> bool,
}

pub(crate) const ANY: Range = Range { expected: "a finite number", holds: |_| true };
pub(crate) const AT_LEAST_0: Range = Range { expected: "a finite number, at least 0", holds: |x| x >= 0.0 };
pub(crate) const ABOVE_0: Range = Range { expected: "a finite number above 0", holds: |x| x > 0.0 };
pub(crate) const SHARE: Range = Range { expected: "a number from 0 to 1", holds: |x| (0.0..=1.0).contains(&x) };
pub(crate) const AT_MOST_1: Range = Range { expected: "a finite number, at most 1", holds: |x| x <= 1.0 };
const LENGTH: Range = Range {
    expected: "a whole number of tokens, at least 1",
    holds: |x| x >= 1.0 && x <= u32::MAX as f64 && libm::trunc(x) == x,
};
pub(crate) const WHOLE: Range =
    Range { expected: "a whole number, at least 0", holds: |x| x >= 0.0 && x <= u32::MAX as f64 && libm::trunc(x) == x };

/// The parameters of one strategy while it is built: given values, presets, ranges.
pub(crate) struct Reading<'a> {
    strategy: &'static str,
    known: &'static [Parameter],
    given: &'a Parameters,
}

impl<'a> Reading<'a> {
    /// Refuses a parameter that the strategy does not have, rather than ignore it.
    pub fn new(strategy: &'static str, known: &'static [Parameter], given: &'a Parameters) -> Result<Self, RewardError> {
        let names: Vec<&'static str> = known.iter().map(|parameter| parameter.name).collect();
        match given.iter().find(|(name, _)| !names.contains(name)) {
            None => Ok(Self { strategy, known, given }),
            Some((name, _)) => {
                let nearest = nearest(name, &names);
                Err(RewardError::UnknownParameter { strategy, parameter: name.to_owned(), nearest, known: names })
            }
        }
    }

    /// Every parameter with its value; those without a preset only where they are given.
    pub fn resolved(&self) -> Parameters {
        let value = |parameter: &Parameter| Some((parameter.name.to_owned(), self.value(parameter)?));
        Parameters(self.known.iter().filter_map(value).collect())
    }

    /// A finite number of `range`.
    pub fn number(&self, name: &'static str, range: Range) -> Result<f64, RewardError> {
        match self.required(name, range.expected)? {
            Value::Number(x) if x.is_finite() && (range.holds)(x) => Ok(x),
            other => Err(self.bad(name, range.expected, &other)),
        }
    }

    /// A length in tokens, from 1.
    pub fn length(&self, name: &'static str) -> Result<u32, RewardError> {
        self.number(name, LENGTH).map(|x| x as u32)
    }

    /// A whole number, from 0.
    pub fn whole(&self, name: &'static str) -> Result<u32, RewardError> {
        self.number(name, WHOLE).map(|x| x as u32)
    }

    /// What one of `words` means; `expected` lists them.
    pub fn word<T: Copy>(&self, name: &'static str, words: &[(&str, T)], expected: &'static str) -> Result<T, RewardError> {
        let value = self.required(name, expected)?;
        let meaning = words.iter().find(|(word, _)| matches!(&value, Value::Word(found) if found == word));
        meaning.map(|(_, meaning)| *meaning).ok_or_else(|| self.bad(name, expected, &value))
    }

    /// A number of `range`, or the one word `word` for `None`.
    pub fn number_or(
        &self,
        name: &'static str,
        range: Range,
        word: &str,
        expected: &'static str,
    ) -> Result<Option<f64>, RewardError> {
        match self.required(name, expected)? {
            Value::Word(found) if found == word => Ok(None),
            Value::Number(x) if x.is_finite() && (range.holds)(x) => Ok(Some(x)),
            other => Err(self.bad(name, expected, &other)),
        }
    }

    /// The way of masking.
    pub fn masking(&self) -> Result<Masking, RewardError> {
        let words = [("exclude", Masking::Exclude), ("zero_after", Masking::ZeroAfter)];
        self.word("masking", &words, "`exclude` or `zero_after`")
    }

    /// Refuses a value that is in its range but does not fit the others.
    pub fn bad(&self, parameter: &'static str, expected: &'static str, found: &Value) -> RewardError {
        RewardError::BadParameter { strategy: self.strategy, parameter, expected, found: found.to_string() }
    }

    fn required(&self, parameter: &'static str, expected: &'static str) -> Result<Value, RewardError> {
        let known = self.known.iter().find(|known| known.name == parameter);
        known.and_then(|known| self.value(known)).ok_or(RewardError::MissingParameter {
            strategy: self.strategy,
            parameter,
            expected,
        })
    }

    fn value(&self, parameter: &Parameter) -> Option<Value> {
        if let Some(value) = self.given.get(parameter.name) {
            return Some(value.clone());
        }
        match parameter.preset {
            Preset::Number(number) => Some(number.into()),
            Preset::Word(word) => Some(word.into()),
            Preset::Target | Preset::Limit => None,
            Preset::Share(share, of) => match self.value(self.known.iter().find(|known| known.name == of)?)? {
                Value::Number(whole) => Some(libm::floor(share * whole).max(1.0).into()),
                Value::Word(_) => None,
            },
        }
    }
}

/// The target L_T that a trainer sets.
pub(crate) const TARGET_LENGTH: Parameter = Parameter { name: "target_length", preset: Preset::Target, meaning: "L_T in tokens" };

/// The generation limit L_R.
pub(crate) const MAX_LENGTH: Parameter =
    Parameter { name: "max_length", preset: Preset::Limit, meaning: "longest possible completion in tokens" };

/// How masked rollouts count.
pub(crate) const MASKING: Parameter =
    Parameter { name: "masking", preset: Preset::Word("exclude"), meaning: "`exclude` or `zero_after`" };

impl Parameter {
    /// A parameter whose preset is a number.
    pub(crate) const fn number(name: &'static str, preset: f64, meaning: &'static str) -> Self {
        Self { name, preset: Preset::Number(preset), meaning }
    }

    /// A parameter whose preset is a word.
    pub(crate) const fn word(name: &'static str, preset: &'static str, meaning: &'static str) -> Self {
        Self { name, preset: Preset::Word(preset), meaning }
    }
}
