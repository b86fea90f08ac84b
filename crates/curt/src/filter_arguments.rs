//! What can be typed after `curt filter`, and its help texts.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::{DeviceArguments, positive, temperature};
use crate::data_arguments::ReadingArguments;

const EXAMPLES: &str = "\
Examples:
  curt filter --measure --task chain --output D           try it: 288 chain problems on the model inside the binary
  curt filter train.jsonl --pass-rate-field pass_rate --output D
  curt filter train.jsonl --measure --model DIR --cap 16384 --output D
  curt filter train.jsonl --measure --model DIR --cap 4096 --band 0.1..0.6 --band easy='(0.5, 1]' --output D

A group of rollouts teaches by its differences, so prompts that are always or never solved teach little. The usual rule is that of
arXiv 2602.20945: 8 attempts; Easy is more than half right, Hard the rest. Training on dense right answers is what the paper advises.
Attempts that cannot change a label are not made: 5 right or 4 wrong of 8 decide it. The label is exactly that of all 8.
A pass rate belongs to a model, a cap, a temperature and a grader. Use the model you will train, and its L_R
(rollout.max_completion_length) as --cap.

D gets easy.jsonl and hard.jsonl (or BAND.jsonl), which curt train reads: each problem with its other fields, pass_rate, n_trials and
pass_len_mean (mean tokens of right answers); unrated.jsonl; attempts.jsonl, to which each attempt is written as it is made; card.json
and card.html, which say what was done. Stop it at any time: the same command goes on where it stopped.";

/// Rates that are known are not measured, so what says how to measure is refused beside them.
const KNOWN: &str = "pass_rate_field";

/// `curt filter`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FilterArguments {
    /// Files of problems; a name with *, ?, [ or ** stands for those that match
    #[arg(value_name = "FILE", required_unless_present = "task", conflicts_with = "task")]
    pub files: Vec<PathBuf>,
    /// The folder that gets the results
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Take the pass rate of each problem, 0 to 1, from this field
    #[arg(long, value_name = "NAME", conflicts_with = "measure")]
    pub pass_rate_field: Option<String>,
    /// Measure pass rates: sample attempts with a model and judge them
    #[arg(long)]
    pub measure: bool,
    /// Problems that are drawn instead of read: chain, the synthetic task
    #[arg(long, value_name = "TASK", requires = "measure", conflicts_with = KNOWN, value_parser = ["chain"])]
    pub task: Option<String>,
    /// Numbers of links of the chains, as many problems of each
    #[arg(long, value_name = "LO..HI", default_value = "1..12", requires = "task", conflicts_with = KNOWN, value_parser = links)]
    pub links: (u32, u32),
    /// How many chains
    #[arg(long, value_name = "N", default_value = "288", requires = "task", conflicts_with = KNOWN, value_parser = positive)]
    pub problems: usize,
    /// Attempts at each problem [default: 8]; with --pass-rate-field, how many each rate is of
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub attempts: Option<u32>,
    /// Keep pass rates from LO to HI, both included, in NAME.jsonl, instead of the usual rule; may be given several times
    #[arg(long = "band", value_name = "[NAME=]LO..HI")]
    pub bands: Vec<String>,
    /// The model: a folder in Hugging Face layout, embedded:good or embedded:weak
    #[arg(long, value_name = "MODEL", default_value = "embedded:good", requires = "measure", conflicts_with = KNOWN)]
    pub model: String,
    /// Most tokens of an attempt; should be L_R of the training [default for --task chain: 256]
    #[arg(long, value_name = "TOKENS", requires = "measure", conflicts_with = KNOWN,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub cap: Option<u32>,
    /// Sampling temperature; should be that of the training
    #[arg(long, value_name = "T", default_value = "1.0", requires = "measure", conflicts_with = KNOWN, value_parser = temperature)]
    pub temperature: f64,
    /// Key of all randomness
    #[arg(long, value_name = "N", default_value = "0", requires = "measure", conflicts_with = KNOWN)]
    pub seed: u64,
    /// What judges: math, code, exact, command or chain [default: math; for --task chain: chain]
    #[arg(long, value_name = "KIND", requires = "measure", conflicts_with = KNOWN, value_parser = ["math", "code", "exact", "command", "chain"])]
    pub verify: Option<String>,
    /// Program and arguments of --verify command
    #[arg(long, value_name = "COMMAND", requires = "verify", conflicts_with = KNOWN, required_if_eq("verify", "command"))]
    pub command: Option<String>,
    /// What runs the programs of --verify code, with its arguments [default: python3]
    #[arg(long, value_name = "PROGRAM", requires = "verify", conflicts_with = KNOWN)]
    pub interpreter: Option<String>,
    /// Make all attempts, also those that cannot change a label: for pass rates that lean to no side
    #[arg(long, requires = "measure", conflicts_with = KNOWN)]
    pub no_early_stop: bool,
    /// Attempts that are made at once; changes no label, only how much a kill can cost
    #[arg(long, value_name = "N", default_value = "256", requires = "measure", conflicts_with = KNOWN, value_parser = positive)]
    pub batch: usize,
    /// Go on although attempts.jsonl holds others, of another model, cap or prompt: they stay there and are not counted
    #[arg(long, requires = "measure", conflicts_with = KNOWN)]
    pub force: bool,
    /// Text put after each problem, as `data.prompt_suffix` in a run file [default: a line that asks for \boxed{}]
    #[arg(long, value_name = "TEXT", requires = "measure", conflicts_with_all = [KNOWN, "task"])]
    pub prompt_suffix: Option<String>,
    /// Give problems to the model as they are, even if it has a chat template
    #[arg(long, requires = "measure", conflicts_with = KNOWN)]
    pub no_chat_template: bool,
    #[command(flatten)]
    pub reading: ReadingArguments,
    #[command(flatten)]
    pub device: DeviceArguments,
}

fn links(text: &str) -> Result<(u32, u32), String> {
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    match (low.parse(), high.parse()) {
        (Ok(low), Ok(high)) if low <= high && low >= 1 => Ok((low, high)),
        _ => Err("expected a number of links from 1, or a range such as 1..12".to_owned()),
    }
}
