//! Writes checkpoints in HF layout, one tensor at a time. That transformers opens them is checked by `cargo xtask conformance`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype as FileDtype, Metadata, TensorInfo};
use serde_json::{Map, Value, json};

use super::staging::{write_file, write_synced};
use super::{INDEX_FILE, SINGLE_FILE};
use crate::error::RuntimeError;
use crate::plain_file;

/// How many numbers are converted and written at a time.
const CHUNK: usize = 1 << 18;

/// The number type of saved weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dtype {
    /// Exact.
    #[default]
    F32,
    /// Rounded to nearest, ties to even; 8 bits of precision.
    Bf16,
    /// Rounded to nearest, ties to even; overflows above 65504.
    F16,
}

impl Dtype {
    /// The word in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::F16 => "float16",
        }
    }

    /// Bytes per number.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    fn in_file(self) -> FileDtype {
        match self {
            Self::F32 => FileDtype::F32,
            Self::Bf16 => FileDtype::BF16,
            Self::F16 => FileDtype::F16,
        }
    }
}

/// Name and shape of a tensor to be written.
pub type TensorLayout = (String, Vec<usize>);

/// What belongs into a checkpoint folder beside the weights.
#[derive(Debug, Clone, Default)]
pub struct SavedFiles<'a> {
    /// `config.json`, as [`crate::ModelConfig::raw`] has it; its number type is replaced by the one written.
    pub config: Option<&'a Map<String, Value>>,
    /// `generation_config.json`.
    pub generation_config: Option<&'a Map<String, Value>>,
    /// Files written unchanged, such as those of [`crate::Tokenizer::files`].
    pub copied: &'a [FileCopy],
}

/// A file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopy {
    name: OsString,
    bytes: Vec<u8>,
}

impl FileCopy {
    /// The file at `path`. Error: it cannot be read.
    pub fn read(path: &Path) -> Result<Self, RuntimeError> {
        let bytes = plain_file::read(path).map_err(|error| RuntimeError::reading(path, "to be copied", error))?;
        Ok(Self { name: path.file_name().unwrap_or_default().to_owned(), bytes })
    }
}

/// Writes a checkpoint in HF layout into an existing folder, every file synced.
///
/// `layout` names the tensors in the order of the model; `fetch(i, out)` appends the numbers of tensor `i` to the empty
/// `out`. Only one tensor is in memory at a time. Weights of more than `max_shard_bytes` are split in shards with an index.
/// Equal input gives equal bytes. Errors: disk full, unwritable, a number that is not finite in `dtype`.
///
/// Panics when `fetch` gives another number of elements than the shape has.
pub fn write_checkpoint(
    folder: &Path,
    files: &SavedFiles<'_>,
    layout: &[TensorLayout],
    dtype: Dtype,
    max_shard_bytes: usize,
    mut fetch: impl FnMut(usize, &mut Vec<f32>),
) -> Result<(), RuntimeError> {
    let shards = split(layout, dtype, max_shard_bytes);
    let count = shards.len();
    let mut weight_map = BTreeMap::new();
    for (number, shard) in shards.iter().enumerate() {
        let name = match count {
            1 => SINGLE_FILE.to_string(),
            _ => format!("model-{:05}-of-{count:05}.safetensors", number + 1),
        };
        write_tensors(&folder.join(&name), &layout[shard.clone()], dtype, |i, out| fetch(shard.start + i, out))?;
        weight_map.extend(layout[shard.clone()].iter().map(|(tensor, _)| (tensor, name.clone())));
    }
    if count > 1 {
        let total_size: usize = layout.iter().map(|tensor| bytes(tensor, dtype)).sum();
        let index = json!({"metadata": {"total_size": total_size}, "weight_map": weight_map});
        write_json(&folder.join(INDEX_FILE), &index)?;
    }
    if let Some(config) = files.config {
        write_json(&folder.join("config.json"), &Value::Object(with_dtype(config, dtype)))?;
    }
    if let Some(generation_config) = files.generation_config {
        write_json(&folder.join("generation_config.json"), &Value::Object(generation_config.clone()))?;
    }
    files.copied.iter().try_for_each(|copy| write_file(&folder.join(&copy.name), &copy.bytes))
}

/// Writes one synced safetensors file; `fetch` as in [`write_checkpoint`].
///
/// Tensors stand in the file by ascending name, as the safetensors library writes them.
pub fn write_tensors(
    path: &Path,
    layout: &[TensorLayout],
    dtype: Dtype,
    mut fetch: impl FnMut(usize, &mut Vec<f32>),
) -> Result<(), RuntimeError> {
    let mut order: Vec<usize> = (0..layout.len()).collect();
    order.sort_by(|&a, &b| layout[a].0.cmp(&layout[b].0));
    let header = header(path, layout, &order, dtype)?;
    let mut values = Vec::new();
    let mut bad = None;
    let written = write_synced(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for &i in &order {
            let (name, shape) = &layout[i];
            values.clear();
            fetch(i, &mut values);
            assert_eq!(values.len(), shape.iter().product::<usize>(), "write_tensors: elements of {name}");
            bad = write_numbers(file, &values, dtype)?.map(|(index, value)| (name.clone(), index, value));
            if bad.is_some() {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
        }
        Ok(())
    });
    match bad {
        Some((tensor, index, value)) => Err(RuntimeError::NonFiniteWeight { path: path.to_path_buf(), tensor, index, value }),
        None => written,
    }
}

/// Writes the numbers; position and value of the first that is not finite in `dtype`, if any.
fn write_numbers(file: &mut File, values: &[f32], dtype: Dtype) -> io::Result<Option<(usize, f32)>> {
    let mut bytes = Vec::with_capacity(CHUNK.min(values.len()) * dtype.size());
    for (i, chunk) in values.chunks(CHUNK).enumerate() {
        bytes.clear();
        let mut finite = true;
        for &x in chunk {
            let stored = match dtype {
                Dtype::F32 => {
                    bytes.extend_from_slice(&x.to_le_bytes());
                    x
                }
                Dtype::Bf16 => {
                    let x = bf16::from_f32(x);
                    bytes.extend_from_slice(&x.to_le_bytes());
                    x.to_f32()
                }
                Dtype::F16 => {
                    let x = f16::from_f32(x);
                    bytes.extend_from_slice(&x.to_le_bytes());
                    x.to_f32()
                }
            };
            if !stored.is_finite() {
                finite = false;
                break;
            }
        }
        if !finite {
            let at = bytes.len() / dtype.size() - 1;
            return Ok(Some((i * CHUNK + at, chunk[at])));
        }
        file.write_all(&bytes)?;
    }
    Ok(None)
}

/// The JSON header, padded so that the numbers start at a multiple of 8 bytes.
fn header(path: &Path, layout: &[TensorLayout], order: &[usize], dtype: Dtype) -> Result<Vec<u8>, RuntimeError> {
    let mut end = 0;
    let place = |&i: &usize| {
        let (name, shape) = &layout[i];
        let start = end;
        end += bytes(&layout[i], dtype);
        (name.clone(), TensorInfo { dtype: dtype.in_file(), shape: shape.clone(), data_offsets: (start, end) })
    };
    let tensors = order.iter().map(place).collect();
    let format = [("format".to_string(), "pt".to_string())];
    let damaged = |reason: String| RuntimeError::DamagedHeader { path: path.to_path_buf(), reason };
    let metadata = Metadata::new(Some(format.into()), tensors).map_err(|error| damaged(error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| damaged(error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// Consecutive ranges of tensors, each of at most `max_shard_bytes` or of a single tensor.
fn split(layout: &[TensorLayout], dtype: Dtype, max_shard_bytes: usize) -> Vec<std::ops::Range<usize>> {
    let mut shards = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (i, tensor) in layout.iter().enumerate() {
        let more = bytes(tensor, dtype);
        if i > start && size + more > max_shard_bytes {
            shards.push(start..i);
            (start, size) = (i, 0);
        }
        size += more;
    }
    shards.push(start..layout.len());
    shards
}

fn bytes((_, shape): &TensorLayout, dtype: Dtype) -> usize {
    shape.iter().product::<usize>() * dtype.size()
}

/// The config with the number type that was written, under the spelling that the file uses.
fn with_dtype(config: &Map<String, Value>, dtype: Dtype) -> Map<String, Value> {
    let mut config = config.clone();
    let old_spelling = config.contains_key("torch_dtype") || !config.contains_key("dtype");
    for (key, present) in [("torch_dtype", old_spelling), ("dtype", config.contains_key("dtype"))] {
        if present {
            config.insert(key.to_string(), Value::String(dtype.name().to_string()));
        }
    }
    config
}

fn write_json(path: &Path, value: &Value) -> Result<(), RuntimeError> {
    write_file(path, format!("{value:#}\n").as_bytes())
}
