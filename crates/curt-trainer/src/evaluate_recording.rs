//! Recorded samples → what an evaluation needs of them, whoever recorded them.

use std::collections::BTreeMap;
use std::io::BufRead;

use curt_eval::{ProblemSamples, answer_numbers};
use serde::Deserialize;
use serde_json::Value;

use crate::evaluate_file::EvalFileError;

/// Words by which trainers and servers say that a completion was cut off rather than ended: curt's own two, then others'.
const CUT: [&str; 5] = ["budget", "context", "length", "max_length", "max_tokens"];

/// The fields that are read; a row may have any others. Those of [`crate::EvalRow`], of curt's records of training, and the
/// short form of any trainer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    model: Option<String>,
    data: Option<String>,
    group: Option<Value>,
    prompt_id: Option<Value>,
    problem_key: Option<Value>,
    occurrence: Option<u32>,
    step: Option<u64>,
    difficulty: Option<u32>,
    cluster: Option<Value>,
    correct: Option<bool>,
    length: Option<u32>,
    truncated: Option<bool>,
    finish_reason: Option<String>,
    answer_at: Option<u32>,
    answer_extracted: Option<String>,
}

/// The samples of one problem, as they are read.
#[derive(Debug, Default)]
struct Problem {
    facts: ProblemSamples,
    answers: Vec<Option<String>>,
}

/// The samples of each model on each set of problems.
#[derive(Debug, Default)]
pub struct Recording {
    /// By the order in which models and sets came.
    entries: Vec<RecordedEntry>,
}

/// The samples of one model on one set.
#[derive(Debug)]
struct RecordedEntry {
    model: String,
    data: String,
    problems: BTreeMap<String, Problem>,
}

/// What a [`Recording`] holds of one model on one set of problems.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSamples {
    /// The model's label.
    pub model: String,
    /// The label of the problems.
    pub data: String,
    /// Its problems, by name.
    pub problems: Vec<ProblemSamples>,
}

impl Recording {
    /// Adds the rows of `lines`; `source` stands in errors, `model` and `data` are the labels of rows that have none.
    /// Rows need not stand in any order; rows of different training steps are different problems. Empty lines are passed over.
    ///
    /// # Errors
    /// A line that is no row, by its number; lines that cannot be read.
    pub fn read(&mut self, source: &str, model: &str, data: &str, mut lines: impl BufRead) -> Result<(), EvalFileError> {
        let mut text = String::new();
        for line in 1.. {
            text.clear();
            let read = lines.read_line(&mut text);
            let read = read.map_err(|error| EvalFileError::Io { path: source.into(), source: error })?;
            if read == 0 {
                break;
            }
            if !text.trim().is_empty() {
                let bad = |problem| EvalFileError::Row { file: source.to_owned(), line, problem };
                self.add(&text, model, data).map_err(bad)?;
            }
        }
        Ok(())
    }

    /// Adds one row; the error says what is wrong with it.
    pub(crate) fn add(&mut self, text: &str, model: &str, data: &str) -> Result<(), String> {
        if !text.trim_start().starts_with('{') {
            // an array would be read as the fields in their order
            return Err("expected a JSON object".to_owned());
        }
        let parsed = serde_json::from_str::<Row>(text.trim_end());
        let row = parsed.map_err(|error| error.to_string().replace(" at line 1 column ", " at column "))?;
        let missing = |field: &str, expected: &str| format!("the field `{field}` is missing; expected {expected}");
        let name = row.name().ok_or_else(|| missing("group", "a number or a word that all samples of a problem share"))?;
        let correct = row.correct.ok_or_else(|| missing("correct", "true or false"))?;
        let expected = "the number of completion tokens, the stop token included";
        let length = row.length.ok_or_else(|| missing("length", expected))?;
        if let Some(at) = row.answer_at.filter(|at| *at > length) {
            return Err(format!("`answer_at` is {at}, and `length` is {length}"));
        }
        let entry = self.entry(row.model.as_deref().unwrap_or(model), row.data.as_deref().unwrap_or(data));
        let problem = entry.problems.entry(name.clone()).or_default();
        let facts = &mut problem.facts;
        if facts.lengths.is_empty() {
            facts.problem = name;
            facts.difficulty = row.difficulty;
            facts.key = row.problem_key.as_ref().map(plain);
            facts.cluster = row.cluster.as_ref().map(plain);
        }
        facts.lengths.push(length);
        facts.correct.push(correct);
        facts.finished.push(!row.is_cut());
        facts.answer_at.push(row.answer_at);
        problem.answers.push(row.answer_extracted);
        Ok(())
    }

    fn entry(&mut self, model: &str, data: &str) -> &mut RecordedEntry {
        let place = self.entries.iter().position(|entry| entry.model == model && entry.data == data);
        let place = place.unwrap_or_else(|| {
            let (model, data) = (model.to_owned(), data.to_owned());
            self.entries.push(RecordedEntry { model, data, problems: BTreeMap::new() });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }

    /// What was read, in the order in which models and sets came.
    pub fn finish(self) -> Vec<RecordedSamples> {
        let of = |entry: RecordedEntry| RecordedSamples {
            model: entry.model,
            data: entry.data,
            problems: entry.problems.into_values().map(Problem::finish).collect(),
        };
        self.entries.into_iter().map(of).collect()
    }
}

impl Problem {
    fn finish(self) -> ProblemSamples {
        let mut facts = self.facts;
        if facts.answer_at.iter().all(Option::is_none) {
            facts.answer_at = Vec::new();
        }
        if self.answers.iter().any(Option::is_some) {
            facts.answers = answer_numbers(self.answers.iter().map(Option::as_deref));
        }
        facts
    }
}

impl Row {
    /// The name of its problem: `group`, else curt's `prompt_id` or `problem_key` with the occurrence in the step; with the step,
    /// where there is one.
    fn name(&self) -> Option<String> {
        let mut name = plain(self.group.as_ref().or(self.prompt_id.as_ref()).or(self.problem_key.as_ref())?);
        if let Some(occurrence) = self.occurrence.filter(|occurrence| *occurrence > 0 && self.group.is_none()) {
            name = format!("{name}#{occurrence}");
        }
        Some(self.step.map_or(name.clone(), |step| format!("step {step}: {name}")))
    }

    fn is_cut(&self) -> bool {
        self.truncated.unwrap_or_else(|| self.finish_reason.as_ref().is_some_and(|reason| CUT.contains(&reason.as_str())))
    }
}

/// A word without its quotes, anything else as JSON writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<RecordedSamples>, EvalFileError> {
        let mut recording = Recording::default();
        recording.read("rows.jsonl", "model", "set", text.as_bytes())?;
        Ok(recording.finish())
    }

    #[test]
    fn rows_of_any_order_become_problems() {
        let rows = r#"
{"group": "b", "correct": true, "length": 9, "truncated": false, "answer_at": 4, "answer_extracted": "1/2", "difficulty": 3}
{"group": 7, "correct": false, "length": 16, "finish_reason": "length"}

{"group": "b", "correct": false, "length": 5, "answer_extracted": " 3 "}
{"group": 7, "correct": true, "length": 8, "finish_reason": "stop"}
"#;
        let found = read(rows).unwrap();
        assert_eq!((found.len(), found[0].model.as_str(), found[0].data.as_str()), (1, "model", "set"));
        let seven = ProblemSamples {
            problem: "7".into(),
            lengths: vec![16, 8],
            correct: vec![false, true],
            finished: vec![false, true],
            ..ProblemSamples::default()
        };
        let b = ProblemSamples {
            problem: "b".into(),
            difficulty: Some(3),
            lengths: vec![9, 5],
            correct: vec![true, false],
            finished: vec![true, true],
            answer_at: vec![Some(4), None],
            answers: vec![Some(0), Some(1)],
            ..ProblemSamples::default()
        };
        assert_eq!(found[0].problems, [seven, b]);
    }

    #[test]
    fn models_sets_steps_and_occurrences_are_told_apart() {
        let rows = r#"
{"model": "a", "data": "x", "prompt_id": "p", "problem_key": "k", "correct": true, "length": 1}
{"model": "a", "data": "y", "prompt_id": "p", "problem_key": "k", "correct": true, "length": 1}
{"problem_key": "k", "occurrence": 1, "step": 4, "correct": true, "length": 1}
{"problem_key": "k", "occurrence": 0, "step": 4, "correct": true, "length": 1}
"#;
        let found = read(rows).unwrap();
        let labels: Vec<(&str, &str)> = found.iter().map(|e| (e.model.as_str(), e.data.as_str())).collect();
        assert_eq!(labels, [("a", "x"), ("a", "y"), ("model", "set")]);
        assert_eq!((found[0].problems[0].problem.as_str(), found[0].problems[0].key.as_deref()), ("p", Some("k")));
        let names: Vec<&str> = found[2].problems.iter().map(|problem| problem.problem.as_str()).collect();
        assert_eq!(names, ["step 4: k", "step 4: k#1"]);
    }

    #[test]
    fn lines_that_are_no_rows_are_named() {
        let good = r#"{"group": 1, "correct": true, "length": 9}"#;
        for (bad, expected) in [
            ("{\"group\": 1, \"corr", "EOF"),
            ("[1, true, 9]", "expected a JSON object"),
            ("{\"correct\": true, \"length\": 9}", "`group` is missing"),
            ("{\"group\": 1, \"length\": 9}", "`correct` is missing"),
            ("{\"group\": 1, \"correct\": true}", "`length` is missing"),
            ("{\"group\": 1, \"correct\": true, \"length\": -3}", "-3"),
            ("{\"group\": 1, \"correct\": true, \"length\": NaN}", "expected value"),
            ("{\"group\": 1, \"correct\": true, \"length\": 9, \"answer_at\": 10}", "`answer_at` is 10, and `length` is 9"),
        ] {
            let error = read(&format!("{good}\n{bad}\n")).unwrap_err().to_string();
            assert!(error.starts_with("rows.jsonl, line 2: ") && error.contains(expected), "{error}");
        }
        assert!(read("\n\n").unwrap().is_empty());
    }
}
