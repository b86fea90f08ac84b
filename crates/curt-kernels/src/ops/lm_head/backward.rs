//! The backward: logits of a block of rows and a few chunks are computed again, turned into their gradients in place and
//! multiplied away, before the next chunks come.
//!
//! Only rows with a gradient take part: they are gathered first, and their `dx` is scattered at the end. Sums over the
//! vocabulary go in chunk order, sums over rows in row order; tiles are fixed by the sizes alone.

use std::cell::RefCell;
use std::ops::Range;

use super::cpu::{BLOCK_ROWS, Head};
use super::sample::chunk_columns;
use super::stats::{LogitGradient, lanes};
use super::{HeadFacts, LmHeadShape, VOCAB_CHUNK};
use crate::cpu::SharedMut;
use crate::cpu::simd::LANES;
use crate::ops::linear::panels::{COLUMNS, Panels};
use crate::ops::linear::product::Product;
use crate::{Backend, Cpu};

/// Chunks whose logit gradients exist at once.
pub(super) const GROUP_CHUNKS: usize = 4;

/// Numbers in a block of logit gradients, and in a block of gathered rows: 1 MiB each, unless ...
const BLOCK_NUMBERS: usize = 1 << 18;

/// ... the vocabulary or the width are so large that this would be fewer than this many rows.
const MIN_BLOCK_ROWS: usize = 512;

thread_local! {
    /// Logit gradients, gathered rows and their gradients, kept between calls because fresh memory is slow at first touch.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

/// Distance between rows of logit gradients: 16 more than a multiple of the panel, because a power of two would put a
/// column's numbers into the same cache lines.
fn stride(vocab: usize) -> usize {
    vocab.next_multiple_of(COLUMNS).min(GROUP_CHUNKS * VOCAB_CHUNK) + 16
}

/// Rows of a block when `active` rows have a gradient; part of the order of the sums over rows.
pub(super) fn block_rows(shape: LmHeadShape, active: usize) -> usize {
    (BLOCK_NUMBERS / stride(shape.vocab).max(shape.width)).max(MIN_BLOCK_ROWS).min(active)
}

/// What the backward reads.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub dlogprob: &'a [f32],
    pub dentropy: &'a [f32],
    pub facts: &'a HeadFacts<Cpu<f32>>,
    pub x: &'a [f32],
    pub weight: &'a [f32],
    pub packed: &'a Panels,
    pub targets: &'a [u32],
    pub shape: LmHeadShape,
}

/// Overwrites `dx` and adds to `dweight`; sizes were checked.
pub(super) fn run(cpu: &Cpu<f32>, dx: &mut [f32], dweight: &mut [f32], inputs: Inputs) {
    let LmHeadShape { rows, vocab, width, .. } = inputs.shape;
    dx.fill(0.0);
    let active: Vec<usize> = (0..rows).filter(|&r| inputs.dlogprob[r] != 0.0 || inputs.dentropy[r] != 0.0).collect();
    let (stride, block_rows) = (stride(vocab), block_rows(inputs.shape, active.len()));
    let [mut dz, mut x, mut dx_block] = SCRATCH.take();
    for (buffer, len) in [(&mut dz, block_rows * stride), (&mut x, block_rows * width), (&mut dx_block, block_rows * width)] {
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
    }
    for rows in active.chunks(block_rows.max(1)) {
        for (&row, line) in rows.iter().zip(x.chunks_exact_mut(width)) {
            line.copy_from_slice(&inputs.x[row * width..][..width]);
        }
        let block = Block { cpu, inputs, rows, x: &x, stride };
        for first in (0..vocab.div_ceil(VOCAB_CHUNK)).step_by(GROUP_CHUNKS) {
            block.logit_gradients(&mut dz, first);
            block.products(&mut dx_block, dweight, &dz, first);
        }
        for (&row, line) in rows.iter().zip(dx_block.chunks_exact(width)) {
            dx[row * width..][..width].copy_from_slice(line);
        }
    }
    SCRATCH.set([dz, x, dx_block]);
}

/// A block of gathered rows.
struct Block<'a> {
    cpu: &'a Cpu<f32>,
    inputs: Inputs<'a>,
    /// Their places in the inputs.
    rows: &'a [usize],
    /// Their `x`.
    x: &'a [f32],
    /// Distance between rows of logit gradients.
    stride: usize,
}

impl Block<'_> {
    /// Tokens of the chunks `first .. first + GROUP_CHUNKS`: the first one and how many.
    fn tokens(&self, first: usize) -> (usize, usize) {
        let start = first * VOCAB_CHUNK;
        (start, (GROUP_CHUNKS * VOCAB_CHUNK).min(self.inputs.shape.vocab - start))
    }

    /// The gradients of the group's logits into `dz` \[rows × stride\].
    fn logit_gradients(&self, dz: &mut [f32], first: usize) {
        let shape = LmHeadShape { rows: self.rows.len(), ..self.inputs.shape };
        let head = Head { path: self.cpu.path(), x: self.x, weight: self.inputs.packed, shape };
        let (_, tokens) = self.tokens(first);
        let blocks = self.rows.len().div_ceil(BLOCK_ROWS);
        let dz = SharedMut::new(dz);
        self.cpu.for_each_task(blocks * tokens.div_ceil(VOCAB_CHUNK), self.rows.len() * tokens * shape.width, |task| {
            let (chunk, start) = (first + task / blocks, task % blocks * BLOCK_ROWS);
            let count = BLOCK_ROWS.min(self.rows.len() - start);
            let at = |row: usize| row * self.stride + (chunk - first) * VOCAB_CHUNK;
            head.chunk_logits(dz, at(start), self.stride, start, count, chunk);
            let columns = chunk_columns(chunk, shape.vocab);
            for row in start..start + count {
                // SAFETY: each task writes its own rows of its own chunk.
                let logits = unsafe { dz.range(at(row), columns.len().next_multiple_of(LANES)) };
                self.gradient_of_row(logits, columns.clone(), self.rows[row], head.scale());
            }
        });
    }

    /// Turns the raw logits of `tokens` of the input row `row` into their gradients.
    fn gradient_of_row(&self, line: &mut [f32], tokens: Range<usize>, row: usize, scale: f32) {
        let Inputs { dlogprob, dentropy, facts, targets, .. } = self.inputs;
        let (dlogprob, dentropy) = (dlogprob[row], dentropy[row]);
        let (lse, entropy) = (facts.lse[row], facts.entropy[row]);
        let logits = lanes(line, tokens.len());
        self.cpu.path().run(LogitGradient { logits, scale, lse, entropy, dlogprob, dentropy });
        let target = targets[row] as usize;
        if tokens.contains(&target) {
            line[target - tokens.start] += dlogprob * scale;
        }
    }

    /// `dx (+)= dz · W` over the group's tokens and `dW += dzᵀ · x` for them.
    fn products(&self, dx: &mut [f32], dweight: &mut [f32], dz: &[f32], first: usize) {
        let (rows, width) = (self.rows.len(), self.inputs.shape.width);
        let (start, tokens) = self.tokens(first);
        let for_dx = Product {
            a: dz,
            a_row: self.stride,
            a_step: 1,
            b: &self.inputs.weight[start * width..],
            b_stride: width,
            rows,
            columns: width,
            depth: tokens,
            accumulate: first > 0,
        };
        let for_dweight = Product {
            a: dz,
            a_row: 1,
            a_step: self.stride,
            b: self.x,
            b_stride: width,
            rows: tokens,
            columns: width,
            depth: rows,
            accumulate: true,
        };
        let dx = SharedMut::new(dx);
        let dweight = SharedMut::new(&mut dweight[start * width..]);
        let (dx_parts, dweight_parts) = (for_dx.parts(self.cpu.threads()), for_dweight.parts(self.cpu.threads()));
        let tasks = dx_parts.len() + dweight_parts.len();
        self.cpu.for_each_task(tasks, 2 * rows * tokens * width, |task| {
            let (product, out, (rows, columns)) = match dx_parts.get(task) {
                Some(part) => (&for_dx, dx, part.clone()),
                None => (&for_dweight, dweight, dweight_parts[task - dx_parts.len()].clone()),
            };
            product.run_part(self.cpu.path(), out, width, rows, columns);
        });
    }
}
