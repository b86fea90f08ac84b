//! Matrix product with a weight, and its bias: `y = x · Wᵀ + b`.
//!
//! `W` is \[n × k\] row-major as in checkpoints. The forward reads it re-packed in panels of 64 output columns, made once
//! per update: an outer-product tile keeps each output element in its own lane and walks k in order with fused
//! multiply-add, then adds the bias. So its bits depend on its row and the weights alone, at any number of rows.
//! Backward: `dx = dy · W`, `dW += dyᵀ · x`, `db += Σ_rows dy`; deterministic, but free to block k.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
pub(crate) mod panels;
mod plain;
pub(crate) mod product;
#[cfg(test)]
pub(crate) mod tests;
mod tile;

use crate::Backend;

/// Sizes of a product.
#[derive(Clone, Copy, Debug)]
pub struct LinearShape {
    /// Rows of `x` and `y`.
    pub rows: usize,
    /// Columns of `y`: output features.
    pub n: usize,
    /// Columns of `x`: input features.
    pub k: usize,
}

/// Products with a weight matrix.
pub trait Linear: Backend {
    /// A weight prepared for [`Linear::linear_forward`].
    type Packed: Send + Sync + std::fmt::Debug;

    /// Room for a packed weight of `n × k`.
    fn packed(&self, n: usize, k: usize) -> Result<Self::Packed, crate::DeviceError>;

    /// Packs `weight` \[n × k\] row-major into `packed`; once per update.
    fn pack(&self, packed: &mut Self::Packed, weight: &Self::Buffer);

    /// `y` \[rows × n\] = `x` \[rows × k\] · `weight`ᵀ + `bias` \[n\].
    fn linear_forward(
        &self,
        y: &mut Self::Buffer,
        x: &Self::Buffer,
        weight: &Self::Packed,
        bias: Option<&Self::Buffer>,
        shape: LinearShape,
    );

    /// `dx` \[rows × k\] = `dy` \[rows × n\] · `weight` \[n × k\] row-major.
    fn linear_backward_input(&self, dx: &mut Self::Buffer, dy: &Self::Buffer, weight: &Self::Buffer, shape: LinearShape);

    /// `dweight` \[n × k\] += `dy`ᵀ · `x`; `dbias` \[n\] += column sums of `dy`.
    fn linear_backward_weight(
        &self,
        dweight: &mut Self::Buffer,
        dbias: Option<&mut Self::Buffer>,
        dy: &Self::Buffer,
        x: &Self::Buffer,
        shape: LinearShape,
    );
}
