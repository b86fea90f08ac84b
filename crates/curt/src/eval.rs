//! `curt eval`: a model's answers to problems, at every token budget.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use curt_runtime::ChatTemplate;
use curt_trainer::Trainer;
use curt_trainer::config::{Config, TaskKind};
use curt_trainer::run_file::RunFile;

use crate::arguments::EvalArguments;
use crate::exit::CommandError;
use crate::interrupt::Interrupt;
use crate::numbers::{counted, short};
use crate::progress::generation_bar;
use crate::terminal::Terminal;
use crate::wiring::{Model, load_model};
use crate::{closing, header, whole_file};

/// Room for the prompts of a file; what is longer does not fit beside the completion.
const SHORTEST_PROMPT: usize = 16;

/// Runs the command: the table goes to standard output.
pub fn run(arguments: &EvalArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let (device, threads) = (arguments.device.name(), arguments.device.threads.unwrap_or(0));
    let model = load_model(&arguments.model, device, threads, curt_runtime::Settings::default())?;
    let Model { policy, tokenizer, folder, facts } = model;
    let config = config(arguments, facts.context, folder.path())?;
    let mut trainer = Trainer::new(config, policy, tokenizer, folder.path())?;
    let problems = trainer.evaluation_set.len();
    let what = format!(
        "{} of {}, {} of at most {} tokens each at temperature {}",
        counted(problems as u64, "problem"),
        arguments.data,
        counted(arguments.n as u64, "sample"),
        arguments.limit,
        arguments.sampling.temperature
    );
    let rows = [("model", header::model(&facts)), ("evaluation", what), ("runs on", header::device(&facts))];
    terminal.say(&header::labelled(terminal, &rows).join("\n"));
    let bar = generation_bar(terminal, problems * arguments.n);
    let evaluation = trainer.evaluate(&mut |progress| {
        bar.set_position(progress.finished as u64);
        bar.set_message(format!("{} tokens", short(progress.tokens as f64)));
        !interrupt.came()
    });
    bar.finish_and_clear();
    let summary = evaluation?.summary;
    terminal.say(&closing::evaluation(terminal, &summary).join("\n"));
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&summary)? + "\n";
        whole_file::write(path, text.as_bytes()).map_err(|source| CommandError::Output { path: path.clone(), source })?;
        terminal.say(&format!("  written to {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration of a run of which only the evaluation happens: the embedded one with what was typed.
fn config(arguments: &EvalArguments, context: usize, folder: &Path) -> Result<Config> {
    let limit = arguments.limit;
    if let Some(&budget) = arguments.budgets.iter().find(|&&budget| budget as usize > limit) {
        return Err(CommandError::BudgetBeyondLimit { budget, limit }.into());
    }
    // as a key, so that what follows from the task does, such as the verifier
    let sets =
        if arguments.data == "chain" { Vec::new() } else { vec!["data.task=jsonl".to_owned(), "data.path=FILE".to_owned()] };
    let mut config = RunFile::load(None, &sets)?;
    config.rollout.max_completion_length = limit;
    if config.data.task == TaskKind::Jsonl {
        config.data.path = Some(arguments.data.clone().into());
        config.data.prompt_suffix = arguments.prompt_suffix.clone();
        config.data.chat_template = !arguments.no_chat_template && ChatTemplate::find(folder)?.is_some();
        // a prompt may fill what the completion leaves of the context; too little of it is an error of its own
        config.rollout.max_prompt_length = context.saturating_sub(limit).max(SHORTEST_PROMPT);
    }
    let eval = &mut config.eval;
    eval.problems = arguments.problems.unwrap_or(if arguments.data == "chain" { eval.problems } else { usize::MAX });
    eval.n = arguments.n;
    eval.max_completion_length = limit;
    eval.budgets = budgets(arguments);
    eval.temperature = arguments.sampling.temperature;
    eval.top_p = arguments.sampling.top_p;
    eval.top_k = arguments.sampling.top_k;
    eval.min_p = arguments.sampling.min_p;
    eval.seed = arguments.sampling.seed;
    Ok(config)
}

/// The budgets that were typed, else powers of two and what lies half-way between them, up to the limit.
fn budgets(arguments: &EvalArguments) -> Vec<u32> {
    if !arguments.budgets.is_empty() {
        return arguments.budgets.clone();
    }
    let limit = u32::try_from(arguments.limit).unwrap_or(u32::MAX);
    let powers = (4..31).map(|power| 1_u32 << power);
    let mut budgets: Vec<u32> = powers.flat_map(|power| [power, power + power / 2]).take_while(|b| *b < limit).collect();
    budgets.retain(|budget| *budget != 24 && *budget >= limit.div_ceil(64));
    budgets.push(limit);
    budgets
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    #[test]
    fn problems_are_judged_by_the_verifier_of_their_task() {
        for (data, kind) in [("chain", "chain"), ("problems.jsonl", "math")] {
            let typed = Arguments::try_parse_from(["curt", "eval", "embedded:good", "--data", data]).unwrap();
            let Some(Command::Eval(arguments)) = typed.command else { panic!("{data}") };
            let config = config(&arguments, 512, Path::new(".")).unwrap();
            assert_eq!(config.verify.kind, kind, "{data}");
        }
    }
}
