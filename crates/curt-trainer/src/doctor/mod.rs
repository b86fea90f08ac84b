//! `doctor`: what can be said of a run before it starts, and before weights are read.
//!
//! [`Arithmetic`] and [`combinations()`] need the configuration alone, [`MemoryEstimate`] the model's `config.json` too,
//! [`examine()`] its tokenizer and the problems; only a [`probe()`] needs weights. Whatever training would refuse, [`examine()`]
//! refuses with the same error, because it builds the same objects.

mod arithmetic;
mod combinations;
mod examine;
mod memory;
mod probe;
#[cfg(test)]
mod tests;
mod tiny_step;

pub use arithmetic::{Arithmetic, EvaluationArithmetic};
pub use combinations::combinations;
pub use examine::{EosToken, Examination, Golds, Limits, RenderedPrompt, examine};
pub use memory::{MemoryEstimate, MemoryPart, TokensPerSequence, memory};
pub use probe::{PROBED_PROMPTS, ProbeFacts, probe};
pub use tiny_step::{TinyStep, tiny_step};

use serde::Serialize;

/// Something that is likely a mistake, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Whether it is the settings or the data that should change.
    pub about: About,
    /// What is wrong, in one line.
    pub what: String,
    /// The key of the run file to change; empty where it is no key.
    pub key: &'static str,
    /// What to change it to.
    pub change: String,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The run file.
    Settings,
    /// A model or a data set.
    Data,
}

impl Finding {
    fn settings(what: impl Into<String>, key: &'static str, change: impl Into<String>) -> Self {
        Self { about: About::Settings, what: what.into(), key, change: change.into() }
    }

    fn data(what: impl Into<String>, key: &'static str, change: impl Into<String>) -> Self {
        Self { about: About::Data, what: what.into(), key, change: change.into() }
    }
}
