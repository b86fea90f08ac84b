//! A JSON list of objects: the same problems as in lines, and where its errors are said to be.

use proptest::prelude::*;

use super::*;

#[test]
fn a_list_is_read_as_its_lines_are() {
    let records = [r#"{"problem": "A [", "answer": "1"}"#, r#"{"problem": "B \"]}", "answer": 2, "o": {"l": [[], {}]}}"#];
    let lines = parse(&records.join("\n")).unwrap();
    for list in [
        format!("[{}]", records.join(",")),
        format!("\u{feff} [\r\n  {}  \n]\n\n", records.join("\n , \n")),
        format!("[{},{}]", records[0].replace(", ", ",\n\t"), records[1]),
    ] {
        assert_eq!(parse(&list).unwrap(), lines, "{list}");
    }
}

#[test]
fn records_of_a_list_are_numbered() {
    let list = "[\n {\"problem\": \"A\", \"answer\": \"1\"}, {\"problem\": \"B\",\n \"answer\": \"2\"}]";
    let mut reader = Reader::new(list.as_bytes(), NAME.as_ref(), &ReadOptions::default()).unwrap();
    assert_eq!(reader.format(), Format::JsonList);
    let numbers: Vec<usize> =
        std::iter::from_fn(|| reader.next().map(|problem| problem.map(|_| reader.number()).unwrap())).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_bad_record_is_placed_in_line_and_list() {
    let good = r#"{"problem": "A", "answer": "1"}"#;
    for (list, expected) in [
        (format!("[{good},\n {{\"problem\": }}]"), "data.jsonl:2:14 (record 2): expected a JSON object: expected value"),
        (format!("[{good}, {{\"problem\":\n 1 2}}]"), "data.jsonl:2:4 (record 2): expected a JSON object: expected `,` or `}`"),
        (format!("[{good},\n7]"), "data.jsonl:2:1 (record 2): expected a JSON object, found a number"),
        (format!("[{good},\n\n{{\"problem\": \"B\"}}]"), "data.jsonl:3 (record 2): no answer: "),
        (format!("[{good},,{good}]"), "data.jsonl:1:34 (record 2): expected a JSON object: EOF while parsing a value"),
    ] {
        let error = message_of(&list);
        assert!(error.starts_with(expected), "{list}: {error}");
    }
    let error = parse_bytes(b"[\n{\"problem\": \"\xff\"}]", &FieldNames::default()).unwrap_err();
    assert_eq!(error.to_string(), "data.jsonl:2:14 (record 1): not UTF-8 text");
}

#[test]
fn bad_records_of_a_list_can_be_passed_over() {
    let list = r#"[{"problem": "A", "answer": "1"}, {"problem": }, 5, "x", {"problem": "B", "answer": "2"}]"#;
    let (problems, report) = all(list.as_bytes(), &ReadOptions { skip_bad: true, ..ReadOptions::default() }).unwrap();
    assert_eq!(problems.len(), 2);
    assert_eq!((report.records, report.problems, report.bad.count), (5, 2, 3));
}

#[test]
fn an_empty_list_has_no_problems() {
    for list in ["[]", " [ ]\n"] {
        assert!(message_of(list).contains("no problems"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_list_of_objects_is_read(texts in proptest::collection::vec("[^\\s].{0,12}", 1..6), space in "[ \\n\\t\\r]{0,3}") {
        let records: Vec<String> = texts.iter().map(|t| serde_json::json!({"problem": t, "answer": t, "l": [t, {"o": t}]}).to_string()).collect();
        let list = format!("{space}[{space}{}{space}]{space}", records.join(&format!("{space},{space}")));
        prop_assert_eq!(parse(&list).unwrap(), parse(&records.join("\n")).unwrap());
    }
}
