//! Text ↔ token ids, by the `tokenizer.json` of a checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{MAX_CONFIG_BYTES, read_object};
use crate::error::RuntimeError;

/// Every file of a checkpoint that tells how to turn text into ids.
const FILES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
];

/// The tokenizer of a checkpoint folder.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    folder: PathBuf,
    special_tokens: BTreeMap<String, String>,
    /// One more than the largest id of the tokens that frame a text.
    frame_end: usize,
}

impl Tokenizer {
    /// The tokenizer in a folder's `tokenizer.json`, with the special tokens of its `tokenizer_config.json` if there is one.
    ///
    /// Padding and truncation that the file asks for are switched off. Errors: missing file, not a tokenizer.
    pub fn load(folder: &Path) -> Result<Self, RuntimeError> {
        let path = folder.join("tokenizer.json");
        let bytes = fs::read(&path).map_err(|source| RuntimeError::reading(&path, "the tokenizer", source))?;
        let failed = |reason: String| RuntimeError::Tokenizer { path: path.clone(), reason };
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes).map_err(|error| failed(error.to_string()))?;
        let frame: Frame = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        let frame_end = frame_end(&frame.post_processor).map_err(failed)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| failed(error.to_string()))?;
        let special_tokens = match read_tokenizer_config(folder)? {
            Some(config) => special_tokens(&config),
            None => BTreeMap::new(),
        };
        Ok(Self { inner, folder: folder.to_path_buf(), special_tokens, frame_end })
    }

    /// The ids of a text. `add_special_tokens` applies the tokenizer's own frame (often a BOS); a rendered chat template
    /// has its special tokens already and is encoded without.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, RuntimeError> {
        let encoding = self.inner.encode_fast(text, add_special_tokens);
        let encoding = encoding.map_err(|error| RuntimeError::Tokenize { reason: error.to_string() })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids. Bytes that are not UTF-8 become U+FFFD, and ids that the tokenizer does not know are left out.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, RuntimeError> {
        let decoded = self.inner.decode(ids, skip_special_tokens);
        decoded.map_err(|error| RuntimeError::Tokenize { reason: error.to_string() })
    }

    /// One more than the highest id, added tokens included. A model may have more rows than that.
    pub fn vocab_size(&self) -> usize {
        let highest = self.inner.get_vocab(true).into_values().max();
        highest.map_or(0, |id| id as usize + 1)
    }

    /// The id of a token, if it is one.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The token of an id, as the file spells it (byte-level tokenizers write a space as `Ġ`).
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of `eos_token` in `tokenizer_config.json`, if both are there.
    pub fn eos_token_id(&self) -> Option<u32> {
        self.special_token_id("eos_token")
    }

    /// The id of a named special token (`bos_token`, `pad_token` …) of `tokenizer_config.json`, if both are there.
    pub fn special_token_id(&self, name: &str) -> Option<u32> {
        self.special_tokens.get(name).and_then(|token| self.token_to_id(token))
    }

    /// Refuses a tokenizer that could give ids for which a model of `vocab` rows has none.
    pub fn check_vocab(&self, vocab: usize) -> Result<(), RuntimeError> {
        let tokens = self.vocab_size().max(self.frame_end);
        if tokens > vocab {
            return Err(RuntimeError::TokenizerTooLarge { path: self.folder.join("tokenizer.json"), tokens, vocab });
        }
        Ok(())
    }

    /// The tokenizer's files, chat template included, to be copied beside saved weights.
    pub fn files(&self) -> Vec<PathBuf> {
        FILES.iter().map(|name| self.folder.join(name)).filter(|path| path.is_file()).collect()
    }
}

/// The part of `tokenizer.json` that frames a text with special tokens, which the library takes as it is and fails on later.
#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    post_processor: Value,
}

/// One more than the largest id in `processor`, or why it cannot frame a text.
fn frame_end(processor: &Value) -> Result<usize, String> {
    let inner = processor["processors"].as_array().into_iter().flatten();
    let mut end = inner.map(frame_end).try_fold(0, |end, inner| inner.map(|inner| end.max(inner)))?;
    if processor["type"] != "TemplateProcessing" {
        return Ok(end);
    }
    let tokens = &processor["special_tokens"];
    let pieces = |form: &str| processor[form].as_array().cloned().unwrap_or_default();
    for piece in [pieces("single"), pieces("pair")].concat() {
        if let Some(id) = piece["SpecialToken"]["id"].as_str().filter(|id| tokens.get(*id).is_none()) {
            return Err(format!("post_processor: the token `{id}` is not among its special_tokens"));
        }
    }
    if pieces("single").iter().any(|piece| piece["Sequence"]["id"] == "B") {
        return Err("post_processor: `single` has a place for a second text".into());
    }
    for token in tokens.as_object().into_iter().flat_map(|tokens| tokens.values()) {
        let ids = token["ids"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        end = ids.fold(end, |end, id| end.max(id as usize + 1));
    }
    Ok(end)
}

/// The keys of the folder's `tokenizer_config.json`, if it has one.
pub(crate) fn read_tokenizer_config(folder: &Path) -> Result<Option<Map<String, Value>>, RuntimeError> {
    let path = folder.join("tokenizer_config.json");
    if !path.exists() {
        return Ok(None);
    }
    read_object(&path, "special tokens and chat template", MAX_CONFIG_BYTES).map(Some)
}

/// `bos_token`, `eos_token` and so on → their text; each is a string or an object with `content`.
pub(crate) fn special_tokens(config: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_string);
    let named = config.iter().filter(|(key, _)| key.ends_with("_token"));
    named.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
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
            let template =
                json!({"type": "TemplateProcessing", "single": single, "pair": [text, second], "special_tokens": tokens});
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
}
