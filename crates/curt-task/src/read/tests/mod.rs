mod errors;
mod json_lines;
mod json_list;
#[cfg(feature = "parquet")]
mod parquet;
mod real_files;

use std::path::{Path, PathBuf};

use super::*;
use crate::{Message, Prompt};

/// The name under which data are read that are in no file.
const NAME: &str = "data.jsonl";

fn parse(text: &str) -> Result<Vec<Problem>, TaskError> {
    parse_bytes(text.as_bytes(), &FieldNames::default())
}

fn parse_bytes(bytes: &[u8], fields: &FieldNames) -> Result<Vec<Problem>, TaskError> {
    let options = ReadOptions { fields: fields.clone(), skip_bad: false };
    Reader::new(std::io::Cursor::new(bytes.to_vec()), NAME.as_ref(), &options)?.collect()
}

fn message_of(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn one(text: &str) -> Problem {
    let mut problems = parse(text).unwrap();
    assert_eq!(problems.len(), 1);
    problems.remove(0)
}

fn text(text: &str) -> Prompt {
    Prompt::Text(text.into())
}

fn user(content: &str) -> Prompt {
    Prompt::Messages(vec![message("user", content)])
}

fn message(role: &str, content: &str) -> Message {
    Message { role: role.into(), content: content.into() }
}

/// A committed file that `fixtures/make_data_files.py` wrote.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data").join(name)
}

/// Everything that a reader of all of `bytes` says: its problems and its report.
fn all(bytes: &[u8], options: &ReadOptions) -> Result<(Vec<Problem>, ReadReport), TaskError> {
    let mut reader = Reader::new(std::io::Cursor::new(bytes.to_vec()), NAME.as_ref(), options)?;
    let problems = reader.by_ref().collect::<Result<_, _>>()?;
    Ok((problems, reader.report().clone()))
}
