//! A context of 16,384 tokens: the same bits, and memory in proportion to the tokens.

mod random_model;

use std::process::Command;

use curt_kernels::Cpu;
use curt_runtime::{GenerateRequest, Policy, Sampling, Sequence, Settings, StopReason, TokenGradients, Transformer};
use random_model::{bits, changed_model, config, request, tokens, whole};

const CONTEXT: usize = 16_384;

/// A prompt that leaves 4,384 tokens to generate.
const PROMPT: usize = 12_000;

const YARN: &str = r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 97, "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96,
    "max_position_embeddings": 16384, "rope_theta": 10000.0, "tie_word_embeddings": false,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}}"#;

/// Without stop tokens, so that only the context ends a completion.
fn model() -> Transformer<Cpu<f32>> {
    changed_model(Cpu::new(2).unwrap(), config(YARN), Vec::new(), Settings::default(), &mut |_, _| ())
}

#[test]
fn the_last_quarter_of_a_full_context_is_generated_as_scored() {
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

/// Set in the child process: how many tokens it works on.
const TOKENS: &str = "CURT_TEST_LONG_CONTEXT_TOKENS";

/// Generates, scores and trains on one sequence of that many tokens.
fn work(length: usize) {
    let mut model = changed_model(Cpu::new(1).unwrap(), config(YARN), Vec::new(), Settings::default(), &mut |_, _| ());
    let before = peak_kib();
    let tokens = tokens(0, length, 97);
    let request = GenerateRequest { max_new_tokens: 8, ..request(0, length - 8, 2, 8, 97) };
    model.generate(&[request], &Sampling::temperature(1.0), &mut |_| true).unwrap();
    let sequence = [Sequence { tokens: &tokens, prompt_length: 1 }];
    model.score(&sequence, 1.0).unwrap();
    let ones = TokenGradients { d_logprob: vec![1.0; length - 1], d_entropy: vec![1.0; length - 1] };
    model.backward(&sequence, &[ones], 1.0).unwrap();
    println!("peak {}", peak_kib() - before);
}

/// The most memory that this process ever had, in KiB, as Linux counts it.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux writes it");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The growth of a child process's peak memory while it works on a sequence of `length` tokens, in KiB.
fn peak_of_child(length: usize) -> usize {
    let name = "twice_the_tokens_take_twice_the_memory";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([name, "--exact", "--nocapture"]).env(TOKENS, length.to_string()).output().unwrap();
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
    let (half, full) = (peak_of_child(CONTEXT / 2), peak_of_child(CONTEXT));
    println!("{half} KiB for {} tokens, {full} KiB for {CONTEXT}", CONTEXT / 2);
    // one matrix of 8,192 x 8,192 scores alone would be 262,144 KiB
    assert!(half > 16_384 && half < 262_144, "{half} KiB for {} tokens", CONTEXT / 2);
    assert!(full as f64 <= 2.2 * half as f64, "{half} KiB for {} tokens, {full} KiB for {CONTEXT}", CONTEXT / 2);
}
