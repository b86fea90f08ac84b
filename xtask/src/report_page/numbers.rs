//! The numbers of an opened page against the files of its runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use curt_trainer::metrics::read_metrics;
use serde_json::Value;

/// Curves of more steps than this are drawn as means.
const EXACT_STEPS: usize = 512;
/// Metrics that every run records and every page draws.
const DRAWN: [&str; 8] = [
    "completions/mean_length",
    "eff/accuracy",
    "eff/accuracy_in_budget",
    "entropy",
    "reward",
    "eff/len_correct_p50",
    "eff/len_wrong_p50",
    "grad_norm",
];

/// Values of each metric by step.
type Metrics = BTreeMap<String, Vec<(u32, f64)>>;

/// How many numbers of the page were found equal to those of the runs in these folders.
///
/// # Errors
/// One is not, or one that should be there is missing.
pub fn compare(seen: &Value, runs: &[PathBuf]) -> Result<usize> {
    let metrics = runs.iter().map(|run| metrics(run)).collect::<Result<Vec<_>>>()?;
    let events = runs.iter().map(|run| events(run)).collect::<Result<Vec<_>>>()?;
    let mut count = 0;
    let columns = seen["columns"].as_array().context("no columns")?;
    for (run, metrics) in metrics.iter().enumerate() {
        let run = run.to_string();
        for name in DRAWN.iter().filter(|name| metrics.contains_key(**name)) {
            let drawn = columns.iter().any(|column| column["metric"] == *name && column["run"] == run.as_str());
            ensure!(drawn, "{name} of run {run} is not drawn");
        }
    }
    for column in columns {
        let name = column["metric"].as_str().context("a column without a metric")?;
        let run: usize = column["run"].as_str().and_then(|run| run.parse().ok()).context("a column without a run")?;
        let expected = match name.strip_prefix("budgets of step ") {
            Some(step) => budgets(&events[run], step.parse()?),
            None => metrics[run].get(name).cloned().with_context(|| format!("{name}: no such metric"))?,
        };
        if expected.len() <= EXACT_STEPS {
            count += column_equals(column, &expected).with_context(|| name.to_owned())?;
        }
    }
    count += headline(seen, &metrics)?;
    if let [metrics] = &metrics[..] {
        count += every_metric(seen, metrics)?;
    }
    Ok(count)
}

fn metrics(run: &Path) -> Result<Metrics> {
    let mut metrics = Metrics::new();
    for row in read_metrics(&run.join("metrics.jsonl"))? {
        for (name, value) in row.values {
            if let Some(value) = value {
                metrics.entry(name).or_default().push((row.step, value));
            }
        }
    }
    Ok(metrics)
}

fn events(run: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(run.join("events.jsonl"))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// The budget curve of the evaluation after `step` steps.
fn budgets(events: &[Value], step: u32) -> Vec<(u32, f64)> {
    let evaluation = events.iter().rev().find(|event| event["event"] == "evaluation" && event["step"] == step);
    let rows = evaluation.and_then(|event| event["detail"]["budgets"].as_array()).into_iter().flatten();
    rows.filter_map(|row| Some((row["budget"].as_u64()? as u32, row["accuracy"].as_f64()?))).collect()
}

/// Every value of a column, in its attribute and in its text.
pub fn column_equals(column: &Value, expected: &[(u32, f64)]) -> Result<usize> {
    let rows = column["rows"].as_array().context("no rows")?;
    ensure!(rows.len() == expected.len(), "{} rows, expected {}", rows.len(), expected.len());
    for (row, (step, value)) in rows.iter().zip(expected) {
        let cell = |place: usize| row[place].as_str().unwrap_or_default();
        ensure!(cell(0) == step.to_string(), "step {}, expected {step}", cell(0));
        equals(cell(1), *value).with_context(|| format!("step {step}"))?;
        ensure!(reads_as(cell(2), *value), "step {step}: `{}` is written for {value}", cell(2));
    }
    Ok(rows.len())
}

/// The cards against the rows of evaluations: the first is before, the last after.
fn headline(seen: &Value, metrics: &[Metrics]) -> Result<usize> {
    let mut count = 0;
    for (key, suffix) in [("mean_length", "/mean_length"), ("mean_at_k", "/mean@")] {
        let of_run = |metrics: &Metrics| {
            let is_wanted = |name: &&String| {
                let own = name.strip_prefix("eval/").filter(|own| !own.contains("/budget_"));
                own.is_some_and(|own| own.ends_with(suffix) || (suffix.ends_with('@') && own.contains(suffix)))
            };
            metrics.keys().find(is_wanted).map(|name| metrics[name].clone())
        };
        for (run, values) in metrics.iter().map(of_run).enumerate() {
            let values = values.with_context(|| format!("no evaluation has {suffix}"))?;
            let (first, last) = (values.first().context("no value")?.1, values.last().context("no value")?.1);
            let cards = seen["headline"].as_array().context("no cards")?.iter().filter(|card| card["key"] == key);
            let cards: Vec<&Value> = cards.collect();
            if metrics.len() == 1 {
                for (end, expected) in [("before", first), ("after", last)] {
                    let card = cards.iter().find(|card| card["end"] == end).with_context(|| format!("no card {key} {end}"))?;
                    equals(card["value"].as_str().unwrap_or_default(), expected).with_context(|| format!("{key} {end}"))?;
                    ensure!(reads_as(card["text"].as_str().unwrap_or_default(), expected), "{key} {end}: {card}");
                    count += 1;
                }
            } else {
                let card = cards.get(run).with_context(|| format!("no cell {key} of run {run}"))?;
                equals(card["value"].as_str().unwrap_or_default(), last).with_context(|| format!("{key} of run {run}"))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// The table of every metric: how many values, the first, the last, the lowest, the highest.
fn every_metric(seen: &Value, metrics: &Metrics) -> Result<usize> {
    let rows = seen["all"].as_array().context("no table of every metric")?;
    ensure!(rows.len() == metrics.len(), "{} metrics in the table, {} in the file", rows.len(), metrics.len());
    for row in rows {
        let name = row["metric"].as_str().unwrap_or_default();
        let values = metrics.get(name).with_context(|| format!("{name}: no such metric"))?;
        let found: Vec<&str> = row["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let numbers = || values.iter().map(|(_, value)| *value);
        let expected = [
            values.len() as f64,
            values[0].1,
            values[values.len() - 1].1,
            numbers().fold(f64::INFINITY, f64::min),
            numbers().fold(f64::NEG_INFINITY, f64::max),
        ];
        ensure!(found.len() == expected.len(), "{name}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            equals(found, expected).with_context(|| name.to_owned())?;
        }
    }
    Ok(5 * rows.len())
}

pub fn equals(found: &str, expected: f64) -> Result<()> {
    let number: f64 = found.parse().with_context(|| format!("`{found}` is no number"))?;
    ensure!(number.to_bits() == expected.to_bits() || number == expected, "{found}, expected {expected}");
    Ok(())
}

/// Whether a number is written as `text`, rounded to the digits that it has.
pub fn reads_as(text: &str, value: f64) -> bool {
    let plain = text.replace(',', "").replace('\u{2212}', "-");
    let (mantissa, exponent) = plain.split_once('e').unwrap_or((&plain, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, after)| after.len()) as i32;
    let (Ok(number), Ok(exponent)) = (plain.parse::<f64>(), exponent.parse::<i32>()) else { return false };
    let unit = libm::exp10(f64::from(exponent - decimals));
    (number - value).abs() <= 0.5 * unit * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_as_exact_as_they_are_written() {
        for (text, value) in
            [("83.0", 82.97), ("0.662", 0.66232), ("10,448", 10448.4), ("1.23e-4", 1.2345e-4), ("\u{2212}0.5", -0.5)]
        {
            assert!(reads_as(text, value), "{text} {value}");
        }
        for (text, value) in [("83.0", 82.9), ("0.662", 0.6631), ("", 1.0), ("1.23e-4", 1.29e-4)] {
            assert!(!reads_as(text, value), "{text} {value}");
        }
    }

    #[test]
    fn a_column_is_compared_value_by_value() {
        let column = |second: &str| json!({"rows": [["1", "0.5", "0.500"], ["2", second, second]]});
        let expected = [(1, 0.5), (2, 0.25)];
        assert_eq!(column_equals(&column("0.25"), &expected).unwrap(), 2);
        column_equals(&column("0.250000001"), &expected).unwrap_err();
        column_equals(&column("0.25"), &expected[..1]).unwrap_err();
    }

    #[test]
    fn budgets_are_those_of_the_newest_evaluation_of_a_step() {
        let event = |accuracy: f64| json!({"event": "evaluation", "step": 3, "detail": {"budgets": [{"budget": 16, "accuracy": accuracy}]}});
        assert_eq!(budgets(&[event(0.25), event(0.5)], 3), [(16, 0.5)]);
        assert!(budgets(&[event(0.25)], 4).is_empty());
    }
}
