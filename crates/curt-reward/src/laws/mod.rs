//! Laws of rewards, as property tests for your own (feature `laws`).
//!
//! A law is a sentence about one group, such as "a longer right answer never gets more than a shorter one". Each function
//! here draws 256 realistic groups (as many as the variable `PROPTEST_CASES` says), asks the strategy for their rewards, and
//! answers with the smallest group it can find for which the sentence is false. No strategy keeps all laws, and none has to:
//! the point is to know which.
//!
//! ```
//! use curt_reward::{RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group, laws};
//!
//! #[derive(Debug)]
//! struct Mine;
//! impl RewardStrategy for Mine {
//!     fn name(&self) -> &'static str { "mine" }
//!     fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
//!         check_group(self.needs(), ctx, group, out.len())?;
//!         for (rollout, shaped) in group.iter().zip(out) {
//!             shaped.reset();
//!             shaped.total = if rollout.correct { 100.0 / (100.0 + f64::from(rollout.length)) } else { 0.0 };
//!             shaped.parts.push(("mine", shaped.total));
//!         }
//!         Ok(())
//!     }
//! }
//!
//! // the three lines
//! laws::order_is_irrelevant(&Mine).unwrap();
//! laws::longer_is_no_better(&Mine).unwrap();
//! laws::right_above_wrong(&Mine).unwrap();
//!
//! // it pays for brevity, so the longest right answers of an easy problem fall below the mean of their group
//! let broken = laws::no_right_below_mean(&Mine).unwrap_err();
//! assert!(broken.to_string().starts_with("`mine` breaks `no_right_below_mean`"));
//! assert!(broken.case.group.iter().filter(|rollout| rollout.correct).count() >= 2);
//! ```
//!
//! Lengths are drawn around 16, 64, 256, 1,024, 4,096 and 16,384 tokens, those lengths themselves and one more and one less
//! often among them: give your strategy one of them as its threshold, and the laws are tested on both sides of it.
//! The draws are the same in every run.
//!
#![doc = include_str!("../../docs/laws.md")]

mod cases;
mod sentences;

use std::fmt;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

pub use cases::{Case, cases};
pub use sentences::ALL;

use crate::{GroupFacts, RewardStrategy, Shaped};

/// One law.
#[derive(Clone, Copy)]
pub struct Law {
    /// The name of its function.
    pub name: &'static str,
    /// The sentence.
    pub says: &'static str,
    /// Whether the sentence is true of one case; if not, what is wrong.
    pub check: fn(&dyn RewardStrategy, &Case) -> Result<(), String>,
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Law").field("name", &self.name).field("says", &self.says).finish_non_exhaustive()
    }
}

/// A law that a strategy does not keep, with the smallest case that was found.
#[derive(Clone)]
pub struct Broken {
    /// [`Law::name`].
    pub law: &'static str,
    /// [`Law::says`].
    pub says: &'static str,
    /// The strategy.
    pub strategy: &'static str,
    /// Step and group.
    pub case: Case,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` breaks `{}` ({}): {}", self.strategy, self.law, self.says, self.what)?;
        writeln!(f, "{:?}", self.case.ctx)?;
        self.case.group.iter().enumerate().try_for_each(|(row, rollout)| writeln!(f, "row {row}: {rollout:?}"))
    }
}

/// The same as for people, since it is `unwrap` that shows it.
impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

impl Law {
    /// Tests the law on as many cases as `PROPTEST_CASES` says, by default 256.
    ///
    /// # Errors
    /// The smallest case found in which it is broken.
    pub fn test(&self, strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
        let config = Config { failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let (law, says, name) = (self.name, self.says, strategy.name());
        let outcome = runner.run(&cases(), |case| (self.check)(strategy, &case).map_err(TestCaseError::fail));
        match outcome {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, case)) => {
                Err(Box::new(Broken { law, says, strategy: name, case, what: reason.message().to_owned() }))
            }
            Err(TestError::Abort(reason)) => panic!("no cases were drawn: {reason}"),
        }
    }
}

/// The order of the rollouts in their group changes nothing.
///
/// # Errors
/// The smallest case found in which it does.
pub fn order_is_irrelevant(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::ORDER.test(strategy)
}

/// Rollouts of a group that are equal in every fact get equal rewards and masks.
///
/// # Errors
/// The smallest case found in which they do not.
pub fn equals_get_equal(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::EQUALS.test(strategy)
}

/// Rewards and parts are finite, for lengths from 0 to 2³² − 1 and groups from one rollout.
///
/// # Errors
/// The smallest case found in which one is not.
pub fn always_finite(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::FINITE.test(strategy)
}

/// The parts sum to the total, nothing is trained on that is out of the statistics, and what is masked has reward 0.
///
/// # Errors
/// The smallest case found in which this is not so.
pub fn parts_and_masks_agree(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::CONSISTENT.test(strategy)
}

/// Shaping the same group again gives the same bits, whatever was in the output before.
///
/// # Errors
/// The smallest case found in which it does not.
pub fn shaping_is_pure(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::PURE.test(strategy)
}

/// Among the right rollouts of a group, a longer one never gets more than a shorter one.
///
/// # Errors
/// The smallest case found in which one does.
pub fn longer_is_no_better(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::LONGER.test(strategy)
}

/// Every right rollout of a group gets more than every wrong one.
///
/// # Errors
/// The smallest case found in which one does not.
pub fn right_above_wrong(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::ABOVE.test(strategy)
}

/// No right rollout of a group gets less than a wrong one.
///
/// # Errors
/// The smallest case found in which one does.
pub fn right_not_below_wrong(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::NOT_BELOW.test(strategy)
}

/// No right rollout gets less than the mean of its group, so none has a negative advantage.
///
/// # Errors
/// The smallest case found in which one does.
pub fn no_right_below_mean(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::MEAN.test(strategy)
}

/// A group without a right rollout is flat: no signal without a right answer.
///
/// # Errors
/// The smallest case found in which one is not.
pub fn silent_without_right(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::SILENT.test(strategy)
}

/// Multiplying all lengths of a group, its budgets, references and limit included, changes no reward.
///
/// # Errors
/// The smallest case found in which it does.
pub fn scale_is_irrelevant(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::SCALE.test(strategy)
}

/// Taking what is excluded (out of the statistics and the loss) out of the group changes no other reward.
///
/// # Errors
/// The smallest case found in which it does.
pub fn excluded_are_irrelevant(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::EXCLUDED.test(strategy)
}

/// Reweighting leaves every advantage its sign.
///
/// # Errors
/// The smallest case found in which it does not.
pub fn reweighting_keeps_signs(strategy: &dyn RewardStrategy) -> Result<(), Box<Broken>> {
    sentences::SIGNS.test(strategy)
}

/// A strategy that goes back to a saved state shapes and reports bit for bit like the one that was saved; `fresh` makes one
/// before its first step. Tested on the steps of one run, saving after each.
///
/// # Panics
/// When the law is broken, with what differs; when the strategy refuses a case or its own state.
pub fn resumes_exactly(fresh: &dyn Fn() -> Box<dyn RewardStrategy>) {
    let config = Config { failure_persistence: None, cases: 1, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut running = fresh();
    for number in 0..64 {
        let case = cases::draw(&mut runner);
        let mut resumed = fresh();
        resumed.load(&running.save()).unwrap_or_else(|error| panic!("after {number} steps: {error}"));
        assert_eq!(resumed.save(), running.save(), "after {number} steps: the state changes when it is loaded");
        assert_eq!(resumed.metrics(), running.metrics(), "after {number} steps: metrics");
        let shaped = sentences::shape(&*running, &case.ctx, &case.group).unwrap();
        assert_eq!(sentences::shape(&*resumed, &case.ctx, &case.group).unwrap(), shaped, "after {number} steps: {case:?}");
        let step = [GroupFacts { group: &case.group, shaped: &shaped }];
        running.observe(&step);
        resumed.observe(&step);
        assert_eq!(resumed.save(), running.save(), "after {number} steps: observing diverges");
    }
}

/// Rewards of one group, for tests beside the laws.
///
/// # Panics
/// When the strategy refuses the case.
pub fn shaped(strategy: &dyn RewardStrategy, case: &Case) -> Vec<Shaped> {
    sentences::shape(strategy, &case.ctx, &case.group).unwrap_or_else(|error| panic!("{}: {error}", strategy.name()))
}
