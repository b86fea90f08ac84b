use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Family, ModelConfig, Rope, RopeKind};
use crate::error::RuntimeError;

fn parse(value: &Value) -> Result<ModelConfig, RuntimeError> {
    ModelConfig::from_json(Path::new("folder/config.json"), &value.to_string())
}

fn qwen3() -> Value {
    json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 97, "hidden_size": 32, "head_dim": 16,
        "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "eos_token_id": [7, 2, 7], "tie_word_embeddings": true,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "unknown_key": {"kept": [1, 2.5]},
    })
}

/// The config with some keys replaced; `null` removes nothing but counts as absent.
fn with(changes: Value) -> Value {
    let mut config = qwen3();
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn a_config_is_read_whole() {
    let config = parse(&qwen3()).unwrap();
    assert_eq!(config.family, Family::Qwen3);
    assert_eq!((config.vocab, config.hidden, config.layers, config.intermediate), (97, 32, 2, 48));
    assert_eq!((config.heads, config.kv_heads, config.head_dim), (4, 2, 16));
    assert_eq!((config.rms_norm_eps, config.max_position_embeddings), (1e-5, 64));
    assert_eq!((config.tie_word_embeddings, config.qkv_bias, config.o_bias, config.qk_norm), (true, false, false, true));
    assert_eq!(config.eos_token_ids, [2, 7]);
    assert_eq!(config.rope, Rope { theta: 1e6, kind: RopeKind::Default });
    assert_eq!(Value::Object(config.raw().clone()), qwen3());
}

#[test]
fn biases_follow_the_family() {
    for (architecture, attention_bias, want) in [
        ("LlamaForCausalLM", false, (false, false, false)),
        ("LlamaForCausalLM", true, (true, true, false)),
        ("Qwen2ForCausalLM", false, (true, false, false)),
        ("Qwen2ForCausalLM", true, (true, false, false)),
        ("Qwen3ForCausalLM", false, (false, false, true)),
        ("Qwen3ForCausalLM", true, (true, true, true)),
    ] {
        let config = parse(&with(json!({"architectures": [architecture], "attention_bias": attention_bias}))).unwrap();
        assert_eq!((config.qkv_bias, config.o_bias, config.qk_norm), want, "{architecture} {attention_bias}");
        let names: Vec<String> = config.tensors().into_iter().map(|(name, _)| name).collect();
        let has = |name: &str| names.iter().any(|n| n == &format!("model.layers.1.self_attn.{name}"));
        assert_eq!((has("q_proj.bias"), has("o_proj.bias"), has("k_norm.weight")), want);
    }
}

#[test]
fn absent_keys_take_the_defaults_of_transformers() {
    let mut config = qwen3();
    for key in ["architectures", "rms_norm_eps", "eos_token_id", "tie_word_embeddings", "rope_parameters", "head_dim"] {
        config.as_object_mut().unwrap().remove(key);
    }
    let qwen3 = parse(&config).unwrap();
    assert_eq!((qwen3.head_dim, qwen3.rms_norm_eps, qwen3.tie_word_embeddings), (128, 1e-6, false));
    assert_eq!((qwen3.rope.theta, qwen3.eos_token_ids.len()), (10_000.0, 0));
    config["model_type"] = json!("llama");
    config["num_key_value_heads"] = Value::Null;
    let llama = parse(&config).unwrap();
    assert_eq!((llama.head_dim, llama.kv_heads), (8, 4));
}

#[test]
fn the_weights_of_a_model_are_listed() {
    let config = parse(&with(json!({"tie_word_embeddings": false}))).unwrap();
    let tensors = config.tensors();
    assert_eq!(tensors.len(), 1 + 2 * 11 + 2);
    assert_eq!(tensors[0], ("model.embed_tokens.weight".to_string(), vec![97, 32]));
    assert!(tensors.contains(&("model.layers.1.self_attn.q_proj.weight".to_string(), vec![64, 32])));
    assert!(tensors.contains(&("model.layers.0.self_attn.o_proj.weight".to_string(), vec![32, 64])));
    assert_eq!(tensors.last().unwrap(), &("lm_head.weight".to_string(), vec![97, 32]));
    let layer = 32 + 64 * 32 + 2 * 32 * 32 + 32 * 64 + 2 * 16 + 32 + 3 * 32 * 48;
    assert_eq!(config.parameters(), 2 * 97 * 32 + 2 * layer + 32);
}

#[test]
fn both_spellings_of_rope_mean_the_same() {
    for (scaling, kind) in [
        (json!({"rope_type": "linear", "factor": 2}), RopeKind::Linear { factor: 2.0 }),
        (
            json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}),
            RopeKind::Yarn {
                factor: 4.0,
                original_max_position_embeddings: 16,
                beta_fast: 32.0,
                beta_slow: 1.0,
                attention_factor: None,
                mscale: None,
                mscale_all_dim: None,
                truncate: true,
            },
        ),
        (
            json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}),
            RopeKind::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 64 },
        ),
    ] {
        let mut nested = scaling.clone();
        nested["rope_theta"] = json!(5e5);
        let mut old = scaling.clone();
        old["type"] = old.as_object_mut().unwrap().remove("rope_type").unwrap();
        let want = Rope { theta: 5e5, kind };
        for config in [
            with(json!({"rope_parameters": nested})),
            with(json!({"rope_parameters": null, "rope_theta": 5e5, "rope_scaling": scaling})),
            with(json!({"rope_parameters": null, "rope_theta": 5e5, "rope_scaling": old})),
        ] {
            assert_eq!(parse(&config).unwrap().rope, want);
        }
    }
    assert_eq!(parse(&with(json!({"rope_parameters": null, "rope_theta": 5e5}))).unwrap().rope.theta, 5e5);
}

/// Recorded from transformers 5.23 (`modeling_rope_utils`), torch 2.15, f32 on CPU.
#[test]
fn inverse_frequencies_are_those_of_transformers() {
    let yarn = |factor, original_max_position_embeddings| RopeKind::Yarn {
        factor,
        original_max_position_embeddings,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: None,
        mscale: None,
        mscale_all_dim: None,
        truncate: true,
    };
    let scaled_yarn = RopeKind::Yarn {
        factor: 40.0,
        original_max_position_embeddings: 4096,
        beta_fast: 16.0,
        beta_slow: 2.0,
        attention_factor: None,
        mscale: Some(1.0),
        mscale_all_dim: Some(0.707),
        truncate: false,
    };
    let llama3 = |original_max_position_embeddings| RopeKind::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings,
    };
    let cases: [(f64, RopeKind, f64, &[f64]); 7] = [
        (1e6, RopeKind::Default, 1.0, &DEFAULT),
        (1e4, RopeKind::Linear { factor: 3.0 }, 1.0, &LINEAR),
        (1e6, yarn(4.0, 32768), 1.138629436111989, &YARN),
        (1e4, yarn(4.0, 16), 1.138629436111989, &YARN_SHORT),
        (1e4, scaled_yarn, 1.0857263992561355, &YARN_SCALED),
        (5e5, llama3(8192), 1.0, &LLAMA3),
        (1e4, llama3(16), 1.0, &LLAMA3_SHORT),
    ];
    for (theta, kind, factor, want) in cases {
        let rope = Rope { theta, kind };
        assert!((rope.attention_factor() - factor).abs() < 1e-15, "{rope:?}: {}", rope.attention_factor());
        let found = rope.inverse_frequencies(2 * want.len());
        assert_eq!(found.len(), want.len());
        for (i, (&found, &want)) in found.iter().zip(want).enumerate() {
            // PyTorch's f32 power is itself only good to a unit in the last place
            let ulps = (i64::from(found.to_bits()) - i64::from((want as f32).to_bits())).abs();
            assert!(ulps <= 1, "{rope:?} frequency {i}: {found:e}, expected {want:e}");
        }
    }
}

const DEFAULT: [f64; 8] = [
    1.0,
    0.17782793939113617,
    0.03162277862429619,
    0.005623413249850273,
    0.0010000000474974513,
    0.00017782794020604342,
    3.162277425872162e-05,
    5.62341347176698e-06,
];
const LINEAR: [f64; 8] = [
    0.3333333432674408,
    0.10540925711393356,
    0.03333333507180214,
    0.010540925897657871,
    0.003333333181217313,
    0.0010540926596149802,
    0.0003333333588670939,
    0.0001054092645063065,
];
#[rustfmt::skip]
const YARN: [f64; 16] = [
    1.0, 0.4216965138912201, 0.17782793939113617, 0.07498941570520401, 0.03162277862429619, 0.01333521492779255,
    0.00477990135550499, 0.001659961650148034, 0.0005499999970197678, 0.00016867858357727528, 4.4456985051510856e-05,
    1.8747356079984456e-05, 7.905693564680405e-06, 3.3338035336782923e-06, 1.405853367941745e-06, 5.928434347879374e-07,
];
#[rustfmt::skip]
const YARN_SHORT: [f64; 8] = [
    1.0, 0.07905694097280502, 0.02500000037252903, 0.007905694656074047, 0.0024999999441206455, 0.0007905694656074047,
    0.0002500000118743628, 7.905694656074047e-05,
];
#[rustfmt::skip]
const YARN_SCALED: [f64; 8] = [
    1.0, 0.3162277638912201, 0.10000000149011612, 0.03162277862429619, 0.005790104623883963, 0.00012395245721563697,
    2.499999936844688e-05, 7.905694474175107e-06,
];
#[rustfmt::skip]
const LLAMA3: [f64; 16] = [
    1.0, 0.44036662578582764, 0.193922758102417, 0.08539710193872452, 0.03760603070259094, 0.016560440883040428,
    0.00729266507551074, 0.0032114461064338684, 0.0005248460220173001, 7.784655463183299e-05, 3.428102354519069e-05,
    1.5096217794052791e-05, 6.647869668086059e-06, 2.927499735960737e-06, 1.289173155782919e-06, 5.677088097399974e-07,
];
const LLAMA3_SHORT: [f64; 4] = [0.5760563611984253, 0.012500000186264515, 0.0012499999720603228, 0.0001250000059371814];

#[test]
fn tables_hold_cos_and_sin_of_the_f32_angle() {
    let rope = Rope { theta: 1e4, kind: RopeKind::Default };
    let (cos, sin) = rope.tables(6, 3..5);
    assert_eq!((cos.len(), sin.len()), (6, 6));
    let frequency = rope.inverse_frequencies(6)[1];
    let angle = f64::from(4.0f32 * frequency);
    assert_eq!((cos[4], sin[4]), (libm::cos(angle) as f32, libm::sin(angle) as f32));
    assert_eq!((rope.tables(6, 0..1).0, rope.tables(6, 0..1).1), (vec![1.0; 3], vec![0.0; 3]));
    let linear = RopeKind::Linear { factor: 2.0 };
    assert_eq!(Rope { theta: 1e4, kind: linear }.tables(6, 4..5).0, rope.tables(6, 2..3).0);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (changes, named) in [
        (json!({"architectures": ["Qwen3MoeForCausalLM"]}), "Qwen3MoeForCausalLM is not supported yet"),
        (json!({"architectures": [], "model_type": "mistral"}), "mistral is not supported yet"),
        (json!({"hidden_act": "gelu"}), "hidden_act = \"gelu\""),
        (json!({"architectures": ["LlamaForCausalLM"], "mlp_bias": true}), "mlp_bias"),
        (json!({"use_sliding_window": true, "sliding_window": 16, "max_window_layers": 1}), "use_sliding_window"),
        (json!({"layer_types": ["full_attention", "sliding_attention"]}), "sliding_attention"),
        (json!({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}), "dynamic"),
        (json!({"rope_parameters": null, "rope_scaling": {"type": "longrope"}}), "longrope"),
        (json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor = 0.5"),
        (json!({"quantization_config": {"bits": 4}}), "quantization_config"),
    ] {
        let error = parse(&with(changes.clone())).unwrap_err();
        let kind = matches!(error, RuntimeError::UnsupportedArchitecture { .. } | RuntimeError::UnsupportedFeature { .. });
        let text = error.to_string();
        assert!(kind && text.contains(named) && text.contains("folder/config.json"), "{changes}: {text}");
    }
    // written down, but not in use
    for harmless in [
        json!({"use_sliding_window": false, "sliding_window": 16, "max_window_layers": 1}),
        json!({"use_sliding_window": true, "sliding_window": 16, "max_window_layers": 2}),
        json!({"layer_types": ["full_attention", "full_attention"]}),
    ] {
        assert!(parse(&with(harmless.clone())).is_ok(), "{harmless}");
    }
}

#[test]
fn a_wrong_key_is_named_with_what_was_found() {
    for (changes, key, found) in [
        (json!({"vocab_size": null}), "vocab_size", "null"),
        (json!({"vocab_size": 0}), "vocab_size", "0"),
        (json!({"hidden_size": "wide"}), "hidden_size", "\"wide\""),
        (json!({"num_hidden_layers": 1u64 << 60}), "num_hidden_layers", "1152921504606846976"),
        (json!({"num_hidden_layers": -2}), "num_hidden_layers", "-2"),
        (json!({"num_key_value_heads": 3}), "num_key_value_heads", "3"),
        (json!({"head_dim": 15}), "head_dim", "15"),
        (json!({"rms_norm_eps": -1.0}), "rms_norm_eps", "-1.0"),
        (json!({"tie_word_embeddings": 1}), "tie_word_embeddings", "1"),
        (json!({"eos_token_id": 97}), "eos_token_id", "97"),
        (json!({"eos_token_id": [1, "x"]}), "eos_token_id", "[1,\"x\"]"),
        (json!({"architectures": "Qwen3ForCausalLM"}), "architectures", "\"Qwen3ForCausalLM\""),
        (json!({"rope_parameters": {"rope_type": "linear"}}), "rope_parameters.factor", "nothing"),
        (json!({"rope_parameters": {"full_attention": {}}}), "rope_parameters.full_attention", "{}"),
        (json!({"rope_theta": 1.0}), "rope_theta", "1.0"),
        // 0 or infinite in f32
        (json!({"rms_norm_eps": 1e-60}), "rms_norm_eps", "1e-60"),
        (json!({"rope_theta": 1e300}), "rope_theta", "1e+300"),
        (json!({"rope_parameters": {"rope_type": "linear", "factor": 1e-320}}), "rope_parameters.factor", "1e-320"),
        (json!({"rope_scaling": {"rope_type": "linear", "factor": 1e-320}}), "rope_scaling.factor", "1e-320"),
        (
            json!({"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "attention_factor": 1e39}}),
            "rope_parameters.attention_factor",
            "1e+39",
        ),
        // above 0 in f32, but the angle of the last position is not finite
        (
            json!({"rope_scaling": {"rope_type": "linear", "factor": 1e-38}}),
            "rope_scaling",
            "{\"rope_type\":\"linear\",\"factor\":1e-38}",
        ),
        (
            json!({"rope_parameters": {"rope_type": "yarn", "factor": 1e30, "mscale": 3e38, "mscale_all_dim": 0.1}}),
            "rope_parameters",
            "{\"rope_type\":\"yarn\",\"factor\":1e+30,\"mscale\":3e+38,\"mscale_al…",
        ),
    ] {
        match parse(&with(changes.clone())).unwrap_err() {
            RuntimeError::Key { key: k, found: f, .. } => assert_eq!((k.as_str(), f.as_str()), (key, found)),
            other => panic!("{changes}: {other}"),
        }
    }
}

#[test]
fn heads_that_do_not_divide_the_width_are_refused_without_head_dim() {
    let changes = json!({"architectures": ["LlamaForCausalLM"], "head_dim": null, "hidden_size": 30});
    assert!(matches!(parse(&with(changes)).unwrap_err(), RuntimeError::Key { key, .. } if key == "num_attention_heads"));
}

#[test]
fn text_that_is_not_a_json_object_is_refused() {
    for text in ["", "{", "[]", "3", "{\"vocab_size\": 1,}", &"[".repeat(10_000)] {
        let error = ModelConfig::from_json(Path::new("config.json"), text).unwrap_err();
        assert!(matches!(error, RuntimeError::Json { .. }), "{error}");
    }
}

#[test]
fn a_folder_without_config_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = ModelConfig::load(folder.path()).unwrap_err();
    assert!(matches!(&error, RuntimeError::MissingFile { path, .. } if path.ends_with("config.json")), "{error}");
}

proptest! {
    /// Stretching keeps every frequency between the divided and the original one, and never raises the next above it.
    #[test]
    fn stretched_frequencies_stay_in_bounds(
        theta in 1e2..1e7f64, factor in 1.0..64.0f64, context in 8usize..100_000, half in 1usize..65, yarn: bool,
    ) {
        let original_max_position_embeddings = context;
        let kind = if yarn {
            RopeKind::Yarn { factor, original_max_position_embeddings, beta_fast: 32.0, beta_slow: 1.0,
                attention_factor: None, mscale: None, mscale_all_dim: None, truncate: true }
        } else {
            RopeKind::Llama3 { factor, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings }
        };
        let plain = Rope { theta, kind: RopeKind::Default }.inverse_frequencies(2 * half);
        let stretched = Rope { theta, kind }.inverse_frequencies(2 * half);
        for (plain, stretched) in plain.iter().zip(&stretched) {
            prop_assert!(*stretched <= plain * 1.00001 && *stretched >= plain / factor as f32 * 0.99999);
        }
        prop_assert!(stretched.is_sorted_by(|a, b| *a >= *b * 0.99999));
    }
}
