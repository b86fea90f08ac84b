//! Reads safetensors by header and positioned reads, so that no file is ever in memory twice, or mapped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::Value;

use super::{INDEX_FILE, SINGLE_FILE};
use crate::config::{Fields, MAX_CONFIG_BYTES, read_object};
use crate::error::RuntimeError;
use crate::plain_file;

/// The limit of the safetensors format.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// How many bytes of a tensor are converted at a time; a multiple of every element size.
const CHUNK_BYTES: usize = 1 << 20;
/// How many tensors without a use are named.
const NAMED: usize = 3;

/// The weights of a checkpoint folder: names, shapes and places; numbers are read when asked for.
#[derive(Debug)]
pub struct Checkpoint {
    /// Named in errors about tensors that are nowhere: the weight file or the index.
    root: PathBuf,
    tensors: BTreeMap<String, Entry>,
}

/// Where a tensor is.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    info: TensorInfo,
    /// Position in the file of the tensor's first byte.
    start: u64,
}

impl Checkpoint {
    /// The weights of a folder with `model.safetensors`, or with `model.safetensors.index.json` and its shards.
    ///
    /// Headers are read and checked against file lengths, so a missing shard or a truncated file is found here.
    pub fn open(folder: &Path) -> Result<Self, RuntimeError> {
        let index = folder.join(INDEX_FILE);
        if folder.join(SINGLE_FILE).exists() || !index.exists() {
            return Self::open_file(&folder.join(SINGLE_FILE));
        }
        let weight_map = read_weight_map(&index)?;
        let shards: BTreeMap<&str, &str> = weight_map.iter().rev().map(|(tensor, shard)| (&shard[..], &tensor[..])).collect();
        let mut found = BTreeMap::new();
        for (shard, tensor) in shards {
            let path = folder.join(shard);
            // a shard must be a file of the folder, not a path that leads elsewhere
            if Path::new(shard).components().count() != 1 || !path.is_file() {
                return Err(RuntimeError::MissingShard { index, shard: shard.to_string(), tensor: tensor.to_string() });
            }
            found.insert(shard, read_header(&path)?);
        }
        let mut tensors = BTreeMap::new();
        for (tensor, shard) in &weight_map {
            let entry = found.get_mut(&shard[..]).and_then(|entries| entries.remove(tensor));
            let missing = || RuntimeError::MissingTensor { path: folder.join(shard), tensor: tensor.clone() };
            tensors.insert(tensor.clone(), entry.ok_or_else(missing)?);
        }
        Ok(Self { root: index, tensors })
    }

    /// The tensors of one safetensors file.
    pub fn open_file(path: &Path) -> Result<Self, RuntimeError> {
        Ok(Self { root: path.to_path_buf(), tensors: read_header(path)? })
    }

    /// The names of all tensors, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor, if there is one of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| &entry.info.shape[..])
    }

    /// Whether [`Checkpoint::tensor`] would read the tensor, as far as its header says: its numbers are not looked at.
    ///
    /// Errors: missing, other shape, other number type.
    pub fn check(&self, name: &str, shape: &[usize]) -> Result<(), RuntimeError> {
        self.entry(name, shape).map(|_| ())
    }

    /// The whole tensor as f32, row-major. Errors: missing, other shape, other number type, truncated, not finite, no memory.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, RuntimeError> {
        // the shape is checked against the file before memory is asked for
        self.entry(name, shape)?;
        let elements = shape.iter().product();
        let mut values = Vec::new();
        reserve(&mut values, name, elements)?;
        values.resize(elements, 0.0);
        self.read_into(&mut values, name, shape)?;
        Ok(values)
    }

    /// Fills `out` with the whole tensor; errors as [`Checkpoint::tensor`]. `out` has as many elements as the shape.
    pub fn read_into(&self, out: &mut [f32], name: &str, shape: &[usize]) -> Result<(), RuntimeError> {
        self.read_elements(out, name, shape, 0)
    }

    /// Fills `out` with some rows of a tensor of shape `[rows, …]`; errors as [`Checkpoint::tensor`].
    ///
    /// Panics when the range is not within the rows or `out` has another size: that is the caller's mistake.
    pub fn read_rows(&self, out: &mut [f32], name: &str, shape: &[usize], rows: Range<usize>) -> Result<(), RuntimeError> {
        assert!(rows.end <= shape[0], "read_rows: row {} of {}", rows.end, shape[0]);
        let width: usize = shape[1..].iter().product();
        assert_eq!(out.len(), rows.len() * width, "read_rows: out");
        self.read_elements(out, name, shape, rows.start * width)
    }

    /// The tensors that are in the folder and not among `expected`, in ascending order; logged as one warning if any.
    ///
    /// A tied `lm_head.weight` and the rotary `inv_freq` buffers of old checkpoints are known to be redundant.
    pub fn unexpected<'a>(&self, expected: impl IntoIterator<Item = &'a str>) -> Vec<&str> {
        let expected: BTreeSet<&str> = expected.into_iter().collect();
        let redundant = |name: &str| name == "lm_head.weight" || name.ends_with(".rotary_emb.inv_freq");
        let extra: Vec<&str> = self.names().filter(|name| !expected.contains(name) && !redundant(name)).collect();
        if !extra.is_empty() {
            let named: Vec<String> = extra.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let (names, more) = (named.join(", "), if extra.len() > NAMED { ", …" } else { "" });
            let path = self.root.display();
            tracing::warn!("{path}: {} tensors are not used by this architecture: {names}{more}", extra.len());
        }
        extra
    }

    /// The place of a tensor whose shape and number type are as expected.
    fn entry(&self, name: &str, shape: &[usize]) -> Result<&Entry, RuntimeError> {
        let tensor = || name.to_string();
        let missing = || RuntimeError::MissingTensor { path: self.root.clone(), tensor: tensor() };
        let entry = self.tensors.get(name).ok_or_else(missing)?;
        let path = entry.path.clone();
        if entry.info.shape != shape {
            let found = entry.info.shape.clone();
            return Err(RuntimeError::WrongShape { path, tensor: tensor(), expected: shape.to_vec(), found });
        }
        match entry.info.dtype {
            Dtype::F32 | Dtype::BF16 | Dtype::F16 => Ok(entry),
            other => Err(RuntimeError::WrongDtype { path, tensor: tensor(), found: other.to_string() }),
        }
    }

    /// Fills `out` with the elements from `first` on.
    fn read_elements(&self, out: &mut [f32], name: &str, shape: &[usize], first: usize) -> Result<(), RuntimeError> {
        let entry = self.entry(name, shape)?;
        let elements: usize = shape.iter().product();
        assert!(first + out.len() <= elements, "read_elements: out");
        let size = entry.info.dtype.bitsize() / 8;
        let failed = |source: std::io::Error| match source.kind() {
            // it was long enough when it was opened
            std::io::ErrorKind::UnexpectedEof => RuntimeError::TruncatedFile {
                path: entry.path.clone(),
                expected: entry.start + (elements * size) as u64,
                found: std::fs::metadata(&entry.path).map_or(0, |metadata| metadata.len()),
            },
            _ => RuntimeError::reading(&entry.path, "weights", source),
        };
        let mut file = plain_file::open(&entry.path).map_err(failed)?;
        file.seek(SeekFrom::Start(entry.start + (first * size) as u64)).map_err(failed)?;
        let mut bytes = vec![0; CHUNK_BYTES.min(out.len() * size)];
        for (i, chunk) in out.chunks_mut(CHUNK_BYTES / size).enumerate() {
            let bytes = &mut bytes[..chunk.len() * size];
            file.read_exact(bytes).map_err(failed)?;
            convert(chunk, bytes, entry.info.dtype);
            if let Some(bad) = chunk.iter().position(|x| !x.is_finite()) {
                return Err(RuntimeError::NonFiniteWeight {
                    path: entry.path.clone(),
                    tensor: name.to_string(),
                    index: first + i * (CHUNK_BYTES / size) + bad,
                    value: chunk[bad],
                });
            }
        }
        Ok(())
    }
}

/// Makes room for `more` numbers of the tensor `name`, or says that there is none: a failed allocation would end the process.
pub(crate) fn reserve<T>(numbers: &mut Vec<T>, name: &str, more: usize) -> Result<(), RuntimeError> {
    numbers.try_reserve_exact(more).map_err(|_| RuntimeError::OutOfMemory {
        tensor: name.to_string(),
        bytes: numbers.len().saturating_add(more).saturating_mul(size_of::<T>()),
    })
}

/// Little-endian numbers of the given type as f32; all three conversions are exact.
fn convert(out: &mut [f32], bytes: &[u8], dtype: Dtype) {
    if dtype == Dtype::F32 {
        for (x, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *x = f32::from_le_bytes(*bytes);
        }
        return;
    }
    for (x, bytes) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *x = if dtype == Dtype::BF16 { bf16::from_le_bytes(*bytes).to_f32() } else { f16::from_le_bytes(*bytes).to_f32() };
    }
}

/// Tensor name → shard file, from the index.
fn read_weight_map(index: &Path) -> Result<BTreeMap<String, String>, RuntimeError> {
    let object = read_object(index, "the index of the shards", MAX_CONFIG_BYTES)?;
    let wrong = |expected| Fields::new(index, &object).wrong("weight_map", expected);
    let Some(Value::Object(map)) = object.get("weight_map") else {
        return Err(wrong("an object from tensor to shard"));
    };
    let shard = |value: &Value| value.as_str().map(str::to_string).ok_or_else(|| wrong("file names as values"));
    map.iter().map(|(tensor, value)| Ok((tensor.clone(), shard(value)?))).collect()
}

/// The tensors of one file; the header and the length of the file are checked.
fn read_header(path: &Path) -> Result<BTreeMap<String, Entry>, RuntimeError> {
    let failed = |source| RuntimeError::reading(path, "weights", source);
    let damaged = |reason: String| RuntimeError::DamagedHeader { path: path.to_path_buf(), reason };
    let truncated = |expected, found| RuntimeError::TruncatedFile { path: path.to_path_buf(), expected, found };
    let mut file = plain_file::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?.len();
    if found < 8 {
        return Err(truncated(8, found));
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(failed)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(damaged(format!("its length is given as {length} bytes, the format allows {MAX_HEADER_BYTES}")));
    }
    if found < 8 + length {
        return Err(truncated(8 + length, found));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(failed)?;
    // parsing also checks that the tensors follow each other without gap and that sizes match shapes
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| damaged(error.to_string()))?;
    let expected = 8 + length + metadata.data_len() as u64;
    if found < expected {
        return Err(truncated(expected, found));
    }
    if found > expected {
        return Err(damaged(format!("it describes {expected} bytes, the file has {found}")));
    }
    let entry = |name: &str| {
        let info = metadata.info(name)?.clone();
        let start = 8 + length + info.data_offsets.0 as u64;
        Some((name.to_string(), Entry { path: path.to_path_buf(), info, start }))
    };
    Ok(metadata.offset_keys().iter().filter_map(|name| entry(name)).collect())
}

#[cfg(test)]
mod tests;
