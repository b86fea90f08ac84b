//! `curt data`: what files of problems hold.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;

use crate::data_arguments::{DataArguments, DataCommand, InspectArguments};
use crate::data_inspection::inspect;
use crate::data_page::lines;
use crate::terminal::Terminal;

/// Runs the command.
pub fn run(arguments: &DataArguments, terminal: &Terminal) -> Result<ExitCode> {
    match &arguments.command {
        DataCommand::Inspect(arguments) => run_inspect(arguments, terminal),
    }
}

fn run_inspect(arguments: &InspectArguments, terminal: &Terminal) -> Result<ExitCode> {
    let inspection = inspect(arguments)?;
    match arguments.json {
        false => terminal.say(&lines(terminal, &inspection).join("\n")),
        true => {
            let text = serde_json::to_string_pretty(&inspection)?;
            // a reader that has gone away wants no more
            let _ = writeln!(std::io::stdout().lock(), "{text}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
