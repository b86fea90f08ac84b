//! The forward pass: the one that prompts, decode steps, scoring and training share.

use curt_kernels::Ops;
use curt_kernels::ops::attention::{AttentionShape, KvPages};
use curt_kernels::ops::linear::LinearShape;
use curt_kernels::ops::qk_norm_rope::{QkParams, QkShape};
use curt_kernels::ops::rms_norm::RmsNormShape;

use super::activations::Activations;
use super::batch::RowBatch;
use super::parameters::Parameters;
use super::rope_tables::RopeTables;
use crate::config::ModelConfig;

/// What every layer reads and none changes.
pub(crate) struct Network<'a, B: Ops> {
    pub backend: &'a B,
    pub config: &'a ModelConfig,
    pub parameters: &'a Parameters<B>,
    pub rope: &'a RopeTables<B>,
}

/// Where a pass puts keys and values.
pub(crate) enum Pages<'a, B: Ops> {
    /// A cache with pages of its own per layer, which outlives the pass.
    Cache(&'a mut [KvPages<B>]),
    /// One set of pages that every layer overwrites.
    Scratch(&'a mut KvPages<B>),
}

impl<B: Ops> Pages<'_, B> {
    pub fn layer(&mut self, l: usize) -> &mut KvPages<B> {
        match self {
            Pages::Cache(layers) => &mut layers[l],
            Pages::Scratch(pages) => pages,
        }
    }
}

impl<B: Ops> Network<'_, B> {
    /// Runs all layers; leaves the final norm's output in `acts.y`.
    pub fn forward(&self, acts: &mut Activations<B>, pages: &mut Pages<'_, B>, batch: &RowBatch<B>) {
        self.backend.inside(|| self.all_layers_forward(acts, pages, batch));
    }

    fn all_layers_forward(&self, acts: &mut Activations<B>, pages: &mut Pages<'_, B>, batch: &RowBatch<B>) {
        let (rows, d) = (batch.rows, self.config.hidden);
        let norm = self.norm_shape(rows);
        let embedding = self.parameters.value(self.parameters.embedding);
        self.backend.embedding_forward(&mut acts.h[0], embedding, &batch.ids, rows, d);
        for l in 0..self.config.layers {
            let weight = self.parameters.value(self.parameters.layers[l].input_norm);
            let input = acts.input_slot(l);
            if l == 0 {
                self.backend.rms_norm_forward(&mut acts.y, &acts.h[0], weight, norm);
            } else {
                let before = acts.slot(l - 1);
                let (h, y) = (&mut acts.h[input], &mut acts.y);
                self.backend.add_rms_norm_forward(h, y, &acts.h_mid[before], &acts.delta, weight, norm);
            }
            self.layer_forward(l, acts, pages.layer(l), batch);
            self.feed_forward_out(l, acts, rows);
        }
        let last = acts.slot(self.config.layers - 1);
        let weight = self.parameters.value(self.parameters.final_norm);
        self.backend.add_rms_norm_forward(&mut acts.h_last, &mut acts.y, &acts.h_mid[last], &acts.delta, weight, norm);
    }

    /// From the input norm's output in `acts.y` to the fused gate and up projections.
    pub fn layer_forward(&self, l: usize, acts: &mut Activations<B>, pages: &mut KvPages<B>, batch: &RowBatch<B>) {
        let (rows, slot, input) = (batch.rows, acts.slot(l), acts.input_slot(l));
        let index = self.parameters.layers[l];
        self.project(&mut acts.qkv[slot], &acts.y, index.qkv, index.qkv_bias, rows);
        self.store_keys(l, slot, acts, pages, batch);
        let shape = self.attention_shape();
        let (out, lse) = (&mut acts.attention[slot], &mut acts.lse[slot]);
        self.backend.attention_forward(out, lse, &acts.q, pages, &batch.sequences, shape);
        self.project(&mut acts.delta, &acts.attention[slot], index.o, index.o_bias, rows);
        let weight = self.parameters.value(index.post_norm);
        let norm = self.norm_shape(rows);
        self.backend.add_rms_norm_forward(&mut acts.h_mid[slot], &mut acts.y, &acts.h[input], &acts.delta, weight, norm);
        self.project(&mut acts.gate_up[slot], &acts.y, index.gate_up, None, rows);
    }

    /// Queries and keys of the fused projections in `acts.qkv[slot]`; keys and values go to their pages.
    pub fn store_keys(&self, l: usize, slot: usize, acts: &mut Activations<B>, pages: &mut KvPages<B>, batch: &RowBatch<B>) {
        let params = self.qk_params(l, batch);
        let qkv = &acts.qkv[slot];
        self.backend.qk_norm_rope_forward(&mut acts.q, &mut acts.k, qkv, &params, self.qk_shape(batch.rows));
        self.backend.attention_store(pages, &acts.k, qkv, &batch.slots, batch.rows, self.attention_shape());
    }

    /// SwiGLU and the down projection: what the feed-forward block adds to the residual stream, into `acts.delta`.
    fn feed_forward_out(&self, l: usize, acts: &mut Activations<B>, rows: usize) {
        let slot = acts.slot(l);
        self.backend.swiglu_forward(&mut acts.act, &acts.gate_up[slot], rows, self.config.intermediate);
        self.project(&mut acts.delta, &acts.act, self.parameters.layers[l].down, None, rows);
    }

    fn project(&self, y: &mut B::Buffer, x: &B::Buffer, weight: usize, bias: Option<usize>, rows: usize) {
        let bias = bias.map(|b| self.parameters.value(b));
        self.backend.linear_forward(y, x, self.parameters.packed(weight), bias, self.linear_shape(weight, rows));
    }

    pub fn linear_shape(&self, weight: usize, rows: usize) -> LinearShape {
        let parameter = &self.parameters.all[weight];
        LinearShape { rows, n: parameter.rows, k: parameter.columns }
    }

    pub fn norm_shape(&self, rows: usize) -> RmsNormShape {
        RmsNormShape { rows, width: self.config.hidden, epsilon: self.config.rms_norm_eps }
    }

    pub fn qk_shape(&self, rows: usize) -> QkShape {
        QkShape {
            rows,
            heads: self.config.heads,
            kv_heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
            epsilon: self.config.rms_norm_eps,
        }
    }

    pub fn attention_shape(&self) -> AttentionShape {
        AttentionShape {
            heads: self.config.heads,
            kv_heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
            scale: 1.0 / (self.config.head_dim as f64).sqrt(),
        }
    }

    pub fn qk_params<'b>(&'b self, l: usize, batch: &'b RowBatch<B>) -> QkParams<'b, B> {
        let norms = self.parameters.layers[l].head_norms;
        QkParams {
            norms: norms.map(|(q, k)| (self.parameters.value(q), self.parameters.value(k))),
            cos: &self.rope.cos,
            sin: &self.rope.sin,
            positions: &batch.positions,
        }
    }
}
