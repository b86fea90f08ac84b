//! Everything that can go wrong between a folder on disk and a running model.

use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint, tokenizer or template was refused; the message names the file, key, tensor or token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A file that must exist does not.
    #[error("{}: not found ({purpose})", path.display())]
    MissingFile {
        /// The file looked for.
        path: PathBuf,
        /// What it is needed for.
        purpose: &'static str,
    },
    /// A file that exists is no plain file, or the operating system refused to read it.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk is full; nothing was left half-written.
    #[error("{}: cannot be written: the disk is full", path.display())]
    DiskFull {
        /// The file that did not fit.
        path: PathBuf,
    },
    /// A file is not the JSON it should be; the reason has line and column.
    #[error("{}: not valid JSON: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A key of a JSON file is missing or holds something else than expected.
    #[error("{}: key `{key}`: expected {expected}, found {found}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key, with dots for nesting.
        key: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The model is of an architecture that the runtime does not know.
    #[error("{}: architecture {architecture} is not supported yet (supported: {supported})", path.display())]
    UnsupportedArchitecture {
        /// The config file.
        path: PathBuf,
        /// Its architecture.
        architecture: String,
        /// The architectures that are supported.
        supported: String,
    },
    /// The architecture is known, but a feature that this model switches on is not supported.
    #[error("{}: {feature} is not supported yet", path.display())]
    UnsupportedFeature {
        /// The config file.
        path: PathBuf,
        /// The feature and the key that asks for it.
        feature: String,
    },
    /// A safetensors file ends before its header says.
    #[error("{}: truncated: expected {expected} bytes, found {found}", path.display())]
    TruncatedFile {
        /// The file.
        path: PathBuf,
        /// The length that the header promises.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// A safetensors header is not one.
    #[error("{}: damaged safetensors header: {reason}", path.display())]
    DamagedHeader {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The index names a weight file that does not exist.
    #[error("{}: names shard {shard} for tensor `{tensor}`, which does not exist", index.display())]
    MissingShard {
        /// The index file.
        index: PathBuf,
        /// The weight file that it names.
        shard: String,
        /// The first tensor said to be there.
        tensor: String,
    },
    /// A tensor that the model needs is in no weight file.
    #[error("{}: has no tensor `{tensor}`", path.display())]
    MissingTensor {
        /// The weight file, or the folder's index.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the config asks for.
    #[error("{}: tensor `{tensor}`: expected shape {expected:?}, found {found:?}", path.display())]
    WrongShape {
        /// The weight file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shape that follows from the config.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor holds numbers of a type that the runtime does not read.
    #[error("{}: tensor `{tensor}`: expected F32, BF16 or F16, found {found}", path.display())]
    WrongDtype {
        /// The weight file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type in the file.
        found: String,
    },
    /// There is no memory for a tensor on its way to or from the device.
    #[error("out of memory: {bytes} bytes for the tensor `{tensor}` could not be allocated")]
    OutOfMemory {
        /// The tensor.
        tensor: String,
        /// Size of the refused allocation.
        bytes: usize,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor `{tensor}`: element {index} is {value}, expected a finite number", path.display())]
    NonFiniteWeight {
        /// The weight file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Row-major position of the first such element.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// `tokenizer.json` cannot be loaded.
    #[error("{}: not a usable tokenizer: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
    },
    /// A text could not be turned into ids or back.
    #[error("tokenizing failed: {reason}")]
    Tokenize {
        /// The tokenizer's file, the text or ids, and what the tokenizer library said.
        reason: String,
    },
    /// The tokenizer knows more tokens than the model has rows.
    #[error("{}: the tokenizer has {tokens} tokens, the model's vocab_size is only {vocab}", path.display())]
    TokenizerTooLarge {
        /// The tokenizer file.
        path: PathBuf,
        /// One more than its highest id.
        tokens: usize,
        /// The model's `vocab_size`.
        vocab: usize,
    },
    /// The folder has no chat template.
    #[error("{}: has no chat template (chat_template.jinja, or `chat_template` in tokenizer_config.json)", path.display())]
    MissingChatTemplate {
        /// The folder.
        path: PathBuf,
    },
    /// A chat template is not valid, or failed on a conversation.
    #[error("chat template of {}: {reason}", path.display())]
    ChatTemplate {
        /// The file that holds the template.
        path: PathBuf,
        /// What the template engine said, with the line.
        reason: String,
    },
}

impl RuntimeError {
    /// The error for a failed read: [`RuntimeError::MissingFile`] when the file is not there.
    pub(crate) fn reading(path: &Path, purpose: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::MissingFile { path, purpose },
            _ => Self::Read { path, source },
        }
    }

    /// The error for a failed write: [`RuntimeError::DiskFull`] when that is the reason.
    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Write { path, source },
        }
    }
}
