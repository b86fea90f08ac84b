//! Which problems it is that changed.

use curt_eval::DifficultyRow;

use crate::chart::{Line, LineChart, Mark, PairedChart, PairedRow, Range};
use crate::number::Unit;
use crate::run::Run;

/// The section.
pub fn html(runs: &[Run]) -> String {
    let charts = match runs {
        [run] => of_run(run),
        runs => of_runs(runs),
    };
    if charts.is_empty() { charts } else { format!("<div class=\"charts\">\n{charts}</div>\n") }
}

fn of_run(run: &Run) -> String {
    let (before, after) = match run.events.before_and_after() {
        Some((before, after)) => (Some(before), after),
        None => match run.events.newest() {
            Some(only) => (None, only),
            None => return String::new(),
        },
    };
    let k = after.summary.samples_per_problem;
    let ends = ["before".to_owned(), format!("after step {}", after.step)];
    let rows = |color: usize, value: fn(&DifficultyRow) -> f64| -> Vec<PairedRow> {
        let old = |difficulty: u32| before?.summary.by_difficulty.iter().find(|row| row.difficulty == difficulty).map(value);
        let rows = after.summary.by_difficulty.iter();
        rows.map(|row| PairedRow { name: row.difficulty.to_string(), color, before: old(row.difficulty), after: value(row) })
            .collect()
    };
    let chart = |id, title: &str, unit, most, rows| {
        PairedChart { id, title, unit, row_name: "difficulty", most, ends: ends.clone(), rows }.html()
    };
    chart("difficulty-accuracy", &format!("Mean@{k}"), Unit::Share, 1.0, rows(0, |row| row.mean_at_k))
        + &chart("difficulty-length", "Mean length", Unit::Tokens, 0.0, rows(3, |row| row.mean_length))
}

/// The newest evaluation of each run.
fn of_runs(runs: &[Run]) -> String {
    let chart = |id: &str, title: &str, unit, range, value: fn(&DifficultyRow) -> f64| {
        let line = |(color, run): (usize, &Run)| {
            let rows = &run.events.newest()?.summary.by_difficulty;
            let mark = |row: &DifficultyRow| Mark {
                x: row.difficulty.into(),
                first: row.difficulty.into(),
                y: value(row),
                around: None,
            };
            Some(Line { name: run.name.clone(), metric: None, color, is_dashed: false, marks: rows.iter().map(mark).collect() })
        };
        LineChart {
            id,
            title,
            unit,
            x_name: "difficulty",
            is_log: false,
            range,
            lines: runs.iter().enumerate().filter_map(line).collect(),
            bands: &[],
            target: None,
            note: None,
        }
        .html()
    };
    chart("difficulty-accuracy", "Accuracy at the newest evaluation", Unit::Share, Range::Share, |row| row.mean_at_k)
        + &chart("difficulty-length", "Mean length at the newest evaluation", Unit::Tokens, Range::FromZero, |row| {
            row.mean_length
        })
}
