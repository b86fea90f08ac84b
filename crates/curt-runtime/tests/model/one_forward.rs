//! Invariant 1: a token has the same log-probability, bit for bit, however it is computed.

use std::path::Path;

use crate::random_model::{QWEN2, QWEN3, available_paths, bits, config, random_model, request, whole};
use curt_kernels::Cpu;
use curt_runtime::{
    Completion, GenerateRequest, Policy, Sampling, Sequence, Settings, StopReason, TokenFacts, TokenGradients, Transformer,
};

type Model = Transformer<Cpu<f32>>;

/// A model as `check` makes it: the same weights for any number of threads and any settings.
type Make<'a> = &'a dyn Fn(Cpu<f32>, Settings) -> Model;

fn model(make: Make<'_>, threads: usize, max_sequences: usize) -> Model {
    make(Cpu::new(threads).unwrap(), Settings { max_sequences, ..Settings::default() })
}

/// Prompts of odd lengths, one of them exactly a page, each with several samples; 70 in all, so that even 64 slots are
/// refilled.
fn requests(vocab: usize, max_new_tokens: usize) -> Vec<GenerateRequest> {
    [1usize, 16, 23, 40, 33].iter().enumerate().map(|(i, &len)| request(i as u64, len, 14, max_new_tokens, vocab)).collect()
}

fn generate(model: &mut Model, requests: &[GenerateRequest], temperature: f64) -> Vec<Vec<Completion>> {
    model.generate(requests, &Sampling::temperature(temperature), &mut |_| true).unwrap()
}

fn assert_bits(what: &str, completion: &Completion, facts: &TokenFacts) {
    assert_eq!(bits(&completion.logprobs), bits(&facts.logprob), "{what}: log-probabilities");
    assert_eq!(bits(&completion.entropies), bits(&facts.entropy), "{what}: entropies");
    assert_eq!(bits(&completion.sum_p2), bits(&facts.sum_p2), "{what}: sums of squares");
}

fn check_random(text: &str, temperature: f64) {
    check(&|cpu, settings| random_model(cpu, config(text), settings), temperature);
}

fn check(make: Make<'_>, temperature: f64) {
    let mut first = model(make, 1, 64);
    let requests = requests(first.config().vocab, 70);
    let reference = generate(&mut first, &requests, temperature);
    for (threads, slots) in [(1, 1), (2, 7), (2, 64)] {
        let again = generate(&mut model(make, threads, slots), &requests, temperature);
        assert_eq!(again, reference, "{threads} threads, {slots} slots");
    }
    let stops: Vec<StopReason> = reference.iter().flatten().map(|c| c.stop).collect();
    assert!(stops.contains(&StopReason::Eos) && stops.contains(&StopReason::Budget), "both ways to end: {stops:?}");
    score_all_ways(make, temperature, &requests, &reference);
}

/// Scores every completion alone and packed in two orders.
fn score_all_ways(make: Make<'_>, temperature: f64, requests: &[GenerateRequest], reference: &[Vec<Completion>]) {
    let pairs: Vec<(usize, Vec<u32>, &Completion)> =
        requests.iter().zip(reference).flat_map(|(r, group)| group.iter().map(|c| (r.prompt.len(), whole(r, c), c))).collect();
    for threads in [1, 2] {
        let mut scorer = model(make, threads, 64);
        for (prompt_length, ids, completion) in &pairs {
            let sequence = Sequence { tokens: ids, prompt_length: *prompt_length };
            let facts = scorer.score(&[sequence], 1.0 / temperature).unwrap();
            assert_bits("scored alone", completion, &facts[0]);
        }
        for reverse in [false, true] {
            let mut order: Vec<usize> = (0..pairs.len()).collect();
            if reverse {
                order.reverse();
            }
            let packed: Vec<Sequence<'_>> =
                order.iter().map(|&i| Sequence { tokens: &pairs[i].1, prompt_length: pairs[i].0 }).collect();
            let facts = scorer.score(&packed, 1.0 / temperature).unwrap();
            for (&i, facts) in order.iter().zip(&facts) {
                assert_bits("scored packed", pairs[i].2, facts);
            }
        }
    }
}

#[test]
fn qwen3_form_generates_what_it_scores() {
    check_random(QWEN3, 1.0);
    check_random(QWEN3, 0.7);
}

#[test]
fn qwen2_form_generates_what_it_scores() {
    check_random(QWEN2, 1.0);
}

#[test]
fn tiny_model_generates_what_it_scores() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    check(&|cpu, settings| Transformer::load(cpu, &folder, None, settings).unwrap(), 1.0);
}

#[test]
fn every_instruction_set_gives_the_same_run() {
    let requests = requests(61, 20);
    let run = |path| {
        let mut model: Model = random_model(Cpu::with_path(1, path).unwrap(), config(QWEN3), Settings::default());
        generate(&mut model, &requests, 1.0)
    };
    let available = available_paths();
    let first = run(available[0]);
    for &path in &available[1..] {
        assert_eq!(run(path), first, "{}", path.name());
    }
}

/// The training pass computes the same log-probabilities as the decode steps did, with and without recomputation: the
/// first on-policy ratio is 1, and no scoring pass is needed for it.
#[test]
fn training_pass_sees_the_decode_logprobs() {
    let requests = requests(61, 30);
    for recompute_activations in [false, true] {
        let settings = Settings { recompute_activations, ..Settings::default() };
        let mut model: Model = random_model(Cpu::new(2).unwrap(), config(QWEN3), settings);
        let groups = generate(&mut model, &requests, 1.0);
        for (request, group) in requests.iter().zip(&groups) {
            let ids: Vec<Vec<u32>> = group.iter().map(|c| whole(request, c)).collect();
            let sequences: Vec<Sequence<'_>> =
                ids.iter().map(|tokens| Sequence { tokens, prompt_length: request.prompt.len() }).collect();
            let gradients: Vec<_> = group
                .iter()
                .map(|c| TokenGradients { d_logprob: vec![0.1; c.ids.len()], d_entropy: vec![0.0; c.ids.len()] })
                .collect();
            let facts = model.backward(&sequences, &gradients, 1.0).unwrap();
            for (completion, facts) in group.iter().zip(&facts) {
                assert_bits("training pass", completion, facts);
                let ratios = completion.logprobs.iter().zip(&facts.logprob).map(|(old, new)| libm::exp(f64::from(new - old)));
                assert!(ratios.into_iter().all(|ratio| ratio == 1.0));
            }
        }
        assert_eq!((model.counters().scoring_passes, model.counters().training_passes), (0, 5));
    }
}
