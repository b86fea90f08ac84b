//! What can be wrong with problems.

use std::path::PathBuf;

/// Why problems could not be read or made. Lines and columns count from 1, columns in bytes.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The file could not be opened or read.
    #[error("{}: cannot be read: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no problem.
    #[error("{}: no problems: expected at least one JSON object, one per line", file.display())]
    NoProblems {
        /// The file.
        file: PathBuf,
    },
    /// A line is not UTF-8.
    #[error("{}:{line}:{column}: not UTF-8 text", file.display())]
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The first byte that is not part of a character.
        column: usize,
    },
    /// A line is not JSON.
    #[error("{}:{line}:{column}: expected one JSON object per line: {problem}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// Where reading stopped.
        column: usize,
        /// What the JSON reader found.
        problem: String,
    },
    /// A line is JSON, but not an object.
    #[error("{}:{line}: expected a JSON object, found {found}", file.display())]
    NotAnObject {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The kind of value found.
        found: &'static str,
    },
    /// A record lacks a field.
    #[error("{}:{line}: no {role}: expected a field {expected}, found {found}", file.display())]
    MissingField {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// What the field is for: `prompt` or `answer`.
        role: &'static str,
        /// The names looked for.
        expected: String,
        /// The names that the record has.
        found: String,
    },
    /// A field has a value of the wrong type.
    #[error("{}:{line}: field `{field}`: expected {expected}, found {found}", file.display())]
    WrongType {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The name of the field.
        field: String,
        /// The types accepted.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A prompt holds nothing but white space.
    #[error("{}:{line}: field `{field}` is empty: expected text", file.display())]
    EmptyPrompt {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The name of the field.
        field: String,
    },
    /// Two records have one id.
    #[error("{}:{line}: id `{id}` was already used in line {first_line}: ids must differ", file.display())]
    DuplicateId {
        /// The file.
        file: PathBuf,
        /// The later line.
        line: usize,
        /// The id.
        id: String,
        /// The earlier line.
        first_line: usize,
    },
    /// A number of links that a chain cannot have.
    #[error("a chain has 1 to {} links, found {found}", crate::chain::MAX_LINKS)]
    ChainLinks {
        /// The number asked for.
        found: u32,
    },
    /// Text that is not a chain's prompt.
    #[error("`{text}` is not a chain prompt at character {column}: expected {expected}")]
    ChainPrompt {
        /// The text, cut to 80 characters.
        text: String,
        /// The first character that does not fit, from 1.
        column: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// More different chains were asked for than could be drawn.
    #[error("{per} different chains of {links} links cannot be drawn: after {found} only repeats came")]
    TooFewChains {
        /// How many were asked for.
        per: usize,
        /// Links of each.
        links: u32,
        /// How many were found.
        found: usize,
    },
}
