//! Random models for the integration tests.

use std::io::Write;
use std::path::Path;

use curt_kernels::{Ops, SimdPath};
use curt_runtime::random::{normal, shuffle};
use curt_runtime::{Completion, DrawKey, GenerateRequest, ModelConfig, PolicyError, Purpose, Sequence, Settings, Transformer};

/// The instruction sets that this processor can run, the widest first. Says so once per test program, past the harness
/// that hides what passing tests print.
pub fn available_paths() -> Vec<SimdPath> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let (paths, line) = SimdPath::tested();
    // a closed stderr is no reason to fail
    SAID.call_once(|| drop(writeln!(std::io::stderr(), "{line}")));
    paths
}

/// A config as `config.json` would have it.
pub fn config(text: &str) -> ModelConfig {
    ModelConfig::from_json(Path::new("config.json"), text).unwrap()
}

/// Qwen3 form: head norms, explicit head width, untied.
pub const QWEN3: &str = r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 61, "hidden_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 80, "rms_norm_eps": 1e-6,
    "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": false}"#;

/// Qwen2 form: projection biases, tied.
pub const QWEN2: &str = r#"{"architectures": ["Qwen2ForCausalLM"], "vocab_size": 61, "hidden_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 80, "rms_norm_eps": 1e-6,
    "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": true}"#;

/// A model with [`weights`] and stop token 2; the same weights for every number type.
pub fn random_model<B: Ops>(backend: B, config: ModelConfig, settings: Settings) -> Transformer<B> {
    changed_model(backend, config, vec![2], settings, &mut |_, _| ())
}

/// As [`random_model`], with other stop tokens and with weights that `change` may alter, tensor by tensor.
pub fn changed_model<B: Ops>(
    backend: B,
    config: ModelConfig,
    stops: Vec<u32>,
    settings: Settings,
    change: &mut dyn FnMut(&str, &mut [f32]),
) -> Transformer<B> {
    let mut tensor = 0;
    Transformer::from_source(backend, config, stops, settings, &mut |name, shape| {
        tensor += 1;
        let mut values = weights(tensor, name, shape);
        change(name, &mut values);
        Ok::<_, PolicyError>(values)
    })
    .unwrap()
}

/// Seeded weights of the size that keeps activations near 1.
fn weights(tensor: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let mut generator = DrawKey { problem: tensor, ..DrawKey::new(7, Purpose::Init) }.generator();
    let (center, spread) = match shape {
        [_, inputs] if name.contains("embed") => (0.0, if *inputs > 0 { 0.7 } else { 0.0 }),
        [_, inputs] => (0.0, 1.5 / (*inputs as f64).sqrt()),
        _ if name.contains("norm") => (1.0, 0.2),
        _ => (0.0, 0.2),
    };
    (0..shape.iter().product()).map(|_| (center + spread * normal(&mut generator)) as f32).collect()
}

/// Seeded token ids below `vocab`, never a stop token.
pub fn tokens(seed: u64, len: usize, vocab: usize) -> Vec<u32> {
    let mut generator = DrawKey::new(seed, Purpose::Shuffle).generator();
    let mut ids: Vec<u32> = (0..len).map(|i| 3 + (i * 7 % (vocab - 3)) as u32).collect();
    shuffle(&mut generator, &mut ids);
    ids
}

/// Sequences of `(prompt, completion)` lengths with seeded tokens.
pub fn token_sequences(lengths: &[(usize, usize)], vocab: usize) -> Vec<(Vec<u32>, usize)> {
    lengths.iter().enumerate().map(|(i, &(prompt, completion))| (tokens(i as u64, prompt + completion, vocab), prompt)).collect()
}

/// Views of [`token_sequences`].
pub fn views(sequences: &[(Vec<u32>, usize)]) -> Vec<Sequence<'_>> {
    sequences.iter().map(|(tokens, prompt_length)| Sequence { tokens, prompt_length: *prompt_length }).collect()
}

/// The key of one sample of one problem.
pub fn key(problem: u64, sample: u32) -> DrawKey {
    DrawKey { problem, sample, ..DrawKey::new(1, Purpose::Train) }
}

/// A request for `samples` completions of a seeded prompt; `problem` is the seed.
pub fn request(problem: u64, prompt_length: usize, samples: u32, max_new_tokens: usize, vocab: usize) -> GenerateRequest {
    GenerateRequest {
        prompt: tokens(problem, prompt_length, vocab),
        samples: (0..samples).map(|s| key(problem, s)).collect(),
        max_new_tokens,
    }
}

/// Prompt and completion.
pub fn whole(request: &GenerateRequest, completion: &Completion) -> Vec<u32> {
    [&request.prompt[..], &completion.ids[..]].concat()
}

/// The bits of numbers, so that equality means equality.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}
