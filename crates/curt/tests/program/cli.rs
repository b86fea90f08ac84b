//! Drives the binary: what it prints, what it writes, and how it ends.

use std::fs;
use std::path::Path;

use crate::binary::{curt, small_run, train};

#[test]
fn help_has_examples_and_exit_codes() {
    let root = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 11] = [
        (&["--help"], &["train", "eval", "generate", "embedded:good", "Exit codes:", "130", "NO_COLOR"]),
        (&["train", "--help"], &["--set", "--resume", "--output-dir", "--device", "--threads", "--dry-run", "Examples:"]),
        (
            &["eval", "--help"],
            &["--data", "--n", "--limit", "--budgets", "--top-p", "--rollouts", "--compare", "--output", "--json", "Examples:"],
        ),
        (&["generate", "--help"], &["--prompt-file", "--chat", "--max-new-tokens", "--show-ids", "Examples:"]),
        (&["score", "--help"], &["--strategy", "--set", "--advantage", "--groups-per-step", "\"correct\": true", "Examples:"]),
        (&["lab", "--help"], &["--target-length", "--strategy", "--json", "--plot", "run directory", "Examples:"]),
        (&["report", "--help"], &["--output", "--no-rollouts", "eval.json", "report.html", "Examples:"]),
        (&["watch", "--help"], &["--set", "--json", "metrics.jsonl", "adapting", "exploding", "Examples:"]),
        (&["doctor", "--help"], &["--set", "--probe", "--no-probe", "--json", "--device", "Examples:"]),
        (&["verify", "--help"], &["--kind", "--against", "--self", "--json", "--tolerance", "\"gold\"", "Examples:"]),
        (&["--version"], &[concat!("curt ", env!("CARGO_PKG_VERSION"))]),
    ];
    for (arguments, expected) in cases {
        let run = curt(root.path()).args(arguments).run().ends_with(0);
        for text in expected {
            assert!(run.stdout.contains(text), "{arguments:?} does not say {text}:\n{}", run.stdout);
        }
    }
}

/// Every example of the help texts that needs no file of the user's is a command line that is understood.
#[test]
fn examples_of_the_help_are_understood() {
    let root = tempfile::tempdir().unwrap();
    for command in ["train", "doctor", "eval", "generate", "report", "score", "lab", "watch", "verify"] {
        let help = curt(root.path()).args([command, "--help"]).run().ends_with(0).stdout;
        let examples: Vec<&str> = help.lines().filter_map(|line| line.trim().strip_prefix("curt ")).collect();
        assert!(examples.len() >= 3, "{help}");
        for example in examples {
            // three spaces begin a remark; an option that does not exist ends the call after everything before it was read
            let words = words(example.split("   ").next().unwrap_or_default());
            let unknown = curt(root.path()).args(&words).args(["--no-such-option"]).run().ends_with(2);
            assert!(unknown.stderr.contains("'--no-such-option'"), "{example}: {}", unknown.stderr);
        }
    }
}

/// The words of a command line; what stands between quotes is one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let split = |(place, part): (usize, &str)| match place % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    };
    parts.flat_map(split).collect()
}

/// Half right, half not, and one of which nothing can be said.
const ANSWERS: &str = r#"{"id": "a", "gold": "1/2", "answer": "So it is \\boxed{0.5}."}
{"id": 7, "answer": "x^2 + 2x + 1", "completion": "The answer is $(x+1)^2$"}

{"gold": 12, "answer": "13"}
{"gold": "4", "answer": "4\u001b[31m, so 5"}
{"gold": "", "answer": "4"}
"#;

#[test]
fn answers_in_a_file_are_judged_listed_and_audited() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("answers.jsonl"), ANSWERS).unwrap();
    let summary = curt(root.path()).args(["verify", "answers.jsonl"]).run().ends_with(0).stdout;
    for (word, count) in [("correct", 2), ("wrong", 2), ("ungradable", 1), ("rows", 5)] {
        let found = summary.lines().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_else(|| panic!("{summary}"));
        assert_eq!(found.split_whitespace().next(), Some(count.to_string().as_str()), "{word} in {summary}");
    }
    assert!(!summary.contains('\u{1b}'), "a terminal would obey: {summary:?}");

    let json = curt(root.path()).args(["verify", "-", "--json"]).run_with(ANSWERS).ends_with(0).stdout;
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["correct", "correct", "wrong", "wrong", "ungradable"]);
    assert_eq!((&rows[0]["id"], &rows[1]["id"], &rows[2]["id"]), (&"a".into(), &7.into(), &4.into()));
    assert!(rows[0]["reason"].is_null() && rows[4]["reason"].is_string(), "{json}");

    // says of everything that it is right
    let other = r#"n=0; while read -r q; do n=$((n+1)); echo "{\"id\": $n, \"verdict\": \"correct\"}"; done"#;
    let one_worker = ["verify", "answers.jsonl", "--against", other];
    let audit = curt(root.path()).args(one_worker).run().ends_with(0).stdout;
    assert!(audit.contains("4: gold 12, answer 13: here wrong (different), there "), "{audit}");

    let golds = "{\"answer\": \"\\\\frac{1}{2}\"}\n{\"answer\": \"\"}\n";
    let own = curt(root.path()).args(["verify", "--self", "--json"]).run_with(golds).ends_with(0).stdout;
    assert!(own.contains("\"correct\"") && own.contains("\"ungradable\""), "{own}");
}

#[test]
fn a_small_run_trains_and_leaves_a_run_directory() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let run = train(&output, &[]).ends_with(0);
    for text in ["2 prompts", "= 4 rollouts of at most 16 tokens", "step", "2/2", "run directory", "eval "] {
        assert!(run.stdout.contains(text), "no {text} in:\n{}", run.stdout);
    }
    for file in ["run.toml", "metrics.jsonl", "checkpoint-1/model.safetensors", "checkpoint-2/tokenizer.json"] {
        assert!(output.join(file).is_file(), "{file} is missing");
    }
    assert!(!run.stdout.contains('\x1b'), "escape codes in a pipe:\n{}", run.stdout);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
}

#[test]
fn a_run_is_scored_and_compared() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    train(&output, &[]).ends_with(0);
    let score = ["score", "run", "--strategy", "truncation", "--set", "target_length=12", "--advantage", "rloo"];
    let run = curt(root.path()).args(score).run().ends_with(0);
    // two steps of two prompts and two samples
    assert_eq!(run.stdout.lines().count(), 8, "{}", run.stdout);
    for line in run.stdout.lines() {
        let scored: serde_json::Value = serde_json::from_str(line).unwrap();
        let reward = scored["reward"].as_f64().unwrap();
        assert!((reward == 0.0 || reward == 1.0) && scored["advantage"].is_number(), "{line}");
    }
    let run = curt(root.path()).args(["lab", "run", "--json", "lab.json", "--plot", "lab.svg"]).run().ends_with(0);
    for text in
        ["8 rollouts, 4 groups, 2 steps", "truncation", "minus_i, exclude", "L_R = L_T", "not compared: l1_exact", "trap test"]
    {
        assert!(run.stdout.contains(text), "no {text} in:\n{}", run.stdout);
    }
    let report: serde_json::Value = serde_json::from_slice(&fs::read(root.path().join("lab.json")).unwrap()).unwrap();
    assert_eq!(report["rollouts"], 8);
    assert!(report["strategies"].as_array().unwrap().len() > 30);
    let plot = fs::read_to_string(root.path().join("lab.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.trim_end().ends_with("</svg>") && plot.contains("minus_i, exclude"));
}

#[test]
fn a_resumed_run_ends_like_the_uninterrupted_one() {
    let root = tempfile::tempdir().unwrap();
    let (whole, halved) = (root.path().join("whole"), root.path().join("halved"));
    train(&whole, &["--threads=2"]).ends_with(0);
    train(&halved, &["--threads=1"]).ends_with(0);
    fs::remove_dir_all(halved.join("checkpoint-2")).unwrap();
    // the run directory's own run.toml says everything else
    let resumed = curt(root.path()).args(["train", "--resume", "latest", "--output-dir"]).args([&halved]).run().ends_with(0);
    assert!(resumed.stdout.contains("resumed after step 1"), "{}", resumed.stdout);
    for file in ["model.safetensors", "optimizer.state"] {
        let bytes = |run: &Path| fs::read(run.join("checkpoint-2").join(file)).unwrap();
        assert!(bytes(&whole) == bytes(&halved), "{file} differs");
    }
    let again = curt(root.path()).args(["train", "--resume"]).args([halved.join("checkpoint-1")]).run();
    again.ends_with(0);
}

#[test]
fn a_dry_run_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let run = train(&output, &["--dry-run"]).ends_with(0);
    assert!(run.stdout.contains("nothing was written"), "{}", run.stdout);
    assert!(!output.exists());
}

#[test]
fn the_embedded_run_takes_the_next_free_directory() {
    let root = tempfile::tempdir().unwrap();
    for expected in ["runs/embedded", "runs/embedded-2"] {
        let run = curt(root.path()).args(["train"]).args(small_run()).run().ends_with(0);
        assert!(run.stdout.contains(&format!("run directory  {expected}\n")), "{}", run.stdout);
    }
    let resumed = curt(root.path()).args(["train", "--resume", "latest"]).run().ends_with(0);
    assert!(resumed.stdout.contains("run directory  runs/embedded-2\n"), "{}", resumed.stdout);
}

#[test]
fn a_resume_takes_the_directory_that_was_set_and_no_later_one() {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "a-2"] {
        train(&root.path().join(name), &[]).ends_with(0);
    }
    let resumed = curt(root.path()).args(["train", "--resume", "latest", "--set=output_dir=a"]).run().ends_with(0);
    assert!(resumed.stdout.contains("run directory  a\n"), "{}", resumed.stdout);
}

#[test]
fn generation_is_the_same_at_any_number_of_threads() {
    let root = tempfile::tempdir().unwrap();
    let generate = |threads: &str, seed: &str| {
        let options = ["--n=3", "--max-new-tokens=24", "--show-ids", "--threads", threads, "--seed", seed];
        curt(root.path()).args(["generate", "embedded:good", "--prompt", "^44a*3b*9>"]).args(options).run().ends_with(0).stdout
    };
    let first = generate("1", "7");
    assert!(first.contains("prompt ids: [1, 16, 16, 22, 11, 15, 23, 11, 21, 2]"), "{first}");
    assert_eq!(first.matches("completion ids: [").count(), 3);
    assert_eq!(first, generate("2", "7"));
    assert_eq!(first, generate("0", "7"));
    assert_ne!(first, generate("1", "8"));
}

#[test]
fn a_prompt_can_come_from_a_file_or_from_standard_input() {
    let root = tempfile::tempdir().unwrap();
    let typed = |arguments: &[&str]| {
        let options = ["--temperature=0", "--max-new-tokens=8"];
        curt(root.path()).args(["generate", "embedded:weak"]).args(options).args(arguments)
    };
    fs::write(root.path().join("prompt.txt"), "^44a*3>").unwrap();
    let expected = typed(&["--prompt", "^44a*3>"]).run().ends_with(0).stdout;
    assert_eq!(typed(&["--prompt-file", "prompt.txt"]).run().ends_with(0).stdout, expected);
    assert_eq!(typed(&["--prompt-file", "-"]).run_with("^44a*3>").ends_with(0).stdout, expected);
}

#[test]
fn a_file_of_problems_is_evaluated_and_trained_on() {
    let root = tempfile::tempdir().unwrap();
    let lines = "{\"problem\": \"^4>\", \"answer\": 7}\n{\"problem\": \"^5>\", \"answer\": \"8\"}\n";
    fs::write(root.path().join("data.jsonl"), lines).unwrap();
    let options = ["--data=data.jsonl", "--n=2", "--limit=8", "--problems=1"];
    let run = curt(root.path()).args(["eval", "embedded:weak"]).args(options).run().ends_with(0);
    assert!(run.stdout.contains("1 problem of data.jsonl"), "{}", run.stdout);
    let data = ["--set=data.task=jsonl", "--set=data.path=data.jsonl", "--set=data.chat_template=false"];
    let run = train(&root.path().join("run"), &data).ends_with(0);
    assert!(run.stdout.contains("2 problems of data.jsonl"), "{}", run.stdout);
}

#[test]
fn problems_with_overlong_prompts_are_left_out_where_that_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let short = "{\"problem\": \"^4>\", \"answer\": 7}\n{\"problem\": \"^5>\", \"answer\": 8}\n";
    let long = "{\"id\": \"long\", \"problem\": \"^444444444444>\", \"answer\": 7}\n";
    fs::write(root.path().join("data.jsonl"), format!("{long}{short}")).unwrap();
    fs::write(root.path().join("eval.jsonl"), format!("{short}{long}{long}")).unwrap();
    let data = ["data.task=jsonl", "data.path=data.jsonl", "data.chat_template=false", "data.prompt_suffix=''"];
    let limits =
        ["rollout.max_prompt_length=8", "data.filter_overlong_prompts=true", "eval.enabled=true", "eval.path=eval.jsonl"];
    let sets: Vec<String> = data.iter().chain(&limits).map(|set| format!("--set={set}")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let run = train(&root.path().join("run"), &sets).ends_with(0);
    assert!(run.stdout.contains("2 problems of data.jsonl"), "{}", run.stdout);
    for (file, line) in [("data.jsonl", 1), ("eval.jsonl", 3)] {
        let left_out = format!("{file}: 1 of 3 problems are left out");
        let first = format!("the first {file}:{line} (`long`) with 14");
        assert!(run.stderr.contains(&left_out) && run.stderr.contains(&first), "{}", run.stderr);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_saves_and_the_run_can_be_resumed() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let many = ["--set=train.steps=100000", "--set=checkpoint.save_steps=0"];
    let arguments = || curt(root.path()).args(["train", "--output-dir"]).args([&output]).args(small_run()).args(many);
    // the first line about a step says that the run is on its way
    let run = arguments().interrupted_after("1/100000").ends_with(130);
    assert!(run.stdout.contains("--resume latest"), "{}", run.stdout);
    let saved = fs::read_dir(&output).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    assert_eq!(saved.filter(|name| name.starts_with("checkpoint-")).count(), 1);
    assert!(fs::read_to_string(output.join("report.html")).unwrap().contains("of 100,000 steps are recorded"));
    let resumed = curt(root.path()).args(["train", "--resume", "latest", "--output-dir"]).args([&output]);
    let resumed = resumed.interrupted_after("resumed after step").ends_with(130);
    assert!(resumed.stderr.is_empty(), "{}", resumed.stderr);
}

/// The run is done and saved; what is left is its last evaluation, and the resume that makes it.
#[cfg(unix)]
#[test]
fn an_interrupt_of_the_last_evaluation_says_how_to_make_it() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let evaluation = ["--set=eval.enabled=true", "--set=eval.links=[10]", "--set=eval.problems=16", "--set=eval.n=8"];
    let arguments = curt(root.path()).args(["train", "--output-dir"]).args([&output]).args(small_run()).args(evaluation);
    let run = arguments.interrupted_after("checkpoint-2").ends_with(130);
    assert!(run.stdout.contains("--resume latest") && run.stdout.contains("makes the evaluation"), "{}", run.stdout);
    let resumed = curt(root.path()).args(["train", "--resume", "latest", "--output-dir"]).args([&output]).run().ends_with(0);
    // the evaluation before training is that of the first process
    assert!(resumed.stdout.contains("before") && resumed.stdout.contains("95 % interval"), "{}", resumed.stdout);
}
