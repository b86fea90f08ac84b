//! `cargo xtask results lab`: what `curt lab` says of the embedded run, and how long it takes for a million rollouts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::machine::Machine;
use super::page::{grouped, table};
use super::{Part, made_numbers};
use crate::binary::{self, Watched};

/// The page of the lab.
const LAB_PAGE: &str = "docs/lab.md";

/// Where the embedded run lies.
const EMBEDDED: &str = "runs/embedded";

#[derive(clap::Args)]
pub struct Options {
    /// The run directory that `cargo run --release` leaves
    #[arg(long, value_name = "DIR", default_value = EMBEDDED)]
    run: PathBuf,
    /// Time the lab on a million rollouts instead, in target/lab
    #[arg(long)]
    speed: bool,
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write into docs/lab.md instead of printing
    #[arg(long)]
    write: bool,
}

/// Prints or writes one of the two parts.
pub fn run(options: &Options) -> Result<()> {
    let machine = Machine::here()?.line();
    // it is started from another folder
    let given = options.binary.as_deref().map(|path| path.canonicalize().with_context(|| path.display().to_string()));
    let binary = given.unwrap_or_else(binary::build)?;
    let folder = binary::fresh_folder("lab")?;
    let (name, content) = match options.speed {
        false => ("lab", embedded(&machine, &binary, &folder, &options.run)?),
        true => ("lab-speed", speed(&machine, &binary, &folder)?),
    };
    Part { page: LAB_PAGE, name, content, attachment: None }.publish(options.write)
}

/// The table that the program prints of a run, and its verdicts in a sentence.
fn embedded(machine: &str, binary: &Path, folder: &Path, run: &Path) -> Result<String> {
    let run = run.canonicalize().with_context(|| format!("{}: make it by `cargo run --release`", run.display()))?;
    let run = run.to_str().context("a run directory whose name is not UTF-8")?;
    let found = watched(binary, folder, &["lab", run, "--json", "lab.json"])?;
    let report: Value = serde_json::from_slice(&std::fs::read(folder.join("lab.json")).context("lab.json")?)?;
    let kept = |line: &&str| !line.contains("lab.json");
    let printed: Vec<&str> = found.stdout.lines().map(str::trim_end).filter(kept).collect();
    // places on this machine's disk are nobody's business
    let printed = printed.join("\n").replace(run, EMBEDDED);
    let command = format!("`cargo run --release`, then `curt lab {EMBEDDED}`");
    Ok(format!("{machine} {command}.\n\n```text\n{}\n```\n\n{}", printed.trim_matches('\n'), verdicts(&report)?))
}

/// Which strategies are the trap, and which cannot be told.
fn verdicts(report: &Value) -> Result<String> {
    let strategies = report["strategies"].as_array().context("lab.json: no strategies")?;
    let named = |verdict: &str| -> Vec<String> {
        let with = strategies.iter().filter(|strategy| strategy["verdict"] == verdict);
        with.filter_map(|strategy| Some(format!("`{}`", strategy["strategy"].as_str()?))).collect()
    };
    let (traps, undecided) = (named("trap"), named("undecided"));
    let or_none = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let clear = strategies.len() - traps.len() - undecided.len();
    Ok(format!("Traps: {}. Undecided: {}. The other {clear} are clear.", or_none(&traps), or_none(&undecided)))
}

/// Rollouts of the timed recording, in groups, in steps.
const ROLLOUTS: u64 = 1_000_000;
const GROUP: u64 = 16;
const GROUPS_PER_STEP: u64 = 64;

/// What the lab may take for it.
const MAX_SECONDS: f64 = 20.0;

/// A recording with every fact, so that every strategy is compared, timed from the program's start to its end.
fn speed(machine: &str, binary: &Path, folder: &Path) -> Result<String> {
    let file = folder.join("rollouts.jsonl");
    let bytes = record(&mut BufWriter::new(File::create(&file)?), ROLLOUTS)?;
    let words = ["lab", "rollouts.jsonl", "--target-length", "4096", "--max-completion-length", "16384", "--json", "lab.json"];
    let found = watched(binary, folder, &words)?;
    let report: Value = serde_json::from_slice(&std::fs::read(folder.join("lab.json")).context("lab.json")?)?;
    std::fs::remove_file(&file)?;
    ensure!(report["rollouts"] == ROLLOUTS, "the lab read {} rollouts", report["rollouts"]);
    ensure!(report["left_out"].as_array().is_some_and(Vec::is_empty), "strategies were left out: {}", report["left_out"]);
    let n_strategies = report["strategies"].as_array().map_or(0, Vec::len);
    let met = if found.seconds <= MAX_SECONDS { "" } else { " **missed**" };
    let memory = found.peak_kib.map_or("not measured".to_owned(), |kib| format!("{} MiB", kib / 1024));
    let row = vec![
        grouped(ROLLOUTS as f64),
        format!("{}", bytes.div_ceil(ROLLOUTS)),
        n_strategies.to_string(),
        format!("{:.1} s{met}", found.seconds),
        memory,
    ];
    let head = format!("time (≤ {MAX_SECONDS} s)");
    let heads = ["rollouts", "bytes a row", "rows of the table", head.as_str(), "peak memory"];
    Ok(format!("{machine} `cargo xtask results lab --speed`.\n\n{}", table(&heads, &[row])))
}

fn watched(binary: &Path, folder: &Path, words: &[&str]) -> Result<Watched> {
    let found = binary::watch(&mut binary::command(binary, folder, words))?;
    ensure!(found.code == Some(0), "exit code {:?} of curt {}\n{}", found.code, words.join(" "), found.stdout);
    Ok(found)
}

/// Writes rows of at most 200 bytes that look random and are the same each time; how many bytes.
fn record(out: &mut impl Write, rollouts: u64) -> Result<u64> {
    let mut next = made_numbers();
    let mut bytes = 0;
    let mut skill = 0;
    for row in 0..rollouts {
        let group = row / GROUP;
        if row % GROUP == 0 {
            skill = next(101);
        }
        let (length, correct) = (1 + next(16_384), next(100) < skill);
        let line = format!(
            "{{\"step\":{},\"group\":{group},\"correct\":{correct},\"length\":{length},\"truncated\":{},\"answer_length\":{},\
             \"budget\":4096,\"repetition\":0.{:02},\"reference\":{{\"mean_length\":{}.5,\"accuracy\":0.{skill:02}}}}}\n",
            group / GROUPS_PER_STEP,
            length == 16_384,
            length / 5,
            next(100),
            next(9000),
        );
        bytes += line.len() as u64;
        out.write_all(line.as_bytes())?;
    }
    out.flush()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_short_and_have_every_fact() {
        let mut out = Vec::new();
        let bytes = record(&mut out, 2000).unwrap();
        assert_eq!(bytes, out.len() as u64);
        for line in String::from_utf8(out).unwrap().lines() {
            assert!(line.len() <= 200, "{line}");
            let row: Value = serde_json::from_str(line).unwrap();
            for fact in ["group", "step", "correct", "length", "answer_length", "budget", "repetition", "reference"] {
                assert!(!row[fact].is_null(), "{fact}: {line}");
            }
        }
    }

    #[test]
    fn verdicts_are_a_sentence() {
        let report = serde_json::json!({"strategies": [
            {"strategy": "truncation", "verdict": "clear"},
            {"strategy": "minus_i, exclude", "verdict": "trap"},
        ]});
        assert_eq!(verdicts(&report).unwrap(), "Traps: `minus_i, exclude`. Undecided: none. The other 1 are clear.");
        assert!(verdicts(&serde_json::json!({})).is_err());
    }
}
