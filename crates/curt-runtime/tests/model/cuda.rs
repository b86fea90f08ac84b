//! A whole model on a CUDA device has the bits of the CPU: generation, scoring, gradients and updates.
//!
//! Kernels run on the stand-in driver, or, where the variable `CURT_TEST_GPU` is set, on device 0 of this machine's driver.
//! The variable `CURT_FIXTURES` names the folder `fixtures` where the program runs far from its sources.

use std::fs;
use std::path::{Path, PathBuf};

use crate::random_model::{QWEN2, QWEN3, bits, config, key, random_model, request, token_sequences, views, whole};
use curt_kernels::{Cpu, Cuda, Ops};
use curt_runtime::{
    Completion, GenerateRequest, Policy, PolicyError, Sampling, Sequence, Settings, StopReason, TokenFacts, TokenGradients,
    Tokenizer, Transformer, Update, UpdateNorms,
};
use stand_in_cuda::Turn;

/// A device of the stand-in that no other test uses as long as the first is there, or the GPU.
fn cuda() -> (Option<Turn>, Cuda) {
    if std::env::var_os("CURT_TEST_GPU").is_some() {
        return (None, Cuda::new(0).unwrap());
    }
    let turn = stand_in_cuda::turn().unwrap();
    // sectors and bank conflicts are nobody's business here, and counting them takes time
    turn.set_count_traffic(false);
    let cuda = Cuda::new(turn.ordinal()).unwrap();
    (Some(turn), cuda)
}

fn cpu() -> Cpu<f32> {
    Cpu::new(1).unwrap()
}

fn settings(max_sequences: usize) -> Settings {
    Settings { max_sequences, ..Settings::default() }
}

const UPDATE: Update =
    Update { learning_rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };

fn generate(model: &mut impl Policy, requests: &[GenerateRequest], temperature: f64) -> Vec<Vec<Completion>> {
    model.generate(requests, &Sampling::temperature(temperature), &mut |_| true).unwrap()
}

fn facts_bits(facts: &[TokenFacts]) -> Vec<[Vec<u32>; 3]> {
    facts.iter().map(|f| [&f.logprob, &f.entropy, &f.sum_p2].map(|x| bits(x))).collect()
}

/// Of what the decode steps stored.
fn sampled_bits(groups: &[Vec<Completion>]) -> Vec<[Vec<u32>; 3]> {
    groups.iter().flatten().map(|c| [&c.logprobs, &c.entropies, &c.sum_p2].map(|x| bits(x))).collect()
}

/// The same tokens at every position, for the same reasons at an end, with the same bits beside them.
fn assert_same_completions(what: &str, got: &[Vec<Completion>], want: &[Vec<Completion>]) {
    assert_eq!(got, want, "{what}");
    assert_eq!(sampled_bits(got), sampled_bits(want), "{what}");
}

fn weights<B: Ops<Real = f32>>(model: &Transformer<B>) -> Vec<Vec<u32>> {
    model.parameters().iter().map(|p| bits(&model.backend().download(&p.value))).collect()
}

/// Prompt and completion of every sample, with the length of its prompt.
fn sampled(requests: &[GenerateRequest], groups: &[Vec<Completion>]) -> Vec<(Vec<u32>, usize)> {
    requests.iter().zip(groups).flat_map(|(r, group)| group.iter().map(|c| (whole(r, c), r.prompt.len()))).collect()
}

/// Scores what was sampled together, in the other order and one by one, and puts it through a training pass: each time every
/// number has the bits that the decode steps stored.
fn assert_scored_as_sampled(
    model: &mut impl Policy,
    requests: &[GenerateRequest],
    groups: &[Vec<Completion>],
    inverse_temperature: f64,
) {
    let want = sampled_bits(groups);
    let tokens = sampled(requests, groups);
    let sequences = views(&tokens);
    let mut score = |sequences: &[Sequence<'_>]| facts_bits(&model.score(sequences, inverse_temperature).unwrap());
    assert_eq!(score(&sequences), want, "scored together");
    let mut backwards = score(&sequences.iter().rev().copied().collect::<Vec<_>>());
    backwards.reverse();
    assert_eq!(backwards, want, "scored in the other order");
    let alone: Vec<_> = sequences.iter().flat_map(|&s| score(&[s])).collect();
    assert_eq!(alone, want, "scored alone");
    let zeros = |s: &Sequence<'_>| vec![0.0; s.completion_length()];
    let nothing: Vec<_> = sequences.iter().map(|s| TokenGradients { d_logprob: zeros(s), d_entropy: zeros(s) }).collect();
    let trained = model.backward(&sequences, &nothing, inverse_temperature).unwrap();
    assert_eq!(facts_bits(&trained), want, "trained on");
}

/// Prompts of part of a page, of a whole one and of more, shared by their samples; slots that are refilled as sequences end,
/// and slots for all.
#[test]
fn generation_has_the_bits_of_the_cpu_and_of_scoring_and_training() {
    let (temperature, samples, max_new_tokens) = (0.9, 3, 20);
    for text in [QWEN3, QWEN2] {
        let mut on_cpu = random_model(cpu(), config(text), settings(8));
        let vocab = on_cpu.config().vocab;
        let requests: Vec<GenerateRequest> =
            [1, 16, 23].iter().enumerate().map(|(i, &len)| request(i as u64, len, samples, max_new_tokens, vocab)).collect();
        let want = generate(&mut on_cpu, &requests, temperature);
        let stops: Vec<StopReason> = want.iter().flatten().map(|c| c.stop).collect();
        assert!(stops.contains(&StopReason::Eos) && stops.contains(&StopReason::Budget), "both ways to end: {stops:?}");
        for slots in [64, 2] {
            let (_turn, cuda) = cuda();
            let mut on_cuda = random_model(cuda, config(text), settings(slots));
            assert_same_completions(&format!("{slots} slots"), &generate(&mut on_cuda, &requests, temperature), &want);
            let counters = on_cuda.counters();
            assert_eq!(counters.prompt_tokens, 1 + 16 + 23, "a prompt once for all its samples");
            assert_eq!(counters.decode_steps >= max_new_tokens as u64, slots == 2, "{slots} slots, {counters:?}");
            if slots == 2 {
                let inverse_temperature = Sampling::temperature(temperature).inverse_temperature();
                assert_scored_as_sampled(&mut on_cuda, &requests, &want, inverse_temperature);
            }
        }
    }
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
fn training_has_the_bits_of_the_cpu() {
    for text in [QWEN3, QWEN2] {
        let want = train(&mut random_model(cpu(), config(text), Settings::default()));
        let (_turn, cuda) = cuda();
        let got = train(&mut random_model(cuda, config(text), Settings::default()));
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!(got == want, "{i} of {}: {got:x?} {want:x?}", text.len());
        }
    }
}

/// The model that the embedded run starts from.
fn committed_model<B: Ops<Real = f32>>(backend: B, max_sequences: usize) -> Transformer<B> {
    Transformer::load(backend, &committed_folder(), None, settings(max_sequences)).unwrap()
}

fn committed_folder() -> PathBuf {
    let beside_sources = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    std::env::var_os("CURT_FIXTURES").map_or_else(beside_sources, PathBuf::from).join("tiny-good")
}

/// A group for each of three problems of its task, of one, two and three links.
fn problems(samples: u32, max_new_tokens: usize) -> Vec<GenerateRequest> {
    let tokenizer = Tokenizer::load(&committed_folder()).unwrap();
    let of = |(problem, text): (u64, &&str)| GenerateRequest {
        prompt: tokenizer.encode(text, false).unwrap(),
        samples: (0..samples).map(|sample| key(problem, sample)).collect(),
        max_new_tokens,
    };
    (0..).zip(&["^84a+7>", "^44a*3b*9>", "^05c-2a+6b*7>"]).map(of).collect()
}

/// At temperature 1, every token of every sample is the CPU's: 100 % of the positions, with no near-tie to explain.
#[test]
fn a_committed_model_samples_the_tokens_of_the_cpu() {
    let requests = problems(2, 16);
    let want = generate(&mut committed_model(cpu(), 64), &requests, 1.0);
    let ended = want.iter().flatten().filter(|c| c.stop == StopReason::Eos).count();
    assert!((1..6).contains(&ended), "{ended} of 6 samples end by themselves");
    assert!(want.iter().all(|group| group.iter().any(|c| c.ids != group[0].ids)), "a group of equal samples");
    let (_turn, cuda) = cuda();
    let mut on_cuda = committed_model(cuda, 64);
    let got = generate(&mut on_cuda, &requests, 1.0);
    let tokens = |groups: &[Vec<Completion>]| groups.iter().flatten().flat_map(|c| c.ids.clone()).collect::<Vec<u32>>();
    assert_eq!(tokens(&got), tokens(&want));
    assert_same_completions("sampled", &got, &want);
    let tokens = sampled(&requests, &want);
    let scored = on_cuda.score(&views(&tokens), 1.0).unwrap();
    assert_eq!(facts_bits(&scored), sampled_bits(&want), "scored as sampled");
}

/// Raises every other sample of a group and lowers the others, as a step of training does; the step says which, and whether the
/// gradient is clipped.
fn update_on_group(model: &mut impl Policy, tokens: &[(Vec<u32>, usize)], step: usize) -> UpdateNorms {
    let sequences = views(tokens);
    let count = sequences.iter().map(Sequence::completion_length).sum::<usize>() as f32;
    let of = |(i, s): (usize, &Sequence<'_>)| {
        let advantage = if (i + step).is_multiple_of(2) { 1.0 } else { -0.75 };
        let n = s.completion_length();
        TokenGradients { d_logprob: vec![-advantage / count; n], d_entropy: vec![-0.01 / count; n] }
    };
    let gradients: Vec<TokenGradients> = sequences.iter().enumerate().map(of).collect();
    model.backward(&sequences, &gradients, 1.0).unwrap();
    let max_grad_norm = if step.is_multiple_of(2) { 0.01 * UPDATE.max_grad_norm } else { f64::INFINITY };
    model.apply(&Update { max_grad_norm, ..UPDATE }).unwrap()
}

fn moments(model: &impl Policy) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    model.save_optimizer(folder.path()).unwrap();
    fs::read(folder.path().join("optimizer.state")).unwrap()
}

/// Ten updates by AdamW, every other one clipped, follow the CPU within a tolerance of nothing: after each, every weight has its
/// bits, at the end both moments too, and so has what the trained model samples.
#[test]
fn ten_updates_of_a_committed_model_are_those_of_the_cpu() {
    let (_turn, cuda) = cuda();
    let (mut on_cpu, mut on_cuda) = (committed_model(cpu(), 64), committed_model(cuda, 64));
    let requests = problems(2, 4);
    let before = generate(&mut on_cpu, &requests, 1.0);
    for step in 0..10 {
        let group = step % requests.len();
        let tokens = sampled(&requests[group..=group], &before[group..=group]);
        let want = update_on_group(&mut on_cpu, &tokens, step);
        let got = update_on_group(&mut on_cuda, &tokens, step);
        let norms = |n: UpdateNorms| [n.grad_norm, n.grad_scale].map(f64::to_bits);
        assert_eq!(norms(got), norms(want), "step {step}: {got:?}, on the CPU {want:?}");
        assert_eq!(want.grad_scale < 1.0, step.is_multiple_of(2), "clipped in every other step: {want:?}");
        for ((parameter, got), want) in on_cpu.parameters().iter().zip(weights(&on_cuda)).zip(weights(&on_cpu)) {
            assert!(got == want, "step {step}: {} differs", parameter.parts[0].name);
        }
    }
    assert!(moments(&on_cuda) == moments(&on_cpu), "moments differ");
    let short = problems(2, 4);
    let after = generate(&mut on_cpu, &short, 1.0);
    assert_ne!(after, generate(&mut committed_model(cpu(), 64), &short, 1.0), "the updates changed what is sampled");
    assert_same_completions("after ten updates", &generate(&mut on_cuda, &short, 1.0), &after);
}

/// A device that is gone gives NaN. Whatever needs its numbers says that it failed, not that gradient or weights are bad.
#[test]
fn a_failure_of_the_device_is_not_taken_for_bad_numbers() {
    type Ask = fn(&mut Transformer<Cuda>, &Path) -> Result<(), PolicyError>;
    let asks: [(&str, Ask); 3] = [
        ("apply", |model, _| model.apply(&UPDATE).map(|_| ())),
        ("save_weights", |model, folder| model.save_weights(folder)),
        ("save_optimizer", |model, folder| model.save_optimizer(folder)),
    ];
    for (what, ask) in asks {
        let (Some(turn), cuda) = cuda() else { return }; // a failure ends the whole process's use of a GPU
        let mut model = random_model(cuda, config(QWEN3), settings(4));
        let sequences = token_sequences(&[(3, 9)], model.config().vocab);
        let gradient = TokenGradients { d_logprob: vec![-0.1; 9], d_entropy: vec![0.0; 9] };
        model.backward(&views(&sequences), &[gradient], 1.0).unwrap();
        turn.set_print_reports(false);
        turn.reset();
        let folder = tempfile::tempdir().unwrap();
        let error = ask(&mut model, folder.path()).unwrap_err();
        assert!(matches!(error, PolicyError::Device(_)), "{what}: {error}");
    }
}
