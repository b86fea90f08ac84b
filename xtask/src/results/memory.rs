//! `cargo xtask results memory`: what training takes by counting, and what it took.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::machine::{Machine, today};
use super::page::{grouped, table};
use super::shape::Shape;
use super::speed_row::NOT_MEASURED;
use super::{PAGE, Part, read_named};
use crate::binary;

#[derive(clap::Args)]
pub struct Options {
    /// Run this run file now, or `embedded`, and append its peak to the log; may be given several times
    #[arg(long, value_name = "RUN.toml|embedded")]
    measure: Vec<String>,
    /// Lines of measured runs; the last of each run counts
    #[arg(long, value_name = "FILE", default_value = "target/results/memory.jsonl")]
    log: PathBuf,
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write the tables into docs/results.md instead of printing them
    #[arg(long)]
    write: bool,
}

/// Tokens of a pass in the runs that the page is about.
const SMOLLM2_TOKENS: usize = 1024;
const TINY_TOKENS: usize = 4096;

/// The run inside the binary.
const EMBEDDED: &str = "embedded";

/// Measures what is asked for, then prints or writes the tables.
pub fn run(options: &Options) -> Result<()> {
    if !options.measure.is_empty() {
        let binary = options.binary.clone().map_or_else(binary::build, Ok)?;
        for what in &options.measure {
            let line = measure(&binary, what)?;
            append(&options.log, &line)?;
            println!("{line}");
        }
    }
    let log = if options.log.exists() { read_named(&options.log)? } else { String::new() };
    Part { page: PAGE, name: "memory", content: content(&parse(&log)?)?, attachment: None }.publish(options.write)
}

/// One run to its end, in an empty folder; its line for the log.
fn measure(binary: &Path, what: &str) -> Result<Value> {
    let folder = binary::fresh_folder("memory")?;
    let file = if what == EMBEDDED { None } else { Some(Path::new(what).canonicalize().with_context(|| what.to_owned())?) };
    let mut command = binary::command(binary, &folder, &["train", "--output-dir", "run"]);
    let name = match &file {
        None => EMBEDDED.to_owned(),
        Some(file) => file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let watched = binary::watch(command.args(&file))?;
    if watched.code != Some(0) {
        bail!("exit code {:?} of {what}", watched.code);
    }
    let Some(kib) = watched.peak_kib else { bail!("this system does not tell a process's memory") };
    let machine = Machine::here()?;
    Ok(json!({ "run": name, "kib": kib, "seconds": watched.seconds, "date": today()?, "commit": machine.commit,
        "processor": machine.processor() }))
}

fn append(file: &Path, line: &Value) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut out = OpenOptions::new().create(true).append(true).open(file).with_context(|| file.display().to_string())?;
    writeln!(out, "{line}").with_context(|| file.display().to_string())
}

fn parse(text: &str) -> Result<Vec<Value>> {
    let line = |(i, line)| serde_json::from_str(line).with_context(|| format!("line {} of the log of memory", i + 1));
    text.lines().enumerate().map(line).collect()
}

fn content(measured: &[Value]) -> Result<String> {
    let (smollm2, tiny) = (Shape::smollm2()?, Shape::tiny()?);
    let mut runs: Vec<&str> = measured.iter().filter_map(|line| line["run"].as_str()).collect();
    runs.push(EMBEDDED);
    runs.sort_unstable();
    runs.dedup();
    let rows: Vec<Vec<String>> = runs.into_iter().map(|run| measured_row(run, measured)).collect();
    let logits = format!(
        "Nothing of the size tokens × vocabulary exists: at {} tokens of SmolLM2-135M those logits alone would take {}, and their \
         gradient as much again.",
        grouped(SMOLLM2_TOKENS as f64),
        mib(smollm2.logits(SMOLLM2_TOKENS)),
    );
    let heads = ["run", "peak resident memory of `curt train`", "s", "date", "commit", "machine"];
    Ok([parts(&smollm2, &tiny), table(&heads, &rows), logits].join("\n\n"))
}

/// What training is made of, by counting.
fn parts(smollm2: &Shape, tiny: &Shape) -> String {
    let (large, small) = (smollm2.memory(SMOLLM2_TOKENS), tiny.memory(TINY_TOKENS));
    let mut rows: Vec<Vec<String>> = large
        .iter()
        .zip(&small)
        .map(|(large, small)| vec![large.0.to_owned(), large.1.to_owned(), mib(large.2), mib(small.2)])
        .collect();
    let sum = |parts: &[(&str, &str, usize)]| mib(parts.iter().map(|part| part.2).sum());
    rows.push(vec!["sum of these".into(), "–".into(), sum(&large), sum(&small)]);
    rows.push(vec![
        "activations with `train.recompute_activations`".into(),
        "L d + the rest of one layer's, a token".into(),
        mib(smollm2.recomputed_activations(SMOLLM2_TOKENS)),
        mib(tiny.recomputed_activations(TINY_TOKENS)),
    ]);
    let kib = |shape: &Shape| format!("{:.1} KiB", shape.cache_per_token() as f64 / 1024.0);
    rows.push(vec!["keys and values, per token in the cache".into(), "2 L kv".into(), kib(smollm2), kib(tiny)]);
    let heads = [
        "part",
        "floats",
        &format!("SmolLM2-135M, {} tokens a pass", grouped(SMOLLM2_TOKENS as f64)),
        &format!("tiny, {} tokens a pass", grouped(TINY_TOKENS as f64)),
    ];
    table(&heads, &rows)
}

fn measured_row(run: &str, measured: &[Value]) -> Vec<String> {
    let Some(line) = measured.iter().rev().find(|line| line["run"] == run) else {
        return [vec![run.to_owned()], vec![NOT_MEASURED.to_owned(); 5]].concat();
    };
    let text = |name: &str| line[name].as_str().unwrap_or(NOT_MEASURED).to_owned();
    let number = |name: &str| line[name].as_f64();
    vec![
        run.to_owned(),
        number("kib").map_or(NOT_MEASURED.to_owned(), |kib| mib((kib * 1024.0) as usize)),
        number("seconds").map_or(NOT_MEASURED.to_owned(), |seconds| format!("{seconds:.0}")),
        text("date"),
        text("commit"),
        text("processor"),
    ]
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", grouped((bytes as f64 / f64::from(1 << 20)).round()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_and_runs_are_read() {
        let log = "{\"run\": \"smollm2\", \"kib\": 1, \"seconds\": 1}\n\
            {\"run\": \"smollm2\", \"kib\": 4251648, \"seconds\": 99.6, \"date\": \"d\", \"commit\": \"c\", \"processor\": \"A\"}\n";
        let text = content(&parse(log).unwrap()).unwrap();
        for expected in [
            "| weights | P | 513 MiB | 2 MiB |",
            "| smollm2 | 4,152 MiB | 100 | d | c | A |",
            "| embedded | not measured | not measured |",
            "at 1,024 tokens of SmolLM2-135M those logits alone would take 192 MiB",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(parse("{").is_err());
    }
}
