//! The analytic gradient against differences, across precisions, and what must not change it.

use crate::random_model::{available_paths, changed_model, config, random_model, token_sequences, views};
use curt_kernels::{Cpu, Ops, Real};
use curt_runtime::random::{below, normal};
use curt_runtime::{DrawKey, Purpose, Settings, TokenGradients, Transformer};

/// Small models in f64 that together have every kind of parameter and of RoPE; odd widths.
const SMALL: [(&str, &str); 4] = [
    (
        "llama, biases on q, k, v and o, untied, llama3",
        r#"{"architectures": ["LlamaForCausalLM"], "vocab_size": 23, "hidden_size": 10, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 13, "attention_bias": true,
        "max_position_embeddings": 64, "rope_theta": 100.0, "tie_word_embeddings": false,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16}}"#,
    ),
    (
        "qwen2, tied, yarn",
        r#"{"architectures": ["Qwen2ForCausalLM"], "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 17, "max_position_embeddings": 64,
        "rope_theta": 100.0, "tie_word_embeddings": true,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}}"#,
    ),
    (
        "qwen3, head norms, tied, plain",
        r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 11,
        "max_position_embeddings": 64, "rope_theta": 100.0, "tie_word_embeddings": true}"#,
    ),
    (
        "qwen3, head norms, untied, linear",
        r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 23, "hidden_size": 9, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 4, "intermediate_size": 11,
        "max_position_embeddings": 64, "rope_theta": 100.0, "tie_word_embeddings": false,
        "rope_scaling": {"rope_type": "linear", "factor": 4.0}}"#,
    ),
];

/// Two chunks of vocabulary, and enough work that ops fork.
const LARGER: [&str; 2] = [
    r#"{"architectures": ["Qwen3ForCausalLM"], "vocab_size": 701, "hidden_size": 72, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24, "intermediate_size": 112,
    "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": false}"#,
    r#"{"architectures": ["Qwen2ForCausalLM"], "vocab_size": 701, "hidden_size": 72, "num_hidden_layers": 2,
    "num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 112, "max_position_embeddings": 512,
    "rope_theta": 10000.0, "tie_word_embeddings": true}"#,
];

/// Prompt and completion lengths: the shortest possible, within a page, exactly pages, more than two.
const LENGTHS: [(usize, usize); 5] = [(1, 1), (5, 8), (16, 17), (1, 16), (9, 29)];

const INVERSE_TEMPERATURE: f64 = 1.0 / 0.7;

/// Coefficients of a random linear function of the log-probabilities and entropies; representable in f32.
fn coefficients<R: Real>(lengths: &[(usize, usize)]) -> Vec<TokenGradients<R>> {
    let mut generator = DrawKey::new(3, Purpose::Filter).generator();
    let mut draw = |n: usize| (0..n).map(|_| R::from_f64(f64::from(normal(&mut generator) as f32))).collect::<Vec<R>>();
    lengths.iter().map(|&(_, n)| TokenGradients { d_logprob: draw(n), d_entropy: draw(n) }).collect()
}

/// The gradient of that function, per parameter.
fn gradient<R: Real>(model: &mut Transformer<Cpu<R>>, lengths: &[(usize, usize)]) -> Vec<Vec<R>>
where
    Cpu<R>: Ops<Real = R>,
{
    let sequences = token_sequences(lengths, model.config().vocab);
    model.backward_tokens(&views(&sequences), &coefficients(lengths), INVERSE_TEMPERATURE).unwrap();
    model.gradients()
}

fn norm<R: Real>(x: &[R]) -> f64 {
    x.iter().map(|v| v.to_f64() * v.to_f64()).sum::<f64>().sqrt()
}

fn distance<A: Real, B: Real>(a: &[A], b: &[B]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.to_f64() - b.to_f64()) * (a.to_f64() - b.to_f64())).sum::<f64>().sqrt()
}

/// The linear function at weights of which one element of one tensor is moved by `shift`.
///
/// All weights are multiples of 2⁻¹⁶, so that moved ones are exact in the f32 in which a source gives them.
fn function(text: &str, tensor: &str, index: usize, shift: f32) -> f64 {
    let grid = |x: f32| (x * 65536.0).round() / 65536.0;
    let mut model =
        changed_model(Cpu::<f64>::new(1).unwrap(), config(text), vec![2], Settings::default(), &mut |name, values| {
            values.iter_mut().for_each(|x| *x = grid(*x));
            if name == tensor {
                values[index] += shift;
            }
        });
    let sequences = token_sequences(&LENGTHS, model.config().vocab);
    let facts = model.score_tokens(&views(&sequences), INVERSE_TEMPERATURE).unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let terms = facts.iter().zip(coefficients::<f64>(&LENGTHS));
    terms.map(|(facts, c)| dot(&facts.logprob, &c.d_logprob) + dot(&facts.entropy, &c.d_entropy)).sum()
}

/// The derivative by the central difference of fourth order.
fn difference(text: &str, tensor: &str, index: usize) -> f64 {
    let step = 1.0 / 4096.0;
    let at = |shift: f32| function(text, tensor, index, shift);
    (8.0 * (at(step) - at(-step)) - (at(2.0 * step) - at(-2.0 * step))) / (12.0 * f64::from(step))
}

#[test]
fn the_gradient_is_the_derivative_of_every_parameter() {
    for (what, text) in SMALL {
        let grid = &mut |_: &str, values: &mut [f32]| values.iter_mut().for_each(|x| *x = (*x * 65536.0).round() / 65536.0);
        let mut model = changed_model(Cpu::<f64>::new(1).unwrap(), config(text), vec![2], Settings::default(), grid);
        let gradients = gradient(&mut model, &LENGTHS);
        let mut generator = DrawKey::new(5, Purpose::Filter).generator();
        for (parameter, gradient) in model.parameters().iter().zip(&gradients) {
            for part in &parameter.parts {
                let gradient = &gradient[part.offset..part.offset + part.len()];
                let typical = norm(gradient) / (part.len() as f64).sqrt();
                assert!(typical > 1e-3, "{what}: {} has a gradient of {typical}, too small to be tested", part.name);
                for _ in 0..3 {
                    let index = below(&mut generator, part.len() as u64) as usize;
                    let (want, found) = (difference(text, &part.name, index), gradient[index]);
                    let error = (found - want).abs() / want.abs().max(typical);
                    assert!(error <= 1e-7, "{what}: {}[{index}]: {found}, by differences {want}", part.name);
                }
            }
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_f64() {
    let lengths = [(3, 20), (17, 30), (1, 45), (40, 40)];
    for text in LARGER {
        let reference = gradient(&mut random_model(Cpu::<f64>::new(2).unwrap(), config(text), Settings::default()), &lengths);
        for path in available_paths() {
            let cpu = Cpu::<f32>::with_path(2, path).unwrap();
            let mut model = random_model(cpu, config(text), Settings::default());
            let found = gradient(&mut model, &lengths);
            for ((parameter, found), want) in model.parameters().iter().zip(&found).zip(&reference) {
                let error = distance(found, want) / norm(want);
                assert!(error <= 1e-4, "{}: {}: relative error {error}", path.name(), parameter.parts[0].name);
            }
        }
    }
}

#[test]
fn recomputation_and_threads_change_no_bit() {
    let lengths = [(3, 20), (17, 30), (1, 45), (40, 40), (30, 70), (16, 16)];
    for text in LARGER {
        let run = |threads, recompute_activations| {
            let settings = Settings { recompute_activations, ..Settings::default() };
            gradient(&mut random_model(Cpu::<f32>::new(threads).unwrap(), config(text), settings), &lengths)
        };
        let reference = run(1, false);
        for (threads, recompute) in [(1, true), (2, false), (2, true)] {
            for (found, want) in run(threads, recompute).iter().zip(&reference) {
                let equal = found.iter().zip(want).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(equal, "{threads} threads, recomputation {recompute}: differs by {}", distance(found, want));
            }
        }
    }
}

#[test]
fn micro_batches_add_up_to_one_pass() {
    let lengths = [(3, 20), (17, 30), (1, 45), (40, 40), (30, 70), (16, 16)];
    for text in LARGER {
        let new = || random_model(Cpu::<f32>::new(2).unwrap(), config(text), Settings::default());
        let reference = gradient(&mut new(), &lengths).concat();
        for split in [1, 3] {
            let mut model = new();
            let sequences = token_sequences(&lengths, model.config().vocab);
            let (views, coefficients) = (views(&sequences), coefficients(&lengths));
            for range in [0..split, split..lengths.len()] {
                model.backward_tokens(&views[range.clone()], &coefficients[range], INVERSE_TEMPERATURE).unwrap();
            }
            let error = distance(&model.gradients().concat(), &reference) / norm(&reference);
            assert!(error <= 1e-5, "split at {split}: relative error {error}");
        }
    }
}

/// Buffers that an earlier, larger batch left full of numbers are not seen by a later, smaller one.
#[test]
fn an_earlier_batch_leaves_no_trace() {
    for recompute_activations in [false, true] {
        let settings = Settings { recompute_activations, ..Settings::default() };
        let new = || random_model(Cpu::<f32>::new(2).unwrap(), config(LARGER[0]), settings);
        let (large, small) = ([(30, 70), (40, 40), (1, 45)], [(3, 20), (1, 1)]);
        let want = gradient(&mut new(), &small);
        let mut model = new();
        let sequences = token_sequences(&large, model.config().vocab);
        let nothing: Vec<_> =
            large.iter().map(|&(_, n)| TokenGradients { d_logprob: vec![0.0; n], d_entropy: vec![0.0; n] }).collect();
        model.backward_tokens(&views(&sequences), &nothing, INVERSE_TEMPERATURE).unwrap();
        assert!(model.gradients().iter().flatten().all(|&g| g == 0.0), "no derivative, no gradient");
        assert_eq!(gradient(&mut model, &small), want);
    }
}
