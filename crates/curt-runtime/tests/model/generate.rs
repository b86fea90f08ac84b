//! Generation: where completions end, what randomness depends on, filters, interruption and bad requests.

use crate::random_model::{QWEN2, QWEN3, bits, changed_model, config, key, request, tokens, whole};
use curt_kernels::Cpu;
use curt_runtime::{
    Completion, DrawKey, GenerateRequest, Policy, PolicyError, Sampling, Sequence, Settings, StopReason, TokenGradients,
    Transformer,
};

type Model = Transformer<Cpu<f32>>;

const VOCAB: usize = 61;

fn model(stops: &[u32]) -> Model {
    limited_model(stops, 64, 512)
}

fn limited_model(stops: &[u32], max_sequences: usize, context: usize) -> Model {
    let settings = Settings { max_sequences, ..Settings::default() };
    let text = QWEN3.replace("512", &context.to_string());
    changed_model(Cpu::new(1).unwrap(), config(&text), stops.to_vec(), settings, &mut |_, _| ())
}

fn run(model: &mut Model, requests: &[GenerateRequest], sampling: &Sampling) -> Vec<Vec<Completion>> {
    model.generate(requests, sampling, &mut |_| true).unwrap()
}

fn plain() -> Sampling {
    Sampling::temperature(1.0)
}

fn ids(groups: &[Vec<Completion>]) -> Vec<&[u32]> {
    groups.iter().flatten().map(|c| &c.ids[..]).collect()
}

#[test]
fn any_stop_token_ends_a_completion_and_is_its_last_token() {
    let stops = [2, 9, 17];
    let requests: Vec<_> = (0..6).map(|p| request(p, 3 + p as usize, 8, 24, VOCAB)).collect();
    let groups = run(&mut model(&stops), &requests, &plain());
    let mut ends = Vec::new();
    for completion in groups.iter().flatten() {
        let (&last, before) = completion.ids.split_last().unwrap();
        assert!(before.iter().all(|id| !stops.contains(id)), "{completion:?}");
        let expected = match stops.contains(&last) {
            true => StopReason::Eos,
            false => StopReason::Budget,
        };
        assert_eq!(completion.stop, expected, "{completion:?}");
        assert!(expected == StopReason::Eos || completion.ids.len() == 24, "{completion:?}");
        assert_eq!((completion.logprobs.len(), completion.sum_p2.len()), (completion.ids.len(), completion.ids.len()));
        ends.push(last);
    }
    assert!(stops.iter().all(|stop| ends.contains(stop)), "each of {stops:?} must occur: {ends:?}");
    assert!(groups.iter().flatten().any(|c| c.stop == StopReason::Budget));
}

#[test]
fn the_budget_cuts_and_a_stop_token_at_the_budget_is_a_stop() {
    let mut model = model(&[2, 9, 17]);
    let whole_run = run(&mut model, &[request(1, 5, 16, 60, VOCAB)], &plain()).remove(0);
    let ended: Vec<&Completion> = whole_run.iter().filter(|c| c.stop == StopReason::Eos && c.ids.len() > 2).collect();
    assert!(!ended.is_empty());
    for (sample, completion) in whole_run.iter().enumerate().filter(|(_, c)| c.stop == StopReason::Eos && c.ids.len() > 2) {
        let length = completion.ids.len();
        for (limit, stop) in
            [(length + 1, StopReason::Eos), (length, StopReason::Eos), (length - 1, StopReason::Budget), (1, StopReason::Budget)]
        {
            let limited = GenerateRequest { samples: vec![key(1, sample as u32)], ..request(1, 5, 1, limit, VOCAB) };
            let found = run(&mut model, &[limited], &plain()).remove(0).remove(0);
            assert_eq!(found.stop, stop, "limit {limit} of {length}");
            assert_eq!(found.ids, completion.ids[..limit.min(length)]);
            assert_eq!(bits(&found.logprobs), bits(&completion.logprobs[..limit.min(length)]));
        }
    }
}

#[test]
fn the_context_ends_a_completion_exactly() {
    let context = 48;
    for slots in [1, 64] {
        let mut model = limited_model(&[], slots, context);
        for (prompt, limit, length, stop) in [
            (47, 100, 1, StopReason::Context),
            (47, 1, 1, StopReason::Budget),
            (40, 100, 8, StopReason::Context),
            (40, 9, 8, StopReason::Context),
            (40, 8, 8, StopReason::Budget),
            (32, 100, 16, StopReason::Context),
            (1, 100, 47, StopReason::Context),
        ] {
            let request = request(0, prompt, 3, limit, VOCAB);
            for completion in run(&mut model, std::slice::from_ref(&request), &plain()).remove(0) {
                assert_eq!((completion.ids.len(), completion.stop), (length, stop), "prompt {prompt}, limit {limit}");
                let tokens = whole(&request, &completion);
                let facts = model.score(&[Sequence { tokens: &tokens, prompt_length: prompt }], 1.0).unwrap();
                assert_eq!(bits(&facts[0].logprob), bits(&completion.logprobs));
            }
        }
    }
}

#[test]
fn greedy_takes_the_largest_logit() {
    for text in [QWEN3, QWEN2] {
        let mut model: Model = changed_model(Cpu::new(1).unwrap(), config(text), vec![2], Settings::default(), &mut |_, _| ());
        for problem in 0..4 {
            let request = request(problem, 4 + 9 * problem as usize, 2, 20, VOCAB);
            let group = run(&mut model, std::slice::from_ref(&request), &Sampling::greedy()).remove(0);
            assert_eq!(group[0], group[1], "the key decides nothing");
            let tokens = whole(&request, &group[0]);
            let logits = model.logits(&tokens).unwrap();
            for (i, &id) in group[0].ids.iter().enumerate() {
                let row = logits.row(request.prompt.len() - 1 + i);
                let largest = row.iter().fold(f32::NEG_INFINITY, |m, &z| m.max(z));
                assert_eq!(Some(id as usize), row.iter().position(|&z| z == largest));
            }
            let facts = model.score(&[Sequence { tokens: &tokens, prompt_length: request.prompt.len() }], 1.0).unwrap();
            assert_eq!(bits(&facts[0].logprob), bits(&group[0].logprobs), "greedy log-probabilities are those at temperature 1");
        }
    }
}

#[test]
fn a_prompt_is_processed_once_per_group() {
    let requests = [request(0, 33, 7, 5, VOCAB), request(1, 16, 1, 5, VOCAB), request(2, 5, 20, 5, VOCAB)];
    for slots in [1, 4, 64] {
        let mut model = limited_model(&[], slots, 512);
        let groups = run(&mut model, &requests, &plain());
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [7, 1, 20]);
        assert_eq!(model.counters().prompt_tokens, 33 + 16 + 5, "{slots} slots");
        assert!(model.counters().decode_steps >= (28 * 4u64).div_ceil(slots as u64));
        assert_eq!(model.counters().scoring_passes, 0);
    }
}

#[test]
fn the_order_of_requests_and_samples_changes_nothing() {
    let requests: Vec<_> = (0..7).map(|p| request(p, 1 + 5 * p as usize, 4, 3 + 7 * p as usize, VOCAB)).collect();
    let want = run(&mut model(&[2]), &requests, &plain());
    for slots in [1, 3, 64] {
        let mut model = limited_model(&[2], slots, 512);
        let mut backwards = requests.clone();
        backwards.reverse();
        backwards.iter_mut().for_each(|r| r.samples.reverse());
        let mut found = run(&mut model, &backwards, &plain());
        found.reverse();
        found.iter_mut().for_each(|group| group.reverse());
        assert_eq!(found, want, "{slots} slots");
        for (request, want) in requests.iter().zip(&want) {
            assert_eq!(run(&mut model, std::slice::from_ref(request), &plain())[0], *want, "alone");
        }
    }
}

#[test]
fn equal_problems_differ_by_occurrence_alone() {
    let first = request(1, 12, 4, 16, VOCAB);
    let samples = first.samples.iter().map(|&k| DrawKey { occurrence: 1, ..k }).collect();
    let second = GenerateRequest { samples, ..first.clone() };
    let groups = run(&mut model(&[2]), &[first.clone(), second, first], &plain());
    assert_eq!(groups[0], groups[2]);
    for (a, b) in groups[0].iter().zip(&groups[1]) {
        assert_ne!(a.ids, b.ids);
    }
    let first_tokens = |group: &[Completion]| group.iter().map(|c| c.logprobs[0].to_bits()).collect::<Vec<_>>();
    assert_ne!(first_tokens(&groups[0]), first_tokens(&groups[1]));
}

#[test]
fn filters_change_what_is_drawn_and_no_stored_number() {
    let requests: Vec<_> = (0..4).map(|p| request(p, 6, 6, 20, VOCAB)).collect();
    let mut model = model(&[2]);
    for temperature in [1.0, 1.7] {
        let plain = Sampling::temperature(temperature);
        let unfiltered = run(&mut model, &requests, &plain);
        for sampling in [
            Sampling { top_k: 5, ..plain },
            Sampling { top_p: 0.6, ..plain },
            Sampling { min_p: 0.2, ..plain },
            Sampling { top_k: 20, top_p: 0.9, min_p: 0.05, ..plain },
        ] {
            let groups = run(&mut model, &requests, &sampling);
            assert_ne!(ids(&groups), ids(&unfiltered), "{sampling:?} cuts nothing");
            for (request, completion) in requests.iter().zip(&groups).flat_map(|(r, group)| group.iter().map(move |c| (r, c))) {
                let tokens = whole(request, completion);
                let sequence = Sequence { tokens: &tokens, prompt_length: request.prompt.len() };
                let facts = model.score(&[sequence], sampling.inverse_temperature()).unwrap();
                assert_eq!(bits(&facts[0].logprob), bits(&completion.logprobs), "{sampling:?}");
                assert_eq!(bits(&facts[0].entropy), bits(&completion.entropies), "{sampling:?}");
                assert_kept(&mut model, &tokens, request.prompt.len(), &sampling);
            }
        }
    }
}

/// Every completion token is one that top-k and min-p keep.
fn assert_kept(model: &mut Model, tokens: &[u32], prompt_length: usize, sampling: &Sampling) {
    let logits = model.logits(tokens).unwrap();
    for (i, &id) in tokens.iter().enumerate().skip(prompt_length) {
        let row = logits.row(i - 1);
        let own = row[id as usize];
        let better = row.iter().filter(|&&z| z > own).count();
        assert!(sampling.top_k == 0 || better < sampling.top_k as usize, "{sampling:?}: {better} better tokens");
        let largest = row.iter().fold(f32::NEG_INFINITY, |m, &z| m.max(z));
        let share = libm::exp(f64::from(own - largest) * sampling.inverse_temperature());
        assert!(share >= sampling.min_p * (1.0 - 1e-5), "{sampling:?}: share {share}");
    }
}

#[test]
fn filters_that_keep_one_or_all_tokens() {
    let requests: Vec<_> = (0..4).map(|p| request(p, 6, 3, 20, VOCAB)).collect();
    let mut model = model(&[2]);
    let greedy = run(&mut model, &requests, &Sampling::greedy());
    let unfiltered = run(&mut model, &requests, &plain());
    for one in [Sampling { top_k: 1, ..plain() }, Sampling { top_p: 1e-9, ..plain() }, Sampling { min_p: 1.0, ..plain() }] {
        assert_eq!(run(&mut model, &requests, &one), greedy, "{one:?}");
    }
    for all in [Sampling { top_k: 61, ..plain() }, Sampling { top_k: u32::MAX, ..plain() }, Sampling { min_p: 1e-30, ..plain() }]
    {
        assert_eq!(run(&mut model, &requests, &all), unfiltered, "{all:?}");
    }
}

#[test]
fn an_interrupted_generation_leaves_the_policy_as_it_was() {
    let requests: Vec<_> = (0..5).map(|p| request(p, 7 + 6 * p as usize, 5, 30, VOCAB)).collect();
    let want = run(&mut limited_model(&[2], 4, 512), &requests, &plain());
    let mut model = limited_model(&[2], 4, 512);
    for steps in [0, 1, 6, 23] {
        let (mut asked, mut last) = (0, 0);
        let result = model.generate(&requests, &plain(), &mut |progress| {
            assert!(progress.tokens > last && progress.total == 25 && progress.finished < 25, "{progress:?}");
            last = progress.tokens;
            asked += 1;
            asked <= steps
        });
        assert!(matches!(result, Err(PolicyError::Interrupted)), "{result:?}");
        assert_eq!(asked, steps + 1);
        assert_eq!(run(&mut model, &requests, &plain()), want, "after an interruption at step {steps}");
    }
}

#[test]
fn nothing_asked_for_is_nothing_done() {
    let mut model = model(&[2]);
    assert!(run(&mut model, &[], &plain()).is_empty());
    let groups = run(&mut model, &[request(0, 5, 0, 9, VOCAB), request(1, 5, 1, 9, VOCAB), request(2, 5, 0, 9, VOCAB)], &plain());
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0]);
    assert!(model.score(&[], 1.0).unwrap().is_empty());
    assert!(model.backward(&[], &[], 1.0).unwrap().is_empty());
}

/// Refuses `bad` behind a good request, and does no work for either.
fn refused(bad: GenerateRequest, sampling: Sampling) -> PolicyError {
    let mut model = limited_model(&[2], 64, 32);
    let error = model.generate(&[request(0, 3, 2, 4, VOCAB), bad], &sampling, &mut |_| true).unwrap_err();
    assert_eq!(model.counters().prompt_tokens, 0);
    error
}

#[test]
fn an_empty_prompt_is_refused() {
    let error = refused(GenerateRequest { prompt: Vec::new(), ..request(1, 1, 2, 4, VOCAB) }, plain());
    assert!(matches!(error, PolicyError::EmptyPrompt { what: "request", index: 1 }), "{error}");
}

#[test]
fn a_prompt_that_fills_the_context_is_refused() {
    for length in [32, 33, 500] {
        let error = refused(request(1, length, 2, 4, VOCAB), plain());
        assert!(matches!(error, PolicyError::TooLong { index: 1, length: found, context: 32, .. } if found == length), "{error}");
    }
}

#[test]
fn a_prompt_token_outside_the_vocabulary_is_refused() {
    for token in [61, u32::MAX] {
        let error = refused(GenerateRequest { prompt: vec![3, 60, token, 4], ..request(1, 1, 2, 4, VOCAB) }, plain());
        let PolicyError::TokenOutOfRange { index: 1, position: 2, token: found, vocab: 61, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, token);
    }
}

#[test]
fn a_budget_of_nothing_is_refused() {
    let error = refused(request(1, 5, 2, 0, VOCAB), plain());
    assert!(matches!(error, PolicyError::BadSetting { what: "max_new_tokens", .. }), "{error}");
}

#[test]
fn unfit_sampling_is_refused() {
    let cases = [
        ("temperature", Sampling::temperature(f64::NAN)),
        ("temperature", Sampling::temperature(-0.1)),
        ("temperature", Sampling::temperature(f64::INFINITY)),
        ("1 / temperature", Sampling::temperature(1e-310)),
        ("1 / temperature", Sampling::temperature(1e-39)),
        ("1 / temperature", Sampling::temperature(1e46)),
        ("top_p", Sampling { top_p: 0.0, ..plain() }),
        ("top_p", Sampling { top_p: 1.1, ..plain() }),
        ("top_p", Sampling { top_p: f64::NAN, ..plain() }),
        ("min_p", Sampling { min_p: -0.1, ..plain() }),
        ("min_p", Sampling { min_p: 1.1, ..plain() }),
        ("min_p", Sampling { min_p: f64::NAN, ..plain() }),
    ];
    for (setting, sampling) in cases {
        let error = refused(request(1, 5, 2, 4, VOCAB), sampling);
        assert!(matches!(error, PolicyError::BadSetting { what, .. } if what == setting), "{sampling:?}: {error}");
    }
}

#[test]
fn no_slot_for_any_sequence_is_refused() {
    let error = limited_model(&[2], 0, 32).generate(&[request(0, 3, 2, 4, VOCAB)], &plain(), &mut |_| true).unwrap_err();
    assert!(matches!(error, PolicyError::BadSetting { what: "max_sequences", .. }), "{error}");
}

/// The errors of scoring and of training for a good sequence followed by `bad`.
fn unscored(bad: &[u32], prompt_length: usize, inverse_temperature: f64) -> [PolicyError; 2] {
    let mut model = limited_model(&[2], 64, 32);
    let good = tokens(0, 9, VOCAB);
    let sequences = [Sequence { tokens: &good, prompt_length: 4 }, Sequence { tokens: bad, prompt_length }];
    let gradients =
        [5, bad.len().saturating_sub(prompt_length)].map(|n| TokenGradients { d_logprob: vec![1.0; n], d_entropy: vec![0.0; n] });
    let errors = [
        model.score(&sequences, inverse_temperature).unwrap_err(),
        model.backward(&sequences, &gradients, inverse_temperature).unwrap_err(),
    ];
    assert!(model.gradients().is_empty(), "nothing was accumulated");
    errors
}

#[test]
fn sequences_that_cannot_be_scored_are_refused() {
    let long = tokens(1, 33, VOCAB);
    for error in unscored(&long, 3, 1.0) {
        assert!(matches!(error, PolicyError::TooLong { what: "sequence", index: 1, length: 33, context: 32 }), "{error}");
    }
    for error in unscored(&long[..5], 0, 1.0) {
        assert!(matches!(error, PolicyError::EmptyPrompt { what: "sequence", index: 1 }), "{error}");
    }
    for prompt_length in [5, 6] {
        for error in unscored(&long[..5], prompt_length, 1.0) {
            assert!(matches!(error, PolicyError::EmptyCompletion { index: 1, length: 5 }), "{error}");
        }
    }
    for error in unscored(&[3, 4, 61], 1, 1.0) {
        assert!(matches!(error, PolicyError::TokenOutOfRange { index: 1, position: 2, token: 61, vocab: 61, .. }), "{error}");
    }
    // 1e39 is infinite in f32, 1e-46 is 0
    for inverse_temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e39, 1e-46] {
        for error in unscored(&long[..5], 2, inverse_temperature) {
            assert!(matches!(error, PolicyError::BadSetting { what: "1 / temperature", .. }), "{error}");
        }
    }
    let error = limited_model(&[2], 64, 32).logits(&[]).unwrap_err();
    assert!(matches!(error, PolicyError::EmptyPrompt { .. }), "{error}");
    let error = limited_model(&[2], 64, 32).logits(&long).unwrap_err();
    assert!(matches!(error, PolicyError::TooLong { .. }), "{error}");
}

#[test]
fn gradients_of_another_length_are_refused() {
    let ids = tokens(0, 9, VOCAB);
    let sequence = Sequence { tokens: &ids, prompt_length: 4 };
    let gradient = |a: usize, b: usize| TokenGradients { d_logprob: vec![1.0; a], d_entropy: vec![0.0; b] };
    for (gradients, want) in [
        (vec![gradient(5, 5)], (1, 5, 0)),
        (vec![gradient(5, 5), gradient(4, 5)], (1, 5, 4)),
        (vec![gradient(5, 5), gradient(5, 6)], (1, 5, 6)),
        (vec![gradient(6, 5), gradient(5, 5)], (0, 5, 6)),
        (vec![gradient(5, 5), gradient(5, 5), gradient(3, 3)], (2, 0, 3)),
    ] {
        let error = model(&[2]).backward(&[sequence, sequence], &gradients, 1.0).unwrap_err();
        let PolicyError::GradientLength { index, expected, found } = error else { panic!("{error}") };
        assert_eq!((index, expected, found), want);
    }
}

#[test]
fn a_weight_that_is_not_finite_names_the_sample() {
    let names = config(QWEN3).tensors().into_iter().map(|(name, _)| name).filter(|name| !name.contains("embed"));
    for name in names {
        let poison = &mut |tensor: &str, values: &mut [f32]| {
            if tensor == name {
                values[0] = f32::NAN;
            }
        };
        let mut model: Model = changed_model(Cpu::new(1).unwrap(), config(QWEN3), vec![2], Settings::default(), poison);
        for sampling in [plain(), Sampling::greedy(), Sampling { top_p: 0.5, ..plain() }] {
            let error = model.generate(&[request(0, 20, 2, 4, VOCAB)], &sampling, &mut |_| true).unwrap_err();
            let PolicyError::NonFiniteLogprob { subject, position: 0, .. } = &error else { panic!("{name}: {error}") };
            assert_eq!(subject, "sample 0 of request 0", "{name}");
        }
        let ids = tokens(0, 9, VOCAB);
        let error = model.score(&[Sequence { tokens: &ids, prompt_length: 4 }], 1.0).unwrap_err();
        assert!(matches!(error, PolicyError::NonFiniteLogprob { position: 0, .. }), "{name}: {error}");
    }
}

/// Only the sequence that reads the damaged row of the embedding is touched by it, and only from there on.
#[test]
fn a_damaged_embedding_row_names_the_sequence_that_reads_it() {
    let poison = &mut |tensor: &str, values: &mut [f32]| {
        if tensor.contains("embed") {
            values[5 * 48] = f32::INFINITY;
        }
    };
    let mut model: Model = changed_model(Cpu::new(1).unwrap(), config(QWEN3), vec![2], Settings::default(), poison);
    let good = GenerateRequest { prompt: vec![3, 4, 6], ..request(0, 1, 2, 1, VOCAB) };
    let bad = GenerateRequest { prompt: vec![3, 5, 6], ..good.clone() };
    let error = model.generate(&[good.clone(), good.clone(), bad], &plain(), &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("token 0 of sample 0 of request 2"), "{error}");
    assert_eq!(run(&mut model, &[good], &plain())[0].len(), 2);

    let sequences = [[3, 4, 6, 7, 8, 9], [3, 4, 6, 5, 8, 9]].map(|tokens: [u32; 6]| tokens);
    let views = sequences.each_ref().map(|tokens| Sequence { tokens, prompt_length: 2 });
    let error = model.score(&views, 1.0).unwrap_err();
    assert!(error.to_string().contains("token 2 of sequence 1"), "{error}");
    assert_eq!(model.score(&views[..1], 1.0).unwrap()[0].logprob.len(), 4);
}
