//! How much memory a run takes, by counting.
//!
//! The sizes are those of the buffers of `curt-runtime`, which are made once for the largest pass and kept. Numbers are
//! 4 bytes.

use curt_runtime::ModelConfig;
use serde::Serialize;

use crate::config::Config;

/// Rows that a pass over prompts has at most (unless one prompt is longer).
const PREFILL_ROWS: usize = 2048;
/// Tokens of a page of keys and values.
const PAGE: usize = 16;
/// The cache grows by a half at a time, and is copied then.
const GROWTH: f64 = 2.0;
/// Buffers have room for a multiple of so many rows.
const ROOM: usize = 256;
/// Logits of so many tokens exist at once, for a block of rows.
const LOGITS: usize = 2048;
/// Numbers of a block of logits, and the least rows that it has.
const BLOCK: usize = 1 << 18;
const BLOCK_ROWS: usize = 512;
/// Bytes of a number.
const NUMBER: usize = 4;
/// The program itself, its threads, its tokenizer and the records of a step.
const PROGRAM: usize = 24 << 20;

/// How long sequences are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TokensPerSequence {
    /// Tokens of a prompt.
    pub prompt: f64,
    /// Tokens of a completion.
    pub completion: f64,
}

impl TokensPerSequence {
    /// Every prompt and every completion at its limit.
    pub fn at_most(config: &Config) -> Self {
        Self { prompt: config.rollout.max_prompt_length as f64, completion: config.rollout.max_completion_length as f64 }
    }
}

/// One part of the memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryPart {
    /// What it is.
    pub what: &'static str,
    /// How large.
    pub bytes: usize,
    /// How it is counted.
    pub how: String,
}

/// The memory of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemoryEstimate {
    /// Its parts.
    pub parts: Vec<MemoryPart>,
    /// Their sum.
    pub total: usize,
    /// How long sequences were taken to be.
    pub tokens: TokensPerSequence,
}

/// Widths of the buffers of a layer, in numbers a row.
struct Widths {
    d: usize,
    q: usize,
    kv: usize,
    heads: usize,
    ff: usize,
}

impl Widths {
    fn of(model: &ModelConfig) -> Self {
        let (q, kv) = (model.heads * model.head_dim, model.kv_heads * model.head_dim);
        Self { d: model.hidden, q, kv, heads: model.heads, ff: model.intermediate }
    }

    /// What a layer keeps for its backward, its input apart.
    fn kept(&self) -> usize {
        let Self { d, q, kv, heads, ff } = self;
        (q + 2 * kv) + q + heads + d + 2 * ff
    }

    /// What a pass needs once, whatever the layers.
    fn once(&self) -> usize {
        let Self { d, q, kv, ff, .. } = self;
        3 * d + q + kv + ff
    }

    /// What a backward pass needs once.
    fn backward(&self) -> usize {
        let Self { d, q, kv, ff, .. } = self;
        3 * d + 3 * ff + 2 * q + 2 * kv + (q + 2 * kv)
    }

    /// Rows around the head: two of the width, and six numbers.
    fn head(&self) -> usize {
        2 * self.d + 6
    }
}

/// The memory that training `model` as `config` says takes, with sequences of these lengths.
pub fn memory(config: &Config, model: &ModelConfig, tokens: TokensPerSequence) -> MemoryEstimate {
    let parameters = model.parameters();
    let table = if model.tie_word_embeddings { 0 } else { model.vocab * model.hidden };
    let mut parts = vec![
        part("weights", parameters, "P"),
        part("weights in the order of the products", parameters - table, "P, less the table of tokens where it is no head"),
        part("gradients", parameters, "P"),
        part("moments of AdamW", 2 * parameters, "2 P"),
    ];
    if config.algo.beta != 0.0 {
        parts.push(part("reference model", 2 * parameters - table, "its weights, twice as above"));
    }
    parts.extend(passes(config, model, tokens));
    let largest = model.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).max().unwrap_or(0);
    parts.push(part("a checkpoint on its way to disk", 2 * largest, "the largest tensor, twice"));
    parts.push(MemoryPart { what: "program and records", bytes: PROGRAM, how: "about".into() });
    let total = parts.iter().fold(0usize, |total, part| total.saturating_add(part.bytes));
    MemoryEstimate { parts, total, tokens }
}

fn part(what: &'static str, numbers: usize, how: impl Into<String>) -> MemoryPart {
    MemoryPart { what, bytes: NUMBER.saturating_mul(numbers), how: how.into() }
}

/// Buffers of training and of generation.
fn passes(config: &Config, model: &ModelConfig, tokens: TokensPerSequence) -> Vec<MemoryPart> {
    let (widths, layers) = (Widths::of(model), model.layers);
    let sequence = (tokens.prompt + tokens.completion).max(1.0);
    let in_step =
        (config.rollout.prompts_per_step * config.rollout.num_generations / config.algo.updates_per_batch.max(1)) as f64;
    // whole sequences share a pass, so that on average half a sequence stays free
    let rows = (config.train.micro_tokens as f64).min(in_step * sequence).ceil() as usize;
    let rows = rows.next_multiple_of(ROOM);
    let kept = match config.train.recompute_activations {
        true => layers * widths.d + widths.kept(),
        false => layers * (widths.d + widths.kept()),
    };
    let slots = config
        .rollout
        .max_sequences
        .min((config.rollout.prompts_per_step * config.rollout.num_generations).max(evaluated(config)));
    let prompts = slots.div_ceil(config.rollout.num_generations) as f64 * tokens.prompt;
    let pass = (prompts.ceil() as usize).min(PREFILL_ROWS).max(slots).next_multiple_of(ROOM);
    let pages = GROWTH * slots as f64 * ((sequence / PAGE as f64).ceil() + 1.0);
    let page = 2 * layers * widths.kv * PAGE;
    let logits = model.vocab.min(LOGITS);
    let block = (BLOCK / logits.max(widths.d)).max(BLOCK_ROWS).min(rows);
    vec![
        part("activations of a training pass", rows * (kept + widths.once()), format!("{rows} tokens a pass")),
        part("gradients of activations", rows * widths.backward(), "of one layer"),
        part("around the head", (rows + pass) * widths.head(), "rows that are scored or drawn"),
        part("logits", block * (logits + 2 * widths.d), format!("{block} rows of {logits} tokens at once, never all")),
        part("buffers of generation", pass * (widths.d + widths.kept() + widths.once()), format!("{pass} tokens a pass")),
        part(
            "keys and values",
            (pages as usize).saturating_mul(page),
            format!("{slots} sequences of {sequence:.0} tokens, twice while they grow"),
        ),
    ]
}

/// Completions of an evaluation.
fn evaluated(config: &Config) -> usize {
    if config.eval.enabled { config.eval.problems * config.eval.n } else { 0 }
}
