//! The backward's products: any left operand times a row-major right operand, packed on the way.

use std::cell::RefCell;
use std::ops::Range;

use super::tile::{COLUMNS, Onto, ROWS, Sweep, bring_close};
use crate::cpu::simd::{Kernel, LANES, Lanes};
use crate::cpu::{Buffer, SharedMut, SimdPath};
use crate::{Backend, Cpu};

/// Depth of a block whose sum is taken from 0 before it is added to the output; a constant of the bits.
///
/// 128 × 64 floats of a panel stay in the first-level cache while the rows pass over them.
const DEPTH: usize = 128;

/// Most rows and columns of a part: its packed right operand (512 KiB) stays in the second-level cache.
const PART_ROWS: usize = 510;
const PART_COLUMNS: usize = 1024;

/// Rows that pass over all panels of a part before the next rows do.
const BLOCK_ROWS: usize = 192;

/// Distance of the steps of a packed left operand: an odd number of cache lines, so that steps spread over all sets.
const LEFT_STRIDE: usize = BLOCK_ROWS + LANES;

/// Steps of a left operand to ask for before they are packed.
const AHEAD: usize = 6;

/// Packed blocks of one thread.
struct Scratch {
    left: Buffer<f32>,
    right: Buffer<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        left: Buffer::zeros(DEPTH * LEFT_STRIDE).expect("memory for a packed block"),
        right: Buffer::zeros(DEPTH * PART_COLUMNS).expect("memory for packed panels"),
    });
}

/// `c` \[rows × columns\] = or += `a` \[rows × depth\] · `b` \[depth × columns\].
///
/// `dx = dy · W` has a = dy (`a_row` = its stride, `a_step` = 1) and b = W row-major;
/// `dW += dyᵀ · x` has a = dy (`a_row` = 1, `a_step` = its stride) and b = x.
/// The depth is cut in blocks of 128; each block is a chain from 0 and is then added to the output, in order. So the bits
/// depend neither on the number of threads nor on how rows and columns are split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a> {
    /// Left operand: element (row, step) is at `row · a_row + step · a_step`.
    pub a: &'a [f32],
    /// Distance between rows of the left operand.
    pub a_row: usize,
    /// Distance between steps of the left operand.
    pub a_step: usize,
    /// Right operand: element (step, column) is at `step · b_stride + column`.
    pub b: &'a [f32],
    /// Distance between steps of the right operand.
    pub b_stride: usize,
    /// Rows of the output.
    pub rows: usize,
    /// Columns of the output.
    pub columns: usize,
    /// Products per output element.
    pub depth: usize,
    /// Whether the output is added to rather than overwritten.
    pub accumulate: bool,
}

impl Product<'_> {
    /// Computes the product into `c`, element (row, column) at `row · c_stride + column`, on the threads of `cpu`.
    pub fn run(&self, cpu: &Cpu<f32>, c: &mut [f32], c_stride: usize) {
        let parts = self.parts(cpu.threads());
        let c = SharedMut::new(c);
        cpu.for_each_task(parts.len(), self.rows * self.columns * self.depth, |task| {
            let (rows, columns) = parts[task].clone();
            self.run_part(cpu.path(), c, c_stride, rows, columns);
        });
    }

    /// Rows and columns of the output in parts of even size, enough of them to keep `threads` busy, and as many for each.
    pub fn parts(&self, threads: usize) -> Vec<(Range<usize>, Range<usize>)> {
        let groups = self.columns.div_ceil(PART_COLUMNS).max(1);
        let width = self.columns.div_ceil(groups).next_multiple_of(COLUMNS);
        let wanted = if threads > 1 { (2 * threads).div_ceil(groups) } else { 1 };
        let blocks = self.rows.div_ceil(PART_ROWS).max(wanted).next_multiple_of(threads.max(1));
        // fewer than 48 rows would not repay the packing of the right operand
        let blocks = blocks.min(self.rows / 48).max(self.rows.div_ceil(PART_ROWS)).max(1);
        let height = self.rows.div_ceil(blocks).next_multiple_of(ROWS).max(ROWS);
        let mut parts = Vec::with_capacity(groups * blocks);
        for column in (0..self.columns).step_by(width.max(1)) {
            for row in (0..self.rows).step_by(height) {
                parts.push((row..self.rows.min(row + height), column..self.columns.min(column + width)));
            }
        }
        parts
    }

    /// Computes the elements of `rows × columns` of the output on this thread; same bits as the whole.
    ///
    /// Element (row, column) of the whole output is at `row · c_stride + column` of `c`. The caller owns the part.
    pub fn run_part(&self, path: SimdPath, c: SharedMut<f32>, c_stride: usize, rows: Range<usize>, columns: Range<usize>) {
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        assert!(rows.end <= self.rows && columns.end <= self.columns, "product: part out of range");
        assert!(c.len() >= (rows.end - 1) * c_stride + columns.end, "product: output has {} numbers", c.len());
        if self.depth > 0 {
            let (last_row, last_step) = (self.rows - 1, self.depth - 1);
            assert!(self.a.len() > last_row * self.a_row + last_step * self.a_step, "product: a has {} numbers", self.a.len());
            assert!(self.b.len() >= last_step * self.b_stride + self.columns, "product: b has {} numbers", self.b.len());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            for column in columns.clone().step_by(PART_COLUMNS) {
                let columns = column..columns.end.min(column + PART_COLUMNS);
                let mut step = 0;
                loop {
                    let depth = DEPTH.min(self.depth - step);
                    self.run_block(path, scratch, c, c_stride, rows.clone(), columns.clone(), step..step + depth);
                    step += depth;
                    if step == self.depth {
                        break;
                    }
                }
            }
        });
    }

    /// Adds one block of the depth to a part that was checked.
    fn run_block(
        &self,
        path: SimdPath,
        scratch: &mut Scratch,
        c: SharedMut<f32>,
        c_stride: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        steps: Range<usize>,
    ) {
        let depth = steps.len();
        // walking a left operand whose rows lie side by side as it is would touch a page per step
        let pack_left = self.a_row == 1 && depth > 0;
        for row in rows.clone().step_by(BLOCK_ROWS) {
            let height = BLOCK_ROWS.min(rows.end - row);
            let mut a = self.a.as_ptr().wrapping_add(row * self.a_row + steps.start * self.a_step);
            let mut a_step = self.a_step;
            if pack_left {
                let from = &self.a[row + steps.start * self.a_step..];
                path.run(PackLeft { to: &mut scratch.left, from, a_step, rows: height, depth });
                (a, a_step) = (scratch.left.as_ptr(), LEFT_STRIDE);
            }
            for column in columns.clone().step_by(COLUMNS) {
                let source = (self.b.as_ptr().wrapping_add(steps.start * self.b_stride + column), self.b_stride);
                let sweep = Sweep {
                    c: c.pointer(row * c_stride + column),
                    c_stride,
                    columns: COLUMNS.min(columns.end - column),
                    a,
                    a_row: self.a_row,
                    a_step,
                    b: scratch.right[(column - columns.start) * DEPTH..].as_mut_ptr(),
                    source: (row == rows.start).then_some(source),
                    rows: height,
                    depth,
                    onto: if steps.start > 0 || self.accumulate { Onto::Sum } else { Onto::Nothing },
                    ahead: 0,
                };
                // SAFETY: `run_part` asserted the bounds; its caller owns this part of `c`; `Cpu` checked the path.
                unsafe { sweep.run(path) }
            }
        }
    }
}

/// Copies a block of a left operand whose rows lie side by side, so that its steps lie [`LEFT_STRIDE`] apart.
struct PackLeft<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    a_step: usize,
    rows: usize,
    depth: usize,
}

impl Kernel for PackLeft<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (step, to) in self.to.chunks_exact_mut(LEFT_STRIDE).take(self.depth).enumerate() {
            let ahead = self.from.as_ptr().wrapping_add((step + AHEAD) * self.a_step);
            for row in (0..self.rows).step_by(LANES) {
                bring_close(ahead.wrapping_add(row));
            }
            let from = &self.from[step * self.a_step..][..self.rows];
            let (to, to_rest) = to[..self.rows].as_chunks_mut::<LANES>();
            let (from, from_rest) = from.as_chunks::<LANES>();
            for (to, from) in to.iter_mut().zip(from) {
                let lanes: Lanes = *from;
                *to = lanes;
            }
            to_rest.copy_from_slice(from_rest);
        }
    }
}
