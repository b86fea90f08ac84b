//! Whole-model tokens per second: generation, scoring and training with random weights of a real shape.
//!
//! `cargo bench -p curt-benches --bench model -- tiny` or `-- smollm2`; each with 1 and with 2 threads.

use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use curt_kernels::Cpu;
use curt_runtime::random::{below, normal};
use curt_runtime::{
    DrawKey, GenerateRequest, ModelConfig, Policy, PolicyError, Purpose, Sampling, Sequence, Settings, TokenGradients,
    Transformer, Update,
};

type Model = Transformer<Cpu<f32>>;

/// A shape and the work of its benches.
struct Case {
    name: &'static str,
    config: &'static str,
    prompt: usize,
    completion: usize,
    /// Sequences decoded at once.
    batches: &'static [usize],
    /// Sequences × tokens of a training pass.
    training: (usize, usize),
}

const CASES: [Case; 2] = [
    Case {
        name: "tiny",
        config: r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 42, "hidden_size": 128, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "intermediate_size": 320,
            "rms_norm_eps": 1e-6, "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": false}"#,
        prompt: 22,
        completion: 64,
        batches: &[128, 512],
        training: (80, 102),
    },
    Case {
        name: "smollm2",
        config: r#"{"architectures": ["LlamaForCausalLM"], "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30,
            "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536, "rms_norm_eps": 1e-5,
            "max_position_embeddings": 8192, "rope_theta": 100000.0, "tie_word_embeddings": true}"#,
        prompt: 64,
        completion: 64,
        batches: &[1, 8, 32, 64],
        training: (8, 320),
    },
];

fn model(case: &Case, threads: usize) -> Model {
    let config = ModelConfig::from_json(Path::new("config.json"), case.config).unwrap();
    let mut tensor = 0;
    // no stop token: every completion has the full length, as in the peers' measurements
    Transformer::from_source(Cpu::new(threads).unwrap(), config, vec![], Settings::default(), &mut |_, shape| {
        tensor += 1;
        let mut generator = DrawKey { problem: tensor, ..DrawKey::new(1, Purpose::Init) }.generator();
        let spread = 1.0 / (*shape.last().unwrap_or(&1) as f64).sqrt();
        let len = shape.iter().product();
        Ok::<_, PolicyError>(match shape.len() {
            1 => vec![1.0; len],
            _ => (0..len).map(|_| (spread * normal(&mut generator)) as f32).collect(),
        })
    })
    .unwrap()
}

fn tokens(seed: u64, len: usize, vocab: usize) -> Vec<u32> {
    let mut generator = DrawKey::new(seed, Purpose::Shuffle).generator();
    (0..len).map(|_| below(&mut generator, vocab as u64) as u32).collect()
}

fn generate(criterion: &mut Criterion, case: &Case, threads: usize) {
    let mut group = criterion.benchmark_group(format!("{}/generate/{threads} threads", case.name));
    for &batch in case.batches {
        group.throughput(Throughput::Elements((batch * case.completion) as u64));
        // made on first use, so that a filtered-out bench costs nothing, and kept: the closure runs once per sample
        let mut kept = None;
        group.bench_function(BenchmarkId::from_parameter(batch), |b| {
            let model = kept.get_or_insert_with(|| model(case, threads));
            let requests = requests(case, batch, model.config().vocab);
            b.iter(|| model.generate(&requests, &Sampling::temperature(1.0), &mut |_| true).unwrap())
        });
    }
}

fn requests(case: &Case, batch: usize, vocab: usize) -> Vec<GenerateRequest> {
    let samples = batch.min(8);
    (0..batch / samples)
        .map(|r| GenerateRequest {
            prompt: tokens(r as u64, case.prompt, vocab),
            samples: (0..samples as u32).map(|s| DrawKey { sample: s, ..DrawKey::new(r as u64, Purpose::Train) }).collect(),
            max_new_tokens: case.completion,
        })
        .collect()
}

fn train(criterion: &mut Criterion, case: &Case, threads: usize) {
    let (count, len) = case.training;
    let mut group = criterion.benchmark_group(format!("{}/{count}x{len} tokens/{threads} threads", case.name));
    group.throughput(Throughput::Elements((count * len) as u64));
    let ids = |vocab| (0..count).map(|i| tokens(i as u64, len + 1, vocab)).collect::<Vec<_>>();
    let gradients = vec![TokenGradients { d_logprob: vec![-1e-3; len], d_entropy: vec![0.0; len] }; count];
    let update = Update { learning_rate: 1e-6, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0, max_grad_norm: 1.0 };
    let mut kept = None;
    group.bench_function("score", |b| {
        let model = kept.get_or_insert_with(|| model(case, threads));
        let ids = ids(model.config().vocab);
        b.iter(|| model.score(&sequences(&ids), 1.0).unwrap())
    });
    group.bench_function("train", |b| {
        let model = kept.get_or_insert_with(|| model(case, threads));
        let ids = ids(model.config().vocab);
        b.iter(|| {
            model.backward(&sequences(&ids), &gradients, 1.0).unwrap();
            model.apply(&update).unwrap()
        })
    });
}

fn sequences(ids: &[Vec<u32>]) -> Vec<Sequence<'_>> {
    ids.iter().map(|tokens| Sequence { tokens, prompt_length: 1 }).collect()
}

fn whole_model(criterion: &mut Criterion) {
    for case in &CASES {
        for threads in [1, 2] {
            generate(criterion, case, threads);
            train(criterion, case, threads);
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = whole_model
}
criterion_main!(benches);
