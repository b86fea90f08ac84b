//! `curt report`, and the page that every run leaves.

use std::fs;
use std::path::Path;

use crate::binary::{curt, train};

/// Makes `report.html` in the way of the page: a folder cannot be replaced by a file.
fn block(run: &Path) {
    fs::create_dir_all(run.join("report.html/in the way")).unwrap();
}

#[test]
fn a_run_leaves_its_page_and_another_can_be_made_of_it() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    // of so many problems two have a difficulty in common, and are shown
    let run = train(&output, &["--set=rollout.prompts_per_step=4"]).ends_with(0);
    assert!(run.stdout.contains("run/report.html"), "{}", run.stdout);
    let left = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(left.contains("curt 0.") && !output.join("report.html.tmp").exists());
    // a prompt of a rollout, decoded by the tokenizer of the newest checkpoint
    assert!(left.contains("<pre class=\"prompt\" aria-label=\"prompt\">^"), "no prompt is shown");

    let said = curt(root.path()).args(["report", "run", "run", "-o", "both.html"]).run().ends_with(0).stdout;
    assert!(said.contains("both.html"), "{said}");
    let both = fs::read_to_string(root.path().join("both.html")).unwrap();
    assert!(both.contains("data-run=\"1\"") && both.contains("run (2)"));
    fs::remove_file(output.join("report.html")).unwrap();
    curt(root.path()).args(["report", "run"]).run().ends_with(0);
    assert_eq!(fs::read_to_string(output.join("report.html")).unwrap(), left, "the same files give the same page");
}

#[test]
fn a_page_that_cannot_be_written_is_a_line_and_not_the_end() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    block(&output);
    let run = train(&output, &[]).ends_with(0);
    // once while it goes on, once at the end
    assert_eq!(run.stdout.matches("no report: ").count(), 2, "{}", run.stdout);
    assert!(output.join("checkpoint-2").is_dir());
    let error = curt(root.path()).args(["report", "run"]).run().ends_with(1).stderr;
    assert!(error.starts_with("error: run/report.html: cannot be written"), "{error}");
}

#[test]
fn what_cannot_be_reported_on_is_said_in_a_line() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("folder")).unwrap();
    fs::create_dir_all(at("empty")).unwrap();
    fs::write(at("empty/run.toml"), "seed = 0\n").unwrap();
    fs::create_dir_all(at("damaged/rollouts")).unwrap();
    fs::write(at("damaged/metrics.jsonl"), "{\"step\":1,\"reward\":1}\n").unwrap();
    fs::write(at("damaged/rollouts/step_00001.jsonl.zst"), "no zst").unwrap();
    fs::create_dir_all(at("bad")).unwrap();
    fs::write(at("bad/metrics.jsonl"), "{\"step\":1}\n\u{1b}[2J\n{\"step\":2}\n").unwrap();
    fs::write(at("eval.json"), "{}").unwrap();
    for (source, code, expected) in [
        ("nowhere", 2, "nowhere: no such run directory"),
        ("folder", 2, "is no run directory"),
        ("empty", 3, "has recorded no metrics"),
        ("damaged", 3, "step_00001.jsonl.zst: damaged rollouts"),
        ("bad", 3, "metrics.jsonl:2: no row of metrics"),
        ("eval.json", 3, "eval.json: is no evaluation"),
    ] {
        let run = curt(root.path()).args(["report", source]).run().ends_with(code);
        assert!(run.stderr.contains(expected) && run.stderr.lines().count() == 1, "{source}: {}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}') && !at(source).join("report.html").exists());
    }
    curt(root.path()).args(["report", "damaged", "--no-rollouts", "-o", "page.html"]).run().ends_with(0);
    let page = fs::read_to_string(at("page.html")).unwrap();
    assert!(page.contains("The recorded rollouts were left unread."));
}
