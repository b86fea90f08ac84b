//! `cargo xtask conformance DIR`: our numbers against those of other software.
//!
//! DIR holds what is too large or not ours to commit (`cargo xtask conformance ../shared` in CI). Every file has a fixed
//! number of comparisons, so that a comparison which silently did not run is a failure like one that did not hold.

mod chat;
mod code;
mod grpo;
mod hf_oracles;
mod latex;
mod ledger;
mod smollm2;
mod tensor_file;
mod tensorboard;
mod train;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

pub use ledger::Ledger;

#[derive(clap::Args)]
pub struct Options {
    /// Folder with oracles/, tokenizers/, tools/ and data/
    folder: PathBuf,
    /// Only these parts (default: all)
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// A Python with torch and transformers (5 GB), to reload there what `train` saved; by hand, not in CI
    #[arg(long, value_name = "PYTHON")]
    with_transformers: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Advantages, clipped losses and gradients of verl and TRL, in f64
    Grpo,
    /// Logits, log-probabilities, entropy, gradients and greedy ids of transformers, for 12 tiny checkpoints, on the CPU and
    /// through the CUDA kernels in the PTX interpreter
    HfOracles,
    /// Chat templates and ids of three tokenizers, as transformers renders them
    Chat,
    /// 20 greedy continuations of SmolLM2-135M in two forms (needs Python with venv and pip; PyPI)
    Smollm2,
    /// Three GRPO steps of SmolLM2-135M by the built program
    Train,
    /// Programs known to be right, and mutants of them, against their tests (needs bubblewrap and Python)
    Code,
    /// 674 pieces of LaTeX, read, against what sympy printed of them
    Latex,
    /// Verdicts on answers that others labelled, and every gold of the data sets against itself
    Verify,
    /// The scalars of a run as TensorBoard reads them (needs Python with venv and pip; PyPI)
    Tensorboard,
}

/// Compares, prints passed/expected for each file, and fails unless every comparison ran and held.
pub fn run(options: &Options) -> Result<String> {
    let folder = options.folder.canonicalize().with_context(|| format!("no folder {}", options.folder.display()))?;
    let mut n_missed = 0;
    for &part in Part::value_variants() {
        if options.only.is_empty() || options.only.contains(&part) {
            n_missed += part.compare(&folder, options.with_transformers.as_deref())?;
        }
    }
    if n_missed > 0 {
        bail!("{n_missed} comparisons missed");
    }
    let transformers = if options.with_transformers.is_some() { ", what `train` saved reloaded in transformers" } else { "" };
    let parts = if options.only.is_empty() { "every".to_owned() } else { format!("{} parts: every", options.only.len()) };
    Ok(format!("{parts} comparison ran and held{transformers}"))
}

impl Part {
    /// The number of comparisons of this part that failed or did not run.
    fn compare(self, folder: &Path, transformers: Option<&Path>) -> Result<usize> {
        let mut ledger = Ledger::default();
        match self {
            Part::Grpo => grpo::compare(folder, &mut ledger)?,
            Part::HfOracles => hf_oracles::compare(folder, &mut ledger)?,
            Part::Chat => chat::compare(folder, &mut ledger)?,
            Part::Smollm2 => smollm2::compare(folder, &mut ledger)?,
            Part::Train => train::compare(folder, transformers, &mut ledger)?,
            Part::Code => code::compare(folder, &mut ledger)?,
            Part::Latex => latex::compare(folder, &mut ledger)?,
            Part::Verify => verify::compare(folder, &mut ledger)?,
            Part::Tensorboard => tensorboard::compare(&mut ledger)?,
        }
        Ok(ledger.print())
    }
}
