//! Lines → groups → steps, one step in memory at a time.

use std::collections::BTreeMap;
use std::io::BufRead;

use curt_reward::Rollout;

use crate::LabError;
use crate::row::{GroupName, Row};

/// The recorded rollouts of one prompt, in the order of their rows.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedGroup {
    /// Its name in the recording.
    pub name: GroupName,
    /// Line of its first row, from 1.
    pub line: u64,
    /// Whether screening left it: these are the first rollouts of a group that was not sampled whole.
    pub screened: bool,
    /// The rollouts.
    pub rollouts: Vec<Rollout>,
}

/// The groups that were made with the same weights.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedStep {
    /// The step that the rows name; else steps are counted from 1.
    pub step: u64,
    /// Its groups, in the order of the recording.
    pub groups: Vec<RecordedGroup>,
}

/// Reads steps from lines, and keeps no more than one of them.
///
/// A step ends where the field `step` changes, at an empty line, or, in rows without `step`, after
/// [`groups_per_step`](Self::groups_per_step) groups. Rows of a group stand together.
#[derive(Debug)]
pub struct Reader<R> {
    lines: R,
    source_name: String,
    groups_per_step: usize,
    line: u64,
    text: String,
    /// A row that was read and belongs to the next step.
    ahead: Option<(Row, GroupName, Rollout)>,
    steps: u64,
    last_step: Option<u64>,
}

impl<R: BufRead> Reader<R> {
    /// Reads `lines`; `source_name` stands in errors. Rows without `step` form steps of 128 groups.
    pub fn new(source_name: impl Into<String>, lines: R) -> Self {
        Self {
            lines,
            source_name: source_name.into(),
            groups_per_step: 128,
            line: 0,
            text: String::new(),
            ahead: None,
            steps: 0,
            last_step: None,
        }
    }

    /// How many groups make a step where rows name none; at least 1.
    #[must_use]
    pub fn groups_per_step(mut self, groups: usize) -> Self {
        self.groups_per_step = groups.max(1);
        self
    }

    /// The name of the source, as errors give it.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// The next step, `None` at the end.
    ///
    /// # Errors
    /// A line that is no row, rows of a group apart, steps that run backwards, a source that cannot be read.
    pub fn next_step(&mut self) -> Result<Option<RecordedStep>, LabError> {
        let mut step = Vec::<RecordedGroup>::new();
        let mut number = None;
        let mut ended = BTreeMap::<GroupName, u64>::new();
        while let Some((row, name, rollout)) = self.next_row(!step.is_empty())? {
            let continues = step.last().is_some_and(|group| group.name == name) && (step.is_empty() || row.step == number);
            let full = row.step.is_none() && step.len() == self.groups_per_step && !continues;
            if !step.is_empty() && (row.step != number || full) {
                self.ahead = Some((row, name, rollout));
                break;
            }
            number = row.step;
            if let Some(group) = step.last_mut().filter(|_| continues) {
                if group.screened != row.is_screened() {
                    let detail = format!("group {name}: some of its rows have the `drop_reason` \"screened\", and others do not");
                    return Err(LabError::Malformed { source_name: self.source_name.clone(), line: self.line, detail });
                }
                group.rollouts.push(rollout);
                continue;
            }
            if let Some(last) = step.last() {
                ended.insert(last.name.clone(), self.line);
            }
            if let Some(&ended) = ended.get(&name) {
                return Err(LabError::Scattered {
                    source_name: self.source_name.clone(),
                    line: self.line,
                    group: name.to_string(),
                    ended,
                });
            }
            step.push(RecordedGroup { name, line: self.line, screened: row.is_screened(), rollouts: vec![rollout] });
        }
        if step.is_empty() {
            return Ok(None);
        }
        self.steps += 1;
        Ok(Some(RecordedStep { step: self.numbered(number, step[0].line)?, groups: step }))
    }

    /// The number of the step that begins at `line`, after checking that it does not run backwards.
    fn numbered(&mut self, number: Option<u64>, line: u64) -> Result<u64, LabError> {
        let found = number.unwrap_or(self.steps);
        match self.last_step {
            Some(before) if number.is_some() && found < before => {
                Err(LabError::StepsBackwards { source_name: self.source_name.clone(), line, before, found })
            }
            _ => {
                self.last_step = Some(found);
                Ok(found)
            }
        }
    }

    /// The next row. An empty line ends a step that has begun: then, and at the end of the source, `None`.
    fn next_row(&mut self, begun: bool) -> Result<Option<(Row, GroupName, Rollout)>, LabError> {
        if let Some(row) = self.ahead.take() {
            return Ok(Some(row));
        }
        loop {
            self.text.clear();
            let read = self.lines.read_line(&mut self.text);
            let n_bytes =
                read.map_err(|source| LabError::Read { source_name: self.source_name.clone(), line: self.line, source })?;
            if n_bytes == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !self.text.trim().is_empty() {
                return self.parse().map(Some);
            }
            if begun {
                return Ok(None);
            }
        }
    }

    fn parse(&self) -> Result<(Row, GroupName, Rollout), LabError> {
        let (source_name, line) = (|| self.source_name.clone(), self.line);
        let malformed = |detail| LabError::Malformed { source_name: source_name(), line, detail };
        if !self.text.trim_start().starts_with('{') {
            // an array would be read as the fields in their order
            return Err(malformed("expected a JSON object".to_owned()));
        }
        // the library counts lines of its input, which here is one line
        let in_words = |error: serde_json::Error| malformed(error.to_string().replace(" at line 1 column ", " at column "));
        let row: Row = serde_json::from_str(&self.text).map_err(in_words)?;
        let missing = |field, expected| LabError::MissingField { source_name: source_name(), line, field, expected };
        let name = row.group().ok_or_else(|| missing("group", "a number or a word that all rollouts of a prompt share"))?;
        let correct = row.correct.ok_or_else(|| missing("correct", "true or false"))?;
        let length = row.length.ok_or_else(|| missing("length", "the number of completion tokens, the stop token included"))?;
        if let Some(n_ids) = row.n_ids().filter(|&n_ids| n_ids != length as usize) {
            return Err(malformed(format!("`completion_ids` holds {n_ids} tokens, and `length` is {length}")));
        }
        let rollout = row.rollout(correct, length);
        Ok((row, name, rollout))
    }
}
