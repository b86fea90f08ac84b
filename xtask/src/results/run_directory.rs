//! What `curt train` left in a run directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use curt_eval::{EvalError, Interval, Stages, Summary, paired_difference};
use curt_trainer::metrics::{MetricsRow, read_metrics};
use serde_json::Value;

/// A run: its configuration, its steps, its evaluations.
pub struct Run {
    pub path: PathBuf,
    config: toml::Table,
    pub steps: Vec<MetricsRow>,
    events: Vec<Value>,
}

impl Run {
    /// Reads `run.toml`, `metrics.jsonl` and `events.jsonl`; a line torn by a kill is no event.
    pub fn read(path: &Path) -> Result<Self> {
        let text = |name: &str| {
            let file = path.join(name);
            fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
        };
        let config = text("run.toml")?.parse().with_context(|| format!("{}/run.toml", path.display()))?;
        let events = text("events.jsonl")?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut steps = read_metrics(&path.join("metrics.jsonl"))?;
        steps.retain(|row| !row.is_evaluation());
        Ok(Self { path: path.to_owned(), config, steps, events })
    }

    /// A whole number of the configuration, such as `rollout.num_generations`.
    pub fn setting(&self, key: &str) -> Option<i64> {
        let mut parts = key.split('.');
        let first = self.config.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))?.as_integer()
    }

    /// Threads of the run, where 0 means all cores.
    pub fn threads(&self, cores: usize) -> usize {
        self.setting("model.threads").and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0).unwrap_or(cores)
    }

    /// A metric of every step that has it.
    pub fn series(&self, name: &str) -> Vec<f64> {
        self.steps.iter().filter_map(|row| row.get(name)).collect()
    }

    /// Mean length of the rollouts of each step, and their share that is right within the budget.
    pub fn curve(&self) -> (Vec<f64>, Vec<f64>) {
        (self.series("completions/mean_length"), self.series("eff/accuracy_in_budget"))
    }

    /// The two stages, as `curt train` tells them.
    pub fn stages(&self) -> Result<Stages, EvalError> {
        let (lengths, accuracies) = self.curve();
        curt_eval::stages(&lengths, &accuracies)
    }

    /// The evaluation before the first step.
    pub fn before(&self) -> Result<Summary> {
        self.summary(0)
    }

    /// The evaluation after the last step.
    pub fn after(&self) -> Result<Summary> {
        self.summary(self.last_step())
    }

    /// The change of Mean@k with its interval, paired by problem; none where the run did not record single problems.
    pub fn accuracy_change(&self) -> Option<Interval> {
        let problems = |step| {
            let shares = self.evaluation(step)?["per_problem"]["accuracy"].as_array()?;
            shares.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()
        };
        paired_difference(&problems(0)?, &problems(self.last_step())?).ok()
    }

    fn last_step(&self) -> u32 {
        self.steps.last().map_or(0, |row| row.step)
    }

    fn summary(&self, step: u32) -> Result<Summary> {
        let missing = || format!("{}: no evaluation after step {step} in events.jsonl", self.path.display());
        let detail = self.evaluation(step).with_context(missing)?;
        serde_json::from_value(detail.clone()).with_context(|| format!("{}: the evaluation of step {step}", self.path.display()))
    }

    /// The last one recorded: a resumed run may have made it again.
    fn evaluation(&self, step: u32) -> Option<&Value> {
        let is_wanted = |event: &&Value| event["event"] == "evaluation" && event["step"] == step;
        self.events.iter().rev().find(is_wanted).map(|event| &event["detail"])
    }
}

#[cfg(test)]
pub mod tests {
    use curt_eval::{Groups, Sample, summarize};
    use serde_json::json;

    use super::*;

    /// An evaluation of two problems with two samples each.
    fn evaluation(step: u32, lengths: [u32; 4], correct: [bool; 4]) -> String {
        let samples = lengths.into_iter().zip(correct).enumerate();
        let samples = samples.map(|(i, (length, correct))| Sample::new(i / 2, length, correct, true));
        let groups = Groups::new(&samples.collect::<Vec<_>>()).unwrap();
        let mut detail = json!(summarize(&groups, 64, &[32], &[]).unwrap());
        detail["per_problem"] = json!({ "accuracy": curt_eval::problem_accuracies(&groups) });
        format!("{}\n", json!({ "step": step, "event": "evaluation", "detail": detail }))
    }

    /// The directory of a run of 30 steps: lengths fall, then accuracy grows.
    pub fn sample_run(folder: &Path, seed: u32) -> PathBuf {
        let path = folder.join(format!("run-{seed}"));
        fs::create_dir_all(&path).unwrap();
        let run_file = "[model]\nthreads = 1\n[rollout]\nprompts_per_step = 16\nnum_generations = 8\n\
            max_completion_length = 192\n[reward]\ntarget_length = 48\n";
        fs::write(path.join("run.toml"), format!("seed = {seed}\n{run_file}")).unwrap();
        let row = |step: u32| {
            let length = if step <= 10 { 86.0 - 6.0 * f64::from(step) } else { 20.0 };
            let accuracy = 0.59 + 0.01 * f64::from(step);
            let facts = json!({ "step": step, "completions/mean_length": length, "eff/accuracy_in_budget": accuracy,
                "eff/trained_tokens": 12_288.0, "num_tokens": 24_576 * step, "time/step_time": 0.5, "time/tokens_per_second": 49_152.0 });
            format!("{facts}\n")
        };
        fs::write(path.join("metrics.jsonl"), (1..=30).map(row).collect::<String>()).unwrap();
        let events = [evaluation(0, [60, 64, 50, 20], [true, false, true, false]), evaluation(30, [10, 10, 20, 30], [true; 4])];
        fs::write(path.join("events.jsonl"), events.concat() + "{\"step\": 30, \"ev").unwrap();
        path
    }

    #[test]
    fn a_run_is_its_settings_steps_and_evaluations() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::read(&sample_run(folder.path(), 3)).unwrap();
        assert_eq!(
            (run.setting("seed"), run.setting("reward.target_length"), run.setting("reward.x")),
            (Some(3), Some(48), None)
        );
        assert_eq!((run.threads(2), run.steps.len()), (1, 30));
        assert_eq!((run.before().unwrap().mean_at_k, run.after().unwrap().mean_at_k), (0.5, 1.0));
        assert_eq!(run.accuracy_change().map(|change| change.mean), Some(0.5));
        assert!(run.stages().unwrap().both_seen());
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = sample_run(folder.path(), 1);
        fs::write(path.join("events.jsonl"), evaluation(0, [1; 4], [true; 4])).unwrap();
        let run = Run::read(&path).unwrap();
        let message = run.after().unwrap_err().to_string();
        assert!(message.ends_with("run-1: no evaluation after step 30 in events.jsonl"), "{message}");
        assert_eq!(run.accuracy_change(), None);
        assert!(Run::read(&folder.path().join("none")).is_err());
    }
}
