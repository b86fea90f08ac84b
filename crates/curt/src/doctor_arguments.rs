//! The command line of `curt doctor`.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::DeviceArguments;

const DOCTOR_EXAMPLES: &str = "\
Examples:
  curt doctor                                             of the embedded run
  curt doctor run.toml                                    of a run file
  curt doctor run.toml --set algo.updates_per_batch=16    the same with one setting changed
  curt doctor run.toml --probe --json                     with a probe of a large model, as JSON

No weights are read but for a probe: rollouts of the first prompts of the run, which tell how much is cut off and how many
groups give signal. A model of up to 5M weights is probed unasked. Memory is counted with every sequence at its limits, and
with the lengths of the probe.
It ends with 0 where nothing is found, with 2 where a setting is to change, with 3 where it is a model or the data.";

/// `curt doctor`
#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArguments {
    /// The run file; without one the run inside the binary
    #[arg(value_name = "RUN.toml")]
    pub run_file: Option<PathBuf>,
    /// Change one setting, as in --set train.steps=50; may be given several times
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Sample the first prompts of the run, which reads the weights
    #[arg(long, conflicts_with = "no_probe")]
    pub probe: bool,
    /// Read no weights, however small the model is
    #[arg(long)]
    pub no_probe: bool,
    /// Print JSON instead
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub device: DeviceArguments,
}
