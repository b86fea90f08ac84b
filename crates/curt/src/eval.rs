//! `curt eval`: answers to problems, at every token budget; models side by side.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use curt_eval::{EvalComparison, EvalEntry, EvalReport, EvalSampling, EvalSettings};
use curt_trainer::{RecordedSamples, SamplesFile};
use serde::Serialize;

use crate::eval_arguments::EvalArguments;
use crate::exit::CommandError;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use crate::{eval_compare, eval_page, eval_rollouts, eval_sampling, whole_file};

/// The limit of a completion where none was typed.
pub const LIMIT: usize = 256;

/// Runs the command: the tables go to standard output.
pub fn run(arguments: &EvalArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let (mut report, file) = if !arguments.rollouts.is_empty() {
        let samples = eval_rollouts::read(arguments)?;
        (recorded(arguments, samples)?, None)
    } else if !arguments.models.is_empty() {
        sampled(arguments, terminal, interrupt)?
    } else {
        (eval_compare::reports_of(&arguments.compare, &settings(arguments, LIMIT as u32, false)?)?, None)
    };
    report.comparisons = comparisons(arguments, &report)?;
    terminal.say(&eval_page::page(terminal, &report, arguments.models.is_empty() && arguments.rollouts.is_empty()).join("\n"));
    if let Some(path) = &arguments.json {
        match &report.entries[..] {
            [only] if report.comparisons.is_empty() => write(terminal, path, &only.summary)?,
            _ => write(terminal, path, &report)?,
        }
    }
    if let Some(folder) = &arguments.output {
        std::fs::create_dir_all(folder).map_err(|source| CommandError::Output { path: folder.clone(), source })?;
        write(terminal, &folder.join("eval.json"), &report)?;
    }
    if let Some(file) = file {
        file.close()?;
    }
    Ok(ExitCode::SUCCESS)
}

type Sampled = (EvalReport, Option<SamplesFile>);

fn sampled(arguments: &EvalArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<Sampled> {
    let limit = arguments.limit.unwrap_or(LIMIT);
    let settings = settings(arguments, u32::try_from(limit).unwrap_or(u32::MAX), true)?;
    let (samples, file) = eval_sampling::sample(arguments, &settings, terminal, interrupt)?;
    Ok((report(settings, samples)?, file))
}

fn recorded(arguments: &EvalArguments, samples: Vec<RecordedSamples>) -> Result<EvalReport> {
    let lengths = samples.iter().flat_map(|entry| &entry.problems).flat_map(|problem| &problem.lengths);
    let longest = lengths.copied().max().unwrap_or(1).max(1);
    let limit = arguments.limit.map_or(longest, |limit| u32::try_from(limit).unwrap_or(u32::MAX));
    report(settings(arguments, limit, false)?, samples)
}

fn report(settings: EvalSettings, samples: Vec<RecordedSamples>) -> Result<EvalReport> {
    let entry = |samples: RecordedSamples| EvalEntry::new(samples.model, samples.data, samples.problems, &settings);
    let entries = samples.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(EvalReport::new(concat!("curt ", env!("CARGO_PKG_VERSION")).to_owned(), settings, entries)?)
}

/// The pairs that were asked for; without a wish and with two models, those two.
fn comparisons(arguments: &EvalArguments, report: &EvalReport) -> Result<Vec<EvalComparison>> {
    let mut labels: Vec<&str> = Vec::new();
    for entry in &report.entries {
        if !labels.contains(&entry.model.as_str()) {
            labels.push(&entry.model);
        }
    }
    match (&arguments.compare[..], &labels[..]) {
        ([before, after], _) => eval_compare::compare(report, before, after),
        (_, [before, after]) => eval_compare::compare(report, before, after),
        _ => Ok(Vec::new()),
    }
}

/// What is computed, and, where samples are drawn, how.
fn settings(arguments: &EvalArguments, limit: u32, sampled: bool) -> Result<EvalSettings> {
    if let Some(&budget) = arguments.budgets.iter().find(|budget| **budget > limit) {
        return Err(CommandError::BudgetBeyondLimit { budget, limit: limit as usize }.into());
    }
    if let Some(pair) = arguments.budgets.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(CommandError::BudgetsOutOfOrder { before: pair[0], found: pair[1] }.into());
    }
    let sampling = &arguments.sampling;
    let drawn = EvalSampling {
        n: arguments.n,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        min_p: sampling.min_p,
        seed: sampling.seed,
        prompt_suffix: arguments.prompt_suffix.clone(),
        chat_template: !arguments.no_chat_template,
    };
    Ok(EvalSettings {
        limit,
        budgets: if arguments.budgets.is_empty() { default_budgets(limit) } else { arguments.budgets.clone() },
        sampling: sampled.then_some(drawn),
        resamples: arguments.resamples,
        bootstrap_seed: 0,
    })
}

/// Powers of two and what lies half-way between them, up to the limit.
fn default_budgets(limit: u32) -> Vec<u32> {
    let powers = (4..31).map(|power| 1_u32 << power);
    let budgets = powers.flat_map(|power| [power, power + power / 2]).take_while(|budget| *budget < limit);
    budgets.filter(|budget| *budget != 24 && *budget >= limit.div_ceil(64)).chain([limit]).collect()
}

fn write(terminal: &Terminal, path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    let written = whole_file::write(path, text.as_bytes());
    written.map_err(|source| CommandError::Output { path: path.to_owned(), source })?;
    terminal.say(&format!("  written to {}", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_rise_and_end_at_the_limit() {
        assert_eq!(default_budgets(256), [16, 32, 48, 64, 96, 128, 192, 256]);
        assert_eq!(default_budgets(10), [10]);
        assert_eq!(default_budgets(32_768)[..3], [512, 768, 1024]);
        for limit in 1..3000 {
            let budgets = default_budgets(limit);
            assert!(budgets.is_sorted_by(|a, b| a < b) && budgets.last() == Some(&limit), "{limit}: {budgets:?}");
        }
    }
}
