//! `generation_config.json`, and the tokens that end a completion.

use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{Fields, MAX_CONFIG_BYTES, ModelConfig, read_object};
use crate::error::RuntimeError;
use crate::tokenizer::Tokenizer;

/// What `generation_config.json` says about the end of a completion, and the raw file for saving.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationConfig {
    /// `eos_token_id`, one or several.
    pub eos_token_ids: Vec<u32>,
    raw: Map<String, Value>,
}

impl GenerationConfig {
    /// The folder's generation config, or none when it has no such file. Ids must be below `vocab`.
    ///
    /// Errors: not JSON, an `eos_token_id` that is not an id or a list of ids.
    pub fn load(folder: &Path, vocab: usize) -> Result<Option<Self>, RuntimeError> {
        let path = folder.join("generation_config.json");
        if !path.exists() {
            return Ok(None);
        }
        let raw = read_object(&path, "generation defaults", MAX_CONFIG_BYTES)?;
        let eos_token_ids = Fields::new(&path, &raw).token_ids("eos_token_id", vocab)?;
        Ok(Some(Self { eos_token_ids, raw }))
    }

    /// Every key of the file as it was read, for writing it back.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }
}

/// The ids that end a completion, ascending: those of `config.json`, of `generation_config.json` and of the tokenizer.
///
/// Released checkpoints disagree with themselves here (a chat model's config often names the base model's token), and
/// stopping at only one of them makes completions run on. Empty when no file names any.
pub fn eos_token_ids(
    config: &ModelConfig,
    generation_config: Option<&GenerationConfig>,
    tokenizer: Option<&Tokenizer>,
) -> Vec<u32> {
    let generation = generation_config.map_or(&[][..], |generation_config| &generation_config.eos_token_ids);
    let tokenizer = tokenizer.and_then(Tokenizer::eos_token_id);
    let mut ids: Vec<u32> = config.eos_token_ids.iter().chain(generation).copied().chain(tokenizer).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::tokenizer::tests::{character_tokenizer, write_tokenizer};

    fn config(eos: Value) -> ModelConfig {
        let config = json!({"architectures": ["LlamaForCausalLM"], "vocab_size": 42, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 16, "eos_token_id": eos});
        ModelConfig::from_json(Path::new("config.json"), &config.to_string()).unwrap()
    }

    #[test]
    fn eos_is_the_union_of_three_files() {
        let folder = tempfile::tempdir().unwrap();
        write_tokenizer(folder.path(), &character_tokenizer(), &json!({"eos_token": "$"}));
        let tokenizer = Tokenizer::load(folder.path()).unwrap();
        let dollar = tokenizer.token_to_id("$").unwrap();
        for (model, generation, want) in [
            (json!(null), json!({}), vec![dollar]),
            (json!(20), json!({"eos_token_id": [20, 10]}), vec![dollar, 10, 20]),
            (json!([10, dollar]), json!({"eos_token_id": 11}), vec![dollar, 10, 11]),
        ] {
            fs::write(folder.path().join("generation_config.json"), generation.to_string()).unwrap();
            let generation = GenerationConfig::load(folder.path(), 42).unwrap().unwrap();
            assert_eq!(eos_token_ids(&config(model), Some(&generation), Some(&tokenizer)), want);
        }
        assert_eq!(eos_token_ids(&config(json!(3)), None, None), [3]);
    }

    #[test]
    fn the_file_is_optional() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(GenerationConfig::load(folder.path(), 42).unwrap(), None);
    }

    #[test]
    fn an_id_that_is_not_one_is_named() {
        for bad in [json!(42), json!(-1), json!("</s>"), json!([1, 2.5])] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("generation_config.json"), json!({"eos_token_id": bad}).to_string()).unwrap();
            let error = GenerationConfig::load(folder.path(), 42).unwrap_err();
            assert!(matches!(&error, RuntimeError::Key { key, .. } if key == "eos_token_id"), "{error}");
        }
    }
}
