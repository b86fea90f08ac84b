//! `cargo xtask crash`: a run that was killed and resumed is the run that was not.
//!
//! A small embedded run is made once without disturbance. Then it is started again and again, each time killed by SIGKILL
//! at a random moment, some of them while a checkpoint is being written, and resumed to its end, before its first checkpoint
//! too; only a run that was killed before it wrote its `run.toml` is started again. Old checkpoints are pruned. Weights,
//! optimizer, strategy state, rollouts, and metrics without `time/*` must be those of the undisturbed run, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use curt_runtime::{DrawKey, Purpose};
use serde_json::Value;

use crate::binary;

/// A run of a few seconds whose saves take a good part of it.
const RUN: [&str; 13] = [
    "train.steps=6",
    "checkpoint.save_steps=1",
    "checkpoint.save_total_limit=2",
    "rollout.prompts_per_step=4",
    "rollout.num_generations=4",
    "rollout.max_completion_length=64",
    "reward.target_length=32",
    "eval.enabled=true",
    "eval.links=[1]",
    "eval.problems=1",
    "eval.n=1",
    "eval.max_completion_length=32",
    "eval.budgets=[32]",
];
const LAST_CHECKPOINT: &str = "checkpoint-6";

/// How a checkpoint ends that is being deleted.
const DELETING: &str = ".deleting.tmp";

/// Every so many kills the resumed process is killed too, once.
const KILL_AGAIN: usize = 3;

/// How often a kill may be tried before the wanted number inside a save is given up.
const MAX_ATTEMPTS_PER_KILL: usize = 20;

#[derive(clap::Args)]
pub struct Options {
    /// Kills in all
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// At least this many of them while a checkpoint is being written
    #[arg(long, default_value_t = 10)]
    in_save: usize,
    /// Key of the moments
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Where a kill struck.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Struck {
    /// A `checkpoint-N.tmp` was there after death.
    InSave,
    /// Half an old checkpoint was there after death.
    InPrune,
    Elsewhere,
    /// The run had ended before.
    TooLate,
}

/// Kills, resumes and compares; an error at the first run that differs.
pub fn run(options: &Options) -> Result<String> {
    ensure!(options.in_save <= options.kills, "--in-save {} is more than --kills {}", options.in_save, options.kills);
    let folder = binary::fresh_folder("crash")?;
    let crash = Crash { binary: options.binary.clone().map_or_else(binary::build, Ok)?, folder };
    let started = Instant::now();
    crash.finish("undisturbed", None)?;
    let length = started.elapsed();
    let reference = remains(&crash.folder.join("undisturbed"))?;
    println!("undisturbed run: {:.1} s, {} files and lines to compare", length.as_secs_f64(), reference.len());

    let moments = DrawKey::new(options.seed, Purpose::Eval);
    let (mut n_kills, mut n_in_save, mut n_in_prune, mut n_before_checkpoint, mut n_restarted) = (0, 0, 0, 0, 0);
    for attempt in 0..(options.kills * MAX_ATTEMPTS_PER_KILL) as u64 {
        if n_kills >= options.kills && n_in_save >= options.in_save {
            break;
        }
        // aim at saves once the other kills are done
        let aimed = n_kills + options.in_save.saturating_sub(n_in_save) >= options.kills;
        remove(&crash.folder.join("killed"))?;
        let struck = crash.kill("killed", false, moments.uniform(2 * attempt), length, aimed)?;
        if struck == Struck::TooLate {
            continue;
        }
        n_kills += 1;
        n_in_save += usize::from(struck == Struck::InSave);
        n_in_prune += usize::from(struck == Struck::InPrune);
        let run = crash.folder.join("killed");
        n_before_checkpoint += usize::from(!has_checkpoint(&run));
        let mut resumed = has_run_file(&run);
        if resumed && n_kills % KILL_AGAIN == 0 {
            let again = crash.kill("killed", true, moments.uniform(2 * attempt + 1), length, false)?;
            println!("kill {n_kills}, once more in the resumed run: {again:?}");
            resumed = has_run_file(&run);
        }
        n_restarted += usize::from(!resumed);
        crash.finish("killed", Some(resumed))?;
        if let Some(difference) = first_difference(&reference, &remains(&run)?) {
            bail!("kill {n_kills} ({struck:?}, attempt {attempt}, seed {}): {difference}", options.seed);
        }
        println!("kill {n_kills}: {struck:?}, {} → same", if resumed { "resumed" } else { "no run.toml yet, started again" });
    }
    ensure!(n_in_save >= options.in_save, "only {n_in_save} kills struck inside a save, {} wanted", options.in_save);
    Ok(format!(
        "{n_kills} kills, {n_in_save} inside a save, {n_in_prune} inside a deletion, {n_before_checkpoint} before the first \
         checkpoint, {n_restarted} before run.toml; all runs ended the same"
    ))
}

struct Crash {
    binary: PathBuf,
    folder: PathBuf,
}

impl Crash {
    fn words(name: &str, resume: bool) -> Vec<&str> {
        let mut words = vec!["train", "--output-dir", name];
        if resume {
            return [words, vec!["--resume", "latest"]].concat();
        }
        RUN.iter().for_each(|set| words.extend(["--set", set]));
        words
    }

    /// Runs to the end: from the start (`None`, or no `run.toml` yet), or by a resume.
    fn finish(&self, name: &str, resumed: Option<bool>) -> Result<()> {
        if resumed != Some(true) {
            remove(&self.folder.join(name))?;
        }
        let found = binary::finish(&mut binary::command(&self.binary, &self.folder, &Self::words(name, resumed == Some(true))))?;
        ensure!(
            found.code == Some(0),
            "exit code {:?} of {:?}\n{}",
            found.code,
            Self::words(name, resumed == Some(true)),
            found.stderr
        );
        Ok(())
    }

    /// Starts or resumes the run and kills it after a share of its length, or, aimed, in the first save after that.
    fn kill(&self, name: &str, resume: bool, share: f64, length: Duration, aimed: bool) -> Result<Struck> {
        let run = self.folder.join(name);
        let mut command = binary::command(&self.binary, &self.folder, &Self::words(name, resume));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start curt")?;
        std::thread::sleep(length.mul_f64(share));
        while aimed && child.try_wait()?.is_none() && !in_save(&run) {
            std::thread::sleep(Duration::from_micros(200));
        }
        let ended = child.try_wait()?;
        child.kill()?;
        child.wait()?;
        Ok(match (ended, in_save(&run)) {
            (Some(status), _) if !status.success() => bail!("the run failed before it was killed: {status}"),
            (Some(_), _) => Struck::TooLate,
            (None, true) => Struck::InSave,
            (None, false) if names(&run).iter().any(|name| name.ends_with(DELETING)) => Struck::InPrune,
            (None, false) => Struck::Elsewhere,
        })
    }
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() { std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string()) } else { Ok(()) }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn in_save(run: &Path) -> bool {
    names(run).iter().any(|name| name.starts_with("checkpoint-") && name.ends_with(".tmp") && !name.ends_with(DELETING))
}

fn has_checkpoint(run: &Path) -> bool {
    names(run).iter().any(|name| name.strip_prefix("checkpoint-").is_some_and(|n| n.parse::<u32>().is_ok()))
}

/// Whether there is a run to resume: its settings are the first thing that it writes.
fn has_run_file(run: &Path) -> bool {
    run.join("run.toml").is_file()
}

/// What must not depend on interruptions, by name.
fn remains(run: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut read = |folder: &str, wanted: &dyn Fn(&str) -> bool| -> Result<()> {
        for name in names(&run.join(folder)).into_iter().filter(|name| wanted(name)) {
            let path = run.join(folder).join(&name);
            found.insert(format!("{folder}/{name}"), std::fs::read(&path).with_context(|| path.display().to_string())?);
        }
        Ok(())
    };
    // the state's file lengths and the manifest's digest of it depend on how many digits a clock printed
    read(LAST_CHECKPOINT, &|name| !matches!(name, "trainer_state.json" | "MANIFEST.json"))?;
    read("rollouts", &|_| true)?;
    let mut checkpoints: Vec<String> = names(run).into_iter().filter(|name| name.starts_with("checkpoint-")).collect();
    checkpoints.sort();
    found.insert("names of checkpoints".to_owned(), checkpoints.join(" ").into_bytes());
    let state = json(&run.join(LAST_CHECKPOINT).join("trainer_state.json"))?;
    found.insert("trainer state".to_owned(), without(state, &|key| key == "positions").to_string().into_bytes());
    for kind in ["metrics", "events"] {
        let path = run.join(format!("{kind}.jsonl"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for (i, line) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), i + 1))?;
            let line = without(line, &|key| key.starts_with("time/")).to_string();
            found.insert(format!("{kind} line {:04}", i + 1), line.into_bytes());
        }
    }
    for wanted in ["model.safetensors", "optimizer.state"] {
        ensure!(
            found.contains_key(&format!("{LAST_CHECKPOINT}/{wanted}")),
            "{}: no {wanted}",
            run.join(LAST_CHECKPOINT).display()
        );
    }
    ensure!(found.keys().any(|name| name.starts_with("rollouts/")), "{}: no rollouts", run.display());
    ensure!(found.contains_key("metrics line 0006"), "{}: fewer than 6 lines of metrics", run.display());
    // before the first step and after the last
    ensure!(found.contains_key("events line 0002"), "{}: fewer than 2 evaluations", run.display());
    Ok(found)
}

fn json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

fn without(mut value: Value, dropped: &dyn Fn(&str) -> bool) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| !dropped(key));
    }
    value
}

/// The first name whose content differs, or that only one of the runs has.
fn first_difference(reference: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let lost = reference.iter().find(|(name, content)| found.get(*name) != Some(content));
    let lost = lost.map(|(name, _)| format!("{name} {}", if found.contains_key(name) { "differs" } else { "is missing" }));
    lost.or_else(|| found.keys().find(|name| !reference.contains_key(*name)).map(|name| format!("{name} is too much")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| (k.to_string(), v.as_bytes().to_vec())).collect::<BTreeMap<_, _>>()
        };
        let reference = of(&[("a", "1"), ("b", "2")]);
        assert_eq!(first_difference(&reference, &reference), None);
        assert_eq!(first_difference(&reference, &of(&[("a", "1"), ("b", "3")])).unwrap(), "b differs");
        assert_eq!(first_difference(&reference, &of(&[("a", "1")])).unwrap(), "b is missing");
        assert_eq!(first_difference(&reference, &of(&[("a", "1"), ("b", "2"), ("c", "")])).unwrap(), "c is too much");
    }

    #[test]
    fn clocks_are_left_out() {
        let line = serde_json::json!({"step": 1, "time/step": 0.25, "reward": 0.5});
        assert_eq!(without(line, &|key| key.starts_with("time/")).to_string(), r#"{"step":1,"reward":0.5}"#);
    }

    #[test]
    fn remains_of_an_empty_run_are_an_error() {
        assert!(remains(tempfile::tempdir().unwrap().path()).is_err());
    }
}
