//! Training with a KL term to the model that the run began with.

use std::path::{Path, PathBuf};

use curt_runtime::{Cpu, Settings, Tokenizer, Transformer};
use curt_trainer::checkpoint::ResumeFrom;
use curt_trainer::metrics::read_metrics;
use curt_trainer::run_file::RunFile;
use curt_trainer::{Observer, TrainError, Trainer, train};

struct Quiet;
impl Observer for Quiet {}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

fn model(name: &str) -> Transformer<Cpu<f32>> {
    Transformer::load(Cpu::<f32>::new(1).unwrap(), &folder(name), None, Settings::default()).unwrap()
}

/// Runs to `steps` with this β, held to the model `reference`.
fn run(output: &Path, beta: f64, steps: u32, reference: Option<&str>, resume: bool) -> Result<(), TrainError> {
    let sets = [
        format!("output_dir='{}'", output.display()),
        format!("train.steps={steps}"),
        format!("algo.beta={beta:?}"),
        "rollout.prompts_per_step=4".into(),
        "rollout.num_generations=4".into(),
        "rollout.max_completion_length=64".into(),
        "reward.target_length=48".into(),
        "data.links=[1, 3]".into(),
        "algo.updates_per_batch=2".into(),
        "eval.enabled=false".into(),
        "checkpoint.save_steps=2".into(),
    ];
    let config = RunFile::load(None, &sets).unwrap();
    let tokenizer = Tokenizer::load(&folder("tiny-good")).unwrap();
    let mut trainer = Trainer::new(config, Box::new(model("tiny-good")), tokenizer, &folder("tiny-good"))?;
    if let Some(reference) = reference {
        trainer = trainer.with_reference(Box::new(model(reference).freeze()), &folder(reference))?;
    }
    let resume = resume.then_some(ResumeFrom::Latest);
    train(trainer, resume.as_ref(), &mut Quiet).map(|_| ())
}

fn kl(output: &Path) -> Vec<Option<f64>> {
    read_metrics(&output.join("metrics.jsonl")).unwrap().iter().map(|row| row.get("kl")).collect()
}

#[test]
fn kl_grows_from_zero_and_a_strong_term_holds_it_down() {
    let root = tempfile::tempdir().unwrap();
    let of = |name: &str, beta: f64| {
        let output = root.path().join(name);
        run(&output, beta, 4, Some("tiny-good"), false).unwrap();
        kl(&output)
    };
    let weak = of("weak", 1e-6);
    let strong = of("strong", 10.0);
    // the second update of the first step is off the reference already
    assert!(weak.iter().all(|kl| kl.unwrap() > 0.0), "{weak:?}");
    assert!(weak[3] > weak[0], "{weak:?}");
    assert!(strong[3].unwrap() < weak[3].unwrap(), "{strong:?} {weak:?}");
    assert_eq!(of("off", 0.0), [None; 4]);
}

#[test]
fn a_term_without_its_model_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let error = run(root.path(), 0.1, 2, None, false).unwrap_err().to_string();
    assert_eq!(error, "algo.beta = 0.1 needs a reference model, and this trainer was given none");
}

#[test]
fn a_resumed_run_is_held_to_the_same_model_and_ends_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (whole, parted) = (root.path().join("whole"), root.path().join("parted"));
    run(&whole, 0.1, 4, Some("tiny-good"), false).unwrap();
    run(&parted, 0.1, 2, Some("tiny-good"), false).unwrap();
    let other = run(&parted, 0.1, 4, Some("tiny-weak"), true).unwrap_err().to_string();
    assert!(other.contains("reference"), "{other}");
    run(&parted, 0.1, 4, Some("tiny-good"), true).unwrap();
    let weights = |run: &Path| std::fs::read(run.join("checkpoint-4/model.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parted));
    assert_eq!(kl(&whole), kl(&parted));
}
