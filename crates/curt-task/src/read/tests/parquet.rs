//! Parquet: what is not whole or damaged is an error, never a panic that leaves the reader.

use std::io::Write;

use super::*;

fn bytes() -> Vec<u8> {
    std::fs::read(fixture("verl.parquet")).unwrap()
}

fn on_disk(bytes: &[u8]) -> Result<Vec<Problem>, TaskError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Reader::open(file.path(), &ReadOptions::default())?.collect()
}

#[test]
fn a_file_in_memory_is_read_as_on_disk() {
    let expected = on_disk(&bytes()).unwrap();
    assert_eq!(expected.len(), 5);
    assert_eq!(all(&bytes(), &ReadOptions::default()).unwrap().0, expected);
    let zstd = zstd::encode_all(&bytes()[..], 1).unwrap();
    assert_eq!(on_disk(&zstd).unwrap(), expected);
}

#[test]
fn truncated_parquet() {
    let bytes = bytes();
    for cut in [4, 12, bytes.len() / 2, bytes.len() - 1] {
        for result in [on_disk(&bytes[..cut]), all(&bytes[..cut], &ReadOptions::default()).map(|(problems, _)| problems)] {
            let error = result.unwrap_err();
            assert!(matches!(error, TaskError::Parquet { .. }), "{cut}: {error}");
            assert!(error.to_string().contains("damaged or not a parquet file: "), "{error}");
        }
    }
}

#[test]
fn rows_are_numbered() {
    let options = ReadOptions { fields: FieldNames { answer: Some("gold".into()), ..FieldNames::default() }, skip_bad: false };
    let error = all(&bytes(), &options).unwrap_err();
    let expected = "data.jsonl, row 1: no answer: expected a field `gold`, found `data_source`, `prompt`, ";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn nothing_that_is_damaged_panics_or_runs_on() {
    // the reader of parquet panics on some of these, which is not to be seen
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic_is_damaged_parquet() {
            hook(panic);
        }
    }));
    let whole = bytes();
    let (mut errors, mut read) = (0, 0);
    for place in 4..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= [0x01, 0x80, 0xff][place % 3];
        match all(&bytes, &ReadOptions { skip_bad: true, ..ReadOptions::default() }) {
            Ok((problems, _)) => {
                assert!(problems.len() <= 5, "byte {place}: {} problems", problems.len());
                read += 1;
            }
            Err(_) => errors += 1,
        }
    }
    let _ = std::panic::take_hook();
    assert!(errors > 300 && read > 300, "{errors} errors, {read} read");
}
