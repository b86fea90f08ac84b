//! What to type after a run.

use std::path::Path;

use clap::Parser;
use curt_eval::Action;
use curt_trainer::config::{Config, TaskKind};
use curt_trainer::run_file::RunFile;
use curt_trainer::{Outcome, RunReport, checkpoint};

use crate::arguments::{Arguments, Command};
use crate::eval::LIMIT;
use crate::terminal::Terminal;

/// A problem of the chain task: 44, + 3, × 9, - 1, each digit for itself.
const EXAMPLE_PROMPT: &str = "^44a+3b*9c-1>";

/// Where the run lies, and commands to go on with.
pub fn lines(terminal: &Terminal, config: &Config, report: &RunReport, page: Option<&Path>) -> Vec<String> {
    let program = quoted(&std::env::args().next().unwrap_or_else(|| "curt".into()));
    let mut commands: Vec<String> = resume(&program, config, report).into_iter().collect();
    let newest = checkpoint::steps(&report.output_dir).ok().and_then(|steps| steps.last().copied());
    if let Some(step) = newest {
        let folder = quoted_path(&checkpoint::directory(&report.output_dir, step));
        commands.extend(evaluation(config).map(|options| format!("{program} eval {folder}{options}")));
        if config.data.task == TaskKind::Chain {
            commands.push(format!("{program} generate {folder} --prompt '{EXAMPLE_PROMPT}'"));
        }
    }
    let mut lines = vec![format!("  {}  {}", terminal.bold("run directory"), report.output_dir.display())];
    lines.extend(page.map(|page| format!("  {}         {}", terminal.bold("report"), page.display())));
    lines.extend(commands.into_iter().map(|command| format!("  {}           {command}", terminal.dim("next"))));
    lines
}

/// The command that goes on with the run, if it is not over.
fn resume(program: &str, config: &Config, report: &RunReport) -> Option<String> {
    let resume = format!("{program} train --resume latest --output-dir {}", quoted_path(&report.output_dir));
    match report.outcome {
        Outcome::Interrupted { step } => Some(format!("{resume}   # goes on after step {step}")),
        // the alarm is on already, so that it does not stop the run again
        Outcome::Alarmed { action: Action::Warn | Action::Pause, saved, .. } => {
            Some(format!("{resume}   # goes on after step {saved} in spite of it"))
        }
        Outcome::Alarmed { action: Action::Rollback | Action::Stop, alarm, saved, .. } => {
            Some(format!("{resume} --set alarms.{}_action=warn   # goes on after step {saved} in spite of it", alarm.word()))
        }
        Outcome::Finished if report.after.is_none() && config.eval.enabled => Some(format!("{resume}   # makes the evaluation")),
        Outcome::Finished => None,
    }
}

/// The options with which `curt eval` samples what the run's own evaluation sampled; none where no options can say it.
fn evaluation(config: &Config) -> Option<String> {
    let (data, verify, usual) = (&config.data, &config.verify, RunFile::load(None, &[]).ok()?);
    let Some(Command::Eval(typed)) = Arguments::try_parse_from(["curt", "eval", "MODEL"]).ok()?.command else { return None };
    let mut options = String::new();
    let mut add = |name: &str, value: &str| options.push_str(&format!(" --{name}={}", quoted(value)));
    if data.task == TaskKind::Jsonl {
        let file = config.eval.path.as_ref().or(data.path.as_ref())?;
        let is_usual =
            verify.kind == "math" && verify.sources.is_empty() && data.prompt_key == "auto" && data.answer_key == "auto";
        if !is_usual {
            return None;
        }
        add("data", &file.to_string_lossy());
        if !data.prompt_suffix.is_empty() {
            add("prompt-suffix", &data.prompt_suffix);
        }
    } else if config.eval.links != usual.eval.links {
        return None;
    }
    let (eval, usual) = (&config.eval, &usual.eval);
    let numbers = [
        ("problems", eval.problems.to_string(), usual.problems.to_string()),
        ("n", eval.n.to_string(), typed.n.to_string()),
        ("limit", eval.max_completion_length.to_string(), LIMIT.to_string()),
        ("temperature", eval.temperature.to_string(), typed.sampling.temperature.to_string()),
        ("top-p", eval.top_p.to_string(), typed.sampling.top_p.to_string()),
        ("top-k", eval.top_k.to_string(), typed.sampling.top_k.to_string()),
        ("min-p", eval.min_p.to_string(), typed.sampling.min_p.to_string()),
        ("seed", eval.seed.to_string(), typed.sampling.seed.to_string()),
    ];
    // of a file `curt eval` takes all problems
    let is_needed = |name: &str| name == "problems" && data.task == TaskKind::Jsonl;
    for (name, value, _) in numbers.iter().filter(|(name, value, usual)| value != usual || is_needed(name)) {
        add(name, value);
    }
    if data.task == TaskKind::Jsonl && !data.chat_template {
        options.push_str(" --no-chat-template");
    }
    Some(options)
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    // only a word with a zero byte cannot be quoted, and no argument has one
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(sets: &[&str]) -> Option<String> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        evaluation(&RunFile::load(None, &sets).unwrap())
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words = ["runs/embedded-2", "my run", "it's $5", ""];
        assert_eq!(words.map(quoted), ["runs/embedded-2", "'my run'", "\"it's \"'$5'", "''"]);
    }

    #[test]
    fn an_evaluation_asks_what_the_run_asked() {
        assert_eq!(options(&[]).as_deref(), Some(""));
        let chain = ["eval.n=2", "eval.problems=4", "eval.top_k=5", "eval.temperature=0.5"];
        assert_eq!(options(&chain).as_deref(), Some(" --problems=4 --n=2 --temperature=0.5 --top-k=5"));
        assert_eq!(options(&["eval.links=[1]"]), None);
        let file = ["data.task=jsonl", "data.path='a b.jsonl'", "data.prompt_suffix='- Think.'", "eval.n=4", "eval.problems=9"];
        let expected = " --data='a b.jsonl' --prompt-suffix='- Think.' --problems=9 --n=4";
        assert_eq!(options(&file).as_deref(), Some(expected));
        // a shell and the program take it as it is meant
        let words = shlex::split(&format!("curt eval MODEL{expected}")).unwrap();
        let Some(Command::Eval(typed)) = Arguments::try_parse_from(words).unwrap().command else { panic!("no eval") };
        assert_eq!((&typed.data[..], typed.prompt_suffix.as_str()), (&["a b.jsonl".to_owned()][..], "- Think."));
        assert_eq!((typed.problems, typed.n), (Some(9), 4));
        let plain = ["data.task=jsonl", "data.path=a", "eval.path=b", "data.prompt_suffix=''", "data.chat_template=false"];
        let expected = format!(" --data=b --problems={} --no-chat-template", RunFile::load(None, &[]).unwrap().eval.problems);
        assert_eq!(options(&plain).as_deref(), Some(expected.as_str()));
        assert_eq!(options(&["data.task=jsonl", "data.path=a", "verify.kind=exact"]), None);
    }
}
