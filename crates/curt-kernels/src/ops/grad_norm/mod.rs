//! Sum of squares of a tensor, the building block of the global gradient norm and of weight fingerprints.
//!
//! Blocks of [`BLOCK`] elements are summed in f64, then added in order: no thread count changes a bit.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// Elements summed by one task.
pub const BLOCK: usize = 16_384;

/// Sums over a whole tensor.
pub trait GradNorm: Backend {
    /// `Σ x²` over the first `len` elements, in f64; NaN or infinite if any element is.
    fn sum_of_squares(&self, x: &Self::Buffer, len: usize) -> f64;
}
