//! A program against its tests.

use super::asserts::{Calls, Expected};
use super::compare::Leniency;
use super::literal::Value;
use super::problem::{Form, StreamTest};
use super::sandbox::{Ending, Job, Limits, Run, Sandbox, Unavailable};
use super::{CodeOptions, TestVerdict, Tests};
use crate::child::Deadline;

/// How much of an output is quoted in a reason.
const MAX_QUOTED: usize = 60;

struct Judge<'a> {
    sandbox: &'a Sandbox,
    limits: &'a Limits,
    leniency: Leniency,
    stops: bool,
    /// When the time for all tests is over.
    end: Deadline,
}

/// One verdict per test. Error: a program did not run, for a reason that lies outside it.
pub(super) fn run(
    sandbox: &Sandbox,
    limits: &Limits,
    options: &CodeOptions,
    tests: &Tests,
    program: &str,
) -> Result<Vec<TestVerdict>, Unavailable> {
    let leniency = Leniency { tolerance: options.float_tolerance, any_order: options.any_order };
    let end = Deadline::after(limits.problem());
    let judge = Judge { sandbox, limits, leniency, stops: options.stop_at_first_failure, end };
    let mut verdicts = match &tests.0 {
        Form::Streams(tests) => judge.streams(tests, program)?,
        Form::Calls(calls) => judge.calls(calls, program)?,
    };
    verdicts.resize(tests.len(), TestVerdict::NotRun);
    Ok(verdicts)
}

impl Judge<'_> {
    /// Each test in a run of its own.
    fn streams(&self, tests: &[StreamTest], program: &str) -> Result<Vec<TestVerdict>, Unavailable> {
        let mut verdicts = Vec::new();
        for test in tests {
            if self.is_over(&verdicts) {
                break;
            }
            let run = self.sandbox.start(Job { program, calls: None, input: &test.input, n_tests: 1 })?;
            let (output, ending, complaint) = run.finish(self.deadline());
            let found = String::from_utf8_lossy(&output);
            verdicts.push(match ending {
                Ending::Exit(0) if self.leniency.texts_agree(&test.output, &found) => TestVerdict::Passed,
                Ending::Exit(0) => failed(format!("expected {}, found {}", quoted(&test.output), quoted(&found))),
                ending => failed(self.why(&ending, &complaint)),
            });
        }
        Ok(verdicts)
    }

    /// All tests in one run, until one ends it: those after that in the next run.
    fn calls(&self, calls: &Calls, program: &str) -> Result<Vec<TestVerdict>, Unavailable> {
        let mut verdicts = Vec::new();
        while verdicts.len() < calls.tests.len() && !self.is_over(&verdicts) {
            let start = verdicts.len();
            let source = calls.source(start);
            let n_tests = calls.tests.len() - start;
            let mut run = self.sandbox.start(Job { program, calls: Some(&source), input: "", n_tests })?;
            while verdicts.len() < calls.tests.len() && !self.is_over(&verdicts) {
                match run.line(self.deadline()) {
                    Ok(line) => match self.answer(&line, &calls.tests[verdicts.len()].expected) {
                        Some(verdict) => verdicts.push(verdict),
                        // the program itself failed, so every test does
                        None => {
                            let why = failed(said(&line));
                            verdicts.resize(calls.tests.len(), why);
                        }
                    },
                    Err(ending) => {
                        verdicts.push(failed(self.ended(&mut run, &ending)));
                        break;
                    }
                }
            }
        }
        Ok(verdicts)
    }

    /// The verdict on a line of the launcher; none if it says that the program could not be loaded.
    fn answer(&self, line: &[u8], expected: &Expected) -> Option<TestVerdict> {
        if line.starts_with(b"failed ") {
            return None;
        }
        let Some(text) = line.strip_prefix(b"value ") else { return Some(failed(said(line))) };
        let value = std::str::from_utf8(text).ok().and_then(Value::parse);
        Some(match value {
            Some(value) if self.leniency.answer_agrees(expected, &value) => TestVerdict::Passed,
            _ => {
                let right = match expected {
                    Expected::Equal(value) => quoted(&value.shown()),
                    Expected::Truth(truth) => format!("something {}", if *truth { "true" } else { "false" }),
                    Expected::Near(right, bound) => format!("{right} within {bound}"),
                };
                failed(format!("expected {right}, found {}", quoted(&String::from_utf8_lossy(text))))
            }
        })
    }

    fn ended(&self, run: &mut Run, ending: &Ending) -> String {
        match ending {
            Ending::Exit(0) => "the program ended before it answered".to_owned(),
            ending => self.why(ending, &run.complaint()),
        }
    }

    fn why(&self, ending: &Ending, complaint: &str) -> String {
        // as shells count: a signal is an exit code from 128 on
        match ending {
            Ending::TooSlow => format!("no end after {} s", self.limits.wall_seconds),
            Ending::TooMuch => format!("more than {} bytes of output", self.limits.output_bytes),
            Ending::Exit(152) => format!("more than {} s of processor time", self.limits.cpu_seconds),
            Ending::Exit(137) => "killed".to_owned(),
            Ending::Exit(code) if complaint == "``" => format!("exit code {code}"),
            Ending::Exit(code) => format!("exit code {code}: {complaint}"),
        }
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.limits.wall()).or(self.end)
    }

    fn is_over(&self, verdicts: &[TestVerdict]) -> bool {
        let failed = matches!(verdicts.last(), Some(TestVerdict::Failed(_)));
        (self.stops && failed) || self.end.has_passed()
    }
}

fn failed(why: String) -> TestVerdict {
    TestVerdict::Failed(why)
}

/// What the launcher says of an exception: a literal after a word.
fn said(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let (_, complaint) = text.split_once(' ').unwrap_or_default();
    match Value::parse(complaint) {
        Some(Value::Str(text)) => quoted(&text.into_iter().filter_map(char::from_u32).collect::<String>()),
        _ => quoted(complaint),
    }
}

fn quoted(text: &str) -> String {
    crate::quoted::quoted(text, MAX_QUOTED)
}
