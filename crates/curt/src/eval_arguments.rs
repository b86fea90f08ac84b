//! What can be typed after `curt eval`, and its help text.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::{DeviceArguments, SamplingArguments, positive, samples};

const EXAMPLES: &str = "\
Examples:
  curt eval embedded:good                                 on the chain task, 288 problems
  curt eval runs/embedded/checkpoint-150
  curt eval embedded:weak embedded:good --output runs/eval   two models, compared; goes on after a kill
  curt eval before=DIR1 after=DIR2 --data a.jsonl --data b.jsonl --n 16 --output runs/eval
  curt eval DIR --data problems.jsonl --n 4 --limit 1024 --budgets 128,256,512,1024
  curt eval DIR --data problems.jsonl --problems 50 --temperature 0.6 --top-p 0.95 --json summary.json
  curt eval --rollouts runs/eval/samples.jsonl.zst --budgets 20,40,80   other budgets, nothing is generated
  curt eval --rollouts theirs=samples.jsonl --limit 32768   samples of another program, as for curt score
  curt eval --compare runs/one runs/two                   two evaluations of the same problems

A record of a data file has `problem` and `answer` (or names that other trainers use): JSON lines, a JSON list, parquet.
The same seed gives the same problems and draws, whatever the model: compare models with equal options.
Accuracy at a budget counts the responses that are right and ended within it, all from one pass at the limit; `lenient` counts
those whose right answer stands within it. Errors take the problem as the unit. docs/eval.md has the formulas.";

/// `curt eval`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct EvalArguments {
    /// Folders in Hugging Face layout (a checkpoint of a run is one), embedded:good or embedded:weak; LABEL=MODEL names one
    #[arg(value_name = "MODEL", required_unless_present_any = ["rollouts", "compare"])]
    pub models: Vec<String>,
    /// `chain` for the synthetic task, or a file of problems (JSON lines, a JSON list, parquet); may be given several times
    #[arg(long, value_name = "FILE|chain", default_value = "chain")]
    pub data: Vec<String>,
    /// Problems: of each number of links for `chain` [default: 32], the first ones of a file [default: all]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub problems: Option<usize>,
    /// Samples per problem
    #[arg(long, value_name = "N", default_value = "8", value_parser = samples)]
    pub n: usize,
    /// Most tokens of a completion [default: 256; of recorded samples: the longest]
    #[arg(long, visible_alias = "max-completion-length", value_name = "TOKENS", value_parser = positive)]
    pub limit: Option<usize>,
    /// Token budgets at which accuracy is reported, in increasing order [default: 16, 32, 48, 64, 96, 128, … up to the limit]
    #[arg(long, value_name = "TOKENS", value_delimiter = ',')]
    pub budgets: Vec<u32>,
    /// Text put after each problem of a file
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prompt_suffix: String,
    /// Give the problems of a file to the model as they are, even if it has a chat template
    #[arg(long)]
    pub no_chat_template: bool,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Evaluate recorded samples instead of models: a file, or a run directory; LABEL=FILE names the model
    #[arg(long, value_name = "FILE", conflicts_with = "models")]
    pub rollouts: Vec<String>,
    /// Compare two, paired by problem: labels of this evaluation, folders with eval.json, or such files; FILE#LABEL picks one
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub compare: Vec<String>,
    /// Write eval.json and samples.jsonl.zst there; a killed evaluation goes on where it was
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Completions between two writes: what a kill can cost. Changes no result
    #[arg(long, value_name = "N", default_value = "256", value_parser = positive)]
    pub batch: usize,
    /// A field of the problems by which they are alike, such as `source`: errors then count such problems together
    #[arg(long, value_name = "FIELD")]
    pub cluster: Option<String>,
    /// How often problems are drawn again for bootstrap intervals
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub resamples: u32,
    /// Write the numbers as JSON: one evaluation's summary, or, for several, everything that eval.json holds
    #[arg(long, value_name = "OUT")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArguments,
}
