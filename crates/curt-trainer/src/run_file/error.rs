//! What can be wrong with a run file or with a `--set` beside it.

use std::fmt;
use std::path::PathBuf;

/// The most rollouts of a step.
pub(super) const MOST_ROLLOUTS: usize = 10_000_000;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line, from 1, of a file.
    Line {
        /// The file as the user named it.
        file: String,
        /// The line.
        line: usize,
    },
    /// A `--set`, as typed.
    Set(String),
    /// Nowhere: it follows from the defaults and the other values of this file.
    Default(String),
}

/// Which value is meant: where it was given, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub origin: Origin,
    /// The canonical name, `section.key`.
    pub key: String,
    /// The name as typed, where it is another one.
    pub spelled: Option<String>,
}

/// Why a run file gives no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFileError {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{file}:{line}:{column}: not TOML: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The character, from 1.
        column: usize,
        /// What the reader expected.
        message: String,
    },
    /// A `--set` without a key or without `=`.
    #[error("--set {text}: expected `section.key=value`")]
    SetSyntax {
        /// What was typed.
        text: String,
    },
    /// There is no such section.
    #[error("{origin}: unknown section [{section}]{}; known: {}", suggestion(nearest), super::keys::SECTIONS.join(", "))]
    UnknownSection {
        /// Where it was given.
        origin: Origin,
        /// The section.
        section: String,
        /// The nearest section, if one is near.
        nearest: Option<String>,
    },
    /// There is no such key.
    #[error("{origin}: unknown key `{key}`{}", suggestion(nearest))]
    UnknownKey {
        /// Where it was given.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// The nearest key, or where this one belongs.
        nearest: Option<String>,
    },
    /// One setting was given twice in one file, under two names or in two places.
    #[error("{place}: already given as `{first}` in line {first_line}")]
    Duplicate {
        /// The second.
        place: Box<Place>,
        /// The first, as typed.
        first: String,
        /// Its line.
        first_line: usize,
    },
    /// A setting without a default was not given.
    #[error("{file}: `{key}` is missing: expected {expected}")]
    Missing {
        /// The file.
        file: String,
        /// The key.
        key: &'static str,
        /// What it is.
        expected: &'static str,
    },
    /// A value of another type.
    #[error("{place}: expected {expected}, found {found}")]
    Mistyped {
        /// The value.
        place: Box<Place>,
        /// What it must be.
        expected: String,
        /// What stands there, with its type.
        found: String,
    },
    /// A number outside its range.
    #[error("{place}: expected {expected}, found {found}")]
    OutOfRange {
        /// The value.
        place: Box<Place>,
        /// What it must be.
        expected: &'static str,
        /// The number.
        found: String,
    },
    /// A word that means nothing here.
    #[error("{place}: unknown word `{found}`{}; known: {}{}", suggestion(nearest), known.join(", "), remark(note))]
    UnknownWord {
        /// The value.
        place: Box<Place>,
        /// The word.
        found: String,
        /// The nearest word, if one is near.
        nearest: Option<String>,
        /// All words.
        known: Vec<&'static str>,
        /// What to do instead, where that is known.
        note: Option<&'static str>,
    },
    /// The verifier `command` without a command.
    #[error("{place}: the verifier `command` needs one: expected [\"program\", \"argument\", …], found none")]
    CommandMissing {
        /// Where it is missing.
        place: Box<Place>,
    },
    /// A command that no verifier uses.
    #[error(
        "{place}: given, but no problems have the verifier `{user}`, which it is for: expected it in `verify.kind` or `verify.sources`"
    )]
    CommandUnused {
        /// The command.
        place: Box<Place>,
        /// The verifier that would use it.
        user: &'static str,
    },
    /// An interpreter without a name.
    #[error("{place}: expected a program and its arguments, found an empty name")]
    InterpreterMissing {
        /// Where it is empty.
        place: Box<Place>,
    },
    /// Groups of one rollout.
    #[error("{place}: a group of 1 gives no signal, because its advantage is always 0: expected at least 2, found 1")]
    GroupOfOne {
        /// The value.
        place: Box<Place>,
    },
    /// A step of more rollouts than a machine holds.
    #[error(
        "{place}: {prompts} prompts of {num_generations} rollouts (`rollout.num_generations`): expected at most {MOST_ROLLOUTS} \
             rollouts in a step"
    )]
    TooManyRollouts {
        /// The value.
        place: Box<Place>,
        /// Prompts of a step.
        prompts: usize,
        /// Rollouts of each.
        num_generations: usize,
    },
    /// Filters of the distribution given for training.
    #[error(
        "{place}: training rollouts are drawn from the whole distribution, the one that the loss is about, so that on \
             policy every ratio is 1; filters belong to evaluation: `eval.{filter}`"
    )]
    FilterInTraining {
        /// The value.
        place: Box<Place>,
        /// The filter.
        filter: String,
    },
    /// TRL's number of passes over a batch.
    #[error(
        "{place}: TRL's several passes over the same rollouts are not offered; `algo.updates_per_batch` splits a batch into \
             that many updates, each on its own share of the prompts"
    )]
    PassesOverBatch {
        /// The value.
        place: Box<Place>,
    },
    /// A target length that no rollout can exceed.
    #[error(
        "{place}: a target of {target} tokens above the limit of `rollout.max_completion_length` = {limit} can never \
             bind: expected at most {limit}"
    )]
    TargetAboveLimit {
        /// The value.
        place: Box<Place>,
        /// L_T.
        target: usize,
        /// L_R.
        limit: usize,
    },
    /// Prompts that cannot be shared equally between the updates.
    #[error("{place}: {prompts} prompts per step cannot be divided by `algo.updates_per_batch` = {updates}")]
    PromptsNotDivisible {
        /// `rollout.prompts_per_step`.
        place: Box<Place>,
        /// Prompts of a step.
        prompts: usize,
        /// Updates of a step.
        updates: usize,
    },
    /// A micro-batch that is too small for one sequence.
    #[error(
        "{place}: {found} tokens cannot hold one sequence: expected at least {needed}, the sum of \
             `rollout.max_prompt_length` and `rollout.max_completion_length`"
    )]
    MicroTokensTooFew {
        /// The value.
        place: Box<Place>,
        /// Tokens given.
        found: usize,
        /// Tokens of the longest sequence.
        needed: usize,
    },
    /// Fewest links above most links.
    #[error("{place}: expected [fewest, most] with fewest ≤ most, found [{fewest}, {most}]")]
    LinksReversed {
        /// The value.
        place: Box<Place>,
        /// The first number.
        fewest: u32,
        /// The second.
        most: u32,
    },
    /// JSONL problems without a file.
    #[error("{place}: task `jsonl` needs `data.path`, the file of problems, or `data.sources`, several")]
    JsonlWithoutPath {
        /// `data.task`.
        place: Box<Place>,
    },
    /// One file and several.
    #[error("{place}: given beside `data.path`: expected one of the two")]
    PathAndSources {
        /// `data.sources`.
        place: Box<Place>,
    },
    /// A file of problems for a task that reads none.
    #[error("{place}: task `chain` draws its problems and reads no file")]
    PathWithoutJsonl {
        /// The path.
        place: Box<Place>,
    },
    /// A sampler for a task that has no data set.
    #[error("{place}: task `chain` draws its problems afresh, and has no data set to sample: expected `uniform`")]
    SamplerWithoutDataset {
        /// The sampler.
        place: Box<Place>,
    },
    /// A setting of another sampler.
    #[error("{place}: given, but the sampler {sampler} does not take it")]
    NotOfSampler {
        /// The setting.
        place: Box<Place>,
        /// The sampler, in words.
        sampler: String,
    },
    /// What the sampler or the screening says of its settings.
    #[error("{place}: {source}")]
    Difficulty {
        /// Where.
        place: Box<Place>,
        /// What it says.
        source: curt_difficulty::DifficultyError,
    },
    /// A list that must hold something is empty.
    #[error("{place}: expected {expected}, found an empty list")]
    EmptyList {
        /// The value.
        place: Box<Place>,
        /// What it must hold.
        expected: &'static str,
    },
    /// A budget that no completion can exceed.
    #[error(
        "{place}: a budget of {budget} tokens above the limit of `eval.max_completion_length` = {limit} says nothing: \
             expected at most {limit}"
    )]
    BudgetAboveLimit {
        /// The value.
        place: Box<Place>,
        /// The budget.
        budget: u32,
        /// The limit.
        limit: usize,
    },
    /// What the estimator or the objective says of its parameters.
    #[error("{place}: {source}")]
    Algorithm {
        /// Where.
        place: Box<Place>,
        /// What it says.
        source: Box<curt_advantage::AdvantageError>,
    },
    /// A parameter that neither the estimator nor the objective has.
    #[error("{place}: neither `algo.advantage` = `{advantage}` nor `algo.loss_type` = `{loss_type}` has this parameter")]
    NotTaken {
        /// The parameter.
        place: Box<Place>,
        /// The estimator.
        advantage: String,
        /// The objective.
        loss_type: String,
    },
    /// Budgets or numbers of links that do not rise.
    #[error("{place}: expected a rising list, found {second} after {first}")]
    NotRising {
        /// The value.
        place: Box<Place>,
        /// A member.
        first: u32,
        /// The next.
        second: u32,
    },
    /// What the reward strategy says of its parameters.
    #[error("{place}: {source}")]
    Reward {
        /// Where.
        place: Box<Place>,
        /// What it says.
        source: curt_reward::RewardError,
    },
    /// A configuration that TOML cannot express: one with a path that is not Unicode.
    #[error("the configuration cannot be written as TOML: {source}")]
    NotWritable {
        /// What the writer said.
        source: toml::ser::Error,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Line { file, line } => write!(f, "{file}:{line}"),
            Origin::Set(text) => write!(f, "--set {text}"),
            Origin::Default(file) => write!(f, "{file}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { origin, key, spelled } = self;
        match (spelled, origin) {
            (Some(spelled), _) => write!(f, "{origin}: `{spelled}` (`{key}`)"),
            (None, Origin::Default(_)) => write!(f, "{origin}: `{key}`, by default"),
            (None, _) => write!(f, "{origin}: `{key}`"),
        }
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!(", did you mean `{name}`?"))
}

fn remark(note: &Option<&'static str>) -> String {
    note.map_or(String::new(), |note| format!(" ({note})"))
}
