//! What can be typed after `curt data`, and its help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use curt_task::{FieldNames, ReadOptions, STEP_BY_STEP_SUFFIX};

const EXAMPLES: &str = "\
Examples:
  curt data inspect problems.jsonl                        fields, lengths, duplicates, golds that cannot be graded
  curt data inspect train.parquet --against math500.jsonl aime24.jsonl
  curt data inspect 'data/*.jsonl.gz' --model DIR --max-prompt-length 512";

const INSPECT_EXAMPLES: &str = "\
Examples:
  curt data inspect problems.jsonl                        fields, lengths, duplicates, golds that cannot be graded
  curt data inspect train.parquet --against math500.jsonl aime24.jsonl
  curt data inspect 'data/*.jsonl.gz' --model DIR --max-prompt-length 512
  curt data inspect torn.jsonl --skip-bad --json > findings.json

A file is JSON lines, one JSON list, or parquet, plain or in gzip or zstd: its bytes say which. Prompt and answer are looked for
under the names that DeepScaleR, GSM8K, verl, TRL, ROLL and OpenAI's messages use; --prompt-key and --answer-key name others.
Problems are equal if their texts are, but for white space, forms of Unicode, and instructions that trainers append.";

/// `curt data`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DataArguments {
    /// What to do
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What to do with data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Say what files of problems hold: fields, lengths, duplicates, golds, overlap, rendered prompts
    Inspect(InspectArguments),
}

/// How files of problems are read.
#[derive(Args, Debug)]
pub struct ReadingArguments {
    /// The field that holds the prompt; a dot goes into an object
    #[arg(long, value_name = "NAME")]
    pub prompt_key: Option<String>,
    /// The field that holds the answer; a dot goes into an object
    #[arg(long, value_name = "NAME")]
    pub answer_key: Option<String>,
    /// Pass over records that are no problems and count them, instead of stopping at the first
    #[arg(long)]
    pub skip_bad: bool,
}

impl ReadingArguments {
    /// The same for the reader.
    pub fn options(&self) -> ReadOptions {
        let (prompt, answer) = (self.prompt_key.clone(), self.answer_key.clone());
        ReadOptions { fields: FieldNames { prompt, answer, ..FieldNames::default() }, skip_bad: self.skip_bad }
    }
}

/// `curt data inspect`
#[derive(Args, Debug)]
#[command(after_help = INSPECT_EXAMPLES)]
pub struct InspectArguments {
    /// Files of problems; a name with *, ?, [ or ** stands for those that match
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Files to evaluate on: problems that stand there too are counted and named
    #[arg(long, value_name = "EVAL_FILE", num_args = 1..)]
    pub against: Vec<PathBuf>,
    /// Count tokens as this model does: a folder in Hugging Face layout, embedded:good or embedded:weak
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Prompts of more tokens are counted and named
    #[arg(long, value_name = "TOKENS", default_value = "1024", requires = "model", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_prompt_length: u32,
    /// Text put after each problem, as `data.prompt_suffix` in a run file
    #[arg(long, value_name = "TEXT", default_value = STEP_BY_STEP_SUFFIX, hide_default_value = true)]
    pub prompt_suffix: String,
    /// Give problems to the model as they are, even if it has a chat template
    #[arg(long, requires = "model")]
    pub no_chat_template: bool,
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// What judges each right answer by itself
    #[arg(long, value_name = "KIND", default_value = "math", value_parser = ["math", "none"])]
    pub golds: String,
    /// How many prompts are shown as the model reads them
    #[arg(long, value_name = "N", default_value = "2")]
    pub prompts: usize,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}
