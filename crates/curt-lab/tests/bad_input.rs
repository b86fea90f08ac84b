//! Recordings that cannot be used, and what is said of them.

use curt_advantage::Grpo;
use curt_lab::{Lab, LabError, Reader, Replay, score};
use curt_reward::Truncation;

/// What reading all of `rows` ends with.
fn error(rows: &str) -> LabError {
    let mut reader = Reader::new("r.jsonl", rows.as_bytes());
    loop {
        match reader.next_step() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("read to the end: {rows}"),
            Err(error) => return error,
        }
    }
}

const ROW: &str = r#"{"group": 1, "correct": true, "length": 5}"#;

#[test]
fn a_line_that_is_no_row_is_named() {
    let cases = [
        ("{", "r.jsonl, line 2: EOF while parsing"),
        ("[1, 2, true]", "r.jsonl, line 2: expected a JSON object"),
        (
            r#"{"group": 1, "correct": "yes", "length": 5}"#,
            "line 2: invalid type: string \"yes\", expected a boolean at column 29",
        ),
        (r#"{"group": 1, "correct": true, "length": -5}"#, "line 2: invalid value: integer `-5`, expected u32"),
        (r#"{"group": 1, "correct": true, "length": 99999999999}"#, "expected u32"),
        (r#"{"group": 1, "correct": true, "length": 5.5}"#, "expected u32"),
        (r#"{"group": [], "correct": true, "length": 5}"#, "line 2: data did not match any variant"),
        (
            r#"{"group": 1, "correct": true, "length": 5, "completion_ids": [1, 2]}"#,
            "line 2: `completion_ids` holds 2 tokens, and `length` is 5",
        ),
        (r#"{"group": 1, "correct": true, "length": 1, "completion_ids": ["a"]}"#, "line 2: invalid type: string \"a\""),
    ];
    for (line, expected) in cases {
        let found = error(&format!("{ROW}\n{line}\n"));
        assert!(matches!(found, LabError::Malformed { line: 2, .. }), "{line}: {found}");
        assert!(found.to_string().contains(expected), "{line}: {found}");
    }
}

#[test]
fn a_missing_field_is_named() {
    for (field, row) in [
        ("group", r#"{"correct": true, "length": 5}"#),
        ("correct", r#"{"group": 1, "length": 5}"#),
        ("length", r#"{"group": 1, "correct": true, "lenght": 5}"#),
    ] {
        let found = error(&format!("{ROW}\n\n{row}\n"));
        assert!(matches!(found, LabError::MissingField { line: 3, field: f, .. } if f == field), "{found}");
        assert!(found.to_string().starts_with(&format!("r.jsonl, line 3: the field `{field}` is missing; expected ")), "{found}");
    }
}

#[test]
fn rows_of_a_group_that_are_apart_are_an_error() {
    let other = ROW.replace("1", "2");
    let found = error(&format!("{ROW}\n{ROW}\n{other}\n{ROW}\n"));
    assert_eq!(found.to_string(), "r.jsonl, line 4: group 1 was ended before, at line 3; rows of a group must stand together");
    // in another step the name is free again
    let mut reader = Reader::new("r.jsonl", ROW.as_bytes());
    assert_eq!(reader.next_step().unwrap().unwrap().groups.len(), 1);
    let text = format!("{ROW}\n{other}\n\n{ROW}\n");
    let mut reader = Reader::new("r.jsonl", text.as_bytes());
    assert_eq!(reader.next_step().unwrap().unwrap().groups.len(), 2);
    assert_eq!(reader.next_step().unwrap().unwrap().groups.len(), 1);
    assert!(reader.next_step().unwrap().is_none());
}

#[test]
fn steps_that_run_backwards_are_an_error() {
    let row = |step: u32| format!(r#"{{"step": {step}, "group": 1, "correct": true, "length": 5}}"#);
    let found = error(&format!("{}\n{}\n{}\n", row(2), row(3), row(1)));
    assert_eq!(found.to_string(), "r.jsonl, line 3: step 1 after step 3; rows must be in the order of their steps");
}

#[test]
fn a_torn_source_is_an_error() {
    struct Torn;
    impl std::io::Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("torn"))
        }
    }
    let rows = format!("{ROW}\n");
    let lines = std::io::BufReader::new(std::io::Read::chain(rows.as_bytes(), Torn));
    let found = Reader::new("r.jsonl.zst", lines).next_step().unwrap_err();
    assert_eq!(found.to_string(), "r.jsonl.zst: cannot be read after line 1: torn");
}

#[test]
fn no_rollouts_at_all_are_an_error() {
    let found = Lab::new(8, None).read(&mut Reader::new("e.jsonl", "\n\n".as_bytes())).unwrap_err();
    assert_eq!(found.to_string(), "e.jsonl: no rollouts in it; expected one JSON object a line");
    let mut replay = Replay::new(Box::new(Truncation::new(8).unwrap()), Box::new(Grpo::default()), None);
    let found = score(&mut Reader::new("e.jsonl", "".as_bytes()), &mut replay, &mut Vec::new()).unwrap_err();
    assert!(found.to_string().contains("no rollouts"), "{found}");
}

#[test]
fn a_group_that_a_strategy_refuses_is_named_and_nothing_of_its_step_is_written() {
    let rows = format!("{ROW}\n{}\n", r#"{"group": "b", "correct": true, "length": 300}"#);
    let mut replay = Replay::new(Box::new(Truncation::new(8).unwrap()), Box::new(Grpo::default()), Some(256));
    let mut out = Vec::new();
    let found = score(&mut Reader::new("r.jsonl", rows.as_bytes()), &mut replay, &mut out).unwrap_err();
    assert_eq!(
        found.to_string(),
        "r.jsonl, group `b` that begins at line 2: row 0 of the group: expected a length of at most 256 tokens, found 300"
    );
    assert!(out.is_empty());
}
