//! What cannot be reported on, and why.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Nothing lies there.
    #[error("{}: no such run directory or evaluation", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// A folder that no run wrote.
    #[error("{}: is no run directory: it holds neither run.toml nor metrics.jsonl", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A run that has not recorded anything yet.
    #[error("{}: nothing to report yet: the run has recorded no metrics", path.display())]
    EmptyRun {
        /// The run directory.
        path: PathBuf,
    },
    /// The system cannot read a file.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of `metrics.jsonl` or `events.jsonl`, not the last one of a killed run, that is none.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of rollouts that cannot be unpacked or read. Without it the rest of the run can be reported.
    #[error("{}: damaged rollouts: {problem}; a report without them needs the file moved away", path.display())]
    Rollouts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A `run.toml`, or the settings that it is compared with, that is no TOML.
    #[error("{name}: no run file: {problem}")]
    Settings {
        /// The file, or a word for the settings.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that is no `eval.json`.
    #[error("{}: is no evaluation: {problem}", path.display())]
    Evaluation {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A page about nothing.
    #[error("expected at least one run directory or evaluation")]
    Nothing,
    /// More runs than colours that can be told apart.
    #[error("{found} runs on one page; at most {most} can be told apart")]
    TooManyRuns {
        /// Runs.
        found: usize,
        /// The most of them.
        most: usize,
    },
}

impl ReportError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.into(), source }
    }
}
