//! Tests of programs, as data sets write them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::asserts::{self, Calls};

/// A problem: a row of a data set, of which everything else is left out.
#[derive(Clone, Debug, Deserialize)]
pub struct CodeProblem {
    /// Its name.
    pub id: String,
    /// Its tests.
    pub tests: Tests,
}

/// A run of the program: what it reads and what it must print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamTest {
    /// Its standard input.
    pub input: String,
    /// The right output.
    pub output: String,
}

/// The tests of a problem, in one of the forms below.
///
/// | JSON | what is tested |
/// |---|---|
/// | `[{"input": "…", "output": "…"}, …]` | standard input and output |
/// | `{"inputs": ["…", …], "outputs": ["…", …]}` | the same |
/// | `{"functional": "def check(candidate):\n    assert candidate(n = 3) == 5\n\ncheck(Solution().f)"}` | a function's answers |
///
/// The source in `functional` is read, not run: each line is `assert CALL == LITERAL` (or `is`, or `CALL` alone, `not CALL`,
/// `abs(CALL - NUMBER) < NUMBER`), below `def check(candidate):` and before `check(FUNCTION)`, or by itself with the function's
/// name. Only the calls enter the sandbox.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Json")]
pub struct Tests(pub(super) Form);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Streams(Vec<StreamTest>),
    Calls(Calls),
}

/// Why tests cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable tests: {0}")]
pub struct UnreadableTests(pub(super) String);

impl Tests {
    /// Reads the JSON of tests. Error: it is none of the forms, or there is no test in it.
    pub fn parse(json: &str) -> Result<Self, UnreadableTests> {
        let json: Json = serde_json::from_str(json).map_err(|error| UnreadableTests(error.to_string()))?;
        Self::try_from(json)
    }

    /// Tests on standard input and output.
    pub fn streams(tests: Vec<StreamTest>) -> Self {
        Tests(Form::Streams(tests))
    }

    /// How many tests there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Streams(tests) => tests.len(),
            Form::Calls(calls) => calls.tests.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl TryFrom<Json> for Tests {
    type Error = UnreadableTests;

    fn try_from(json: Json) -> Result<Self, UnreadableTests> {
        let error = |error: serde_json::Error| UnreadableTests(error.to_string());
        let form = match json {
            Json::Array(_) => Form::Streams(serde_json::from_value(json).map_err(error)?),
            Json::Object(ref keys) if keys.contains_key("functional") => {
                let Functional { functional } = serde_json::from_value(json).map_err(error)?;
                Form::Calls(asserts::read(&functional)?)
            }
            Json::Object(_) => {
                let Columns { inputs, outputs } = serde_json::from_value(json).map_err(error)?;
                if inputs.len() != outputs.len() {
                    return Err(UnreadableTests(format!("{} inputs but {} outputs", inputs.len(), outputs.len())));
                }
                let pairs = inputs.into_iter().zip(outputs);
                Form::Streams(pairs.map(|(input, output)| StreamTest { input, output }).collect())
            }
            _ => return Err(UnreadableTests("neither a list nor an object".to_owned())),
        };
        let tests = Tests(form);
        if tests.is_empty() { Err(UnreadableTests("there is none".to_owned())) } else { Ok(tests) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Functional {
    functional: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let streams = Tests::parse(r#"[{"input": "1", "output": "2"}, {"input": "3", "output": "4"}]"#).unwrap();
        assert_eq!(streams.len(), 2);
        assert_eq!(streams, Tests::parse(r#"{"inputs": ["1", "3"], "outputs": ["2", "4"]}"#).unwrap());
        let calls = Tests::parse(r#"{"functional": "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)"}"#).unwrap();
        assert_eq!(calls.len(), 1);
        let row = r#"{"id": "a", "problem": "b", "tests": [{"input": "", "output": "1"}], "solutions": ""}"#;
        assert_eq!(serde_json::from_str::<CodeProblem>(row).unwrap().tests.len(), 1);
    }

    #[test]
    fn what_is_no_form_says_why() {
        for (json, why) in [
            ("", "EOF"),
            ("3", "neither a list nor an object"),
            ("[]", "there is none"),
            (r#"[{"input": "1"}]"#, "missing field `output`"),
            (r#"[{"input": "1", "output": "2", "checker": "x"}]"#, "unknown field `checker`"),
            (r#"{"inputs": ["1"], "outputs": []}"#, "1 inputs but 0 outputs"),
            (r#"{"inputs": [], "outputs": []}"#, "there is none"),
            (r#"{"inputs": ["1"], "outputs": ["2"], "fn_name": "f"}"#, "unknown field `fn_name`"),
            (r#"{"functional": "check(f)"}"#, "there is none"),
            (r#"{"functional": "import os\n"}"#, "line 1"),
        ] {
            let error = Tests::parse(json).unwrap_err().to_string();
            assert!(error.starts_with("unreadable tests: ") && error.contains(why), "{json}: {error}");
        }
    }
}
