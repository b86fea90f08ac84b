//! What can be wrong with problems.

use std::path::PathBuf;

use crate::place::Place;
use crate::read::Compression;

/// Why problems could not be read or made.
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
    /// A pattern that is the name of no file.
    #[error("{pattern}: no file matches")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// A pattern that cannot be read as one.
    #[error("{pattern}: not a pattern of file names: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A source whose weight says nothing.
    #[error("{pattern}: weight {weight}: expected a number from 0 to {}", crate::source::MAX_WEIGHT)]
    Weight {
        /// The pattern of the source.
        pattern: String,
        /// The weight.
        weight: f64,
    },
    /// Compressed data that end too early.
    #[error("{}: the {compression} data end too early: the file is not whole", file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// How it is compressed.
        compression: Compression,
    },
    /// Compressed data that cannot be unpacked.
    #[error("{}: the {compression} data are damaged: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// How it is compressed.
        compression: Compression,
        /// What was found.
        problem: String,
    },
    /// A file of another kind.
    #[error(
        "{}: expected JSON lines, a JSON list of objects or parquet, plain or in gzip or zstd; it begins with {beginning}",
        file.display()
    )]
    UnknownFormat {
        /// The file.
        file: PathBuf,
        /// Its first bytes, escaped.
        beginning: String,
    },
    /// A parquet file that is damaged or not whole, or has what the reader does not know.
    #[error("{}: damaged or not a parquet file: {problem}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// What the reader of parquet found.
        problem: String,
    },
    /// A parquet file where the reader of parquet was left out.
    #[error("{}: parquet cannot be read: this program was built without the feature `parquet`", file.display())]
    NoParquet {
        /// The file.
        file: PathBuf,
    },
    /// A JSON list whose form is broken, so that where its next record begins cannot be told.
    #[error("{place}: the list is broken: {problem}")]
    BrokenList {
        /// Where.
        place: Place,
        /// What was found.
        problem: &'static str,
    },
    /// A record that is too large.
    #[error("{place}: longer than {} MiB: expected a problem", crate::read::MAX_RECORD >> 20)]
    TooLong {
        /// Where it begins.
        place: Place,
    },
    /// The file holds no problem.
    #[error("{}: no problems: expected at least one JSON object, one per line", file.display())]
    NoProblems {
        /// The file.
        file: PathBuf,
    },
    /// Bad records are passed over, and there is no other.
    #[error("{}: no problems: all of its {count} records are bad; the first: {first}", file.display())]
    AllBad {
        /// The file.
        file: PathBuf,
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// A line is not UTF-8.
    #[error("{place}: not UTF-8 text")]
    NotUtf8 {
        /// The first byte that is not part of a character.
        place: Place,
    },
    /// A record is not JSON.
    #[error("{place}: expected {expected}: {problem}")]
    Malformed {
        /// Where reading stopped.
        place: Place,
        /// What should stand there.
        expected: &'static str,
        /// What the JSON reader found.
        problem: String,
    },
    /// A record is JSON, but not an object.
    #[error("{place}: expected a JSON object, found {found}")]
    NotAnObject {
        /// Where.
        place: Place,
        /// The kind of value found.
        found: &'static str,
    },
    /// A record lacks a field.
    #[error("{place}: no {role}: expected a field {expected}, found {found}")]
    MissingField {
        /// Where.
        place: Place,
        /// What the field is for: `prompt` or `answer`.
        role: &'static str,
        /// The names looked for.
        expected: Box<str>,
        /// The names that the record has.
        found: Box<str>,
    },
    /// A field has a value of the wrong type.
    #[error("{place}: field `{field}`: expected {expected}, found {found}")]
    WrongType {
        /// Where.
        place: Place,
        /// The name of the field.
        field: Box<str>,
        /// The types accepted.
        expected: &'static str,
        /// What stands there.
        found: Box<str>,
    },
    /// A prompt holds nothing but white space.
    #[error("{place}: field `{field}` is empty: expected text")]
    EmptyPrompt {
        /// Where.
        place: Place,
        /// The name of the field.
        field: String,
    },
    /// Records of one file that keep prompt and answer in different fields: whether they mean the same cannot be told.
    #[error("{place}: mixed records: {found} here, but {expected} in {first}; name the fields, or make two files of this one")]
    MixedRecords {
        /// Where.
        place: Place,
        /// Where this record has its prompt and its answer.
        found: Box<str>,
        /// Where the first record has them.
        expected: Box<str>,
        /// The line or record where that is.
        first: Box<str>,
    },
    /// Two records have one id, but not one prompt and one answer.
    #[error("{place}: id `{id}` was already used in {first} for another problem or another answer")]
    DuplicateId {
        /// The later record.
        place: Place,
        /// The id.
        id: String,
        /// The line or record where it was.
        first: String,
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

impl TaskError {
    /// Whether one record is bad and the others of its file can still be read.
    pub fn is_about_one_record(&self) -> bool {
        match self {
            Self::NotUtf8 { .. } | Self::Malformed { .. } | Self::NotAnObject { .. } | Self::MissingField { .. } => true,
            Self::WrongType { .. } | Self::EmptyPrompt { .. } | Self::MixedRecords { .. } | Self::DuplicateId { .. } => true,
            _ => false,
        }
    }
}
