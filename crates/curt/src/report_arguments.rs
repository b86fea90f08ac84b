//! What can be typed after `curt report`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  curt report runs/embedded                           written to runs/embedded/report.html
  curt report runs/a runs/b runs/c -o compare.html    three runs laid over each other
  curt report eval.json -o eval.html                  what curt eval found
  curt report runs/a --no-rollouts                    without completions and histograms, faster on very large runs

The page is one file that needs no network. Every run writes its own at its end, and keeps it up to date while it goes on.";

/// `curt report`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReportArguments {
    /// Run directories, and files that curt eval wrote
    #[arg(value_name = "RUN|EVAL.json", required = true)]
    pub sources: Vec<PathBuf>,
    /// Where the page is written [default: report.html in the run directory or beside the evaluation, of several here]
    #[arg(short, long, value_name = "OUT.html")]
    pub output: Option<PathBuf>,
    /// Leave the recorded rollouts unread
    #[arg(long)]
    pub no_rollouts: bool,
}
