//! Is this answer right? Verifiers with a three-valued verdict and bounded work on any text.
//!
//! Text from a model is hostile: every verifier looks at a bounded end of it, in linear time, and never panics. Nothing is
//! given away: an empty answer is wrong, and a right answer that cannot be read is [`Verdict::Ungradable`], not correct.
//!
//! ```
//! use curt_verify::{verifier, Verdict};
//!
//! let math = verifier("math")?;
//! let found = math.verify("1000", "So she pays \\boxed{\\$1,000.00}.", true);
//! assert_eq!(found.verdict, Verdict::Correct);
//! assert_eq!(found.extracted.as_deref(), Some("\\$1,000.00"));
//! assert_eq!(math.verify("1000", "", true).verdict, Verdict::Wrong);
//! # Ok::<(), curt_verify::UnknownVerifier>(())
//! ```

mod chain;
#[cfg(unix)]
mod child;
#[cfg(unix)]
pub mod code;
#[cfg(unix)]
pub mod command;
mod exact;
#[cfg(feature = "laws")]
pub mod laws;
pub mod math;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod quoted;

use serde::{Deserialize, Serialize};

pub use chain::Chain;
pub use exact::Exact;

/// What a verifier says of one response. In JSON: `correct`, `wrong`, `ungradable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The response ends in the right answer.
    Correct,
    /// The response ends in another answer, in none, or does not end.
    Wrong,
    /// Nothing can be said: the right answer itself cannot be read, or what judges failed ([`Verifier::may_fail`]).
    Ungradable,
}

/// A verdict, the answer that it is about, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The verdict.
    pub verdict: Verdict,
    /// The answer found in the response, as it stands there; none if none was found.
    pub extracted: Option<String>,
    /// Why the verdict is not correct, for people; none where there is no more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One response to be judged: the arguments of [`Verifier::verify`].
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// What is right.
    pub answer: &'a str,
    /// The text of the completion.
    pub text: &'a str,
    /// Whether it ended with a stop token, rather than by a limit.
    pub finished: bool,
}

/// Judges responses against a right answer. File name = type name = word in the run file = [`Verifier::name`].
pub trait Verifier: Send + Sync {
    /// The word for this verifier in a run file.
    fn name(&self) -> &'static str;

    /// True if responses are to be decoded *with* special tokens, such as the stop token, because they are part of the form.
    fn reads_special_tokens(&self) -> bool {
        false
    }

    /// True if a [`Verdict::Ungradable`] where `answer` is right may be a failure of what judges, such as a program that did not
    /// answer in time: asked again, it may have a verdict. False if it lies with `answer`, which nothing but another one changes.
    fn may_fail(&self, answer: &str) -> bool {
        let _ = answer;
        false
    }

    /// The verdict on `response`, the text of a completion, where `answer` is right. `finished`: the completion ended with a
    /// stop token, rather than by a limit. Total: any text gives a verdict, in time linear in a bounded part of the text.
    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification;

    /// The verdicts on many responses, in their order: those of [`Verifier::verify`] each. Verifiers that wait for other
    /// programs judge several at once.
    fn verify_all(&self, responses: &[Response<'_>]) -> Vec<Verification> {
        responses.iter().map(|response| self.verify(response.answer, response.text, response.finished)).collect()
    }
}

/// The words that [`verifier`] knows.
pub const VERIFIERS: [&str; 3] = ["chain", "exact", "math"];

/// A name that is none of [`VERIFIERS`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown verifier `{name}`: expected one of {}", VERIFIERS.join(", "))]
pub struct UnknownVerifier {
    /// The name asked for.
    pub name: String,
}

/// The verifier called `name`. Error: [`UnknownVerifier`].
pub fn verifier(name: &str) -> Result<Box<dyn Verifier>, UnknownVerifier> {
    match name {
        "chain" => Ok(Box::new(Chain)),
        "math" => Ok(Box::new(math::Math::default())),
        "exact" => Ok(Box::new(Exact)),
        _ => Err(UnknownVerifier { name: name.to_string() }),
    }
}

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_gives_the_verifier_of_that_name() {
        for name in VERIFIERS {
            assert_eq!(verifier(name).unwrap().name(), name);
        }
    }

    #[test]
    fn what_cannot_be_graded_lies_with_the_right_answer_or_with_what_judges() {
        for name in VERIFIERS {
            assert!(!verifier(name).unwrap().may_fail("88"), "{name}");
        }
        #[cfg(unix)]
        {
            let code = code::CodeVerifier::default();
            assert!(code.may_fail(r#"[{"input": "2 3", "output": "5"}]"#) && !code.may_fail("5"));
            assert!(command::CommandVerifier::new(Vec::new(), command::CommandLimits::default()).may_fail(""));
        }
    }

    #[test]
    fn unknown_verifier_lists_the_known() {
        let error = verifier("maths").err().unwrap();
        assert_eq!(error.to_string(), "unknown verifier `maths`: expected one of chain, exact, math");
    }

    #[test]
    fn verdicts_have_stable_words() {
        let words = [Verdict::Correct, Verdict::Wrong, Verdict::Ungradable].map(|v| serde_json::to_string(&v).unwrap());
        assert_eq!(words, ["\"correct\"", "\"wrong\"", "\"ungradable\""]);
    }
}
