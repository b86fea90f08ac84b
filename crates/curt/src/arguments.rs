//! What can be typed, and its help texts.

use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand};

use crate::data_arguments::DataArguments;
use crate::doctor_arguments::DoctorArguments;
use crate::eval_arguments::EvalArguments;
use crate::filter_arguments::FilterArguments;
use crate::report_arguments::ReportArguments;
use crate::watch_arguments::WatchArguments;

const ABOUT: &str = "Trains reasoning models to be brief and right: GRPO with length-aware rewards on one transformer runtime";

const EXAMPLES: &str = "\
Examples:
  curt                                        train the tiny model inside the binary; nothing else is needed
  curt train run.toml                         train what a run file describes
  curt doctor run.toml                        what a run will take, and what is likely a mistake in it
  curt train run.toml --set train.steps=50    the same with one setting changed
  curt train --resume latest                  go on after Ctrl-C or a crash
  curt eval embedded:good                     accuracy and length of a model
  curt generate DIR --chat --prompt 'What is 17 + 25?'
  curt report runs/embedded                   a page of curves, budgets and completions, to look at or to send
  curt watch runs/embedded                    the stages of a run and its alarms, from its metrics
  curt lab runs/embedded                      what every reward strategy would teach, from recorded rollouts
  curt score rollouts.jsonl --strategy truncation --set target_length=4096
  curt data inspect problems.jsonl            what a file of problems holds, and what is wrong with it
  curt filter --measure --task chain --output D   which problems are worth training on

A model is a folder in Hugging Face layout, or one of the two inside the binary: embedded:good, embedded:weak.

Exit codes:
  0  done
  1  the device, the disk or the system failed
  2  the command line or the run file is wrong
  3  a model or a data set is wrong
  4  stopped by an alarm, whose action was pause, rollback or stop
  130  interrupted by Ctrl-C after a safe save

Environment: NO_COLOR and CLICOLOR=0 switch colours off; RUST_LOG=info tells more.";

const TRAIN_EXAMPLES: &str = "\
Examples:
  curt train                                              the embedded run: under a minute on two cores
  curt train --set train.steps=300 --output-dir runs/long
  curt train --set reward.strategy=minus_lc               another reward strategy
  curt train run.toml --dry-run                           curt doctor and one tiny step; writes nothing
  curt train --resume latest --output-dir runs/long       go on from the newest checkpoint
  curt train --resume runs/long/checkpoint-50             go on from one of them

A run file is TOML. runs/NAME/run.toml, which every run writes, has all keys; copy one and change it.
Ctrl-C finishes cleanly: the run is saved and can be resumed. A second Ctrl-C stops at once.";

const GENERATE_EXAMPLES: &str = "\
Examples:
  curt generate embedded:good --prompt '^44a*3b*9>'
  curt generate embedded:good --prompt '^44a*3b*9>' --n 4 --seed 7 --show-ids
  curt generate DIR --chat --prompt 'What is 17 + 25?' --temperature 0.7 --max-new-tokens 512
  curt generate DIR --prompt-file prompt.txt --temperature 0";

const SCORE_EXAMPLES: &str = "\
Examples:
  curt score rollouts.jsonl --strategy truncation --set target_length=4096
  curt score runs/embedded --strategy minus_lc --set target_length=48 --output scores.jsonl
  curt score rollouts.jsonl --strategy minus_lc --set target_length=48 --advantage rloo

A rollout is one line of JSON: {\"group\": 1, \"correct\": true, \"length\": 812}. It may also have step, truncated (or
finish_reason), answer_length, budget, repetition, reference; other fields are passed over. Rows of a group stand together.
One line comes out per rollout, in the same order: group, reward, parts, advantage, in_statistics, in_loss.
An empty line ends a step: what came before it is answered at once, so that another program can wait for it.
All groups count, those too that a run's group filter dropped: advantages of whole-batch estimators differ from such a run's.";

const LAB_EXAMPLES: &str = "\
Examples:
  curt lab runs/embedded                                  L_T and L_R are read from its run.toml
  curt lab rollouts.jsonl --target-length 4096 --plot lab.svg --json lab.json
  curt lab rollouts.jsonl --target-length 4096 --strategy truncation --strategy minus_i

Rollouts are lines of JSON as for curt score, or a run directory.
Every strategy is compared, with its defaults and the lengths given; those that need a fact that the rollouts lack are named.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  curt verify answers.jsonl                               how many are correct, how fast, which took longest
  curt verify answers.jsonl --json                        {id, verdict, reason, extracted} a line
  curt verify answers.jsonl --against 'python3 fixtures/verifiers/ask_math_verify.py'
  curt verify problems.jsonl --self                       whether each right answer can be read and equals itself
  curt verify programs.jsonl --kind code                  answers are programs, right answers are tests

A row is a line of JSON: {\"id\": …, \"gold\": \"1/2\", \"answer\": \"\\\\boxed{0.5}\"}, or {\"id\": …, \"answer\": \"1/2\", \"completion\": …}.
Another verifier reads {\"id\", \"gold\", \"answer\"} and writes {\"id\", \"verdict\", \"reason\"}, a line each.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "curt", version, about = ABOUT, after_help = EXAMPLES, styles = Styles::plain(), max_term_width = 100)]
pub struct Arguments {
    /// What to do; the embedded run when nothing is typed.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model: from a run file, or without one the embedded run
    Train(TrainArguments),
    /// Look at a run before it starts: sums, memory, prompts, right answers, risky settings
    Doctor(DoctorArguments),
    /// Accuracy and length at each token budget: of models, of recorded samples, of two side by side
    Eval(EvalArguments),
    /// Complete a prompt
    Generate(GenerateArguments),
    /// Rewards and advantages for recorded rollouts, as JSON lines
    Score(ScoreArguments),
    /// Compare reward strategies on recorded rollouts
    Lab(LabArguments),
    /// Write a run, several, or an evaluation as one HTML page
    Report(ReportArguments),
    /// Read the metrics of runs again: how their stages went, and which alarms were due
    Watch(WatchArguments),
    /// Judge answers in a file: mathematics, programs, text
    Verify(VerifyArguments),
    /// Look at files of problems
    Data(DataArguments),
    /// Split problems by pass rate, known or measured: Easy and Hard, or bands
    Filter(FilterArguments),
}

/// `curt train`
#[derive(Args, Debug, Default)]
#[command(after_help = TRAIN_EXAMPLES)]
pub struct TrainArguments {
    /// The run file; without one the run inside the binary
    #[arg(value_name = "RUN.toml")]
    pub run_file: Option<PathBuf>,
    /// Change one setting, as in --set train.steps=50; may be given several times
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Go on from a checkpoint: the newest, that of a step, or a folder
    #[arg(long, value_name = "latest|N|DIR")]
    pub resume: Option<String>,
    /// Where everything is written, instead of the run file's `output_dir`
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArguments,
    /// Check everything as `curt doctor` does, take one tiny step, and stop; nothing is written
    #[arg(long)]
    pub dry_run: bool,
}

/// Where the arithmetic is done.
#[derive(Args, Clone, Debug, Default)]
pub struct DeviceArguments {
    /// Where to compute: cpu, cuda:N (the N-th GPU, from 0), or auto: the first GPU that works, else the CPU
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    pub device: Option<String>,
    /// Worker threads, 0 for all cores; changes speed, never a result
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

impl DeviceArguments {
    /// The device's name, `auto` where none was given.
    pub fn name(&self) -> &str {
        self.device.as_deref().unwrap_or("auto")
    }
}

fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n <= 4096).ok_or_else(|| "expected a number of threads up to 4096, 0 for all cores".to_owned())
}

fn device(text: &str) -> Result<String, String> {
    match text {
        "auto" | "cpu" => Ok(text.to_owned()),
        _ if curt_trainer::config::cuda_ordinal(text).is_some() => Ok(text.to_owned()),
        _ => Err("expected auto, cpu or cuda:N such as cuda:0".to_owned()),
    }
}

/// How tokens are drawn.
#[derive(Args, Clone, Debug)]
pub struct SamplingArguments {
    /// Divides the logits; 0 always takes the most likely token
    #[arg(long, value_name = "T", default_value = "1.0", value_parser = temperature)]
    pub temperature: f64,
    /// Keep the most likely tokens that together have this probability
    #[arg(long, value_name = "P", default_value = "1.0", value_parser = share_above_zero)]
    pub top_p: f64,
    /// Keep this many of the most likely tokens, 0 for all
    #[arg(long, value_name = "K", default_value = "0")]
    pub top_k: u32,
    /// Drop tokens below this share of the most likely one's probability
    #[arg(long, value_name = "P", default_value = "0.0", value_parser = share_below_one)]
    pub min_p: f64,
    /// Key of all randomness
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
}

/// `curt generate`
#[derive(Args, Debug)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct GenerateArguments {
    /// A folder in Hugging Face layout (a checkpoint of a run is one), embedded:good or embedded:weak
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// The prompt
    #[arg(long, value_name = "TEXT", required_unless_present = "prompt_file", conflicts_with = "prompt_file")]
    pub prompt: Option<String>,
    /// A file with the prompt, `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub prompt_file: Option<PathBuf>,
    /// Put the prompt into the model's chat template, as a message of the user
    #[arg(long)]
    pub chat: bool,
    /// Completions
    #[arg(long, value_name = "N", default_value = "1", value_parser = samples)]
    pub n: usize,
    /// Most tokens of a completion
    #[arg(long, value_name = "TOKENS", default_value = "256", value_parser = positive)]
    pub max_new_tokens: usize,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Print token ids too, of the prompt and of each completion
    #[arg(long)]
    pub show_ids: bool,
    #[command(flatten)]
    pub device: DeviceArguments,
}

/// `curt score`
#[derive(Args, Debug)]
#[command(after_help = SCORE_EXAMPLES)]
pub struct ScoreArguments {
    /// Files of rollouts (.jsonl or .jsonl.zst), run directories, or - for standard input
    #[arg(value_name = "ROLLOUTS", default_value = "-")]
    pub rollouts: Vec<PathBuf>,
    /// The reward strategy
    #[arg(long, value_name = "NAME")]
    pub strategy: String,
    /// A parameter of the strategy; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// How rewards become advantages: grpo, dr_grpo, rloo, … as `algo.advantage` of a run file
    #[arg(long, value_name = "NAME", default_value = "grpo")]
    pub advantage: String,
    /// L_R: a longer rollout is refused as damaged
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    pub max_completion_length: Option<u32>,
    /// Groups that make a step, where rows name none
    #[arg(long, value_name = "N", default_value = "128", value_parser = positive)]
    pub groups_per_step: usize,
    /// Write there instead of standard output
    #[arg(long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// `curt lab`
#[derive(Args, Debug)]
#[command(after_help = LAB_EXAMPLES)]
pub struct LabArguments {
    /// Files of rollouts (.jsonl or .jsonl.zst), run directories, or - for standard input
    #[arg(value_name = "ROLLOUTS", required = true)]
    pub rollouts: Vec<PathBuf>,
    /// L_T: answers of up to this many tokens are short [default: that of the run]
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    pub target_length: Option<u32>,
    /// L_R: a longer rollout is refused as damaged [default: that of the run]
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    pub max_completion_length: Option<u32>,
    /// Compare only this strategy; may be given several times
    #[arg(long = "strategy", value_name = "NAME")]
    pub strategies: Vec<String>,
    /// A parameter of the strategies that were named
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "strategies")]
    pub sets: Vec<String>,
    /// Groups that make a step, where rows name none
    #[arg(long, value_name = "N", default_value = "128", value_parser = positive)]
    pub groups_per_step: usize,
    /// Write the numbers as JSON
    #[arg(long, value_name = "OUT")]
    pub json: Option<PathBuf>,
    /// Draw advantage against length, a panel for each strategy
    #[arg(long, value_name = "OUT.svg")]
    pub plot: Option<PathBuf>,
}

/// `curt verify`
#[derive(Args, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArguments {
    /// Answers with what is right (.jsonl or .jsonl.zst), or - for standard input
    #[arg(value_name = "FILE.jsonl", default_value = "-")]
    pub file: PathBuf,
    /// What judges: math, code, exact, command or chain
    #[arg(long, value_name = "NAME", default_value = "math", value_parser = ["math", "code", "exact", "command", "chain"])]
    pub kind: String,
    /// The verifier of --kind command, a line for the shell
    #[arg(long, value_name = "COMMAND", required_if_eq("kind", "command"))]
    pub command: Option<String>,
    /// What runs the programs of --kind code, with its arguments [default: python3]
    #[arg(long, value_name = "PROGRAM")]
    pub interpreter: Option<String>,
    /// Print a verdict per row as JSON instead of the summary
    #[arg(long, conflicts_with = "against")]
    pub json: bool,
    /// Print where this other verifier, a line for the shell, says something else
    #[arg(long, value_name = "COMMAND")]
    pub against: Option<String>,
    /// Judge each right answer by itself, though equal texts do not count as equal
    #[arg(long = "self", conflicts_with = "against")]
    pub golds: bool,
    /// Numbers that differ by at most this share of the right one are equal
    #[arg(long, value_name = "SHARE", value_parser = share_below_one)]
    pub tolerance: Option<f64>,
    /// Numbers that are equal when rounded to so many decimals are equal
    #[arg(long, value_name = "DECIMALS", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub precision: Option<u32>,
    /// Only the last \\boxed{…} of an answer counts
    #[arg(long)]
    pub strict: bool,
    /// How many of the slowest rows are shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub slowest: usize,
}

fn tokens(text: &str) -> Result<u32, String> {
    positive(text).and_then(|n| u32::try_from(n).map_err(|_| format!("expected at most {}", u32::MAX)))
}

pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

/// Completions of a prompt, which are all in memory at once.
pub(crate) fn samples(text: &str) -> Result<usize, String> {
    let most = 1_000_000;
    positive(text).and_then(|n| if n <= most { Ok(n) } else { Err(format!("expected at most {most}")) })
}

fn number(text: &str, expected: &str, fits: impl Fn(f64) -> bool) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("expected {expected}"))?;
    if fits(number) { Ok(number) } else { Err(format!("expected {expected}")) }
}

pub(crate) fn temperature(text: &str) -> Result<f64, String> {
    number(text, "a finite number, at least 0", |x| x.is_finite() && x >= 0.0)
}

fn share_below_one(text: &str) -> Result<f64, String> {
    number(text, "a number from 0, below 1", |x| (0.0..1.0).contains(&x))
}

fn share_above_zero(text: &str) -> Result<f64, String> {
    number(text, "a number above 0, at most 1", |x| x > 0.0 && x <= 1.0)
}
