//! What can be wrong with the input of a gate or a pass rate.

use thiserror::Error;

/// Why a gate, its facts or a pass rate could not be made. Rows are positions in the group, from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DifficultyError {
    /// No gate has this name.
    #[error("unknown group gate `{name}`; known: {}", .known.join(", "))]
    UnknownGate {
        /// The name asked for.
        name: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// A group without rollouts.
    #[error("empty group: expected at least one rollout, found none")]
    EmptyGroup,
    /// A field has another number of rows than there are verdicts.
    #[error("expected {expected} values of `{field}`, one per verdict, found {found}")]
    GroupSize {
        /// The field.
        field: &'static str,
        /// Verdicts.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A reward is NaN or infinite.
    #[error("row {row} of the group: expected a finite reward, found {found}")]
    RewardNotFinite {
        /// The row.
        row: usize,
        /// The reward.
        found: f64,
    },
    /// A pass rate of no attempts.
    #[error("pass rate: expected at least 1 attempt, found 0")]
    NoAttempts,
    /// More right answers than attempts.
    #[error("pass rate: expected at most {attempts} right answers, one per attempt, found {correct}")]
    TooManyCorrect {
        /// Attempts.
        attempts: u32,
        /// Right answers.
        correct: u32,
    },
    /// A width of an interval that is none.
    #[error("pass rate: expected a finite z of at least 0, found {found}")]
    BadZ {
        /// The value.
        found: f64,
    },
}
