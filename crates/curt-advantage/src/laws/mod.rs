//! What should hold of estimators and objectives, as functions for [proptest](https://docs.rs/proptest): for those of this
//! crate and for yours. Needs the feature `laws`.
//!
//! A law is a function from the thing under test and an example to `Ok(())` or a [`TestCaseError`] that says what was found.
//! [`groups`], [`correctness_groups`] and [`minibatches`] are strategies for realistic examples. Three lines test an
//! estimator of your own, and three an objective:
//!
//! ```
//! use curt_advantage::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups, laws};
//! use proptest::test_runner::{Config, TestRunner};
//!
//! /// The better half gets +1, the others −1.
//! #[derive(Debug)]
//! struct Halves;
//!
//! impl AdvantageEstimator for Halves {
//!     fn name(&self) -> &'static str {
//!         "halves"
//!     }
//!     fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
//!         check_groups(groups)?;
//!         let sign = |g: &RewardGroup, row: usize| {
//!             let below = g.counted().filter(|other| *other < g.rewards[row]).count();
//!             if 2 * below >= g.counted().count() { 1.0 } else { -1.0 }
//!         };
//!         let credit = |g: &RewardGroup| if g.is_flat() { g.no_credit() } else { g.credit_trained(|row| sign(g, row)) };
//!         Ok(groups.iter().map(credit).collect())
//!     }
//! }
//!
//! // What it keeps ...
//! let runner = || TestRunner::new(Config { failure_persistence: None, ..Config::default() });
//! runner().run(&laws::groups(), |groups| laws::flat_groups_are_zero(&Halves, &groups, 0))?;
//! runner().run(&laws::groups(), |groups| laws::larger_rewards_get_no_less(&Halves, &groups))?;
//! runner().run(&(laws::groups(), laws::shifts()), |(groups, shift)| laws::shift_invariant(&Halves, &groups, shift))?;
//! // ... and what it does not.
//! assert!(runner().run(&laws::groups(), |groups| laws::sums_to_zero(&Halves, &groups)).is_err());
//!
//! // An objective of this crate stands in for yours.
//! let mine = curt_advantage::Sapo::default();
//! runner().run(&(laws::minibatches(), 0..99usize), |(batch, pick)| laws::slope_is_the_derivative(&mine, &batch, pick))?;
//! runner().run(&(laws::minibatches(), 1..5usize), |(batch, size)| laws::cut_into_micro_batches(&mine, &batch, size))?;
//! runner().run(&laws::minibatches(), |batch| laws::without_advantage_without_gradient(&mine, &batch))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which laws the estimators keep. A test runs each cell: where the table says no, an example must be found that breaks it.
//! ε is 0 for scales, because ε > 0 breaks them by a hair; `max_rl` is tried with 0/1 rewards only.
//!
//! | estimator | permuted | equal rows | zero sum | zero token sum | group shift | batch shift | scale | scale along | masks | flat is 0 | monotone | bounded |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | `grpo` | yes | yes | yes | no | yes | yes | yes | no | yes | yes | yes | yes |
//! | `dr_grpo` | yes | yes | yes | no | yes | yes | no | yes | yes | yes | yes | no |
//! | `rloo` | yes | yes | yes | no | yes | yes | no | yes | yes | yes | yes | no |
//! | `reinforce_plus_plus` | yes | yes | no | yes | no | yes | yes | no | yes | no | yes | no |
//! | `reinforce_plus_plus_baseline` | yes | yes | no | no | yes | yes | yes | no | yes | yes | yes | no |
//! | `batch_whitening` | yes | yes | yes | no | yes | yes | yes | no | yes | yes | yes | no |
//! | `gdpo` | yes | yes | yes | no | yes | yes | yes | no | yes | yes | no | no |
//! | `opo` | yes | yes | no | yes | yes | yes | no | yes | yes | yes | yes | no |
//! | `gpg` | yes | yes | yes | no | yes | yes | no | yes | yes | yes | yes | no |
//! | `max_rl` | yes | yes | yes | no | no | no | yes | no | yes | yes | yes | no |
//! | `pass_at_k` | yes | yes | no | no | yes | yes | yes | no | yes | yes | yes | no |
//! | `optimal_token_baseline` | yes | yes | no | no | yes | yes | no | yes | yes | yes | no | no |
//!
//! The columns are [`permutation_equivariant`], [`equal_rows_are_equal`], [`sums_to_zero`], [`token_sum_is_zero`],
//! [`shift_invariant`] per group and for the batch ([`batch_shift_invariant`]), [`scale_invariant`], [`scale_equivariant`],
//! [`masked_rows_change_nobody`], [`flat_groups_are_zero`], [`larger_rewards_get_no_less`] and [`bounded_by_group_size`].

mod estimators;
mod examples;
mod objectives;

pub use estimators::{
    batch_shift_invariant, bounded_by_group_size, closed_form, equal_rows_are_equal, finite, flat_groups_are_zero,
    larger_rewards_get_no_less, masked_rows_change_nobody, permutation_equivariant, scale_equivariant, scale_invariant,
    shift_invariant, sums_to_zero, token_sum_is_zero,
};
pub use examples::{Minibatch, SequenceData, correctness_groups, groups, minibatches, scales, shifts, wild_minibatches};
pub use objectives::{
    cut_into_micro_batches, entropy_slope_is_the_derivative, masked_sequences_change_nobody, nothing_in_the_loss_is_zero,
    on_policy_slope_is_minus_advantage, slope_is_the_derivative, stays_finite, without_advantage_without_gradient,
};

use proptest::test_runner::TestCaseError;

/// What a law says of one example.
pub type LawResult = Result<(), TestCaseError>;

/// `Ok` where `holds`, else a failure with `what`.
fn holds(holds: bool, what: impl FnOnce() -> String) -> LawResult {
    if holds { Ok(()) } else { Err(TestCaseError::fail(what())) }
}

/// What the thing under test refuses breaks every law.
fn refused(error: crate::AdvantageError) -> TestCaseError {
    TestCaseError::fail(format!("refused: {error}"))
}
