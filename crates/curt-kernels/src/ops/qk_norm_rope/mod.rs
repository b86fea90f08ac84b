//! Queries and keys between their projection and attention: optional RMSNorm per head (Qwen3), then rotary positions.
//!
//! Input rows are `[q heads | k heads | v heads]`, as the fused projection writes them. Per head of width d, with
//! `c, s` = cosine and sine of the row's position and `x₁, x₂` the two halves of the (normed) head:
//! `y₁ = x₁·c − x₂·s`, `y₂ = x₂·c + x₁·s` (the half-split form of HF checkpoints). YaRN's factor is inside the tables.
//! Backward: the inverse rotation, then the norm's backward. The v part is passed through.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// Sizes of the fused projection's rows.
#[derive(Clone, Copy, Debug)]
pub struct QkShape {
    /// Rows (tokens).
    pub rows: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head; even.
    pub head_dim: usize,
    /// ε of the head norms.
    pub epsilon: f64,
}

impl QkShape {
    /// Width of a fused row: `(heads + 2 · kv_heads) · head_dim`.
    pub fn fused_width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }
}

/// What a row needs besides itself: head-norm weights (or none) and the rotary tables.
#[derive(Debug)]
pub struct QkParams<'a, B: Backend> {
    /// Weight \[head_dim\] of the query norm and of the key norm; `None` for families without them.
    pub norms: Option<(&'a B::Buffer, &'a B::Buffer)>,
    /// Cosines \[positions × head_dim / 2\].
    pub cos: &'a B::Buffer,
    /// Sines \[positions × head_dim / 2\].
    pub sin: &'a B::Buffer,
    /// Position of each row, an index into the tables.
    pub positions: &'a B::Ids,
}

/// Head norm and rotary positions.
pub trait QkNormRope: Backend {
    /// `q` \[rows × heads · head_dim\] and `k` \[rows × kv_heads · head_dim\] from the fused rows `qkv`.
    fn qk_norm_rope_forward(
        &self,
        q: &mut Self::Buffer,
        k: &mut Self::Buffer,
        qkv: &Self::Buffer,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    );

    /// `dqkv` \[rows × fused\] from `dq`, `dk`, `dv`; the norms' gradients `dnorms` (query, key) accumulate.
    ///
    /// `dnorms` is `Some` exactly when `params.norms` is.
    #[allow(clippy::too_many_arguments)]
    fn qk_norm_rope_backward(
        &self,
        dqkv: &mut Self::Buffer,
        dnorms: Option<(&mut Self::Buffer, &mut Self::Buffer)>,
        dq: &Self::Buffer,
        dk: &Self::Buffer,
        dv: &Self::Buffer,
        qkv: &Self::Buffer,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    );
}
