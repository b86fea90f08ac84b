//! RMSNorm, with the residual add that precedes it (Zhang & Sennrich 2019, arXiv 1910.07467).
//!
//! Forward, per row of width d: `s = 1 / sqrt(mean(x²) + ε)`, `y = x · s · w`.
//! Backward: `dw += Σ_rows dy · x · s`; with `g = dy · w`: `dx = s · (g − x · s² · mean(g · x))`.
//! The mean is summed by 16 lanes walking the row in order, then the fixed tree of [`crate::cpu::simd::sum`].

pub(crate) mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
pub(crate) mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// Sizes of a norm.
#[derive(Clone, Copy, Debug)]
pub struct RmsNormShape {
    /// Rows normalized independently.
    pub rows: usize,
    /// Elements of a row.
    pub width: usize,
    /// ε under the root.
    pub epsilon: f64,
}

/// Root-mean-square norm with its residual add.
pub trait RmsNorm: Backend {
    /// `y` \[rows × width\] = norm of `x`, scaled by `weight` \[width\].
    fn rms_norm_forward(&self, y: &mut Self::Buffer, x: &Self::Buffer, weight: &Self::Buffer, shape: RmsNormShape);

    /// `h = x + delta`, then `y` = norm of `h`; one pass over memory. All \[rows × width\].
    fn add_rms_norm_forward(
        &self,
        h: &mut Self::Buffer,
        y: &mut Self::Buffer,
        x: &Self::Buffer,
        delta: &Self::Buffer,
        weight: &Self::Buffer,
        shape: RmsNormShape,
    );

    /// `dx` \[rows × width\] = `dresidual` + gradient of the norm at `x`; `dweight` \[width\] accumulates.
    ///
    /// `dresidual` is what reaches `x` around the norm (the residual stream), `dy` what reaches it through the norm.
    #[allow(clippy::too_many_arguments)]
    fn rms_norm_backward(
        &self,
        dx: &mut Self::Buffer,
        dweight: &mut Self::Buffer,
        dresidual: Option<&Self::Buffer>,
        dy: &Self::Buffer,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        shape: RmsNormShape,
    );
}
