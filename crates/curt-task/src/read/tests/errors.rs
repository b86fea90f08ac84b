//! What can be wrong with a file: a variant and a test each. What is wrong with the fields of a line is in `json_lines`.

use std::io::Write;

use super::*;

const GOOD: &str = r#"{"problem": "A", "answer": "1"}"#;

fn skipping() -> ReadOptions {
    ReadOptions { skip_bad: true, ..ReadOptions::default() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn error_of(bytes: &[u8]) -> TaskError {
    all(bytes, &ReadOptions::default()).unwrap_err()
}

/// Problems that compress badly, so that a compressed file can be cut in its middle.
fn many() -> String {
    let number = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    (0..3000).map(|n| format!("{{\"problem\": \"{} + {}?\", \"answer\": \"{n}\"}}\n", number(n), number(n + 7))).collect()
}

#[test]
fn mixed_records_in_one_file() {
    for (other, found) in [
        (r#"{"prompt": "B", "answer": "2"}"#, "the prompt is `prompt`, the answer `answer` here"),
        (r#"{"problem": "B", "solution": "2"}"#, "the prompt is `problem`, the answer `solution` here"),
        (r#"{"problem": "B", "answer": null, "solution": "2"}"#, "the prompt is `problem`, the answer `solution` here"),
    ] {
        let error = parse(&format!("{GOOD}\n\n{other}")).unwrap_err();
        assert!(matches!(error, TaskError::MixedRecords { .. }), "{error}");
        let error = error.to_string();
        let expected =
            format!("data.jsonl:3: mixed records: {found}, but the prompt is `problem`, the answer `answer` in line 1;");
        assert!(error.starts_with(&expected), "{error}");
    }
    let gsm8k = r#"{"question": "A", "answer": "1 + 1 = 2\n#### 2"}"#;
    let without = r#"{"question": "B", "answer": "1 + 2 = 3"}"#;
    assert!(matches!(parse(&format!("{gsm8k}\n{without}")), Err(TaskError::MixedRecords { .. })));
    let (text, conversation) =
        (r#"{"prompt": "A", "answer": 1}"#, r#"{"prompt": [{"role": "user", "content": "B"}], "answer": 2}"#);
    assert!(matches!(parse(&format!("{text}\n{conversation}")), Err(TaskError::MixedRecords { .. })));
}

#[test]
fn missing_answer() {
    let error = parse(&format!("{GOOD}\n{{\"problem\": \"B\"}}")).unwrap_err();
    assert!(matches!(error, TaskError::MissingField { role: "answer", .. }), "{error}");
    assert!(error.to_string().starts_with("data.jsonl:2: no answer: expected a field `answer`, "), "{error}");
    // a conversation that ends with the user has none either
    let error = parse(r#"{"messages": [{"role": "user", "content": "A"}]}"#).unwrap_err();
    assert!(matches!(error, TaskError::MissingField { role: "answer", .. }), "{error}");
}

#[test]
fn answer_of_a_wrong_type() {
    let error = parse(r#"{"problem": "A", "answer": {"value": 1}}"#).unwrap_err();
    assert!(matches!(error, TaskError::WrongType { .. }), "{error}");
    assert_eq!(error.to_string(), "data.jsonl:1: field `answer`: expected a string or a number, found an object");
}

#[test]
fn broken_line_in_the_middle() {
    let file = format!("{GOOD}\n{{\"problem\": \"B\", \n{}", GOOD.replace('A', "C"));
    let error = parse(&file).unwrap_err();
    assert!(matches!(error, TaskError::Malformed { .. }), "{error}");
    assert!(error.to_string().starts_with("data.jsonl:2:"), "{error}");
    let (problems, report) = all(file.as_bytes(), &skipping()).unwrap();
    assert_eq!(problems.len(), 2);
    assert_eq!((report.records, report.problems, report.bad.count), (3, 2, 1));
    assert!(report.bad.first[0].starts_with("data.jsonl:2:"), "{report:?}");
}

#[test]
fn bad_records_are_all_counted_and_the_first_named() {
    let file = format!("{GOOD}\n{}", "{\"problem\": \"B\"}\n".repeat(50));
    let (_, report) = all(file.as_bytes(), &skipping()).unwrap();
    assert_eq!((report.records, report.problems), (51, 1));
    assert_eq!((report.bad.count, report.bad.first.len()), (50, NAMED));
}

#[test]
fn a_file_of_bad_records_only() {
    let error = all(b"{\"problem\": \"B\"}\n{}", &skipping()).unwrap_err();
    assert!(matches!(error, TaskError::AllBad { count: 2, .. }), "{error}");
    assert!(error.to_string().contains("all of its 2 records are bad; the first: data.jsonl:1: no answer"), "{error}");
}

#[test]
fn duplicate_ids_with_different_answers() {
    let (a, b) = (r#"{"id": 3, "problem": "A", "answer": "1"}"#, r#"{"id": "3", "problem": "A", "answer": "2"}"#);
    let error = parse(&format!("{a}\n\n{b}")).unwrap_err();
    assert!(matches!(error, TaskError::DuplicateId { .. }), "{error}");
    assert_eq!(error.to_string(), "data.jsonl:3: id `3` was already used in line 1 for another problem or another answer");
    let (problems, report) = all(format!("{a}\n{b}").as_bytes(), &skipping()).unwrap();
    assert_eq!((problems.len(), report.bad.count), (1, 1));
}

#[test]
fn a_repeated_record_counts_once() {
    let with_id = GOOD.replace('{', "{\"id\": 7, ");
    for record in [GOOD, &with_id] {
        let (problems, report) = all(format!("{record}\n\n{record}\n").as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!((problems.len(), report.records, report.problems), (1, 2, 1));
        assert_eq!(report.repeated, Repeated { count: 1, first: vec![(3, 1)] });
    }
}

#[test]
fn a_list_whose_form_is_broken() {
    for (list, expected) in [
        (format!("[{GOOD}"), "data.jsonl:1:33 (record 1): the list is broken: the file ends before the list does"),
        (format!("[\n{GOOD},\n"), "data.jsonl:3:1 (record 1): the list is broken: the file ends before the list does"),
        (format!("[{GOOD},{{\"problem\": "), "data.jsonl:1:34 (record 2): the list is broken: the file ends inside this record"),
        (format!("[{GOOD} {GOOD}]"), "data.jsonl:1:34 (record 1): the list is broken: expected a comma or the end of the list"),
        (format!("[{GOOD},]"), "data.jsonl:1:34 (record 1): the list is broken: a comma before the end"),
        (format!("[{GOOD}] {GOOD}"), "data.jsonl:1:35 (record 1): the list is broken: something follows the end of the list"),
        ("[".repeat(100_000), "data.jsonl:1:2 (record 1): the list is broken: the file ends inside this record"),
    ] {
        for options in [ReadOptions::default(), skipping()] {
            let error = all(list.as_bytes(), &options).unwrap_err();
            assert!(matches!(error, TaskError::BrokenList { .. }), "{error}");
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn truncated_gzip() {
    let file = gzip(many().as_bytes());
    assert_eq!(all(&file, &ReadOptions::default()).unwrap().0.len(), 3000);
    for cut in [5, 40, file.len() / 2, file.len() - 1] {
        let error = error_of(&file[..cut]);
        assert!(matches!(error, TaskError::Truncated { compression: Compression::Gzip, .. }), "{cut}: {error}");
        assert_eq!(error.to_string(), "data.jsonl: the gzip data end too early: the file is not whole");
    }
}

#[test]
fn truncated_zstd() {
    let file = zstd::encode_all(many().as_bytes(), 1).unwrap();
    assert_eq!(all(&file, &ReadOptions::default()).unwrap().0.len(), 3000);
    for cut in [5, 40, file.len() / 2, file.len() - 1] {
        let error = error_of(&file[..cut]);
        assert!(matches!(error, TaskError::Truncated { compression: Compression::Zstd, .. }), "{cut}: {error}");
    }
}

#[test]
fn damaged_compressed_data() {
    for (mut file, compression) in
        [(gzip(many().as_bytes()), Compression::Gzip), (zstd::encode_all(many().as_bytes(), 1).unwrap(), Compression::Zstd)]
    {
        let middle = file.len() / 2;
        file[middle..middle + 64].fill(0xff);
        // a reader may meet damage as text that is no problem before it meets it as damage
        let error = all(&file, &skipping()).unwrap_err();
        assert!(matches!(error, TaskError::Damaged { compression: c, .. } if c == compression), "{error}");
    }
    let error = error_of(&[&gzip(GOOD.as_bytes())[..], b"no second member of gzip"].concat());
    assert!(matches!(error, TaskError::Damaged { .. }), "{error}");
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_file() {
    let (first, second) = (format!("{GOOD}\n"), GOOD.replace('A', "B"));
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
    for file in [[gzip(first.as_bytes()), gzip(second.as_bytes())].concat(), [zstd(&first), zstd(&second)].concat()] {
        assert_eq!(all(&file, &ReadOptions::default()).unwrap().0.len(), 2);
    }
}

#[test]
fn a_file_that_is_none_of_the_formats() {
    for (file, beginning) in [
        (&b"problem,answer\nA,1\n"[..], "`problem,answer\\nA,1\\n`"),
        (b"PK\x03\x04\x1b[2J", "`PK\\u{3}\\u{4}\\u{1b}[2J`"),
        (b"3", "`3`"),
        (b"PAR", "`PAR`"),
        (b"\xff\xfe{\0", "`\u{fffd}\u{fffd}{\\0`"),
    ] {
        let error = error_of(file);
        assert!(matches!(error, TaskError::UnknownFormat { .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("it begins with {beginning}")), "{error}");
    }
    let blank = " ".repeat(3 << 20);
    assert!(matches!(error_of(blank.as_bytes()), TaskError::UnknownFormat { .. }));
}

#[test]
fn a_line_without_end_is_not_held() {
    let endless = std::io::Read::chain(&b"{\"problem\": \""[..], std::io::repeat(b'a'));
    let error = Reader::new(endless, NAME.as_ref(), &skipping()).unwrap().next().unwrap().unwrap_err();
    assert!(matches!(error, TaskError::TooLong { .. }), "{error}");
    assert_eq!(error.to_string(), "data.jsonl:1: longer than 64 MiB: expected a problem");
}

#[test]
fn nothing_follows_an_error() {
    let file = format!("{{}}\n{GOOD}");
    let mut reader = Reader::new(std::io::Cursor::new(file), NAME.as_ref(), &ReadOptions::default()).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_without_its_reader() {
    let error = error_of(b"PAR1");
    assert!(matches!(error, TaskError::NoParquet { .. }), "{error}");
}
