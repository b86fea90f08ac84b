//! A problem with its pass rate, as a row.

use curt_task::Problem;
use serde_json::{Map, Value, json};

/// The fields that a filter writes.
pub(super) const OWN: [&str; 3] = ["pass_rate", "n_trials", "pass_len_mean"];

/// What is written beside a problem; a field of `None` is left as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RowFacts {
    pub pass_rate: f64,
    pub n_trials: Option<u32>,
    /// `Some(None)`: no attempt was right.
    pub pass_len_mean: Option<Option<f64>>,
}

/// The row of a problem: ours, with its other fields.
pub(super) fn problem_row(problem: &Problem, facts: Option<&RowFacts>) -> Vec<u8> {
    let mut row = match json!(problem) {
        Value::Object(row) => row,
        // a problem is an object
        _ => Map::new(),
    };
    if let Some(facts) = facts {
        facts.write(&mut row);
    }
    bytes(row)
}

/// The row in `line` with these facts, which it holds already in part.
pub(super) fn rewritten(line: &str, facts: &RowFacts) -> Option<Vec<u8>> {
    let mut row: Map<String, Value> = serde_json::from_str(line).ok()?;
    facts.write(&mut row);
    Some(bytes(row))
}

fn bytes(row: Map<String, Value>) -> Vec<u8> {
    Value::Object(row).to_string().into_bytes()
}

impl RowFacts {
    fn write(&self, row: &mut Map<String, Value>) {
        row.insert(OWN[0].to_owned(), json!(self.pass_rate));
        if let Some(n) = self.n_trials {
            row.insert(OWN[1].to_owned(), json!(n));
        }
        match self.pass_len_mean {
            Some(Some(mean)) => _ = row.insert(OWN[2].to_owned(), json!(mean)),
            Some(None) => _ = row.shift_remove(OWN[2]),
            None => {}
        }
    }

    /// What to put in place of a row's last `}`, for a row that has none of these fields, or `pass_rate` alone if
    /// `has_rate`.
    pub fn tail(&self, has_rate: bool, into: &mut Vec<u8>) {
        into.clear();
        if !has_rate {
            into.extend_from_slice(b",\"pass_rate\":");
            into.extend_from_slice(json!(self.pass_rate).to_string().as_bytes());
        }
        if let Some(n) = self.n_trials {
            into.extend_from_slice(b",\"n_trials\":");
            into.extend_from_slice(n.to_string().as_bytes());
        }
        into.push(b'}');
    }
}
