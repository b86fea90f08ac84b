//! Text ↔ token ids, by the `tokenizer.json` of a checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::models::ModelWrapper;

use crate::config::{MAX_CONFIG_BYTES, read_object};
use crate::error::RuntimeError;
use crate::plain_file;

mod frame;
mod guard;

use frame::frame_end;
use guard::guarded;
pub use guard::panic_is_damaged_tokenizer;

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
    /// Padding, truncation and dropout that the file asks for are switched off. Errors: missing file, no plain file, not a
    /// tokenizer, one that makes the library panic.
    pub fn load(folder: &Path) -> Result<Self, RuntimeError> {
        let path = folder.join("tokenizer.json");
        let bytes = plain_file::read(&path).map_err(|source| RuntimeError::reading(&path, "the tokenizer", source))?;
        let failed = |reason: String| RuntimeError::Tokenizer { path: path.clone(), reason };
        let inner = guarded(|| {
            let mut inner = tokenizers::Tokenizer::from_bytes(&bytes)?;
            without_dropout(&mut inner);
            inner.with_padding(None);
            inner.with_truncation(None)?;
            Ok(inner)
        });
        let inner = inner.map_err(failed)?;
        let frame_end = frame_end(inner.get_post_processor()).map_err(failed)?;
        let special_tokens = match read_tokenizer_config(folder)? {
            Some(config) => special_tokens(&config),
            None => BTreeMap::new(),
        };
        Ok(Self { inner, folder: folder.to_path_buf(), special_tokens, frame_end })
    }

    /// The ids of a text. `add_special_tokens` applies the tokenizer's own frame (often a BOS); a rendered chat template
    /// has its special tokens already and is encoded without. Errors: the library fails, or panics, on the text.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, RuntimeError> {
        let encoding = guarded(|| self.inner.encode_fast(text, add_special_tokens));
        let encoding = encoding.map_err(|reason| self.failed(&format!("the text {}", brief(text)), &reason))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids. Bytes that are not UTF-8 become U+FFFD, and ids that the tokenizer does not know are left out.
    /// Errors: the library fails, or panics, on them.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, RuntimeError> {
        let decoded = guarded(|| self.inner.decode(ids, skip_special_tokens));
        decoded.map_err(|reason| {
            let shown = &ids[..ids.len().min(8)];
            self.failed(&format!("{} ids that begin {shown:?}", ids.len()), &reason)
        })
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

    fn failed(&self, what: &str, reason: &str) -> RuntimeError {
        RuntimeError::Tokenize { reason: format!("{}, {what}: {reason}", self.folder.join("tokenizer.json").display()) }
    }

    /// The tokenizer's files, chat template included, to be copied beside saved weights.
    pub fn files(&self) -> Vec<PathBuf> {
        FILES.iter().map(|name| self.folder.join(name)).filter(|path| path.is_file()).collect()
    }
}

/// A text for an error message, quoted; long ones are cut.
fn brief(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Takes every merge: a dropout would be drawn from the library's own generator, anew at each text.
fn without_dropout(tokenizer: &mut tokenizers::Tokenizer) {
    if let ModelWrapper::BPE(bpe) = tokenizer.get_model()
        && bpe.dropout.is_some()
    {
        let mut bpe = bpe.clone();
        bpe.dropout = None;
        tokenizer.with_model(bpe);
    }
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
pub(crate) mod tests;
