//! What can stop a run.

use std::path::PathBuf;

use curt_advantage::AdvantageError;
use curt_difficulty::DifficultyError;
use curt_eval::EvalError;
use curt_reward::RewardError;
use curt_runtime::{PolicyError, RuntimeError};
use curt_task::{Place, TaskError};

/// Whatever stops a run; each message says what to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The model or its device.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A checkpoint, tokenizer or chat template.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A data set or the synthetic task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The reward strategy.
    #[error(transparent)]
    Reward(#[from] RewardError),
    /// The advantage estimator or the objective.
    #[error(transparent)]
    Advantage(#[from] AdvantageError),
    /// The group gate.
    #[error(transparent)]
    Difficulty(#[from] DifficultyError),
    /// An evaluation.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The run file.
    #[error(transparent)]
    RunFile(#[from] crate::run_file::RunFileError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] crate::checkpoint::CheckpointError),
    /// The run directory.
    #[error(transparent)]
    RunDirectory(#[from] crate::run_directory::RunDirectoryError),
    /// What is wrong with a problem of a file, and where it stands.
    #[error("{place}: {source}")]
    InFile {
        /// Where the problem stands.
        place: Place,
        /// What is wrong with it.
        source: Box<TrainError>,
    },
    /// A problem whose prompt cannot be rendered or encoded.
    #[error("problem `{problem}`: {source}")]
    Prompt {
        /// Its id.
        problem: String,
        /// What the template or the tokenizer says.
        source: Box<RuntimeError>,
    },
    /// A problem whose prompt has no tokens.
    #[error("problem `{problem}` has an empty prompt")]
    EmptyPrompt {
        /// Its id.
        problem: String,
    },
    /// A problem whose prompt is too long.
    #[error(
        "problem `{problem}`: its prompt has {found} tokens, more than rollout.max_prompt_length = {limit}; \
         `data.filter_overlong_prompts = true` leaves such problems of a file out"
    )]
    PromptTooLong {
        /// Its id.
        problem: String,
        /// Tokens found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Problems whose prompts are all too long.
    #[error("{}: no problem is left, for all {problems} prompts have more tokens than rollout.max_prompt_length = {limit}", file.display())]
    AllPromptsTooLong {
        /// The file, or the first of several.
        file: PathBuf,
        /// How many problems there are.
        problems: usize,
        /// The limit.
        limit: usize,
    },
    /// Problems that should go through the chat template of a model that has none.
    #[error(
        "model.path `{model}`: no chat template (chat_template.jinja, or `chat_template` in tokenizer_config.json); \
         data.chat_template = false gives it the problems as they are"
    )]
    MissingChatTemplate {
        /// The model that was asked for.
        model: String,
    },
    /// A conversation for a model without a chat template.
    #[error("problem `{problem}` is a conversation, but the checkpoint has no chat template (or data.chat_template is false)")]
    NoChatTemplate {
        /// Its id.
        problem: String,
    },
    /// The prompt and completion limits do not fit the model.
    #[error("rollout.max_prompt_length {prompt} + {key} {completion} exceed the model's context of {context} tokens")]
    ContextTooShort {
        /// Longest prompt.
        prompt: usize,
        /// The key of the limit that is too large.
        key: &'static str,
        /// Longest completion.
        completion: usize,
        /// The model's context.
        context: usize,
    },
    /// A reward strategy that needs more than the loop knows of a rollout.
    #[error("reward.strategy `{strategy}` needs facts of each rollout that this loop does not know: {facts}")]
    MissingFacts {
        /// Its word.
        strategy: String,
        /// The names of the facts.
        facts: String,
    },
    /// A reward strategy that weighs the advantages of rollouts, where each token has its own.
    #[error(
        "algo.advantage = \"{advantage}\" gives each token an advantage of its own, and reward.strategy `{strategy}` weighs one per \
         rollout: choose another for one of the two"
    )]
    ReweightsTokens {
        /// Its word.
        strategy: String,
        /// The word of the estimator.
        advantage: String,
    },
    /// A reward strategy that wants a completion left out by cutting it to nothing; masking is for that.
    #[error("reward.strategy `{strategy}` wants completion {sample} of problem `{problem}` cut to nothing")]
    CutToNothing {
        /// Its word.
        strategy: String,
        /// The problem's id.
        problem: String,
        /// Index of the completion in its group.
        sample: usize,
    },
    /// A KL term without the model it is about.
    #[error("algo.beta = {beta} needs a reference model, and this trainer was given none")]
    NoReference {
        /// The weight of the term.
        beta: f64,
    },
    /// A verifier that is not there, or cannot work here.
    #[error("verifier `{kind}`: {why}")]
    NoVerifier {
        /// Its word.
        kind: String,
        /// Why.
        why: String,
    },
    /// A pass rate that is none.
    #[error("problem `{problem}`: expected a pass rate from 0 to 1 in the field `{field}`, found {found}")]
    BadPassRate {
        /// The problem's id.
        problem: String,
        /// The field.
        field: String,
        /// Its value.
        found: String,
    },
    /// A sampler that needs pass rates, for a data set without them.
    #[error(
        "{unknown} of {problems} problems have no pass rate in the field `{field}` (data.pass_rate_field), which data.sampler needs"
    )]
    NoPassRates {
        /// The field.
        field: String,
        /// Problems without it.
        unknown: usize,
        /// Problems in all.
        problems: usize,
    },
    /// A data set without problems.
    #[error("{what} has no problems")]
    NoProblems {
        /// Which one.
        what: String,
    },
}

impl TrainError {
    /// The same, with the place of the problem that it is about.
    pub(crate) fn at(self, place: Option<&Place>) -> Self {
        match place {
            Some(place) => Self::InFile { place: place.clone(), source: Box::new(self) },
            None => self,
        }
    }

    /// The id of the problem that this is about, if it is about one problem.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::InFile { source, .. } => source.problem(),
            Self::Prompt { problem, .. }
            | Self::EmptyPrompt { problem }
            | Self::PromptTooLong { problem, .. }
            | Self::NoChatTemplate { problem }
            | Self::CutToNothing { problem, .. }
            | Self::BadPassRate { problem, .. } => Some(problem),
            _ => None,
        }
    }
}
