//! The verifier of programs: the last code block of a response, run in a sandbox against tests.
//!
//! ```
//! use curt_verify::Verdict;
//! use curt_verify::code::{CodeVerifier, Tests};
//!
//! let tests = Tests::parse(r#"[{"input": "2 3", "output": "5"}]"#)?;
//! let judged = CodeVerifier::default().judge(&tests, "print(sum(map(int, input().split())))");
//! // ungradable, with the reason, where there is no bubblewrap
//! assert_ne!(judged.verdict, Verdict::Wrong);
//! # Ok::<(), curt_verify::code::UnreadableTests>(())
//! ```
//!
//! What is right never enters the sandbox: outputs and answers are compared outside, so that a program can claim nothing but an
//! answer. Where isolation cannot be had, nothing is run and every verdict is [`Verdict::Ungradable`] with the reason.

mod asserts;
mod compare;
mod extract;
mod judge;
mod literal;
mod problem;
mod sandbox;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::pool::{self, Places};
use crate::{Response, Verdict, Verification, Verifier};

pub use extract::{MAX_RESPONSE_BYTES, program};
pub use problem::{CodeProblem, StreamTest, Tests, UnreadableTests};
pub use sandbox::{Interpreter, Limits, Unavailable};

use sandbox::Sandbox;

/// How programs are judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeOptions {
    /// Whether the tests after the first that failed are left out.
    pub stop_at_first_failure: bool,
    /// Numbers with a decimal point count as equal within this, absolutely or relatively to the right one; none: exactly.
    pub float_tolerance: Option<f64>,
    /// Lines of an output, or items of a list that is answered, may stand in any order.
    pub any_order: bool,
    /// How many programs run at once at most, whoever asks.
    pub workers: usize,
}

impl Default for CodeOptions {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        CodeOptions { stop_at_first_failure: true, float_tolerance: None, any_order: false, workers }
    }
}

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestVerdict {
    /// The right output or answer.
    Passed,
    /// Something else, for this reason.
    Failed(String),
    /// Not run: a test before it failed, or the time of the problem was over.
    NotRun,
}

/// What is said of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Correct if every test passed; ungradable if it could not be run.
    pub verdict: Verdict,
    /// The first failed test, or why it could not be run; none if correct.
    pub reason: Option<String>,
    /// One for each test, in order; empty if ungradable.
    pub tests: Vec<TestVerdict>,
}

/// Judges programs by their tests. As a [`Verifier`] it is called `code`, and the right answer is the JSON of [`Tests`].
pub struct CodeVerifier {
    interpreter: Interpreter,
    limits: Limits,
    options: CodeOptions,
    sandbox: OnceLock<Result<Sandbox, Unavailable>>,
    places: Places,
}

impl Default for CodeVerifier {
    fn default() -> Self {
        CodeVerifier::new(Interpreter::default(), Limits::default(), CodeOptions::default())
    }
}

impl CodeVerifier {
    /// A verifier; nothing is started before the first program.
    pub fn new(interpreter: Interpreter, limits: Limits, options: CodeOptions) -> Self {
        let places = Places::new(options.workers);
        CodeVerifier { interpreter, limits, options, sandbox: OnceLock::new(), places }
    }

    /// Whether programs can be run here. Error: why not, and what to install.
    pub fn available(&self) -> Result<(), Unavailable> {
        self.sandbox().map(|_| ())
    }

    fn sandbox(&self) -> Result<&Sandbox, Unavailable> {
        let prepared = self.sandbox.get_or_init(|| Sandbox::prepare(&self.interpreter, &self.limits));
        prepared.as_ref().map_err(Clone::clone)
    }

    /// The judgement on `program`.
    pub fn judge(&self, tests: &Tests, program: &str) -> Judgement {
        let judged = self.sandbox().and_then(|sandbox| {
            let _place = self.places.take();
            judge::run(sandbox, &self.limits, &self.options, tests, program)
        });
        match judged {
            Err(why) => Judgement { verdict: Verdict::Ungradable, reason: Some(why.to_string()), tests: Vec::new() },
            Ok(tests) => summary(tests),
        }
    }

    /// The judgement on each program, in order, several of them at once.
    pub fn judge_all(&self, items: &[(&Tests, &str)]) -> Vec<Judgement> {
        pool::map(items, self.options.workers, |(tests, program)| self.judge(tests, program))
    }

    fn answer(&self, response: &Response<'_>) -> Verification {
        let extracted = program(response.text, &self.interpreter.languages);
        let says = |verdict, reason: String| Verification { verdict, extracted: extracted.clone(), reason: Some(reason) };
        let tests = match Tests::parse(response.answer) {
            Ok(tests) => tests,
            Err(why) => return says(Verdict::Ungradable, why.to_string()),
        };
        match &extracted {
            _ if !response.finished => says(Verdict::Wrong, "the response did not end".to_owned()),
            None => says(Verdict::Wrong, "no code block".to_owned()),
            Some(program) => {
                let Judgement { verdict, reason, .. } = self.judge(&tests, program);
                Verification { verdict, extracted, reason }
            }
        }
    }
}

/// Correct only if there are tests and all passed.
fn summary(tests: Vec<TestVerdict>) -> Judgement {
    let failed = tests.iter().enumerate().find(|(_, test)| **test != TestVerdict::Passed);
    let (verdict, reason) = match failed {
        None => (Verdict::Correct, None),
        Some((i, TestVerdict::Failed(why))) => (Verdict::Wrong, Some(format!("test {} of {}: {why}", i + 1, tests.len()))),
        Some((i, _)) => (Verdict::Wrong, Some(format!("test {} of {}: the time for all tests was over", i + 1, tests.len()))),
    };
    Judgement { verdict, reason, tests }
}

impl Verifier for CodeVerifier {
    fn name(&self) -> &'static str {
        "code"
    }

    fn may_fail(&self, answer: &str) -> bool {
        Tests::parse(answer).is_ok()
    }

    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
        self.answer(&Response { answer, text: response, finished })
    }

    fn verify_all(&self, responses: &[Response<'_>]) -> Vec<Verification> {
        pool::map(responses, self.options.workers, |response| self.answer(response))
    }
}
