//! The backward pass: from the gradient of the final norm's output to the gradient of every parameter.

use curt_kernels::Ops;
use curt_kernels::ops::attention::KvPages;

use super::activations::{Activations, BackwardBuffers, Keep};
use super::batch::RowBatch;
use super::forward::Network;

impl<B: Ops> Network<'_, B> {
    /// Adds to `grads` the gradient that `back.dy` (of the final norm's output) sends to every parameter.
    pub fn backward(
        &self,
        grads: &mut [B::Buffer],
        back: &mut BackwardBuffers<B>,
        acts: &mut Activations<B>,
        pages: &mut KvPages<B>,
        batch: &RowBatch<B>,
    ) {
        self.backend.inside(|| self.all_layers_backward(grads, back, acts, pages, batch));
    }

    fn all_layers_backward(
        &self,
        grads: &mut [B::Buffer],
        back: &mut BackwardBuffers<B>,
        acts: &mut Activations<B>,
        pages: &mut KvPages<B>,
        batch: &RowBatch<B>,
    ) {
        let rows = batch.rows;
        let final_norm = self.parameters.final_norm;
        let weight = self.parameters.value(final_norm);
        let shape = self.norm_shape(rows);
        self.backend.rms_norm_backward(&mut back.dh, &mut grads[final_norm], None, &back.dy, &acts.h_last, weight, shape);
        for l in (0..self.config.layers).rev() {
            if acts.keep == Keep::Inputs {
                let weight = self.parameters.value(self.parameters.layers[l].input_norm);
                self.backend.rms_norm_forward(&mut acts.y, &acts.h[l], weight, shape);
                self.layer_forward(l, acts, pages, batch);
            } else {
                self.store_keys(l, acts.slot(l), acts, pages, batch);
            }
            self.feed_forward_backward(l, grads, back, acts, rows);
            self.attention_block_backward(l, grads, back, acts, pages, batch);
        }
        let embedding = self.parameters.embedding;
        self.backend.embedding_backward(&mut grads[embedding], &back.dh, &batch.ids, rows, self.config.hidden);
    }

    /// `back.dh`: gradient after the feed-forward block → gradient before it.
    fn feed_forward_backward(
        &self,
        l: usize,
        grads: &mut [B::Buffer],
        back: &mut BackwardBuffers<B>,
        acts: &mut Activations<B>,
        rows: usize,
    ) {
        let (index, slot, ff) = (self.parameters.layers[l], acts.slot(l), self.config.intermediate);
        self.backend.swiglu_forward(&mut acts.act, &acts.gate_up[slot], rows, ff);
        self.project_backward(grads, &mut back.dact, &back.dh, &acts.act, index.down, None, rows);
        self.backend.swiglu_backward(&mut back.dgate_up, &back.dact, &acts.gate_up[slot], rows, ff);
        let (weight, shape) = (self.parameters.value(index.post_norm), self.norm_shape(rows));
        self.backend.rms_norm_forward(&mut acts.y, &acts.h_mid[slot], weight, shape);
        self.project_backward(grads, &mut back.dy, &back.dgate_up, &acts.y, index.gate_up, None, rows);
        let (dw, x) = (&mut grads[index.post_norm], &acts.h_mid[slot]);
        self.backend.rms_norm_backward(&mut back.dh_next, dw, Some(&back.dh), &back.dy, x, weight, shape);
        std::mem::swap(&mut back.dh, &mut back.dh_next);
    }

    /// `back.dh`: gradient after the attention block → gradient before it.
    fn attention_block_backward(
        &self,
        l: usize,
        grads: &mut [B::Buffer],
        back: &mut BackwardBuffers<B>,
        acts: &mut Activations<B>,
        pages: &mut KvPages<B>,
        batch: &RowBatch<B>,
    ) {
        let (index, slot, input, rows) = (self.parameters.layers[l], acts.slot(l), acts.input_slot(l), batch.rows);
        self.project_backward(grads, &mut back.dattention, &back.dh, &acts.attention[slot], index.o, index.o_bias, rows);
        self.backend.attention_backward(
            &mut back.dq,
            &mut back.dk,
            &mut back.dv,
            &back.dattention,
            &acts.attention[slot],
            &acts.lse[slot],
            &acts.q,
            pages,
            &batch.sequences,
            self.attention_shape(),
        );
        let dnorms = match index.head_norms {
            Some((q, k)) => {
                let [dq_norm, dk_norm] = grads.get_disjoint_mut([q, k]).expect("two norms are two parameters");
                Some((dq_norm, dk_norm))
            }
            None => None,
        };
        self.backend.qk_norm_rope_backward(
            &mut back.dqkv,
            dnorms,
            &back.dq,
            &back.dk,
            &back.dv,
            &acts.qkv[slot],
            &self.qk_params(l, batch),
            self.qk_shape(rows),
        );
        let (weight, shape) = (self.parameters.value(index.input_norm), self.norm_shape(rows));
        self.backend.rms_norm_forward(&mut acts.y, &acts.h[input], weight, shape);
        self.project_backward(grads, &mut back.dy, &back.dqkv, &acts.y, index.qkv, index.qkv_bias, rows);
        let (dw, x) = (&mut grads[index.input_norm], &acts.h[input]);
        self.backend.rms_norm_backward(&mut back.dh_next, dw, Some(&back.dh), &back.dy, x, weight, shape);
        std::mem::swap(&mut back.dh, &mut back.dh_next);
    }

    /// Backward of one projection: `dx`, and the gradients of its weight and bias.
    #[allow(clippy::too_many_arguments)]
    fn project_backward(
        &self,
        grads: &mut [B::Buffer],
        dx: &mut B::Buffer,
        dy: &B::Buffer,
        x: &B::Buffer,
        weight: usize,
        bias: Option<usize>,
        rows: usize,
    ) {
        let shape = self.linear_shape(weight, rows);
        self.backend.linear_backward_input(dx, dy, self.parameters.value(weight), shape);
        match bias {
            Some(bias) => {
                let [dw, db] = grads.get_disjoint_mut([weight, bias]).expect("weight and bias are two parameters");
                self.backend.linear_backward_weight(dw, Some(db), dy, x, shape);
            }
            None => self.backend.linear_backward_weight(&mut grads[weight], None, dy, x, shape),
        }
    }
}
