//! `events.jsonl`: evaluations, changes of stage, alarms.

use std::path::Path;

use curt_eval::{Groups, Sample, Summary};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ReportError;
use crate::line_reader::read_lines;

/// Alarms and stages that are kept, at most.
const MAX_KEPT: usize = 200;

/// What happened in a run, in its order.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The first evaluation.
    pub first: Option<Evaluation>,
    /// The last, where there is more than one.
    pub last: Option<Evaluation>,
    /// Steps at which the state changed.
    pub stages: Vec<Stage>,
    /// Alarms.
    pub alarms: Vec<Alarm>,
    /// Alarms and stages beyond [`MAX_KEPT`].
    pub left_out: u64,
    /// Whether the last line is cut off, as a kill leaves it.
    pub torn: bool,
}

/// An evaluation, as the loop records it.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Steps that were done.
    pub step: u32,
    /// Its numbers.
    pub summary: Summary,
    /// Its samples, for intervals; none where they are not recorded.
    pub groups: Option<Groups>,
    /// What it was made with: two evaluations with other settings cannot be paired.
    pub settings: Value,
    /// Some of its completions, to read.
    pub examples: Vec<EvaluationExample>,
}

/// A completion of an evaluation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EvaluationExample {
    /// Which problem.
    pub problem: String,
    /// Its difficulty.
    pub difficulty: Option<u32>,
    /// The prompt as the model saw it.
    pub prompt: String,
    /// The right answer.
    pub answer: String,
    /// What the model wrote.
    pub text: String,
    /// Tokens.
    pub length: u32,
    /// The verdict.
    pub correct: bool,
    /// Whether it ended by itself.
    pub finished: bool,
}

/// A change of state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stage {
    /// The state from there on.
    pub state: String,
    /// Its first step.
    pub since: u32,
}

/// An alarm.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alarm {
    /// The step at which it was raised.
    #[serde(skip)]
    pub step: u32,
    /// Its name.
    pub alarm: String,
    /// What was seen.
    pub message: String,
    /// The likely cause.
    pub cause: String,
    /// The key of the run file to change.
    pub key: String,
    /// How.
    pub change: String,
    /// What the run did about it.
    pub action: String,
    /// The number that raised it.
    pub value: Option<f64>,
    /// What that number was compared with.
    pub threshold: Option<f64>,
}

/// The events of a file; none where there is no file. Events of unknown kinds are passed over.
///
/// # Errors
/// It cannot be read, or a line that is not the torn last one is no event.
pub fn read(path: &Path) -> Result<Events, ReportError> {
    let mut events = Events::default();
    events.torn = read_lines(path, "no event", |line: Line| events.add(line))?;
    Ok(events)
}

#[derive(Deserialize)]
struct Line {
    step: u32,
    event: String,
    #[serde(default)]
    detail: Value,
}

impl Events {
    fn add(&mut self, line: Line) {
        let kept = self.stages.len() + self.alarms.len();
        match line.event.as_str() {
            "stage" | "alarm" if kept >= MAX_KEPT => self.left_out += 1,
            "stage" => self.stages.extend(Stage::deserialize(line.detail).ok()),
            "alarm" => {
                let alarm = Alarm::deserialize(line.detail).ok();
                self.alarms.extend(alarm.map(|alarm| Alarm { step: line.step, ..alarm }));
            }
            "evaluation" => {
                if let Some(evaluation) = evaluation(line.step, line.detail) {
                    if self.first.is_none() {
                        self.first = Some(evaluation);
                    } else {
                        self.last = Some(evaluation);
                    }
                }
            }
            _ => {}
        }
    }

    /// The evaluations that are compared: the first and the last. None unless there are two of the same problems.
    pub fn before_and_after(&self) -> Option<(&Evaluation, &Evaluation)> {
        let (first, last) = (self.first.as_ref()?, self.last.as_ref()?);
        (first.settings == last.settings).then_some((first, last))
    }

    /// The newest evaluation.
    pub fn newest(&self) -> Option<&Evaluation> {
        self.last.as_ref().or(self.first.as_ref())
    }
}

fn evaluation(step: u32, mut detail: Value) -> Option<Evaluation> {
    detail.as_object()?;
    let groups = groups(&detail["samples"]);
    let settings = detail["settings"].take();
    let examples = Vec::<EvaluationExample>::deserialize(detail["examples"].take()).unwrap_or_default();
    let summary = Summary::deserialize(detail).ok()?;
    Some(Evaluation { step, summary, groups, settings, examples })
}

/// The samples of an evaluation: `length`, `correct` and `finished`, a list of numbers for each problem.
fn groups(samples: &Value) -> Option<Groups> {
    let numbers = |name: &str| Vec::<Vec<u32>>::deserialize(samples.get(name)?).ok();
    let (lengths, correct, finished) = (numbers("length")?, numbers("correct")?, numbers("finished")?);
    let flag = |of: &[Vec<u32>], problem: usize, i: usize| Some(*of.get(problem)?.get(i)? == 1);
    let mut found = Vec::new();
    for (problem, lengths) in lengths.iter().enumerate() {
        for (i, &length) in lengths.iter().enumerate() {
            let (correct, finished) = (flag(&correct, problem, i)?, flag(&finished, problem, i)?);
            found.push(Sample::new(problem, length, correct, finished));
        }
    }
    Groups::new(&found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Events, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn stages_and_alarms_are_read() {
        let text = "{\"step\":4,\"event\":\"stage\",\"detail\":{\"state\":\"adapting\",\"since\":1}}\n\
            {\"step\":9,\"event\":\"alarm\",\"detail\":{\"alarm\":\"trap\",\"message\":\"m\",\"key\":\"reward.masking\",\"value\":0.5}}\n\
            {\"step\":9,\"event\":\"something new\"}\n{\"step\":9,\"event\":\"evaluation\",\"detail\":[5]}\n{\"step\":10,\"event\":\"st";
        let events = parsed(text).unwrap();
        assert_eq!((events.stages[0].state.as_str(), events.stages[0].since), ("adapting", 1));
        let alarm = &events.alarms[0];
        assert_eq!((alarm.step, alarm.key.as_str(), alarm.value, alarm.threshold), (9, "reward.masking", Some(0.5), None));
        assert!(events.torn && events.newest().is_none());
    }

    #[test]
    fn evaluations_keep_their_samples() {
        let summary = "\"problems\":2,\"samples_per_problem\":2,\"limit\":64,\"mean_at_k\":0.5,\"standard_error\":null,\"pass_at\":[],\
            \"truncation_rate\":0.0,\"length\":{\"mean\":9.0,\"mean_correct\":null,\"mean_wrong\":null,\"quantiles\":[]},\
            \"budgets\":[],\"by_difficulty\":[],\"new field\":1";
        let line = |step: u32, correct: &str| {
            format!(
                "{{\"step\":{step},\"event\":\"evaluation\",\"detail\":{{{summary},\"samples\":{{\"length\":[[1,2],[3,4]],\
                 \"correct\":{correct},\"finished\":[[1,1],[1,0]]}},\"settings\":{{\"n\":2}}}}}}\n"
            )
        };
        let events = parsed(&(line(0, "[[1,0],[1,1]]") + &line(5, "[[1,0]]"))).unwrap();
        let (before, after) = events.before_and_after().unwrap();
        assert_eq!((before.step, after.step), (0, 5));
        assert_eq!(before.groups.as_ref().unwrap().problems(), 2);
        assert!(after.groups.is_none(), "samples that do not fit are none");
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let error = parsed("{\"step\":1,\"event\":\"x\"}\n{}\n").unwrap_err().to_string();
        assert!(error.contains("events.jsonl:2: no event: missing field `step`"), "{error}");
    }

    #[test]
    fn alarms_are_bounded() {
        let line = "{\"step\":1,\"event\":\"alarm\",\"detail\":{}}\n";
        let events = parsed(&line.repeat(MAX_KEPT + 7)).unwrap();
        assert_eq!((events.alarms.len(), events.left_out), (MAX_KEPT, 7));
    }
}
