//! Products and attention. At few rows the floor is still memory: the weights, or the keys and values, read once.

use curt_kernels::ops::attention::{Attention, AttentionShape, KvPages, SequencePlan};
use curt_kernels::ops::linear::{Linear, LinearShape};
use curt_kernels::ops::lm_head::{Draw, HeadFacts, LmHead, LmHeadShape};
use curt_kernels::{Backend, DeviceError};

use crate::Clock;

/// The four projections of a layer.
pub fn linear(clock: &Clock<'_>) -> Result<(), DeviceError> {
    let (cuda, s) = (clock.cuda, clock.sizes);
    let of_heads = s.heads * s.head_dim;
    let projections =
        [("qkv", s.fused(), s.width), ("o", s.width, of_heads), ("gate_up", 2 * s.ffn, s.width), ("down", s.width, s.ffn)];
    for (name, n, k) in projections {
        let weight = clock.numbers(n * k)?;
        let (mut packed, mut dweight) = (cuda.packed(n, k)?, clock.zeros(n * k)?);
        clock.time(&format!("linear pack, {name}"), n, 8 * n * k, 0, || cuda.pack(&mut packed, &weight))?;
        for rows in s.rows {
            let shape = LinearShape { rows, n, k };
            let (x, mut dx, mut y) = (clock.numbers(rows * k)?, clock.zeros(rows * k)?, clock.numbers(rows * n)?);
            let (bytes, operations) = (4 * (n * k + rows * (n + k)), 2 * rows * n * k);
            clock.time(&format!("linear forward, {name}"), rows, bytes, operations, || {
                cuda.linear_forward(&mut y, &x, &packed, None, shape);
            })?;
            if rows == s.most_rows() {
                clock.time(&format!("linear backward input, {name}"), rows, bytes, operations, || {
                    cuda.linear_backward_input(&mut dx, &y, &weight, shape);
                })?;
                clock.time(&format!("linear backward weight, {name}"), rows, bytes, operations, || {
                    cuda.linear_backward_weight(&mut dweight, None, &y, &x, shape);
                })?;
            }
        }
    }
    Ok(())
}

/// The first rows are each the newest of a sequence of its own, the last are whole sequences.
pub fn attention(clock: &Clock<'_>) -> Result<(), DeviceError> {
    let (cuda, s) = (clock.cuda, clock.sizes);
    let shape = AttentionShape { heads: s.heads, kv_heads: s.kv_heads, head_dim: s.head_dim, scale: 0.088 };
    let (of_q, of_k) = (s.heads * s.head_dim, s.kv_heads * s.head_dim);
    for rows in s.rows {
        let whole = rows == s.most_rows();
        let count = if whole { rows / s.context } else { rows };
        let mut plan = SequencePlan::packed(&vec![s.context; count]);
        if !whole {
            plan.row_starts = (0..=count as u32).collect();
            plan.first_positions = vec![s.context as u32 - 1; count];
        }
        let pages_len = plan.pages.len() * shape.page_len();
        let mut pages = KvPages { k: clock.numbers(pages_len)?, v: clock.numbers(pages_len)? };
        let (k, qkv, slots) = (clock.numbers(rows * of_k)?, clock.numbers(rows * s.fused())?, cuda.upload_ids(&plan.slots())?);
        clock.time("attention store", rows, 16 * rows * of_k, 0, || {
            cuda.attention_store(&mut pages, &k, &qkv, &slots, rows, shape);
        })?;
        let (q, mut out, mut lse) = (clock.numbers(rows * of_q)?, clock.zeros(rows * of_q)?, clock.zeros(rows * s.heads)?);
        let sequences = cuda.sequences(&plan)?;
        let seen = count * if whole { s.context * (s.context + 1) / 2 } else { s.context };
        let (bytes, operations) = (4 * (2 * pages_len + 2 * rows * of_q), 4 * seen * of_q);
        clock.time(&format!("attention forward, contexts of {}", s.context), rows, bytes, operations, || {
            cuda.attention_forward(&mut out, &mut lse, &q, &pages, &sequences, shape);
        })?;
        if whole {
            let (dout, mut dq) = (clock.numbers(rows * of_q)?, clock.zeros(rows * of_q)?);
            let (mut dk, mut dv) = (clock.zeros(rows * of_k)?, clock.zeros(rows * of_k)?);
            clock.time(&format!("attention backward, contexts of {}", s.context), rows, 0, 10 * seen * of_q, || {
                cuda.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out, &lse, &q, &pages, &sequences, shape);
            })?;
        }
    }
    Ok(())
}

/// The output projection with what is made of the logits. The backward computes the logits again: three products.
pub fn head(clock: &Clock<'_>) -> Result<(), DeviceError> {
    let (cuda, vocab, width) = (clock.cuda, clock.sizes.vocab, clock.sizes.width);
    let weight = clock.numbers(vocab * width)?;
    let (mut packed, mut dweight) = (cuda.packed(vocab, width)?, clock.zeros(vocab * width)?);
    clock.time("linear pack, lm_head", vocab, 8 * vocab * width, 0, || cuda.pack(&mut packed, &weight))?;
    for rows in clock.sizes.rows {
        let shape = LmHeadShape { rows, vocab, width, inv_temperature: 1.0 };
        let (x, mut facts) = (clock.numbers(rows * width)?, HeadFacts::zeros(cuda, rows)?);
        let targets = cuda.upload_ids(&vec![7; rows])?;
        let (bytes, operations) = (4 * (vocab + rows) * width, 2 * rows * vocab * width);
        clock.time("lm_head forward", rows, bytes, operations, || {
            cuda.lm_head_forward(&mut facts, &x, &packed, &targets, shape);
        })?;
        let (mut tokens, draws) = (vec![0; rows], vec![Draw::Uniform(0.5); rows]);
        clock.time("lm_head sample", rows, bytes, operations, || {
            cuda.lm_head_sample(&mut tokens, &mut facts, &x, &packed, &draws, shape);
        })?;
        let (dlogprob, dentropy, mut dx) = (clock.numbers(rows)?, clock.zeros(rows)?, clock.zeros(rows * width)?);
        clock.time("lm_head backward", rows, 4 * vocab * width, 3 * operations, || {
            cuda.lm_head_backward(&mut dx, &mut dweight, &dlogprob, &dentropy, &facts, &x, &weight, &packed, &targets, shape);
        })?;
    }
    Ok(())
}
