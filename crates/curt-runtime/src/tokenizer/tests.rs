use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SYMBOLS: &str = "_^>$#=?:w+-*0123456789abcdefghijklmnopqrst";

/// The character-level tokenizer of the embedded task: one token per symbol, three of them special.
pub(crate) fn character_tokenizer() -> Value {
    let vocab: Map<String, Value> = SYMBOLS.chars().enumerate().map(|(id, c)| (c.to_string(), json!(id))).collect();
    let special = |id: usize, token: &str| {
        json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "_"), special(1, "^"), special(3, "$")],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": []},
    })
}

pub(crate) fn write_tokenizer(folder: &Path, tokenizer: &Value, config: &Value) {
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
}

fn loaded() -> (tempfile::TempDir, Tokenizer) {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"eos_token": "$", "bos_token": {"content": "^"}, "pad_token": "_", "unk_token": null});
    write_tokenizer(folder.path(), &character_tokenizer(), &config);
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    (folder, tokenizer)
}

#[test]
fn a_character_tokenizer_gives_one_id_per_character() {
    let (_folder, tokenizer) = loaded();
    assert_eq!(tokenizer.vocab_size(), 42);
    let ids = tokenizer.encode("^44a*3b*9>a*344=22$", true).unwrap();
    assert_eq!(ids, [1, 16, 16, 22, 11, 15, 23, 11, 21, 2, 22, 11, 15, 16, 16, 5, 14, 14, 3]);
    assert_eq!(tokenizer.decode(&ids, false).unwrap(), "^44a*3b*9>a*344=22$");
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), "44a*3b*9>a*344=22");
    assert_eq!((tokenizer.token_to_id("t"), tokenizer.id_to_token(41)), (Some(41), Some("t".to_string())));
    assert_eq!((tokenizer.eos_token_id(), tokenizer.special_token_id("bos_token")), (Some(3), Some(1)));
    assert_eq!((tokenizer.special_token_id("unk_token"), tokenizer.token_to_id("é")), (None, None));
}

#[test]
fn unknown_ids_and_the_empty_text_are_harmless() {
    let (_folder, tokenizer) = loaded();
    assert_eq!(tokenizer.encode("", true).unwrap(), [0u32; 0]);
    assert_eq!(tokenizer.decode(&[], true).unwrap(), "");
    assert_eq!(tokenizer.decode(&[16, 42, u32::MAX, 17], false).unwrap(), "45");
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokenizer = character_tokenizer();
    // the byte-level spelling of 0xE2, the first of a three-byte character
    tokenizer["model"]["vocab"] = json!({"â": 0, "a": 1});
    tokenizer["added_tokens"] = json!([]);
    tokenizer["decoder"] = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    write_tokenizer(folder.path(), &tokenizer, &json!({}));
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(tokenizer.decode(&[1, 0, 1], false).unwrap(), "a\u{fffd}a");
}

#[test]
fn padding_and_truncation_of_the_file_are_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokenizer = character_tokenizer();
    tokenizer["truncation"] = json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    tokenizer["padding"] = json!({"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "_"});
    write_tokenizer(folder.path(), &tokenizer, &json!({}));
    assert_eq!(Tokenizer::load(folder.path()).unwrap().encode("1234", true).unwrap(), [13, 14, 15, 16]);
}

#[test]
fn the_dropout_of_the_file_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokenizer = character_tokenizer();
    let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocab.extend(["44", "4444", "44444444"].iter().enumerate().map(|(i, token)| (token.to_string(), json!(42 + i))));
    tokenizer["model"]["merges"] = json!(["4 4", "44 44", "4444 4444"]);
    tokenizer["model"]["dropout"] = json!(0.5);
    write_tokenizer(folder.path(), &tokenizer, &json!({}));
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    for _ in 0..6 {
        assert_eq!(tokenizer.encode(&"4".repeat(32), true).unwrap(), [44; 4]);
    }
}

#[test]
fn the_files_to_be_copied_are_those_that_exist() {
    let (folder, tokenizer) = loaded();
    fs::write(folder.path().join("chat_template.jinja"), "").unwrap();
    fs::write(folder.path().join("config.json"), "").unwrap();
    let files = tokenizer.files();
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]);
}

#[test]
fn a_missing_tokenizer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Tokenizer::load(folder.path()).unwrap_err();
    assert!(matches!(&error, RuntimeError::MissingFile { path, .. } if path.ends_with("tokenizer.json")), "{error}");
}

#[test]
fn a_damaged_tokenizer_is_named() {
    for text in ["", "{}", "[1]", "{\"model\": {\"type\": \"Abacus\"}}", &character_tokenizer().to_string()[..500]] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        let error = Tokenizer::load(folder.path()).unwrap_err();
        assert!(matches!(error, RuntimeError::Tokenizer { .. }), "{text}: {error}");
    }
}

#[test]
fn a_frame_that_names_what_is_not_there_is_refused() {
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let second = json!({"Sequence": {"id": "B", "type_id": 0}});
    let bos = json!({"SpecialToken": {"id": "^", "type_id": 0}});
    let declared = |id: u32| json!({"^": {"id": "^", "ids": [id], "tokens": ["^"]}});
    let load = |single: &[&Value], tokens: Value, nested: bool| {
        let folder = tempfile::tempdir().unwrap();
        let mut tokenizer = character_tokenizer();
        let template = json!({"type": "TemplateProcessing", "single": single, "pair": [text, second], "special_tokens": tokens});
        tokenizer["post_processor"] = if nested { json!({"type": "Sequence", "processors": [template]}) } else { template };
        write_tokenizer(folder.path(), &tokenizer, &json!({}));
        Tokenizer::load(folder.path())
    };
    for nested in [false, true] {
        assert_eq!(load(&[&bos, &text], declared(1), nested).unwrap().encode("4", true).unwrap(), [1, 16]);
        let undeclared = load(&[&bos, &text], json!({}), nested).unwrap_err().to_string();
        assert!(undeclared.contains("`^` is not among"), "{undeclared}");
        let two = load(&[&text, &second], json!({}), nested).unwrap_err().to_string();
        assert!(two.contains("second text"), "{two}");
        let beyond = load(&[&bos, &text], declared(99), nested).unwrap().check_vocab(42).unwrap_err();
        assert!(matches!(beyond, RuntimeError::TokenizerTooLarge { tokens: 100, vocab: 42, .. }), "{beyond}");
    }
}

#[test]
fn a_frame_of_two_tokens_beyond_the_model_is_refused() {
    let bert = |sep: u32, cls: u32| json!({"type": "BertProcessing", "sep": ["$", sep], "cls": ["^", cls]});
    let roberta = |sep: u32, cls: u32| {
        json!({"type": "RobertaProcessing", "sep": ["$", sep], "cls": ["^", cls], "trim_offsets": true,
            "add_prefix_space": false})
    };
    let nested = |processor: Value| json!({"type": "Sequence", "processors": [processor]});
    // the library does not look at this one's type
    let misnamed = |sep: u32, cls: u32| json!({"type": "TemplateProcessing", "sep": ["$", sep], "cls": ["^", cls]});
    let loaded = |processor: Value| {
        let folder = tempfile::tempdir().unwrap();
        let mut tokenizer = character_tokenizer();
        tokenizer["post_processor"] = processor;
        write_tokenizer(folder.path(), &tokenizer, &json!({}));
        Tokenizer::load(folder.path()).unwrap()
    };
    for frame in [&bert as &dyn Fn(u32, u32) -> Value, &roberta, &misnamed] {
        for wrap in [&(|it| it) as &dyn Fn(Value) -> Value, &nested] {
            let tokenizer = loaded(wrap(frame(3, 1)));
            assert_eq!(tokenizer.encode("4", true).unwrap(), [1, 16, 3]);
            assert!(tokenizer.check_vocab(42).is_ok());
            for beyond in [frame(9999, 1), frame(3, 9999)] {
                let error = loaded(wrap(beyond)).check_vocab(42).unwrap_err();
                assert!(matches!(error, RuntimeError::TokenizerTooLarge { tokens: 10_000, vocab: 42, .. }), "{error}");
            }
        }
    }
}

#[test]
fn what_makes_the_library_panic_is_an_error_that_names_file_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let load = |key: &str, value: Value| {
        let mut tokenizer = character_tokenizer();
        tokenizer[key] = value;
        write_tokenizer(folder.path(), &tokenizer, &json!({}));
        Tokenizer::load(folder.path())
    };
    let mut prefix = character_tokenizer()["model"].clone();
    prefix["continuing_subword_prefix"] = json!("##########");
    prefix["merges"] = json!(["4 4"]);
    for (key, value) in [("model", prefix), ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "AQ=="}))] {
        let error = load(key, value).unwrap_err();
        assert!(matches!(&error, RuntimeError::Tokenizer { path, .. } if path.ends_with("tokenizer.json")), "{key}: {error}");
    }
    for (key, value) in [
        ("pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
        ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA"})),
    ] {
        let error = load(key, value).unwrap().encode("44", true).unwrap_err();
        let named = ["tokenizer.json", "\"44\""].iter().all(|name| error.to_string().contains(name));
        assert!(matches!(error, RuntimeError::Tokenize { .. }) && named, "{key}: {error}");
    }
    let strip = json!({"type": "Strip", "content": "f", "start": 100_000, "stop": 100_000});
    let tokenizer = load("decoder", strip).unwrap();
    for _ in 0..2 {
        let error = tokenizer.decode(&[27, 27], true).unwrap_err();
        let named = ["tokenizer.json", "[27, 27]"].iter().all(|name| error.to_string().contains(name));
        assert!(matches!(error, RuntimeError::Tokenize { .. }) && named, "{error}");
        assert_eq!(tokenizer.encode("45", true).unwrap(), [16, 17]);
    }
    assert!(!panic_is_damaged_tokenizer());
}

#[test]
fn a_text_that_the_tokenizer_has_no_token_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = json!({"type": "WordLevel", "vocab": {"one": 0}, "unk_token": "[UNK]"});
    write_tokenizer(folder.path(), &json!({"version": "1.0", "added_tokens": [], "model": model}), &json!({}));
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(tokenizer.encode("one", false).unwrap(), [0]);
    let error = tokenizer.encode("two", false).unwrap_err();
    assert!(matches!(&error, RuntimeError::Tokenize { reason } if reason.contains("[UNK]")), "{error}");
}

#[test]
fn a_damaged_tokenizer_config_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_tokenizer(folder.path(), &character_tokenizer(), &json!([]));
    assert!(matches!(Tokenizer::load(folder.path()).unwrap_err(), RuntimeError::Json { .. }));
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_is_refused() {
    let (_folder, tokenizer) = loaded();
    assert!(tokenizer.check_vocab(42).is_ok());
    let error = tokenizer.check_vocab(41).unwrap_err();
    assert!(matches!(error, RuntimeError::TokenizerTooLarge { tokens: 42, vocab: 41, .. }), "{error}");
}

proptest! {
    #[test]
    fn known_symbols_survive_the_round_trip(text in "[0-9a-t*+=?:w$^>_#-]{0,60}") {
        let (_folder, tokenizer) = loaded();
        let ids = tokenizer.encode(&text, false).unwrap();
        prop_assert_eq!(ids.len(), text.len());
        prop_assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
    }
}
