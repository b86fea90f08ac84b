//! `attempts.jsonl`: what was sampled, line by line as it was sampled, so that a measurement goes on after any kill.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use curt_difficulty::{Attempt, AttemptRecord, Conditions};
use serde::{Deserialize, Serialize};

use super::error::{FilterError, on};
use super::measure::Judged;
use super::problems::Encoded;
use crate::verifiers::Verifiers;

/// Its name.
pub const ATTEMPTS: &str = "attempts.jsonl";

/// Attempts at one problem, as they are written.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    record: AttemptRecord,
    /// Digest of the prompt's token ids and the right answer: a label belongs to them, not to an id.
    prompt: String,
    /// Whether the right answer cannot be graded. Files of before failures of a verifier were told apart say so of these too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ungradable: bool,
}

/// What is known of one problem.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub samples: BTreeMap<u32, Attempt>,
    pub ungradable: bool,
}

/// The file, opened to go on with.
#[derive(Debug)]
pub struct AttemptsFile {
    path: PathBuf,
    out: File,
    conditions: Conditions,
    known: BTreeMap<String, Known>,
}

impl AttemptsFile {
    /// The attempts in `folder` that were made under `conditions` at `problems`; none where there is no such file. A last line
    /// that a kill cut off is taken away. Where one of `verifiers` had no verdict that it may have now, the wrong attempts of
    /// that line are not known.
    ///
    /// # Errors
    /// A line that is none; one of other conditions, or of a problem that has changed, unless `force`: such lines then stay in
    /// the file and are not counted.
    pub fn open(
        folder: &Path,
        conditions: &Conditions,
        problems: &Encoded,
        verifiers: &Verifiers,
        force: bool,
    ) -> Result<Self, FilterError> {
        super::files::folder(folder)?;
        let path = folder.join(ATTEMPTS);
        let options = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let out = options.map_err(on(&path))?;
        let mut file = Self { path, out, conditions: conditions.clone(), known: BTreeMap::new() };
        let mut text = std::fs::read(&file.path).map_err(on(&file.path))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.out.set_len(whole as u64).map_err(on(&file.path))?;
            text.truncate(whole);
        }
        for (n, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
            file.take(n + 1, line, problems, verifiers, force)?;
        }
        Ok(file)
    }

    /// Attempts that were there, at problems of this measurement.
    pub fn known(&self) -> usize {
        self.known.values().map(|known| known.samples.len()).sum()
    }

    /// What is known of a problem.
    pub(super) fn of(&self, problem: &str) -> Option<&Known> {
        self.known.get(problem)
    }

    fn take(
        &mut self,
        number: usize,
        line: &[u8],
        problems: &Encoded,
        verifiers: &Verifiers,
        force: bool,
    ) -> Result<(), FilterError> {
        let file = || self.path.clone();
        let bad = |problem: String| FilterError::BadAttempts { file: file(), line: number, problem };
        let line: Line = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
        let mut attempts = line.record.attempts().map_err(|error| bad(error.to_string()))?;
        if let Err(source) = self.conditions.same_as(&line.record.conditions) {
            return if force {
                Ok(())
            } else {
                Err(FilterError::OtherAttempts { file: file(), line: number, source: source.into() })
            };
        }
        let id = line.record.id;
        match problems.digest(&id) {
            None => return Ok(()),
            Some(digest) if digest == line.prompt => {}
            Some(_) if force => return Ok(()),
            Some(_) => return Err(FilterError::OtherPrompt { file: file(), line: number, problem: id }),
        }
        let failed = line.ungradable && problems.may_fail(&id, verifiers);
        attempts.retain(|(_, attempt)| attempt.correct || !failed);
        let conflict =
            |known: &Known| attempts.iter().find(|(s, a)| known.samples.get(s).is_some_and(|other| other != a)).map(|a| a.0);
        if let Some(sample) = self.known.get(&id).and_then(conflict) {
            return Err(bad(format!("problem `{id}`, sample {sample}, is there twice and differs")));
        }
        let known = self.known.entry(id).or_default();
        known.samples.extend(attempts);
        known.ungradable |= line.ungradable && !failed;
        Ok(())
    }

    /// Writes attempts that have a verdict, a line per problem: its id, its digest, its samples.
    pub(super) fn append<'a>(
        &mut self,
        rows: impl IntoIterator<Item = (&'a str, &'a str, &'a Judged)>,
    ) -> Result<(), FilterError> {
        let mut text = Vec::new();
        for (id, prompt, judged) in rows.into_iter().filter(|(_, _, judged)| !judged.attempts.is_empty()) {
            let (attempts, ungradable) = (judged.attempts.iter().copied(), judged.ungradable);
            let record = AttemptRecord::new(&self.conditions, id, attempts.clone());
            let line = Line { record, prompt: prompt.to_owned(), ungradable };
            serde_json::to_writer(&mut text, &line).map_err(|error| on(&self.path)(error.into()))?;
            text.push(b'\n');
            let known = self.known.entry(id.to_owned()).or_default();
            known.samples.extend(attempts);
            known.ungradable |= ungradable;
        }
        self.out.write_all(&text).map_err(on(&self.path))
    }
}
