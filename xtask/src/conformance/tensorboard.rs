//! The TensorBoard file of a run, read by TensorBoard itself: every scalar of every step is that of `metrics.jsonl`.
//!
//! The run is resumed once on the way, so that the file is cut back and written on. The Python with TensorBoard (from PyPI) is set
//! up under `target/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use curt_trainer::metrics::read_metrics;
use serde_json::Value;

use super::Ledger;
use crate::workspace::root;
use crate::{binary, shell};

const PACKAGE: &str = "tensorboard==2.21.0";

/// Reads the folder of a run and prints `{tag: [[step, value], …]}`, in the order of the file.
const READER: &str = "\
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}))
";

const STEPS: &str = "train.steps=4";
const RUN: [&str; 10] = [
    "rollout.prompts_per_step=4",
    "rollout.num_generations=4",
    "rollout.max_completion_length=64",
    "reward.target_length=32",
    "checkpoint.save_steps=2",
    "eval.problems=2",
    "eval.n=2",
    "eval.max_completion_length=64",
    "eval.budgets=[32,64]",
    "eval.every=2",
];
/// The scalars of a step, those of an evaluation, and that there are no others.
const N_EXPECTED: usize = 3;

/// Makes a run, resumes it from its middle, and compares.
pub fn compare(ledger: &mut Ledger) -> Result<()> {
    let binary = binary::build()?;
    let folder = binary::fresh_folder("conformance/tensorboard")?;
    let curt = |words: &[&str]| -> Result<()> {
        let found = binary::finish(&mut binary::command(&binary, &folder, words))?;
        ensure!(found.code == Some(0), "exit code {:?} of {words:?}\n{}", found.code, found.stderr);
        Ok(())
    };
    let mut words = vec!["train", "--output-dir", "run", "--set", STEPS];
    RUN.iter().for_each(|set| words.extend(["--set", set]));
    curt(&words)?;
    curt(&["train", "--output-dir", "run", "--resume", "2"])?;

    ledger.open(&format!("TensorBoard file of a run, by {PACKAGE}"), N_EXPECTED);
    let read = read(&folder.join("run"))?;
    let recorded = recorded(&folder.join("run/metrics.jsonl"))?;
    let (of_evaluations, of_steps): (BTreeMap<_, _>, BTreeMap<_, _>) =
        recorded.into_iter().partition(|(tag, _)| tag.starts_with("eval/"));
    for (what, expected) in [("steps", &of_steps), ("evaluations", &of_evaluations)] {
        let wrong: Vec<String> = expected
            .iter()
            .filter(|(tag, values)| read.get(*tag) != Some(*values))
            .map(|(tag, values)| format!("{tag}: {:?}, expected {values:?}", read.get(tag)))
            .collect();
        let holds = !expected.is_empty() && wrong.is_empty();
        ledger.holds(&format!("scalars of {what}"), holds, || wrong.join("\n       "));
    }
    let unknown: Vec<&String> =
        read.keys().filter(|tag| !of_steps.contains_key(*tag) && !of_evaluations.contains_key(*tag)).collect();
    ledger.holds("no other scalars", unknown.is_empty(), || format!("{unknown:?}"));
    Ok(())
}

/// Values by tag in the order of the file: the step, and the bits of a 32-bit float.
type Scalars = BTreeMap<String, Vec<(u64, u32)>>;

fn read(run: &Path) -> Result<Scalars> {
    let work = root().join("target/conformance");
    let python = python(&work)?;
    let mut command = shell::command(&work, &[&python.to_string_lossy(), "-c", READER]);
    let output = command.arg(run).output().context("cannot start python")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "TensorBoard cannot read {}\n{said}", run.display());
    scalars(&String::from_utf8_lossy(&output.stdout)).with_context(|| said.into_owned())
}

fn scalars(json: &str) -> Result<Scalars> {
    let tags: BTreeMap<String, Vec<(u64, Value)>> = serde_json::from_str(json)?;
    let bits = |(step, value): (u64, Value)| Some((step, (value.as_f64()? as f32).to_bits()));
    let of_tag = |(tag, values): (String, Vec<(u64, Value)>)| {
        let values: Option<Vec<_>> = values.into_iter().map(bits).collect();
        values.map(|values| (tag.clone(), values)).with_context(|| format!("{tag}: a value is no number"))
    };
    tags.into_iter().map(of_tag).collect()
}

/// What `metrics.jsonl` holds, in the precision of the TensorBoard file.
fn recorded(path: &Path) -> Result<Scalars> {
    let mut scalars = Scalars::new();
    for row in read_metrics(path)? {
        for (name, value) in row.values {
            if let Some(value) = value {
                scalars.entry(name).or_default().push((row.step.into(), (value as f32).to_bits()));
            }
        }
    }
    Ok(scalars)
}

/// A Python with TensorBoard.
fn python(work: &Path) -> Result<PathBuf> {
    let folder = work.join("tensorboard-python");
    let python = folder.join("bin/python");
    fs::create_dir_all(work)?;
    if !folder.join("done").is_file() {
        let folder_text = folder.to_string_lossy();
        shell::run(&mut shell::command(work, &["python3", "-m", "venv", "--clear", &folder_text]))?;
        let install =
            [&python.to_string_lossy(), "-m", "pip", "install", "-q", "--disable-pip-version-check", PACKAGE, "setuptools<81"];
        shell::run(&mut shell::command(work, &install))?;
        fs::write(folder.join("done"), "")?;
    }
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_keep_their_order_and_their_bits() {
        let found = scalars("{\"a/b\": [[1, 0.5], [2, 0.1]]}").unwrap();
        assert_eq!(found["a/b"], [(1, 0.5_f32.to_bits()), (2, 0.1_f32.to_bits())]);
        scalars("{\"a\": [[1, \"NaN\"]]}").unwrap_err();
    }
}
