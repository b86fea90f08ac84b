//! A context of 16,384 tokens: the same bits, and memory in proportion to the tokens. A vocabulary of 151,936: nothing of
//! the size tokens × vocabulary.

use std::process::Command;

use crate::random_model::{bits, changed_model, config, request, tokens, whole};
use curt_kernels::Cpu;
use curt_runtime::{Policy, Sampling, Sequence, Settings, StopReason, TokenGradients, Transformer};

const CONTEXT: usize = 16_384;

/// A prompt that leaves 2,384 tokens to generate.
const PROMPT: usize = 15_500;

const YARN: &str = r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 97, "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 96,
    "max_position_embeddings": 16384, "rope_theta": 10000.0, "tie_word_embeddings": false,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}}"#;

/// Without stop tokens, so that only the context ends a completion.
fn model() -> Transformer<Cpu<f32>> {
    changed_model(Cpu::new(2).unwrap(), config(YARN), Vec::new(), Settings::default(), &mut |_, _| ())
}

#[test]
fn the_end_of_a_full_context_is_generated_as_scored() {
    let mut model = model();
    let request = request(0, PROMPT, 2, CONTEXT, 97);
    let completions =
        model.generate(std::slice::from_ref(&request), &Sampling::temperature(1.0), &mut |_| true).unwrap().remove(0);
    assert_ne!(completions[0].ids, completions[1].ids);
    for completion in &completions {
        let tokens = whole(&request, completion);
        assert_eq!((tokens.len(), completion.stop), (CONTEXT, StopReason::Context));
        let sequence = Sequence { tokens: &tokens, prompt_length: request.prompt.len() };
        let facts = model.score(&[sequence], 1.0).unwrap().remove(0);
        assert_eq!(bits(&completion.logprobs), bits(&facts.logprob));
        assert_eq!(bits(&completion.entropies), bits(&facts.entropy));
        assert_eq!(bits(&completion.sum_p2), bits(&facts.sum_p2));
    }
    let far = &completions[0].entropies;
    assert!(far.iter().all(|&e| e > 0.0 && e < 4.6), "a distribution over 97 tokens: {far:?}");
}

/// Set in the child process that a test starts of itself: how many tokens it works on.
const TOKENS: &str = "CURT_TEST_LONG_CONTEXT_TOKENS";

/// Generates, scores and trains on one sequence of that many tokens.
fn work(length: usize) {
    let one_layer = YARN.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    let mut model = changed_model(Cpu::new(1).unwrap(), config(&one_layer), Vec::new(), Settings::default(), &mut |_, _| ());
    let before = peak_kib();
    generate_score_and_train(&mut model, length, length - 8, 97);
    println!("peak {}", peak_kib() - before);
}

/// Two completions of 8 tokens, and one sequence of `length` tokens forward and backward.
fn generate_score_and_train(model: &mut Transformer<Cpu<f32>>, length: usize, prompt_length: usize, vocab: usize) {
    let tokens = tokens(0, length, vocab);
    let request = request(0, prompt_length, 2, 8, vocab);
    model.generate(&[request], &Sampling::temperature(1.0), &mut |_| true).unwrap();
    let sequence = [Sequence { tokens: &tokens, prompt_length: 1 }];
    model.score(&sequence, 1.0).unwrap();
    let ones = TokenGradients { d_logprob: vec![1.0; length - 1], d_entropy: vec![1.0; length - 1] };
    model.backward(&sequence, &[ones], 1.0).unwrap();
}

/// The most memory that this process ever had, in KiB, as Linux counts it.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux writes it");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The growth of a child process's peak memory while the test `name` works on a sequence of `length` tokens, in KiB.
fn peak_of_child(name: &str, length: usize) -> usize {
    let (mut child, name) = (Command::new(std::env::current_exe().unwrap()), format!("long_context::{name}"));
    let output = child.args([name.as_str(), "--exact", "--nocapture"]).env(TOKENS, length.to_string()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let peak = text.split("peak ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    peak.unwrap_or_else(|| panic!("no peak in {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Measured in a process of its own per length, because a peak never falls.
#[test]
#[cfg(target_os = "linux")]
fn twice_the_tokens_take_twice_the_memory() {
    if let Ok(length) = std::env::var(TOKENS) {
        return work(length.parse().unwrap());
    }
    let of = |length| peak_of_child("twice_the_tokens_take_twice_the_memory", length);
    let (half, full) = (of(CONTEXT / 2), of(CONTEXT));
    println!("{half} KiB for {} tokens, {full} KiB for {CONTEXT}", CONTEXT / 2);
    // one matrix of 8,192 x 8,192 scores alone would be 262,144 KiB
    assert!(half > 16_384 && half < 262_144, "{half} KiB for {} tokens", CONTEXT / 2);
    assert!(full as f64 <= 2.2 * half as f64, "{half} KiB for {} tokens, {full} KiB for {CONTEXT}", CONTEXT / 2);
}

/// That of Qwen2 and Qwen3.
const VOCABULARY: usize = 151_936;

/// So narrow that all its weights are 5 MiB.
const WIDE_HEAD: &str = r#"{"architectures": ["Qwen2ForCausalLM"], "vocab_size": 151936, "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 1, "num_key_value_heads": 1, "intermediate_size": 16, "rms_norm_eps": 1e-6,
    "max_position_embeddings": 2048, "rope_theta": 10000.0, "tie_word_embeddings": true}"#;

/// The logits of 1,024 rows would be 593 MiB, those of a fixed block of 128 rows 74 MiB, and their gradients as much again.
#[test]
#[cfg(target_os = "linux")]
fn nothing_of_size_tokens_by_vocabulary_exists() {
    let name = "nothing_of_size_tokens_by_vocabulary_exists";
    if let Ok(length) = std::env::var(TOKENS) {
        let stops = Vec::new();
        let mut model = changed_model(Cpu::new(1).unwrap(), config(WIDE_HEAD), stops, Settings::default(), &mut |_, _| ());
        // weights, their packed copy and their gradients are all there after the first pass
        generate_score_and_train(&mut model, 2, 1, VOCABULARY);
        let before = peak_kib();
        generate_score_and_train(&mut model, length.parse().unwrap(), 16, VOCABULARY);
        return println!("peak {}", peak_kib() - before);
    }
    let grown = peak_of_child(name, 1_025);
    println!("{grown} KiB for 1,024 rows of {VOCABULARY} logits");
    assert!(grown < 32 * 1024, "{grown} KiB for 1,024 rows of {VOCABULARY} logits");
}
