//! A whole model on a CUDA device has the bits of the CPU: generation, scoring, gradients and updates.
//!
//! Kernels run on the stand-in driver, or, where the variable `CURT_TEST_GPU` is set, on device 0 of this machine's driver.
//! The variable `CURT_FIXTURES` names the folder `fixtures` where the program runs far from its sources.

mod random_model;

use std::path::{Path, PathBuf};

use curt_kernels::{Cpu, Cuda, Ops};
use curt_runtime::{
    Completion, GenerateRequest, Policy, Sampling, Sequence, Settings, TokenFacts, TokenGradients, Transformer, Update,
};
use random_model::{QWEN2, QWEN3, bits, config, random_model, request, token_sequences, views, whole};

fn cuda() -> Cuda {
    if std::env::var_os("CURT_TEST_GPU").is_none() {
        stand_in_cuda::install().unwrap();
    }
    Cuda::new(0).unwrap()
}

const UPDATE: Update =
    Update { learning_rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };

fn generate<B: Ops<Real = f32>>(model: &mut Transformer<B>, requests: &[GenerateRequest]) -> Vec<Vec<Completion>>
where
    Transformer<B>: Policy,
{
    model.generate(requests, &Sampling::temperature(0.9), &mut |_| true).unwrap()
}

fn facts_bits(facts: &[TokenFacts]) -> Vec<[Vec<u32>; 3]> {
    facts.iter().map(|f| [&f.logprob, &f.entropy, &f.sum_p2].map(|x| bits(x))).collect()
}

fn weights<B: Ops<Real = f32>>(model: &Transformer<B>) -> Vec<Vec<u32>> {
    model.parameters().iter().map(|p| bits(&model.backend().download(&p.value))).collect()
}

/// Facts, gradients and norms of two updates, then the weights.
fn train<B: Ops<Real = f32>>(model: &mut Transformer<B>) -> Vec<Vec<u32>> {
    const LENGTHS: [(usize, usize); 3] = [(3, 9), (16, 20), (1, 5)];
    let sequences = token_sequences(&LENGTHS, model.config().vocab);
    let mut seen = Vec::new();
    for step in 0..2 {
        let value = |i: usize| ((i * 7 + step * 5) % 11) as f32 / 8.0 - 0.6;
        let gradients = LENGTHS.map(|(_, n)| TokenGradients {
            d_logprob: (0..n).map(value).collect(),
            d_entropy: (0..n).map(|i| value(i + 3)).collect(),
        });
        let facts = model.backward_tokens(&views(&sequences), &gradients, 1.25).unwrap();
        seen.extend(facts_bits(&facts).concat());
        // a sum of nothing is 0 or −0, which the backward does not tell apart
        seen.extend(model.gradients().iter().map(|g| bits(&g.iter().map(|x| x + 0.0).collect::<Vec<_>>())));
        let norms = model.apply_update(&UPDATE).unwrap();
        seen.push(bits(&[norms.grad_norm as f32, norms.grad_scale as f32]));
    }
    seen.extend(weights(model));
    seen
}

#[test]
fn generation_and_scores_have_the_bits_of_the_cpu() {
    for text in [QWEN3, QWEN2] {
        let settings = |max_sequences| Settings { max_sequences, ..Settings::default() };
        let mut on_cpu = random_model(Cpu::<f32>::new(1).unwrap(), config(text), settings(8));
        let requests: Vec<GenerateRequest> =
            [1, 16, 23].iter().enumerate().map(|(i, &len)| request(i as u64, len, 3, 20, on_cpu.config().vocab)).collect();
        let want = generate(&mut on_cpu, &requests);
        for slots in [2, 64] {
            let mut on_cuda = random_model(cuda(), config(text), settings(slots));
            assert_eq!(generate(&mut on_cuda, &requests), want, "{slots} slots");
            let whole: Vec<(Vec<u32>, usize)> =
                requests.iter().zip(&want).flat_map(|(r, group)| group.iter().map(|c| (whole(r, c), r.prompt.len()))).collect();
            let scored = on_cuda.score(&views(&whole), Sampling::temperature(0.9).inverse_temperature()).unwrap();
            for (completion, facts) in want.iter().flatten().zip(&scored) {
                assert_eq!(bits(&completion.logprobs), bits(&facts.logprob), "what was sampled is what is scored");
                assert_eq!(bits(&completion.entropies), bits(&facts.entropy));
            }
        }
    }
}

#[test]
fn training_has_the_bits_of_the_cpu() {
    for text in [QWEN3, QWEN2] {
        let want = train(&mut random_model(Cpu::<f32>::new(1).unwrap(), config(text), Settings::default()));
        let got = train(&mut random_model(cuda(), config(text), Settings::default()));
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!(got == want, "{i} of {}: {got:x?} {want:x?}", text.len());
        }
    }
}

#[test]
fn a_committed_model_speaks_as_on_the_cpu() {
    let beside_sources = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let folder = std::env::var_os("CURT_FIXTURES").map_or_else(beside_sources, PathBuf::from).join("tiny-good");
    let mut on_cpu = Transformer::load(Cpu::<f32>::new(1).unwrap(), &folder, None, Settings::default()).unwrap();
    let mut on_cuda = Transformer::load(cuda(), &folder, None, Settings::default()).unwrap();
    let requests = [request(1, 12, 2, 8, on_cpu.config().vocab)];
    let want = generate(&mut on_cpu, &requests);
    assert_eq!(generate(&mut on_cuda, &requests), want);
    let tokens = whole(&requests[0], &want[0][0]);
    let sequence = [Sequence { tokens: &tokens, prompt_length: 12 }];
    let [got, want] = [on_cuda.score(&sequence, 1.0).unwrap(), on_cpu.score(&sequence, 1.0).unwrap()];
    assert_eq!(facts_bits(&got), facts_bits(&want));
}
