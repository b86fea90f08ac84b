//! `curt doctor`: clean on the run files of the repository, and a name for each fault of broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{curt, model_copy, train};

fn run_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs");
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files
}

#[test]
fn the_run_files_of_the_repository_are_clean() {
    let root = tempfile::tempdir().unwrap();
    for file in run_files() {
        let run = curt(root.path()).args(["doctor", "--no-probe"]).args([&file]).run().ends_with(0);
        assert!(run.stdout.contains("nothing found that is likely a mistake"), "{}", run.stdout);
    }
    // nothing is left behind
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

/// A broken run file: what is wrong, its text after [`BASE`], the exit code, and what must be said.
type Broken = (&'static str, &'static str, i32, &'static [&'static str]);

/// A small run of the embedded task.
const BASE: &str = "output_dir = \"out\"\n";

const BROKEN: [Broken; 17] = [
    (
        "the short-is-correct trap",
        "[rollout]\nmax_completion_length = 64\n[reward]\nstrategy = \"minus_i\"\ntarget_length = 16\n",
        2,
        &["short becomes correct", "reward.masking", "zero_after"],
    ),
    (
        "truncated rollouts masked beside a limit on lengths",
        "[rollout]\nmax_completion_length = 64\n[reward]\nstrategy = \"overlong_filter\"\n",
        2,
        &["masks rollouts that are cut off at 64 tokens", "reward.strategy"],
    ),
    ("top-p in training", "[rollout]\nmax_completion_length = 64\ntop_p = 0.9\n", 2, &["top_p", "eval.top_p"]),
    (
        "several updates without clipping",
        "[rollout]\nmax_completion_length = 64\n[algo]\nupdates_per_batch = 4\nloss_type = \"gpg\"\n",
        2,
        &["clips nothing", "algo.loss_type"],
    ),
    (
        "a clip that clips nothing",
        "[rollout]\nmax_completion_length = 64\n[algo]\nupdates_per_batch = 2\nepsilon_high = 5.0\n",
        2,
        &["ratios may grow to 6", "algo.epsilon_high"],
    ),
    (
        "sixteen updates on a batch",
        "[rollout]\nmax_completion_length = 64\n[algo]\nupdates_per_batch = 16\n",
        2,
        &["16 updates on each batch", "algo.updates_per_batch"],
    ),
    (
        "a target beyond the limit",
        "[rollout]\nmax_completion_length = 64\n[reward]\ntarget_length = 100\n",
        2,
        &["reward.target_length", "can never"],
    ),
    (
        "problems that are hopeless",
        "[model]\npath = \"embedded:weak\"\n[data]\nlinks = [19, 20]\n[rollout]\nmax_completion_length = 96\nprompts_per_step = 4\n\
         num_generations = 4\n[reward]\ntarget_length = 48\n",
        2,
        &["next to no signal", "data.path"],
    ),
    (
        "everything is cut off",
        "[rollout]\nmax_completion_length = 6\nprompts_per_step = 4\nnum_generations = 4\n",
        2,
        &["are cut off at 6 tokens", "rollout.max_completion_length to 12"],
    ),
    (
        "wrong rollouts told apart in groups that are trained on",
        "[rollout]\nmax_completion_length = 64\ngroup_filter = \"none\"\n[reward]\nstrategy = \"kimi\"\n",
        2,
        &["rewards some wrong rollouts more than others", "rollout.group_filter"],
    ),
    ("beyond the context", "[rollout]\nmax_completion_length = 100000\n", 2, &["exceed the model's context"]),
    (
        "a warm-up as long as the run",
        "[rollout]\nmax_completion_length = 64\n[train]\nsteps = 20\nwarmup_steps = 20\n",
        2,
        &["never reaches its peak", "train.warmup_steps"],
    ),
    ("an unknown key", "[rollout]\nmax_completion_length = 64\nnum_generation = 8\n", 2, &["rollout.num_generations"]),
    (
        "no token ends a completion",
        "[model]\npath = \"no_eos\"\n[data]\ntask = \"chain\"\n[rollout]\nmax_completion_length = 64\n",
        3,
        &["ends at", "no token ends a completion"],
    ),
    (
        "two tokens that begin a text",
        "[model]\npath = \"two_bos\"\n[data]\ntask = \"chain\"\n[rollout]\nmax_completion_length = 64\n",
        3,
        &["begins with 2 tokens that begin a text", "is there 2 times"],
    ),
    (
        "right answers that cannot be graded",
        "[data]\npath = \"golds.jsonl\"\nprompt_suffix = \"\"\nchat_template = false\n[rollout]\nmax_completion_length = 64\n\
         prompts_per_step = 2\n",
        3,
        &["1 of 2 right answers cannot be graded", "problem `b`", "1 of 2 are right by themselves"],
    ),
    (
        "weights that are missing",
        "[model]\npath = \"no_norm\"\n[data]\ntask = \"chain\"\n[rollout]\nmax_completion_length = 64\n",
        3,
        &["model.norm.weight"],
    ),
];

fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, value.to_string()).unwrap();
}

/// The damaged models and data that the broken run files name.
fn damaged(root: &Path) {
    model_copy(root, "no_eos", |folder| {
        for (file, key) in
            [("config.json", "eos_token_id"), ("generation_config.json", "eos_token_id"), ("tokenizer_config.json", "eos_token")]
        {
            edit(&folder.join(file), |value| {
                value.as_object_mut().unwrap().remove(key);
            });
        }
    });
    model_copy(root, "two_bos", |folder| {
        edit(&folder.join("tokenizer.json"), |value| {
            let (bos, text) = (
                serde_json::json!({ "SpecialToken": { "id": "^", "type_id": 0 } }),
                serde_json::json!({ "Sequence": { "id": "A", "type_id": 0 } }),
            );
            value["post_processor"] = serde_json::json!({ "type": "TemplateProcessing", "single": [bos, text],
                "pair": [bos, text, { "Sequence": { "id": "B", "type_id": 1 } }],
                "special_tokens": { "^": { "id": "^", "ids": [1], "tokens": ["^"] } } });
        });
    });
    model_copy(root, "no_norm", |folder| {
        let file = folder.join("model.safetensors");
        let mut bytes = fs::read(&file).unwrap();
        let place = bytes.windows(17).position(|w| w == b"model.norm.weight").expect("its header names it");
        bytes[place..place + 17].copy_from_slice(b"model.nrom.weight");
        fs::write(&file, bytes).unwrap();
    });
    let golds = "{\"id\": \"a\", \"problem\": \"^44a+3>\", \"answer\": \"47\"}\n{\"id\": \"b\", \"problem\": \"^44a+4>\", \"answer\": \"\\\\frac{1}{\"}\n";
    fs::write(root.join("golds.jsonl"), golds).unwrap();
}

#[test]
fn each_broken_run_file_has_its_fault_named() {
    let root = tempfile::tempdir().unwrap();
    damaged(root.path());
    for (what, text, code, expected) in BROKEN {
        let text = text.replace("[rollout]\n", "[rollout]\nmax_prompt_length = 64\n");
        fs::write(root.path().join("run.toml"), format!("{BASE}{text}")).unwrap();
        let run = curt(root.path()).args(["doctor", "run.toml"]).run();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, Some(code), "{what}: {said}");
        for text in expected {
            assert!(said.contains(text), "{what}: no {text} in {said}");
        }
    }
    assert!(!root.path().join("out").exists());
}

#[test]
fn the_page_says_the_sums_the_prompt_and_the_end() {
    let root = tempfile::tempdir().unwrap();
    let text = curt(root.path()).args(["doctor", "--no-probe"]).run().ends_with(0).stdout;
    for expected in [
        "16 prompts x 8 = 128 rollouts of at most 256 tokens: 32,768 tokens to generate at most",
        "1 update on all of them",
        "150 steps: 19,200 rollouts and 150 updates",
        "288 problems x 8 = 2,304 completions",
        "config.json, generation_config.json, tokenizer_config.json",
        "the token that begins a text (1) is there 1 time",
        "activations of a training pass",
        "--probe makes one",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    let json = curt(root.path()).args(["doctor", "--no-probe", "--json"]).run().ends_with(0).stdout;
    let page: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((page["arithmetic"]["rollouts"].as_u64(), page["findings"].as_array().unwrap().len()), (Some(128), 0));
}

#[test]
fn a_probe_says_what_the_first_groups_would_teach() {
    let root = tempfile::tempdir().unwrap();
    let sets = ["--set", "rollout.prompts_per_step=4", "--set", "data.links=[1, 2]"];
    let text = curt(root.path()).args(["doctor"]).args(sets).run().ends_with(0).stdout;
    assert!(text.contains("32 rollouts of 4 prompts: mean length") && text.contains("as probed"), "{text}");
}

#[test]
fn a_dry_run_is_a_doctor_and_a_tiny_step() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let run = train(&output, &["--dry-run"]).ends_with(0);
    for expected in ["each step", "in all", "one tiny step of 4 rollouts", "nothing was written", "groups of 2"] {
        assert!(run.stdout.contains(expected), "{expected} is not in {}", run.stdout);
    }
    // no completion of two tokens is right
    let hopeless = ["--dry-run", "--set=rollout.max_completion_length=2", "--set=reward.target_length=2"];
    let run = train(&output, &[&hopeless[..], &["--set=rollout.group_filter=any_correct_and_spread"]].concat()).ends_with(0);
    let expected = "4 rollouts trained on with made-up advantages, for no group had signal, gradient norm ";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert!(!output.exists());
}
