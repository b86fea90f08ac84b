//! `[verify]`: which verifier judges what, and whether it has what it needs.

use super::error::RunFileError;
use super::raw::RunFile;
use super::reader::{FROM_ZERO, Words};
use crate::config::{DataSection, TaskKind, Ungradable, VerifySection};

/// The words of `verify.kind`.
pub(super) const KINDS: &[&str] = &["math", "code", "exact", "command", "chain"];

const UNGRADABLE: &Words<Ungradable> = &[("wrong", Ungradable::Wrong), ("drop", Ungradable::Drop)];

/// Seconds of `verify.timeout` where none are given.
const TIMEOUT: f64 = 10.0;

impl RunFile {
    /// `verify.kind`
    pub(super) fn verify_kind(&self, task: TaskKind) -> Result<String, RunFileError> {
        self.name("verify.kind", KINDS, if task == TaskKind::Chain { "chain" } else { "math" }, None)
    }

    pub(super) fn verify(&self, data: &DataSection) -> Result<VerifySection, RunFileError> {
        let kind = self.verify_kind(data.task)?;
        let sources = self.texts("verify.sources")?;
        for (i, source) in sources.iter().enumerate() {
            let (name, word) = split_source(source).ok_or_else(|| self.bad_source(source))?;
            if !KINDS.contains(&word) {
                return Err(self.unknown_word("verify.sources", word.to_owned(), KINDS.to_vec(), None));
            }
            if sources[..i].iter().any(|other| split_source(other).is_some_and(|(first, _)| first == name)) {
                return Err(self.bad_source(source));
            }
        }
        let command = self.texts("verify.command")?;
        let uses = |word: &str| kind == word || sources.iter().any(|s| split_source(s).is_some_and(|(_, kind)| kind == word));
        if command.first().is_some_and(String::is_empty) || (command.is_empty() && uses("command")) {
            return Err(RunFileError::CommandMissing { place: self.place("verify.command") });
        }
        let interpreter = self.texts("verify.interpreter")?;
        if interpreter.first().is_some_and(String::is_empty) {
            return Err(RunFileError::InterpreterMissing { place: self.place("verify.interpreter") });
        }
        for (key, words, user) in [("verify.command", &command, "command"), ("verify.interpreter", &interpreter, "code")] {
            if !words.is_empty() && !uses(user) {
                return Err(RunFileError::CommandUnused { place: self.place(key), user });
            }
        }
        Ok(VerifySection {
            kind,
            sources,
            ungradable: self.word("verify.ungradable", UNGRADABLE, Ungradable::Wrong)?,
            command,
            interpreter,
            timeout: self.number(
                "verify.timeout",
                |t| t > 0.0 && t <= 3600.0,
                "a number of seconds above 0, up to 3600",
                TIMEOUT,
            )?,
            workers: self.integer("verify.workers", FROM_ZERO, "a number of workers, 0 for all cores")?.unwrap_or(0),
        })
    }

    fn bad_source(&self, found: &str) -> RunFileError {
        RunFileError::OutOfRange {
            place: self.place("verify.sources"),
            expected: "each source once, as \"source=kind\"",
            found: format!("{found:?}"),
        }
    }
}

/// Source and kind of `source=kind`; none where one is missing.
pub(crate) fn split_source(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('=').filter(|(source, kind)| !source.is_empty() && !kind.is_empty())
}
