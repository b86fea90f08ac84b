use std::fs;

use super::*;
use crate::FieldNames;

/// A folder with files of problems; a problem is a letter, its answer the same letter in capitals.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, letters) in files {
        let lines: Vec<String> =
            letters.chars().map(|c| format!("{{\"problem\": \"{c}\", \"answer\": \"{}\"}}", c.to_uppercase())).collect();
        fs::write(folder.path().join(name), lines.join("\n")).unwrap();
    }
    folder
}

fn source(folder: &tempfile::TempDir, pattern: &str, weight: f64) -> Source {
    Source { weight, ..Source::new(folder.path().join(pattern)) }
}

fn read(sources: &[Source]) -> Result<Mix, TaskError> {
    read_sources(sources, &ReadOptions::default())
}

/// The problems of a mix, in its order.
fn letters(mix: &Mix) -> String {
    let letter = |place: &usize| match &mix.problems[*place].prompt {
        crate::Prompt::Text(text) => text.clone(),
        crate::Prompt::Messages(_) => String::new(),
    };
    mix.order.iter().map(letter).collect()
}

#[test]
fn one_file_is_read_in_its_order() {
    let folder = folder(&[("a.jsonl", "cab")]);
    let mix = read(&[source(&folder, "a.jsonl", 1.0)]).unwrap();
    assert_eq!((letters(&mix), mix.files.len()), ("cab".into(), 1));
    assert_eq!(mix.files[0].report.problems, 3);
}

#[test]
fn a_pattern_means_its_files_by_name() {
    let folder = folder(&[("b.jsonl", "cd"), ("a.jsonl", "ab"), ("c.txt", "x")]);
    assert_eq!(letters(&read(&[source(&folder, "*.jsonl", 1.0)]).unwrap()), "abcd");
    assert_eq!(letters(&read(&[source(&folder, "[bc].*", 1.0)]).unwrap()), "cdx");
}

#[test]
fn a_file_of_that_very_name_goes_first() {
    let folder = folder(&[("a[1].jsonl", "x"), ("a1.jsonl", "y")]);
    assert_eq!(letters(&read(&[source(&folder, "a[1].jsonl", 1.0)]).unwrap()), "x");
}

#[test]
fn a_glob_that_matches_nothing() {
    let folder = folder(&[("a.jsonl", "a")]);
    fs::create_dir(folder.path().join("d.json")).unwrap();
    for pattern in ["*.parquet", "?.json", "none/**/*.jsonl"] {
        let error = read(&[source(&folder, pattern, 1.0)]).unwrap_err();
        assert!(matches!(error, TaskError::NoMatch { .. }), "{error}");
        assert!(error.to_string().ends_with("no file matches"), "{error}");
    }
    // a name without pattern is a file that is not there
    assert!(matches!(read(&[source(&folder, "none.jsonl", 1.0)]), Err(TaskError::Read { .. })));
}

#[test]
fn a_pattern_that_is_none() {
    let error = read(&[Source::new("a[.jsonl")]).unwrap_err();
    assert!(matches!(error, TaskError::Pattern { .. }), "{error}");
}

#[test]
fn weights_say_how_often_a_problem_stands_in_the_mix() {
    let folder = folder(&[("a.jsonl", "abcdefgh"), ("b.jsonl", "xy")]);
    let mixed = |a: f64, b: f64| letters(&read(&[source(&folder, "a.jsonl", a), source(&folder, "b.jsonl", b)]).unwrap());
    let sorted = |text: String| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters.into_iter().collect::<String>()
    };
    assert_eq!(mixed(1.0, 1.0), "abxcdefygh");
    assert_eq!(mixed(1.0, 2.0), "axbcydexfgyh");
    assert_eq!(mixed(0.0, 1.0), "xy");
    assert_eq!(mixed(0.0, 0.0), "");
    let quarter = sorted(mixed(0.25, 0.0));
    assert_eq!(quarter.len(), 2);
    // a larger share holds the smaller one
    let half = sorted(mixed(0.5, 0.0));
    assert_eq!(half.len(), 4);
    assert!(quarter.chars().all(|c| half.contains(c)), "{quarter} {half}");
    assert_eq!(sorted(mixed(1.5, 0.0)), sorted(format!("abcdefgh{half}")));
}

#[test]
fn a_share_does_not_depend_on_the_order_of_the_file() {
    let folder = folder(&[("a.jsonl", "abcdefgh"), ("b.jsonl", "hgfedcba")]);
    let chosen = |name: &str| letters(&read(&[source(&folder, name, 0.5)]).unwrap());
    assert_eq!(chosen("a.jsonl"), chosen("b.jsonl").chars().rev().collect::<String>());
}

#[test]
fn a_weight_that_says_nothing() {
    let folder = folder(&[("a.jsonl", "a")]);
    for weight in [-0.5, f64::NAN, f64::INFINITY, 1000.5] {
        let error = read(&[source(&folder, "a.jsonl", weight)]).unwrap_err();
        assert!(matches!(error, TaskError::Weight { .. }), "{error}");
    }
}

#[test]
fn a_problem_of_two_files_counts_once() {
    let folder = folder(&[("a.jsonl", "ab"), ("b.jsonl", "bc")]);
    let mix = read(&[source(&folder, "*.jsonl", 1.0)]).unwrap();
    assert_eq!(letters(&mix), "abc");
    assert_eq!(mix.files.iter().map(|file| file.elsewhere).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_id_of_two_files_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (name, problem) in [("a.jsonl", "p"), ("b.jsonl", "q")] {
        fs::write(folder.path().join(name), format!("{{\"id\": 7, \"problem\": \"{problem}\", \"answer\": 1}}")).unwrap();
    }
    let ids: Vec<String> = read(&[source(&folder, "*", 1.0)]).unwrap().problems.into_iter().map(|problem| problem.id).collect();
    assert_eq!(ids, ["7".to_owned(), format!("{}/7", folder.path().join("b.jsonl").display())]);
}

#[test]
fn the_name_of_a_source_is_for_problems_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "{\"problem\": \"a\", \"answer\": 1, \"source\": \"own\"}\n{\"problem\": \"b\", \"answer\": 1}";
    fs::write(folder.path().join("a.jsonl"), lines).unwrap();
    let named = Source { name: Some("given".into()), ..source(&folder, "a.jsonl", 1.0) };
    let sources: Vec<String> = read(&[named]).unwrap().problems.into_iter().map(|problem| problem.source).collect();
    assert_eq!(sources, ["own", "given"]);
}

#[test]
fn options_hold_for_every_file() {
    let folder = folder(&[("a.jsonl", "a")]);
    let fields = FieldNames { answer: Some("gold".into()), ..FieldNames::default() };
    let error = read_sources(&[source(&folder, "*", 1.0)], &ReadOptions { fields, skip_bad: false }).unwrap_err();
    assert!(matches!(error, TaskError::MissingField { .. }), "{error}");
}
