//! Models of known shapes with random weights, and what they are asked to do.

use std::error::Error;
use std::path::Path;

use curt_kernels::Ops;
use curt_runtime::{DrawKey, GenerateRequest, ModelConfig, PolicyError, Purpose, Sequence, Settings, Transformer};

/// How much is asked.
pub struct Work {
    /// Sequences that are decoded at once.
    pub batches: &'static [usize],
    pub prompt: usize,
    pub new_tokens: usize,
    /// Sequences and tokens of each in a training pass.
    pub trained: (usize, usize),
    /// Prompts, each with two samples, whose bits are compared.
    pub compared: usize,
}

impl Work {
    pub fn full() -> Self {
        Self { batches: &[1, 32, 128], prompt: 64, new_tokens: 64, trained: (8, 512), compared: 8 }
    }

    pub fn tiny() -> Self {
        Self { batches: &[1, 3], prompt: 5, new_tokens: 3, trained: (2, 9), compared: 2 }
    }

    /// Requests with prompts of different tokens and, where `spread` says so, lengths.
    pub fn requests(&self, count: usize, samples: u32, spread: bool, vocab: usize) -> Vec<GenerateRequest> {
        let request = |i: usize| GenerateRequest {
            prompt: tokens(i, self.prompt + if spread { i % 5 } else { 0 }, vocab),
            samples: (0..samples)
                .map(|sample| DrawKey { problem: i as u64, sample, ..DrawKey::new(1, Purpose::Train) })
                .collect(),
            max_new_tokens: self.new_tokens,
        };
        (0..count).map(request).collect()
    }

    /// Sequences of a training pass: all tokens but the first are trained on.
    pub fn training_tokens(&self, vocab: usize) -> Vec<Vec<u32>> {
        (0..self.trained.0).map(|i| tokens(i, self.trained.1, vocab)).collect()
    }
}

/// Token ids below `vocab` that depend on `seed`.
fn tokens(seed: usize, len: usize, vocab: usize) -> Vec<u32> {
    (0..len).map(|i| ((seed * 7919 + i * 104_729 + 13) % vocab) as u32).collect()
}

/// Views of token ids whose first token is the prompt.
pub fn views(tokens: &[Vec<u32>]) -> Vec<Sequence<'_>> {
    tokens.iter().map(|tokens| Sequence { tokens, prompt_length: 1 }).collect()
}

/// A Qwen3 configuration: `0.6b`, `1.7b`, `small` or `tiny`.
pub fn config(name: &str) -> Result<ModelConfig, Box<dyn Error>> {
    let (hidden, layers, heads, kv_heads, head_dim, intermediate, vocab) = match name {
        "0.6b" => (1024, 28, 16, 8, 128, 3072, 151_936),
        "1.7b" => (2048, 28, 16, 8, 128, 6144, 151_936),
        "small" => (512, 6, 4, 2, 128, 1536, 8192),
        "tiny" => (32, 2, 2, 1, 16, 48, 61),
        _ => return Err(format!("{name}: not 0.6b, 1.7b, small or tiny").into()),
    };
    let text = format!(
        r#"{{"architectures": ["Qwen3ForCausalLM"], "vocab_size": {vocab}, "hidden_size": {hidden},
        "num_hidden_layers": {layers}, "num_attention_heads": {heads}, "num_key_value_heads": {kv_heads}, "head_dim": {head_dim},
        "intermediate_size": {intermediate}, "rms_norm_eps": 1e-6, "max_position_embeddings": 4096, "rope_theta": 1000000.0,
        "tie_word_embeddings": true}}"#
    );
    Ok(ModelConfig::from_json(Path::new("config.json"), &text)?)
}

/// A model that never stops before its budget, with weights of the size that keeps activations near 1; the same on every backend.
pub fn random_model<B: Ops>(backend: B, config: ModelConfig) -> Result<Transformer<B>, PolicyError> {
    let mut state = 1u64;
    // linear congruential: a chain of billions of good random numbers would take longer than what is measured
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    Transformer::from_source(backend, config, Vec::new(), Settings::default(), &mut |name, shape| {
        let (center, spread) = match shape {
            [_, _] if name.contains("embed") => (0.0, 0.05),
            [_, inputs] => (0.0, 1.5 / (*inputs as f32).sqrt()),
            _ => (1.0, 0.2),
        };
        Ok((0..shape.iter().product()).map(|_| center + spread * uniform()).collect())
    })
}
