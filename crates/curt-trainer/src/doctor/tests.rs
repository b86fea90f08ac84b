//! The sums, and what the run files in the documents say.

use std::fs;
use std::path::Path;

use curt_runtime::ModelConfig;
use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::run_file::RunFile;

fn config(sets: &[&str]) -> Config {
    RunFile::load(None, &sets.iter().map(|set| (*set).to_owned()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn the_sums_of_the_embedded_run() {
    let sums = Arithmetic::new(&config(&[]));
    assert_eq!((sums.rollouts, sums.generated, sums.all_rollouts, sums.all_updates), (128, 32_768, 19_200, 150));
    // 12 sequences of 64 + 256 tokens fit into 4,096
    assert_eq!((sums.tokens_per_update, sums.passes_per_update), (128 * 320, 11));
    let evaluation = sums.evaluation.unwrap();
    assert_eq!((evaluation.completions, evaluation.times, evaluation.per_rollout), (2304, 2, 0.24));
    let split = Arithmetic::new(&config(&["algo.updates_per_batch=4", "eval.every=50", "eval.enabled=true"]));
    assert_eq!((split.rollouts_per_update, split.passes_per_update, split.all_updates), (32, 3, 600));
    assert_eq!(split.evaluation.unwrap().times, 4);
    assert_eq!(Arithmetic::new(&config(&["eval.enabled=false"])).evaluation, None);
}

/// The run files between the lines of documents are as clean as those in files.
#[test]
fn run_files_in_documents_are_no_risk() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut n_found = 0;
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for page in pages.chain([root.join("README.md")]).filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            if block.contains("[rollout]") {
                let config = RunFile::parse(block, "a block").unwrap().resolve().unwrap();
                assert_eq!(combinations(&config, Some(600_000_000)), [], "{}", page.display());
                n_found += 1;
            }
        }
    }
    assert!(n_found >= 1, "the README has one");
}

#[test]
fn combinations_are_named_with_their_key() {
    let cases: [(&[&str], Option<usize>, &str); 14] = [
        (&["reward.strategy=minus_i"], None, "reward.masking"),
        (&["reward.strategy=minus_lc_si"], None, "reward.masking"),
        (&["reward.strategy=overlong_filter"], None, "reward.strategy"),
        (&["reward.strategy=kimi", "rollout.group_filter=none"], None, "rollout.group_filter"),
        (&["reward.strategy=kimi", "rollout.group_filter=reward_std"], None, "rollout.group_filter"),
        (&["algo.updates_per_batch=2", "algo.loss_type=gpg"], None, "algo.loss_type"),
        (&["algo.updates_per_batch=2", "algo.epsilon_high=3"], None, "algo.epsilon_high"),
        (&["algo.updates_per_batch=8"], None, "algo.updates_per_batch"),
        (&[], Some(600_000_000), "train.learning_rate"),
        (&["train.warmup_steps=150"], None, "train.warmup_steps"),
        (&["checkpoint.save_steps=0"], None, "checkpoint.save_steps"),
        (&["rollout.num_generations=2"], None, "rollout.num_generations"),
        (&["rollout.temperature=0.2"], None, "rollout.temperature"),
        (&["algo.entropy_bonus=-0.01"], None, "algo.entropy_bonus"),
    ];
    for (sets, parameters, key) in cases {
        let found = combinations(&config(sets), parameters);
        assert_eq!(found.iter().map(|finding| finding.key).collect::<Vec<_>>(), [key], "{sets:?}");
        // what it says to do is clean: the trap is gone when masked rollouts count
    }
    for clean in [
        &[][..],
        &["reward.strategy=minus_i", "reward.masking=zero_after"],
        &["reward.strategy=kimi"],
        &["algo.updates_per_batch=4"],
        &["algo.loss_type=gpg"],
        &["rollout.group_filter=none"],
    ] {
        assert_eq!(combinations(&config(clean), Some(557_568)), [], "{clean:?}");
    }
}

#[test]
fn memory_grows_with_what_it_is_for() {
    let model = ModelConfig::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")).unwrap();
    let total = |sets: &[&str]| {
        let config = config(sets);
        memory(&config, &model, TokensPerSequence::at_most(&config)).total
    };
    let usual = total(&[]);
    assert!(total(&["algo.beta=0.1"]) > usual, "a reference");
    assert!(total(&["train.recompute_activations=true"]) < usual, "activations made again");
    assert!(total(&["train.micro_tokens=8192"]) > usual, "more tokens a pass");
    assert!(total(&["rollout.max_sequences=16", "eval.enabled=false"]) < usual, "fewer sequences at once");
}

/// A committed model whose last tensor is of F64, which training does not read.
#[test]
fn weights_of_another_number_type_are_refused_without_reading_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(source).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    assert!(examine(&config(&[]), folder.path()).is_ok());
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let (header, numbers) = bytes[8..].split_at(u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    let end = |tensor: &Value| tensor["data_offsets"][1].as_u64().unwrap_or(0);
    let last = header.as_object_mut().unwrap().values_mut().max_by_key(|tensor| end(tensor)).unwrap();
    let more = end(last) - last["data_offsets"][0].as_u64().unwrap();
    (last["dtype"], last["data_offsets"][1]) = (json!("F64"), json!(end(last) + more));
    let header = header.to_string();
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers, &vec![0; more as usize]].concat();
    fs::write(&path, bytes).unwrap();
    let error = examine(&config(&[]), folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected F32, BF16 or F16, found F64"), "{error}");
}
