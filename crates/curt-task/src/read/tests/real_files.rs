//! The files that other software wrote: `fixtures/make_data_files.py` says with what. All hold the same five problems.

use super::*;

/// Question and answer of the five problems.
const PROBLEMS: [(&str, &str); 5] = [
    ("A box holds 12 eggs. How many eggs do 3 boxes hold?", "36"),
    (r"What is $\frac{1}{2} + \frac{1}{3}$?", r"\frac{5}{6}"),
    ("Zoë pays 7 € and gets 2 € back. How many € did it cost?", "5"),
    ("Wie viele Primzahlen sind kleiner als 10?", "4"),
    ("求 $2^{10}$ 的值。", "1,024"),
];

fn read(name: &str) -> (Vec<Problem>, Reader) {
    let mut reader = Reader::open(&fixture(name), &ReadOptions::default()).unwrap();
    let problems = reader.by_ref().map(Result::unwrap).collect();
    (problems, reader)
}

/// The five problems, asked as `prompt` makes of each text, are in the file; returns them.
fn check(name: &str, format: Format, compression: Compression, prompt: impl Fn(&str) -> Prompt) -> Vec<Problem> {
    let (problems, reader) = read(name);
    assert_eq!((reader.format(), reader.compression()), (format, compression), "{name}");
    assert_eq!(problems.len(), PROBLEMS.len(), "{name}");
    for (problem, (question, _)) in problems.iter().zip(PROBLEMS) {
        assert_eq!(problem.prompt, prompt(question), "{name}");
    }
    problems
}

fn answers_are_right(problems: &[Problem]) {
    let answers: Vec<&str> = problems.iter().map(|problem| problem.answer.as_str()).collect();
    assert_eq!(answers, PROBLEMS.map(|(_, answer)| answer));
}

#[test]
fn deepscaler_list() {
    let problems = check("deepscaler.json", Format::JsonList, Compression::None, text);
    answers_are_right(&problems);
    assert_eq!(problems[3].extra["solution"], "2, 3, 5 und 7.");
}

#[test]
fn gsm8k_in_gzip() {
    let problems = check("gsm8k.jsonl.gz", Format::JsonLines, Compression::Gzip, text);
    answers_are_right(&problems);
    assert_eq!(problems[2].extra["solution"], "7 - 2 = <<7-2=5>>5.");
}

#[test]
fn trl_in_zstd() {
    let problems = check("trl.jsonl.zst", Format::JsonLines, Compression::Zstd, text);
    answers_are_right(&problems);
    assert!(problems[0].extra.is_empty());
}

#[test]
fn messages_of_datasets() {
    let asked = |question: &str| Prompt::Messages(vec![message("system", "Be brief."), message("user", question)]);
    let problems = check("messages.jsonl", Format::JsonLines, Compression::None, asked);
    assert_eq!(problems[0].answer, "Each box has 12 eggs, so 3 boxes have 3 * 12 = <<3*12=36>>36. \\boxed{36}");
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;

    #[test]
    fn verl() {
        for name in ["verl.parquet", "verl_zstd.parquet"] {
            let asked =
                |text: &str| user(&format!("{text} Let's think step by step and output the final answer after \"####\"."));
            let problems = check(name, Format::Parquet, Compression::None, asked);
            answers_are_right(&problems);
            let ids: Vec<&str> = problems.iter().map(|problem| problem.id.as_str()).collect();
            assert_eq!(ids, ["0", "1", "2", "3", "4"]);
            assert_eq!(problems[4].source, "openai/gsm8k");
            assert_eq!(problems[4].extra["ability"], "math");
            assert_eq!(problems[4].extra["extra_info"]["index"], 4);
        }
    }

    #[test]
    fn trl_of_datasets() {
        let asked = |question: &str| Prompt::Messages(vec![message("system", "Be brief."), message("user", question)]);
        let problems = check("trl.parquet", Format::Parquet, Compression::None, asked);
        answers_are_right(&problems);
        // bytes that are no text are left out, and so is what is missing
        let extra = |n: usize| serde_json::Value::Object(problems[n].extra.clone());
        assert_eq!(
            extra(2),
            serde_json::json!({
                "pass_rate": 0.25, "verified": true, "tags": ["a", null, "tag 2"], "note": "plain",
                "made": 1_767_323_045_000_678_i64, "price": "12.50", "counts": {"n": 8, "k": 2},
            })
        );
        assert_eq!((&extra(0)["counts"]["k"], extra(1).get("pass_rate")), (&serde_json::Value::Null, None));
        assert_eq!(extra(1)["level"], 2);
        assert_eq!(extra(3)["tags"], serde_json::json!([]));
    }
}
