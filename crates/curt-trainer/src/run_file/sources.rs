//! `data.sources`: several files as one data set, each with a weight.

use curt_task::MAX_WEIGHT;

use super::error::RunFileError;
use super::keys;
use super::raw::{Given, RunFile, Value};
use super::reader::mistyped;
use crate::config::SourceSection;

const SOURCES: &str = "data.sources";
const FIELDS: [&str; 3] = ["path", "weight", "name"];
const EXPECTED: &str = "a list of files such as [{ path = \"a.jsonl\", weight = 2 }, { path = \"b.jsonl\" }]";

impl RunFile {
    pub(super) fn sources(&self) -> Result<Vec<SourceSection>, RunFileError> {
        let Some(given) = self.given.get(SOURCES) else {
            return Ok(Vec::new());
        };
        match &given.value {
            Value::List(list) if list.is_empty() => {
                Err(RunFileError::EmptyList { place: given.place(SOURCES), expected: "at least one file" })
            }
            Value::List(list) => list.iter().map(|value| source(given, value)).collect(),
            other => Err(mistyped(given, SOURCES, EXPECTED, other)),
        }
    }
}

/// A source is a table, or a path alone.
fn source(given: &Given, value: &Value) -> Result<SourceSection, RunFileError> {
    let (mut path, mut weight, mut name) = (None, 1.0, None);
    match value {
        Value::Text(text) => path = Some(text.clone()),
        Value::Table(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("path", Value::Text(text)) => path = Some(text.clone()),
                    ("name", Value::Text(text)) => name = Some(text.clone()),
                    ("weight", Value::Integer(number)) => weight = *number as f64,
                    ("weight", Value::Number(number)) => weight = *number,
                    ("weight", other) => return Err(mistyped(given, SOURCES, "a number as `weight`", other)),
                    ("path", other) => return Err(mistyped(given, SOURCES, "a string as `path`", other)),
                    ("name", other) => return Err(mistyped(given, SOURCES, "a string as `name`", other)),
                    (unknown, _) => return Err(unknown_field(given, unknown)),
                }
            }
        }
        other => return Err(mistyped(given, SOURCES, EXPECTED, other)),
    }
    let refused = |expected, found| RunFileError::OutOfRange { place: given.place(SOURCES), expected, found };
    let path = path.filter(|path| !path.is_empty()).ok_or_else(|| refused("a `path` in each source", "none".to_owned()))?;
    if !(0.0..=MAX_WEIGHT).contains(&weight) {
        return Err(refused("a `weight` from 0 to 1000", weight.to_string()));
    }
    // -0.0 would be written back as another text
    Ok(SourceSection { path: path.into(), weight: if weight == 0.0 { 0.0 } else { weight }, name })
}

fn unknown_field(given: &Given, field: &str) -> RunFileError {
    let nearest = keys::nearest(field, FIELDS).map(str::to_owned);
    let key = format!("{SOURCES}.{}", field.chars().take(80).collect::<String>());
    RunFileError::UnknownKey { origin: given.origin.clone(), key, nearest }
}
