//! `metrics.jsonl`: a curve for each name, however long the run is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::curve::Curve;
use crate::error::ReportError;
use crate::line_reader::read_lines;

/// Names that are kept, at most; a run has some fifty.
const MAX_NAMES: usize = 400;

/// The curves of a run.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By name.
    pub curves: BTreeMap<String, Curve>,
    /// The last step.
    pub steps: u32,
    /// Rows, those of evaluations too.
    pub rows: u64,
    /// Whether the last line is cut off, as a kill leaves it.
    pub torn: bool,
    /// Rows whose step is not behind that of earlier ones.
    pub repeated: u64,
    /// Names beyond [`MAX_NAMES`].
    pub left_out: u64,
}

impl Metrics {
    /// The curve of that name, if it has a value.
    pub fn curve(&self, name: &str) -> Option<&Curve> {
        self.curves.get(name).filter(|curve| curve.values() > 0)
    }

    fn add(&mut self, row: Row) {
        self.rows += 1;
        self.steps = self.steps.max(row.step);
        let mut fresh = true;
        for (name, value) in row.values {
            if let Some(curve) = self.curves.get_mut(&name) {
                fresh &= curve.push(row.step, value);
            } else if self.curves.len() < MAX_NAMES {
                self.curves.entry(name).or_default().push(row.step, value);
            } else {
                self.left_out += 1;
            }
        }
        self.repeated += u64::from(!fresh);
    }
}

/// The metrics of a file; none where there is no file.
///
/// # Errors
/// It cannot be read, or a line that is not the torn last one is no row.
pub fn read(path: &Path) -> Result<Metrics, ReportError> {
    let mut metrics = Metrics::default();
    metrics.torn = read_lines(path, "no row of metrics", |line: Row| metrics.add(line))?;
    Ok(metrics)
}

/// A line: its step, and its numbers by name.
struct Row {
    step: u32,
    values: Vec<(String, Option<f64>)>,
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a whole number `step`, and numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let (mut step, mut values) = (None, Vec::with_capacity(64));
        while let Some(name) = map.next_key::<String>()? {
            if name == "step" {
                step = Some(map.next_value()?);
            } else {
                values.push((name, map.next_value()?));
            }
        }
        let step = step.ok_or_else(|| serde::de::Error::missing_field("step"))?;
        Ok(Row { step, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Metrics, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn rows_become_curves() {
        let text = "{\"step\":1,\"reward\":0.5,\"loss\":null}\n{\"step\":1,\"eval/x/mean@8\":0.25}\n{\"step\":2,\"reward\":1}\n";
        let metrics = parsed(text).unwrap();
        let values = |name: &str| metrics.curves[name].points().iter().map(|p| (p.first, p.value())).collect::<Vec<_>>();
        assert_eq!(values("reward"), [(1, 0.5), (2, 1.0)]);
        assert_eq!(values("eval/x/mean@8"), [(1, 0.25)]);
        assert!(metrics.curve("loss").is_none() && metrics.curves["loss"].missing() == 1);
        assert_eq!((metrics.steps, metrics.rows, metrics.torn, metrics.repeated), (2, 3, false, 0));
    }

    #[test]
    fn metrics_cut_in_mid_line_are_tolerated_and_said() {
        let metrics = parsed("{\"step\":1,\"reward\":0.5}\n{\"step\":2,\"rew").unwrap();
        assert!(metrics.torn && metrics.rows == 1);
        // the whole line without its end is a line
        assert!(!parsed("{\"step\":1,\"reward\":0.5}").unwrap().torn);
    }

    #[test]
    fn a_line_that_is_no_row_is_named() {
        for (text, expected) in [
            ("{\"step\":1}\nhello\n{\"step\":2}\n", "metrics.jsonl:2: no row of metrics: expected value"),
            ("{\"reward\":1}\n", "metrics.jsonl:1: no row of metrics: missing field `step`"),
            ("{\"step\":1,\"a\":\"b\"}\n", "metrics.jsonl:1: no row of metrics: invalid type: string \"b\", expected f64"),
            ("{\"step\":-1}\n", "metrics.jsonl:1: no row of metrics: invalid value: integer `-1`"),
            ("[1]\n", "metrics.jsonl:1: no row of metrics: invalid type: sequence"),
            ("\u{0}\n", "metrics.jsonl:1: no row of metrics"),
        ] {
            let error = parsed(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn rows_that_repeat_a_step_are_counted() {
        let metrics = parsed("{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":2,\"a\":3}\n").unwrap();
        assert_eq!((metrics.repeated, metrics.curves["a"].values()), (1, 2));
    }

    #[test]
    fn names_are_bounded() {
        let row: Vec<String> = (0..MAX_NAMES + 5).map(|i| format!("\"m{i}\":1")).collect();
        let metrics = parsed(&format!("{{\"step\":1,{}}}\n", row.join(","))).unwrap();
        assert_eq!((metrics.curves.len(), metrics.left_out), (MAX_NAMES, 5));
    }
}
