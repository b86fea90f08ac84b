//! Token embedding: a row of the table per id.
//!
//! Forward: `out[i] = table[ids[i]]`. Backward: `dtable[ids[i]] += dout[i]`, in the order of `i`.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// The embedding of token ids.
pub trait Embedding: Backend {
    /// `out` \[rows × width\] = rows of `table` \[vocabulary × width\] named by `ids` \[rows\].
    fn embedding_forward(&self, out: &mut Self::Buffer, table: &Self::Buffer, ids: &Self::Ids, rows: usize, width: usize);

    /// `dtable` \[vocabulary × width\] += `dout` \[rows × width\] at the rows named by `ids`; accumulates in row order.
    fn embedding_backward(&self, dtable: &mut Self::Buffer, dout: &Self::Buffer, ids: &Self::Ids, rows: usize, width: usize);
}
