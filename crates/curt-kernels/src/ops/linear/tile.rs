//! The micro-kernel: a tile of a few rows by a panel of 64 columns, kept in registers while the depth is walked.
//!
//! Each output element has a lane of its own and adds its products in order of depth by fused multiply-add. So its bits
//! depend neither on the shape of the tile, nor on where the depth is cut (an accumulator stored and reloaded is the
//! same f32), nor on the instruction set.

use std::ops::Range;

use crate::cpu::simd::{Kernel, LANES, Lanes, SimdPath, fma, run_portable};
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::{run_avx2, run_avx512};

/// Columns of a panel: four virtual registers.
pub(crate) const COLUMNS: usize = 64;

/// Rows of the largest tile: 6 × 4 accumulators, 4 panel registers and one broadcast fit the 32 registers of AVX-512,
/// 6 × 1 (two machine registers each) with its operands the 16 of AVX2.
pub(super) const ROWS: usize = 6;

/// How a tile meets what stands in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    /// The sum starts at 0 and overwrites.
    Nothing,
    /// The sum goes on from the output, as if the depth had not been cut.
    Chain,
    /// The sum starts at 0 and is added to the output at the end.
    Sum,
}

/// `c` \[rows × columns\] = or += `a` \[rows × depth\] · `b` \[depth × 64\], for one packed panel block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// Output, `c_stride` apart per row.
    pub c: *mut f32,
    pub c_stride: usize,
    /// Columns to write, at most [`COLUMNS`].
    pub columns: usize,
    /// Left operand: element (row, step) is at `row * a_row + step * a_step`.
    pub a: *const f32,
    pub a_row: usize,
    pub a_step: usize,
    /// Panel block, \[depth\]\[64\].
    pub b: *mut f32,
    /// Where to pack the panel block from, if it is not packed yet: its first element and the distance of its steps.
    pub source: Option<(*const f32, usize)>,
    pub rows: usize,
    pub depth: usize,
    pub onto: Onto,
    /// Steps of the panel behind this block to bring near meanwhile.
    pub ahead: usize,
}

impl Sweep {
    /// Computes the block.
    ///
    /// # Safety
    /// All elements named by the fields are in bounds, nobody else touches those of `c` (and, with a `source`, of `b`)
    /// meanwhile, and the processor has `path`.
    #[inline(always)]
    pub unsafe fn run(self, path: SimdPath) {
        // each width only where it is used: `SimdPath::run` would compile all of them for every instruction set
        match path {
            // SAFETY: the caller vouches for the path.
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx512 => unsafe { run_avx512(Body::<4>(self)) },
            // SAFETY: as above. A quarter of the panel at a time, for there are 16 registers of half the width.
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx2 => unsafe { run_avx2(Body::<1>(self)) },
            _ => run_portable(PlainBody(self)),
        }
    }

    /// Packs the panel block by itself.
    #[inline(always)]
    unsafe fn pack(&self, source: *const f32, stride: usize) {
        for step in 0..self.depth {
            // SAFETY: in bounds by the promise of `Sweep::run`.
            unsafe {
                std::ptr::copy_nonoverlapping(source.add(step * stride), self.b.add(step * COLUMNS), self.columns);
            }
        }
    }
}

/// A sweep with tiles of `VECTORS` virtual registers across.
struct Body<const VECTORS: usize>(Sweep);

impl<const VECTORS: usize> Kernel for Body<VECTORS> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let sweep = self.0;
        let tiles = sweep.rows.div_ceil(ROWS);
        let mut row = 0;
        for t in 0..tiles {
            // rows spread evenly, so that no tile is left with too few to hide the latency of the adder
            let rows = sweep.rows / tiles + usize::from(t < sweep.rows % tiles);
            // SAFETY: `Sweep::run`'s caller vouches for all rows of the sweep; the tile takes `rows` of them.
            unsafe {
                match (sweep.source, t) {
                    (Some(_), 0) if rows == ROWS && sweep.columns == COLUMNS => {
                        across::<ROWS, VECTORS, 0, true>(sweep, row, t, tiles);
                        row += rows;
                        continue;
                    }
                    (Some((source, stride)), 0) => sweep.pack(source, stride),
                    _ => {}
                }
                // the more tiles share the fetching, the fewer fetches per step
                match (rows, tiles) {
                    (1, _) => across::<1, VECTORS, 4, false>(sweep, row, t, tiles),
                    (2, _) => across::<2, VECTORS, 4, false>(sweep, row, t, tiles),
                    (3, 1) => across::<3, VECTORS, 4, false>(sweep, row, t, tiles),
                    (4, 1) => across::<4, VECTORS, 4, false>(sweep, row, t, tiles),
                    (5, 1) => across::<5, VECTORS, 4, false>(sweep, row, t, tiles),
                    (6, 1) => across::<6, VECTORS, 4, false>(sweep, row, t, tiles),
                    (3, _) => across::<3, VECTORS, 2, false>(sweep, row, t, tiles),
                    (4, 2 | 3) => across::<4, VECTORS, 2, false>(sweep, row, t, tiles),
                    (5, 2 | 3) => across::<5, VECTORS, 2, false>(sweep, row, t, tiles),
                    (6, 2 | 3) => across::<6, VECTORS, 2, false>(sweep, row, t, tiles),
                    (4, _) => across::<4, VECTORS, 1, false>(sweep, row, t, tiles),
                    (5, _) => across::<5, VECTORS, 1, false>(sweep, row, t, tiles),
                    _ => across::<6, VECTORS, 1, false>(sweep, row, t, tiles),
                }
            }
            row += rows;
        }
    }
}

/// A sweep one row at a time, for processors on which each multiply-add is a call of a function.
struct PlainBody(Sweep);

impl Kernel for PlainBody {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let sweep = self.0;
        // SAFETY: `Sweep::run`'s caller vouches for all rows of the sweep.
        unsafe {
            if let Some((source, stride)) = sweep.source {
                sweep.pack(source, stride);
            }
            for row in 0..sweep.rows {
                across::<1, 1, 0, false>(sweep, row, row, sweep.rows);
            }
        }
    }
}

/// The tiles of `R` rows from `row` on, across the panel: the `t`-th of `tiles`.
#[inline(always)]
unsafe fn across<const R: usize, const VECTORS: usize, const FETCHES: usize, const PACK: bool>(
    sweep: Sweep,
    row: usize,
    t: usize,
    tiles: usize,
) {
    // SAFETY: in bounds by the promise of `Sweep::run`; a ragged panel goes through a whole tile on the stack.
    unsafe {
        // spread evenly over all tiles: a burst of more lines than a core can wait for would hold up its own loads
        let strips = COLUMNS / LANES / VECTORS;
        let share = (sweep.ahead * COLUMNS / LANES).div_ceil(tiles * strips);
        let fetching = share.checked_div(FETCHES).unwrap_or(0).min(sweep.depth);
        let a = sweep.a.add(row * sweep.a_row);
        let c = sweep.c.add(row * sweep.c_stride);
        if sweep.columns == COLUMNS {
            for v in (0..COLUMNS / LANES).step_by(VECTORS) {
                let fetch = ((t * strips + v / VECTORS) * share, fetching);
                if VECTORS == 1 && R > 1 {
                    bring_operands::<R>(c.add(v * LANES), a, v / VECTORS, strips, sweep);
                }
                tile::<R, VECTORS, FETCHES, PACK>(c.add(v * LANES), sweep.c_stride, a, v * LANES, sweep, fetch);
            }
            return;
        }
        let mut whole = [[0.0f32; COLUMNS]; R];
        for (r, line) in whole.iter_mut().enumerate() {
            std::ptr::copy_nonoverlapping(c.add(r * sweep.c_stride), line.as_mut_ptr(), sweep.columns);
        }
        for v in (0..sweep.columns.div_ceil(LANES)).step_by(VECTORS) {
            let whole = whole.as_mut_ptr().cast::<f32>();
            tile::<R, VECTORS, FETCHES, PACK>(whole.add(v * LANES), COLUMNS, a, v * LANES, sweep, (0, 0));
        }
        for (r, line) in whole.iter().enumerate() {
            std::ptr::copy_nonoverlapping(line.as_ptr(), c.add(r * sweep.c_stride), sweep.columns);
        }
    }
}

/// Asks for the numbers of the output that the tile will be added to, and for one of `strips` parts of the left operand's next
/// rows: where the rows come from memory, a tile would wait for each of their lines.
#[inline(always)]
fn bring_operands<const R: usize>(c: *const f32, a: *const f32, strip: usize, strips: usize, sweep: Sweep) {
    let part = sweep.depth / strips;
    for r in 0..R {
        if sweep.onto != Onto::Nothing {
            bring_close(c.wrapping_add(r * sweep.c_stride));
        }
        if sweep.a_step == 1 {
            for step in (strip * part..(strip + 1) * part).step_by(LANES) {
                bring_close(a.wrapping_add((R + r) * sweep.a_row + step));
            }
        }
    }
}

/// One tile: `R` rows by `V` virtual registers, from `column` of the panel on.
///
/// `fetch` is the first cache line to bring near and the number of steps that do.
#[inline(always)]
unsafe fn tile<const R: usize, const V: usize, const FETCHES: usize, const PACK: bool>(
    c: *mut f32,
    c_stride: usize,
    a: *const f32,
    column: usize,
    sweep: Sweep,
    fetch: (usize, usize),
) {
    // SAFETY: in bounds by the promise of `Sweep::run`.
    unsafe {
        let out = |r: usize, v: usize| c.add(r * c_stride + v * LANES).cast::<Lanes>();
        let mut start = [[[0.0f32; LANES]; V]; R];
        if sweep.onto == Onto::Chain {
            for r in 0..R {
                for v in 0..V {
                    start[r][v] = *out(r, v);
                }
            }
        }
        let end = chains::<R, V, FETCHES, PACK>(start, a, column, 0..fetch.1, sweep, fetch.0);
        let end = chains::<R, V, 0, PACK>(end, a, column, fetch.1..sweep.depth, sweep, 0);
        for r in 0..R {
            for v in 0..V {
                let mut lanes = end[r][v];
                if sweep.onto == Onto::Sum {
                    let before = *out(r, v);
                    for l in 0..LANES {
                        lanes[l] += before[l];
                    }
                }
                *out(r, v) = lanes;
            }
        }
    }
}

/// The accumulators after `steps`. By value, so that the compiler keeps them in registers all the way.
///
/// With `PACK` the panel is read at its source and written to its block on the way, so that the copying hides behind the
/// arithmetic.
#[inline(always)]
unsafe fn chains<const R: usize, const V: usize, const FETCHES: usize, const PACK: bool>(
    mut acc: [[Lanes; V]; R],
    a: *const f32,
    column: usize,
    steps: Range<usize>,
    sweep: Sweep,
    fetch: usize,
) -> [[Lanes; V]; R] {
    let behind = sweep.b.wrapping_add(sweep.depth * COLUMNS);
    let (from, stride) = match sweep.source {
        Some(source) if PACK => source,
        _ => (sweep.b.cast_const(), COLUMNS),
    };
    for step in steps {
        for i in 0..FETCHES {
            bring_near(behind.wrapping_add((fetch + step * FETCHES + i) * LANES));
        }
        // SAFETY: in bounds by the promise of `Sweep::run`.
        unsafe {
            let mut line = [[0.0f32; LANES]; V];
            for v in 0..V {
                line[v] = *from.add(step * stride + column + v * LANES).cast::<Lanes>();
                if PACK {
                    // the line beside it is what the next tile across begins with
                    bring_close(from.wrapping_add(step * stride + column + (v + V) * LANES));
                    *sweep.b.add(step * COLUMNS + column + v * LANES).cast::<Lanes>() = line[v];
                }
            }
            for r in 0..R {
                let x = *a.add(r * sweep.a_row + step * sweep.a_step);
                for v in 0..V {
                    fma(&mut acc[r][v], x, &line[v]);
                }
            }
        }
    }
    acc
}

/// Asks for a line of the second-level cache; the address may be any.
#[inline(always)]
fn bring_near(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that never faults; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks for a line of the first-level cache; the address may be any.
#[inline(always)]
pub(super) fn bring_close(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that never faults; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
