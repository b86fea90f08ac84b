//! What can be wrong with a checkpoint.

use std::io;
use std::path::PathBuf;

use super::FORMAT;

/// A checkpoint that cannot be written or believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no checkpoint at all: the run was stopped before its first.
    #[error("{}: no checkpoint yet", path.display())]
    NoneYet {
        /// The output directory.
        path: PathBuf,
    },
    /// There is no checkpoint, but so many steps are recorded that there should be one.
    #[error(
        "{}: has records of {steps} steps but no checkpoint; put one back, or start again in another output_dir",
        path.display()
    )]
    Lost {
        /// The output directory.
        path: PathBuf,
        /// Steps that are recorded.
        steps: usize,
    },
    /// The checkpoint asked for is not there.
    #[error("{}: not found; checkpoints of this run: {present}", path.display())]
    NotFound {
        /// The folder.
        path: PathBuf,
        /// Which ones there are.
        present: String,
    },
    /// There are checkpoints, and none can be trusted.
    #[error("{}: no whole checkpoint: {}", path.display(), reasons.join("; "))]
    AllDamaged {
        /// The output directory.
        path: PathBuf,
        /// What is wrong with each, newest first.
        reasons: Vec<String>,
    },
    /// A checkpoint of another run, whose records are not in this run's directory.
    #[error("{}: is not a checkpoint of the run in {}; resume with that run's output_dir", path.display(), output_dir.display())]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// The output directory of this run.
        output_dir: PathBuf,
    },
    /// A file of a checkpoint is missing or differs from its manifest.
    #[error("{}: damaged checkpoint: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Every file agrees with the manifest, and yet this is not what this version writes: another one's, or edited by hand.
    #[error("{}: not understood: {reason}", path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state was written by another version.
    #[error("{}: checkpoint format {found}, this version reads {FORMAT}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u64,
    },
    /// The run is not the one that wrote the checkpoint.
    #[error(
        "{}: `{what}` was {expected} when the checkpoint was written and is {found} now; resume with the run directory's run.toml",
        path.display()
    )]
    Fingerprint {
        /// The checkpoint.
        path: PathBuf,
        /// The key that differs, or `dataset`, `tokenizer`.
        what: String,
        /// What it was.
        expected: String,
        /// What it is.
        found: String,
    },
}
