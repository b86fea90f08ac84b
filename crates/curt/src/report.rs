//! `curt report`: runs and evaluations as one HTML page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use curt_report::{EvaluationFile, Page, ROLLOUT_BYTES, Run, read_eval, read_run_within};
use curt_runtime::Tokenizer;
use curt_trainer::checkpoint;
use curt_trainer::run_file::RunFile;

use crate::exit::CommandError;
use crate::report_arguments::ReportArguments;
use crate::terminal::Terminal;
use crate::whole_file;

/// The page's name in a run directory.
pub const FILE: &str = "report.html";
/// What `curt eval` calls its numbers.
const EVALUATION: &str = "eval.json";

/// Runs the command.
pub fn run(arguments: &ReportArguments, terminal: &Terminal) -> Result<ExitCode> {
    let (mut runs, mut evaluations): (Vec<Run>, Vec<EvaluationFile>) = (Vec::new(), Vec::new());
    let rollout_bytes = if arguments.no_rollouts { 0 } else { ROLLOUT_BYTES };
    for source in &arguments.sources {
        match evaluation_at(source) {
            Some(file) => evaluations.push(read_eval(&file)?),
            None => {
                let mut run = read_run_within(source, rollout_bytes)?;
                decode_prompts(&mut run, tokenizer(source).as_ref());
                runs.push(run);
            }
        }
    }
    let output = arguments.output.clone().unwrap_or_else(|| default_output(&arguments.sources));
    write(&output, &page(runs, evaluations)?)?;
    terminal.say(&format!("  {}  {}", terminal.bold("report"), output.display()));
    Ok(ExitCode::SUCCESS)
}

/// The page of runs, whose settings are compared with those of the run inside the binary.
pub fn page(runs: Vec<Run>, evaluations: Vec<EvaluationFile>) -> Result<String> {
    let preset = RunFile::load(None, &[])?.to_toml()?;
    let page = Page::new(runs, evaluations)?.with_preset("the embedded run", &preset)?;
    Ok(page.made_by(concat!("curt ", env!("CARGO_PKG_VERSION"))).to_html())
}

/// Writes the page whole or not at all.
pub fn write(output: &Path, page: &str) -> Result<()> {
    whole_file::write(output, page.as_bytes()).map_err(|source| CommandError::Output { path: output.to_owned(), source }.into())
}

/// The tokenizer of a run's newest checkpoint, if there is one that can be read: a page without prompts is better than none.
pub fn tokenizer(run: &Path) -> Option<Tokenizer> {
    let step = checkpoint::steps(run).ok()?.last().copied()?;
    Tokenizer::load(&checkpoint::directory(run, step)).ok()
}

/// Puts the prompts of a run's examples into words.
pub fn decode_prompts(run: &mut Run, tokenizer: Option<&Tokenizer>) {
    if let Some(tokenizer) = tokenizer {
        run.decode_prompts(&|ids| tokenizer.decode(ids, false).ok());
    }
}

/// The evaluation that `source` is, or that the folder holds which is no run.
fn evaluation_at(source: &Path) -> Option<PathBuf> {
    let inside = source.join(EVALUATION);
    let is_run = ["run.toml", "metrics.jsonl"].iter().any(|name| source.join(name).is_file());
    match source.is_file() {
        true => Some(source.to_owned()),
        false => (inside.is_file() && !is_run).then_some(inside),
    }
}

fn default_output(sources: &[PathBuf]) -> PathBuf {
    match sources {
        [only] if only.is_dir() => only.join(FILE),
        [only] => only.with_file_name(FILE),
        _ => FILE.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lie_beside_what_they_are_about() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().to_owned();
        assert_eq!(default_output(std::slice::from_ref(&run)), run.join(FILE));
        assert_eq!(default_output(&[run.join("eval.json")]), run.join(FILE));
        assert_eq!(default_output(&[run.clone(), run]), Path::new(FILE));
    }

    #[test]
    fn a_folder_with_an_evaluation_alone_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join(EVALUATION);
        assert_eq!(evaluation_at(folder.path()), None);
        std::fs::write(&inside, "{}").unwrap();
        assert_eq!(evaluation_at(folder.path()), Some(inside.clone()));
        assert_eq!(evaluation_at(&inside), Some(inside));
        std::fs::write(folder.path().join("run.toml"), "").unwrap();
        assert_eq!(evaluation_at(folder.path()), None);
    }
}
