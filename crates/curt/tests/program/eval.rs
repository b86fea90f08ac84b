//! `curt eval`: tables, files, recordings, comparisons, and a kill.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::binary::curt;

/// Nine problems, two samples each.
const SMALL: [&str; 4] = ["--problems=1", "--n=2", "--limit=24", "--budgets=8,24"];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn an_evaluation_prints_its_table_and_writes_json() {
    let root = tempfile::tempdir().unwrap();
    let run = curt(root.path()).args(["eval", "embedded:good"]).args(SMALL).args(["--json=out.json"]).run().ends_with(0);
    for text in ["mean length in tokens", "Mean@2", "Pass@2", "budget", "cut off", "difficulty", "note: 9 problems"] {
        assert!(run.stdout.contains(text), "no {text} in:\n{}", run.stdout);
    }
    let json = json(&root.path().join("out.json"));
    assert_eq!((json["problems"].as_u64(), json["samples_per_problem"].as_u64()), (Some(9), Some(2)));
    assert_eq!((json["budgets"][0]["budget"].as_u64(), json["budgets"][1]["budget"].as_u64()), (Some(8), Some(24)));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing else is left");
}

/// Two models with their files; the same after an interrupt; the same numbers from the recording; other budgets; comparisons.
#[test]
fn two_models_leave_files_that_can_be_read_again() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let models = ["eval", "weak=embedded:weak", "embedded:good", "--batch=4"];
    let run = curt(root.path()).args(models).args(SMALL).args(["--output=whole"]).run().ends_with(0);
    assert!(run.stdout.contains("weak -> embedded:good on chain: 9 problems"), "{}", run.stdout);
    let report = json(&path("whole/eval.json"));
    assert_eq!((&report["version"], report["entries"].as_array().map(Vec::len)), (&Value::from(1), Some(2)));
    assert_eq!((&report["entries"][0]["model"], &report["comparisons"][0]["after"]), (&"weak".into(), &"embedded:good".into()));
    assert!(report["entries"][1]["areas"]["regret"]["share"].is_number());
    let files = |folder: &str| {
        let mut files: Vec<_> = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        files
    };
    assert_eq!(files("whole"), ["eval.json", "samples.jsonl.zst"]);

    // a finished folder is not written to
    let again = curt(root.path()).args(models).args(SMALL).args(["--output=whole"]).run().ends_with(2);
    assert!(again.stderr.contains("finished evaluation"), "{}", again.stderr);

    // the recording gives the same entries and comparison, and other budgets without a model
    let recorded = ["eval", "--rollouts=whole/samples.jsonl.zst", "--limit=24"];
    curt(root.path()).args(recorded).args(["--budgets=8,24", "--output=again"]).run().ends_with(0);
    let read = json(&path("again/eval.json"));
    assert_eq!((&read["entries"], &read["comparisons"]), (&report["entries"], &report["comparisons"]));
    let other = curt(root.path()).args(recorded).args(["--budgets=11"]).run().ends_with(0);
    assert!(other.stdout.lines().any(|line| line.trim_start().starts_with("11 ")), "{}", other.stdout);
    // and so do the tools for rollouts
    curt(root.path()).args(["lab", "whole/samples.jsonl.zst", "--target-length=16"]).run().ends_with(0);

    let compare = |typed: &[&str]| curt(root.path()).args(["eval", "--compare"]).args(typed).run();
    let found = compare(&["whole#weak", "whole/eval.json#embedded:good", "--json=c.json"]).ends_with(0);
    assert!(found.stdout.contains("Mean@k"), "{}", found.stdout);
    assert_eq!(json(&path("c.json"))["comparisons"], report["comparisons"]);
    for (typed, expected) in
        [(["whole", "whole#weak"], "several models, embedded:good, weak"), (["whole#weak", "nowhere"], "no nowhere to read")]
    {
        let error = compare(&typed).ends_with(2).stderr;
        assert!(error.contains(expected), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_evaluation_goes_on_to_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let read = |folder: &str, file: &str| fs::read(root.path().join(folder).join(file)).unwrap();
    let arguments = ["eval", "embedded:good", "--problems=6", "--n=4", "--limit=96", "--batch=8", "--threads=1"];
    curt(root.path()).args(arguments).args(["--output=whole"]).run().ends_with(0);
    let call = || curt(root.path()).args(arguments).args(["--output=cut"]);
    let run = call().interrupted_after("samples").ends_with(130);
    assert!(run.stdout.contains("the same command goes on"), "{}", run.stdout);
    assert!(root.path().join("cut/samples.jsonl").is_file());
    call().run().ends_with(0);
    for file in ["eval.json", "samples.jsonl.zst"] {
        assert!(read("cut", file) == read("whole", file), "{file} differs");
    }
}

#[test]
fn wrong_evaluations_are_said() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
    let row = |group: &str| format!("{{\"group\": \"{group}\", \"correct\": true, \"length\": 9}}\n");
    write("torn.jsonl", &format!("{}{{\"group\": 1, \"corr", row("a")));
    write("uneven.jsonl", &(row("a") + &row("a") + &row("b")));
    write("one.jsonl", &(row("a") + &row("b")));
    write("other.jsonl", &(row("a") + &row("c")));
    write("nothing.jsonl", "\n");
    write("number.json", "3");
    write(
        "future.json",
        "{\"version\": 9, \"created_by\": \"\", \"settings\": {\"limit\": 1, \"budgets\": [], \"sampling\": null, \
        \"resamples\": 1, \"bootstrap_seed\": 0}, \"entries\": [], \"comparisons\": []}",
    );
    for (what, line, code, expected) in [
        ("nothing to evaluate", "eval", 2, &["MODEL"][..]),
        ("one label twice", "eval a=x a=y", 2, &["`a` is there twice", "LABEL=MODEL"]),
        ("models and recordings", "eval embedded:good --rollouts one.jsonl", 2, &["cannot be used with"]),
        (
            "a limit beyond the context",
            "eval embedded:good --limit 600",
            2,
            &["error: prompts of up to 64 tokens and --limit 600 exceed the model's context of 512 tokens"],
        ),
        (
            "a limit beyond the context that a file's prompts need",
            "eval embedded:good --data one.jsonl --limit 500",
            2,
            &["error: prompts of up to 16 tokens and --limit 500 exceed the model's context of 512 tokens"],
        ),
        ("a missing recording", "eval --rollouts missing.jsonl", 3, &["missing.jsonl"]),
        ("a cut line", "eval --rollouts torn.jsonl", 3, &["torn.jsonl, line 2", "EOF"]),
        ("uneven samples", "eval --rollouts uneven.jsonl", 3, &["problem `b` has 1 samples", "2 as problem `a`"]),
        ("no rows", "eval --rollouts nothing.jsonl", 3, &["nothing.jsonl", "no samples"]),
        ("samples beyond the limit", "eval --rollouts one.jsonl --limit 8", 3, &["9 tokens", "limit 8"]),
        ("a budget beyond the cap", "eval --rollouts one.jsonl --budgets 10", 2, &["--budgets 10", "9"]),
        ("budgets out of order", "eval --rollouts one.jsonl --budgets 8,4", 2, &["--budgets 8,4", "in increasing order"]),
        ("one budget twice", "eval embedded:good --budgets 8,16,16", 2, &["--budgets 16,16", "each once"]),
        ("other problems", "eval --rollouts a=one.jsonl --rollouts b=other.jsonl", 3, &["`a` and `b`", "`b` is in one"]),
        ("no evaluation", "eval --compare number.json number.json", 3, &["number.json", "as an evaluation"]),
        ("another version", "eval --compare future.json one.json", 3, &["version 9, expected 1"]),
        ("half a comparison", "eval --compare one.json", 2, &["--compare"]),
    ] {
        let run = curt(root.path()).args(line.split(' ')).run().ends_with(code);
        for text in expected {
            assert!(run.stderr.contains(text), "{what}: no {text} in {}", run.stderr);
        }
    }
}

/// A recording is anyone's: its labels cannot steer a terminal.
#[test]
fn labels_of_a_recording_are_shown_and_not_obeyed() {
    let root = tempfile::tempdir().unwrap();
    let rows: String =
        (0..3).map(|i| format!("{{\"model\": \"a\\u001b[2J\", \"group\": {i}, \"correct\": true, \"length\": 9}}\n")).collect();
    fs::write(root.path().join("rows.jsonl"), rows).unwrap();
    let run = curt(root.path()).args(["eval", "--rollouts", "rows.jsonl"]).run().ends_with(0);
    assert!(run.stdout.contains("a\\u{1b}[2J on recorded") && !run.stdout.contains('\u{1b}'), "{}", run.stdout);
}
