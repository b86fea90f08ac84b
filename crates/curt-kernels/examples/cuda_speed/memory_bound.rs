//! Ops whose floor is what they read and write. Bytes are counted once each.

use curt_kernels::ops::adamw::{AdamW, AdamWStep};
use curt_kernels::ops::embedding::Embedding;
use curt_kernels::ops::grad_norm::GradNorm;
use curt_kernels::ops::qk_norm_rope::{QkNormRope, QkParams, QkShape};
use curt_kernels::ops::rms_norm::{RmsNorm, RmsNormShape};
use curt_kernels::ops::swiglu::Swiglu;
use curt_kernels::{Backend, DeviceError};

use crate::Clock;

const STEP: AdamWStep = AdamWStep {
    learning_rate: 1e-6,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.1,
    correction1: 0.1,
    correction2: 0.001,
    grad_scale: 1.0,
};

pub fn run(clock: &Clock<'_>) -> Result<(), DeviceError> {
    whole_arrays(clock)?;
    for rows in clock.sizes.rows {
        rms_norm(clock, rows)?;
        swiglu(clock, rows)?;
        qk_norm_rope(clock, rows)?;
        embedding(clock, rows)?;
    }
    Ok(())
}

/// The copy that all else is compared with, and the ops of an update on 100 Mi numbers.
fn whole_arrays(clock: &Clock<'_>) -> Result<(), DeviceError> {
    let (cuda, n) = (clock.cuda, clock.sizes.copied);
    let (x, mut y) = (clock.numbers(n)?, clock.zeros(n)?);
    clock.time("copy", 1, 8 * n, 0, || cuda.copy(&mut y, 0, &x, 0, n))?;
    let n = n.min(100 << 20);
    clock.time("sum_of_squares", 1, 4 * n, 0, || {
        cuda.sum_of_squares(&x, n);
    })?;
    let (mut m, mut v) = (clock.zeros(n)?, clock.zeros(n)?);
    clock.time("adamw", 1, 28 * n, 0, || cuda.adamw_step(&mut y, &mut m, &mut v, &x, STEP, n))
}

fn rms_norm(clock: &Clock<'_>, rows: usize) -> Result<(), DeviceError> {
    let (cuda, width) = (clock.cuda, clock.sizes.width);
    let (n, shape) = (rows * width, RmsNormShape { rows, width, epsilon: 1e-6 });
    let (x, delta, weight) = (clock.numbers(n)?, clock.numbers(n)?, clock.numbers(width)?);
    let (mut h, mut y, mut dweight) = (clock.zeros(n)?, clock.zeros(n)?, clock.zeros(width)?);
    clock.time("rms_norm forward", rows, 8 * n, 0, || cuda.rms_norm_forward(&mut y, &x, &weight, shape))?;
    clock.time("add_rms_norm forward", rows, 16 * n, 0, || {
        cuda.add_rms_norm_forward(&mut h, &mut y, &x, &delta, &weight, shape);
    })?;
    clock.time("rms_norm backward", rows, 16 * n, 0, || {
        cuda.rms_norm_backward(&mut y, &mut dweight, Some(&x), &delta, &x, &weight, shape);
    })
}

fn swiglu(clock: &Clock<'_>, rows: usize) -> Result<(), DeviceError> {
    let (cuda, ffn) = (clock.cuda, clock.sizes.ffn);
    let n = rows * ffn;
    let (gate_up, dout) = (clock.numbers(2 * n)?, clock.numbers(n)?);
    let (mut out, mut dgate_up) = (clock.zeros(n)?, clock.zeros(2 * n)?);
    clock.time("swiglu forward", rows, 12 * n, 0, || cuda.swiglu_forward(&mut out, &gate_up, rows, ffn))?;
    clock.time("swiglu backward", rows, 20 * n, 0, || cuda.swiglu_backward(&mut dgate_up, &dout, &gate_up, rows, ffn))
}

fn qk_norm_rope(clock: &Clock<'_>, rows: usize) -> Result<(), DeviceError> {
    let (cuda, sizes) = (clock.cuda, clock.sizes);
    let (heads, kv_heads, head_dim) = (sizes.heads, sizes.kv_heads, sizes.head_dim);
    let shape = QkShape { rows, heads, kv_heads, head_dim, epsilon: 1e-6 };
    let (of_q, of_k) = (rows * heads * head_dim, rows * kv_heads * head_dim);
    let (qkv, mut dqkv) = (clock.numbers(rows * sizes.fused())?, clock.zeros(rows * sizes.fused())?);
    let (mut q, mut k, dv) = (clock.numbers(of_q)?, clock.numbers(of_k)?, clock.numbers(of_k)?);
    let (norm_q, norm_k) = (clock.numbers(head_dim)?, clock.numbers(head_dim)?);
    let (mut dnorm_q, mut dnorm_k) = (clock.zeros(head_dim)?, clock.zeros(head_dim)?);
    let angles = sizes.context * head_dim / 2;
    let (cos, sin) = (clock.numbers(angles)?, clock.numbers(angles)?);
    let positions = cuda.upload_ids(&(0..rows).map(|i| (i % sizes.context) as u32).collect::<Vec<_>>())?;
    let params = QkParams { norms: Some((&norm_q, &norm_k)), cos: &cos, sin: &sin, positions: &positions };
    clock.time("qk_norm_rope forward", rows, 8 * (of_q + of_k), 0, || {
        cuda.qk_norm_rope_forward(&mut q, &mut k, &qkv, &params, shape);
    })?;
    clock.time("qk_norm_rope backward", rows, 12 * (of_q + of_k) + 8 * of_k, 0, || {
        cuda.qk_norm_rope_backward(&mut dqkv, Some((&mut dnorm_q, &mut dnorm_k)), &q, &k, &dv, &qkv, &params, shape);
    })
}

fn embedding(clock: &Clock<'_>, rows: usize) -> Result<(), DeviceError> {
    let (cuda, width, vocab) = (clock.cuda, clock.sizes.width, clock.sizes.vocab);
    let n = rows * width;
    let (table, mut out) = (clock.zeros(vocab * width)?, clock.numbers(n)?);
    let ids = cuda.upload_ids(&(0..rows).map(|i| (i * 7919 % vocab) as u32).collect::<Vec<_>>())?;
    clock.time("embedding forward", rows, 8 * n, 0, || cuda.embedding_forward(&mut out, &table, &ids, rows, width))?;
    let mut dtable = table;
    clock.time("embedding backward", rows, 12 * n, 0, || cuda.embedding_backward(&mut dtable, &out, &ids, rows, width))
}
