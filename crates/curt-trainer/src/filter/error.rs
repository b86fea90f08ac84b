//! What can stop a filter.

use std::path::PathBuf;

use curt_difficulty::DifficultyError;
use curt_runtime::PolicyError;
use curt_task::TaskError;

use crate::error::TrainError;

/// Whatever stops a filter; each message says what to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The model, its tokenizer, a verifier.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The model or its device; also an interruption.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A data set or the synthetic task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A band, or conditions that cannot be.
    #[error(transparent)]
    Difficulty(#[from] DifficultyError),
    /// A name that cannot be that of a file beside the others.
    #[error("band {name:?}: expected a name of letters, digits, - _ and ., other than unrated, attempts and card")]
    PartName {
        /// The name.
        name: String,
    },
    /// Two bands of one name.
    #[error("band {name:?} is there twice; give one another name, as in --band NAME=LO..HI")]
    PartTwice {
        /// The name.
        name: String,
    },
    /// A band into which no problem falls.
    #[error("band {name:?}, {band}, keeps nothing of {rated} problems with a pass rate: theirs are from {low} to {high}")]
    KeepsNothing {
        /// Its name.
        name: String,
        /// The band.
        band: String,
        /// Problems whose rate is known.
        rated: usize,
        /// The least rate.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// No row has the field.
    #[error("none of {rows} rows has a pass rate in the field `{field}`; the first has, beside prompt and answer: {found}")]
    NoSuchField {
        /// The field.
        field: String,
        /// Rows in all.
        rows: usize,
        /// Fields of the first row.
        found: String,
    },
    /// A pass rate that is none.
    #[error("{}:{number}: expected a pass rate from 0 to 1 in the field `{field}`, found {found}", file.display())]
    BadRate {
        /// The file.
        file: PathBuf,
        /// The line or record, from 1.
        number: usize,
        /// The field.
        field: String,
        /// Its value.
        found: String,
    },
    /// A pass rate that so many attempts cannot have.
    #[error("{}:{number}: the pass rate {found} is not that of a number of right answers among {attempts} attempts", file.display())]
    NotOfAttempts {
        /// The file.
        file: PathBuf,
        /// The line or record, from 1.
        number: usize,
        /// The rate.
        found: f64,
        /// Attempts that were said.
        attempts: u32,
    },
    /// One id for two problems.
    #[error("{first} and {second}: the id of one problem for another, or with another answer")]
    DuplicateId {
        /// Where the id stands first.
        first: String,
        /// Where it stands again.
        second: String,
    },
    /// No problem is left to measure.
    #[error(
        "of {problems} problems none can be measured: their prompts are empty or leave no room for {cap} tokens in the context"
    )]
    NothingToMeasure {
        /// Problems in all.
        problems: usize,
        /// The cap.
        cap: u32,
    },
    /// A verifier that fails on everything.
    #[error("the verifier has no verdict on any of {attempts} attempts: {reason}; they are made again once it works")]
    NoVerdict {
        /// Attempts without a verdict.
        attempts: u64,
        /// The most frequent reason.
        reason: String,
    },
    /// Links that the problems cannot be spread over.
    #[error("{problems} problems cannot be spread evenly over {links} numbers of links; {fewer} or {more} can")]
    UnevenChains {
        /// Problems.
        problems: usize,
        /// Numbers of links.
        links: usize,
        /// The next smaller number that can, at least one each.
        fewer: usize,
        /// The next greater one.
        more: usize,
    },
    /// A line of the attempts that cannot be read.
    #[error("{}:{line}: not a line of attempts: {problem}", file.display())]
    BadAttempts {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Attempts that do not belong to this measurement.
    #[error("{}:{line}: {source}; --force keeps them in the file, and counts only those of this measurement", file.display())]
    OtherAttempts {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What differs.
        source: Box<DifficultyError>,
    },
    /// Attempts at a problem that has changed.
    #[error(
        "{}:{line}: attempts at problem `{problem}` with another prompt (text, suffix or chat template) or another answer; --force \
         keeps them in the file, and counts only those of this measurement", file.display()
    )]
    OtherPrompt {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The problem's id.
        problem: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<TrainError> for FilterError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

/// The error of an operation on `file`.
pub(super) fn on(file: &std::path::Path) -> impl Fn(std::io::Error) -> FilterError {
    move |source| FilterError::Io { file: file.to_owned(), source }
}
