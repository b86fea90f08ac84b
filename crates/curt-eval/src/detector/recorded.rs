//! Recorded runs, read again: the table of docs/alarms.md, row by row.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::alarm::AlarmSettings;

/// Runs in which something goes wrong; in all others nothing may be told.
const TROUBLED: [&str; 3] = ["minus_i", "s16_fast", "weak_hard"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Name, seed and rows of each recorded run, by name.
fn recorded() -> Vec<(String, String, Vec<Observation>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("fixtures/alarms")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let run = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().rsplit_once("-seed").unwrap();
        let text = fs::read_to_string(file).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (name.0.to_owned(), name.1.to_owned(), rows)
    };
    files.iter().map(run).collect()
}

/// What is said of the rows: states and alarms, each with the step at which it is told.
fn told(rows: &[Observation]) -> (Vec<String>, Vec<(Alarm, u32)>) {
    let mut detector = Detector::new(AlarmSettings::default(), RunFacts::default());
    let (mut states, mut alarms) = (Vec::new(), Vec::new());
    for row in rows {
        let found = detector.observe(row);
        states.extend(found.stage.map(|change| format!("{} {}", change.state.word(), row.step)));
        alarms.extend(found.alarms.iter().map(|raised| (raised.alarm, row.step)));
    }
    (states, alarms)
}

#[test]
fn the_page_says_what_is_told_of_recorded_runs() {
    let page = fs::read_to_string(root().join("docs/alarms.md")).unwrap();
    let mut table = String::new();
    for (name, seed, rows) in recorded() {
        let (states, alarms) = told(&rows);
        let alarms: Vec<String> = alarms.iter().map(|(alarm, step)| format!("`{}` {step}", alarm.word())).collect();
        let alarms = if alarms.is_empty() { "–".to_owned() } else { alarms.join(", ") };
        table += &format!("| {name} | {seed} | {} | {} | {alarms} |\n", rows.len(), states[1..].join(", "));
    }
    assert!(page.contains(&table), "docs/alarms.md should have\n{table}");
}

#[test]
fn sound_runs_raise_no_alarm_and_troubled_ones_do() {
    let runs = recorded();
    assert!(runs.len() >= 8, "{}", runs.len());
    for (name, seed, rows) in runs {
        let (_, alarms) = told(&rows);
        assert_eq!(!alarms.is_empty(), TROUBLED.contains(&name.as_str()), "{name}, seed {seed}: {alarms:?}");
    }
}

#[test]
fn the_page_gives_each_state_its_code() {
    let page = fs::read_to_string(root().join("docs/alarms.md")).unwrap();
    let states = [Stage::Adapting, Stage::Refining, Stage::Rebound, Stage::Collapsing, Stage::Exploding];
    for (code, state) in states.into_iter().enumerate() {
        assert_eq!(usize::from(state.code()), code);
        let row = format!("| `{}` | {code} | ", state.word());
        assert!(page.contains(&row), "docs/alarms.md has no row {row}");
    }
}
