//! `--record FILE`: a line of JSON for each check that was run, for the table that `cargo xtask results checks` writes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::results::machine::{Machine, today};

/// One run of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// As it was typed, without `--record`.
    pub command: String,
    pub date: String,
    pub commit: String,
    pub processor: String,
    pub passed: bool,
    /// What it says of itself; the error if it failed.
    pub outcome: String,
    pub seconds: f64,
}

impl Entry {
    /// The check that this process ran, on this machine, today.
    pub fn now(passed: bool, outcome: String, seconds: f64) -> Result<Self> {
        let machine = Machine::here()?;
        let (processor, commit) = (machine.processor(), machine.commit);
        Ok(Entry { command: command(std::env::args().skip(1)), date: today()?, commit, processor, passed, outcome, seconds })
    }

    /// Writes the entry as the last line of the file.
    pub fn append(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let Entry { command, date, commit, processor, passed, outcome, seconds } = self;
        let line = json!({ "command": command, "date": date, "commit": commit, "processor": processor, "passed": passed,
            "outcome": outcome, "seconds": seconds });
        let mut out = OpenOptions::new().create(true).append(true).open(file).with_context(|| file.display().to_string())?;
        writeln!(out, "{line}").with_context(|| file.display().to_string())
    }
}

/// The entries of a file, in order.
///
/// # Errors
/// A line that lacks a field, by its number.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let entry = |line: &str| -> Result<Entry> {
        let value: Value = serde_json::from_str(line)?;
        let text = |name: &str| Ok::<_, anyhow::Error>(value[name].as_str().with_context(|| format!("no `{name}`"))?.to_owned());
        Ok(Entry {
            command: text("command")?,
            date: text("date")?,
            commit: text("commit")?,
            processor: text("processor")?,
            passed: value["passed"].as_bool().context("no `passed`")?,
            outcome: text("outcome")?,
            seconds: value["seconds"].as_f64().context("no `seconds`")?,
        })
    };
    text.lines().enumerate().map(|(i, line)| entry(line).with_context(|| format!("line {}", i + 1))).collect()
}

/// The command as the page shows it: places on this machine's disk are nobody's business.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut shown = vec!["cargo xtask".to_owned()];
    let mut is_file_of_record = false;
    for word in words {
        let hidden = is_file_of_record || word.starts_with("--record");
        is_file_of_record = word == "--record";
        if !hidden {
            shown.push(if word.starts_with(['/', '.']) { "PATH".to_owned() } else { word });
        }
    }
    shown.join(" ")
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An entry of this command that passed.
    pub fn sample(command: &str) -> Entry {
        Entry {
            command: command.into(),
            date: "2026-01-31".into(),
            commit: "abc1234".into(),
            processor: "CPU: A (family 25, model 1, avx2). Cores: 2".into(),
            passed: true,
            outcome: "8 kills".into(),
            seconds: 12.3,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/checks.jsonl");
        let entries = [sample("cargo xtask crash"), Entry { passed: false, ..sample("cargo xtask mutants") }];
        entries.iter().for_each(|entry| entry.append(&file).unwrap());
        assert_eq!(parse(&fs::read_to_string(&file).unwrap()).unwrap(), entries);
    }

    #[test]
    fn a_line_that_lacks_something_is_named() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert_eq!(message("{\"command\": \"x\"}"), "line 1: no `date`");
        assert!(message("{}\n{").starts_with("line 1"), "{}", message("{}\n{"));
    }

    #[test]
    fn the_command_is_shown_without_places_on_disk() {
        let shown = |line: &str| command(line.split(' ').map(str::to_owned));
        assert_eq!(shown("crash --kills 50 --record target/x"), "cargo xtask crash --kills 50");
        assert_eq!(shown("--record=x mutants"), "cargo xtask mutants");
        assert_eq!(
            shown("conformance ../data --with-transformers /a/python"),
            "cargo xtask conformance PATH --with-transformers PATH"
        );
    }
}
