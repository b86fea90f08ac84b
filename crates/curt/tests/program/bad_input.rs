//! Wrong input ends with one line that says what to look at, with the code of its kind, and with nothing half-written.

use std::fs;
use std::path::Path;

use crate::binary::{curt, model_copy, started_by, train, train_by};

/// What is wrong, the command line, the exit code, and what the message must hold.
type Wrong = (&'static str, &'static str, i32, &'static [&'static str]);

const LAB: [Wrong; 8] = [
    ("unknown strategy", "score rows.jsonl --strategy truncaton", 2, &["truncaton", "did you mean `truncation`"]),
    ("unknown estimator", "score rows.jsonl --strategy correctness --advantage grop", 2, &["grop", "grpo"]),
    ("parameter that a strategy lacks", "score rows.jsonl --strategy correctness --set alpha=1", 2, &["alpha", "correctness"]),
    ("parameter without a value", "score rows.jsonl --strategy truncation --set target_length", 2, &["KEY=VALUE"]),
    ("a fact that the rows lack", "score rows.jsonl --strategy l1_max", 3, &["rows.jsonl", "budget", "line 1"]),
    ("a row without a field", "score torn.jsonl --strategy correctness", 3, &["torn.jsonl, line 2", "`length`"]),
    ("no such rollouts", "lab missing.jsonl --target-length 8", 3, &["missing.jsonl"]),
    ("nothing says what short is", "lab rows.jsonl", 2, &["--target-length"]),
];

#[test]
fn wrong_recordings_and_strategies_are_said() {
    let root = tempfile::tempdir().unwrap();
    let row = r#"{"group": 1, "correct": true, "length": 9}"#;
    fs::write(root.path().join("rows.jsonl"), format!("{row}\n{row}\n")).unwrap();
    fs::write(root.path().join("torn.jsonl"), format!("{row}\n{{\"group\": 1, \"correct\": true}}\n")).unwrap();
    for (what, line, code, expected) in LAB {
        let run = curt(root.path()).args(line.split(' ')).run().ends_with(code);
        assert!(run.stdout.is_empty(), "{what}: {}", run.stdout);
        for text in expected {
            assert!(run.stderr.contains(text), "{what}: no {text} in {}", run.stderr);
        }
    }
}

const VERIFY: [Wrong; 8] = [
    ("no such file", "verify missing.jsonl", 3, &["missing.jsonl"]),
    ("a broken line", "verify torn.jsonl", 3, &["torn.jsonl, line 2", "not a JSON object"]),
    ("a row without an answer", "verify golds.jsonl", 3, &["golds.jsonl, line 1", "`answer` or `completion`"]),
    ("an answer of another type", "verify types.jsonl", 3, &["types.jsonl, line 1", "`gold`", "a list"]),
    ("unknown kind", "verify torn.jsonl --kind maths", 2, &["maths", "math"]),
    ("a command that is missing", "verify torn.jsonl --kind command", 2, &["--command"]),
    ("a tolerance that is none", "verify torn.jsonl --tolerance 2", 2, &["--tolerance", "below 1"]),
    ("two outputs at once", "verify torn.jsonl --json --against true", 2, &["--json", "--against"]),
];

#[test]
fn wrong_rows_of_answers_are_said() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
    write("torn.jsonl", "{\"gold\": \"1\", \"answer\": \"1\"}\n{\"gold\": \n");
    write("golds.jsonl", "{\"gold\": \"1\"}\n");
    write("types.jsonl", "{\"gold\": [1], \"answer\": \"1\"}\n");
    for (what, line, code, expected) in VERIFY {
        let run = curt(root.path()).args(line.split(' ')).run().ends_with(code);
        assert!(run.stdout.is_empty(), "{what}: {}", run.stdout);
        for text in expected {
            assert!(run.stderr.contains(text), "{what}: no {text} in {}", run.stderr);
        }
    }
}

const CONFIG: [Wrong; 27] = [
    ("unknown option", "train --steps 3", 2, &["--steps"]),
    ("unknown command", "tran", 2, &["tran", "train"]),
    ("missing run file", "train missing.toml", 2, &["missing.toml"]),
    ("unknown key", "train typo.toml", 2, &["typo.toml:2", "train.step", "did you mean `train.steps`"]),
    ("malformed run file", "train broken.toml", 2, &["broken.toml:1"]),
    ("--set without =", "train --set train.steps", 2, &["--set train.steps", "="]),
    ("--set of an unknown key", "train --set train.stepz=1", 2, &["train.stepz", "train.steps"]),
    ("--set of a wrong type", "train --set train.steps=many", 2, &["train.steps", "many"]),
    ("group of one", "train --set rollout.num_generations=1", 2, &["group of 1", "at least 2"]),
    ("no length limit", "train --set rollout.max_completion_length=0", 2, &["max_completion_length", "0"]),
    (
        "beyond the context",
        "train --set=rollout.max_completion_length=9000 --set=train.micro_tokens=10000",
        2,
        &["9000", "context"],
    ),
    ("unknown device", "train --device gpu", 2, &["gpu", "cuda:N"]),
    ("no such GPU", "train --device cuda:9999", 2, &["device cuda:9999", "no CUDA"]),
    ("missing model", "train --set model.path=nowhere", 2, &["nowhere", "embedded:good"]),
    ("model is a file", "eval file", 2, &["file", "config.json"]),
    ("unknown embedded model", "eval embedded:best", 2, &["embedded:best", "embedded:weak"]),
    ("budget beyond the limit", "eval embedded:good --budgets=512", 2, &["512", "256"]),
    ("no samples", "eval embedded:good --n=0", 2, &["at least 1"]),
    ("too many threads", "train --threads 5000", 2, &["--threads", "4096"]),
    ("evaluations beyond the context", "train --set=eval.max_completion_length=4000", 2, &["eval.max_completion_length 4000"]),
    ("too many samples", "eval embedded:good --n=1000001", 2, &["at most 1000000"]),
    ("too many completions", "generate embedded:good --prompt=^ --n=1000001", 2, &["at most 1000000"]),
    ("negative temperature", "generate embedded:good --prompt=^ --temperature=-1", 2, &["at least 0"]),
    ("min-p that keeps nothing but ties", "eval embedded:good --min-p=1", 2, &["below 1"]),
    ("the same in a run", "train --set=eval.min_p=1", 2, &["eval.min_p", "below 1"]),
    ("no prompt", "generate embedded:good", 2, &["--prompt"]),
    ("no checkpoint", "train --resume latest --output-dir hollow", 2, &["hollow", "no run to resume"]),
];

const MODELS: [Wrong; 12] = [
    ("no config.json", "eval hollow", 3, &["config.json"]),
    ("no tokenizer", "eval no-tokenizer", 3, &["no-tokenizer", "tokenizer.json"]),
    ("a tokenizer whose library panics on a text", "eval panics", 3, &["panics/tokenizer.json, the text \"^", "chunk size"]),
    ("a tokenizer whose library panics when it is loaded", "eval unloadable", 3, &["unloadable/tokenizer.json", "do not work"]),
    ("a pipe for a file", "eval pipe", 3, &["pipe/tokenizer.json", "expected a plain file"]),
    ("no weights", "eval no-weights", 3, &["no-weights", "safetensors"]),
    ("truncated weights", "eval truncated", 3, &["truncated", "bytes"]),
    ("weights that are not finite", "eval not-finite", 3, &["not-finite", "NaN"]),
    ("unknown architecture", "eval unknown", 3, &["GptNextForCausalLM", "Qwen3ForCausalLM"]),
    ("empty prompt", "generate embedded:good --prompt=", 3, &["--prompt: the prompt is empty"]),
    ("no chat template", "generate embedded:good --chat --prompt=^", 3, &["embedded:good: has no chat template"]),
    ("prompt beyond the context", "generate embedded:good --prompt-file=long.txt", 3, &["long.txt: a prompt of", "context"]),
];

const FILES: [Wrong; 12] = [
    ("empty data set", "eval embedded:good --data=empty.jsonl", 3, &["empty.jsonl", "no problems"]),
    ("malformed line", "eval embedded:good --data=malformed.jsonl", 3, &["malformed.jsonl:2"]),
    ("no answer", "eval embedded:good --data=noanswer.jsonl", 3, &["noanswer.jsonl:1", "answer"]),
    ("empty prompt in a file", "eval embedded:good --data=emptyprompt.jsonl", 3, &["emptyprompt.jsonl:1", "empty"]),
    (
        "missing data set",
        "train --set=data.task=jsonl --set=data.path=missing.jsonl --set=data.chat_template=false",
        3,
        &["missing.jsonl"],
    ),
    (
        "prompt beyond its limit in a file",
        "train --set=data.task=jsonl --set=data.path=longprompt.jsonl --set=data.chat_template=false --set=data.prompt_suffix='' \
         --set=rollout.max_prompt_length=8",
        3,
        &[
            "longprompt.jsonl:2: problem `d2fb31a75d9b4c67`",
            "12 tokens",
            "rollout.max_prompt_length = 8",
            "data.filter_overlong_prompts",
        ],
    ),
    (
        "no prompt within the limit",
        "train --set=data.task=jsonl --set=data.path=longprompt.jsonl --set=data.chat_template=false --set=data.prompt_suffix='' \
         --set=rollout.max_prompt_length=2 --set=data.filter_overlong_prompts=true",
        3,
        &["longprompt.jsonl", "all 2 prompts", "rollout.max_prompt_length = 2"],
    ),
    (
        "prompt of the chain task beyond its limit",
        "train --set=data.links=[1,10] --set=rollout.max_prompt_length=33 --set=eval.enabled=false",
        3,
        &["chain-", "34 tokens", "rollout.max_prompt_length = 33"],
    ),
    (
        "chat template that the model does not have",
        "train --set=data.task=jsonl --set=data.path=longprompt.jsonl",
        3,
        &["embedded:good", "chat template", "data.chat_template = false"],
    ),
    ("missing prompt file", "generate embedded:good --prompt-file=nothing", 3, &["nothing"]),
    ("output below a file", "train --output-dir file/run", 1, &["file"]),
    ("JSON below a file", "eval embedded:good --problems=1 --n=1 --limit=4 --json=file/x", 1, &["file/x"]),
];

#[test]
fn wrong_settings_end_with_2() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "typo.toml", "[train]\nstep = 3\n");
    write(root.path(), "broken.toml", "[train\nsteps = 3\n");
    write(root.path(), "file", "");
    fs::create_dir(root.path().join("hollow")).unwrap();
    refused(root.path(), &CONFIG);
}

#[test]
fn wrong_models_and_prompts_end_with_3() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let weights = |folder: &Path, damage: &dyn Fn(&mut Vec<u8>)| {
        let path = folder.join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    fs::create_dir(root.join("hollow")).unwrap();
    write(root, "long.txt", &"4".repeat(5000));
    model_copy(root, "no-tokenizer", |folder| fs::remove_file(folder.join("tokenizer.json")).unwrap());
    let tokenizer = |folder: &Path, from: &str, to: &str| {
        let path = folder.join("tokenizer.json");
        let mut tokenizer: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        tokenizer[from] = serde_json::from_str(to).unwrap();
        fs::write(path, tokenizer.to_string()).unwrap();
    };
    model_copy(root, "panics", |folder| tokenizer(folder, "pre_tokenizer", r#"{"type": "FixedLength", "length": 0}"#));
    model_copy(root, "unloadable", |folder| {
        tokenizer(folder, "normalizer", r#"{"type": "Precompiled", "precompiled_charsmap": "AQ=="}"#);
    });
    model_copy(root, "pipe", |folder| {
        fs::remove_file(folder.join("tokenizer.json")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(folder.join("tokenizer.json")).status().unwrap().success());
    });
    model_copy(root, "no-weights", |folder| fs::remove_file(folder.join("model.safetensors")).unwrap());
    model_copy(root, "truncated", |folder| weights(folder, &|bytes| bytes.truncate(bytes.len() / 2)));
    model_copy(root, "not-finite", |folder| {
        weights(folder, &|bytes| {
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        });
    });
    model_copy(root, "unknown", |folder| {
        let path = folder.join("config.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("Qwen3ForCausalLM", "GptNextForCausalLM")).unwrap();
    });
    refused(root, &MODELS);
}

#[test]
fn wrong_files_end_with_the_code_of_their_kind() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "empty.jsonl", "\n\n");
    write(root.path(), "malformed.jsonl", "{\"problem\": \"^4>\", \"answer\": 7}\n{\"problem\": ^5>}\n");
    write(root.path(), "noanswer.jsonl", "{\"problem\": \"^4>\"}\n");
    let long = "{\"problem\": \"^4>\", \"answer\": 7}\n{\"problem\": \"^4444444444>\", \"answer\": 7}\n";
    write(root.path(), "longprompt.jsonl", long);
    write(root.path(), "emptyprompt.jsonl", "{\"problem\": \"\", \"answer\": 7}\n");
    write(root.path(), "file", "");
    refused(root.path(), &FILES);
}

fn write(root: &Path, name: &str, text: &str) {
    fs::write(root.join(name), text).unwrap();
}

/// Calls the binary with each wrong input in `root`.
fn refused(root: &Path, cases: &[Wrong]) {
    for (what, line, code, expected) in cases {
        let run = curt(root).args(line.split_whitespace()).run();
        assert_eq!(run.code, Some(*code), "{what}: {}{}", run.stderr, run.stdout);
        for text in *expected {
            assert!(run.stderr.contains(text), "{what}: no {text} in: {}", run.stderr);
        }
        assert!(run.stderr.starts_with("error: "), "{what}: {}", run.stderr);
        assert!(!run.stderr.contains("bug in curt") && !run.stderr.contains("panicked"), "{what}: {}", run.stderr);
        let with_usage = run.stderr.contains("'--help'");
        assert!(with_usage || run.stderr.trim_end().lines().count() == 1, "{what}: {}", run.stderr);
    }
    assert!(!root.join("runs").exists(), "a refused run left something behind");
}

#[test]
fn a_directory_that_holds_a_run_is_not_written_into() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    train(&output, &[]).ends_with(0);
    let before = fs::read(output.join("metrics.jsonl")).unwrap();
    let run = train(&output, &[]).ends_with(2);
    assert!(run.stderr.contains("--resume latest"), "{}", run.stderr);
    assert_eq!(fs::read(output.join("metrics.jsonl")).unwrap(), before);
}

#[test]
fn a_damaged_checkpoint_is_named_and_not_trusted() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    train(&output, &[]).ends_with(0);
    let weights = output.join("checkpoint-2/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let resume = |from: &str| curt(root.path()).args(["train", "--resume", from, "--output-dir"]).args([&output]).run();
    let named = resume("2").ends_with(3);
    assert!(named.stderr.contains("checkpoint-2/model.safetensors") && named.stderr.contains("SHA-256"), "{}", named.stderr);
    let latest = resume("latest").ends_with(0);
    assert!(latest.stdout.contains("passed over a newer checkpoint"), "{}", latest.stdout);
}

#[test]
fn a_changed_setting_is_refused_on_resume() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    train(&output, &[]).ends_with(0);
    let changed = ["train", "--resume=1", "--set=train.learning_rate=0.5", "--output-dir"];
    let run = curt(root.path()).args(changed).args([&output]).run().ends_with(2);
    assert!(run.stderr.contains("train"), "{}", run.stderr);
}

/// No file may grow beyond 3 MB, as on a disk that is full: the weights fit, the optimizer's two moments do not.
#[cfg(unix)]
#[test]
fn a_save_that_fails_leaves_nothing_half_written() {
    let root = tempfile::tempdir().unwrap();
    let limited = r#"trap "" XFSZ; ulimit -f 6000; exec "$@""#;
    let output = root.path().join("run");
    let run = train_by(&["sh", "-c", limited, "sh"], &output, &[]).ends_with(1);
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains("optimizer.state"), "{}", run.stderr);
    let left: Vec<_> = fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with("checkpoint")), "{left:?}");
}

/// A full disk below standard output; a reader that has gone away has what it wanted.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "rows.jsonl", "{\"answer\": \"7\", \"completion\": \"7\"}\n");
    write(root.path(), "rollouts.jsonl", "{\"group\": 1, \"correct\": true, \"length\": 9}\n");
    let score = ["score", "rollouts.jsonl", "--strategy=truncation", "--set=target_length=8"];
    for (to, code) in [("> /dev/full", 1), ("| true", 0)] {
        let script = format!("set -o pipefail; \"$0\" \"$@\" {to}");
        for arguments in [
            &["doctor", "--no-probe", "--json"][..],
            &["generate", "embedded:good", "--prompt=^4>"],
            &["verify", "rows.jsonl"],
            &["verify", "rows.jsonl", "--json"],
            &score,
        ] {
            let run = started_by(&["bash", "-c", &script], root.path()).args(arguments).run().ends_with(code);
            let is_told = run.stderr.contains("error: standard output: cannot be written: No space left");
            assert_eq!(is_told, code == 1, "{}", run.stderr);
        }
    }
}

/// Where the system has no room for so many threads, the message says how many were asked for.
#[cfg(target_os = "linux")]
#[test]
fn too_many_threads_are_refused_by_the_system_with_their_number() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    // each thread wants 2 MiB of address space for its stack
    let launcher = ["sh", "-c", "ulimit -v 1500000; exec \"$0\" \"$@\""];
    let run = train_by(&launcher, &output, &["--threads=3000"]).ends_with(1);
    // where the last bytes are those for the stack of signals, it is the new thread that finds out
    let said = ["cannot start 3000 worker threads", "no memory for another thread"];
    assert!(said.iter().any(|words| run.stderr.contains(words)), "{}", run.stderr);
    assert!(!output.exists());
}
