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
    /// A reward below 0, for an estimator whose formula needs rewards from 0.
    #[error("group {group}, row {row}: advantage estimator `{estimator}` needs rewards of at least 0, found {found}")]
    NegativeReward {
        /// The estimator.
        estimator: &'static str,
        /// The group.
        group: usize,
        /// The row.
        row: usize,
        /// The reward.
        found: f64,
    },
    /// Facts of tokens are not one per token.
    #[error("group {group}, row {row}: expected {expected} values of `{field}`, one per token, found {found}")]
    TokenCount {
        /// The group.
        group: usize,
        /// The row.
        row: usize,
        /// The field.
        field: &'static str,
        /// Tokens.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A fact of a token is NaN or infinite.
    #[error("group {group}, row {row}, token {token}: expected a finite `{field}`, found {found}")]
    BadToken {
        /// The group.
        group: usize,
        /// The row.
        row: usize,
        /// The token.
        token: usize,
        /// The field.
        field: &'static str,
        /// The value.
        found: f64,
    },
    /// A group without the facts of tokens that the estimator reads.
    #[error("group {group}: advantage estimator `{estimator}` needs `tokens`, which it lacks")]
    MissingTokens {
        /// The estimator.
        estimator: &'static str,
        /// The group.
        group: usize,
    },
    /// A sequence without a per-token field that the objective reads.
    #[error("sequence {sequence}: {needed_by} needs `{field}`, which it lacks")]
    MissingFact {
        /// The objective, or the term of it.
        needed_by: &'static str,
        /// The sequence.
        sequence: usize,
        /// The field.
        field: &'static str,
    },
    /// No estimator or objective has this word.
    #[error("unknown {kind} `{name}`{}; known: {}", suggestion(.nearest), .known.join(", "))]
    UnknownName {
        /// `advantage estimator` or `objective`.
        kind: &'static str,
        /// The word asked for.
        name: String,
        /// The nearest word, if one is near.
        nearest: Option<&'static str>,
        /// All words.
        known: Vec<&'static str>,
    },
    /// The estimator or objective has no parameter of this name.
    #[error("`{of}` has no parameter `{parameter}`{}; it has: {}", suggestion(.nearest), list(.known))]
    UnknownParameter {
        /// The estimator or objective.
        of: &'static str,
        /// The parameter given.
        parameter: String,
        /// The nearest parameter, if one is near.
        nearest: Option<&'static str>,
        /// All parameters.
        known: Vec<&'static str>,
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

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
