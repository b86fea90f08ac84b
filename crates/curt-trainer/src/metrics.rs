//! `metrics.jsonl`: one line of numbers per step, and one per evaluation.
//!
//! Steps count from 1. An evaluation after N steps is a line of its own behind that of step N, with the same `step` and with
//! names that begin with `eval/`; the one before training has step 0.
//!
//! `step` comes first and clocks (`time/…`) last, so that two runs can be compared by the part before them. Numbers are
//! written in the fewest digits that read back equal. A number that is not finite is written as `null`, which JSON can hold
//! and a reader sees as missing; it does not stop a run, because a metric is a record and not a decision.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

const CLOCK_PREFIX: &str = "time/";
const EVALUATION_PREFIX: &str = "eval/";

/// The metrics of one step, or of an evaluation after it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsRow {
    /// The step, from 1; 0 for the evaluation before the first.
    pub step: u32,
    /// Names and numbers in the order of the line; `None` where the number was not finite.
    pub values: Vec<(String, Option<f64>)>,
}

/// Why `metrics.jsonl` could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not a row of metrics.
    #[error("{}:{line}: not a row of metrics: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl MetricsRow {
    /// A row of these metrics: clocks last, all else in the order given, infinities and NaN as `None`.
    pub fn new(step: u32, metrics: &[(String, f64)]) -> Self {
        let (clocks, others): (Vec<_>, Vec<_>) = metrics.iter().partition(|(name, _)| name.starts_with(CLOCK_PREFIX));
        let value = |(name, number): &(String, f64)| (name.clone(), number.is_finite().then_some(*number));
        Self { step, values: others.into_iter().chain(clocks).map(value).collect() }
    }

    /// The number of that name; `None` where the row has none or it was not finite.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(n, _)| n == name).and_then(|(_, number)| *number)
    }

    /// Whether it is the row of an evaluation and not of a step.
    pub fn is_evaluation(&self) -> bool {
        self.values.iter().any(|(name, _)| name.starts_with(EVALUATION_PREFIX))
    }

    /// The row without what depends on the clock: equal runs have equal rows.
    pub fn without_clocks(mut self) -> Self {
        self.values.retain(|(name, _)| !name.starts_with(CLOCK_PREFIX));
        self
    }

    /// The row as a line of JSON, with its line end.
    pub fn to_line(&self) -> String {
        let mut object = Map::from_iter([("step".to_owned(), Value::from(self.step))]);
        object.extend(self.values.iter().map(|(name, number)| (name.clone(), Value::from(*number))));
        format!("{}\n", Value::Object(object))
    }

    fn parse(line: &str) -> Result<Self, String> {
        let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let step = object.get("step").and_then(Value::as_u64).and_then(|step| u32::try_from(step).ok());
        let step = step.ok_or("expected a whole number `step`")?;
        let number = |(name, value): (String, Value)| match (value.as_f64(), value.is_null()) {
            (None, false) => Err(format!("`{name}`: expected a number or null, found {value}")),
            (number, _) => Ok((name, number)),
        };
        let values = object.into_iter().filter(|(name, _)| name != "step").map(number).collect::<Result<_, _>>()?;
        Ok(Self { step, values })
    }
}

/// The rows of a `metrics.jsonl`, in order.
///
/// # Errors
/// An unreadable file, or a line (a torn last one after a crash too) that is not a row, by number.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricsRow>, MetricsError> {
    let text = std::fs::read_to_string(path).map_err(|source| MetricsError::Read { path: path.into(), source })?;
    parse(&text, path)
}

/// One line as a row; `None` where it is not one.
pub(crate) fn read_row(line: &str) -> Option<MetricsRow> {
    MetricsRow::parse(line).ok()
}

fn parse(text: &str, path: &Path) -> Result<Vec<MetricsRow>, MetricsError> {
    let row = |(index, line)| {
        MetricsRow::parse(line).map_err(|problem| MetricsError::Malformed { path: path.into(), line: index + 1, problem })
    };
    text.lines().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(metrics: &[(&str, f64)]) -> Vec<(String, f64)> {
        metrics.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
    }

    #[test]
    fn step_first_clocks_last_shortest_digits() {
        let row = MetricsRow::new(7, &named(&[("time/step_time", 0.5), ("reward", 0.1), ("loss", f64::NAN), ("eff/x", 3.0)]));
        assert_eq!(row.to_line(), "{\"step\":7,\"reward\":0.1,\"loss\":null,\"eff/x\":3.0,\"time/step_time\":0.5}\n");
        assert_eq!((row.get("reward"), row.get("loss"), row.get("nothing")), (Some(0.1), None, None));
        assert_eq!(row.without_clocks().to_line(), "{\"step\":7,\"reward\":0.1,\"loss\":null,\"eff/x\":3.0}\n");
    }

    #[test]
    fn malformed_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        for (text, expected) in [
            ("{\"step\":1}\n{\"step\":2,\"rew", "metrics.jsonl:2: not a row of metrics: EOF while parsing a string"),
            ("{\"reward\":1}\n", "metrics.jsonl:1: not a row of metrics: expected a whole number `step`"),
            ("{\"step\":1,\"a\":\"b\"}\n", "metrics.jsonl:1: not a row of metrics: `a`: expected a number or null, found \"b\""),
            ("[1]\n", "metrics.jsonl:1: not a row of metrics: invalid type: sequence, expected a map"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_metrics(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let missing = read_metrics(&folder.path().join("nothing.jsonl")).unwrap_err().to_string();
        assert!(missing.contains("nothing.jsonl: cannot be read"), "{missing}");
    }

    proptest! {
        #[test]
        fn written_rows_read_back_equal(
            rows in proptest::collection::vec(proptest::collection::btree_map("[a-z/@%\"é]{0,9}", any::<f64>(), 0..5), 0..5),
        ) {
            let rows: Vec<MetricsRow> = rows.into_iter().enumerate().map(|(step, metrics)| {
                MetricsRow::new(step as u32, &metrics.into_iter().filter(|(name, _)| name != "step").collect::<Vec<_>>())
            }).collect();
            let text: String = rows.iter().map(MetricsRow::to_line).collect();
            prop_assert_eq!(parse(&text, Path::new("metrics.jsonl")).unwrap(), rows);
        }
    }
}
