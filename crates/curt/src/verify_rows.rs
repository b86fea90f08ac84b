//! The rows that `curt verify` judges: JSON lines with a right answer and what was answered.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::exit::CommandError;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// As given, or the number of the line.
    pub id: Value,
    /// The right answer.
    pub gold: String,
    /// What is judged: an answer or a whole completion.
    pub answer: String,
}

/// Reads rows one after another.
pub struct Rows {
    name: String,
    lines: Box<dyn BufRead>,
    line: usize,
    golds_only: bool,
}

impl Rows {
    /// The rows of a file, `-` for standard input, decompressed if its name ends in `.zst`. `golds_only`: each right answer is
    /// what is judged too.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path, golds_only: bool) -> Result<Self> {
        if path == Path::new("-") {
            let lines = Box::new(BufReader::new(std::io::stdin()));
            return Ok(Self { name: "standard input".into(), lines, line: 0, golds_only });
        }
        let cannot = |source| CommandError::Rows { path: path.to_owned(), source };
        let file = File::open(path).map_err(cannot)?;
        let lines: Box<dyn BufRead> = match path.extension().is_some_and(|extension| extension == "zst") {
            true => Box::new(BufReader::new(zstd::Decoder::new(file).map_err(cannot)?)),
            false => Box::new(BufReader::new(file)),
        };
        Ok(Self { name: path.display().to_string(), lines, line: 0, golds_only })
    }

    /// Up to `count` more rows; none at the end.
    ///
    /// # Errors
    /// A line that is no row, by number.
    pub fn next(&mut self, count: usize) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut bytes = Vec::new();
        while rows.len() < count {
            bytes.clear();
            let read = std::io::Read::take(&mut self.lines, MAX_LINE).read_until(b'\n', &mut bytes);
            if read.map_err(|source| CommandError::Rows { path: self.name.clone().into(), source })? == 0 {
                break;
            }
            self.line += 1;
            if !bytes.trim_ascii().is_empty() {
                let row = row(&bytes, self.line, self.golds_only);
                rows.push(row.map_err(|problem| CommandError::BadRow { name: self.name.clone(), line: self.line, problem })?);
            }
        }
        Ok(rows)
    }
}

/// The row in a line; its number is its id where it has none.
fn row(bytes: &[u8], line: usize, golds_only: bool) -> Result<Row, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to() + 1))?;
    let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
    // the line is the file's, which the caller names, not that of this text
    let in_words = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
    let object: Map<String, Value> =
        serde_json::from_str(text.trim_end()).map_err(|error| format!("not a JSON object: {}", in_words(error)))?;
    let field = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(format!("`{name}`: expected a string or a number, found {}", kind(other))),
    };
    let (gold, answer, completion) = (field("gold")?, field("answer")?, field("completion")?);
    let id = object.get("id").filter(|id| !id.is_null()).cloned().unwrap_or_else(|| Value::from(line));
    let (gold, answer) = match (gold, answer, completion) {
        (Some(gold), answer, _) if golds_only => (gold, answer),
        (None, gold, _) if golds_only => (gold.ok_or("expected a field `gold` or `answer`, found neither")?, None),
        (Some(gold), Some(answer), None) => (gold, Some(answer)),
        (Some(gold), _, Some(completion)) => (gold, Some(completion)),
        (None, Some(gold), Some(completion)) => (gold, Some(completion)),
        (Some(gold), None, None) => (gold, None),
        (None, ..) => {
            return Err(format!("expected `gold` and `answer`, or `answer` and `completion`, found {}", names(&object)));
        }
    };
    match answer.filter(|_| !golds_only) {
        Some(answer) => Ok(Row { id, gold, answer }),
        None if golds_only => Ok(Row { id, answer: gold.clone(), gold }),
        None => Err("expected a field `answer` or `completion` beside `gold`, found neither".to_owned()),
    }
}

fn names(object: &Map<String, Value>) -> String {
    let names: Vec<String> = object.keys().take(12).map(|name| format!("`{}`", name.escape_debug())).collect();
    if names.is_empty() { "no field".to_owned() } else { names.join(", ") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a boolean",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, golds_only: bool) -> Result<(Value, String, String), String> {
        row(text.as_bytes(), 7, golds_only).map(|row| (row.id, row.gold, row.answer))
    }

    fn is(id: impl Into<Value>, gold: &str, answer: &str) -> Result<(Value, String, String), String> {
        Ok((id.into(), gold.to_owned(), answer.to_owned()))
    }

    #[test]
    fn rows_have_two_forms() {
        assert_eq!(read(r#"{"id": "a", "gold": "1", "answer": 2}"#, false), is("a", "1", "2"));
        assert_eq!(read(r#"{"answer": "1", "completion": "It is 2."}"#, false), is(7, "1", "It is 2."));
        assert_eq!(read(r#"{"id": 3, "gold": 1.5, "answer": "no", "completion": "2"}"#, false), is(3, "1.5", "2"));
        assert_eq!(read(r#"{"problem": "?", "answer": "1"}"#, true), is(7, "1", "1"));
        assert_eq!(read(r#"{"gold": "2", "answer": "1"}"#, true), is(7, "2", "2"));
    }

    #[test]
    fn a_bad_row_is_said() {
        for (text, golds_only, expected) in [
            ("[1]", false, "not a JSON object"),
            ("{\"gold\": \"1\"\n", false, "not a JSON object: EOF while parsing an object at column 12"),
            (r#"{"gold": "1"}"#, false, "`answer` or `completion` beside `gold`"),
            (r#"{"answer": "1"}"#, false, "expected `gold` and `answer`, or `answer` and `completion`, found `answer`"),
            (r#"{"gold": ["1"], "answer": "1"}"#, false, "`gold`: expected a string or a number, found a list"),
            ("{}", true, "expected a field `gold` or `answer`"),
        ] {
            let error = read(text, golds_only).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(row(b"{\"gold\": \"\xff\"}", 1, true).unwrap_err(), "not UTF-8 at byte 11");
    }
}
