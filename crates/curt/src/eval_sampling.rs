//! Models × sets of problems → samples, written down batch by batch.

use std::path::{Path, PathBuf};

use anyhow::Result;
use curt_eval::EvalSettings;
use curt_runtime::{ChatTemplate, PolicyError};
use curt_trainer::config::{Config, TaskKind};
use curt_trainer::run_file::RunFile;
use curt_trainer::{Conditions, EvalFileError, RUNNING, RecordedSamples, RowsPlan, SamplesFile, TrainError, Trainer};

use crate::eval_arguments::EvalArguments;
use crate::eval_compare::EvalCommandError;
use crate::exit::CommandError;
use crate::header;
use crate::interrupt::Interrupt;
use crate::numbers::{counted, short};
use crate::progress::generation_bar;
use crate::terminal::Terminal;
use crate::wiring::{Model, load_model};

/// Room for the prompts of a file; what is longer does not fit beside the completion.
const SHORTEST_PROMPT: usize = 16;

/// Samples of each model on each set; and, where they are to be kept, the file that holds them, to be closed when everything
/// is written.
pub fn sample(
    arguments: &EvalArguments,
    settings: &EvalSettings,
    terminal: &Terminal,
    interrupt: &Interrupt,
) -> Result<(Vec<RecordedSamples>, Option<SamplesFile>)> {
    let models = labelled(&arguments.models)?;
    let sets = sets(&arguments.data)?;
    // where nothing is to be kept, the samples lie in a folder that goes away
    let temporary = arguments.output.is_none().then(tempfile::tempdir).transpose()?;
    let folder = temporary.as_ref().map(|folder| folder.path().to_owned());
    let folder = arguments.output.clone().or(folder).unwrap_or_else(|| PathBuf::from("."));
    let mut file = SamplesFile::open(&folder)?;
    for (label, path) in &models {
        let result = one_model(arguments, settings, (label, path), &sets, &mut file, (terminal, interrupt));
        if arguments.output.is_some() && is_interrupted(&result) {
            let kept = folder.join(RUNNING);
            terminal.say(&format!("stopped: what was sampled is in {}; the same command goes on from there", kept.display()));
        }
        result?;
    }
    let order = sets.iter().flat_map(|(set, _)| models.iter().map(|(label, _)| (label.clone(), set.clone()))).collect::<Vec<_>>();
    let samples = file.finish(&order)?;
    Ok((samples, temporary.is_none().then_some(file)))
}

fn is_interrupted(result: &Result<()>) -> bool {
    let error = result.as_ref().err().and_then(|error| error.downcast_ref::<EvalFileError>());
    let of_the_model = |error: &TrainError| matches!(error, TrainError::Policy(PolicyError::Interrupted));
    matches!(error, Some(EvalFileError::Train(error)) if of_the_model(error))
}

fn one_model(
    arguments: &EvalArguments,
    settings: &EvalSettings,
    (label, path): (&str, &str),
    sets: &[(String, String)],
    file: &mut SamplesFile,
    (terminal, interrupt): (&Terminal, &Interrupt),
) -> Result<()> {
    let (device, threads) = (arguments.device.name(), arguments.device.threads.unwrap_or(0));
    let model = load_model(path, device, threads, curt_runtime::Settings::default())?;
    let Model { policy, mut tokenizer, folder, facts } = model;
    let rows = [("model", header::model(&facts)), ("runs on", header::device(&facts))];
    terminal.say(&header::labelled(terminal, &rows).join("\n"));
    let mut policy = Some(policy);
    for (set, data) in sets {
        let config = config(arguments, settings, data, facts.context, folder.path())?;
        let Some(model) = policy.take() else { break };
        let mut trainer = Trainer::new(config, model, tokenizer, folder.path())?;
        let plan = RowsPlan { model: label, data: set, cluster: arguments.cluster.as_deref(), batch: batch(arguments) };
        one_set(&mut trainer, &plan, arguments, folder.path(), file, (terminal, interrupt))?;
        policy = Some(trainer.policy);
        tokenizer = curt_runtime::Tokenizer::load(folder.path())?;
    }
    Ok(())
}

fn one_set(
    trainer: &mut Trainer,
    plan: &RowsPlan<'_>,
    arguments: &EvalArguments,
    folder: &Path,
    file: &mut SamplesFile,
    (terminal, interrupt): (&Terminal, &Interrupt),
) -> Result<()> {
    let (problems, eval) = (trainer.evaluation_set.len(), &trainer.config.eval);
    let file_of_problems = trainer.config.data.path.as_ref().map(|path| path.display().to_string());
    let what = format!(
        "{} of {}, {} of at most {} tokens each at temperature {}",
        counted(problems as u64, "problem"),
        file_of_problems.as_deref().unwrap_or("chain"),
        counted(eval.n as u64, "sample"),
        eval.max_completion_length,
        eval.temperature
    );
    let mut rows = vec![("samples", what)];
    let done = file.begin(&Conditions::new(trainer, plan, folder)?)?;
    if !done.is_empty() {
        rows.push(("goes on", format!("{} known", counted(done.len() as u64, "problem"))));
    }
    terminal.say(&header::labelled(terminal, &rows).join("\n"));
    let bar = generation_bar(terminal, problems * arguments.n);
    let result = trainer.evaluate_rows(plan, &done, &mut |rows| file.samples(&rows), &mut |progress| {
        bar.set_position(progress.finished as u64);
        bar.set_message(format!("{} tokens", short(progress.tokens as f64)));
        !interrupt.came()
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// Without a file that stays there is nothing to save, and one batch is fastest.
fn batch(arguments: &EvalArguments) -> usize {
    if arguments.output.is_some() { arguments.batch } else { usize::MAX }
}

/// `LABEL=MODEL` or `MODEL`, which is its own label.
fn labelled(models: &[String]) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for typed in models {
        let (label, path) = label_of(typed);
        if found.iter().any(|(other, _)| other == label) {
            return Err(EvalCommandError::LabelTwice { label: label.to_owned() }.into());
        }
        found.push((label.to_owned(), path.to_owned()));
    }
    Ok(found)
}

/// A label before `=`, unless the whole is something that exists; else the text is its own label.
pub fn label_of(typed: &str) -> (&str, &str) {
    match typed.split_once('=') {
        Some((label, path)) if !label.is_empty() && !Path::new(typed).exists() => (label, path),
        _ => (typed, typed),
    }
}

/// Label and word of each set: a file goes by its name without the end, or by all of what was typed where two would be alike.
fn sets(data: &[String]) -> Result<Vec<(String, String)>> {
    let stem = |typed: &str| {
        let stem = Path::new(typed).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        stem.unwrap_or_else(|| typed.to_owned())
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for typed in data {
        let alike = data.iter().filter(|other| stem(other) == stem(typed)).count() > 1;
        let label = if alike { typed.clone() } else { stem(typed) };
        if found.iter().any(|(other, _)| *other == label) {
            return Err(EvalCommandError::LabelTwice { label }.into());
        }
        found.push((label, typed.clone()));
    }
    Ok(found)
}

/// The configuration of a run of which only the evaluation happens: the embedded one with what was typed.
fn config(arguments: &EvalArguments, settings: &EvalSettings, data: &str, context: usize, folder: &Path) -> Result<Config> {
    let limit = settings.limit as usize;
    // as a key, so that what follows from the task does, such as the verifier
    let sets = if data == "chain" { Vec::new() } else { vec!["data.task=jsonl".to_owned(), "data.path=FILE".to_owned()] };
    let mut config = RunFile::load(None, &sets)?;
    config.rollout.max_completion_length = limit;
    if config.data.task == TaskKind::Jsonl {
        config.data.path = Some(data.into());
        config.data.prompt_suffix = arguments.prompt_suffix.clone();
        config.data.chat_template = !arguments.no_chat_template && ChatTemplate::find(folder)?.is_some();
        // a prompt may fill what the completion leaves of the context; too little of it is an error of its own
        config.rollout.max_prompt_length = context.saturating_sub(limit).max(SHORTEST_PROMPT);
    }
    let prompt = config.rollout.max_prompt_length;
    if prompt.saturating_add(limit) > context {
        return Err(CommandError::LimitBeyondContext { prompt, limit, context }.into());
    }
    let eval = &mut config.eval;
    eval.problems = arguments.problems.unwrap_or(if data == "chain" { eval.problems } else { usize::MAX });
    eval.n = arguments.n;
    eval.max_completion_length = limit;
    eval.budgets = settings.budgets.clone();
    eval.temperature = arguments.sampling.temperature;
    eval.top_p = arguments.sampling.top_p;
    eval.top_k = arguments.sampling.top_k;
    eval.min_p = arguments.sampling.min_p;
    eval.seed = arguments.sampling.seed;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn typed(words: &[&str]) -> EvalArguments {
        match Arguments::try_parse_from([&["curt", "eval"], words].concat()).unwrap().command {
            Some(Command::Eval(arguments)) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn problems_are_judged_by_the_verifier_of_their_task() {
        let arguments = typed(&["embedded:good"]);
        let settings = EvalSettings { limit: 256, budgets: vec![256], sampling: None, resamples: 1, bootstrap_seed: 0 };
        for (data, kind) in [("chain", "chain"), ("problems.jsonl", "math")] {
            let config = config(&arguments, &settings, data, 512, Path::new(".")).unwrap();
            assert_eq!(config.verify.kind, kind, "{data}");
        }
    }

    #[test]
    fn models_and_sets_have_labels() {
        let found = labelled(&typed(&["before=embedded:weak", "embedded:good", "a=b=c"]).models).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(label, path)| (label.as_str(), path.as_str())).collect();
        assert_eq!(found, [("before", "embedded:weak"), ("embedded:good", "embedded:good"), ("a", "b=c")]);
        let files = ["chain", "x/test.jsonl", "aime.json", "y/test.jsonl"].map(str::to_owned);
        let labels: Vec<String> = sets(&files).unwrap().into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["chain", "x/test.jsonl", "aime", "y/test.jsonl"]);
        assert!(labelled(&["a=x".to_owned(), "a=y".to_owned()]).is_err());
        assert!(sets(&["a.jsonl".to_owned(), "a.jsonl".to_owned()]).is_err());
    }
}
