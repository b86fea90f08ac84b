//! Data sets as JSON lines, in the field names of this project and of its peers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Map, Value};

use crate::{Message, Problem, Prompt, TaskError};

/// Where TRL, DeepScaleR, ROLL and this project keep the prompt; the first that is present counts.
const PROMPT_NAMES: [&str; 3] = ["prompt", "problem", "messages"];
/// Where this project and DeepScaleR, verl, ROLL and TRL keep the answer; the first that is present counts.
const ANSWER_NAMES: [&str; 4] = ["answer", "reward_model.ground_truth", "ground_truth", "solution"];
/// Ours, then verl's.
const ID_NAMES: [&str; 2] = ["id", "extra_info.index"];
/// Ours, then verl's.
const SOURCE_NAMES: [&str; 2] = ["source", "data_source"];
/// Ours and ROLL's.
const DIFFICULTY_NAMES: [&str; 1] = ["difficulty"];

/// The names of the fields of a record. `None` looks for the names that this project and its peers use; a dot goes into a
/// nested object (`reward_model.ground_truth`). A name that is given must be there, except `id`, `source` and `difficulty`,
/// which a record may always lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames {
    /// The prompt, a string or a list of `{role, content}`. By default `prompt`, `problem` or `messages`.
    pub prompt: Option<String>,
    /// The answer, a string (an empty one is left to the verifier) or a number. By default `answer`, `reward_model.ground_truth`, `ground_truth` or `solution`.
    pub answer: Option<String>,
    /// The id, a string or a number. By default `id` or `extra_info.index`; a record without gets `line-N`.
    pub id: Option<String>,
    /// The source, a string. By default `source` or `data_source`.
    pub source: Option<String>,
    /// The difficulty, a whole number ≥ 0. By default `difficulty`, left in `extra` where it is something else.
    pub difficulty: Option<String>,
}

/// The problems of a file of JSON lines, in order, at least one; see [`parse_jsonl`].
pub fn read_jsonl(path: &Path, fields: &FieldNames) -> Result<Vec<Problem>, TaskError> {
    let file = File::open(path).map_err(|source| TaskError::Read { file: path.into(), source })?;
    parse_jsonl(BufReader::new(file), path, fields)
}

/// The problems of `reader`, one JSON object per line, in order, at least one; `path` names the data in errors.
///
/// Blank lines are skipped; a byte order mark and CRLF line ends are accepted. Numbers as answers become text. Fields with no
/// meaning here are kept in [`Problem::extra`], and so are nested ones of which a part was used.
/// Errors: everything in [`TaskError`] that names a file; reading stops at the first.
pub fn parse_jsonl(mut reader: impl BufRead, path: &Path, fields: &FieldNames) -> Result<Vec<Problem>, TaskError> {
    let mut problems = Vec::new();
    let mut line_of_id = BTreeMap::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let count = reader.read_until(b'\n', &mut bytes).map_err(|source| TaskError::Read { file: path.into(), source })?;
        if count == 0 {
            break;
        }
        let at = At { path, line };
        let Some(record) = at.record(&bytes)? else { continue };
        let problem = at.problem(record, fields)?;
        if let Some(first_line) = line_of_id.insert(problem.id.clone(), line) {
            return Err(TaskError::DuplicateId { file: path.into(), line, id: problem.id, first_line });
        }
        problems.push(problem);
    }
    if problems.is_empty() {
        return Err(TaskError::NoProblems { file: path.into() });
    }
    Ok(problems)
}

/// The line being read, for error messages.
#[derive(Clone, Copy)]
struct At<'a> {
    path: &'a Path,
    line: usize,
}

impl At<'_> {
    /// The object on this line; none on a blank line.
    fn record(self, bytes: &[u8]) -> Result<Option<Map<String, Value>>, TaskError> {
        let (file, line) = (self.path.into(), self.line);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Err(TaskError::NotUtf8 { file, line, column: error.valid_up_to() + 1 }),
        };
        let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim().is_empty() {
            return Ok(None);
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(record)) => Ok(Some(record)),
            Ok(other) => Err(TaskError::NotAnObject { file, line, found: kind(&other) }),
            Err(error) => {
                let mut problem = error.to_string();
                // serde_json appends the place, which stands in front already
                problem.truncate(problem.rfind(" at line ").unwrap_or(problem.len()));
                Err(TaskError::Malformed { file, line, column: error.column(), problem })
            }
        }
    }

    fn problem(self, mut record: Map<String, Value>, fields: &FieldNames) -> Result<Problem, TaskError> {
        let prompt = self.required(&record, "prompt", &fields.prompt, &PROMPT_NAMES)?;
        let answer = self.required(&record, "answer", &fields.answer, &ANSWER_NAMES)?;
        let id = find(&record, &fields.id, &ID_NAMES);
        let source = find(&record, &fields.source, &SOURCE_NAMES);
        let difficulty = find(&record, &fields.difficulty, &DIFFICULTY_NAMES);
        // a name with a dot that reached into an object is no key of the record, so the object stays
        for field in [Some(&prompt), Some(&answer), id.as_ref(), source.as_ref()].into_iter().flatten() {
            record.shift_remove(&field.name);
        }
        let difficulty = match difficulty {
            Some(field) => self.difficulty(&mut record, field, fields.difficulty.is_some())?,
            None => None,
        };
        let problem = Problem {
            prompt: self.prompt(prompt)?,
            answer: self.answer(answer)?,
            id: id.map(|field| self.text(field)).transpose()?.unwrap_or_else(|| format!("line-{}", self.line)),
            source: source.map(|field| self.text(field)).transpose()?.unwrap_or_default(),
            difficulty,
            extra: record,
        };
        Ok(problem.without_shadowed_fields())
    }

    fn required(
        self,
        record: &Map<String, Value>,
        role: &'static str,
        name: &Option<String>,
        names: &[&str],
    ) -> Result<Field, TaskError> {
        find(record, name, names).ok_or_else(|| TaskError::MissingField {
            file: self.path.into(),
            line: self.line,
            role,
            expected: match name {
                Some(name) => format!("`{name}`"),
                None => listed(names.iter().copied()),
            },
            found: listed(record.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())),
        })
    }

    fn prompt(self, field: Field) -> Result<Prompt, TaskError> {
        const EXPECTED: &str = "a string or a list of {\"role\": string, \"content\": string}";
        let prompt = match &field.value {
            Value::String(text) => Prompt::Text(text.clone()),
            Value::Array(turns) => {
                let turns: Option<Vec<Message>> = turns.iter().map(message).collect();
                Prompt::Messages(turns.ok_or_else(|| self.wrong_type(&field, EXPECTED))?)
            }
            _ => return Err(self.wrong_type(&field, EXPECTED)),
        };
        if prompt.is_blank() {
            return Err(TaskError::EmptyPrompt { file: self.path.into(), line: self.line, field: field.name });
        }
        Ok(prompt)
    }

    /// May be empty, as one of MATH's is: such a problem is ungradable, which is for the verifier to say.
    fn answer(self, field: Field) -> Result<String, TaskError> {
        const EXPECTED: &str = "a string or a number";
        match &field.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => exact_text(number).ok_or_else(|| {
                self.wrong_type(&field, "a string, or a number of at most 15 digits (write longer ones as strings)")
            }),
            _ => Err(self.wrong_type(&field, EXPECTED)),
        }
    }

    /// A string, or a whole number as text.
    fn text(self, field: Field) -> Result<String, TaskError> {
        match &field.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
            _ => Err(self.wrong_type(&field, "a string or a whole number")),
        }
    }

    /// A whole number; otherwise an error where the field was `named` by the caller, and left in the record where not.
    fn difficulty(self, record: &mut Map<String, Value>, field: Field, named: bool) -> Result<Option<u32>, TaskError> {
        // MATH's levels come as 5.0 from some exporters
        let number = field.value.as_f64().filter(|x| *x >= 0.0 && *x <= f64::from(u32::MAX) && x.fract() == 0.0);
        match number {
            Some(number) => {
                record.shift_remove(&field.name);
                Ok(Some(number as u32))
            }
            None if named => Err(self.wrong_type(&field, "a whole number from 0")),
            None => Ok(None),
        }
    }

    fn wrong_type(self, field: &Field, expected: &'static str) -> TaskError {
        let found = match &field.value {
            Value::Number(number) => format!("the number {number}"),
            other => kind(other).to_string(),
        };
        TaskError::WrongType { file: self.path.into(), line: self.line, field: field.name.clone(), expected, found }
    }
}

impl Problem {
    /// Drops what could not be written back: where the caller names other fields, `extra` may hold one of our names.
    fn without_shadowed_fields(mut self) -> Problem {
        for name in ["id", "prompt", "answer"] {
            self.extra.remove(name);
        }
        if !self.source.is_empty() {
            self.extra.remove("source");
        }
        if self.difficulty.is_some() {
            self.extra.remove("difficulty");
        }
        self
    }
}

/// A field of a record and the name under which it was found.
struct Field {
    name: String,
    value: Value,
}

/// The field called `name`, or without a name the first of `names` that is there and not null.
fn find(record: &Map<String, Value>, name: &Option<String>, names: &[&str]) -> Option<Field> {
    let value_of = |name: &str| match record.get(name) {
        Some(value) => Some(value),
        None => {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(record.get(first)?, |value, key| value.get(key))
        }
    };
    let field = |name: &str| {
        value_of(name).filter(|value| !value.is_null()).map(|value| Field { name: name.to_string(), value: value.clone() })
    };
    match name {
        Some(name) => field(name),
        None => names.iter().find_map(|name| field(name)),
    }
}

fn message(value: &Value) -> Option<Message> {
    let text = |key| value.get(key)?.as_str().map(str::to_string);
    Some(Message { role: text("role")?, content: text("content")? })
}

/// The number in digits; none where reading it as f64 may have changed it.
fn exact_text(number: &serde_json::Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let text = number.as_f64()?.to_string();
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    (digits <= 15).then_some(text)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(12).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
