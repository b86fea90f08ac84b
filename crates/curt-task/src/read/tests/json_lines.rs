//! JSON lines: fields of this project and of its peers, and what a line may look like.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// In the table below: the id that prompt and answer give.
const HASHED: &str = "";

#[test]
fn records_of_this_project_and_of_its_peers_are_read() {
    let ours = r#"{"id": "a-1", "problem": "P", "answer": "4", "source": "s", "difficulty": 3, "pass_rate": 0.5}"#;
    let trl = r#"{"prompt": [{"role": "user", "content": "P"}], "solution": "4"}"#;
    let trl_text = r#"{"prompt": "P", "solution": "4"}"#;
    let verl = r#"{"data_source": "s", "prompt": [{"role": "user", "content": "P"}], "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "4"}, "extra_info": {"index": 7, "split": "train"}}"#
        .replace('\n', " ");
    let deepscaler = r#"{"problem": "P", "answer": "4", "solution": "2 + 2"}"#;
    let roll = r#"{"messages": [{"role": "user", "content": "P"}], "ground_truth": 4, "difficulty": 0.5}"#;
    let gsm8k = r#"{"question": "P", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"}"#;
    let openai =
        r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "P"}]}, {"role": "assistant", "content": "4"}]}"#;
    let openai_with_answer =
        r#"{"messages": [{"role": "user", "content": "P"}, {"role": "assistant", "content": "It is 4."}], "answer": "4"}"#;
    for (record, id, prompt, source, difficulty, extra) in [
        (ours, "a-1", text("P"), "s", Some(3), r#"{"pass_rate":0.5}"#),
        (trl, HASHED, user("P"), "", None, "{}"),
        (trl_text, HASHED, text("P"), "", None, "{}"),
        (
            &verl,
            "7",
            user("P"),
            "s",
            None,
            r#"{"ability":"math","reward_model":{"style":"rule","ground_truth":"4"},"extra_info":{"index":7,"split":"train"}}"#,
        ),
        (deepscaler, HASHED, text("P"), "", None, r#"{"solution":"2 + 2"}"#),
        (roll, HASHED, user("P"), "", None, r#"{"difficulty":0.5}"#),
        (gsm8k, HASHED, text("P"), "", None, r#"{"solution":"2 + 2 = <<2+2=4>>4"}"#),
        (openai, HASHED, user("P"), "", None, "{}"),
        (openai_with_answer, HASHED, user("P"), "", None, r#"{"solution":"It is 4."}"#),
    ] {
        let problem = one(record);
        let id = if id == HASHED { problem.key().id() } else { id.to_owned() };
        assert_eq!(problem.id, id, "{record}");
        assert_eq!(problem.prompt, prompt, "{record}");
        assert_eq!(problem.answer, "4", "{record}");
        assert_eq!(problem.source, source, "{record}");
        assert_eq!(problem.difficulty, difficulty, "{record}");
        assert_eq!(serde_json::to_string(&problem.extra).unwrap(), extra, "{record}");
    }
}

#[test]
fn key_names_by_option_reach_nested_fields() {
    let fields = FieldNames {
        prompt: Some("input".into()),
        answer: Some("meta.label".into()),
        difficulty: Some("level".into()),
        ..FieldNames::default()
    };
    let line = r#"{"input": "P", "prompt": "shadowed", "meta": {"label": "x"}, "level": 5.0}"#;
    let problems = parse_bytes(line.as_bytes(), &fields).unwrap();
    assert_eq!((&problems[0].prompt, problems[0].answer.as_str(), problems[0].difficulty), (&text("P"), "x", Some(5)));
    let error = parse_bytes(br#"{"problem": "P", "answer": "4"}"#, &fields).unwrap_err().to_string();
    assert_eq!(error, "data.jsonl:1: no prompt: expected a field `input`, found `problem`, `answer`");
    let error = parse_bytes(br#"{"input": "P", "meta": {"label": 4}, "level": "high"}"#, &fields).unwrap_err().to_string();
    assert_eq!(error, "data.jsonl:1: field `level`: expected a whole number from 0, found a string");
}

#[test]
fn blank_lines_byte_order_mark_and_crlf_are_accepted() {
    let problems =
        parse("\u{feff}{\"problem\": \"A\", \"answer\": \"1\"}\r\n\r\n  \n{\"problem\": \"B\", \"answer\": \"2\"}").unwrap();
    assert_eq!(problems.iter().map(|problem| &problem.prompt).collect::<Vec<_>>(), [&text("A"), &text("B")]);
    let mut reader =
        Reader::new(&b"\n{\"problem\": \"B\", \"answer\": \"2\"}"[..], NAME.as_ref(), &ReadOptions::default()).unwrap();
    reader.next().unwrap().unwrap();
    assert_eq!(reader.number(), 2);
}

#[test]
fn numbers_as_answers_become_exact_text() {
    for (literal, expected) in [
        ("14", "14"),
        ("-3", "-3"),
        ("2.50", "2.5"),
        ("5.0", "5"),
        ("1e-7", "0.0000001"),
        ("1e3", "1000"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        assert_eq!(one(&format!(r#"{{"problem": "P", "answer": {literal}}}"#)).answer, expected);
    }
    for literal in ["123456789012345678901", "3.14159265358979323", "1e20"] {
        let error = message_of(&format!(r#"{{"problem": "P", "answer": {literal}}}"#));
        assert!(error.contains("at most 15 digits (write longer ones as strings), found the number"), "{error}");
    }
}

#[test]
fn missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.jsonl");
    let error = Reader::open(&path, &ReadOptions::default()).err().unwrap();
    assert!(matches!(&error, TaskError::Read { file, .. } if *file == path), "{error}");
    assert!(error.to_string().contains("none.jsonl: cannot be read"), "{error}");
    let error = Reader::open(folder.path(), &ReadOptions::default()).err().unwrap();
    assert!(matches!(error, TaskError::Read { .. }), "{error}");
}

#[test]
fn a_file_is_read_as_its_text_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.jsonl");
    let line = r#"{"problem": "P", "answer": "4"}"#;
    std::fs::write(&path, line).unwrap();
    let problems: Vec<Problem> = Reader::open(&path, &ReadOptions::default()).unwrap().map(Result::unwrap).collect();
    assert_eq!(problems, parse(line).unwrap());
}

#[test]
fn empty_data_set_is_refused() {
    for data in ["", "\n\n", "\u{feff}\r\n"] {
        assert_eq!(message_of(data), "data.jsonl: no problems: expected at least one JSON object, one per line");
    }
}

#[test]
fn malformed_line_is_placed() {
    let good = r#"{"problem": "A", "answer": "1"}"#;
    for (line, place) in [
        (r#"{"problem": "A", "answer": }"#, "data.jsonl:2:28: expected one JSON object per line: expected value"),
        (r#"{"problem": "A""#, "data.jsonl:2:15: expected one JSON object per line: EOF while parsing an object"),
        ("{\"problem\": \"A\"\r\n", "data.jsonl:2:15: expected one JSON object per line: EOF while parsing an object"),
        ("[", "data.jsonl:2:1: expected one JSON object per line: EOF while parsing a list"),
    ] {
        assert_eq!(message_of(&format!("{good}\n{line}")), place);
    }
    assert!(message_of(&format!("{good} {good}")).starts_with("data.jsonl:1:33: "));
    let deep = format!("{{\"problem\": {}", "[".repeat(100_000));
    assert!(matches!(parse(&deep), Err(TaskError::Malformed { .. })));
}

#[test]
fn line_that_is_no_object_is_refused() {
    let good = r#"{"problem": "A", "answer": "1"}"#;
    assert_eq!(message_of(&format!("{good}\n[1]")), "data.jsonl:2: expected a JSON object, found a list");
    assert_eq!(message_of(&format!("{good}\n3")), "data.jsonl:2: expected a JSON object, found a number");
}

#[test]
fn missing_field_names_what_was_looked_for() {
    assert_eq!(
        message_of(r#"{"input": "P", "answer": "4"}"#),
        "data.jsonl:1: no prompt: expected a field `prompt`, `problem`, `question`, `messages`, found `input`, `answer`"
    );
    assert_eq!(
        message_of(r#"{"problem": "P", "answer": null}"#),
        "data.jsonl:1: no answer: expected a field `answer`, `reward_model.ground_truth`, `ground_truth`, `solution`, found `problem`"
    );
}

#[test]
fn value_of_the_wrong_type_is_refused() {
    for (record, expected) in [
        (r#"{"problem": "P", "answer": true}"#, "field `answer`: expected a string or a number, found a boolean"),
        (r#"{"problem": "P", "answer": ["4"]}"#, "field `answer`: expected a string or a number, found a list"),
        (r#"{"problem": 5, "answer": "4"}"#, "field `problem`: expected a string or a list of"),
        (r#"{"prompt": [{"role": "user"}], "answer": "4"}"#, "field `prompt`: expected a string or a list of"),
        (r#"{"prompt": ["P"], "answer": "4"}"#, "field `prompt`: expected a string or a list of"),
        (r#"{"id": {}, "problem": "P", "answer": "4"}"#, "field `id`: expected a string or a whole number, found an object"),
        (r#"{"problem": "P", "answer": "4", "source": []}"#, "field `source`: expected a string or a whole number, found a list"),
    ] {
        let error = message_of(record);
        assert!(error.starts_with(&format!("data.jsonl:1: {expected}")), "{error}");
    }
}

#[test]
fn empty_prompt_is_refused_and_empty_answer_is_kept() {
    assert_eq!(one(r#"{"problem": "P", "answer": ""}"#).answer, "");
    for (record, field) in [(r#"{"problem": " ", "answer": "4"}"#, "problem"), (r#"{"messages": [], "answer": "4"}"#, "messages")]
    {
        assert_eq!(message_of(record), format!("data.jsonl:1: field `{field}` is empty: expected text"));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_placed() {
    let error = parse_bytes(b"\n{\"problem\": \"\xff\"}", &FieldNames::default()).unwrap_err();
    assert_eq!(error.to_string(), "data.jsonl:2:14: not UTF-8 text");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(id in ".{1,9}", ask in "[^\\s].{0,20}", answer in ".{0,9}", source in ".{0,5}",
                                    difficulty in proptest::option::of(0_u32..99), chat: bool, number: f32) {
        let mut extra = Map::new();
        extra.insert("solution".into(), Value::from(ask.clone()));
        extra.insert("pass_rate".into(), serde_json::json!({"n": [number, null]}));
        let prompt = if chat { user(&ask) } else { text(&ask) };
        let problem = Problem { id, prompt, answer, source, difficulty, extra };
        let line = serde_json::to_string(&problem).unwrap();
        prop_assert_eq!(one(&line), problem);
    }

    #[test]
    fn any_bytes_end_in_a_result(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_bytes(&bytes, &FieldNames::default());
        let _ = parse_bytes(&[&b"["[..], &bytes].concat(), &FieldNames::default());
        let _ = parse_bytes(&[&b"{"[..], &bytes].concat(), &FieldNames::default());
    }
}
