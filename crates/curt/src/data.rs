//! `curt data`: what files of problems hold.

use std::process::ExitCode;

use anyhow::Result;
use curt_trainer::inspection::{InspectionPlan, TokenCounter, inspect};

use crate::data_arguments::{DataArguments, DataCommand, InspectArguments};
use crate::data_page::lines;
use crate::terminal::Terminal;
use crate::wiring::ModelFolder;

/// Runs the command.
pub fn run(arguments: &DataArguments, terminal: &Terminal) -> Result<ExitCode> {
    match &arguments.command {
        DataCommand::Inspect(arguments) => run_inspect(arguments, terminal),
    }
}

fn run_inspect(arguments: &InspectArguments, terminal: &Terminal) -> Result<ExitCode> {
    let folder = arguments.model.as_deref().map(ModelFolder::find).transpose()?;
    let model = arguments.model.as_deref().zip(folder.as_ref()).map(|(name, folder)| TokenCounter {
        name,
        folder: folder.path(),
        chat_template: !arguments.no_chat_template,
        limit: arguments.max_prompt_length,
    });
    let inspection = inspect(&InspectionPlan {
        files: &arguments.files,
        against: &arguments.against,
        read: &arguments.reading.options(),
        judges_golds: arguments.golds == "math",
        prompts: arguments.prompts,
        prompt_suffix: &arguments.prompt_suffix,
        model,
    })?;
    match arguments.json {
        false => terminal.say(&lines(terminal, &inspection).join("\n")),
        true => terminal.say(&serde_json::to_string_pretty(&inspection)?),
    }
    Ok(ExitCode::SUCCESS)
}
