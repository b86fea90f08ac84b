//! Small safetensors files of references, read whole; every number becomes an f64, which holds f32 and small ids exactly.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use safetensors::{Dtype, SafeTensors};

/// The bytes of a file, and its path for errors.
pub struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Row-major values.
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl TensorFile {
    /// The file's bytes; its header is read with each tensor.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        Ok(TensorFile { path: path.to_path_buf(), bytes })
    }

    /// The tensor of this name, f32 or i64.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let context = || format!("{}: tensor `{name}`", self.path.display());
        let file = SafeTensors::deserialize(&self.bytes).with_context(context)?;
        let view = file.tensor(name).with_context(context)?;
        let values = match view.dtype() {
            Dtype::F32 => view.data().as_chunks::<4>().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
            Dtype::I64 => view.data().as_chunks::<8>().0.iter().map(|&b| i64::from_le_bytes(b) as f64).collect(),
            other => bail!("{}: dtype {other:?}, expected F32 or I64", context()),
        };
        Ok(Tensor { shape: view.shape().to_vec(), values })
    }
}
