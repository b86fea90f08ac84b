//! SwiGLU (Shazeer 2020, arXiv 2002.05202): `out = silu(gate) · up`, `silu(x) = x · σ(x)`.
//!
//! Rows are `[gate | up]`, as the fused projection writes them.
//! Backward: `dup = dout · silu(g)`, `dgate = dout · up · σ(g) · (1 + g · (1 − σ(g)))`.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// The gated activation of the feed-forward block.
pub trait Swiglu: Backend {
    /// `out` \[rows × width\] from `gate_up` \[rows × 2 · width\].
    fn swiglu_forward(&self, out: &mut Self::Buffer, gate_up: &Self::Buffer, rows: usize, width: usize);

    /// `dgate_up` \[rows × 2 · width\] from `dout` \[rows × width\].
    fn swiglu_backward(
        &self,
        dgate_up: &mut Self::Buffer,
        dout: &Self::Buffer,
        gate_up: &Self::Buffer,
        rows: usize,
        width: usize,
    );
}
