//! External verifiers that fail: what is said of it, and that nothing is kept of it.

use std::fs;
use std::path::Path;

use crate::binary::{Run, curt};
use serde_json::{Value, json};

/// Judges chains; of every sixth question it says nothing but that it is tired.
const TIRED: &str = r##"while read -r question; do
    id=${question#*'"id":'}; id=${id%%,*}
    gold=${question#*'"gold":"'}; gold=${gold%%'"'*}
    verdict=wrong
    case $question in *"#$gold\"}"|*"#$gold\$\"}") verdict=correct ;; esac
    [ $((id % 6)) -eq 0 ] && verdict='ungradable", "reason": "tired'
    echo "{\"id\": $id, \"verdict\": \"$verdict\"}"
done
"##;

/// Dies of the first question, with a word about why.
const DEAD: &str = "read -r question; echo 'no licence' >&2; exit 3\n";

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let chains = [("^29a+5>", "74"), ("^17a-8b*7>", "13"), ("^31a-1b-7c*3>", "59"), ("^44a*3>", "22"), ("^44a*3b*9>", "88")];
    let row = |(problem, answer)| format!("{}\n", json!({"id": problem, "problem": problem, "answer": answer}));
    let files = [
        ("p.jsonl", chains.map(row).concat()),
        ("tired.sh", TIRED.to_owned()),
        ("well.sh", TIRED.replace("id % 6", "1")),
        ("dead.sh", DEAD.to_owned()),
    ];
    files.into_iter().for_each(|(name, text)| fs::write(root.path().join(name), text).unwrap());
    root
}

/// Eight attempts at each of the five problems, judged by `verifier`, which is a verifier of that name whatever is in it.
fn measure(root: &Path, verifier: &str, output: &str) -> Run {
    fs::copy(root.join(verifier), root.join("verifier.sh")).unwrap();
    let arguments = ["filter", "p.jsonl", "--measure", "--cap", "128", "--prompt-suffix", "", "--verify", "command"];
    let more = ["--command", "sh verifier.sh", "--no-early-stop", "--device", "cpu", "--output", output];
    curt(root).args(arguments).args(more).run()
}

fn rows(root: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(root.join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn card(root: &Path, output: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root.join(output).join("card.json")).unwrap()).unwrap()
}

/// Attempts behind the rates of all problems, the rated ones' number, and those problems' rows by id.
fn rated(root: &Path, output: &str) -> (u64, Vec<Value>) {
    let mut rated: Vec<Value> = ["easy", "hard"].iter().flat_map(|part| rows(root, &format!("{output}/{part}.jsonl"))).collect();
    rated.sort_by_key(|row| row["id"].as_str().unwrap().to_owned());
    (rated.iter().map(|row| row["n_trials"].as_u64().unwrap()).sum(), rated)
}

#[test]
fn attempts_without_a_verdict_do_not_count_and_are_made_again() {
    let root = folder();
    measure(root.path(), "well.sh", "well").ends_with(0);
    let (attempts, well) = rated(root.path(), "well");
    assert_eq!((attempts, well.len()), (40, 5));

    let run = measure(root.path(), "tired.sh", "out").ends_with(0);
    let (attempts, first) = rated(root.path(), "out");
    assert_eq!((attempts, first.len()), (34, 5), "{}", run.stdout);
    assert_eq!(rows(root.path(), "out/unrated.jsonl"), Vec::<Value>::new());
    let measured = card(root.path(), "out")["rates"]["measured"].clone();
    assert_eq!(json!([measured["rollouts"], measured["without_verdict"]]), json!([34, {"rollouts": 6, "reason": "tired"}]));
    for said in [&run.stderr, &run.stdout] {
        assert!(said.contains("no verdict on 6 attempts, which do not count: tired"), "{said}");
    }

    // the draws are the same, so a verifier that works makes it what it would have been
    let run = measure(root.path(), "well.sh", "out").ends_with(0);
    assert_eq!(rated(root.path(), "out").1, well);
    assert_eq!(card(root.path(), "out"), card(root.path(), "well"));
    assert!(run.stdout.contains("34 attempts known") && run.stderr.is_empty(), "{} {}", run.stdout, run.stderr);
}

#[test]
fn a_verifier_that_fails_on_everything_ends_a_measurement() {
    let root = folder();
    let run = measure(root.path(), "dead.sh", "out").ends_with(3);
    assert!(run.stderr.contains("no verdict on any of 40 attempts: the verifier ended with"), "{}", run.stderr);
    assert!(run.stderr.contains("no licence") && !root.path().join("out/card.json").exists(), "{}", run.stderr);
    assert_eq!(rows(root.path(), "out/attempts.jsonl"), Vec::<Value>::new());
    measure(root.path(), "well.sh", "out").ends_with(0);
    assert_eq!(rated(root.path(), "out").0, 40);
}

/// Of a line of such a file it is not known which of the wrong attempts had no verdict.
#[test]
fn failures_that_an_older_file_keeps_are_made_again() {
    let root = folder();
    measure(root.path(), "well.sh", "well").ends_with(0);
    let mut lines = rows(root.path(), "well/attempts.jsonl");
    let right = |line: &Value| line["correct"].as_array().unwrap().iter().filter(|right| **right == json!(true)).count();
    let known: usize = lines.iter().enumerate().map(|(n, line)| if n == 0 { right(line) } else { 8 }).sum();
    lines[0]["ungradable"] = json!(true);
    fs::create_dir(root.path().join("old")).unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(root.path().join("old/attempts.jsonl"), text).unwrap();
    let run = measure(root.path(), "well.sh", "old").ends_with(0);
    assert!(run.stdout.contains(&format!("{known} attempts known")), "{known}: {}", run.stdout);
    assert_eq!(card(root.path(), "old"), card(root.path(), "well"));
    // and the file is good to go on with
    let run = measure(root.path(), "well.sh", "old").ends_with(0);
    assert!(run.stdout.contains("40 attempts known"), "{}", run.stdout);
}

/// Two steps on the chains, judged by `command`, of which nothing is evaluated.
fn run_file(root: &Path, command: &str) {
    let text = format!(
        "output_dir = \"run\"\n[model]\npath = \"embedded:good\"\n[data]\ntask = \"jsonl\"\npath = \"p.jsonl\"\n\
         prompt_suffix = \"\"\nchat_template = false\n[verify]\nkind = \"command\"\ncommand = {command}\n\
         [rollout]\nprompts_per_step = 4\nnum_generations = 4\nmax_prompt_length = 40\nmax_completion_length = 64\n\
         [reward]\ntarget_length = 48\n[train]\nsteps = 2\nlearning_rate = 1e-4\n[eval]\nenabled = false\n"
    );
    fs::write(root.join("run.toml"), text).unwrap();
}

#[test]
fn a_verifier_that_cannot_be_started_is_refused_before_a_run() {
    let root = folder();
    run_file(root.path(), r#"["no-such-verifier"]"#);
    for command in ["train", "doctor"] {
        let run = curt(root.path()).args([command, "run.toml", "--device", "cpu"]).run().ends_with(2);
        let expected = "verifier `command`: the verifier `no-such-verifier` cannot be started";
        assert!(run.stderr.contains(expected), "{command}: {}", run.stderr);
    }
    assert!(!root.path().join("run").exists());
}

#[test]
fn a_run_says_that_its_verifier_fails() {
    let root = folder();
    run_file(root.path(), r#"["sh", "dead.sh"]"#);
    let sets = ["--set", "alarms.window=1", "--set", "alarms.patience=1"];
    let text = curt(root.path()).args(["train", "run.toml", "--device", "cpu"]).args(sets).run().ends_with(0).stdout;
    let told: Vec<&str> = text.lines().filter(|line| line.contains("the verifier can say nothing of 1")).collect();
    assert!(told.len() == 1 && told[0].contains("no licence"), "{text}");
    let alarms: Vec<&str> = text.lines().filter(|line| line.contains(": alarm ")).collect();
    assert!(alarms.iter().any(|line| line.contains("alarm ungradable")), "{text}");
    for line in alarms.iter().filter(|line| ["ungradable", "reward_density", "signal"].iter().any(|word| line.contains(word))) {
        assert!(line.contains("change verify.command to") && line.contains("docs/verify.md"), "{line}");
    }
}

#[test]
fn the_doctor_says_that_the_verifier_fails() {
    let root = folder();
    run_file(root.path(), r#"["sh", "dead.sh"]"#);
    let text = curt(root.path()).args(["doctor", "run.toml", "--device", "cpu"]).run().ends_with(2).stdout;
    for expected in [" without a verdict", "% of the probe's rollouts", "no licence", "change verify.command"] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    assert!(!text.contains("easier problems"), "{text}");
}
