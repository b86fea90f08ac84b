//! What should hold of estimators, gates and samplers, as functions for [proptest](https://docs.rs/proptest): for those of
//! this crate and for yours. Needs the feature `laws`.
//!
//! A law is a function from the thing under test and an example to `Ok(())` or a [`TestCaseError`] that says what was found.
//! [`groups`], [`rates`] and [`walks`] are strategies for examples.
//!
//! ```
//! use curt_difficulty::{Admission, Gate, GateFacts, Randomness, Sampler, Stream, Turn, laws};
//! use proptest::test_runner::{Config, TestRunner};
//!
//! /// Keeps a group with a right answer, flat or not.
//! #[derive(Debug)]
//! struct AnyCorrect;
//!
//! impl Gate for AnyCorrect {
//!     fn name(&self) -> &'static str {
//!         "any_correct"
//!     }
//!     fn admit(&self, group: &GateFacts<'_>) -> Admission {
//!         if group.any_correct() { Admission::Kept } else { Admission::AllWrong }
//!     }
//! }
//!
//! let runner = || TestRunner::new(Config { failure_persistence: None, ..Config::default() });
//! // What it keeps ...
//! runner().run(&(laws::groups(), 0..99usize), |(group, turn)| laws::order_is_irrelevant(&AnyCorrect, &group, turn))?;
//! runner().run(&laws::groups(), |group| laws::dropped_without_right(&AnyCorrect, &group))?;
//! runner().run(&laws::groups(), |group| laws::reasons_are_true(&AnyCorrect, &group))?;
//! // ... and what it does not.
//! assert!(runner().run(&laws::groups(), |group| laws::dropped_when_flat(&AnyCorrect, &group)).is_err());
//!
//! /// The same problems every step.
//! #[derive(Debug)]
//! struct First(usize);
//!
//! impl Sampler for First {
//!     fn name(&self) -> &'static str {
//!         "first"
//!     }
//!     fn draw(&self, _: Turn, count: usize, _: &Randomness<'_>) -> Vec<usize> {
//!         (0..count).map(|i| i % self.0).collect()
//!     }
//!     fn metrics(&self, _: Turn) -> Vec<(&'static str, f64)> {
//!         Vec::new()
//!     }
//! }
//!
//! let fresh = |n: usize| -> Box<dyn Sampler> { Box::new(First(n)) };
//! runner().run(&laws::walks(), |walk| laws::draws_what_is_asked(&fresh, &walk))?;
//! runner().run(&laws::walks(), |walk| laws::resumes_exactly(&fresh, &walk))?;
//! assert!(runner().run(&laws::walks(), |walk| laws::comes_once_per_epoch(&fresh, &walk)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which laws those of this crate keep. A test runs each cell: where a table says no, an example must be found that breaks it.
//!
//! | gate | order | dropped without right | dropped when flat | true reasons | masked rewards | scale |
//! |---|---|---|---|---|---|---|
//! | `any_correct_and_spread` | yes | yes | yes | yes | yes | yes |
//! | `mixed_outcome` | yes | yes | no | yes | yes | yes |
//! | `reward_std` | yes | no | yes | yes | yes | yes |
//! | `none` | yes | no | no | yes | yes | yes |
//!
//! The columns are [`order_is_irrelevant`], [`dropped_without_right`], [`dropped_when_flat`], [`reasons_are_true`],
//! [`masked_rewards_are_irrelevant`] and [`scale_is_irrelevant`].
//!
//! | estimator | rates | silence | monotone | surer | mirror |
//! |---|---|---|---|---|---|
//! | `observed` | yes | yes | yes | yes | yes |
//! | `bayes` | yes | yes | yes | yes | yes |
//! | `column` | yes | yes | yes | yes | yes |
//!
//! The columns are [`estimates_are_rates`], [`silent_without_evidence`], [`more_right_is_no_harder`],
//! [`more_attempts_are_no_less_sure`] and [`right_and_wrong_mirror`].
//!
//! | sampler | as asked | repeatable | resumes | own state | seed | once per epoch | once per step |
//! |---|---|---|---|---|---|---|---|
//! | `uniform` | yes | yes | yes | yes | yes | yes | no |
//! | `weighted` | yes | yes | yes | yes | yes | no | yes |
//! | `curriculum` | yes | yes | yes | yes | yes | no | no |
//! | `pools` | yes | yes | yes | yes | yes | no | no |
//!
//! The columns are [`draws_what_is_asked`], [`draws_the_same_again`], [`resumes_exactly`], [`refuses_states_of_others`],
//! [`follows_the_seed`], [`comes_once_per_epoch`] and [`comes_once_per_step`].

mod estimators;
mod gates;
mod samplers;

pub use estimators::{
    estimates_are_rates, more_attempts_are_no_less_sure, more_right_is_no_harder, rates, right_and_wrong_mirror,
    silent_without_evidence,
};
pub use gates::{
    GroupData, dropped_when_flat, dropped_without_right, groups, masked_rewards_are_irrelevant, order_is_irrelevant,
    reasons_are_true, scale_is_irrelevant,
};
pub use samplers::{
    Fresh, Walk, comes_once_per_epoch, comes_once_per_step, draws_the_same_again, draws_what_is_asked, follows_the_seed,
    randomness, refuses_states_of_others, resumes_exactly, walks,
};

use proptest::test_runner::TestCaseError;

/// What a law says of one example.
pub type LawResult = Result<(), TestCaseError>;

/// `Ok` where `holds`, else a failure with `what`.
fn holds(holds: bool, what: impl FnOnce() -> String) -> LawResult {
    if holds { Ok(()) } else { Err(TestCaseError::fail(what())) }
}

/// What the thing under test refuses breaks every law.
fn refused(error: crate::DifficultyError) -> TestCaseError {
    TestCaseError::fail(format!("refused: {error}"))
}
