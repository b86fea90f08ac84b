//! `[data]`: the problems and the order in which they come.

use std::path::PathBuf;

use curt_difficulty::{Direction, Stage};
use curt_task::Source;
use serde::Serialize;

/// Where problems come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// The synthetic chain task, drawn afresh each step.
    Chain,
    /// A JSONL file of problems.
    Jsonl,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataSection {
    /// Which kind of problems.
    pub task: TaskKind,
    /// A file of problems, or a pattern of file names (`jsonl` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Several files instead, mixed by weight (`jsonl` only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceSection>,
    /// Fewest and most links of a problem (`chain` only).
    pub links: [u32; 2],
    /// Name of the problem's field (`jsonl` only); `auto` tries the known ones.
    pub prompt_key: String,
    /// Name of the answer's field (`jsonl` only); `auto` tries the known ones.
    pub answer_key: String,
    /// Appended to each problem's text (`jsonl` only).
    pub prompt_suffix: String,
    /// Whether to render problems with the checkpoint's chat template (`jsonl` only).
    pub chat_template: bool,
    /// Whether problems whose prompts are longer than `rollout.max_prompt_length` are left out (`jsonl` only); they are an error
    /// otherwise.
    pub filter_overlong_prompts: bool,
    /// Name of the field with a problem's pass rate (`jsonl` only).
    pub pass_rate_field: String,
    /// Which problems a step draws (`jsonl` only).
    #[serde(flatten)]
    pub sampler: SamplerSection,
}

impl DataSection {
    /// The files of problems, `data.path` or `data.sources`; none for a task without files.
    pub fn files(&self) -> Vec<Source> {
        let several = self.sources.iter().map(|source| Source {
            pattern: source.path.clone(),
            weight: source.weight,
            name: source.name.clone(),
        });
        self.path.iter().map(Source::new).chain(several).collect()
    }
}

/// One of `data.sources`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceSection {
    /// A file of problems, or a pattern of file names.
    pub path: PathBuf,
    /// How often each of its problems stands in the mix.
    pub weight: f64,
    /// The source of problems that do not say where they are from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `data.sampler` and the keys of `[data]` that belong to it: a sampler of `curt-difficulty`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "sampler", rename_all = "snake_case")]
pub enum SamplerSection {
    /// Shuffled epochs.
    Uniform,
    /// By expected signal.
    Weighted,
    /// From a pool that widens from one end to all problems.
    #[serde(rename = "curriculum")]
    Widening {
        /// Which end.
        #[serde(rename = "sampler_direction")]
        direction: Direction,
        /// Share of the problems at the first step.
        #[serde(rename = "sampler_start")]
        start: f64,
        /// Steps until it holds all.
        #[serde(rename = "sampler_steps")]
        steps: u32,
    },
    /// From one band of pass rates after another.
    #[serde(rename = "curriculum")]
    Stages {
        /// The bands, and when they begin.
        #[serde(rename = "sampler_stages")]
        stages: Vec<Stage>,
    },
    /// Shuffled epochs without the problems that gave no signal.
    Pools {
        /// Steps that such a problem is left out.
        #[serde(rename = "sampler_rest")]
        rest: u32,
    },
}
