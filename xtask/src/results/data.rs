//! `cargo xtask results data`: how long reading, indexing and comparing problems takes, and filtering a million of them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::criterion::{self, Measurements};
use super::machine::Machine;
use super::page::{grouped, table};
use super::speed_row::NOT_MEASURED;
use super::{Part, made_numbers};
use crate::binary;

/// The page about data.
const DATA_PAGE: &str = "docs/data.md";

#[derive(clap::Args)]
pub struct Options {
    /// Where criterion wrote [default: criterion/ of the target folder]
    #[arg(long, value_name = "DIR")]
    criterion: Option<PathBuf>,
    /// What CURT_PROBLEMS was in the bench, in words
    #[arg(long, value_name = "TEXT", default_value = "made ones, as long as DeepScaleR's")]
    problems: String,
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write the table into docs/data.md instead of printing it
    #[arg(long)]
    write: bool,
}

/// As typed in the workspace.
const COMMAND: &str = "cargo bench -p curt-benches --bench data";

/// Benches, what they are, and seconds that they may take.
const BENCHES: [(&str, &str, Option<f64>); 5] = [
    ("load", "read", None),
    ("index", "index by text", None),
    ("load and index", "read and index", Some(1.0)),
    ("load from zstd", "read from zstd", None),
    ("overlap with 5000", "look for them among 5,000 problems of an evaluation, which are indexed first", Some(1.0)),
];

/// Rows of the timed filter, and seconds that it may take.
const ROWS: u64 = 1_000_000;
const MAX_SECONDS: f64 = 2.0;

/// Prints or writes the table.
pub fn run(options: &Options) -> Result<()> {
    let measurements = criterion::read(&options.criterion.clone().unwrap_or_else(criterion::default_folder))?;
    // it is started from another folder
    let given = options.binary.as_deref().map(|path| path.canonicalize().with_context(|| path.display().to_string()));
    let binary = given.unwrap_or_else(binary::build)?;
    let filtered = filter(&binary, &binary::fresh_folder("data")?)?;
    let rows = [benches(&measurements, &options.problems), vec![filtered]].concat();
    let table = table(&["what", "problems", "s", "target"], &rows);
    let content = format!("{} `{COMMAND}`, then `cargo xtask results data`.\n\n{table}", Machine::here()?.line());
    Part { page: DATA_PAGE, name: "data-speed", content, attachment: None }.publish(options.write)
}

fn benches(measurements: &Measurements, problems: &str) -> Vec<Vec<String>> {
    let row = |(name, what, target): &(&str, &str, Option<f64>)| {
        let measured = measurements.get(&format!("data/{name}"));
        let count = measured.and_then(|bench| bench.amount).map(|n| format!("{}, {problems}", grouped(n)));
        let cells = [Some((*what).to_owned()), count, measured.map(|bench| format!("{:.2}", bench.seconds))];
        let mut cells: Vec<String> = cells.map(|cell| cell.unwrap_or_else(|| NOT_MEASURED.to_owned())).to_vec();
        cells.push(verdict(*target, measured.map(|bench| bench.seconds)));
        cells
    };
    BENCHES.iter().map(row).collect()
}

/// The target, and whether it was missed.
fn verdict(target: Option<f64>, seconds: Option<f64>) -> String {
    match target {
        None => "–".to_owned(),
        Some(target) if seconds.is_some_and(|seconds| seconds > target) => format!("≤ {target}, **missed**"),
        Some(target) => format!("≤ {target}"),
    }
}

/// `curt filter` by known rates, timed from the program's start to its end.
fn filter(binary: &Path, folder: &Path) -> Result<Vec<String>> {
    let file = folder.join("rows.jsonl");
    let bytes = rated(&mut BufWriter::new(File::create(&file)?), ROWS)?;
    let words = ["filter", "rows.jsonl", "--pass-rate-field", "pass_rate", "--output", "filtered"];
    let found = binary::watch(&mut binary::command(binary, folder, &words))?;
    ensure!(found.code == Some(0), "exit code {:?} of curt {}\n{}", found.code, words.join(" "), found.stdout);
    let card: Value = serde_json::from_slice(&std::fs::read(folder.join("filtered/card.json")).context("card.json")?)?;
    ensure!(card["problems"] == ROWS, "the filter read {} rows", card["problems"]);
    std::fs::remove_dir_all(folder)?;
    let what = format!("`curt filter` by known rates, rows of {} bytes, as a whole", bytes / ROWS);
    let seconds = format!("{:.2}", found.seconds);
    Ok(vec![what, grouped(ROWS as f64), seconds, verdict(Some(MAX_SECONDS), Some(found.seconds))])
}

/// Writes problems with pass rates that look random and are the same each time; how many bytes.
fn rated(out: &mut impl Write, rows: u64) -> Result<u64> {
    let mut next = made_numbers();
    let mut bytes = 0;
    for row in 0..rows {
        let line = format!(
            "{{\"id\": \"made-{row}\", \"problem\": \"Let $x_{{{row}}}$ be such that $\\\\frac{{x}}{{{}}} + \\\\sqrt{{{}}} = {}$. How many \
             whole numbers below $x$ have no common divisor with it but 1?\", \"answer\": \"{}\", \"source\": \"made\", \
             \"pass_rate\": {}}}\n",
            1 + next(97),
            next(1 << 20),
            next(1 << 20),
            next(1000),
            next(9) as f64 / 8.0,
        );
        bytes += line.len() as u64;
        out.write_all(line.as_bytes())?;
    }
    out.flush()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::criterion::Measurement;
    use super::*;

    #[test]
    fn benches_have_rows_measured_or_not_and_targets_met_or_not() {
        let bench = |seconds: f64| Measurement { seconds, amount: Some(39_041.0) };
        let measured = [("data/load".to_owned(), bench(0.5)), ("data/load and index".to_owned(), bench(1.25))];
        let rows = benches(&measured.into_iter().collect(), "made");
        let lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(lines[0], "read | 39,041, made | 0.50 | –");
        assert_eq!(lines[2], "read and index | 39,041, made | 1.25 | ≤ 1, **missed**");
        assert_eq!(lines[3], "read from zstd | not measured | not measured | –");
        assert_eq!(verdict(Some(1.0), Some(1.0)), "≤ 1");
    }

    #[test]
    fn rows_are_problems_with_rates() {
        let mut out = Vec::new();
        let bytes = rated(&mut out, 500).unwrap();
        assert_eq!(bytes, out.len() as u64);
        for line in String::from_utf8(out).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert!(row["problem"].is_string() && row["answer"].is_string(), "{line}");
            assert!((0.0..=1.0).contains(&row["pass_rate"].as_f64().unwrap()), "{line}");
        }
    }
}
