//! Buffers that a pass writes to, sized once for the largest batch and kept: first-touch memory is dear.

use curt_kernels::ops::attention::{KvPages, PAGE};
use curt_kernels::ops::lm_head::HeadFacts;
use curt_kernels::{DeviceError, Ops};

use crate::config::ModelConfig;

/// What a forward pass keeps of each layer for a backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: generation and scoring.
    Nothing,
    /// Only the layer's input; the backward pass runs the layer's forward again (activation recomputation).
    Inputs,
    /// Everything that is dear to recompute.
    All,
}

/// Buffers of a forward pass. A field with one entry per layer has a single entry when it is not kept.
#[derive(Debug)]
pub(crate) struct Activations<B: Ops> {
    pub keep: Keep,
    pub capacity: usize,
    /// Residual stream at each layer's input \[rows × d\].
    pub h: Vec<B::Buffer>,
    /// Fused projections before head norm and rotation.
    pub qkv: Vec<B::Buffer>,
    /// Attention output \[rows × heads · head_dim\].
    pub attention: Vec<B::Buffer>,
    /// Log-sum-exp of the attention scores \[rows × heads\].
    pub lse: Vec<B::Buffer>,
    /// Residual stream between attention and feed-forward \[rows × d\].
    pub h_mid: Vec<B::Buffer>,
    /// Fused gate and up projections \[rows × 2 · ff\].
    pub gate_up: Vec<B::Buffer>,
    /// Residual stream after the last layer.
    pub h_last: B::Buffer,
    /// Output of a norm \[rows × d\]; after the pass, of the final norm.
    pub y: B::Buffer,
    /// Rotated queries and keys.
    pub q: B::Buffer,
    pub k: B::Buffer,
    /// What a block adds to the residual stream \[rows × d\].
    pub delta: B::Buffer,
    /// Output of SwiGLU \[rows × ff\].
    pub act: B::Buffer,
}

impl<B: Ops> Activations<B> {
    pub fn new(backend: &B, config: &ModelConfig, capacity: usize, keep: Keep) -> Result<Self, DeviceError> {
        let (d, ff, layers) = (config.hidden, config.intermediate, config.layers);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let many = |kept: bool, width: usize| -> Result<Vec<B::Buffer>, DeviceError> {
            (0..if kept { layers } else { 1 }).map(|_| backend.zeros(capacity * width)).collect()
        };
        let (inputs, all) = (keep != Keep::Nothing, keep == Keep::All);
        Ok(Self {
            keep,
            capacity,
            h: many(inputs, d)?,
            qkv: many(all, q + 2 * kv)?,
            attention: many(all, q)?,
            lse: many(all, config.heads)?,
            h_mid: many(all, d)?,
            gate_up: many(all, 2 * ff)?,
            h_last: backend.zeros(capacity * d)?,
            y: backend.zeros(capacity * d)?,
            q: backend.zeros(capacity * q)?,
            k: backend.zeros(capacity * kv)?,
            delta: backend.zeros(capacity * d)?,
            act: backend.zeros(capacity * ff)?,
        })
    }

    /// Index of layer `l` in a field that is kept only by [`Keep::All`].
    pub fn slot(&self, l: usize) -> usize {
        if self.keep == Keep::All { l } else { 0 }
    }

    /// Index of layer `l` in `h`.
    pub fn input_slot(&self, l: usize) -> usize {
        if self.keep == Keep::Nothing { 0 } else { l }
    }
}

/// Buffers of a backward pass.
#[derive(Debug)]
pub(crate) struct BackwardBuffers<B: Ops> {
    /// Gradient of the residual stream after and before the block at hand.
    pub dh: B::Buffer,
    pub dh_next: B::Buffer,
    /// Gradient of a norm's output.
    pub dy: B::Buffer,
    pub dact: B::Buffer,
    pub dgate_up: B::Buffer,
    pub dattention: B::Buffer,
    pub dq: B::Buffer,
    pub dk: B::Buffer,
    pub dv: B::Buffer,
    pub dqkv: B::Buffer,
}

impl<B: Ops> BackwardBuffers<B> {
    pub fn new(backend: &B, config: &ModelConfig, capacity: usize) -> Result<Self, DeviceError> {
        let (d, ff) = (config.hidden, config.intermediate);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let rows = |width: usize| backend.zeros(capacity * width);
        Ok(Self {
            dh: rows(d)?,
            dh_next: rows(d)?,
            dy: rows(d)?,
            dact: rows(ff)?,
            dgate_up: rows(2 * ff)?,
            dattention: rows(q)?,
            dq: rows(q)?,
            dk: rows(kv)?,
            dv: rows(kv)?,
            dqkv: rows(q + 2 * kv)?,
        })
    }
}

/// Buffers around the head: the rows that are scored, and their facts.
#[derive(Debug)]
pub(crate) struct HeadBuffers<B: Ops> {
    pub capacity: usize,
    /// Scored rows of the final norm's output \[rows × d\], and their gradient.
    pub x: B::Buffer,
    pub dx: B::Buffer,
    pub facts: HeadFacts<B>,
    pub d_logprob: B::Buffer,
    pub d_entropy: B::Buffer,
}

impl<B: Ops> HeadBuffers<B> {
    pub fn new(backend: &B, config: &ModelConfig, capacity: usize) -> Result<Self, DeviceError> {
        Ok(Self {
            capacity,
            x: backend.zeros(capacity * config.hidden)?,
            dx: backend.zeros(capacity * config.hidden)?,
            facts: HeadFacts::zeros(backend, capacity)?,
            d_logprob: backend.zeros(capacity)?,
            d_entropy: backend.zeros(capacity)?,
        })
    }
}

/// Pages for `count` pages of one layer.
pub(crate) fn kv_pages<B: Ops>(backend: &B, config: &ModelConfig, count: usize) -> Result<KvPages<B>, DeviceError> {
    let len = count * config.kv_heads * config.head_dim * PAGE;
    Ok(KvPages { k: backend.zeros(len)?, v: backend.zeros(len)? })
}
