//! What can be wrong with the input of an estimator or an objective.

use thiserror::Error;

/// Why advantages or a loss could not be computed. Groups, rows, sequences and tokens are counted from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AdvantageError {
    /// A group without rollouts.
    #[error("group {group} is empty: expected at least one rollout")]
    EmptyGroup {
        /// The group.
        group: usize,
    },
    /// A field of a group has another number of rows than it has rewards.
    #[error("group {group}: expected {expected} values of `{field}`, one per reward, found {found}")]
    GroupSize {
        /// The group.
        group: usize,
        /// The field, or the name of a part.
        field: String,
        /// Rewards.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A reward is not a usable number.
    #[error("group {group}, row {row}: expected a finite `{field}` of magnitude at most 1e100, found {found}")]
    BadReward {
        /// The group.
        group: usize,
        /// The row.
        row: usize,
        /// `reward`, or the name of a part.
        field: String,
        /// The value.
        found: f64,
    },
    /// A minibatch without sequences.
    #[error("empty minibatch: expected at least one sequence")]
    EmptyMinibatch,
    /// A per-token field of a sequence has another length than its log-probabilities.
    #[error("sequence {sequence}: expected {expected} values of `{field}`, one per token of `current`, found {found}")]
    SequenceSize {
        /// The sequence.
        sequence: usize,
        /// The field.
        field: &'static str,
        /// Tokens.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A per-token number is NaN or infinite.
    #[error("sequence {sequence}, token {token}: expected a finite `{field}`, found {found}")]
    NotFinite {
        /// The sequence.
        sequence: usize,
        /// The token.
        token: usize,
        /// The field.
        field: &'static str,
        /// The value.
        found: f64,
    },
    /// The normalizer counts less than the minibatch itself holds.
    #[error(
        "normalizer: expected at least {expected} {unit} (those of this minibatch with an advantage, in the loss), found {found}; \
         it must count the whole optimizer update"
    )]
    NormalizerTooSmall {
        /// `action tokens` or `sequences`.
        unit: &'static str,
        /// In this minibatch.
        expected: u64,
        /// In the normalizer.
        found: u64,
    },
    /// A setting has a value that it cannot have.
    #[error("`{setting}` must be {expected}, found {found}")]
    BadSetting {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What was given.
        found: String,
    },
}
