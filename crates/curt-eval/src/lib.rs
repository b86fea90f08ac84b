//! Evaluation over token budgets: Mean@k, Pass@k, budget curves and paired intervals.
//!
//! Everything is computed from one generation pass: several [`Sample`]s per problem, each with its length, whether it
//! finished, and whether it is right. The unit of every error is the problem, since samples of one problem are alike.
//!
//! ```
//! use curt_eval::{Comparison, Groups, Sample, mean_at_k, pass_at_k, accuracy_at_budget, summarize};
//!
//! let sample = |problem, length, correct| Sample::new(problem, length, correct, true);
//! let before = [sample(0, 90, true), sample(0, 80, false), sample(1, 120, false), sample(1, 100, false)];
//! let after = [sample(0, 20, true), sample(0, 20, true), sample(1, 40, true), sample(1, 30, false)];
//!
//! let groups = Groups::new(&after)?;
//! assert_eq!(mean_at_k(&groups), 0.75);
//! assert_eq!(pass_at_k(&groups, 2)?, 1.0);
//! assert_eq!(accuracy_at_budget(&groups, 30), 0.5);
//!
//! let (before, after) = (Groups::new(&before)?, Groups::new(&after)?);
//! let change = Comparison::new(&before, &after)?;
//! assert_eq!(change.accuracy.mean, 0.5);
//! assert_eq!(change.length.mean, -70.0);
//! assert_eq!(summarize(&after, 128, &[32, 64], &[1, 6])?.by_difficulty.len(), 2);
//! # Ok::<(), curt_eval::EvalError>(())
//! ```

mod alarm;
mod area;
mod bootstrap;
mod budget;
mod compare;
mod detector;
mod distribution;
mod draw;
mod entry;
mod error;
mod groups;
mod length;
mod majority;
mod metrics;
mod paired;
mod power;
mod report;
mod spread;
mod stages;
mod summary;
#[cfg(test)]
mod tests;
mod trap;

pub use alarm::{Action, Advice, Alarm, AlarmRaised, AlarmRule, AlarmSettings, RunFacts, Side, advice};
pub use area::{Regret, area_under_budgets, auc_oaa, problem_auc_oaa, regret};
pub use bootstrap::{Bootstrap, BootstrapInterval};
pub use budget::{BudgetRow, budget_curve};
pub use detector::{Column, Detector, DetectorState, Findings, Means, Observation, Reading, Stage, StageChange};
pub use distribution::{Bin, EcdfPoint, LengthDistribution, LengthsByCorrectness, lengths_by_correctness};
pub use draw::draw;
pub use entry::{ProblemSamples, groups_of};
pub use error::EvalError;
pub use groups::{Groups, Sample};
pub use length::{LengthSummary, Quantile, lengths, tokens_per_correct};
pub use majority::{answer_numbers, majority_at_k};
pub use metrics::{
    accuracy_at_budget, mean_at_k, pass_at_k, problem_accuracies, problem_lengths, problem_passes, truncation_rate,
};
pub use paired::{Interval, mean_interval, paired_difference};
pub use power::{Power, minimum_detectable, problems_needed};
pub use report::{
    Areas, BudgetDifference, Difference, EvalComparison, EvalEntry, EvalReport, EvalSampling, EvalSettings, REPORT_VERSION,
    SolvedLengths,
};
pub use spread::{Spread, clustered_error, spread};
pub use stages::{Stages, stages};
pub use summary::{BudgetAccuracy, Comparison, DifficultyRow, PassAt, Summary, summarize};
pub use trap::{TrainedRollout, TrapTest, advantage_length_correlation};

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
