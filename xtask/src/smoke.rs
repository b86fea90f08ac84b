//! `cargo xtask smoke`: the built program as a user meets it, right input and wrong.
//!
//! Each case is a command line with the exit code and the words that must follow; a wrong input must say what is wrong in
//! one line, must not speak of a panic, and must leave nothing behind.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::binary::{self, Finished};
use crate::workspace::root;

#[derive(clap::Args)]
pub struct Options {
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Exit codes of the program.
const DONE: i32 = 0;
const SYSTEM: i32 = 1;
const CONFIG: i32 = 2;
const DATA: i32 = 3;
const ALARM: i32 = 4;

/// The embedded run, three steps long.
const SMALL: &str = "--set train.steps=3 --set rollout.prompts_per_step=4 --set rollout.num_generations=4 \
    --set rollout.max_completion_length=64 --set reward.target_length=32 --set checkpoint.save_steps=1 --set eval.problems=2 \
    --set eval.n=2 --set eval.max_completion_length=64 --set eval.budgets=[32,64]";

/// Settings under which an alarm is raised at the first step, whatever happens.
const RAISED: &str = "--set alarms.window=1 --set alarms.patience=1 --set alarms.truncation_threshold=0";

/// A command line after `curt`, its exit code, and words that must be in what it prints.
type Case = (&'static str, i32, &'static [&'static str]);

/// What works, in this order: a later case uses what an earlier one left. An alarm and a finding have exit codes of their own.
const RIGHT: [Case; 23] = [
    ("--help", DONE, &["train", "eval", "generate", "Examples", "Exit codes"]),
    ("--version", DONE, &["curt"]),
    ("train --help", DONE, &["--set", "--resume", "Examples"]),
    ("train --output-dir run SMALL", DONE, &["run"]),
    ("train --output-dir run --resume 2", DONE, &[]),
    ("eval run/checkpoint-3 --problems 2 --n 2 --limit 64 --json summary.json", DONE, &["Mean@2"]),
    ("generate run/checkpoint-3 --prompt ^44a*3b*9> --max-new-tokens 32 --show-ids", DONE, &[]),
    ("generate embedded:weak --prompt ^44a*3b*9> --n 2 --temperature 0", DONE, &[]),
    ("train --output-dir dry SMALL --dry-run", DONE, &[]),
    ("watch run", DONE, &["step 1: adapting", "after 3 steps: adapting", "no alarm is on"]),
    ("watch run run/metrics.jsonl --json RAISED", DONE, &["\"event\":\"alarm\"", "\"truncation\"", "\"event\":\"end\""]),
    (
        "train --output-dir paused SMALL RAISED --set alarms.truncation_action=pause",
        ALARM,
        &["stopped after step 1 by the alarm truncation", "saved as checkpoint-1 and pauses"],
    ),
    ("train --output-dir paused --resume latest", DONE, &["resumed after step 1"]),
    ("watch paused", DONE, &["alarm truncation", "after 3 steps"]),
    ("doctor --no-probe", DONE, &["nothing found that is likely a mistake"]),
    ("doctor --no-probe --json", DONE, &["\"findings\": []", "\"refused\": null"]),
    ("doctor --no-probe --set reward.strategy=minus_i", CONFIG, &["short becomes correct", "reward.masking"]),
    ("report run", DONE, &["run/report.html"]),
    ("report run paused -o both.html", DONE, &["both.html"]),
    (
        "eval embedded:weak embedded:good --problems 1 --n 2 --limit 64 --budgets 32,64 --output two",
        DONE,
        &["differences are paired by problem", "two/eval.json"],
    ),
    ("eval --compare two#embedded:weak two#embedded:good", DONE, &["on chain: 9 problems", "Mean@k"]),
    ("eval --rollouts two/samples.jsonl.zst --limit 64 --budgets 17", DONE, &["17 "]),
    ("report two -o eval.html", DONE, &["eval.html"]),
];

/// What does not, one of each kind.
const WRONG: [Case; 42] = [
    ("tarin", CONFIG, &["tarin"]),
    ("train nowhere.toml", CONFIG, &["nowhere.toml"]),
    ("train unknown_key.toml", CONFIG, &["learning_rat", "learning_rate"]),
    ("train --output-dir wrong --set train.steps=many", CONFIG, &["train.steps", "many"]),
    ("train not_toml.toml", CONFIG, &["not_toml.toml:1"]),
    ("train --output-dir wrong --set rollout.max_completion_length=0", CONFIG, &["max_completion_length"]),
    ("train --output-dir wrong --set reward.target_length=0", CONFIG, &["target_length"]),
    ("train --output-dir wrong --set rollout.num_generations=1", CONFIG, &["group of 1"]),
    ("train --output-dir wrong --set rollout.top_p=0.9", CONFIG, &["top_p"]),
    ("train --output-dir wrong --set reward.strategy=trunkation", CONFIG, &["trunkation", "truncation"]),
    ("train --output-dir wrong --set reward.strategy=l1_max", CONFIG, &["l1_max", "budget"]),
    (
        "train --output-dir wrong --set reward.strategy=qglas --set algo.advantage=optimal_token_baseline",
        CONFIG,
        &["qglas", "algo.advantage", "optimal_token_baseline"],
    ),
    ("train --output-dir wrong --set model.path=nowhere", CONFIG, &["nowhere"]),
    ("train --output-dir run SMALL", CONFIG, &["run", "--resume"]),
    ("train --output-dir empty --resume latest", CONFIG, &["no run to resume"]),
    ("train --output-dir damaged --resume latest", DATA, &["checkpoint-3", "model.safetensors"]),
    ("train --output-dir a_file/run SMALL", SYSTEM, &["a_file"]),
    (
        "train --output-dir wrong SMALL --set data.task=jsonl --set data.path=malformed.jsonl --set data.chat_template=false",
        DATA,
        &["malformed.jsonl:2"],
    ),
    (
        "train --output-dir wrong SMALL --set data.task=jsonl --set data.path=empty.jsonl --set data.chat_template=false",
        DATA,
        &["empty.jsonl"],
    ),
    ("eval embedded:best", CONFIG, &["embedded:best", "embedded:good"]),
    ("eval no_tokenizer --problems 1", DATA, &["tokenizer.json"]),
    ("eval no_weights --problems 1", DATA, &["model.safetensors"]),
    ("eval truncated --problems 1", DATA, &["model.safetensors", "truncated"]),
    ("eval wrong_shape --problems 1", DATA, &["model.safetensors", "expected shape"]),
    ("eval mamba --problems 1", DATA, &["MambaForCausalLM"]),
    ("eval not_a_number --problems 1 --n 1 --limit 8", DATA, &["finite"]),
    ("generate embedded:good --prompt-file empty.jsonl", DATA, &["empty"]),
    ("eval embedded:good --limit 64 --budgets 64,32", CONFIG, &["--budgets 64,32", "increasing order"]),
    ("eval embedded:good --limit 64 --budgets 65", CONFIG, &["--budgets 65", "--limit 64"]),
    ("eval --compare two two", CONFIG, &["several models", "two#LABEL"]),
    ("eval --compare two#embedded:good empty", CONFIG, &["empty/eval.json"]),
    ("eval --compare malformed.jsonl malformed.jsonl", DATA, &["malformed.jsonl", "as an evaluation"]),
    ("watch nowhere.jsonl", DATA, &["nowhere.jsonl: the metrics cannot be read"]),
    ("watch empty.jsonl", DATA, &["empty.jsonl: no steps"]),
    ("watch malformed.jsonl", DATA, &["malformed.jsonl:1: not a row of metrics"]),
    ("watch run --set train.steps=3", CONFIG, &["train.steps=3", "alarms.KEY=VALUE"]),
    ("doctor unknown_key.toml", CONFIG, &["learning_rat", "learning_rate"]),
    ("doctor --no-probe --set model.path=no_tokenizer", DATA, &["tokenizer.json"]),
    ("report nowhere", CONFIG, &["nowhere: no such run directory"]),
    ("report empty", CONFIG, &["empty", "is no run directory"]),
    ("report unmeasured", DATA, &["unmeasured", "has recorded no metrics"]),
    ("report malformed.jsonl", DATA, &["malformed.jsonl: is no evaluation"]),
];

/// Runs every case in `target/smoke`; an error if one goes otherwise.
pub fn run(options: &Options) -> Result<String> {
    let binary = options.binary.clone().map_or_else(binary::build, Ok)?;
    let folder = binary::fresh_folder("smoke")?;
    let mut n_failed = 0;
    for case in &RIGHT {
        n_failed += usize::from(!check(&binary, &folder, case, |_| Vec::new())?);
    }
    prepare(&folder)?;
    for case in &WRONG {
        let before = listing(&folder)?;
        n_failed += usize::from(!check(&binary, &folder, case, |found| {
            let mut faults = manners(found);
            let left: Vec<String> =
                listing(&folder).unwrap_or_default().into_iter().filter(|path| !before.contains(path)).collect();
            if !left.is_empty() {
                faults.push(format!("left behind: {}", left.join(", ")));
            }
            faults
        })?);
    }
    if n_failed > 0 {
        bail!("{n_failed} of {} commands went otherwise", RIGHT.len() + WRONG.len());
    }
    Ok(format!("{} commands went as they should", RIGHT.len() + WRONG.len()))
}

fn check(binary: &Path, folder: &Path, (line, code, words): &Case, more: impl Fn(&Finished) -> Vec<String>) -> Result<bool> {
    let full = line.replace("SMALL", SMALL).replace("RAISED", RAISED);
    let arguments: Vec<&str> = full.split_whitespace().collect();
    let found = binary::finish(&mut binary::command(binary, folder, &arguments))?;
    let mut faults = more(&found);
    if found.code != Some(*code) {
        faults.push(format!("exit code {:?}, expected {code}", found.code));
    }
    let printed = format!("{}{}", found.stdout, found.stderr);
    faults.extend(words.iter().filter(|word| !printed.contains(*word)).map(|word| format!("does not say `{word}`")));
    println!("{} curt {line}", if faults.is_empty() { "ok  " } else { "FAIL" });
    for fault in &faults {
        println!("       {fault}");
    }
    if !faults.is_empty() {
        println!("{}", printed.lines().map(|line| format!("       | {line}")).collect::<Vec<_>>().join("\n"));
    }
    Ok(faults.is_empty())
}

/// A wrong input is answered in a line that says `error:`, and never by a panic.
fn manners(found: &Finished) -> Vec<String> {
    let mut faults = Vec::new();
    if !found.stderr.lines().any(|line| line.starts_with("error:")) {
        faults.push("no line begins with `error:`".to_owned());
    }
    if ["panicked", "bug in curt", "RUST_BACKTRACE"].iter().any(|word| found.stderr.contains(word)) {
        faults.push("speaks of a panic".to_owned());
    }
    faults
}

/// All paths below the folder.
fn listing(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            found.push(path.display().to_string());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

/// The wrong inputs.
fn prepare(folder: &Path) -> Result<()> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).with_context(|| name.to_owned());
    write("unknown_key.toml", "output_dir = \"wrong\"\n[train]\nlearning_rat = 0.1\n")?;
    write("not_toml.toml", "[train\nsteps = 3\n")?;
    write("malformed.jsonl", "{\"problem\": \"1 + 1\", \"answer\": 2}\n{\"problem\": \n")?;
    write("empty.jsonl", "")?;
    write("a_file", "")?;
    fs::create_dir(folder.join("empty"))?;
    fs::create_dir(folder.join("unmeasured"))?;
    write("unmeasured/run.toml", "seed = 0\n")?;
    copy(&folder.join("run"), &folder.join("damaged"))?;
    for checkpoint in ["checkpoint-1", "checkpoint-2", "checkpoint-3"] {
        damage(&folder.join("damaged").join(checkpoint).join("model.safetensors"), |bytes| bytes[..bytes.len() - 1].to_vec())?;
    }

    let tiny = root().join("fixtures/tiny-good");
    for name in ["no_tokenizer", "no_weights", "truncated", "wrong_shape", "mamba", "not_a_number"] {
        copy(&tiny, &folder.join(name))?;
    }
    fs::remove_file(folder.join("no_tokenizer/tokenizer.json"))?;
    fs::remove_file(folder.join("no_weights/model.safetensors"))?;
    damage(&folder.join("truncated/model.safetensors"), |bytes| bytes[..bytes.len() - 100].to_vec())?;
    edit(&folder.join("wrong_shape/config.json"), "intermediate_size", |size| (size.as_u64().unwrap_or(0) + 16).into())?;
    edit(&folder.join("mamba/config.json"), "architectures", |_| serde_json::json!(["MambaForCausalLM"]))?;
    // the last two or four bytes are a weight's, in whatever float format
    damage(&folder.join("not_a_number/model.safetensors"), |bytes| [&bytes[..bytes.len() - 4], &[0xff; 4]].concat())
}

fn damage(path: &Path, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<()> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    fs::write(path, change(&bytes)).with_context(|| path.display().to_string())
}

fn edit(path: &Path, key: &str, change: impl Fn(&serde_json::Value) -> serde_json::Value) -> Result<()> {
    let mut config: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path)?).with_context(|| path.display().to_string())?;
    config[key] = change(&config[key]);
    fs::write(path, config.to_string()).with_context(|| path.display().to_string())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}
