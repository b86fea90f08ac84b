//! Typed access to the keys of a JSON file, with errors that name file, key, expectation and finding.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::RuntimeError;
use crate::plain_file;

/// What [`Fields::positive`] takes.
const POSITIVE: &str = "a number above 0 and finite in f32";

/// A JSON object, the file it came from and the key that leads to it.
pub(crate) struct Fields<'a> {
    path: &'a Path,
    prefix: String,
    object: &'a Map<String, Value>,
}

/// The JSON object in the file. Errors: missing file, unreadable, larger than `limit` bytes, not JSON, not an object.
pub(crate) fn read_object(path: &Path, purpose: &'static str, limit: u64) -> Result<Map<String, Value>, RuntimeError> {
    let text = read_text(path, purpose, limit)?;
    parse_object(path, &text)
}

/// The JSON object in `text`, which came from the file `path`.
pub(crate) fn parse_object(path: &Path, text: &str) -> Result<Map<String, Value>, RuntimeError> {
    let json = |reason: String| RuntimeError::Json { path: path.to_path_buf(), reason };
    match serde_json::from_str(text).map_err(|error| json(error.to_string()))? {
        Value::Object(object) => Ok(object),
        other => Err(json(format!("expected an object, found {}", describe(&other)))),
    }
}

/// The text of the file. Errors: missing, no plain file, unreadable, not UTF-8, larger than `limit` bytes.
pub(crate) fn read_text(path: &Path, purpose: &'static str, limit: u64) -> Result<String, RuntimeError> {
    let failed = |source| RuntimeError::reading(path, purpose, source);
    let mut text = String::new();
    let file = plain_file::open(path).map_err(failed)?;
    // one byte more than allowed is read, so that a longer file is noticed without trusting its reported size
    let found = file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    if found as u64 > limit {
        let source = std::io::Error::other(format!("larger than {limit} bytes"));
        return Err(RuntimeError::Read { path: path.to_path_buf(), source });
    }
    Ok(text)
}

/// A short description of a JSON value for an error message; long values are cut.
pub(crate) fn describe(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(path: &'a Path, object: &'a Map<String, Value>) -> Self {
        Self { path, prefix: String::new(), object }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }

    /// The value of a key; an explicit `null` counts as absent, as in transformers.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// The object under a key, if any.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Fields<'a>>, RuntimeError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Self { path: self.path, prefix: format!("{}{key}.", self.prefix), object })),
            Some(_) => Err(self.wrong(key, "an object")),
        }
    }

    /// The key of the first member that is itself an object, if any.
    pub(crate) fn nested_key(&self) -> Option<&'a str> {
        self.object.iter().find(|(_, value)| value.is_object()).map(|(key, _)| key.as_str())
    }

    /// The integer under a key, in `1..=limit`, if any.
    pub(crate) fn size(&self, key: &str, limit: usize) -> Result<Option<usize>, RuntimeError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        // transformers writes some sizes as 32768.0
        let number = value.as_u64().or_else(|| value.as_f64().filter(|x| *x >= 0.0 && x.fract() == 0.0).map(|x| x as u64));
        match number {
            Some(n) if n >= 1 && n <= limit as u64 => Ok(Some(n as usize)),
            _ => Err(self.wrong(key, &format!("an integer from 1 to {limit}"))),
        }
    }

    /// The integer under a key that must be there.
    pub(crate) fn required_size(&self, key: &str, limit: usize) -> Result<usize, RuntimeError> {
        self.size(key, limit)?.ok_or_else(|| self.wrong(key, &format!("an integer from 1 to {limit}")))
    }

    /// The number under a key that is positive and finite in f32, in which a model computes, if any.
    pub(crate) fn positive(&self, key: &str) -> Result<Option<f64>, RuntimeError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64() {
            Some(x) if x as f32 > 0.0 && (x as f32).is_finite() => Ok(Some(x)),
            _ => Err(self.wrong(key, POSITIVE)),
        }
    }

    /// The same under a key that must be there.
    pub(crate) fn required_positive(&self, key: &str) -> Result<f64, RuntimeError> {
        self.positive(key)?.ok_or_else(|| self.wrong(key, POSITIVE))
    }

    /// The boolean under a key, or the default.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool, RuntimeError> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// The string under a key, if any.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, RuntimeError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// The list of strings under a key; empty when absent.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, RuntimeError> {
        let wrong = || self.wrong(key, "a list of strings");
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect(),
            Some(_) => Err(wrong()),
        }
    }

    /// The token id or list of token ids under a key, each below `vocab`; empty when absent.
    pub(crate) fn token_ids(&self, key: &str, vocab: usize) -> Result<Vec<u32>, RuntimeError> {
        let id = |value: &Value| {
            let id = value.as_u64().filter(|id| *id < vocab as u64).and_then(|id| u32::try_from(id).ok());
            id.ok_or_else(|| self.wrong(key, &format!("a token id below {vocab} or a list of them")))
        };
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(id).collect(),
            Some(value) => Ok(vec![id(value)?]),
        }
    }

    /// The error for a key whose value is missing or unfit.
    pub(crate) fn wrong(&self, key: &str, expected: &str) -> RuntimeError {
        RuntimeError::Key {
            path: self.path(),
            key: format!("{}{key}", self.prefix),
            expected: expected.to_string(),
            found: self.object.get(key).map_or_else(|| "nothing".to_string(), describe),
        }
    }

    /// The error for a feature that is switched on and not supported.
    pub(crate) fn unsupported(&self, feature: String) -> RuntimeError {
        RuntimeError::UnsupportedFeature { path: self.path(), feature }
    }
}
