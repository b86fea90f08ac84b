//! The numbers of an opened page against the `eval.json` that it is made of.

use anyhow::{Context, Result, ensure};
use curt_eval::{Difference, EvalComparison, EvalEntry, EvalReport};
use serde_json::Value;

use super::numbers::{column_equals, equals, reads_as};

/// How many numbers of the page were found equal to those of `report`, the content of an `eval.json` of one set of problems.
///
/// # Errors
/// One is not, or one that should be there is missing.
pub fn compare(seen: &Value, report: &Value) -> Result<usize> {
    let report: EvalReport = serde_json::from_value(report.clone()).context("no evaluation")?;
    let mut count = 0;
    for (number, entry) in report.entries.iter().enumerate() {
        for (metric, expected) in curves(entry) {
            let column = column(seen, metric, number).with_context(|| format!("{metric} of model {number}"))?;
            count += column_equals(column, &expected).with_context(|| format!("{metric} of model {number}"))?;
        }
    }
    let tables = seen["evaluations"].as_array().context("no tables")?;
    let (models, comparisons) = tables.split_first().context("no table of models")?;
    count += table_equals(models, &report.entries.iter().map(of_model).collect::<Vec<_>>()).context("the table of models")?;
    ensure!(comparisons.len() == report.comparisons.len(), "{} tables of comparisons", comparisons.len());
    for (table, comparison) in comparisons.iter().zip(&report.comparisons) {
        count += table_equals(table, &of_comparison(comparison)).context("the table of a comparison")?;
    }
    Ok(count)
}

/// The lines that are drawn of a model, by the names of their columns.
fn curves(entry: &EvalEntry) -> Vec<(&'static str, Vec<(u32, f64)>)> {
    let mut curves = vec![("strict", entry.budgets.iter().map(|row| (row.budget, row.strict)).collect())];
    for (name, lengths) in [("lengths/right", &entry.lengths.correct), ("lengths/wrong", &entry.lengths.wrong)] {
        curves.extend(lengths.iter().map(|found| (name, found.ecdf.iter().map(|point| (point.length, point.share)).collect())));
    }
    curves
}

fn column<'a>(seen: &'a Value, metric: &str, number: usize) -> Result<&'a Value> {
    let number = number.to_string();
    let mut columns = seen["columns"].as_array().into_iter().flatten();
    columns.find(|column| column["metric"] == metric && column["run"] == number.as_str()).context("is not drawn")
}

/// A cell: a number, or two with a word between them, or nothing known.
type Cell = Vec<f64>;

/// What stands in the row of a model.
fn of_model(entry: &EvalEntry) -> Vec<Cell> {
    let summary = &entry.summary;
    let last = |at: &[curt_eval::PassAt]| at.last().map(|at| at.value).into_iter().collect();
    vec![
        vec![summary.problems as f64],
        vec![summary.samples_per_problem as f64],
        [Some(summary.mean_at_k), summary.standard_error].into_iter().flatten().collect(),
        last(&summary.pass_at),
        last(&entry.majority_at),
        vec![summary.length.mean],
        vec![summary.truncation_rate],
        entry.tokens_per_correct.into_iter().collect(),
        vec![entry.areas.budget_auc],
    ]
}

/// What stands in the rows of a comparison.
fn of_comparison(comparison: &EvalComparison) -> Vec<Vec<Cell>> {
    let row = |found: &Difference| {
        let (paired, bootstrap) = (&found.paired, &found.bootstrap);
        vec![vec![paired.mean], vec![paired.low, paired.high], vec![bootstrap.low, bootstrap.high]]
    };
    let first = [&comparison.accuracy, &comparison.pass_at_k, &comparison.length];
    let solved = comparison.solved_length.iter().map(|solved| &solved.difference);
    first.into_iter().chain(solved).chain(comparison.budgets.iter().map(|at| &at.strict)).map(row).collect()
}

fn table_equals(table: &Value, expected: &[Vec<Cell>]) -> Result<usize> {
    let rows = table.as_array().context("no rows")?;
    ensure!(rows.len() == expected.len(), "{} rows, expected {}", rows.len(), expected.len());
    let mut count = 0;
    for (row, expected) in rows.iter().zip(expected) {
        let cells = row["cells"].as_array().context("no cells")?;
        ensure!(cells.len() == expected.len(), "{}: {} cells, expected {}", row["name"], cells.len(), expected.len());
        for (cell, expected) in cells.iter().zip(expected) {
            count += cell_equals(cell, expected).with_context(|| row["name"].to_string())?;
        }
    }
    Ok(count)
}

/// The attribute of a cell holds its first number to the last bit, where it has one; its text holds all.
fn cell_equals(cell: &Value, expected: &[f64]) -> Result<usize> {
    let (exact, text) = (cell[0].as_str().unwrap_or_default(), cell[1].as_str().unwrap_or_default());
    if let (false, Some(first)) = (exact.is_empty(), expected.first()) {
        equals(exact, *first)?;
    }
    let written: Vec<&str> = text.split_whitespace().filter(|word| !["to", "\u{b1}", "\u{2013}"].contains(word)).collect();
    ensure!(written.len() == expected.len(), "`{text}` is written for {expected:?}");
    for (word, number) in written.iter().zip(expected) {
        ensure!(reads_as(word, *number), "`{word}` is written for {number}");
    }
    Ok(expected.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_compared_by_attribute_and_text() {
        assert_eq!(cell_equals(&json!(["0.25", "0.250 \u{b1} 0.031"]), &[0.25, 0.03125]).unwrap(), 2);
        assert_eq!(cell_equals(&json!(["", "\u{2212}0.1 to +3.4"]), &[-0.12, 3.4]).unwrap(), 2);
        assert_eq!(cell_equals(&json!(["", "\u{2013}"]), &[]).unwrap(), 0);
        for (cell, expected) in [
            (json!(["0.25", "0.250"]), &[0.2500001][..]),
            (json!(["0.25", "0.260"]), &[0.25]),
            (json!(["", "0.1 to 0.3"]), &[0.1, 0.2]),
            (json!(["", "\u{2013}"]), &[0.5]),
            (json!(["0.5", "0.500"]), &[]),
        ] {
            assert!(cell_equals(&cell, expected).is_err(), "{cell} {expected:?}");
        }
    }

    #[test]
    fn a_table_has_every_row() {
        let table = json!([{"name": "a", "cells": [["0.5", "0.500"], ["", "12"]]}]);
        assert_eq!(table_equals(&table, &[vec![vec![0.5], vec![12.0]]]).unwrap(), 2);
        table_equals(&table, &[]).unwrap_err();
        table_equals(&table, &[vec![vec![0.5]]]).unwrap_err();
    }
}
