//! The command line of `curt watch`.

use std::path::PathBuf;

use clap::Args;

const WATCH_EXAMPLES: &str = "\
Examples:
  curt watch runs/embedded                                the stages and the alarms of a run, step by step
  curt watch runs/a runs/b/metrics.jsonl --json           as JSON lines, in the form of events.jsonl
  curt watch runs/embedded --set alarms.window=20 --set alarms.trap_threshold=0.25

A run directory is judged with the settings of its run.toml, a file alone with the defaults; --set changes either.
A run says the same while it goes on, and does what alarms.action asks for: warn, pause, rollback or stop.
States: adapting (lengths move), refining (they have settled), rebound (they grow again), collapsing (answers are short, and
accuracy falls or entropy rises), exploding (entropy rises and answers are not short, or numbers are not finite).";

/// `curt watch`
#[derive(Args, Debug)]
#[command(after_help = WATCH_EXAMPLES)]
pub struct WatchArguments {
    /// Run directories, or files of metrics (metrics.jsonl)
    #[arg(value_name = "RUN_DIR|METRICS", required = true)]
    pub runs: Vec<PathBuf>,
    /// Change one setting of the alarms, as in --set alarms.window=20; may be given several times
    #[arg(long = "set", value_name = "alarms.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Print JSON lines instead: {"run", "step", "event", "detail"}
    #[arg(long)]
    pub json: bool,
}
