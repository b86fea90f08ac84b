//! `oracles/hf_oracles/`: logits, log-probabilities, entropy, gradients and greedy continuations of transformers.

use std::path::Path;

use anyhow::{Context, Result};
use curt_kernels::Cpu;
use curt_runtime::{
    Checkpoint, DrawKey, GenerateRequest, ModelConfig, Policy, PolicyError, Purpose, Sampling, Sequence, Settings,
    TokenGradients, Transformer,
};

use super::Ledger;
use super::tensor_file::{Tensor, TensorFile};

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

/// Rows of each oracle; their greedy continuations start from this many tokens.
const N_ROWS: usize = 2;
const GREEDY_PROMPT: usize = 5;

/// max|Δ| over max|reference|, for what the forward gives.
const FORWARD_TOLERANCE: f64 = 2e-5;
/// ‖Δ‖ over ‖reference‖, for each gradient.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// Every dense checkpoint in both spellings of its configuration, then the refusals.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    for (name, n_tensors) in DENSE {
        let checkpoint = folder.join(FOLDER).join(name);
        let oracle = Oracle::read(&checkpoint)?;
        for config in CONFIGS {
            ledger.open(&format!("{FOLDER}/{name}/{config}"), 3 + n_tensors + N_ROWS);
            compare_one(&checkpoint, config, &oracle, ledger).with_context(|| format!("{name}/{config}"))?;
        }
    }
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

/// The tensors of an `oracle.safetensors` whose rows are cut to their true length.
struct Oracle {
    file: TensorFile,
    rows: Vec<Vec<u32>>,
}

impl Oracle {
    fn read(folder: &Path) -> Result<Self> {
        let file = TensorFile::read(&folder.join("oracle.safetensors"))?;
        let (ids, mask) = (file.tensor("input_ids")?, file.tensor("attention_mask")?);
        let width = *ids.shape.last().context("input_ids has no shape")?;
        let row =
            |(ids, mask): (&[f64], &[f64])| ids.iter().zip(mask).filter(|(_, m)| **m == 1.0).map(|(&id, _)| id as u32).collect();
        let rows = ids.values.chunks(width).zip(mask.values.chunks(width)).map(row).collect();
        Ok(Oracle { file, rows })
    }

    /// The entries of a tensor `[rows, positions, …]` that belong to tokens: `length − less` positions of each row.
    fn of_tokens(&self, name: &str, less: usize) -> Result<Vec<Vec<f64>>> {
        let Tensor { shape, values } = self.file.tensor(name)?;
        let (row, position) = (shape[1..].iter().product::<usize>(), shape[2..].iter().product::<usize>());
        let cut = values.chunks(row).zip(&self.rows).map(|(values, ids)| values[..(ids.len() - less) * position].to_vec());
        Ok(cut.collect())
    }
}

fn read_config(folder: &Path, config: &str) -> Result<ModelConfig> {
    let path = folder.join(config);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(ModelConfig::from_json(&path, &text)?)
}

fn compare_one(folder: &Path, config: &str, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
    let checkpoint = Checkpoint::open(folder)?;
    let mut source = |name: &str, shape: &[usize]| checkpoint.tensor(name, shape).map_err(PolicyError::from);
    // no stop ids: the recorded continuations walk past EOS
    let mut model = Transformer::from_source(
        Cpu::<f32>::new(1)?,
        read_config(folder, config)?,
        Vec::new(),
        Settings::default(),
        &mut source,
    )?;
    forward(&mut model, oracle, ledger)?;
    gradients(&mut model, oracle, ledger)?;
    greedy(&mut model, oracle, ledger)
}

fn sequences(oracle: &Oracle) -> Vec<Sequence<'_>> {
    oracle.rows.iter().map(|tokens| Sequence { tokens, prompt_length: 1 }).collect()
}

fn forward(model: &mut Transformer<Cpu<f32>>, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
    let mut logits = |tokens: &Vec<u32>| model.logits(tokens).map(|logits| logits.into_iter().collect());
    let logits = oracle.rows.iter().map(&mut logits).collect::<Result<Vec<_>, _>>()?;
    relative_maximum("logits", &logits, &oracle.of_tokens("logits", 0)?, ledger);
    let facts = model.score_tokens(&sequences(oracle), 1.0)?;
    let (logprobs, entropy): (Vec<_>, Vec<_>) = facts.into_iter().map(|f| (f.logprob, f.entropy)).unzip();
    relative_maximum("logprobs", &logprobs, &oracle.of_tokens("logprobs", 1)?, ledger);
    relative_maximum("entropy", &entropy, &oracle.of_tokens("entropy", 1)?, ledger);
    Ok(())
}

/// loss = −Σ weights · logprob, so d loss / d logprob = −weights.
fn gradients(model: &mut Transformer<Cpu<f32>>, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
    let weights = oracle.of_tokens("weights", 1)?;
    let derivatives = weights
        .iter()
        .map(|row| TokenGradients { d_logprob: row.iter().map(|&w| -w as f32).collect(), d_entropy: vec![0.0; row.len()] });
    model.backward_tokens(&sequences(oracle), &derivatives.collect::<Vec<_>>(), 1.0)?;
    for (parameter, gradient) in model.parameters().iter().zip(model.gradients()) {
        for part in &parameter.parts {
            let want = oracle.file.tensor(&format!("grad.{}", part.name))?;
            let found = &gradient[part.offset..part.offset + part.len()];
            let same_shape = want.shape == part.shape;
            let norm = |squares: &mut dyn Iterator<Item = f64>| squares.map(|x| x * x).sum::<f64>().sqrt();
            let difference = norm(&mut found.iter().zip(&want.values).map(|(&x, y)| f64::from(x) - y));
            let difference = if same_shape { difference } else { f64::INFINITY };
            ledger.within(
                &format!("gradient of {}", part.name),
                difference,
                GRADIENT_TOLERANCE * norm(&mut want.values.iter().copied()),
            );
        }
    }
    Ok(())
}

fn greedy(model: &mut Transformer<Cpu<f32>>, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
    let want = oracle.file.tensor("greedy")?;
    let n_new = *want.shape.last().context("greedy has no shape")?;
    let request = |tokens: &Vec<u32>| GenerateRequest {
        prompt: tokens[..GREEDY_PROMPT].to_vec(),
        samples: vec![DrawKey::new(0, Purpose::Eval)],
        max_new_tokens: n_new,
    };
    let requests: Vec<GenerateRequest> = oracle.rows.iter().map(request).collect();
    let groups = model.generate(&requests, &Sampling::greedy(), &mut |_| true)?;
    for (row, (group, want)) in groups.iter().zip(want.values.chunks(n_new)).enumerate() {
        let found = &group[0].ids;
        let same = found.iter().map(|&id| f64::from(id)).eq(want.iter().copied());
        ledger.holds(&format!("greedy continuation {row}"), same, || format!("found {found:?}, expected {want:?}"));
    }
    Ok(())
}

/// One comparison over all rows: max|Δ| ≤ tolerance · max|reference|.
fn relative_maximum(what: &str, found: &[Vec<f32>], want: &[Vec<f64>], ledger: &mut Ledger) {
    let same_lengths = found.iter().map(Vec::len).eq(want.iter().map(Vec::len));
    let differences = found.iter().flatten().zip(want.iter().flatten()).map(|(&x, y)| (f64::from(x) - y).abs());
    let worst = differences.fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst });
    let largest = want.iter().flatten().fold(0.0_f64, |largest, y| largest.max(y.abs()));
    ledger.within(what, if same_lengths { worst } else { f64::INFINITY }, FORWARD_TOLERANCE * largest);
}
