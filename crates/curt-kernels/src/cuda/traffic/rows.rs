//! Kernels that stream: element-wise, norms, rotary positions, embedding, optimizer. Each input once, each output once.

use super::{Case, expected, numbers};
use crate::Backend;
use crate::cuda::Cuda;
use crate::ops::adamw::{AdamW, AdamWStep};
use crate::ops::embedding::Embedding;
use crate::ops::grad_norm::GradNorm;
use crate::ops::qk_norm_rope::{QkNormRope, QkParams, QkShape};
use crate::ops::rms_norm::{RmsNorm, RmsNormShape};
use crate::ops::swiglu::Swiglu;

pub(super) fn cases() -> Vec<Case> {
    let norms = [(128, 1024), (64, 2560), (64, 5120)].map(|(rows, width)| rms_norm(rows, width));
    let qk = [true, false].map(|with_norms| qk_norm_rope(64, (16, 8), 128, with_norms));
    let others = [adamw(1 << 16), sum_of_squares(1 << 18), embedding(64, 1024), swiglu(16, 3072)];
    others.into_iter().chain(norms).chain(qk).collect()
}

fn adamw(n: usize) -> Case {
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
    let run = move |cuda: &Cuda| {
        let [mut weight, mut m, mut v] = [(); 3].map(|()| cuda.zeros(n).unwrap());
        cuda.adamw_step(&mut weight, &mut m, &mut v, &numbers(cuda, n), STEP, n);
    };
    Case { at: format!("n = {n}"), expected: vec![expected("adamw_step", "28 n", 28 * n)], run: Box::new(run) }
}

fn sum_of_squares(n: usize) -> Case {
    let run = move |cuda: &Cuda| {
        cuda.sum_of_squares(&numbers(cuda, n), n);
    };
    let bytes = 4 * n + 8 * n.div_ceil(16_384);
    let expected = vec![expected("sum_of_squares", "4 n + 8 ⌈n/16384⌉", bytes)];
    Case { at: format!("n = {n}"), expected, run: Box::new(run) }
}

/// Every third row has the id of another.
fn embedding(r: usize, d: usize) -> Case {
    let distinct = r - r / 4;
    let run = move |cuda: &Cuda| {
        let ids: Vec<u32> = (0..r).map(|row| (row % distinct * 5) as u32).collect();
        let ids = cuda.upload_ids(&ids).unwrap();
        let (mut table, mut rows) = (numbers(cuda, 5 * distinct * d), cuda.zeros(r * d).unwrap());
        cuda.embedding_forward(&mut rows, &table, &ids, r, d);
        cuda.embedding_backward(&mut table, &rows, &ids, r, d);
    };
    let expected = vec![
        expected("embedding_forward", "8 r d + 4 r", 8 * r * d + 4 * r),
        expected("embedding_backward", "4 r d + 8 i d + 4 r + 8 i", 4 * r * d + 8 * distinct * d + 4 * r + 8 * distinct),
    ];
    Case { at: format!("r = {r}, d = {d}, i = {distinct}"), expected, run: Box::new(run) }
}

fn swiglu(r: usize, d: usize) -> Case {
    let run = move |cuda: &Cuda| {
        let (gate_up, dout) = (numbers(cuda, 2 * r * d), numbers(cuda, r * d));
        let (mut out, mut dgate_up) = (cuda.zeros(r * d).unwrap(), cuda.zeros(2 * r * d).unwrap());
        cuda.swiglu_forward(&mut out, &gate_up, r, d);
        cuda.swiglu_backward(&mut dgate_up, &dout, &gate_up, r, d);
    };
    let expected = vec![expected("swiglu_forward", "12 r d", 12 * r * d), expected("swiglu_backward", "20 r d", 20 * r * d)];
    Case { at: format!("r = {r}, d = {d}"), expected, run: Box::new(run) }
}

fn rms_norm(r: usize, d: usize) -> Case {
    let shape = RmsNormShape { rows: r, width: d, epsilon: 1e-6 };
    let run = move |cuda: &Cuda| {
        let [x, delta, weight] = [r * d, r * d, d].map(|len| numbers(cuda, len));
        let [mut h, mut y, mut dweight] = [r * d, r * d, d].map(|len| cuda.zeros(len).unwrap());
        cuda.rms_norm_forward(&mut y, &x, &weight, shape);
        cuda.add_rms_norm_forward(&mut h, &mut y, &x, &delta, &weight, shape);
        cuda.rms_norm_backward(&mut h, &mut dweight, Some(&delta), &y, &x, &weight, shape);
    };
    let blocks = r.div_ceil(64);
    let expected = vec![
        expected("rms_norm_forward", "8 r d + 4 d", 8 * r * d + 4 * d),
        expected("add_rms_norm_forward", "16 r d + 4 d", 16 * r * d + 4 * d),
        expected("rms_norm_backward", "16 r d + 4 d + 4 d ⌈r/64⌉", 16 * r * d + 4 * d + 4 * d * blocks),
        expected("add_in_order", "4 d ⌈r/64⌉ + 8 d", 4 * d * blocks + 8 * d),
    ];
    Case { at: format!("r = {r}, d = {d}"), expected, run: Box::new(run) }
}

fn qk_norm_rope(r: usize, (h, k): (usize, usize), e: usize, with_norms: bool) -> Case {
    let shape = QkShape { rows: r, heads: h, kv_heads: k, head_dim: e, epsilon: 1e-6 };
    let run = move |cuda: &Cuda| {
        let [qkv, dq, dk, dv] = [shape.fused_width(), h * e, k * e, k * e].map(|width| numbers(cuda, r * width));
        let [cos, sin] = [(); 2].map(|()| numbers(cuda, r * e / 2));
        let (q_norm, k_norm) = (numbers(cuda, e), numbers(cuda, e));
        let positions = cuda.upload_ids(&(0..r as u32).collect::<Vec<_>>()).unwrap();
        let norms = with_norms.then_some((&q_norm, &k_norm));
        let params = QkParams { norms, cos: &cos, sin: &sin, positions: &positions };
        let [mut q, mut key, mut dqkv] = [h * e, k * e, shape.fused_width()].map(|width| cuda.zeros(r * width).unwrap());
        let [mut dq_norm, mut dk_norm] = [(); 2].map(|()| cuda.zeros(e).unwrap());
        cuda.qk_norm_rope_forward(&mut q, &mut key, &qkv, &params, shape);
        let dnorms = with_norms.then_some((&mut dq_norm, &mut dk_norm));
        cuda.qk_norm_rope_backward(&mut dqkv, dnorms, &dq, &dk, &dv, &qkv, &params, shape);
    };
    // a row's angles and its position
    let angles = 4 * r * e + 4 * r;
    let (once, blocks) = (4 * r * (h + k) * e, r.div_ceil(64));
    let [forward, backward] = if with_norms {
        [
            expected("qk_norm_rope_forward", "8 r (h+k) e + 4 r (e+1) + 8 e", 2 * once + angles + 8 * e),
            expected(
                "qk_norm_rope_backward",
                "12 r (h+k) e + 4 r (e+1) + 8 e + 8 e ⌈r/64⌉",
                3 * once + angles + 8 * e + 8 * e * blocks,
            ),
        ]
    } else {
        [
            expected("qk_norm_rope_forward", "8 r (h+k) e + 4 r (e+1)", 2 * once + angles),
            expected("qk_norm_rope_backward", "8 r (h+k) e + 4 r (e+1)", 2 * once + angles),
        ]
    };
    let values = expected("qk_norm_rope_backward_values", "8 r k e", 8 * r * k * e);
    let norms = if with_norms { "norms" } else { "no norms" };
    let at = format!("r = {r}, h = {h}, k = {k}, e = {e}, {norms}");
    Case { at, expected: vec![forward, backward, values], run: Box::new(run) }
}
