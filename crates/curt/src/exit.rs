//! What went wrong → one line and an exit code.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use curt_eval::EvalError;
use curt_kernels::DeviceError;
use curt_lab::{LabError, ScoreError};
use curt_report::ReportError;
use curt_runtime::{PolicyError, RuntimeError};
use curt_task::TaskError;
use curt_trainer::checkpoint::CheckpointError;
use curt_trainer::filter::FilterError;
use curt_trainer::run_file::RunFileError;
use curt_trainer::{EvalFileError, RunDirectoryError, TrainError};

use crate::embedded;
use crate::eval_compare::EvalCommandError;
use crate::interrupt;

/// The system: a device, a disk, a pipe.
const SYSTEM: u8 = 1;
/// The command line or the run file.
pub const CONFIG: u8 = 2;
/// A model or a data set.
pub const DATA: u8 = 3;
/// The exit code of a run that an alarm stopped.
pub const ALARM: u8 = 4;

/// What the binary itself refuses.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A model folder that is not there.
    #[error("{}: no such model folder; expected a folder in Hugging Face layout or one of {}", path.display(), embedded::WORDS.join(", "))]
    NoModelFolder {
        /// What was typed.
        path: PathBuf,
    },
    /// A file where a folder belongs.
    #[error("{}: is a file; expected the folder that holds config.json and model.safetensors", path.display())]
    ModelIsFile {
        /// What was typed.
        path: PathBuf,
    },
    /// A word after `embedded:` that names nothing.
    #[error("{word}: no such embedded model; expected one of {}", embedded::WORDS.join(", "))]
    UnknownEmbedded {
        /// What was typed.
        word: String,
    },
    /// An evaluation budget that says nothing.
    #[error("--budgets {budget}: expected at most --limit {limit}")]
    BudgetBeyondLimit {
        /// The budget.
        budget: u32,
        /// The limit.
        limit: usize,
    },
    /// A limit of an evaluation that leaves no room for its prompts.
    #[error("prompts of up to {prompt} tokens and --limit {limit} exceed the model's context of {context} tokens")]
    LimitBeyondContext {
        /// Longest prompt.
        prompt: usize,
        /// The limit.
        limit: usize,
        /// The model's context.
        context: usize,
    },
    /// Evaluation budgets that do not rise.
    #[error("--budgets {before},{found}: expected budgets in increasing order, each once")]
    BudgetsOutOfOrder {
        /// A budget.
        before: u32,
        /// The next, which is not larger.
        found: u32,
    },
    /// A prompt file that cannot be read.
    #[error("{}: the prompt cannot be read: {source}", path.display())]
    PromptFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `--chat` with a model that has no chat template.
    #[error(
        "{model}: has no chat template (chat_template.jinja, or `chat_template` in tokenizer_config.json), which --chat needs"
    )]
    NoChatTemplate {
        /// What was typed.
        model: String,
    },
    /// A prompt without tokens.
    #[error("{from}: the prompt is empty; at least one token is needed")]
    NoPrompt {
        /// The option, or the file.
        from: String,
    },
    /// A prompt that leaves no room for a completion.
    #[error("{from}: a prompt of {found} tokens does not fit the model's context of {context} with a completion")]
    PromptBeyondContext {
        /// The option, or the file.
        from: String,
        /// Its tokens.
        found: usize,
        /// The model's context.
        context: usize,
    },
    /// Recorded rollouts that cannot be opened.
    #[error("{}: the rollouts cannot be read: {source}", path.display())]
    Recording {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Rows of answers that cannot be opened or read.
    #[error("{}: the rows cannot be read: {source}", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is no row of answers.
    #[error("{name}, line {line}: {problem}")]
    BadRow {
        /// The file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Metrics that cannot be opened or read.
    #[error("{}: the metrics cannot be read: {source}", path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is no row of metrics.
    #[error("{}:{line}: not a row of metrics: {problem}", path.display())]
    BadMetrics {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of metrics without a step.
    #[error("{}: no steps: expected at least one line of metrics of a training step{}", path.display(), cut_remark(*cut))]
    NoSteps {
        /// The file.
        path: PathBuf,
        /// Whether its only line was cut.
        cut: bool,
    },
    /// Metrics in which the detector finds nothing to look at.
    #[error("{}: step {step} has no `{column}`, so these are not the metrics of a run of curt", path.display())]
    OtherMetrics {
        /// The file.
        path: PathBuf,
        /// The first step.
        step: u32,
        /// What is missing.
        column: &'static str,
    },
    /// A setting that is not one of alarms.
    #[error("--set {text}: expected alarms.KEY=VALUE: nothing else changes what is said of recorded metrics")]
    NotOfAlarms {
        /// What was typed.
        text: String,
    },
    /// A parameter without a value.
    #[error("--set {text}: expected KEY=VALUE, as in target_length=4096")]
    ParameterSyntax {
        /// What was typed.
        text: String,
    },
    /// Nothing says where pass rates come from.
    #[error(
        "curt filter needs pass rates: either --pass-rate-field NAME, the field that has them, or --measure --cap TOKENS, which \
         samples attempts of at most so many tokens with a model"
    )]
    NoPassRates,
    /// A measurement on files without a cap.
    #[error(
        "--measure needs --cap TOKENS: what a cap cuts is wrong, so it should be rollout.max_completion_length of the training"
    )]
    NoCap,
    /// Nothing says what short is.
    #[error("--target-length is needed: the rollouts are not in a run directory, whose run.toml would say it")]
    NoTargetLength,
    /// A file for results, or standard output, that cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CommandError {
    fn code(&self) -> u8 {
        match self {
            Self::NoModelFolder { .. } | Self::ModelIsFile { .. } | Self::UnknownEmbedded { .. } => CONFIG,
            Self::BudgetBeyondLimit { .. }
            | Self::LimitBeyondContext { .. }
            | Self::BudgetsOutOfOrder { .. }
            | Self::ParameterSyntax { .. }
            | Self::NoTargetLength => CONFIG,
            Self::NotOfAlarms { .. } | Self::NoPassRates | Self::NoCap => CONFIG,
            Self::Metrics { .. } | Self::BadMetrics { .. } | Self::NoSteps { .. } | Self::OtherMetrics { .. } => DATA,
            Self::NoChatTemplate { .. } | Self::NoPrompt { .. } | Self::PromptBeyondContext { .. } => DATA,
            Self::PromptFile { .. } | Self::Recording { .. } | Self::Rows { .. } | Self::BadRow { .. } => DATA,
            Self::Output { .. } => SYSTEM,
        }
    }
}

fn cut_remark(cut: bool) -> &'static str {
    if cut { ", found one that is cut short" } else { "" }
}

/// Prints `error` with its causes as one line on standard error; returns the exit code that its kind has.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", one_line(error));
    ExitCode::from(code(error))
}

/// How a command ends that writes to standard output itself, where an [`io::Error`] alone is one of that: a reader that has gone
/// away (`curt verify … | head`) has what it wanted.
pub fn written(result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match result.map_err(|error| error.downcast::<io::Error>()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Ok(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Ok(source)) => Err(CommandError::Output { path: "standard output".into(), source }.into()),
        Err(Err(error)) => Err(error),
    }
}

/// The error and its causes, in one line; a cause that the line already holds is not said again.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().replace('\n', " ");
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

/// The exit code of the first known error in the chain.
fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(SYSTEM)
}

fn code_of(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<CommandError>() {
        return Some(error.code());
    }
    if error.is::<RunFileError>() {
        return Some(CONFIG);
    }
    if let Some(DeviceError::NoCudaLibrary | DeviceError::NoSuchDevice { .. }) = error.downcast_ref::<DeviceError>() {
        return Some(CONFIG);
    }
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return Some(train_code(error));
    }
    if let Some(error) = error.downcast_ref::<EvalCommandError>() {
        return Some(if error.is_of_the_command_line() { CONFIG } else { DATA });
    }
    if let Some(error) = error.downcast_ref::<EvalFileError>() {
        return Some(eval_file_code(error));
    }
    if error.is::<EvalError>() {
        return Some(DATA);
    }
    if let Some(error) = error.downcast_ref::<FilterError>() {
        return Some(filter_code(error));
    }
    if let Some(error) = error.downcast_ref::<TaskError>() {
        return Some(task_code(error));
    }
    if let Some(error) = error.downcast_ref::<PolicyError>() {
        return Some(policy_code(error));
    }
    if let Some(error) = error.downcast_ref::<ReportError>() {
        return Some(report_code(error));
    }
    if let Some(error) = error.downcast_ref::<LabError>() {
        return Some(lab_code(error));
    }
    if let Some(ScoreError::Lab(error)) = error.downcast_ref::<ScoreError>() {
        return Some(lab_code(error));
    }
    error.downcast_ref::<RuntimeError>().map(runtime_code)
}

fn train_code(error: &TrainError) -> u8 {
    match error {
        TrainError::Policy(error) => policy_code(error),
        TrainError::Runtime(error) => runtime_code(error),
        TrainError::Task(error) => task_code(error),
        TrainError::RunFile(_) | TrainError::NoVerifier { .. } => CONFIG,
        TrainError::Checkpoint(error) => checkpoint_code(error),
        TrainError::RunDirectory(error) => match error {
            RunDirectoryError::Occupied { .. }
            | RunDirectoryError::InUse { .. }
            | RunDirectoryError::NoRun { .. }
            | RunDirectoryError::RunFile(_) => CONFIG,
            RunDirectoryError::TooShort { .. } | RunDirectoryError::Metrics(_) => DATA,
            _ => SYSTEM,
        },
        TrainError::InFile { source, .. } => train_code(source),
        TrainError::Prompt { .. }
        | TrainError::EmptyPrompt { .. }
        | TrainError::PromptTooLong { .. }
        | TrainError::AllPromptsTooLong { .. } => DATA,
        TrainError::NoPassRates { .. } | TrainError::BadPassRate { .. } => DATA,
        TrainError::MissingChatTemplate { .. } | TrainError::NoChatTemplate { .. } | TrainError::NoProblems { .. } => DATA,
        TrainError::ContextTooShort { .. } | TrainError::MissingFacts { .. } | TrainError::CutToNothing { .. } => CONFIG,
        TrainError::ReweightsTokens { .. } => CONFIG,
        TrainError::Reward(_) | TrainError::Advantage(_) | TrainError::Difficulty(_) | TrainError::Eval(_) => CONFIG,
        _ => SYSTEM,
    }
}

fn eval_file_code(error: &EvalFileError) -> u8 {
    match error {
        EvalFileError::Train(error) => train_code(error),
        EvalFileError::Occupied { .. } | EvalFileError::OtherConditions { .. } => CONFIG,
        EvalFileError::Io { .. } => SYSTEM,
        _ => DATA,
    }
}

fn filter_code(error: &FilterError) -> u8 {
    match error {
        FilterError::Train(error) => train_code(error),
        FilterError::Policy(error) => policy_code(error),
        FilterError::Task(error) => task_code(error),
        FilterError::Difficulty(_) | FilterError::PartName { .. } | FilterError::PartTwice { .. } => CONFIG,
        FilterError::UnevenChains { .. } => CONFIG,
        // the folder does not belong to what was typed
        FilterError::OtherAttempts { .. } | FilterError::OtherPrompt { .. } => CONFIG,
        FilterError::Io { .. } => SYSTEM,
        _ => DATA,
    }
}

fn task_code(error: &TaskError) -> u8 {
    match error {
        TaskError::ChainLinks { .. } | TaskError::TooFewChains { .. } => CONFIG,
        TaskError::Pattern { .. } | TaskError::Weight { .. } => CONFIG,
        _ => DATA,
    }
}

fn report_code(error: &ReportError) -> u8 {
    match error {
        ReportError::NotFound { .. } | ReportError::NotARun { .. } | ReportError::TooManyRuns { .. } => CONFIG,
        _ => DATA,
    }
}

fn lab_code(error: &LabError) -> u8 {
    match error {
        LabError::Strategy(_) | LabError::Estimator(_) => CONFIG,
        _ => DATA,
    }
}

fn checkpoint_code(error: &CheckpointError) -> u8 {
    match error {
        CheckpointError::Io { .. } => SYSTEM,
        CheckpointError::Damaged { .. } | CheckpointError::AllDamaged { .. } => DATA,
        CheckpointError::NotUnderstood { .. } | CheckpointError::Format { .. } => DATA,
        _ => CONFIG,
    }
}

fn policy_code(error: &PolicyError) -> u8 {
    match error {
        PolicyError::Checkpoint(error) => runtime_code(error),
        PolicyError::BadSetting { .. } => CONFIG,
        PolicyError::EmptyPrompt { .. } | PolicyError::TooLong { .. } | PolicyError::TokenOutOfRange { .. } => DATA,
        PolicyError::NonFiniteLogprob { .. } | PolicyError::HeadTooWide { .. } => DATA,
        PolicyError::Interrupted => interrupt::EXIT_CODE,
        _ => SYSTEM,
    }
}

fn runtime_code(error: &RuntimeError) -> u8 {
    match error {
        RuntimeError::Write { .. } | RuntimeError::DiskFull { .. } => SYSTEM,
        _ => DATA,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn io() -> std::io::Error {
        std::io::Error::other("no luck")
    }

    #[test]
    fn causes_are_said_once_and_in_one_line() {
        let error = Err::<(), _>(CommandError::Output { path: "out.json".into(), source: io() });
        let error = error.context("the summary\nis lost").unwrap_err();
        assert_eq!(one_line(&error), "the summary is lost: out.json: cannot be written: no luck");
    }

    #[test]
    fn kinds_of_errors_have_their_codes_however_deep_they_lie() {
        let cases: [(anyhow::Error, u8); 11] = [
            (anyhow::anyhow!("anything"), 1),
            (CommandError::Output { path: "x".into(), source: io() }.into(), 1),
            (CommandError::NoModelFolder { path: "x".into() }.into(), 2),
            (RunFileError::SetSyntax { text: "x".into() }.into(), 2),
            (TrainError::from(TaskError::NoProblems { file: "x".into() }).into(), 3),
            (TrainError::NoPassRates { field: "x".into(), unknown: 2, problems: 2 }.into(), 3),
            (TaskError::NoMatch { pattern: "x*".into() }.into(), 3),
            (TaskError::Pattern { pattern: "x[".into(), problem: "y".into() }.into(), 2),
            (TrainError::from(PolicyError::from(RuntimeError::DiskFull { path: "x".into() })).into(), 1),
            (PolicyError::Interrupted.into(), 130),
            (anyhow::Error::from(RuntimeError::MissingChatTemplate { path: "x".into() }).context("outside"), 3),
        ];
        for (error, expected) in cases {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }
}
