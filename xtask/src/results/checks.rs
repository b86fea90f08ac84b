//! `cargo xtask results checks`: the checks that are too long for every change, and when they last held.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::page::table;
use super::speed_row::NOT_MEASURED;
use super::{PAGE, Part, read_named};
use crate::record::{Entry, parse};

#[derive(clap::Args)]
pub struct Options {
    /// The file that `cargo xtask CHECK --record FILE` appended to; may be given several times
    #[arg(long, required = true, value_name = "FILE")]
    log: Vec<PathBuf>,
    /// Write the table into docs/results.md instead of printing it
    #[arg(long)]
    write: bool,
}

/// What is checked, and the words of the command that does it.
const CHECKS: [(&str, &str); 12] = [
    ("a fresh clone builds and passes its tests", "clone-test"),
    ("a run that is killed at random moments and resumed is the run that was not", "crash"),
    ("the committed models come out of their recipes, byte for byte", "fixtures --check"),
    ("our numbers are those of other software", "conformance"),
    ("what is saved is the same model in transformers", "conformance --with-transformers"),
    ("every kernel has the bits of the CPU and is near f64, at all sizes and in every order", "matrix"),
    ("a broken invariant makes a test fail", "mutants"),
    ("a CUDA kernel without one of its barriers or waits makes a test fail", "mutate-kernels"),
    ("the laws hold for our own rewards, estimators and objectives as documented", "laws"),
    ("a reward with another number or comparison makes a test fail", "mutate-rewards"),
    ("each leaf crate packages and builds alone, and its laws work outside the workspace", "package"),
    ("the program answers right and wrong input as it should", "smoke"),
];

/// Prints or writes the table.
pub fn run(options: &Options) -> Result<()> {
    let mut entries = Vec::new();
    for path in &options.log {
        entries.extend(parse(&read_named(path)?).with_context(|| path.display().to_string())?);
    }
    Part { page: PAGE, name: "checks", content: content(&entries), attachment: None }.publish(options.write)
}

/// A row for each check, from its last run; one that never ran says so.
fn content(entries: &[Entry]) -> String {
    let rows: Vec<Vec<String>> = CHECKS.iter().map(|(what, words)| row(what, words, last(entries, words))).collect();
    table(&["what", "command", "outcome", "s", "date", "commit", "machine"], &rows)
}

fn last<'a>(entries: &'a [Entry], words: &str) -> Option<&'a Entry> {
    let runs = |entry: &&Entry| words.split(' ').all(|word| entry.command.split(' ').any(|found| found == word));
    entries.iter().rev().find(runs)
}

fn row(what: &str, words: &str, entry: Option<&Entry>) -> Vec<String> {
    let Some(entry) = entry else {
        let missing = vec![NOT_MEASURED.to_owned(); 5];
        return [vec![what.to_owned(), format!("`cargo xtask {words}`")], missing].concat();
    };
    let outcome = if entry.passed { entry.outcome.clone() } else { format!("**failed**: {}", entry.outcome) };
    vec![
        what.to_owned(),
        format!("`{}`", entry.command),
        outcome,
        format!("{:.0}", entry.seconds),
        entry.date.clone(),
        entry.commit.clone(),
        entry.processor.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn every_check_has_a_row_from_its_last_run() {
        let late = Entry { passed: false, outcome: "kill 3 differs".into(), ..sample("cargo xtask crash --kills 50") };
        let text = content(&[sample("cargo xtask crash"), late, sample("cargo xtask conformance ../data")]);
        assert_eq!(text.lines().count(), 2 + CHECKS.len());
        let rest = "| 12 | 2026-01-31 | abc1234 | CPU: A (family 25, model 1, avx2). Cores: 2 |";
        for expected in [
            format!("| `cargo xtask crash --kills 50` | **failed**: kill 3 differs {rest}"),
            format!("| `cargo xtask conformance ../data` | 8 kills {rest}"),
            "| `cargo xtask conformance --with-transformers` | not measured | not measured |".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected} is not in\n{text}");
        }
    }
}
