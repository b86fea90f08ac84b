//! What should hold of verifiers, as functions for [proptest](https://docs.rs/proptest): for those of this crate and for yours.
//! Needs the feature `laws`.
//!
//! A law is a function from the verifier under test and an example to `Ok(())` or a [`TestCaseError`] that says what was found.
//! [`answers`] and [`responses`] are strategies for examples; a verifier that panics breaks every law.
//!
//! ```
//! use curt_verify::{Verdict, Verification, Verifier, laws};
//! use proptest::test_runner::{Config, TestRunner};
//!
//! /// Right where the answer stands anywhere.
//! struct Contains;
//!
//! impl Verifier for Contains {
//!     fn name(&self) -> &'static str {
//!         "contains"
//!     }
//!     fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
//!         let verdict = if finished && response.contains(answer) { Verdict::Correct } else { Verdict::Wrong };
//!         Verification { verdict, extracted: None, reason: None }
//!     }
//! }
//!
//! let runner = || TestRunner::new(Config { failure_persistence: None, ..Config::default() });
//! // What it keeps ...
//! let pairs = (laws::answers(), laws::responses());
//! runner().run(&pairs, |(answer, text)| laws::unfinished_is_not_correct(&Contains, &answer, &text))?;
//! runner().run(&pairs, |(answer, text)| laws::judges_the_same_again(&Contains, &answer, &text))?;
//! // ... and what it does not: every text contains an empty answer.
//! assert!(runner().run(&laws::answers(), |answer| laws::nothing_is_given_away(&Contains, &answer)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::{Response, Verdict, Verifier};

/// Right answers: numbers, fractions, words, tests, now and then nothing or anything.
pub fn answers() -> impl Strategy<Value = String> {
    let known = ["7", "-1/2", r"\frac{3}{4}", "x^2 + 1", "(1, 2]", "blue whale", "B", r#"[{"input": "1", "output": "2"}]"#];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => (-1000..1000i32).prop_map(|number| number.to_string()),
        1 => Just(String::new()),
        1 => ".{0,12}",
    ]
}

/// Responses: prose, boxes open and closed, answers that are announced, thoughts, programs, anything.
pub fn responses() -> impl Strategy<Value = String> {
    let pieces = [
        "so ",
        "7",
        "-1/2",
        " ",
        "\n",
        r"\boxed{",
        r"\boxed{7}",
        "}",
        "$",
        "The answer is ",
        "#### ",
        "<think>",
        "</think>",
        "blue whale",
        ".",
        " because ",
        "```python\n",
        "```\n",
        "print(2)\n",
        "\u{0}",
        "漢",
        r"\frac",
        "{",
        "(",
        ", ",
        " or ",
    ];
    let piece = prop_oneof![12 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A response without a letter is not correct, whatever the answer is, an empty one too: nothing is rewarded for silence.
pub fn nothing_is_given_away(verifier: &dyn Verifier, answer: &str) -> Result<(), TestCaseError> {
    for response in ["", " \n"] {
        let found = verifier.verify(answer, response, true);
        prop_assert!(found.verdict != Verdict::Correct, "{}: {answer:?} is given away to {response:?}", verifier.name());
    }
    Ok(())
}

/// A response that a limit cut off is not correct, whatever stands in it: it would be rewarded for not ending.
pub fn unfinished_is_not_correct(verifier: &dyn Verifier, answer: &str, response: &str) -> Result<(), TestCaseError> {
    let found = verifier.verify(answer, response, false);
    prop_assert!(found.verdict != Verdict::Correct, "{}: {response:?} did not end and is {answer:?}", verifier.name());
    Ok(())
}

/// Asked again, a verifier says the same, word for word.
pub fn judges_the_same_again(verifier: &dyn Verifier, answer: &str, response: &str) -> Result<(), TestCaseError> {
    let judge = || verifier.verify(answer, response, true);
    let (first, second) = (judge(), judge());
    prop_assert!(first == second, "{}: first {first:?}, then {second:?}", verifier.name());
    Ok(())
}

/// Many responses at once are judged as one by one, in their order.
pub fn judges_all_as_each(verifier: &dyn Verifier, pairs: &[(String, String)]) -> Result<(), TestCaseError> {
    let responses: Vec<Response<'_>> = pairs.iter().map(|(answer, text)| Response { answer, text, finished: true }).collect();
    let each: Vec<_> = responses.iter().map(|r| verifier.verify(r.answer, r.text, r.finished)).collect();
    let all = verifier.verify_all(&responses);
    prop_assert!(all == each, "{}: all at once {all:?}, one by one {each:?}", verifier.name());
    Ok(())
}
