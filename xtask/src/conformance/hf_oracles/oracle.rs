//! What transformers says of a checkpoint.

use std::path::Path;

use anyhow::{Context, Result};
use curt_runtime::Sequence;

use crate::conformance::tensor_file::{Tensor, TensorFile};

/// The tensors of an `oracle.safetensors` whose rows are cut to their true length.
pub struct Oracle {
    pub file: TensorFile,
    /// Token ids.
    pub rows: Vec<Vec<u32>>,
}

impl Oracle {
    /// The oracle in the folder of its checkpoint.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = TensorFile::read(&folder.join("oracle.safetensors"))?;
        let (ids, mask) = (file.tensor("input_ids")?, file.tensor("attention_mask")?);
        let width = *ids.shape.last().context("input_ids has no shape")?;
        let row =
            |(ids, mask): (&[f64], &[f64])| ids.iter().zip(mask).filter(|(_, m)| **m == 1.0).map(|(&id, _)| id as u32).collect();
        let rows = ids.values.chunks(width).zip(mask.values.chunks(width)).map(row).collect();
        Ok(Oracle { file, rows })
    }

    /// The rows as sequences of which all but the first token is scored.
    pub fn sequences(&self) -> Vec<Sequence<'_>> {
        self.rows.iter().map(|tokens| Sequence { tokens, prompt_length: 1 }).collect()
    }

    /// The entries of a tensor `[rows, positions, …]` that belong to tokens: `length − less` positions of each row.
    pub fn of_tokens(&self, name: &str, less: usize) -> Result<Vec<Vec<f64>>> {
        let Tensor { shape, values } = self.file.tensor(name)?;
        let (row, position) = (shape[1..].iter().product::<usize>(), shape[2..].iter().product::<usize>());
        let cut = values.chunks(row).zip(&self.rows).map(|(values, ids)| values[..(ids.len() - less) * position].to_vec());
        Ok(cut.collect())
    }

    /// The greedy continuation of each row.
    pub fn greedy(&self) -> Result<Vec<Vec<f64>>> {
        let Tensor { shape, values } = self.file.tensor("greedy")?;
        let n_new = *shape.last().context("greedy has no shape")?;
        Ok(values.chunks(n_new).map(<[f64]>::to_vec).collect())
    }
}
