//! The one place where objects are built from words: backend, tokenizer, transformer, trainer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use curt_runtime::checkpoint::recover_directory;
use curt_runtime::{Backend, Cpu, ModelConfig, Settings, Tokenizer, Transformer};
use curt_trainer::Trainer;
use curt_trainer::config::Config;
use tempfile::TempDir;

use crate::embedded;
use crate::exit::CommandError;

/// A model with its tokenizer.
#[derive(Debug)]
pub struct Model {
    /// The transformer.
    pub policy: Transformer<Cpu<f32>>,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Where both came from; must live as long as checkpoints are saved, which copy the tokenizer's files.
    pub folder: ModelFolder,
    /// What to say of it.
    pub facts: ModelFacts,
}

/// The folder of a model.
#[derive(Debug)]
pub enum ModelFolder {
    /// The user's own.
    Given(PathBuf),
    /// An embedded model, unpacked; deleted when this is dropped.
    Unpacked(TempDir),
}

/// What a header says of a model and its device.
#[derive(Clone, Debug)]
pub struct ModelFacts {
    /// The word or folder that was asked for.
    pub path: String,
    /// The family's name, such as `qwen3`.
    pub family: &'static str,
    /// Layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Weights, tied ones once.
    pub parameters: usize,
    /// Most tokens of a prompt with its completion.
    pub context: usize,
    /// Worker threads.
    pub threads: usize,
    /// The instruction set in use.
    pub instruction_set: &'static str,
}

impl ModelFolder {
    /// The folder of the model that `path` means: an embedded one by its word, or a folder.
    pub fn find(path: &str) -> Result<Self> {
        if let Some(folder) = embedded::unpack(path).context("an embedded model cannot be written to a temporary folder")? {
            return Ok(Self::Unpacked(folder));
        }
        if path.starts_with("embedded:") {
            return Err(CommandError::UnknownEmbedded { word: path.into() }.into());
        }
        let folder = PathBuf::from(path);
        // one whose replacement was cut short by a kill lies under another name
        recover_directory(&folder)?;
        if folder.is_file() {
            return Err(CommandError::ModelIsFile { path: folder }.into());
        }
        if !folder.is_dir() {
            return Err(CommandError::NoModelFolder { path: folder }.into());
        }
        Ok(Self::Given(folder))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Unpacked(folder) => folder.path(),
        }
    }
}

/// The model at `path` on the CPU with `threads` threads (0: all cores). `auto` means the CPU as long as there is nothing else.
pub fn load_model(path: &str, threads: usize, settings: Settings) -> Result<Model> {
    let folder = ModelFolder::find(path)?;
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    // what is not a model at all is better told so than that its tokenizer is missing
    ModelConfig::load(folder.path())?;
    let backend = Cpu::<f32>::new(threads).context("the CPU backend cannot start")?;
    let instruction_set = backend.path().name();
    let tokenizer = Tokenizer::load(folder.path())?;
    let policy = Transformer::load(backend, folder.path(), Some(&tokenizer), settings)?;
    let config = policy.config();
    let facts = ModelFacts {
        path: path.into(),
        family: config.family.model_type(),
        layers: config.layers,
        width: config.hidden,
        parameters: policy.num_parameters(),
        context: config.max_position_embeddings,
        threads: policy.backend().threads(),
        instruction_set,
    };
    Ok(Model { policy, tokenizer, folder, facts })
}

/// The trainer that `config` describes, ready for its first step, with the facts of its model and the folder to keep alive.
pub fn trainer(config: Config) -> Result<(Trainer, ModelFacts, ModelFolder)> {
    let model = load_model(&config.model.path, config.model.threads, config.settings())?;
    let trainer = Trainer::new(config, Box::new(model.policy), model.tokenizer, model.folder.path())?;
    Ok((trainer, model.facts, model.folder))
}
