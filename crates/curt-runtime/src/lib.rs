//! The transformer of curt: reads HF checkpoints, generates and trains with one forward.
//!
//! A checkpoint folder is read by [`ModelConfig`], [`Checkpoint`] (weights), [`Tokenizer`], [`ChatTemplate`] and
//! [`GenerationConfig`], and written by [`checkpoint::write_checkpoint`] in the same layout, which transformers
//! opens (checked). [`Transformer`] is the model and [`Policy`] what a trainer asks of it: generate, score, push a gradient back,
//! update. All of these run one forward, so a token has the same log-probability, bit for bit, in each. Numbers are drawn by
//! [`random`]. Whatever is wrong with a file is a [`RuntimeError`] that names it. [`Cpu`] is a backend to run on.
//!
//! ```
//! use curt_runtime::{Checkpoint, ModelConfig, checkpoint::{Dtype, SavedFiles, StagingDirectory, write_checkpoint}};
//! use std::path::Path;
//!
//! let config = ModelConfig::from_json(Path::new("config.json"), r#"{
//!     "architectures": ["Qwen3ForCausalLM"], "vocab_size": 42, "hidden_size": 8, "num_hidden_layers": 1,
//!     "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "intermediate_size": 16,
//!     "max_position_embeddings": 64, "rope_theta": 10000.0, "tie_word_embeddings": true}"#)?;
//! let root = tempfile::tempdir()?;
//! let folder = root.path().join("model");
//!
//! // written aside, synced, then renamed: the folder is whole or not there
//! let staging = StagingDirectory::create(&folder)?;
//! let files = SavedFiles { config: Some(config.raw()), ..SavedFiles::default() };
//! let tensors = config.tensors();
//! write_checkpoint(staging.path(), &files, &tensors, Dtype::Bf16, 1 << 30, |i, out| {
//!     out.resize(tensors[i].1.iter().product(), 0.5)
//! })?;
//! staging.commit()?;
//!
//! let config = ModelConfig::load(&folder)?;
//! let checkpoint = Checkpoint::open(&folder)?;
//! assert_eq!(checkpoint.tensor("model.norm.weight", &[config.hidden])?, [0.5; 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod chat_template;
pub mod checkpoint;
pub mod config;
mod error;
mod generate;
pub mod generation_config;
mod model;
mod plain_file;
mod policy;
pub mod random;
pub mod tokenizer;

pub use chat_template::ChatTemplate;
pub use checkpoint::Checkpoint;
pub use config::{Family, ModelConfig, Rope, RopeKind};
pub use curt_kernels::{Backend, Cpu};
pub use error::RuntimeError;
pub use generation_config::{GenerationConfig, eos_token_ids};
pub use model::{FrozenTransformer, Keep, Parameter, Part, Settings, TensorSource, Transformer};
pub use policy::{
    Completion, GenerateProgress, GenerateRequest, Policy, PolicyCounters, PolicyError, ReferencePolicy, Sampling, Sequence,
    StopReason, TokenFacts, TokenGradients, Update, UpdateNorms,
};
pub use random::{DrawKey, Purpose};
pub use tokenizer::{Tokenizer, panic_is_damaged_tokenizer};
