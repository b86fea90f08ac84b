//! `curt filter`: labels that depend on nothing but the plan, measurements that go on after any kill, and what is refused.

use std::fs;
use std::path::Path;

use crate::binary::{Run, curt};
use serde_json::{Value, json};

const ROWS: &str = r#"{"id": "a", "problem": "1 + 1?", "answer": "2", "rate": 1.0, "level": {"x": [1, 2]}}
{"id": "b", "problem": "2 + 2?", "answer": 4, "rate": 0.5}
{"id": "c", "problem": "3 + 3?", "answer": "6"}

{"id": "d", "problem": "4 + 4 < 9?", "answer": "yes", "rate": null}
{"id": "e", "problem": "5 + 5?", "answer": "10", "rate": 0.625, "n_trials": 3}
{"id": "f", "problem": "6 + 6?", "answer": "12", "rate": 0}
"#;

/// 12 chains, 4 attempts, at most 64 tokens each.
const SMALL: [&str; 12] =
    ["filter", "--measure", "--task", "chain", "--links", "1..4", "--problems", "12", "--attempts", "4", "--cap", "64"];

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    root
}

fn small(root: &Path, output: &str, more: &[&str]) -> Run {
    curt(root).args(SMALL).args(["--device", "cpu", "--output", output]).args(more).run()
}

fn known(root: &Path, file: &str, more: &[&str]) -> Run {
    curt(root).args(["filter", file, "--pass-rate-field", "rate", "--output", "out"]).args(more).run()
}

fn text(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn rows(root: &Path, name: &str) -> Vec<Value> {
    text(root, name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(root: &Path, name: &str) -> Vec<String> {
    rows(root, name).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn card(root: &Path, output: &str) -> Value {
    serde_json::from_str(&text(root, &format!("{output}/card.json"))).unwrap()
}

#[test]
fn known_rates_split_the_rows_as_they_were_read() {
    let root = folder(&[("rows.jsonl", ROWS)]);
    let run = known(root.path(), "rows.jsonl", &[]).ends_with(0);
    assert_eq!(
        text(root.path(), "out/easy.jsonl").lines().collect::<Vec<_>>(),
        [
            r#"{"id": "a", "problem": "1 + 1?", "answer": "2", "rate": 1.0, "level": {"x": [1, 2]},"pass_rate":1.0}"#,
            r#"{"id":"e","problem":"5 + 5?","answer":"10","rate":0.625,"n_trials":3,"pass_rate":0.625}"#,
        ]
    );
    assert_eq!(ids(root.path(), "out/hard.jsonl"), ["b", "f"]);
    let unrated: Vec<&str> = ROWS.lines().filter(|line| line.contains("\"c\"") || line.contains("\"d\"")).collect();
    assert_eq!(text(root.path(), "out/unrated.jsonl").lines().collect::<Vec<_>>(), unrated);
    let card = card(root.path(), "out");
    assert_eq!(json!([card["problems"], card["rated"], card["repeated"]]), json!([6, 4, 0]));
    assert_eq!(card["rates"], json!({"field": {"field": "rate", "attempts": null}}));
    assert_eq!(json!([card["dropped"][0]["why"], card["dropped"][0]["problems"]]), json!(["no_rate", 2]));
    assert_eq!(card["histogram"]["problems"], 4);
    assert!(run.stdout.contains("2 problems without a pass rate"), "{}", run.stdout);
    assert!(!root.path().join("out/easy.jsonl.tmp").exists());
    // the program's own reader reads them, and rates known from a filter split again
    let again = ["filter", "out/easy.jsonl", "--pass-rate-field", "pass_rate", "--output", "again"];
    curt(root.path()).args(again).run().ends_with(0);
    assert_eq!(text(root.path(), "again/easy.jsonl"), text(root.path(), "out/easy.jsonl"));
}

#[test]
fn every_form_of_file_splits_alike() {
    let list = format!("[{}]", ROWS.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(","));
    // a row that is not plain: its number as an answer has decimals
    let odd = format!("{ROWS}{{\"id\": \"g\", \"problem\": \"1 / 2?\", \"answer\": 0.5, \"rate\": 0.75}}\n");
    let root = folder(&[("rows.json", &list), ("odd.jsonl", &odd)]);
    known(root.path(), "rows.json", &["--attempts", "8"]).ends_with(0);
    assert_eq!(ids(root.path(), "out/easy.jsonl"), ["a", "e"]);
    assert_eq!(ids(root.path(), "out/unrated.jsonl"), ["c", "d"]);
    let row = &rows(root.path(), "out/easy.jsonl")[1];
    assert_eq!(json!([row["prompt"], row["pass_rate"], row["n_trials"]]), json!(["5 + 5?", 0.625, 8]));
    assert_eq!(card(root.path(), "out")["histogram"]["bars"].as_array().unwrap().len(), 9);
    known(root.path(), "odd.jsonl", &[]).ends_with(0);
    assert_eq!(ids(root.path(), "out/easy.jsonl"), ["a", "e", "g"]);
    assert_eq!(card(root.path(), "out")["dropped"][0]["problems"], 2);
}

#[test]
fn bands_are_files_and_may_overlap() {
    let root = folder(&[("rows.jsonl", ROWS)]);
    known(root.path(), "rows.jsonl", &["--band", "0.5..1", "--band", "low=0..0.5"]).ends_with(0);
    assert_eq!(ids(root.path(), "out/0.5-1.jsonl"), ["a", "b", "e"]);
    assert_eq!(ids(root.path(), "out/low.jsonl"), ["b", "f"]);
    known(root.path(), "rows.jsonl", &["--band", "middle=(0, 1]"]).ends_with(0);
    let card = card(root.path(), "out");
    assert_eq!(card["parts"][0]["problems"], 3);
    let outside = card["dropped"].as_array().unwrap().iter().find(|kind| kind["why"] == "outside_bands").unwrap();
    assert_eq!(outside["problems"], 1);
}

#[test]
fn bad_known_rates_are_refused() {
    let row =
        |id: &str, rate: &str| format!("{{\"id\": \"{id}\", \"problem\": \"p{id}\", \"answer\": \"1\", \"rate\": {rate}}}\n");
    let good = row("a", "0.5");
    let files = [
        ("good.jsonl", good.clone()),
        ("above.jsonl", good.clone() + &row("b", "1.5")),
        ("text.jsonl", good.clone() + &row("b", "\"0.5\"")),
        (
            "twice.jsonl",
            good.clone() + &row("b", "0.5") + "{\"id\": \"a\", \"problem\": \"pa\", \"answer\": \"2\", \"rate\": 0}\n",
        ),
        ("torn.jsonl", good.clone() + "{\"id\": \"b\", \"prob"),
        ("missing.jsonl", good.clone() + "{\"id\": \"b\", \"problem\": \"x\", \"rate\": 0.5}\n"),
        ("none.jsonl", "{\"problem\": \"x\", \"answer\": \"1\", \"level\": 3}\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let root = folder(&files);
    let cases: [(&str, &[&str], i32, &str); 13] = [
        ("above.jsonl", &[], 3, "above.jsonl:2: expected a pass rate from 0 to 1 in the field `rate`, found 1.5"),
        ("text.jsonl", &[], 3, "text.jsonl:2: expected a pass rate"),
        ("twice.jsonl", &[], 3, "twice.jsonl:1 and twice.jsonl:3"),
        ("torn.jsonl", &[], 3, "torn.jsonl:2"),
        ("missing.jsonl", &[], 3, "missing.jsonl:2"),
        ("none.jsonl", &[], 3, "none of 1 rows has a pass rate in the field `rate`"),
        ("absent.jsonl", &[], 3, "absent.jsonl"),
        ("good.jsonl", &["--attempts", "3"], 3, "not that of a number of right answers among 3"),
        ("good.jsonl", &["--band", "0.6..0.1"], 2, "is empty"),
        ("good.jsonl", &["--band", "0.9..1"], 3, "keeps nothing of 1 problems"),
        ("good.jsonl", &["--band", "a=0..1", "--band", "a=0..0.5"], 2, "twice"),
        ("good.jsonl", &["--attempts", "8", "--band", "0.3..0.31"], 2, "keeps nothing"),
        ("good.jsonl", &["--measure"], 2, "cannot be used with"),
    ];
    for (file, more, code, message) in cases {
        let run = known(root.path(), file, more).ends_with(code);
        assert!(run.stderr.contains(message), "{file} {more:?}: {}", run.stderr);
        assert!(!root.path().join("out").exists(), "{file} {more:?}");
    }
    known(root.path(), "missing.jsonl", &["--skip-bad"]).ends_with(0);
    assert_eq!(ids(root.path(), "out/hard.jsonl"), ["a"]);
    assert_eq!(card(root.path(), "out")["bad"], 1);
    for arguments in [&["filter", "good.jsonl", "--output", "x"][..], &["filter", "--measure", "--cap", "8", "--output", "x"]] {
        curt(root.path()).args(arguments).run().ends_with(2);
    }
}

#[test]
fn where_pass_rates_come_from_is_asked_for() {
    let root = folder(&[("rows.jsonl", ROWS)]);
    for (more, expected) in [
        (&[][..], "either --pass-rate-field NAME"),
        (&[], "or --measure --cap TOKENS"),
        (&["--measure"], "--measure needs --cap TOKENS"),
    ] {
        let run = curt(root.path()).args(["filter", "rows.jsonl", "--output", "out"]).args(more).run().ends_with(2);
        assert!(run.stderr.contains(expected) && !run.stderr.contains("--task"), "{more:?}: {}", run.stderr);
    }
}

#[test]
fn what_says_how_to_measure_is_refused_where_nothing_is_measured() {
    let root = folder(&[("rows.jsonl", ROWS)]);
    let options: [&[&str]; 12] = [
        &["--cap", "64"],
        &["--model", "embedded:weak"],
        &["--temperature", "0.5"],
        &["--seed", "1"],
        &["--verify", "exact"],
        &["--command", "x"],
        &["--interpreter", "x"],
        &["--no-early-stop"],
        &["--batch", "8"],
        &["--force"],
        &["--prompt-suffix", ""],
        &["--no-chat-template"],
    ];
    for option in options {
        let run = known(root.path(), "rows.jsonl", option).ends_with(2);
        assert!(run.stderr.contains(option[0]) && run.stderr.contains("cannot be used with"), "{option:?}: {}", run.stderr);
        let run = curt(root.path()).args(["filter", "rows.jsonl", "--output", "out"]).args(option).run().ends_with(2);
        assert!(run.stderr.contains("--measure") || run.stderr.contains("--verify"), "{option:?}: {}", run.stderr);
    }
}

#[test]
fn labels_are_those_of_all_attempts() {
    let root = tempfile::tempdir().unwrap();
    small(root.path(), "early", &[]).ends_with(0);
    small(root.path(), "all", &["--no-early-stop"]).ends_with(0);
    for name in ["easy.jsonl", "hard.jsonl"] {
        let [early, all] = ["early", "all"].map(|folder| ids(root.path(), &format!("{folder}/{name}")));
        assert_eq!(early, all, "{name}");
        assert!(!early.is_empty(), "{name} is no test");
    }
    let [early, all] = ["early", "all"].map(|folder| card(root.path(), folder)["rates"]["measured"].clone());
    assert_eq!(json!([all["rollouts"], all["rollouts_saved"]]), json!([48, 0]));
    let (made, saved) = (early["rollouts"].as_u64().unwrap(), early["rollouts_saved"].as_u64().unwrap());
    assert!(made + saved == 48 && saved > 0, "{early}");
    for row in rows(root.path(), "all/easy.jsonl") {
        assert_eq!(row["n_trials"], 4);
        assert!(row["pass_rate"].as_f64().unwrap() > 0.5 && row["pass_len_mean"].as_f64().unwrap() > 0.0, "{row}");
    }
    // attempts of the whole measurement serve the short one, which makes none of its own
    let before = text(root.path(), "all/attempts.jsonl");
    let run = small(root.path(), "all", &[]).ends_with(0);
    assert_eq!(text(root.path(), "all/attempts.jsonl"), before);
    assert!(run.stdout.contains("48 attempts known"), "{}", run.stdout);
    assert_eq!(text(root.path(), "all/easy.jsonl"), text(root.path(), "early/easy.jsonl"));
}

#[test]
fn labels_do_not_depend_on_batch_or_order() {
    let root = tempfile::tempdir().unwrap();
    small(root.path(), "one", &["--no-early-stop"]).ends_with(0);
    let one = rows(root.path(), "one/hard.jsonl").into_iter().chain(rows(root.path(), "one/easy.jsonl"));
    let mut turned: Vec<Value> = one.collect();
    turned.reverse();
    let lines: String = turned.iter().map(|row| format!("{row}\n")).collect();
    fs::write(root.path().join("turned.jsonl"), lines).unwrap();
    let arguments =
        ["filter", "turned.jsonl", "--measure", "--attempts", "4", "--cap", "64", "--verify", "chain", "--device", "cpu"];
    let more = ["--prompt-suffix", "", "--no-early-stop", "--batch", "5", "--output", "other"];
    curt(root.path()).args(arguments).args(more).run().ends_with(0);
    for name in ["easy.jsonl", "hard.jsonl"] {
        let [mut one, mut other] = ["one", "other"]
            .map(|folder| text(root.path(), &format!("{folder}/{name}")).lines().map(str::to_owned).collect::<Vec<_>>());
        one.sort();
        other.sort();
        assert_eq!(one, other, "{name}");
    }
}

#[test]
fn a_cut_measurement_goes_on_to_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let batch = ["--batch", "6"];
    small(root.path(), "whole", &batch).ends_with(0);
    let whole = fs::read(root.path().join("whole/attempts.jsonl")).unwrap();
    for cut in [whole.len() / 5, whole.len() / 2, whole.len() - 1] {
        let output = format!("cut-{cut}");
        fs::create_dir(root.path().join(&output)).unwrap();
        fs::write(root.path().join(&output).join("attempts.jsonl"), &whole[..cut]).unwrap();
        small(root.path(), &output, &batch).ends_with(0);
        for name in ["attempts.jsonl", "easy.jsonl", "hard.jsonl", "card.json", "card.html"] {
            let [expected, found] = ["whole", &output].map(|folder| fs::read(root.path().join(folder).join(name)).unwrap());
            assert!(expected == found, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn pass_rates_by_links_are_those_of_the_model() {
    let root = tempfile::tempdir().unwrap();
    let arguments = ["filter", "--measure", "--task", "chain", "--links", "1..4", "--problems", "128", "--device", "cpu"];
    curt(root.path()).args(arguments).args(["--output", "out"]).run().ends_with(0);
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good/README.md")).unwrap();
    let levels = card(root.path(), "out")["levels"].as_array().unwrap().clone();
    assert_eq!(levels.len(), 4);
    for level in levels {
        let row = format!("| {} | ", level["difficulty"]);
        let expected = page.lines().find_map(|line| line.strip_prefix(&row)?.split(' ').next()?.parse::<f64>().ok()).unwrap();
        // two means over 32 problems each, whose own rates spread by at most 0.3: less than 3 standard deviations
        let mean = level["mean"].as_f64().unwrap();
        assert!((mean - expected).abs() < 0.2, "{level}: expected {expected}");
    }
}

#[test]
fn attempts_of_another_measurement_are_refused() {
    let root = tempfile::tempdir().unwrap();
    small(root.path(), "out", &[]).ends_with(0);
    let before = text(root.path(), "out/attempts.jsonl");
    for (more, message) in [
        (&["--cap", "65"][..], "another cap"),
        (&["--temperature", "0.9"], "another temperature"),
        (&["--model", "embedded:weak"], "another model"),
        (&["--verify", "exact"], "another grader"),
        (&["--seed", "1"], "another seed"),
    ] {
        let mut arguments: Vec<&str> = SMALL.to_vec();
        if more[0] == "--cap" {
            arguments.truncate(SMALL.len() - 2);
        }
        let call = curt(root.path()).args(arguments).args(["--device", "cpu", "--output", "out"]).args(more);
        let run = call.run().ends_with(2);
        assert!(run.stderr.contains("attempts.jsonl:1") && run.stderr.contains(message), "{more:?}: {}", run.stderr);
        assert_eq!(text(root.path(), "out/attempts.jsonl"), before, "{more:?}");
    }
    // forced, they stay and are not counted
    small(root.path(), "out", &["--seed", "1", "--force"]).ends_with(0);
    small(root.path(), "fresh", &["--seed", "1"]).ends_with(0);
    assert!(text(root.path(), "out/attempts.jsonl").starts_with(&before));
    for name in ["easy.jsonl", "hard.jsonl", "card.json"] {
        assert_eq!(text(root.path(), &format!("out/{name}")), text(root.path(), &format!("fresh/{name}")), "{name}");
    }
}

#[test]
fn bad_measurements_are_refused() {
    let root =
        folder(&[("chains.jsonl", "{\"id\": \"<b>\", \"problem\": \"^44a*3b*9>\", \"answer\": \"88\"}\n"), ("empty.jsonl", "")]);
    fs::create_dir(root.path().join("torn")).unwrap();
    fs::write(root.path().join("torn/attempts.jsonl"), "{\"id\": \"a\"}\n").unwrap();
    for (output, more, code, message) in [
        ("torn", &[][..], 3, "attempts.jsonl:1: not a line of attempts"),
        ("out", &["--links", "2..1"], 2, "expected a number of links"),
        ("out", &["--links", "1..30"], 2, "links"),
        ("out", &["--problems", "13"], 2, "cannot be spread evenly"),
        ("out", &["--temperature=-1"], 2, "expected a finite number"),
        ("out", &["--band", "0.3..0.31"], 2, "keeps nothing"),
        ("out", &["--model", "nowhere"], 2, "no such model folder"),
    ] {
        let kept: Vec<&str> = match more.first() {
            Some(&("--links" | "--problems")) => {
                let at = SMALL.iter().position(|word| *word == more[0]).unwrap();
                SMALL.iter().enumerate().filter(|(n, _)| *n != at && *n != at + 1).map(|(_, word)| *word).collect()
            }
            _ => SMALL.to_vec(),
        };
        let run = curt(root.path()).args(kept).args(["--device", "cpu", "--output", output]).args(more).run().ends_with(code);
        assert!(run.stderr.contains(message), "{more:?}: {}", run.stderr);
    }
    let measure = |file: &str, cap: &str, more: &[&str]| {
        let arguments = ["filter", file, "--measure", "--cap", cap, "--attempts", "2", "--prompt-suffix", "", "--output", "out"];
        curt(root.path()).args(arguments).args(["--verify", "chain", "--device", "cpu"]).args(more).run()
    };
    let run = measure("chains.jsonl", "100000", &[]).ends_with(3);
    assert!(run.stderr.contains("none can be measured"), "{}", run.stderr);
    measure("empty.jsonl", "8", &[]).ends_with(3);
    // one token never solves a chain: a band that keeps nothing leaves the attempts, and no half-written files
    let run = measure("chains.jsonl", "1", &["--band", "0.5..1"]).ends_with(3);
    assert!(run.stderr.contains("keeps nothing of 1 problems"), "{}", run.stderr);
    assert_eq!(rows(root.path(), "out/attempts.jsonl").len(), 2); // the second was wanted once the first was wrong
    assert!(!root.path().join("out/0.5-1.jsonl.tmp").exists());
    // the answer has changed
    fs::write(root.path().join("chains.jsonl"), "{\"id\": \"<b>\", \"problem\": \"^44a*3b*9>\", \"answer\": \"89\"}\n").unwrap();
    let run = measure("chains.jsonl", "1", &[]).ends_with(2);
    assert!(run.stderr.contains("attempts.jsonl:1: attempts at problem `<b>` with another prompt"), "{}", run.stderr);
}

#[test]
fn answers_that_cannot_be_graded_are_no_hard_problems() {
    let rows_of = r#"{"id": "<b>", "problem": "^44a*3b*9>", "answer": ""}
{"id": "x", "problem": "^44a*3>", "answer": "22"}
"#;
    let root = folder(&[("rows.jsonl", rows_of)]);
    let arguments =
        ["filter", "rows.jsonl", "--measure", "--cap", "64", "--attempts", "4", "--prompt-suffix", "", "--output", "out"];
    curt(root.path()).args(arguments).args(["--device", "cpu"]).run().ends_with(0);
    assert_eq!(ids(root.path(), "out/unrated.jsonl"), ["<b>"]);
    assert_eq!(ids(root.path(), "out/hard.jsonl").len() + ids(root.path(), "out/easy.jsonl").len(), 1);
    assert_eq!(card(root.path(), "out")["dropped"][0]["why"], "ungradable");
    let page = text(root.path(), "out/card.html");
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>") && !page.contains("http"), "{page}");
    let first = page.clone();
    curt(root.path()).args(arguments).args(["--device", "cpu"]).run().ends_with(0);
    assert_eq!(text(root.path(), "out/card.html"), first);
}
