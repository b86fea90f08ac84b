//! The run file: what a user typed, in TOML, and how it becomes a [`Config`].
//!
//! Strict: an unknown section or key is an error that names the file, the line and the nearest known name. The spellings
//! of TRL that mean exactly the same (`max_steps`, `eval_steps`, `gradient_checkpointing`, …) are accepted in their
//! section and at the top of the file; [`Config::to_toml`] always writes the canonical ones.

mod alarms;
mod algo;
mod error;
mod keys;
mod raw;
mod reader;
mod resolve;
mod sampler;
mod sources;
#[cfg(test)]
mod tests;
mod verify;

use std::path::Path;

pub use error::{Origin, Place, RunFileError};
pub use raw::RunFile;
pub(crate) use verify::split_source;

use crate::config::Config;

/// The run inside the binary, as the text of a run file.
pub const EMBEDDED: &str = include_str!("../../../../fixtures/runs/embedded.toml");

const EMBEDDED_NAME: &str = "the embedded run file";

impl RunFile {
    /// The configuration of the run file at `path` (`None`: the embedded run), after the `section.key=value` of `sets`,
    /// in order. Everything `--set` says replaces what the file says; its values are TOML, where a bare word is a string.
    ///
    /// ```
    /// use curt_trainer::run_file::RunFile;
    ///
    /// let config = RunFile::load(None, &["train.steps=3".to_owned(), "reward.strategy=minus_lc".to_owned()])?;
    /// assert_eq!(config.train.steps, 3);
    ///
    /// let error = RunFile::load(None, &["train.step=3".to_owned()]).unwrap_err().to_string();
    /// assert_eq!(error, "--set train.step=3: unknown key `train.step`, did you mean `train.steps`?");
    /// # Ok::<(), curt_trainer::run_file::RunFileError>(())
    /// ```
    ///
    /// # Errors
    /// Everything in [`RunFileError`]; the first found is reported.
    pub fn load(path: Option<&Path>, sets: &[String]) -> Result<Config, RunFileError> {
        let mut file = match path {
            None => RunFile::embedded()?,
            Some(path) => RunFile::read(path)?,
        };
        for text in sets {
            file.set(text)?;
        }
        file.resolve()
    }

    /// What the run file at `path` says.
    ///
    /// # Errors
    /// An unreadable file; everything of [`RunFile::parse`].
    pub fn read(path: &Path) -> Result<RunFile, RunFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| RunFileError::Read { path: path.to_owned(), source })?;
        RunFile::parse(&text, &path.display().to_string())
    }

    /// What [`EMBEDDED`] says.
    ///
    /// # Errors
    /// None in practice: the text is part of the build, and tested.
    pub fn embedded() -> Result<RunFile, RunFileError> {
        RunFile::parse(EMBEDDED, EMBEDDED_NAME)
    }
}

impl Config {
    /// This configuration as a run file with every key, canonical names alone. Reading it gives an equal configuration.
    ///
    /// # Errors
    /// [`RunFileError::NotWritable`], which cannot happen to a configuration that was read from TOML.
    pub fn to_toml(&self) -> Result<String, RunFileError> {
        toml::to_string(self).map_err(|source| RunFileError::NotWritable { source })
    }
}
