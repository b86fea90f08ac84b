//! Every reward strategy trains the embedded model on the chain task, or is refused by the fact that nothing supplies.
//!
//! That those with a memory resume bit for bit is in `same_run.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use curt_runtime::{Cpu, Tokenizer, Transformer};
use curt_trainer::metrics::read_metrics;
use curt_trainer::run_file::RunFile;
use curt_trainer::{Observer, Outcome, RunReport, TrainError, Trainer, train};

struct Quiet;
impl Observer for Quiet {}

/// What neither the task nor the loop knows.
const REFUSED: [(&str, &str); 4] =
    [("l1_exact", "budget"), ("l1_max", "budget"), ("o1_pruner", "reference"), ("nemotron_bonus", "answer_length")];

fn model_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")
}

/// Two steps of 4 × 4.
fn run(output_dir: &Path, strategy: &str) -> Result<RunReport, TrainError> {
    let sets = [
        format!("output_dir='{}'", output_dir.display()),
        format!("reward.strategy={strategy}"),
        "train.steps=2".into(),
        "rollout.prompts_per_step=4".into(),
        "rollout.num_generations=4".into(),
        "rollout.max_completion_length=60".into(),
        "reward.target_length=16".into(),
        "data.links=[1, 2]".into(),
        "eval.enabled=false".into(),
    ];
    let config = RunFile::load(None, &sets).unwrap();
    let folder = model_folder();
    let tokenizer = Tokenizer::load(&folder).unwrap();
    let policy = Transformer::load(Cpu::<f32>::new(1).unwrap(), &folder, Some(&tokenizer), config.settings()).unwrap();
    train(Trainer::new(config, Box::new(policy), tokenizer, &folder)?, None, &mut Quiet)
}

/// The recorded rollouts of a run.
fn rollouts(root: &Path) -> Vec<serde_json::Value> {
    let files = fs::read_dir(root.join("rollouts")).unwrap().map(|entry| fs::File::open(entry.unwrap().path()).unwrap());
    let texts = files.map(|file| String::from_utf8(zstd::decode_all(file).unwrap()).unwrap());
    texts.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
}

#[test]
fn every_strategy_trains_or_is_refused_by_the_fact_that_it_lacks() {
    let root = tempfile::tempdir().unwrap();
    let mut learnt = 0;
    for name in curt_reward::names() {
        let output = root.path().join(name);
        let result = run(&output, name);
        if let Some((_, fact)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.ends_with(&format!("know: {fact}")), "{error}");
            assert!(!output.exists(), "{name}");
            continue;
        }
        assert_eq!(result.unwrap_or_else(|error| panic!("{name}: {error}")).outcome, Outcome::Finished, "{name}");
        let metrics = read_metrics(&output.join("metrics.jsonl")).unwrap();
        assert_eq!(metrics.len(), 2, "{name}");
        assert!(metrics.iter().all(|row| row.get("reward").is_some_and(f64::is_finite)), "{name}");
        let rollouts = rollouts(&output);
        assert_eq!(rollouts.len(), 2 * 4 * 4, "{name}");
        let number = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{name}, {key}: {row}"));
        assert!(rollouts.iter().all(|row| number(row, "shaped").is_finite()), "{name}");
        let has_signal = rollouts.iter().any(|row| number(row, "advantage") != 0.0);
        let has_gradient = metrics.iter().any(|row| row.get("grad_norm").is_some_and(|norm| norm > 0.0));
        assert_eq!(has_gradient, has_signal, "{name}");
        learnt += usize::from(has_signal);
    }
    assert_eq!(learnt, curt_reward::names().len() - REFUSED.len(), "a strategy without any advantage shows nothing");
}
