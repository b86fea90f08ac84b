//! `oracles/hf_oracles/`: logits, log-probabilities, entropy, gradients and greedy continuations of transformers.
//!
//! Each is asked of the CPU and of CUDA: the PTX that ships, run by the stand-in driver with all its checks.

mod answers;
mod oracle;

use std::path::Path;

use anyhow::{Context, Result};
use curt_kernels::{Cpu, Cuda};
use curt_runtime::ModelConfig;
use stand_in_cuda::{Checks, StandIn};

use super::Ledger;
use answers::Answers;
use oracle::Oracle;

const FOLDER: &str = "oracles/hf_oracles";

/// Dense checkpoints with the number of tensors that each must have a gradient for.
const DENSE: [(&str, usize); 12] = [
    ("llama_untied", 21),
    ("llama_tied_llama3rope", 20),
    ("qwen2_tied", 26),
    ("qwen2_untied", 27),
    ("qwen2_yarn", 27),
    ("qwen2_theta1e6", 26),
    ("qwen2_mha", 26),
    ("qwen3_tied", 24),
    ("qwen3_untied", 25),
    ("qwen3_yarn", 24),
    ("qwen3_linear", 24),
    ("qwen3_bias", 32),
];

/// Checkpoints that must be refused by the name of their architecture.
const REFUSED: [&str; 2] = ["qwen3moe", "qwen3moe_nonorm_mixed"];

/// How transformers 5 writes RoPE, and how released checkpoints do.
const CONFIGS: [&str; 2] = ["config.json", "config.flat.json"];

/// How the names begin of the kernels that must have run on CUDA: forward and backward of every op, and the draw.
const KERNELS: [&str; 16] = [
    "embedding_forward",
    "embedding_backward",
    "rms_norm_forward",
    "add_rms_norm_forward",
    "rms_norm_backward",
    "qk_norm_rope_forward",
    "qk_norm_rope_backward",
    "linear_forward",
    "linear_backward_bias",
    "product_",
    "attention_forward",
    "attention_backward",
    "swiglu_forward",
    "swiglu_backward",
    "lm_head_draw",
    "lm_head_gradient",
];

/// Every dense checkpoint in both spellings of its configuration, then the refusals.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let stand_in = stand_in_cuda::install()?;
    stand_in.set_checks(Checks::ALL);
    stand_in.set_count_traffic(false);
    for (name, n_tensors) in DENSE {
        let checkpoint = folder.join(FOLDER).join(name);
        let oracle = Oracle::read(&checkpoint)?;
        for config in CONFIGS {
            // the other way round for the other spelling, which is the same model
            let reverse = config == CONFIGS[1];
            stand_in.set_reverse_warps(reverse);
            stand_in.set_reverse_blocks(reverse);
            let one = One { name: format!("{FOLDER}/{name}/{config}"), folder: &checkpoint, config, oracle: &oracle, n_tensors };
            one.compare(ledger).with_context(|| one.name.clone())?;
        }
    }
    driver(stand_in, ledger);
    for name in REFUSED {
        for config in CONFIGS {
            ledger.open(&format!("{FOLDER}/{name}/{config}"), 1);
            let message = read_config(&folder.join(FOLDER).join(name), config).err().map(|error| error.to_string());
            let named = message.as_ref().is_some_and(|message| message.contains("Qwen3MoeForCausalLM"));
            ledger.holds("refused by name", named, || format!("found {message:?}"));
        }
    }
    Ok(())
}

/// One checkpoint with one spelling of its configuration.
struct One<'a> {
    /// In the ledger.
    name: String,
    folder: &'a Path,
    config: &'a str,
    oracle: &'a Oracle,
    n_tensors: usize,
}

impl One<'_> {
    /// The CPU's answers and CUDA's with the reference, and one with the other.
    fn compare(&self, ledger: &mut Ledger) -> Result<()> {
        let config = read_config(self.folder, self.config)?;
        let on_cpu = Answers::of(Cpu::<f32>::new(1)?, self.folder, config.clone(), self.oracle)?;
        ledger.open(&self.name, Answers::n_compared(self.n_tensors));
        on_cpu.compare(self.oracle, ledger)?;
        let on_cuda = Answers::of(Cuda::new(0)?, self.folder, config, self.oracle)?;
        ledger.open(&format!("{}, CUDA", self.name), Answers::n_compared(self.n_tensors));
        on_cuda.compare(self.oracle, ledger)?;
        ledger.open(&format!("{}, CUDA, bits of the CPU", self.name), Answers::n_compared_bits(self.n_tensors));
        on_cuda.compare_bits(&on_cpu, ledger);
        Ok(())
    }
}

/// The interpreter ran kernels of every op, and the driver found nothing to report.
fn driver(stand_in: &StandIn, ledger: &mut Ledger) {
    ledger.open(&format!("{FOLDER}, CUDA: kernels that ran"), KERNELS.len() + 1);
    let counters = stand_in.counters();
    for kernel in KERNELS {
        let ran = counters.iter().any(|(name, counted)| name.starts_with(kernel) && counted.launches > 0);
        ledger.holds(kernel, ran, || format!("not among {:?}", counters.keys()));
    }
    let report = stand_in.last_report();
    ledger.holds("nothing to report", report.is_none(), || report.unwrap_or_default());
}

fn read_config(folder: &Path, config: &str) -> Result<ModelConfig> {
    let path = folder.join(config);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(ModelConfig::from_json(&path, &text)?)
}
