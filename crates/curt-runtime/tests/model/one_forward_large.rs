//! Invariant 1 at the widths of a real model: 151,936 tokens, 14 heads over 2, products 896 deep, 600 tokens.
//!
//! Its weights are 1.1 GB in memory, and 1.7 GB while they are made.

use crate::random_model::{bits, config, request, whole};
use curt_kernels::Cpu;
use curt_runtime::{Completion, GenerateRequest, Policy, PolicyError, Sampling, Sequence, Settings, StopReason, Transformer};

const VOCAB: usize = 151_936;

const QWEN2_WIDE: &str = r#"{"architectures": ["Qwen2ForCausalLM"], "vocab_size": 151936, "hidden_size": 896,
    "num_hidden_layers": 1, "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 256,
    "max_position_embeddings": 1024, "rope_theta": 1000000.0, "tie_word_embeddings": true}"#;

/// Seeded weights, evenly spread, by a generator that costs less than the memory they are written to.
fn weights(tensor: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let (center, spread) = match shape {
        _ if name.contains("embed") => (0.0, 0.2),
        [_, inputs] => (0.0, 2.6 / (*inputs as f32).sqrt()),
        _ if name.contains("norm") => (1.0, 0.3),
        _ => (0.0, 0.3),
    };
    let mut state = tensor;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..shape.iter().product()).map(|_| center + spread * draw()).collect()
}

fn model(threads: usize, max_sequences: usize) -> Transformer<Cpu<f32>> {
    let settings = Settings { max_sequences, ..Settings::default() };
    let mut tensor = 0;
    Transformer::from_source(Cpu::new(threads).unwrap(), config(QWEN2_WIDE), vec![2], settings, &mut |name, shape| {
        tensor += 1;
        Ok::<_, PolicyError>(weights(tensor, name, shape))
    })
    .unwrap()
}

/// One sequence that ends at 600 tokens, and two groups whose samples share a prompt that does and one that does not
/// fill its pages; 65 samples, so that even 64 slots are refilled.
fn requests() -> Vec<GenerateRequest> {
    vec![request(0, 568, 1, 32, VOCAB), request(1, 37, 40, 2, VOCAB), request(2, 16, 24, 3, VOCAB)]
}

fn assert_scores(what: &str, model: &mut Transformer<Cpu<f32>>, sequences: &[(Sequence<'_>, &Completion)]) {
    let packed: Vec<Sequence<'_>> = sequences.iter().map(|(s, _)| *s).collect();
    let facts = model.score(&packed, 1.0).unwrap();
    for ((_, completion), facts) in sequences.iter().zip(&facts) {
        assert_eq!(bits(&completion.logprobs), bits(&facts.logprob), "{what}: log-probabilities");
        assert_eq!(bits(&completion.entropies), bits(&facts.entropy), "{what}: entropies");
        assert_eq!(bits(&completion.sum_p2), bits(&facts.sum_p2), "{what}: sums of squares");
    }
}

#[test]
fn wide_model_generates_what_it_scores() {
    let requests = requests();
    let mut reference: Option<Vec<Vec<Completion>>> = None;
    for (threads, slots) in [(1, 64), (2, 7), (2, 1)] {
        let mut model = model(threads, slots);
        let groups = model.generate(&requests, &Sampling::temperature(1.0), &mut |_| true).unwrap();
        let reference = reference.get_or_insert_with(|| groups.clone());
        assert_eq!(&groups, reference, "{threads} threads, {slots} slots");

        let pairs: Vec<(Vec<u32>, usize, &Completion)> = requests
            .iter()
            .zip(&*reference)
            .flat_map(|(r, group)| group.iter().map(|c| (whole(r, c), r.prompt.len(), c)))
            .collect();
        let mut sequences: Vec<(Sequence<'_>, &Completion)> =
            pairs.iter().map(|(tokens, prompt, c)| (Sequence { tokens, prompt_length: *prompt }, *c)).collect();
        assert_eq!((pairs[0].0.len(), pairs[0].2.stop), (600, StopReason::Budget));
        // at 1 thread and at 2, each in an order of its own; a prompt alone, a shared one that fills its pages, and one that does not
        match slots {
            64 => {
                for one in [0, 1, 41] {
                    assert_scores("alone", &mut model, &sequences[one..=one]);
                }
                assert_scores("packed", &mut model, &sequences);
            }
            7 => {
                assert_scores("alone, 2 threads", &mut model, &sequences[41..=41]);
                sequences.reverse();
                assert_scores("packed in reverse, 2 threads", &mut model, &sequences);
            }
            _ => {}
        }
    }
    // the tokens come from all over the vocabulary, so a chunk that is wrong on one side is seen
    let mut chunks: Vec<u32> = reference.iter().flatten().flatten().flat_map(|c| c.ids.iter().map(|id| id / 512)).collect();
    chunks.sort_unstable();
    chunks.dedup();
    assert!(chunks.len() > 50, "{} chunks", chunks.len());
}
