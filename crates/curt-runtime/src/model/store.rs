//! A transformer from a checkpoint folder, and back.

use std::path::Path;

use curt_kernels::{Ops, Real};
use serde_json::{Map, Value};

use super::{Parameters, RopeTables, Settings, TensorSource, Transformer};
use crate::checkpoint::{Dtype, FileCopy, SavedFiles, TensorLayout, reserve, write_checkpoint, write_tensors};
use crate::policy::{PolicyCounters, PolicyError};
use crate::{Checkpoint, GenerationConfig, ModelConfig, RuntimeError, Tokenizer, eos_token_ids};

/// Largest shard of a saved checkpoint.
const MAX_SHARD_BYTES: usize = 5 << 30;

/// Where the optimizer's state lies in a checkpoint folder: a safetensors file under another ending, for engines that load
/// every `*.safetensors` of a folder as weights, and for digests of the weights.
const OPTIMIZER_FILE: &str = "optimizer.state";

/// Name of the tensor that holds the number of updates, as two numbers below 2²⁴ each.
const UPDATES: &str = "updates";

/// What a saved checkpoint takes over from the one that was loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Companions {
    pub generation_config: Option<Map<String, Value>>,
    /// In memory, for the folder may be gone or another when a checkpoint is saved.
    pub copied: Vec<FileCopy>,
}

impl<B: Ops> Transformer<B> {
    /// A transformer from the HF folder `folder`; `tokenizer` is the folder's, if it has one.
    ///
    /// # Errors
    /// Whatever is missing or damaged, by file and tensor; a tokenizer with ids beyond the vocabulary.
    pub fn load(backend: B, folder: &Path, tokenizer: Option<&Tokenizer>, settings: Settings) -> Result<Self, PolicyError> {
        let config = ModelConfig::load(folder)?;
        let generation_config = GenerationConfig::load(folder, config.vocab)?;
        if let Some(tokenizer) = tokenizer {
            tokenizer.check_vocab(config.vocab)?;
        }
        let stops = eos_token_ids(&config, generation_config.as_ref(), tokenizer);
        let checkpoint = Checkpoint::open(folder)?;
        let mut source = |name: &str, shape: &[usize]| checkpoint.tensor(name, shape).map_err(PolicyError::from);
        let mut model = Self::from_source(backend, config, stops, settings, &mut source)?;
        let parts = model.parameters.all.iter().flat_map(|parameter| &parameter.parts);
        checkpoint.unexpected(parts.map(|part| &part.name[..]));
        model.companions = Companions {
            generation_config: generation_config.map(|g| g.raw().clone()),
            copied: tokenizer
                .map_or(Vec::new(), Tokenizer::files)
                .iter()
                .map(|path| FileCopy::read(path))
                .collect::<Result<_, _>>()?,
        };
        Ok(model)
    }

    /// A transformer with the values that `source` returns for each checkpoint tensor by name and shape.
    pub fn from_source(
        backend: B,
        config: ModelConfig,
        stops: Vec<u32>,
        settings: Settings,
        source: &mut TensorSource<'_, PolicyError>,
    ) -> Result<Self, PolicyError> {
        if config.head_dim > B::WIDEST_HEAD {
            return Err(PolicyError::HeadTooWide { found: config.head_dim, widest: B::WIDEST_HEAD });
        }
        let parameters = Parameters::from_source(&backend, &config, source)?;
        let rope = RopeTables::new(&backend)?;
        Ok(Self {
            backend,
            config,
            stops,
            parameters,
            rope,
            inference: None,
            cache: Vec::new(),
            training: None,
            settings,
            companions: Companions::default(),
            version: 0,
            counters: PolicyCounters::default(),
        })
    }

    /// Writes the weights in HF layout into the existing directory `dir`. Errors: those of [`write_checkpoint`], a failure of
    /// the device.
    pub fn save(&self, dir: &Path, dtype: Dtype) -> Result<(), PolicyError> {
        let parts = self.part_layout("");
        let files = SavedFiles {
            config: Some(self.config.raw()),
            generation_config: self.companions.generation_config.as_ref(),
            copied: &self.companions.copied,
        };
        let layout: Vec<TensorLayout> = parts.iter().map(|(layout, _, _)| layout.clone()).collect();
        let written = write_checkpoint(dir, &files, &layout, dtype, MAX_SHARD_BYTES, |i, out| {
            let (layout, parameter, offset) = &parts[i];
            self.read_part(out, &self.parameters.all[*parameter].value, *offset, layout);
        });
        self.unless_device_failed(written)
    }

    /// Writes moments and update count into the existing directory `dir`.
    pub(crate) fn save_moments(&self, dir: &Path) -> Result<(), PolicyError> {
        let parts = self.part_layout("");
        let updates = self.training.as_ref().map_or(0, |t| t.updates);
        let mut layout: Vec<TensorLayout> = Vec::new();
        for moment in ["m.", "v."] {
            layout.extend(self.part_layout(moment).into_iter().map(|(layout, _, _)| layout));
        }
        layout.push((UPDATES.into(), vec![2]));
        let written = write_tensors(&dir.join(OPTIMIZER_FILE), &layout, Dtype::F32, |i, out| {
            if i == layout.len() - 1 {
                return out.extend([(updates >> 24) as f32, (updates & 0xff_ffff) as f32]);
            }
            let (part, parameter, offset) = &parts[i % parts.len()];
            match &self.training {
                Some(state) => {
                    let moments = if i < parts.len() { &state.m } else { &state.v };
                    self.read_part(out, &moments[*parameter], *offset, part);
                }
                None => out.resize(part.1.iter().product(), 0.0),
            }
        });
        self.unless_device_failed(written)
    }

    /// What came of writing numbers of the device; its failure first, for it makes them NaN.
    fn unless_device_failed(&self, written: Result<(), RuntimeError>) -> Result<(), PolicyError> {
        self.backend.synchronize()?;
        Ok(written?)
    }

    /// Reads weights, moments and update count back, and clears the accumulated gradient; see [`crate::Policy::restore`].
    pub(crate) fn restore_from(&mut self, dir: &Path) -> Result<(), PolicyError> {
        self.check_same_model(dir)?;
        let weights = Checkpoint::open(dir)?;
        let moments = Checkpoint::open_file(&dir.join(OPTIMIZER_FILE))?;
        self.ensure_training_state()?;
        self.clear_gradients();
        self.parameters.overwrite(&self.backend, &mut |name, shape| weights.tensor(name, shape))?;
        let state = self.training.as_mut().expect("just made");
        for (prefix, buffers) in [("m.", &mut state.m), ("v.", &mut state.v)] {
            for (parameter, buffer) in self.parameters.all.iter().zip(buffers) {
                let mut host = Vec::new();
                reserve(&mut host, &format!("{prefix}{}", parameter.parts[0].name), parameter.len)?;
                for part in &parameter.parts {
                    host.extend(moments.tensor(&format!("{prefix}{}", part.name), &part.shape)?);
                }
                let host: Vec<B::Real> = host.into_iter().map(|x| B::Real::from_f64(f64::from(x))).collect();
                self.backend.write(buffer, &host);
            }
        }
        state.updates = read_updates(&moments, &dir.join(OPTIMIZER_FILE))?;
        self.version = state.updates;
        Ok(())
    }

    /// Refuses a checkpoint that computes or stops in another way than this model, by its files: only numbers are taken over.
    fn check_same_model(&self, dir: &Path) -> Result<(), RuntimeError> {
        let facts = |config: &ModelConfig| {
            [
                ("architectures", format!("{:?}", config.family)),
                ("num_attention_heads", config.heads.to_string()),
                ("tie_word_embeddings", config.tie_word_embeddings.to_string()),
                ("rms_norm_eps", config.rms_norm_eps.to_string()),
                ("rope_parameters", format!("{:?}", config.rope)),
                ("max_position_embeddings", config.max_position_embeddings.to_string()),
                ("eos_token_id", format!("{:?}", config.eos_token_ids)),
            ]
        };
        let differs = |file: &str, key: &str, expected: String, found: String| RuntimeError::Key {
            path: dir.join(file),
            key: key.into(),
            expected: format!("{expected} as in the model that was loaded"),
            found,
        };
        let saved = ModelConfig::load(dir)?;
        for ((key, expected), (_, found)) in facts(&self.config).into_iter().zip(facts(&saved)) {
            if expected != found {
                return Err(differs("config.json", key, expected, found));
            }
        }
        let stops = |raw: Option<&Map<String, Value>>| {
            raw.and_then(|raw| raw.get("eos_token_id")).map_or("none".into(), Value::to_string)
        };
        let generation_config = GenerationConfig::load(dir, saved.vocab)?;
        let expected = stops(self.companions.generation_config.as_ref());
        let found = stops(generation_config.as_ref().map(GenerationConfig::raw));
        if expected != found { Err(differs("generation_config.json", "eos_token_id", expected, found)) } else { Ok(()) }
    }

    /// Name (with a prefix) and shape of every checkpoint tensor, with its parameter and offset.
    fn part_layout(&self, prefix: &str) -> Vec<(TensorLayout, usize, usize)> {
        let parameters = self.parameters.all.iter().enumerate();
        parameters
            .flat_map(|(i, parameter)| {
                let layout = move |name: &str| format!("{prefix}{name}");
                parameter.parts.iter().map(move |part| ((layout(&part.name), part.shape.clone()), i, part.offset))
            })
            .collect()
    }

    fn read_part(&self, out: &mut Vec<f32>, buffer: &B::Buffer, offset: usize, layout: &TensorLayout) {
        let mut host = vec![B::Real::default(); layout.1.iter().product()];
        self.backend.read(&mut host, buffer, offset);
        out.extend(host.into_iter().map(|x| x.to_f64() as f32));
    }
}

/// The update count in the optimizer's file `path`.
fn read_updates(moments: &Checkpoint, path: &Path) -> Result<u64, RuntimeError> {
    let halves = moments.tensor(UPDATES, &[2])?;
    let whole = |x: &f32| (0.0..16_777_216.0).contains(x) && x.trunc() == *x;
    if !halves.iter().all(whole) {
        let (path, key, expected) = (path.to_path_buf(), UPDATES.to_string(), "two whole numbers below 2^24".to_string());
        return Err(RuntimeError::Key { path, key, expected, found: format!("{halves:?}") });
    }
    Ok(((halves[0] as u64) << 24) | halves[1] as u64)
}

#[cfg(test)]
mod tests;
