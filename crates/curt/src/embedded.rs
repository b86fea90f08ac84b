//! The two tiny models inside the binary, which make a run without any file possible.

use std::fs;
use std::io;

use tempfile::TempDir;

/// The words that stand for them wherever a model's folder can stand.
pub const WORDS: [&str; 2] = ["embedded:good", "embedded:weak"];

type File = (&'static str, &'static [u8]);

/// Knows the task fairly well: what the embedded run trains.
const GOOD: [File; 5] = [
    ("config.json", include_bytes!("../../../fixtures/tiny-good/config.json")),
    ("generation_config.json", include_bytes!("../../../fixtures/tiny-good/generation_config.json")),
    ("tokenizer.json", include_bytes!("../../../fixtures/tiny-good/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../../fixtures/tiny-good/tokenizer_config.json")),
    ("model.safetensors", include_bytes!("../../../fixtures/tiny-good/model.safetensors")),
];

/// Rarely solves a problem of many links: for what happens when reward is scarce.
const WEAK: [File; 5] = [
    ("config.json", include_bytes!("../../../fixtures/tiny-weak/config.json")),
    ("generation_config.json", include_bytes!("../../../fixtures/tiny-weak/generation_config.json")),
    ("tokenizer.json", include_bytes!("../../../fixtures/tiny-weak/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../../../fixtures/tiny-weak/tokenizer_config.json")),
    ("model.safetensors", include_bytes!("../../../fixtures/tiny-weak/model.safetensors")),
];

/// A folder with the model that `word` stands for, deleted when it is dropped; none for any other word.
pub fn unpack(word: &str) -> io::Result<Option<TempDir>> {
    let files = match word {
        "embedded:good" => GOOD,
        "embedded:weak" => WEAK,
        _ => return Ok(None),
    };
    let folder = tempfile::Builder::new().prefix("curt-").tempdir()?;
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes)?;
    }
    Ok(Some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_unpack_to_a_model_folder() {
        for word in WORDS {
            let folder = unpack(word).unwrap().unwrap();
            let config = curt_runtime::ModelConfig::load(folder.path()).unwrap();
            let tokenizer = curt_runtime::Tokenizer::load(folder.path()).unwrap();
            tokenizer.check_vocab(config.vocab).unwrap();
        }
        assert!(unpack("embedded:best").unwrap().is_none());
    }
}
