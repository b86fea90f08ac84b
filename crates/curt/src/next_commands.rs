//! What to type after a run.

use std::path::Path;

use curt_eval::Action;
use curt_trainer::config::{Config, TaskKind};
use curt_trainer::{Outcome, RunReport, checkpoint};

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

/// The options with which `curt eval` asks what the run's own evaluation asked; none where no options can say it.
fn evaluation(config: &Config) -> Option<String> {
    let (data, eval, verify) = (&config.data, &config.eval, &config.verify);
    if data.task == TaskKind::Chain {
        return Some(String::new());
    }
    let file = eval.path.as_ref().or(data.path.as_ref())?;
    let is_usual = verify.kind == "math" && verify.sources.is_empty() && data.prompt_key == "auto" && data.answer_key == "auto";
    if !is_usual {
        return None;
    }
    let mut options = format!(" --data {} --n {} --limit {}", quoted_path(file), eval.n, eval.max_completion_length);
    if !data.prompt_suffix.is_empty() {
        options.push_str(&format!(" --prompt-suffix {}", quoted(&data.prompt_suffix)));
    }
    if !data.chat_template {
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
    use curt_trainer::run_file::RunFile;

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
        let file = ["data.task=jsonl", "data.path='a b.jsonl'", "data.prompt_suffix='Think.'", "eval.n=4"];
        assert_eq!(options(&file).as_deref(), Some(" --data 'a b.jsonl' --n 4 --limit 256 --prompt-suffix Think."));
        let plain = ["data.task=jsonl", "data.path=a", "eval.path=b", "data.prompt_suffix=''", "data.chat_template=false"];
        assert_eq!(options(&plain).as_deref(), Some(" --data b --n 8 --limit 256 --no-chat-template"));
        assert_eq!(options(&["data.task=jsonl", "data.path=a", "verify.kind=exact"]), None);
    }
}
