//! Text → a JSON object.

use serde_json::{Map, Value};

use super::record::kind;
use crate::TaskError;
use crate::place::Place;

/// The object that `bytes` are; `place` is where they begin and `expected` what they should be.
pub(crate) fn object(bytes: &[u8], place: &Place, expected: &'static str) -> Result<Map<String, Value>, TaskError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(TaskError::NotUtf8 { place: after(place, &bytes[..error.valid_up_to()]) }),
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(TaskError::NotAnObject { place: place.clone(), found: kind(&other) }),
        Err(error) => {
            let mut problem = error.to_string();
            // serde_json appends the place, which stands in front already
            problem.truncate(problem.rfind(" at line ").unwrap_or(problem.len()));
            Err(TaskError::Malformed { place: moved(place, error.line(), error.column()), expected, problem })
        }
    }
}

/// The place of the byte after `bytes`, which begin at `place`.
fn after(place: &Place, bytes: &[u8]) -> Place {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let last = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    moved(place, lines + 1, last.len() + 1)
}

/// The place at `line` and `column` of a text that begins at `place`; all count from 1.
fn moved(place: &Place, line: usize, column: usize) -> Place {
    let first_column = if line <= 1 { place.column.unwrap_or(1) } else { 1 };
    let line = place.line.map(|first| first + line.saturating_sub(1));
    Place { line, ..place.clone() }.at_column(first_column + column.max(1) - 1)
}
