//! Alarms on the terminal, in the exit code and in `curt watch`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::binary::{curt, train};

/// `truncation` is raised at the first step, whatever happens.
const RAISED: [&str; 3] = ["--set=alarms.window=1", "--set=alarms.patience=1", "--set=alarms.truncation_threshold=0"];

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn watch(folder: &Path, arguments: &[&str]) -> String {
    curt(folder).args(["watch"]).args(arguments).run().ends_with(0).stdout
}

#[test]
fn a_warning_is_a_line_and_the_run_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let run = train(&root.path().join("run"), &RAISED).ends_with(0);
    let line = run.stdout.lines().find(|line| line.contains("alarm truncation")).unwrap_or_else(|| panic!("{}", run.stdout));
    for text in ["step 1", "since step 1", "cuts off", "rollout.max_completion_length to 32, now 16"] {
        assert!(line.contains(text), "{text} is not in {line}");
    }
}

#[test]
fn a_paused_run_ends_with_4_and_says_how_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let pause = [&RAISED[..], &["--set=alarms.truncation_action=pause"]].concat();
    let run = train(&output, &pause).ends_with(4);
    for text in ["stopped after step 1 by the alarm truncation", "saved as checkpoint-1 and pauses", "train --resume latest"] {
        assert!(run.stdout.contains(text), "{text} is not in {}", run.stdout);
    }
    let resume = ["train", "--resume", "latest", "--output-dir", "run"];
    curt(root.path()).args(resume).run().ends_with(0);
    assert!(output.join("checkpoint-2").is_dir());
}

#[test]
fn a_stopped_run_ends_with_4_until_the_setting_is_changed() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let stop = [&RAISED[..], &["--set=alarms.truncation_action=stop"]].concat();
    let run = train(&output, &stop).ends_with(4);
    assert!(run.stdout.contains("--set alarms.truncation_action=warn"), "{}", run.stdout);
    let resume = ["train", "--resume", "latest", "--output-dir", "run"];
    let again = curt(root.path()).args(resume).run().ends_with(4);
    assert!(again.stdout.contains("alarms.truncation_action = \"stop\""), "{}", again.stdout);
    curt(root.path()).args(resume).args(["--set", "alarms.truncation_action=warn"]).run().ends_with(0);
}

/// The record says what the run said, of the directory with its own settings.
#[test]
fn watching_a_directory_gives_the_events_of_the_run() {
    let root = tempfile::tempdir().unwrap();
    train(&root.path().join("run"), &RAISED).ends_with(0);
    let recorded = json_lines(&fs::read_to_string(root.path().join("run/events.jsonl")).unwrap());
    let mut found = json_lines(&watch(root.path(), &["run", "--json"]));
    let end = found.pop().unwrap();
    assert_eq!((end["event"].as_str(), end["detail"]["steps"].as_u64()), (Some("end"), Some(2)));
    assert!(end["detail"]["active"].as_array().unwrap().contains(&"truncation".into()), "{end}");
    for event in &mut found {
        assert_eq!(event.as_object_mut().unwrap().remove("run"), Some("run".into()));
    }
    assert_eq!(found, recorded);
    // the file alone has the default settings, under which two steps say nothing
    let text = watch(root.path(), &["run/metrics.jsonl"]);
    assert!(text.contains("step 1: adapting") && text.contains("no alarm is on") && !text.contains("truncation"), "{text}");
    let text = watch(root.path(), &["run", "run/metrics.jsonl", "--set", "alarms.patience=9"]);
    assert!(!text.contains(": alarm") && text.lines().filter(|line| !line.starts_with(' ')).count() == 2, "{text}");
}

#[test]
fn a_cut_line_and_missing_metrics_are_said() {
    let root = tempfile::tempdir().unwrap();
    let rows = "{\"step\":1,\"completions/mean_length\":9}\n{\"step\":2,\"completions/mean_length\":9,\"entr";
    fs::write(root.path().join("cut.jsonl"), rows).unwrap();
    let text = watch(root.path(), &["cut.jsonl"]);
    for expected in
        ["after 1 step: adapting", "the last line is cut short", "trap (eff/trap/told_apart)", "signal (eff/frac_groups_kept)"]
    {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

/// Two runs, each with metrics that the other lacks, and one that is empty: what is read is said before what is refused.
#[test]
fn runs_with_different_metrics_are_watched_each_by_its_own() {
    let root = tempfile::tempdir().unwrap();
    let rows = |metric: &str| -> String {
        (1..=20).map(|step| format!("{{\"step\":{step},\"completions/mean_length\":9,\"{metric}\":0.0}}\n")).collect()
    };
    fs::write(root.path().join("dense.jsonl"), rows("eff/accuracy_in_budget")).unwrap();
    fs::write(root.path().join("kept.jsonl"), rows("eff/frac_groups_kept")).unwrap();
    let text = watch(root.path(), &["dense.jsonl", "kept.jsonl"]);
    let (dense, kept) = text.split_at(text.find("kept.jsonl").unwrap());
    for (text, raised, missing) in [(dense, "reward_density", "signal"), (kept, "signal", "reward_density")] {
        assert!(text.contains(&format!("alarm {raised}")) && !text.contains(&format!("alarm {missing}")), "{text}");
        let unwatched = text.lines().find(|line| line.contains("not watched")).unwrap();
        assert!(unwatched.contains(&format!("{missing} (")) && !unwatched.contains(&format!("{raised} (")), "{text}");
    }
    fs::write(root.path().join("empty.jsonl"), "").unwrap();
    let run = curt(root.path()).args(["watch", "kept.jsonl", "empty.jsonl"]).run().ends_with(3);
    assert!(run.stdout.contains("alarm signal") && run.stderr.contains("empty.jsonl: no steps"), "{}{}", run.stdout, run.stderr);
}

#[test]
fn what_cannot_be_watched_is_said() {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty.jsonl", ""),
        ("other.jsonl", "{\"step\":1,\"train/loss\":0.5}\n"),
        ("torn.jsonl", "{\"step\":1,\"compl\n{\"step\":2}\n"),
    ] {
        fs::write(root.path().join(name), text).unwrap();
    }
    fs::create_dir(root.path().join("nothing")).unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["empty.jsonl"], 3, "empty.jsonl: no steps"),
        (&["other.jsonl"], 3, "other.jsonl: step 1 has no `completions/mean_length`"),
        (&["torn.jsonl"], 3, "torn.jsonl:1: not a row of metrics"),
        (&["missing.jsonl"], 3, "missing.jsonl: the metrics cannot be read"),
        (&["nothing"], 3, "metrics.jsonl: the metrics cannot be read"),
        (&["empty.jsonl", "--set", "alarms.windw=3"], 2, "did you mean `alarms.window`"),
        (&["empty.jsonl", "--set", "train.steps=3"], 2, "expected alarms.KEY=VALUE"),
    ];
    for (arguments, code, expected) in cases {
        let run = curt(root.path()).args(["watch"]).args(arguments).run().ends_with(code);
        assert!(run.stderr.contains(expected) && run.stderr.lines().count() == 1, "{arguments:?}: {}", run.stderr);
    }
}
