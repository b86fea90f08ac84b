//! The fast f32 half.
//!
//! Forward rows are independent. Backward sums `dweight` over blocks of [`DWEIGHT_ROWS`] rows into partial sums, then
//! adds those in block order.

use super::{RmsNorm, RmsNormShape};
use crate::cpu::simd::{Kernel, LANES, Lanes, load, sum};
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::ops::{ELEMENTS_PER_TASK, first, first_mut};

/// Rows whose `dweight` is summed by one task; part of the arithmetic.
pub(crate) const DWEIGHT_ROWS: usize = 64;

impl RmsNorm for Cpu<f32> {
    fn rms_norm_forward(&self, y: &mut Buffer<f32>, x: &Buffer<f32>, weight: &Buffer<f32>, shape: RmsNormShape) {
        let RmsNormShape { rows, width, epsilon } = shape;
        let y = SharedMut::new(first_mut("rms_norm_forward", "y", y, rows * width));
        let x = first("rms_norm_forward", "x", x, rows * width);
        let weight = first("rms_norm_forward", "weight", weight, width);
        self.for_each_block(rows, rows_per_task(width), 2 * rows * width, |task| {
            let at = task.start * width..task.end * width;
            // SAFETY: each row belongs to one task.
            let y = unsafe { y.range(at.start, at.len()) };
            self.path().run(Forward { y, x: &x[at], weight, epsilon: epsilon as f32 });
        });
    }

    fn add_rms_norm_forward(
        &self,
        h: &mut Buffer<f32>,
        y: &mut Buffer<f32>,
        x: &Buffer<f32>,
        delta: &Buffer<f32>,
        weight: &Buffer<f32>,
        shape: RmsNormShape,
    ) {
        let RmsNormShape { rows, width, epsilon } = shape;
        let h = SharedMut::new(first_mut("add_rms_norm_forward", "h", h, rows * width));
        let y = SharedMut::new(first_mut("add_rms_norm_forward", "y", y, rows * width));
        let x = first("add_rms_norm_forward", "x", x, rows * width);
        let delta = first("add_rms_norm_forward", "delta", delta, rows * width);
        let weight = first("add_rms_norm_forward", "weight", weight, width);
        self.for_each_block(rows, rows_per_task(width), 2 * rows * width, |task| {
            let at = task.start * width..task.end * width;
            // SAFETY: each row belongs to one task.
            let (h, y) = unsafe { (h.range(at.start, at.len()), y.range(at.start, at.len())) };
            self.path().run(AddForward { h, y, x: &x[at.clone()], delta: &delta[at], weight, epsilon: epsilon as f32 });
        });
    }

    fn rms_norm_backward(
        &self,
        dx: &mut Buffer<f32>,
        dweight: &mut Buffer<f32>,
        dresidual: Option<&Buffer<f32>>,
        dy: &Buffer<f32>,
        x: &Buffer<f32>,
        weight: &Buffer<f32>,
        shape: RmsNormShape,
    ) {
        let RmsNormShape { rows, width, epsilon } = shape;
        let dx = SharedMut::new(first_mut("rms_norm_backward", "dx", dx, rows * width));
        let dweight = first_mut("rms_norm_backward", "dweight", dweight, width);
        let dresidual = dresidual.map(|d| first("rms_norm_backward", "dresidual", d, rows * width));
        let dy = first("rms_norm_backward", "dy", dy, rows * width);
        let x = first("rms_norm_backward", "x", x, rows * width);
        let weight = first("rms_norm_backward", "weight", weight, width);
        let mut partials = vec![0.0; rows.div_ceil(DWEIGHT_ROWS) * width];
        let shared = SharedMut::new(&mut partials);
        self.for_each_block(rows, DWEIGHT_ROWS, 4 * rows * width, |task| {
            let at = task.start * width..task.end * width;
            // SAFETY: each row and each partial sum belongs to one task.
            let (dx, dweight) = unsafe { (dx.range(at.start, at.len()), shared.range(task.start / DWEIGHT_ROWS * width, width)) };
            let dresidual = dresidual.map(|d| &d[at.clone()]);
            self.path().run(Backward { dx, dweight, dresidual, dy: &dy[at.clone()], x: &x[at], weight, epsilon: epsilon as f32 });
        });
        add_in_order(dweight, &partials);
    }
}

/// Rows of one forward task: enough to be worth a hand-over, fixed by the width.
fn rows_per_task(width: usize) -> usize {
    (ELEMENTS_PER_TASK / width.max(1)).max(1)
}

/// Adds the partial sums, each as long as `total`, in order; then their sum to `total`.
pub(crate) fn add_in_order(total: &mut [f32], partials: &[f32]) {
    let mut partials = partials.chunks_exact(total.len().max(1));
    let Some(first) = partials.next() else { return };
    let mut sums = first.to_vec();
    for partial in partials {
        sums.iter_mut().zip(partial).for_each(|(s, p)| *s += p);
    }
    total.iter_mut().zip(&sums).for_each(|(t, s)| *t += s);
}

/// Rows `y = norm(x) · weight`.
struct Forward<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.weight.len().max(1);
        for (y, x) in self.y.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            norm(y, x, self.weight, self.epsilon);
        }
    }
}

/// Rows `h = x + delta`, `y = norm(h) · weight`.
struct AddForward<'a> {
    h: &'a mut [f32],
    y: &'a mut [f32],
    x: &'a [f32],
    delta: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl Kernel for AddForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.weight.len().max(1);
        for (row, h) in self.h.chunks_exact_mut(width).enumerate() {
            let at = row * width..(row + 1) * width;
            let (x, delta) = (&self.x[at.clone()], &self.delta[at.clone()]);
            for i in 0..width {
                h[i] = x[i] + delta[i];
            }
            norm(&mut self.y[at], h, self.weight, self.epsilon);
        }
    }
}

/// Rows of `dx`, and one partial sum of `dweight`.
struct Backward<'a> {
    dx: &'a mut [f32],
    dweight: &'a mut [f32],
    dresidual: Option<&'a [f32]>,
    dy: &'a [f32],
    x: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.weight.len().max(1);
        for (row, dx) in self.dx.chunks_exact_mut(width).enumerate() {
            let at = row * width..(row + 1) * width;
            norm_backward(dx, self.dweight, &self.dy[at.clone()], &self.x[at.clone()], self.weight, self.epsilon);
            if let Some(dresidual) = self.dresidual {
                dx.iter_mut().zip(&dresidual[at]).for_each(|(d, r)| *d += r);
            }
        }
    }
}

/// `1 / sqrt(squares / width + ε)`.
#[inline(always)]
fn scale(squares: f32, width: usize, epsilon: f32) -> f32 {
    1.0 / (squares / width as f32 + epsilon).sqrt()
}

/// `s` of one row.
#[inline(always)]
pub(crate) fn row_scale(x: &[f32], epsilon: f32) -> f32 {
    let mut squares = [0.0; LANES];
    let (full, rest) = x.as_chunks::<LANES>();
    for x in full {
        add_products(&mut squares, x, x);
    }
    if !rest.is_empty() {
        let x = load(rest, 0.0);
        add_products(&mut squares, &x, &x);
    }
    scale(sum(&squares), x.len(), epsilon)
}

/// One row: `y = (x · s) · w`.
#[inline(always)]
fn norm(y: &mut [f32], x: &[f32], weight: &[f32], epsilon: f32) {
    let s = row_scale(x, epsilon);
    for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
        *y = (x * s) * w;
    }
}

/// `acc += a · b`, fused.
#[inline(always)]
fn add_products(acc: &mut Lanes, a: &Lanes, b: &Lanes) {
    for i in 0..LANES {
        acc[i] = a[i].mul_add(b[i], acc[i]);
    }
}

/// What one row's backward needs to know of the whole row: `s` and `s² · mean(g · x)`.
#[inline(always)]
pub(crate) fn row_scale_and_pull(dy: &[f32], x: &[f32], weight: &[f32], epsilon: f32) -> (f32, f32) {
    let (mut squares, mut gx) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |dy: &Lanes, x: &Lanes, w: &Lanes| {
        add_products(&mut squares, x, x);
        let mut g = *dy;
        for i in 0..LANES {
            g[i] *= w[i];
        }
        add_products(&mut gx, &g, x);
    };
    let ((dys, dy_rest), (xs, x_rest)) = (dy.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    let (ws, w_rest) = weight.as_chunks::<LANES>();
    for ((dy, x), w) in dys.iter().zip(xs).zip(ws) {
        add(dy, x, w);
    }
    if !x_rest.is_empty() {
        add(&load(dy_rest, 0.0), &load(x_rest, 0.0), &load(w_rest, 0.0));
    }
    let s = scale(sum(&squares), x.len(), epsilon);
    (s, s * s * (sum(&gx) / x.len() as f32))
}

/// One row backward: overwrites `dx`, adds to `dweight`.
#[inline(always)]
fn norm_backward(dx: &mut [f32], dweight: &mut [f32], dy: &[f32], x: &[f32], weight: &[f32], epsilon: f32) {
    let (s, pull) = row_scale_and_pull(dy, x, weight, epsilon);
    for ((((dx, dw), dy), x), w) in dx.iter_mut().zip(dweight).zip(dy).zip(x).zip(weight) {
        (*dx, *dw) = element_backward(s, pull, *dw, *dy, *x, *w);
    }
}

/// `(s · (dy · w − x · pull), dw + dy · (x · s))`.
#[inline(always)]
pub(crate) fn element_backward(s: f32, pull: f32, dw: f32, dy: f32, x: f32, w: f32) -> (f32, f32) {
    (s * x.mul_add(-pull, dy * w), dy.mul_add(x * s, dw))
}
