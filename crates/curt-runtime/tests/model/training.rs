//! Updates, and what saving and restoring keep of them.

use std::fs;
use std::path::Path;

use crate::random_model::{QWEN2, QWEN3, bits, changed_model, config, random_model, request, token_sequences, views};
use curt_kernels::{Backend, Cpu, Ops, Real};
use curt_runtime::{
    Checkpoint, GenerateRequest, Policy, PolicyError, RuntimeError, Sampling, Settings, TokenGradients, Tokenizer, Transformer,
    Update,
};
use safetensors::{Dtype, serialize, tensor::TensorView};
use serde_json::json;

type Model = Transformer<Cpu<f32>>;

const UPDATE: Update =
    Update { learning_rate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };

const LENGTHS: [(usize, usize); 3] = [(3, 9), (16, 20), (1, 5)];

fn model<R: Real>(text: &str) -> Transformer<Cpu<R>>
where
    Cpu<R>: Ops<Real = R>,
{
    random_model(Cpu::new(1).unwrap(), config(text), Settings::default())
}

/// Accumulates a gradient that differs from step to step.
fn accumulate<R: Real>(model: &mut Transformer<Cpu<R>>, step: u64)
where
    Cpu<R>: Ops<Real = R>,
{
    let sequences = token_sequences(&LENGTHS, model.config().vocab);
    let value = |i: usize| R::from_f64(((i as u64 * 7 + step * 5) % 11) as f64 / 8.0 - 0.6);
    let gradients = LENGTHS.map(|(_, n)| TokenGradients {
        d_logprob: (0..n).map(value).collect(),
        d_entropy: (0..n).map(|i| value(i + 3)).collect(),
    });
    model.backward_tokens(&views(&sequences), &gradients, 1.0).unwrap();
}

/// The weights of every parameter.
fn weights<R: Real>(model: &Transformer<Cpu<R>>) -> Vec<Vec<R>>
where
    Cpu<R>: Ops<Real = R>,
{
    model.parameters().iter().map(|p| model.backend().download(&p.value)).collect()
}

fn assert_same_weights(what: &str, a: &Model, b: &Model) {
    for ((parameter, a), b) in a.parameters().iter().zip(weights(a)).zip(weights(b)) {
        assert_eq!(bits(&a), bits(&b), "{what}: {}", parameter.parts[0].name);
    }
}

fn score_bits(model: &mut Model) -> Vec<Vec<u32>> {
    let sequences = token_sequences(&LENGTHS, model.config().vocab);
    model.score(&views(&sequences), 1.0).unwrap().iter().map(|f| bits(&f.logprob)).collect()
}

/// AdamW as its paper (arXiv 1711.05101, algorithm 2) writes it, in f64.
struct ByHand {
    weights: Vec<Vec<f64>>,
    m: Vec<Vec<f64>>,
    v: Vec<Vec<f64>>,
    updates: i32,
}

impl ByHand {
    fn new(weights: Vec<Vec<f64>>) -> Self {
        let zeros: Vec<Vec<f64>> = weights.iter().map(|w| vec![0.0; w.len()]).collect();
        Self { weights, m: zeros.clone(), v: zeros, updates: 0 }
    }

    fn step(&mut self, gradients: &[Vec<f64>], matrix: &[bool], update: &Update, scale: f64) {
        self.updates += 1;
        let power = |base: f64| (0..self.updates).fold(1.0, |p, _| p * base);
        let (c1, c2) = (1.0 - power(update.beta1), 1.0 - power(update.beta2));
        for (i, gradient) in gradients.iter().enumerate() {
            let decay = if matrix[i] { update.weight_decay } else { 0.0 };
            for (j, &g) in gradient.iter().enumerate() {
                let g = g * scale;
                let (m, v, w) = (&mut self.m[i][j], &mut self.v[i][j], &mut self.weights[i][j]);
                *m = update.beta1 * *m + (1.0 - update.beta1) * g;
                *v = update.beta2 * *v + (1.0 - update.beta2) * g * g;
                *w -= update.learning_rate * (*m / c1 / ((*v / c2).sqrt() + update.epsilon) + decay * *w);
            }
        }
    }
}

/// Three updates, of which the second is clipped, against the same by hand; `tolerance` is relative to the learning rate
/// for the step and to the weight for its rounding.
fn updates_are_adamw<R: Real>(tolerance: f64, rounding: f64)
where
    Cpu<R>: Ops<Real = R>,
{
    for text in [QWEN3, QWEN2] {
        let mut model: Transformer<Cpu<R>> = model(text);
        let wide = |x: Vec<Vec<R>>| x.into_iter().map(|x| x.into_iter().map(Real::to_f64).collect()).collect::<Vec<Vec<f64>>>();
        let matrix: Vec<bool> = model.parameters().iter().map(|p| p.rows > 1).collect();
        let mut by_hand = ByHand::new(wide(weights(&model)));
        for (step, max_grad_norm) in [(0, 1e9), (1, 0.01), (2, f64::INFINITY)] {
            let update = Update { max_grad_norm, learning_rate: UPDATE.learning_rate * (step + 1) as f64, ..UPDATE };
            accumulate(&mut model, step);
            let gradients = wide(model.gradients());
            let norm = gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
            let scale = if norm > max_grad_norm { max_grad_norm / (norm + 1e-6) } else { 1.0 };
            assert_eq!(scale < 1.0, step == 1, "only the second step is clipped: norm {norm}");
            let norms = model.apply_update(&update).unwrap();
            assert!((norms.grad_norm - norm).abs() <= 1e-12 * norm, "{norms:?}, {norm} by hand");
            assert!((norms.grad_scale - scale).abs() <= 1e-12 * scale, "{norms:?}, {scale} by hand");
            by_hand.step(&gradients, &matrix, &update, scale);
            for ((parameter, found), want) in model.parameters().iter().zip(wide(weights(&model))).zip(&by_hand.weights) {
                for (i, (found, want)) in found.iter().zip(want).enumerate() {
                    let allowed = tolerance * update.learning_rate + rounding * want.abs();
                    let name = &parameter.parts[0].name;
                    assert!((found - want).abs() <= allowed, "step {step}: {name}[{i}] is {found}, by hand {want}");
                }
            }
            assert!(model.gradients().iter().flatten().all(|g| g.to_f64() == 0.0), "the gradient was cleared");
        }
    }
}

#[test]
fn updates_are_adamw_in_f64() {
    updates_are_adamw::<f64>(1e-9, 1e-14);
}

#[test]
fn updates_are_adamw_in_f32() {
    // f32 rounds a weight to 6e-8 of itself at each of three steps
    updates_are_adamw::<f32>(1e-4, 2e-7);
}

#[test]
fn weight_decay_spares_norms_and_biases() {
    for text in [QWEN3, QWEN2] {
        let mut model: Model = model(text);
        let before = weights(&model);
        let norms = model.apply(&Update { weight_decay: 0.5, learning_rate: 0.5, ..UPDATE }).unwrap();
        assert_eq!((norms.grad_norm, norms.grad_scale), (0.0, 1.0));
        for ((parameter, before), after) in model.parameters().iter().zip(&before).zip(weights(&model)) {
            let name = &parameter.parts[0].name;
            let spared = name.contains("norm") || name.ends_with("bias");
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(*after, if spared { *before } else { before * 0.75 }, "{name}");
            }
        }
    }
}

#[test]
fn constants_that_would_spoil_the_weights_are_refused() {
    let cases = [
        ("learning_rate", Update { learning_rate: f64::NAN, ..UPDATE }),
        ("learning_rate", Update { learning_rate: -1e-3, ..UPDATE }),
        ("learning_rate", Update { learning_rate: f64::INFINITY, ..UPDATE }),
        ("beta1", Update { beta1: 1.0, ..UPDATE }),
        ("beta2", Update { beta2: -0.1, ..UPDATE }),
        ("beta2", Update { beta2: f64::NAN, ..UPDATE }),
        ("epsilon", Update { epsilon: 0.0, ..UPDATE }),
        // 0 and infinite in f32
        ("epsilon", Update { epsilon: 1e-60, ..UPDATE }),
        ("epsilon", Update { epsilon: 1e39, ..UPDATE }),
        ("learning_rate", Update { learning_rate: 1e39, ..UPDATE }),
        ("weight_decay", Update { weight_decay: -0.1, ..UPDATE }),
        ("weight_decay", Update { weight_decay: f64::NAN, ..UPDATE }),
        ("max_grad_norm", Update { max_grad_norm: 0.0, ..UPDATE }),
        ("max_grad_norm", Update { max_grad_norm: f64::NAN, ..UPDATE }),
    ];
    let mut model: Model = model(QWEN3);
    accumulate(&mut model, 0);
    for (setting, update) in cases {
        let error = model.apply(&update).unwrap_err();
        assert!(matches!(error, PolicyError::BadSetting { what, .. } if what == setting), "{update:?}: {error}");
    }
    assert_same_weights("refused", &model, &random_model(Cpu::new(1).unwrap(), config(QWEN3), Settings::default()));
    assert_eq!((model.version(), model.counters().updates), (0, 0));
}

#[test]
fn a_gradient_that_is_not_finite_changes_no_weight() {
    for bad in [f32::NAN, f32::INFINITY] {
        let (mut model, mut fresh): (Model, Model) = (model(QWEN3), model(QWEN3));
        let scores = score_bits(&mut model);
        let sequences = token_sequences(&[(3, 9)], 61);
        let gradient = TokenGradients { d_logprob: vec![bad; 9], d_entropy: vec![0.0; 9] };
        model.backward(&views(&sequences), &[gradient], 1.0).unwrap();
        let error = model.apply(&UPDATE).unwrap_err();
        assert!(
            matches!(&error, PolicyError::NonFiniteGradient { tensor, .. } if tensor == "model.embed_tokens.weight"),
            "{error}"
        );
        assert_same_weights("refused", &model, &fresh);
        assert_eq!((model.version(), score_bits(&mut model)), (0, scores));
        // the bad gradient is gone: the next step is that of a policy which never saw it
        for policy in [&mut model, &mut fresh] {
            accumulate(policy, 1);
            policy.apply(&UPDATE).unwrap();
        }
        assert_same_weights("after a refusal", &model, &fresh);
    }
}

/// The gradient of one part of a fused parameter overflows; queries and keys of a lone token have none at all.
#[test]
fn the_tensor_that_overflows_is_named() {
    // the gradient of a weight grows with its input, that of the input shrinks with the weight
    let scale = &mut |name: &str, values: &mut [f32]| match name {
        "model.layers.0.input_layernorm.weight" => values.iter_mut().for_each(|x| *x *= 1e4),
        _ if name.starts_with("model.layers.0.self_attn") && !name.contains("o_proj") => {
            values.iter_mut().for_each(|x| *x *= 1e-4)
        }
        _ => {}
    };
    let mut model: Model = changed_model(Cpu::new(1).unwrap(), config(QWEN2), vec![2], Settings::default(), scale);
    let sequences = token_sequences(&[(1, 1)], 61);
    model.backward(&views(&sequences), &[TokenGradients { d_logprob: vec![1e35], d_entropy: vec![0.0] }], 1.0).unwrap();
    let error = model.apply(&UPDATE).unwrap_err();
    let PolicyError::NonFiniteGradient { tensor, .. } = &error else { panic!("{error}") };
    assert_eq!(tensor, "model.layers.0.self_attn.v_proj.weight");
}

#[test]
fn completions_and_counters_know_the_version() {
    let mut model: Model = model(QWEN3);
    for version in 0..3 {
        let requests: [GenerateRequest; 1] = [request(0, 4, 2, 6, 61)];
        let group = model.generate(&requests, &Sampling::temperature(1.0), &mut |_| true).unwrap().remove(0);
        assert!(group.iter().all(|c| c.policy_version == version));
        assert_eq!((model.version(), model.counters().updates), (version, version));
        accumulate(&mut model, version);
        model.apply(&UPDATE).unwrap();
    }
    assert_eq!(model.counters().training_passes, 3);
}

/// Writes a model of either form whose config names a stop token.
fn saved(text: &str, updates: u64) -> (tempfile::TempDir, Model) {
    let text = text.replace("\"vocab_size\"", "\"eos_token_id\": 2, \"vocab_size\"");
    let mut model: Model = model(&text);
    for step in 0..updates {
        accumulate(&mut model, step);
        model.apply(&UPDATE).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    model.save_weights(folder.path()).unwrap();
    model.save_optimizer(folder.path()).unwrap();
    (folder, model)
}

fn load(folder: &Path) -> Model {
    Transformer::load(Cpu::new(1).unwrap(), folder, None, Settings::default()).unwrap()
}

#[test]
fn a_saved_model_is_the_same_model() {
    for text in [QWEN3, QWEN2] {
        let (folder, mut model) = saved(text, 2);
        let mut loaded = load(folder.path());
        assert_same_weights("loaded", &loaded, &model);
        assert_eq!(score_bits(&mut loaded), score_bits(&mut model));
        assert_eq!((loaded.stop_token_ids(), &loaded.config().rope), (&[2][..], &model.config().rope));
        let names: Vec<String> = model.config().tensors().into_iter().map(|(name, _)| name).collect();
        let mut sorted: Vec<&str> = names.iter().map(|name| &name[..]).collect();
        sorted.sort_unstable();
        assert!(Checkpoint::open(folder.path()).unwrap().names().eq(sorted), "all tensors and no other");
    }
}

#[test]
fn a_restored_policy_continues_bit_for_bit() {
    for text in [QWEN3, QWEN2] {
        let (folder, mut uninterrupted) = saved(text, 2);
        let mut resumed = load(folder.path());
        // what an interrupted step left behind must not count
        accumulate(&mut resumed, 9);
        resumed.restore(folder.path()).unwrap();
        assert_eq!(resumed.version(), 2);
        for step in 2..5 {
            for policy in [&mut uninterrupted, &mut resumed] {
                accumulate(policy, step);
                policy.apply(&UPDATE).unwrap();
            }
            assert_same_weights("resumed", &resumed, &uninterrupted);
        }
        assert_eq!((resumed.version(), score_bits(&mut resumed)), (5, score_bits(&mut uninterrupted)));
    }
}

/// The run that made it may have deleted it meanwhile.
#[test]
fn a_model_can_be_saved_after_its_folder_is_gone() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(committed).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    let expected = fs::read(folder.path().join("tokenizer.json")).unwrap();
    let model = Transformer::load(Cpu::<f32>::new(1).unwrap(), folder.path(), Some(&tokenizer), Settings::default()).unwrap();
    folder.close().unwrap();
    let saved = tempfile::tempdir().unwrap();
    model.save_weights(saved.path()).unwrap();
    assert_eq!(fs::read(saved.path().join("tokenizer.json")).unwrap(), expected);
    assert!(Tokenizer::load(saved.path()).is_ok());
}

#[test]
fn a_policy_without_updates_is_saved_too() {
    let (folder, mut model) = saved(QWEN3, 0);
    let mut resumed = load(folder.path());
    resumed.restore(folder.path()).unwrap();
    for policy in [&mut model, &mut resumed] {
        accumulate(policy, 0);
        policy.apply(&UPDATE).unwrap();
    }
    assert_same_weights("resumed", &resumed, &model);
    assert_eq!(resumed.version(), 1);
}

/// The error of restoring from a saved folder whose optimizer file `damage` has changed.
fn restore_damaged(damage: impl Fn(&Path)) -> RuntimeError {
    let (folder, _) = saved(QWEN3, 1);
    let mut model = load(folder.path());
    damage(&folder.path().join("optimizer.state"));
    match model.restore(folder.path()).unwrap_err() {
        PolicyError::Checkpoint(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_checkpoint_of_a_model_that_computes_in_another_way_is_refused() {
    let changes = [
        ("rms_norm_eps", json!(1e-3)),
        ("rope_parameters", json!({"rope_type": "default", "rope_theta": 77.0})),
        ("max_position_embeddings", json!(64)),
        ("eos_token_id", json!([2, 3])),
    ];
    for (key, value) in changes {
        let (file, key, value) = (Path::new("config.json"), &key, &value);
        let error = restore_damaged(|path| {
            let path = path.with_file_name(file);
            let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            config[*key] = value.clone();
            fs::write(&path, config.to_string()).unwrap();
        });
        let found = matches!(&error, RuntimeError::Key { path, key: named, .. } if path.ends_with(file) && named == *key);
        assert!(found && error.to_string().contains("as in the model that was loaded"), "{error}");
    }
    let error = restore_damaged(|path| {
        fs::write(path.with_file_name("generation_config.json"), "{\"eos_token_id\": 3}").unwrap();
    });
    assert!(matches!(&error, RuntimeError::Key { path, .. } if path.ends_with("generation_config.json")), "{error}");
}

/// Writes the optimizer file again; `change` may alter name, shape and values of each tensor.
fn rewrite(path: &Path, change: impl Fn(&mut String, &mut Vec<usize>, &mut Vec<f32>)) {
    let file = Checkpoint::open_file(path).unwrap();
    let mut tensors = Vec::new();
    for name in file.names() {
        let shape = file.shape(name).unwrap().to_vec();
        let (mut name, mut shape, mut values) = (name.to_string(), shape.clone(), file.tensor(name, &shape).unwrap());
        change(&mut name, &mut shape, &mut values);
        tensors.push((name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
    }
    let bytes = serialize(
        tensors.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())),
        None,
    );
    fs::write(path, bytes.unwrap()).unwrap();
}

fn is_optimizer(path: &Path) -> bool {
    path.ends_with("optimizer.state")
}

#[test]
fn a_missing_optimizer_file_is_named() {
    let error = restore_damaged(|path| fs::remove_file(path).unwrap());
    assert!(matches!(&error, RuntimeError::MissingFile { path, .. } if is_optimizer(path)), "{error}");
}

#[test]
fn a_truncated_optimizer_file_is_named() {
    let error = restore_damaged(|path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 5]).unwrap();
    });
    assert!(matches!(&error, RuntimeError::TruncatedFile { path, .. } if is_optimizer(path)), "{error}");
}

#[test]
fn a_damaged_header_of_the_optimizer_file_is_named() {
    let error = restore_damaged(|path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[9] = b'!';
        fs::write(path, bytes).unwrap();
    });
    assert!(matches!(&error, RuntimeError::DamagedHeader { path, .. } if is_optimizer(path)), "{error}");
}

const MOMENT: &str = "v.model.layers.1.self_attn.k_proj.weight";

#[test]
fn a_missing_moment_is_named() {
    let error = restore_damaged(|path| {
        rewrite(path, |name, _, _| {
            if name == MOMENT {
                *name = "gone".to_string();
            }
        });
    });
    assert!(matches!(&error, RuntimeError::MissingTensor { path, tensor } if is_optimizer(path) && tensor == MOMENT), "{error}");
}

#[test]
fn a_moment_of_another_shape_is_named() {
    let error = restore_damaged(|path| {
        rewrite(path, |name, shape, _| {
            if name == MOMENT {
                shape.reverse();
            }
        });
    });
    assert!(matches!(&error, RuntimeError::WrongShape { path, tensor, .. } if is_optimizer(path) && tensor == MOMENT), "{error}");
}

#[test]
fn a_moment_that_is_not_finite_is_named() {
    let error = restore_damaged(|path| {
        rewrite(path, |name, _, values| {
            if name == MOMENT {
                values[7] = f32::NAN;
            }
        });
    });
    let RuntimeError::NonFiniteWeight { path, tensor, index: 7, .. } = &error else { panic!("{error}") };
    assert!(is_optimizer(path) && tensor == MOMENT, "{error}");
}

#[test]
fn an_impossible_update_count_is_named() {
    for bad in [[-1.0, 3.0], [0.0, 1.5], [0.0, 16_777_216.0]] {
        let error = restore_damaged(|path| {
            rewrite(path, |name, _, values| {
                if name == "updates" {
                    values.copy_from_slice(&bad);
                }
            });
        });
        assert!(
            matches!(&error, RuntimeError::Key { path, key, .. } if is_optimizer(path) && key == "updates"),
            "{bad:?}: {error}"
        );
    }
}

#[test]
fn missing_weights_beside_a_good_optimizer_file_are_named() {
    let error = restore_damaged(|path| fs::remove_file(path.with_file_name("model.safetensors")).unwrap());
    assert!(matches!(&error, RuntimeError::MissingFile { path, .. } if path.ends_with("model.safetensors")), "{error}");
}
