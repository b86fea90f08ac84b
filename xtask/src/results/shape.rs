//! The two models of the page by their shapes: weights, memory and operations, by counting.

use std::path::Path;

use anyhow::{Context, Result};
use curt_runtime::ModelConfig;

use crate::workspace::root;

/// As its `config.json` has it.
const SMOLLM2: &str = r#"{"architectures": ["LlamaForCausalLM"], "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536, "rms_norm_eps": 1e-5,
    "max_position_embeddings": 8192, "rope_theta": 100000, "tie_word_embeddings": true}"#;

/// What the counts need of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    vocab: usize,
    width: usize,
    layers: usize,
    heads: usize,
    q: usize,
    kv: usize,
    inner: usize,
    tied: bool,
    qk_norm: usize,
}

impl Shape {
    /// The model inside the binary.
    pub fn tiny() -> Result<Self> {
        let config = ModelConfig::load(&root().join("fixtures/tiny-good")).context("fixtures/tiny-good")?;
        Ok(Self::of(&config))
    }

    /// SmolLM2-135M.
    pub fn smollm2() -> Result<Self> {
        Ok(Self::of(&ModelConfig::from_json(Path::new("config.json"), SMOLLM2)?))
    }

    fn of(config: &ModelConfig) -> Self {
        Shape {
            vocab: config.vocab,
            width: config.hidden,
            layers: config.layers,
            heads: config.heads,
            q: config.heads * config.head_dim,
            kv: config.kv_heads * config.head_dim,
            inner: config.intermediate,
            tied: config.tie_word_embeddings,
            qk_norm: if config.qk_norm { 2 * config.head_dim } else { 0 },
        }
    }

    /// Weights of the matrices that tokens are multiplied by, the head included and the embedding table not.
    fn product_weights(&self) -> usize {
        let layer = self.width * (self.q + 2 * self.kv) + self.q * self.width + 3 * self.width * self.inner;
        self.layers * layer + self.vocab * self.width
    }

    /// All weights; projections have no biases in these two models.
    pub fn parameters(&self) -> usize {
        let table = if self.tied { 0 } else { self.vocab * self.width };
        self.product_weights() + table + self.norms()
    }

    fn norms(&self) -> usize {
        self.layers * (2 * self.width + self.qk_norm) + self.width
    }

    /// Operations of the products of one generated token; attention, which grows with the length, is not counted.
    pub fn forward_operations(&self) -> f64 {
        2.0 * self.product_weights() as f64
    }

    /// Operations of one trained token: forward, and twice as much backward.
    pub fn training_operations(&self) -> f64 {
        3.0 * self.forward_operations()
    }

    /// Numbers that one layer keeps per token for its backward.
    fn kept_per_layer(&self) -> usize {
        2 * self.width + 2 * self.q + 2 * self.kv + self.heads + 2 * self.inner
    }

    /// The parts of the memory of training: what, formula, and bytes with so many tokens in a pass.
    pub fn memory(&self, micro_tokens: usize) -> Vec<(&'static str, &'static str, usize)> {
        let tokens = 4 * micro_tokens;
        vec![
            ("weights", "P", 4 * self.parameters()),
            ("the same, packed in panels for the forward products", "P, less norms and the table", 4 * self.product_weights()),
            ("gradients", "P", 4 * self.parameters()),
            ("AdamW's two moments", "2 P", 8 * self.parameters()),
            (
                "activations of the tokens of a pass",
                "L (2 d + 2 q + 2 kv + heads + 2 f) a token",
                tokens * self.layers * self.kept_per_layer(),
            ),
        ]
    }

    /// Activations with `train.recompute_activations`: the inputs of all layers, and the rest of one.
    pub fn recomputed_activations(&self, micro_tokens: usize) -> usize {
        4 * micro_tokens * (self.layers * self.width + self.kept_per_layer() - self.width)
    }

    /// Bytes of keys and values of one token.
    pub fn cache_per_token(&self) -> usize {
        4 * 2 * self.layers * self.kv
    }

    /// Bytes of the logits of so many tokens, which never exist at once.
    pub fn logits(&self, tokens: usize) -> usize {
        4 * tokens * self.vocab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_the_models() {
        let smollm2 = Shape::smollm2().unwrap();
        assert_eq!(smollm2.parameters(), 134_515_008);
        assert_eq!(smollm2.cache_per_token(), 46_080);
        assert_eq!(smollm2.memory(1024)[4].2 >> 20, 676);
        assert_eq!(smollm2.logits(1024), 192 << 20);
        // as the file of its weights has it
        let tiny = Shape::tiny().unwrap();
        let bytes = std::fs::metadata(root().join("fixtures/tiny-good/model.safetensors")).unwrap().len() as usize;
        let floats = [2, 4].into_iter().find(|width| bytes.abs_diff(width * tiny.parameters()) < 8192);
        assert!(floats.is_some(), "{} weights in {bytes} bytes", tiny.parameters());
    }
}
