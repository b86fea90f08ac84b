//! What can be wrong with the input of a strategy.

use thiserror::Error;

/// Why a strategy could not be built, or a group not shaped. Rows are positions in the group, from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RewardError {
    /// No strategy has this name.
    #[error("unknown reward strategy `{name}`{}; known: {}", suggestion(.nearest), .known.join(", "))]
    UnknownStrategy {
        /// The name asked for.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<&'static str>,
        /// All names.
        known: Vec<&'static str>,
    },
    /// The strategy has no parameter of this name.
    #[error("reward strategy `{strategy}` has no parameter `{parameter}`{}; it has: {}", suggestion(.nearest), list(.known))]
    UnknownParameter {
        /// The strategy.
        strategy: &'static str,
        /// The parameter given.
        parameter: String,
        /// The nearest parameter, if one is near.
        nearest: Option<&'static str>,
        /// All parameters of this strategy.
        known: Vec<&'static str>,
    },
    /// A parameter without a default was not given.
    #[error("reward strategy `{strategy}` needs the parameter `{parameter}`: {expected}")]
    MissingParameter {
        /// The strategy.
        strategy: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A parameter has a value that it cannot have.
    #[error("reward strategy `{strategy}`: `{parameter}` must be {expected}, found {found}")]
    BadParameter {
        /// The strategy.
        strategy: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A group without rollouts.
    #[error("empty group: expected at least one rollout, found none")]
    EmptyGroup,
    /// The output has not one place per rollout.
    #[error("expected one output per rollout ({expected}), found {found}")]
    OutputSize {
        /// Rollouts.
        expected: usize,
        /// Places.
        found: usize,
    },
    /// A group holds rollouts of two problems.
    #[error("row {row} of the group: expected problem {expected:#018x} like row 0, found {found:#018x}")]
    MixedGroup {
        /// The first row that differs.
        row: usize,
        /// Problem of row 0.
        expected: u64,
        /// Problem of `row`.
        found: u64,
    },
    /// A rollout is longer than the generation limit allows.
    #[error("row {row} of the group: expected a length of at most {limit} tokens, found {found}")]
    TooLong {
        /// The row.
        row: usize,
        /// The generation limit.
        limit: u32,
        /// The length.
        found: u32,
    },
    /// The answer is longer than the completion it is part of.
    #[error("row {row} of the group: expected an answer of at most {length} tokens (the whole completion), found {found}")]
    AnswerTooLong {
        /// The row.
        row: usize,
        /// Length of the completion.
        length: u32,
        /// Length of the answer.
        found: u32,
    },
    /// A number is NaN or infinite.
    #[error("row {row} of the group: expected a finite `{field}`, found {found}")]
    NotFinite {
        /// The row.
        row: usize,
        /// The field.
        field: &'static str,
        /// The value.
        found: f64,
    },
    /// A number that is outside of its range.
    #[error("row {row} of the group: expected `{field}` to be {expected}, found {found}")]
    OutOfRange {
        /// The row.
        row: usize,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// A fact of the step that the strategy needs is not there.
    #[error("the step lacks `{fact}`, which the strategy needs")]
    MissingStepFact {
        /// The fact.
        fact: &'static str,
    },
    /// A fact of the step that is outside of its range.
    #[error("the step: expected `{fact}` to be {expected}, found {found}")]
    BadStepFact {
        /// The fact.
        fact: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// A fact that the strategy needs is not there.
    #[error("row {row} of the group lacks `{fact}`, which the strategy needs")]
    MissingFact {
        /// The row.
        row: usize,
        /// The fact.
        fact: &'static str,
    },
    /// A saved state of another strategy or version.
    #[error("saved reward state: expected {expected}, found {found}")]
    StateOfAnother {
        /// Strategy and version that read it.
        expected: String,
        /// Strategy and version that wrote it.
        found: String,
    },
    /// A saved state holds a value that the strategy does not keep.
    #[error("saved reward state of `{strategy}` holds the unknown value `{key}`")]
    UnknownStateValue {
        /// The strategy.
        strategy: &'static str,
        /// Name of the value.
        key: String,
    },
    /// A saved state lacks a value that the strategy keeps.
    #[error("saved reward state of `{strategy}` lacks the value `{key}`")]
    MissingStateValue {
        /// The strategy.
        strategy: &'static str,
        /// Name of the value.
        key: String,
    },
    /// A saved state holds a value that cannot be.
    #[error("saved reward state of `{strategy}`: expected `{key}` to be {expected}, found {found}")]
    BadStateValue {
        /// The strategy.
        strategy: &'static str,
        /// Name of the value.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// The value.
        found: f64,
    },
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
