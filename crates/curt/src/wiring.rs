//! The one place where objects are built from words: backend, tokenizer, transformer, trainer.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use curt_kernels::ops::attention::Attention;
use curt_kernels::{Backend, Cpu, Cuda, Ops};
use curt_runtime::checkpoint::recover_directory;
use curt_runtime::{ModelConfig, Policy, ReferencePolicy, Settings, Tokenizer, Transformer};
use curt_trainer::Trainer;
use curt_trainer::config::{Config, cuda_ordinal};
use tempfile::TempDir;

use crate::embedded;
use crate::exit::CommandError;
use crate::numbers::counted;

/// A model with its tokenizer.
pub struct Model {
    /// The transformer, on its device.
    pub policy: Box<dyn Policy>,
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
    /// Where it computes, in words.
    pub device: String,
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

/// The model at `path` on `device`: `cpu` with `threads` threads (0: all cores), `cuda:N`, or `auto`.
pub fn load_model(path: &str, device: &str, threads: usize, settings: Settings) -> Result<Model> {
    let folder = ModelFolder::find(path)?;
    // what is not a model at all is better told so than that its tokenizer is missing
    let head_dim = ModelConfig::load(folder.path())?.head_dim;
    let tokenizer = Tokenizer::load(folder.path())?;
    let load = Load { path, folder: folder.path(), tokenizer: &tokenizer, settings };
    let (policy, facts) = match place(device, threads, head_dim)? {
        (Place::Cpu(backend), words) => load.on(backend, words)?,
        (Place::Cuda(backend), words) => load.on(*backend, words)?,
    };
    Ok(Model { policy, tokenizer, folder, facts })
}

/// A backend that is ready to load a model.
enum Place {
    Cpu(Cpu<f32>),
    Cuda(Box<Cuda>),
}

/// Where `device` is, and how to call it, for a model with heads of this width.
fn place(device: &str, threads: usize, head_dim: usize) -> Result<(Place, String)> {
    match device {
        "cpu" => on_cpu(threads, ""),
        // the first device if there is one that works; why not is said, for a slow run is a surprise too
        "auto" if head_dim > Cuda::WIDEST_HEAD => {
            on_cpu(threads, &format!(" (the CUDA kernels hold heads of at most {}, not of {head_dim})", Cuda::WIDEST_HEAD))
        }
        "auto" => match Cuda::new(0) {
            Ok(cuda) => Ok(on_cuda(cuda, 0)),
            Err(reason) => on_cpu(threads, &format!(" ({reason})")),
        },
        named => {
            let ordinal = cuda_ordinal(named).with_context(|| format!("device {named} is none of auto, cpu and cuda:N"))?;
            Ok(on_cuda(Cuda::new(ordinal).with_context(|| format!("device {named}"))?, ordinal))
        }
    }
}

fn on_cpu(threads: usize, why: &str) -> Result<(Place, String)> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let backend = Cpu::<f32>::new(threads).context("the CPU backend cannot start")?;
    let (threads, set) = (counted(backend.threads() as u64, "thread"), backend.path().name());
    let words = format!("cpu{why}, {threads}, {set} instructions, 32-bit floats");
    Ok((Place::Cpu(backend), words))
}

fn on_cuda(backend: Cuda, ordinal: usize) -> (Place, String) {
    let words = format!("cuda:{ordinal}, {}, 32-bit floats", backend.name());
    (Place::Cuda(Box::new(backend)), words)
}

/// The frozen model that the KL term of `config` holds the policy to: the one at `folder`, on the same device.
fn load_reference(config: &Config, folder: &Path) -> Result<Box<dyn ReferencePolicy>> {
    let tokenizer = Tokenizer::load(folder)?;
    // it generates nothing
    let settings = Settings { max_sequences: 1, ..config.settings() };
    let head_dim = ModelConfig::load(folder)?.head_dim;
    Ok(match place(&config.model.device, config.model.threads, head_dim)?.0 {
        Place::Cpu(backend) => Box::new(Transformer::load(backend, folder, Some(&tokenizer), settings)?.freeze()),
        Place::Cuda(backend) => Box::new(Transformer::load(*backend, folder, Some(&tokenizer), settings)?.freeze()),
    })
}

/// What is loaded, whatever the device.
struct Load<'a> {
    path: &'a str,
    folder: &'a Path,
    tokenizer: &'a Tokenizer,
    settings: Settings,
}

impl Load<'_> {
    fn on<B: Ops<Real = f32>>(&self, backend: B, device: String) -> Result<(Box<dyn Policy>, ModelFacts)> {
        let policy = Transformer::load(backend, self.folder, Some(self.tokenizer), self.settings)?;
        let config = policy.config();
        let facts = ModelFacts {
            path: self.path.into(),
            family: config.family.model_type(),
            layers: config.layers,
            width: config.hidden,
            parameters: policy.num_parameters(),
            context: config.max_position_embeddings,
            device,
        };
        Ok((Box::new(policy), facts))
    }
}

/// The trainer that `config` describes, ready for its first step, with the facts of its model and the folder to keep alive.
pub fn trainer(config: Config) -> Result<(Trainer, ModelFacts, ModelFolder)> {
    let model = load_model(&config.model.path, &config.model.device, config.model.threads, config.settings())?;
    let mut trainer = Trainer::new(config, model.policy, model.tokenizer, model.folder.path())?;
    if trainer.config.algo.beta != 0.0 {
        let reference = load_reference(&trainer.config, model.folder.path())?;
        trainer = trainer.with_reference(reference, model.folder.path())?;
    }
    Ok((trainer, model.facts, model.folder))
}
