//! The fast f32 half.
//!
//! The rotation is `y₁ = fma(x₁, c, −(x₂·s))`, `y₂ = fma(x₂, c, x₁·s)` on every path: the product with the sine is
//! rounded, the other is not. Norm gradients are summed over blocks of [`DWEIGHT_ROWS`] rows, then in block order.

use std::ops::Range;

use super::{QkNormRope, QkParams, QkShape};
use crate::cpu::simd::{Kernel, LANES};
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::ops::rms_norm::cpu::{DWEIGHT_ROWS, add_in_order, element_backward, row_scale, row_scale_and_pull};
use crate::ops::{ELEMENTS_PER_TASK, check_ids, first, first_mut};

impl QkNormRope for Cpu<f32> {
    fn qk_norm_rope_forward(
        &self,
        q: &mut Buffer<f32>,
        k: &mut Buffer<f32>,
        qkv: &Buffer<f32>,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        let (fused, q_width, k_width) = (shape.fused_width(), shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
        let q = SharedMut::new(first_mut("qk_norm_rope_forward", "q", q, shape.rows * q_width));
        let k = SharedMut::new(first_mut("qk_norm_rope_forward", "k", k, shape.rows * k_width));
        let qkv = first("qk_norm_rope_forward", "qkv", qkv, shape.rows * fused);
        let tables = Tables::new("qk_norm_rope_forward", params, shape);
        let block = (ELEMENTS_PER_TASK / fused.max(1)).max(1);
        self.for_each_block(shape.rows, block, 2 * shape.rows * fused, |rows| {
            // SAFETY: each row belongs to one task.
            let (q, k) = unsafe {
                (q.range(rows.start * q_width, rows.len() * q_width), k.range(rows.start * k_width, rows.len() * k_width))
            };
            let qkv = &qkv[rows.start * fused..rows.end * fused];
            self.path().run(Forward { q, k, qkv, tables: &tables, rows, shape });
        });
    }

    fn qk_norm_rope_backward(
        &self,
        dqkv: &mut Buffer<f32>,
        dnorms: Option<(&mut Buffer<f32>, &mut Buffer<f32>)>,
        dq: &Buffer<f32>,
        dk: &Buffer<f32>,
        dv: &Buffer<f32>,
        qkv: &Buffer<f32>,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        const OP: &str = "qk_norm_rope_backward";
        let (rows, d, fused) = (shape.rows, shape.head_dim, shape.fused_width());
        assert_eq!(dnorms.is_some(), params.norms.is_some(), "{OP}: dnorms must be given exactly with norms");
        let dqkv = SharedMut::new(first_mut(OP, "dqkv", dqkv, rows * fused));
        let dq = first(OP, "dq", dq, rows * shape.heads * d);
        let dk = first(OP, "dk", dk, rows * shape.kv_heads * d);
        let dv = first(OP, "dv", dv, rows * shape.kv_heads * d);
        let qkv = first(OP, "qkv", qkv, rows * fused);
        let tables = Tables::new(OP, params, shape);
        let blocks = rows.div_ceil(DWEIGHT_ROWS);
        let (mut dq_norms, mut dk_norms) = (vec![0.0; blocks * d], vec![0.0; blocks * d]);
        let (dq_shared, dk_shared) = (SharedMut::new(&mut dq_norms), SharedMut::new(&mut dk_norms));
        self.for_each_block(rows, DWEIGHT_ROWS, 4 * rows * fused, |task| {
            let block = task.start / DWEIGHT_ROWS;
            // SAFETY: each row and each partial sum belongs to one task.
            let (dqkv, dq_norm, dk_norm) = unsafe {
                (dqkv.range(task.start * fused, task.len() * fused), dq_shared.range(block * d, d), dk_shared.range(block * d, d))
            };
            self.path().run(Backward { dqkv, dq_norm, dk_norm, dq, dk, dv, qkv, tables: &tables, rows: task, shape });
        });
        if let Some((dq_norm, dk_norm)) = dnorms {
            add_in_order(first_mut(OP, "dnorms.0", dq_norm, d), &dq_norms);
            add_in_order(first_mut(OP, "dnorms.1", dk_norm, d), &dk_norms);
        }
    }
}

/// [`QkParams`] as slices of checked length.
struct Tables<'a> {
    norms: Option<(&'a [f32], &'a [f32])>,
    cos: &'a [f32],
    sin: &'a [f32],
    positions: &'a [u32],
    half: usize,
}

impl<'a> Tables<'a> {
    fn new(op: &str, params: &QkParams<'a, Cpu<f32>>, shape: QkShape) -> Self {
        let norms = params.norms.map(|(q, k)| (first(op, "norms.0", q, shape.head_dim), first(op, "norms.1", k, shape.head_dim)));
        let positions = first(op, "positions", params.positions, shape.rows);
        check_ids(op, "position", "tables", positions, params.cos.len().min(params.sin.len()) / (shape.head_dim / 2).max(1));
        Self { norms, cos: params.cos, sin: params.sin, positions, half: shape.head_dim / 2 }
    }

    /// Cosines and sines of a row's position.
    #[inline(always)]
    fn angles(&self, row: usize) -> (&'a [f32], &'a [f32]) {
        let at = self.positions[row] as usize * self.half;
        (&self.cos[at..at + self.half], &self.sin[at..at + self.half])
    }
}

/// Some rows forward; `q`, `k` and `qkv` are those rows.
struct Forward<'a> {
    q: &'a mut [f32],
    k: &'a mut [f32],
    qkv: &'a [f32],
    tables: &'a Tables<'a>,
    rows: Range<usize>,
    shape: QkShape,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let QkShape { heads, kv_heads, head_dim: d, .. } = self.shape;
        let epsilon = self.shape.epsilon as f32;
        let weights = (self.tables.norms.map(|n| n.0), self.tables.norms.map(|n| n.1));
        let mut scratch = vec![0.0; d];
        for (i, row) in self.rows.enumerate() {
            let angles = self.tables.angles(row);
            let fused = &self.qkv[i * self.shape.fused_width()..][..self.shape.fused_width()];
            let (q_in, rest) = fused.split_at(heads * d);
            let q = &mut self.q[i * heads * d..][..heads * d];
            let k = &mut self.k[i * kv_heads * d..][..kv_heads * d];
            forward_heads(q, q_in, weights.0, angles, &mut scratch, epsilon);
            forward_heads(k, &rest[..kv_heads * d], weights.1, angles, &mut scratch, epsilon);
        }
    }
}

/// Norm (if any) and rotation of each head of one row; `scratch` holds a head.
#[inline(always)]
fn forward_heads(
    y: &mut [f32],
    x: &[f32],
    weight: Option<&[f32]>,
    (cos, sin): (&[f32], &[f32]),
    scratch: &mut [f32],
    epsilon: f32,
) {
    for (y, x) in y.chunks_exact_mut(scratch.len()).zip(x.chunks_exact(scratch.len())) {
        match weight {
            Some(weight) => {
                scale_head(scratch, x, weight, row_scale(x, epsilon));
                rotate(y, scratch, cos, sin, 1.0);
            }
            None => rotate(y, x, cos, sin, 1.0),
        }
    }
}

/// Some rows backward; `dqkv` is those rows, the other arrays are whole.
struct Backward<'a> {
    dqkv: &'a mut [f32],
    dq_norm: &'a mut [f32],
    dk_norm: &'a mut [f32],
    dq: &'a [f32],
    dk: &'a [f32],
    dv: &'a [f32],
    qkv: &'a [f32],
    tables: &'a Tables<'a>,
    rows: Range<usize>,
    shape: QkShape,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (fused, epsilon) = (self.shape.fused_width(), self.shape.epsilon as f32);
        let (q_width, k_width) = (self.shape.heads * self.shape.head_dim, self.shape.kv_heads * self.shape.head_dim);
        let weights = (self.tables.norms.map(|n| n.0), self.tables.norms.map(|n| n.1));
        let mut scratch = vec![0.0; self.shape.head_dim];
        for (row, out) in self.rows.zip(self.dqkv.chunks_exact_mut(fused)) {
            let angles = self.tables.angles(row);
            let x = &self.qkv[row * fused..][..fused];
            let (dq, dk) = (&self.dq[row * q_width..][..q_width], &self.dk[row * k_width..][..k_width]);
            let (out_q, rest) = out.split_at_mut(q_width);
            let (out_k, out_v) = rest.split_at_mut(k_width);
            backward_heads(out_q, self.dq_norm, dq, &x[..q_width], weights.0, angles, &mut scratch, epsilon);
            backward_heads(out_k, self.dk_norm, dk, &x[q_width..][..k_width], weights.1, angles, &mut scratch, epsilon);
            out_v.copy_from_slice(&self.dv[row * k_width..][..k_width]);
        }
    }
}

/// The inverse rotation, then the norm's backward (if any), of each head of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_heads(
    dx: &mut [f32],
    dweight: &mut [f32],
    dy: &[f32],
    x: &[f32],
    weight: Option<&[f32]>,
    (cos, sin): (&[f32], &[f32]),
    scratch: &mut [f32],
    epsilon: f32,
) {
    let d = scratch.len();
    for ((dx, dy), x) in dx.chunks_exact_mut(d).zip(dy.chunks_exact(d)).zip(x.chunks_exact(d)) {
        match weight {
            Some(weight) => {
                rotate(scratch, dy, cos, sin, -1.0);
                let totals = row_scale_and_pull(scratch, x, weight, epsilon);
                head_backward(dx, dweight, scratch, x, weight, totals);
            }
            None => rotate(dx, dy, cos, sin, -1.0),
        }
    }
}

/// `y = (x · s) · w` of one head. Here and below whole lane groups are spelled out: heads are too short for the
/// compiler's own vector loops.
#[inline(always)]
fn scale_head(y: &mut [f32], x: &[f32], weight: &[f32], s: f32) {
    let (ys, y_rest) = y.as_chunks_mut::<LANES>();
    let ((xs, x_rest), (ws, w_rest)) = (x.as_chunks::<LANES>(), weight.as_chunks::<LANES>());
    for ((y, x), w) in ys.iter_mut().zip(xs).zip(ws) {
        let (mut out, w) = (*x, *w);
        for i in 0..LANES {
            out[i] = (out[i] * s) * w[i];
        }
        *y = out;
    }
    for ((y, x), w) in y_rest.iter_mut().zip(x_rest).zip(w_rest) {
        *y = (x * s) * w;
    }
}

/// The norm's backward of one head: overwrites `dx`, adds to `dweight`.
#[inline(always)]
fn head_backward(dx: &mut [f32], dweight: &mut [f32], dy: &[f32], x: &[f32], weight: &[f32], (s, pull): (f32, f32)) {
    let (dxs, dx_rest) = dx.as_chunks_mut::<LANES>();
    let (dws, dw_rest) = dweight.as_chunks_mut::<LANES>();
    let ((dys, dy_rest), (xs, x_rest)) = (dy.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    let (ws, w_rest) = weight.as_chunks::<LANES>();
    for ((((dx, dw), dy), x), w) in dxs.iter_mut().zip(dws).zip(dys).zip(xs).zip(ws) {
        let (mut dx_out, mut dw_out, dy, x, w) = ([0.0; LANES], *dw, *dy, *x, *w);
        for i in 0..LANES {
            (dx_out[i], dw_out[i]) = element_backward(s, pull, dw_out[i], dy[i], x[i], w[i]);
        }
        (*dx, *dw) = (dx_out, dw_out);
    }
    for ((((dx, dw), dy), x), w) in dx_rest.iter_mut().zip(dw_rest).zip(dy_rest).zip(x_rest).zip(w_rest) {
        (*dx, *dw) = element_backward(s, pull, *dw, *dy, *x, *w);
    }
}

/// One head turned by its angles (`direction` 1) or back (−1).
#[inline(always)]
fn rotate(y: &mut [f32], x: &[f32], cos: &[f32], sin: &[f32], direction: f32) {
    let half = cos.len();
    let ((y1, y2), (x1, x2)) = (y.split_at_mut(half), x.split_at(half));
    let ((y1, y1_rest), (y2, y2_rest)) = (y1.as_chunks_mut::<LANES>(), y2.as_chunks_mut::<LANES>());
    let ((x1, x1_rest), (x2, x2_rest)) = (x1.as_chunks::<LANES>(), x2.as_chunks::<LANES>());
    let ((cos, cos_rest), (sin, sin_rest)) = (cos.as_chunks::<LANES>(), sin.as_chunks::<LANES>());
    for (((((y1, y2), x1), x2), c), s) in y1.iter_mut().zip(y2).zip(x1).zip(x2).zip(cos).zip(sin) {
        let (mut out1, mut out2, c, s) = (*x1, *x2, *c, *s);
        for i in 0..LANES {
            (out1[i], out2[i]) = turn(out1[i], out2[i], c[i], s[i] * direction);
        }
        (*y1, *y2) = (out1, out2);
    }
    let rest = y1_rest.iter_mut().zip(y2_rest).zip(x1_rest).zip(x2_rest).zip(cos_rest).zip(sin_rest);
    for (((((y1, y2), x1), x2), c), s) in rest {
        (*y1, *y2) = turn(*x1, *x2, *c, *s * direction);
    }
}

/// `(x₁·c − x₂·s, x₂·c + x₁·s)`.
#[inline(always)]
fn turn(x1: f32, x2: f32, c: f32, s: f32) -> (f32, f32) {
    (x1.mul_add(c, -(x2 * s)), x2.mul_add(c, x1 * s))
}
