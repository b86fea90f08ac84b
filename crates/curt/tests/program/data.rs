//! `curt data inspect`: what it finds, what it says of wrong input, and that every command reads every format.

use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::curt;
use serde_json::{Value, json};

const PROBLEMS: &str = r#"{"id": "a", "problem": "What is $1 + 1$?", "answer": "2", "level": 1}
{"id": "b", "problem": "What is $1+1$?", "answer": "3", "level": 2.5}
{"id": "c", "problem": "What is $2 + 2$?", "answer": "", "level": null}

{"id": "d", "problem": "Name a prime.", "answer": "seven"}
{"id": "a", "problem": "What is $1 + 1$?", "answer": "2", "level": 1}
"#;

const EVALUATION: &str = r#"[{"question": "What is $1 + 1$?", "answer": "1 + 1 = 2\n#### 2"},
 {"question": "Something else?", "answer": "\n#### 7"}]"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    root
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data").join(name)
}

/// What `curt data inspect … --json` says.
fn findings(root: &Path, arguments: &[&str]) -> Value {
    let run = curt(root).args(["data", "inspect", "--json"]).args(arguments).run().ends_with(0);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn findings_are_all_there() {
    let root = folder(&[("problems.jsonl", PROBLEMS), ("eval.json", EVALUATION)]);
    let found = findings(root.path(), &["problems.jsonl", "--against", "eval.json"]);
    let file = &found["files"][0];
    assert_eq!(json!([file["format"], file["compression"]]), json!(["json_lines", "none"]));
    assert_eq!(json!([file["report"]["records"], file["report"]["problems"]]), json!([5, 4]));
    assert_eq!(file["report"]["repeated"]["first"], json!([[6, 1]]));
    let level = file["fields"].as_array().unwrap().iter().find(|field| field["name"] == "level").unwrap();
    assert_eq!(level["types"], json!({"number": 1, "whole number": 2}));
    assert_eq!(found["characters"]["longest"], 16);
    let duplicate = &found["duplicates"]["found"]["first"][0];
    assert_eq!(json!([duplicate["at"]["number"], duplicate["equals"]["number"]]), json!([2, 1]));
    assert_eq!(json!([found["duplicates"]["letter_by_letter"], found["duplicates"]["other_answer"]]), json!([0, 1]));
    assert_eq!(found["golds"]["ungradable"]["first"][0]["at"]["number"], 3);
    let overlap = &found["overlap"][0];
    assert_eq!(json!([overlap["problems"], overlap["contained"]]), json!([2, 1]));
    assert_eq!(json!([overlap["pairs"]["found"]["count"], overlap["pairs"]["letter_by_letter"]]), json!([2, 1]));
    assert_eq!(found["tokens"], Value::Null);
    let text = found["prompts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("What is $1 + 1$?\nPlease reason") && text.ends_with("\\boxed{}."), "{text}");
}

#[test]
fn the_page_says_the_same() {
    let root = folder(&[("problems.jsonl", PROBLEMS), ("eval.json", EVALUATION)]);
    let page = curt(root.path()).args(["data", "inspect", "problems.jsonl", "--against", "eval.json"]).run().ends_with(0).stdout;
    for text in [
        "problems.jsonl: JSON lines, 5 records, 4 problems",
        "the prompt is `problem`, the answer `answer`",
        "number 1, whole number 2",
        "1 repeated record, with id, prompt and answer of an earlier one",
        "6 repeats 1",
        "1 problem with the text of an earlier one, 0 letter by letter, 1 with another answer",
        "problems.jsonl:2 equals problems.jsonl:1, but for the answer",
        "1 of 4 right answers cannot be graded",
        "1 of its 2 problems in what was inspected: 2 problems with the text of one, 1 letter by letter, 1 with another answer",
        "prompt of problems.jsonl:1, id a",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
}

#[test]
fn tokens_are_counted_by_a_model() {
    let root =
        folder(&[("chains.jsonl", "{\"problem\": \"^44a*3b*9>\", \"answer\": 88}\n{\"problem\": \"^4>\", \"answer\": 4}\n")]);
    let model = ["chains.jsonl", "--model", "embedded:good", "--prompt-suffix", "", "--max-prompt-length", "5"];
    let found = findings(root.path(), &model);
    let tokens = &found["tokens"];
    assert_eq!(json!([tokens["model"], tokens["chat_template"]]), json!(["embedded:good", false]));
    assert_eq!(json!([tokens["lengths"]["shortest"], tokens["lengths"]["longest"]]), json!([3, 10]));
    assert_eq!(json!([tokens["too_long"]["count"], tokens["too_long"]["first"][0]["at"]["number"]]), json!([1, 1]));
    let prompt = &found["prompts"][0];
    assert_eq!(json!([prompt["text"], prompt["ids"].as_array().unwrap().len()]), json!(["^44a*3b*9>", 10]));
    let page = curt(root.path()).args(["data", "inspect"]).args(model).run().ends_with(0).stdout;
    assert!(page.contains("1 prompt of more than 5 tokens, without a chat template"), "{page}");
}

#[test]
fn every_format_is_inspected() {
    let root = tempfile::tempdir().unwrap();
    for (name, format, compression) in [
        ("verl.parquet", "parquet", "none"),
        ("trl.parquet", "parquet", "none"),
        ("messages.jsonl", "json_lines", "none"),
        ("trl.jsonl.zst", "json_lines", "zstd"),
        ("gsm8k.jsonl.gz", "json_lines", "gzip"),
        ("deepscaler.json", "json_list", "none"),
    ] {
        let found = findings(root.path(), &[fixture(name).to_str().unwrap()]);
        assert_eq!(found["problems"], 5, "{name}");
        assert_eq!(
            json!([found["files"][0]["format"], found["files"][0]["compression"]]),
            json!([format, compression]),
            "{name}"
        );
        let golds = &found["golds"];
        assert_eq!(json!([golds["ungradable"]["count"], golds["not_themselves"]["count"]]), json!([0, 0]), "{name}: {golds}");
    }
    // the same problems in three forms are found in each other, whatever trainers append
    let (verl, list) = (fixture("verl.parquet"), fixture("deepscaler.json"));
    let found = findings(root.path(), &[verl.to_str().unwrap(), "--against", list.to_str().unwrap()]);
    assert_eq!(found["overlap"][0]["contained"], 5);
}

#[test]
fn a_pattern_means_several_files() {
    let one = |n: u32| format!("{{\"id\": 1, \"problem\": \"{n} + {n}?\", \"answer\": {}}}", 2 * n);
    let root = folder(&[("a1.jsonl", &one(1)), ("a2.jsonl", &one(2)), ("b.jsonl", &one(3))]);
    let found = findings(root.path(), &["a*.jsonl"]);
    assert_eq!(json!([found["problems"], found["ids_of_other_files"]["count"]]), json!([2, 1]));
}

/// What is wrong, the command line after `data inspect`, the exit code, and what the message must hold.
type Wrong = (&'static str, &'static str, i32, &'static [&'static str]);

const WRONG: [Wrong; 13] = [
    ("no file", "", 2, &["FILE"]),
    ("a file that is not there", "missing.jsonl", 3, &["missing.jsonl", "cannot be read"]),
    ("a pattern that matches nothing", "*.txt", 3, &["*.txt", "no file matches"]),
    ("a pattern that is none", "a[.jsonl", 2, &["a[.jsonl", "not a pattern"]),
    ("a file of another kind", "table.csv", 3, &["table.csv", "expected JSON lines", "`problem,answer"]),
    ("a broken line", "torn.jsonl", 3, &["torn.jsonl:2:", "one JSON object per line"]),
    ("nothing but bad lines", "empty.jsonl --skip-bad", 3, &["empty.jsonl", "all of its 1 records are bad"]),
    ("parquet that is not whole", "cut.parquet", 3, &["cut.parquet", "parquet"]),
    ("an evaluation file that is broken", "good.jsonl --against torn.jsonl", 3, &["torn.jsonl:2:"]),
    ("a key that is not there", "good.jsonl --answer-key gold", 3, &["good.jsonl:1", "`gold`"]),
    ("no such model", "good.jsonl --model nowhere", 2, &["nowhere", "embedded:good"]),
    ("a limit without a model", "good.jsonl --max-prompt-length 8", 2, &["--model"]),
    ("a conversation without a template", "talk.jsonl --model embedded:good", 3, &["chat template"]),
];

#[test]
fn wrong_input_is_said_in_one_line() {
    let good = "{\"problem\": \"^4>\", \"answer\": 4}\n";
    let talk = "{\"prompt\": [{\"role\": \"user\", \"content\": \"^4>\"}], \"answer\": 4}";
    let torn = format!("{good}{{\"problem\": \n{}", good.replace('4', "5"));
    let root = folder(&[
        ("good.jsonl", good),
        ("torn.jsonl", &torn),
        ("empty.jsonl", "{}"),
        ("talk.jsonl", talk),
        ("table.csv", "problem,answer\n"),
    ]);
    let parquet = fs::read(fixture("verl.parquet")).unwrap();
    fs::write(root.path().join("cut.parquet"), &parquet[..parquet.len() / 2]).unwrap();
    for (what, line, code, expected) in WRONG {
        let run = curt(root.path())
            .args(["data", "inspect"])
            .args(line.split(' ').filter(|word| !word.is_empty()))
            .run()
            .ends_with(code);
        assert!(run.stdout.is_empty(), "{what}: {}", run.stdout);
        for text in expected {
            assert!(run.stderr.contains(text), "{what}: no {text} in {}", run.stderr);
        }
    }
    let page = curt(root.path()).args(["data", "inspect", "torn.jsonl", "--skip-bad"]).run().ends_with(0).stdout;
    assert!(page.contains("1 bad record passed over") && page.contains("torn.jsonl:2:"), "{page}");
}

#[test]
fn help_has_examples_that_are_understood() {
    let root = tempfile::tempdir().unwrap();
    let help = curt(root.path()).args(["data", "inspect", "--help"]).run().ends_with(0).stdout;
    for text in ["--against", "--model", "--skip-bad", "--json", "--prompt-key", "Examples:"] {
        assert!(help.contains(text), "no {text} in {help}");
    }
    for example in help.lines().filter_map(|line| line.trim().strip_prefix("curt ")) {
        let words =
            example.split("   ").next().unwrap_or_default().split([' ', '\'']).filter(|word| !word.is_empty() && *word != ">");
        let unknown = curt(root.path()).args(words).args(["--no-such-option"]).run().ends_with(2);
        assert!(unknown.stderr.contains("'--no-such-option'"), "{example}: {}", unknown.stderr);
    }
}

#[test]
fn every_command_reads_every_format() {
    let list = "[{\"problem\": \"^4>\", \"answer\": 4},\n {\"problem\": \"^5>\", \"answer\": 5}]";
    let root = folder(&[("list.json", list)]);
    let file = root.path().join("list.json.zst");
    fs::write(&file, zstd::encode_all(list.as_bytes(), 1).unwrap()).unwrap();
    for data in ["list.json", "list.json.zst", "*.zst"] {
        let eval = curt(root.path()).args(["eval", "embedded:weak", "--n=1", "--limit=16", "--data", data]).run().ends_with(0);
        assert!(eval.stdout.contains("2 problems"), "{data}: {}", eval.stdout);
    }
}
