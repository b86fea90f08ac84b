//! What can be wrong with recorded rollouts, or with what is asked of them.

use curt_advantage::AdvantageError;
use curt_reward::RewardError;
use thiserror::Error;

/// Why rollouts could not be read, scored or compared. Lines are counted from 1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// The source cannot be read: a missing file, a torn compressed stream.
    #[error("{source_name}: cannot be read after line {line}: {source}")]
    Read {
        /// The file, or `standard input`.
        source_name: String,
        /// Lines read before it.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is no JSON object, or one of its fields has another type.
    #[error("{source_name}, line {line}: {detail}")]
    Malformed {
        /// The file.
        source_name: String,
        /// The line.
        line: u64,
        /// What was expected and what was found.
        detail: String,
    },
    /// A field that every row must have is not there.
    #[error("{source_name}, line {line}: the field `{field}` is missing; expected {expected}")]
    MissingField {
        /// The file.
        source_name: String,
        /// The line.
        line: u64,
        /// The field.
        field: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// Rows of a group do not stand together.
    #[error("{source_name}, line {line}: group {group} was ended before, at line {ended}; rows of a group must stand together")]
    Scattered {
        /// The file.
        source_name: String,
        /// The line.
        line: u64,
        /// The group.
        group: String,
        /// The line after its last row.
        ended: u64,
    },
    /// Steps run backwards.
    #[error("{source_name}, line {line}: step {found} after step {before}; rows must be in the order of their steps")]
    StepsBackwards {
        /// The file.
        source_name: String,
        /// The line.
        line: u64,
        /// The step before.
        before: u64,
        /// The step of this row.
        found: u64,
    },
    /// There is no rollout at all.
    #[error("{source_name}: no rollouts in it; expected one JSON object a line")]
    Empty {
        /// The file.
        source_name: String,
    },
    /// A strategy refuses a group.
    #[error("{source_name}, group {group} that begins at line {line}: {source}")]
    Reward {
        /// The file.
        source_name: String,
        /// The group.
        group: String,
        /// Its first line.
        line: u64,
        /// What the strategy said.
        source: Box<RewardError>,
    },
    /// The rewards of a step cannot be turned into advantages.
    #[error("strategy `{strategy}`, step {step}: {source}")]
    Advantage {
        /// The strategy.
        strategy: String,
        /// The step.
        step: u64,
        /// What the estimator said.
        source: AdvantageError,
    },
    /// A strategy that cannot be built.
    #[error(transparent)]
    Strategy(#[from] RewardError),
    /// An estimator that cannot be built.
    #[error(transparent)]
    Estimator(#[from] AdvantageError),
}
