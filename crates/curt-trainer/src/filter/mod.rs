//! Before a run: which problems of a data set are worth training on. Pass rates are known from a field ([`split_rated`]) or
//! measured ([`measure()`], [`split_measured`]); both write the problems of each part to a file of its own and tell what they did as
//! a [`Card`].

mod attempts_file;
mod card;
mod error;
mod files;
mod known;
mod measure;
mod part;
mod plain_rows;
mod problems;
mod row;
mod split;
#[cfg(test)]
mod tests;

pub use curt_difficulty::{Conditions, Histogram};

pub use attempts_file::{ATTEMPTS, AttemptsFile};
pub use card::{Card, Dropped, DroppedProblems, LevelRate, Measurement, PartFacts, RateSource, WithoutVerdict};
pub use error::FilterError;
pub use known::{RatedFiles, split_rated};
pub use measure::{FilterPlan, MeasureProgress, Measured, measure};
pub use part::{Part, check_parts, paper_rule};
pub use problems::{Encoded, chains, encode, model_name};
pub use split::split_measured;
