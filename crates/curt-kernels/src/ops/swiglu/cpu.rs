//! The fast f32 half. Every element is a function of its own inputs alone, so any order gives the same bits.

use super::Swiglu;
use crate::cpu::simd::Kernel;
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::math::sigmoid;
use crate::ops::{ELEMENTS_PER_TASK, first, first_mut};

impl Swiglu for Cpu<f32> {
    fn swiglu_forward(&self, out: &mut Buffer<f32>, gate_up: &Buffer<f32>, rows: usize, width: usize) {
        let out = SharedMut::new(first_mut("swiglu_forward", "out", out, rows * width));
        let gate_up = first("swiglu_forward", "gate_up", gate_up, rows * 2 * width);
        self.for_each_block(rows, rows_per_task(width), 8 * rows * width, |task| {
            // SAFETY: each row belongs to one task.
            let out = unsafe { out.range(task.start * width, task.len() * width) };
            self.path().run(Forward { out, gate_up: &gate_up[task.start * 2 * width..task.end * 2 * width], width });
        });
    }

    fn swiglu_backward(&self, dgate_up: &mut Buffer<f32>, dout: &Buffer<f32>, gate_up: &Buffer<f32>, rows: usize, width: usize) {
        let dgate_up = SharedMut::new(first_mut("swiglu_backward", "dgate_up", dgate_up, rows * 2 * width));
        let dout = first("swiglu_backward", "dout", dout, rows * width);
        let gate_up = first("swiglu_backward", "gate_up", gate_up, rows * 2 * width);
        self.for_each_block(rows, rows_per_task(width), 8 * rows * width, |task| {
            let at = task.start * 2 * width..task.end * 2 * width;
            // SAFETY: each row belongs to one task.
            let dgate_up = unsafe { dgate_up.range(at.start, at.len()) };
            let dout = &dout[task.start * width..task.end * width];
            self.path().run(Backward { dgate_up, dout, gate_up: &gate_up[at], width });
        });
    }
}

/// Rows of one task: fixed by the width.
fn rows_per_task(width: usize) -> usize {
    (ELEMENTS_PER_TASK / (2 * width).max(1)).max(1)
}

/// Rows `out = gate · σ(gate) · up`.
struct Forward<'a> {
    out: &'a mut [f32],
    gate_up: &'a [f32],
    width: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.width.max(1);
        for (out, row) in self.out.chunks_exact_mut(width).zip(self.gate_up.chunks_exact(2 * width)) {
            let (gate, up) = row.split_at(width);
            for i in 0..width {
                out[i] = gate[i] * sigmoid(gate[i]) * up[i];
            }
        }
    }
}

/// Rows `dup = dout · silu(g)`, `dgate = dout · up · σ(g) · (1 + g · (1 − σ(g)))`.
struct Backward<'a> {
    dgate_up: &'a mut [f32],
    dout: &'a [f32],
    gate_up: &'a [f32],
    width: usize,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.width.max(1);
        let inputs = self.gate_up.chunks_exact(2 * width).zip(self.dout.chunks_exact(width));
        for (drow, (row, dout)) in self.dgate_up.chunks_exact_mut(2 * width).zip(inputs) {
            let ((dgate, dup), (gate, up)) = (drow.split_at_mut(width), row.split_at(width));
            for i in 0..width {
                let (g, d) = (gate[i], dout[i]);
                let s = sigmoid(g);
                dup[i] = d * (g * s);
                dgate[i] = d * up[i] * (s * g.mul_add(1.0 - s, 1.0));
            }
        }
    }
}
