//! Typed, range-checked access to the values of a run file.

use std::ops::RangeInclusive;

use super::error::{Origin, Place, RunFileError};
use super::keys;
use super::raw::{Given, RunFile, Value};

/// The words of a setting, with their values.
pub(super) type Words<T> = [(&'static str, T)];

pub(super) const AT_LEAST_ONE: RangeInclusive<i128> = 1..=u32::MAX as i128;
/// Of things that are all in memory at once.
pub(super) const UP_TO_A_MILLION: RangeInclusive<i128> = 1..=1_000_000;
pub(super) const FROM_ZERO: RangeInclusive<i128> = 0..=u32::MAX as i128;

impl RunFile {
    /// Where `key` was given, or that it is a default.
    pub(super) fn place(&self, key: &str) -> Box<Place> {
        match self.given.get(key) {
            Some(given) => given.place(key),
            None => Box::new(Place { origin: Origin::Default(self.name.clone()), key: key.to_owned(), spelled: None }),
        }
    }

    pub(super) fn missing(&self, key: &'static str, expected: &'static str) -> RunFileError {
        RunFileError::Missing { file: self.name.clone(), key, expected }
    }

    /// A whole number of `range`, or `None` where the key is not given.
    pub(super) fn integer<T: TryFrom<i128>>(
        &self,
        key: &str,
        range: RangeInclusive<i128>,
        expected: &'static str,
    ) -> Result<Option<T>, RunFileError> {
        self.given.get(key).map(|given| integer(given, &given.value, key, &range, expected)).transpose()
    }

    /// A list of whole numbers of `range`, or `None` where the key is not given.
    pub(super) fn integers(
        &self,
        key: &str,
        range: RangeInclusive<i128>,
        expected: &'static str,
    ) -> Result<Option<Vec<u32>>, RunFileError> {
        let Some(given) = self.given.get(key) else {
            return Ok(None);
        };
        match &given.value {
            Value::List(list) => {
                list.iter().map(|value| integer(given, value, key, &range, expected)).collect::<Result<_, _>>().map(Some)
            }
            other => Err(mistyped(given, key, "a list of whole numbers", other)),
        }
    }

    /// A number that `accept` accepts; `default` where the key is not given. NaN and infinity are never accepted.
    pub(super) fn number(
        &self,
        key: &str,
        accept: impl Fn(f64) -> bool,
        expected: &'static str,
        default: f64,
    ) -> Result<f64, RunFileError> {
        let Some(given) = self.given.get(key) else {
            return Ok(default);
        };
        let number = match given.value {
            Value::Number(number) => number,
            Value::Integer(integer) => integer as f64,
            ref other => return Err(mistyped(given, key, "a number", other)),
        };
        if number.is_finite() && accept(number) {
            // -0.0 would be written back as another text.
            return Ok(if number == 0.0 { 0.0 } else { number });
        }
        Err(RunFileError::OutOfRange { place: given.place(key), expected, found: number.to_string() })
    }

    /// A number or a word, or `None` where the key is not given.
    pub(super) fn parameter(&self, key: &str) -> Result<Option<curt_reward::Value>, RunFileError> {
        let Some(given) = self.given.get(key) else {
            return Ok(None);
        };
        match &given.value {
            Value::Text(word) => Ok(Some(word.as_str().into())),
            // -0.0 would be written back as another text.
            Value::Number(number) => Ok(Some(if *number == 0.0 { 0.0 } else { *number }.into())),
            Value::Integer(integer) => Ok(Some((*integer as f64).into())),
            other => Err(mistyped(given, key, "a number or a word", other)),
        }
    }

    /// `true` or `false`; `default` where the key is not given.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, RunFileError> {
        match self.given.get(key) {
            None => Ok(default),
            Some(Given { value: Value::Flag(flag), .. }) => Ok(*flag),
            Some(given) => Err(mistyped(given, key, "true or false", &given.value)),
        }
    }

    /// A string, or `None` where the key is not given.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, RunFileError> {
        match self.given.get(key) {
            None => Ok(None),
            Some(Given { value: Value::Text(text), .. }) => Ok(Some(text.clone())),
            Some(given) => Err(mistyped(given, key, "a string", &given.value)),
        }
    }

    /// A list of strings; none where the key is not given.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, RunFileError> {
        let Some(given) = self.given.get(key) else {
            return Ok(Vec::new());
        };
        let Value::List(list) = &given.value else {
            return Err(mistyped(given, key, "a list of strings", &given.value));
        };
        let text = |value: &Value| match value {
            Value::Text(text) => Ok(text.clone()),
            other => Err(mistyped(given, key, "a list of strings", other)),
        };
        list.iter().map(text).collect()
    }

    /// A string that is not empty, or `None` where the key is not given.
    pub(super) fn path(&self, key: &str) -> Result<Option<String>, RunFileError> {
        match self.text(key)? {
            Some(path) if path.is_empty() => {
                Err(RunFileError::OutOfRange { place: self.place(key), expected: "a path", found: "an empty string".to_owned() })
            }
            path => Ok(path),
        }
    }

    /// What one of `words` means; `default` where the key is not given.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &Words<T>, default: T) -> Result<T, RunFileError> {
        let Some(found) = self.text(key)? else {
            return Ok(default);
        };
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, meaning)) => Ok(*meaning),
            None => Err(self.unknown_word(key, found, words.iter().map(|(word, _)| *word).collect(), None)),
        }
    }

    /// One of `known`; `default` where the key is not given.
    pub(super) fn name(
        &self,
        key: &str,
        known: &[&'static str],
        default: &'static str,
        note: Option<&'static str>,
    ) -> Result<String, RunFileError> {
        let found = self.text(key)?.unwrap_or_else(|| default.to_owned());
        if known.contains(&found.as_str()) {
            return Ok(found);
        }
        Err(self.unknown_word(key, found, known.to_vec(), note))
    }

    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// A number, a word, yes or no, or `None` where the key is not given.
    pub(super) fn algo_parameter(&self, key: &str) -> Result<Option<curt_advantage::Value>, RunFileError> {
        let Some(given) = self.given.get(key) else {
            return Ok(None);
        };
        match &given.value {
            Value::Text(word) => Ok(Some(word.as_str().into())),
            Value::Flag(flag) => Ok(Some((*flag).into())),
            Value::Integer(integer) => Ok(Some((*integer as f64).into())),
            // -0.0 would be written back as another text.
            Value::Number(number) => Ok(Some(if *number == 0.0 { 0.0 } else { *number }.into())),
            other => Err(mistyped(given, key, "a number or a word", other)),
        }
    }

    pub(super) fn unknown_word(
        &self,
        key: &str,
        found: String,
        known: Vec<&'static str>,
        note: Option<&'static str>,
    ) -> RunFileError {
        let nearest = keys::nearest(&found, known.iter().copied()).map(str::to_owned);
        let found = found.chars().take(80).collect();
        RunFileError::UnknownWord { place: self.place(key), found, nearest, known, note }
    }
}

fn integer<T: TryFrom<i128>>(
    given: &Given,
    value: &Value,
    key: &str,
    range: &RangeInclusive<i128>,
    expected: &'static str,
) -> Result<T, RunFileError> {
    let Value::Integer(found) = *value else {
        return Err(mistyped(given, key, expected, value));
    };
    let in_range = range.contains(&found).then_some(found).and_then(|number| T::try_from(number).ok());
    in_range.ok_or_else(|| RunFileError::OutOfRange { place: given.place(key), expected, found: found.to_string() })
}

pub(super) fn mistyped(given: &Given, key: &str, expected: &str, found: &Value) -> RunFileError {
    RunFileError::Mistyped { place: given.place(key), expected: expected.to_owned(), found: found.describe() }
}
