//! The two register tiles that attention is made of, and its view of the pages.
//!
//! Both keep a block of results in registers and walk their sum in order, one fused multiply-add per lane and term, so
//! the shape of a tile changes no bit.

use super::{AttentionShape, PAGE};
use crate::cpu::simd::{LANES, Lanes};
use crate::cpu::vector::Vector;

/// The pages of one sequence as one key head sees them.
#[derive(Clone, Copy)]
pub(super) struct HeadPages<'a> {
    /// All keys of the layer.
    pub k: &'a [f32],
    /// All values of the layer.
    pub v: &'a [f32],
    /// The sequence's page ids.
    pub pages: &'a [u32],
    /// The key head.
    pub kv_head: usize,
    /// Sizes.
    pub shape: AttentionShape,
}

impl<'a> HeadPages<'a> {
    #[inline(always)]
    fn start(&self, page: usize) -> usize {
        (self.pages[page] as usize * self.shape.kv_heads + self.kv_head) * self.shape.head_dim * PAGE
    }

    /// The keys of a page: `head_dim` registers of 16 tokens.
    #[inline(always)]
    pub fn keys(&self, page: usize) -> &'a [Lanes] {
        let start = self.start(page);
        self.k[start..start + self.shape.head_dim * PAGE].as_chunks().0
    }

    /// Asks for the values of a page ahead of their use.
    #[inline(always)]
    pub fn fetch_values(&self, page: usize) {
        #[cfg(target_arch = "x86_64")]
        for line in self.values(page).chunks(64 / size_of::<f32>()) {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            // SAFETY: a prefetch reads nothing; SSE is part of the architecture.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
        }
    }

    /// The values of a page: 16 rows of `head_dim`.
    #[inline(always)]
    pub fn values(&self, page: usize) -> &'a [f32] {
        let start = self.start(page);
        &self.v[start..start + self.shape.head_dim * PAGE]
    }
}

/// The products of T vectors with the 16 tokens of each of P pages: `sum_d x[t][d] · page[d]`, d in order.
#[inline(always)]
pub(super) fn products<V: Vector, const T: usize, const P: usize>(x: [&[f32]; T], pages: [&[Lanes]; P]) -> [[Lanes; T]; P] {
    let depth = pages[0].len();
    assert!(pages.iter().all(|page| page.len() == depth) && x.iter().all(|x| x.len() == depth));
    let mut acc = [[V::splat(0.0); T]; P];
    for d in 0..depth {
        let mut rows = [V::splat(0.0); P];
        for p in 0..P {
            // SAFETY: d < depth, the length of all pages.
            rows[p] = V::load(unsafe { pages[p].get_unchecked(d) });
        }
        for t in 0..T {
            // SAFETY: d < depth, the length of all vectors.
            let x = V::splat(unsafe { *x[t].get_unchecked(d) });
            for p in 0..P {
                acc[p][t] = acc[p][t].fma(x, rows[p]);
            }
        }
    }
    let mut sums = [[[0.0; LANES]; T]; P];
    for p in 0..P {
        for t in 0..T {
            acc[p][t].store(&mut sums[p][t]);
        }
    }
    sums
}

/// A matrix in memory with strides: element (r, i) is `data[r · row + i · column]`.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    /// First element.
    pub data: &'a [f32],
    /// Distance of consecutive rows.
    pub row: usize,
    /// Distance of consecutive columns.
    pub column: usize,
}

/// `acc[t][c] += sum_r a(r, t) · x[r][16 c ..]` for r in 0 .. rows, in order; row r of x starts at `x[r · width]`.
#[inline(always)]
pub(super) fn rank_update<V: Vector, const T: usize, const C: usize>(
    acc: &mut [[V; C]; T],
    a: Strided<'_>,
    x: &[f32],
    width: usize,
    rows: usize,
) {
    if rows == 0 {
        return;
    }
    assert!((rows - 1) * a.row + (T - 1) * a.column < a.data.len() && (rows - 1) * width + C * LANES <= x.len());
    for r in 0..rows {
        // SAFETY: r < rows, t < T and c < C; the last element of either is in bounds by the assertion.
        unsafe {
            let x = x.as_ptr().add(r * width).cast::<Lanes>();
            let factors = a.data.as_ptr().add(r * a.row);
            let mut row = [V::splat(0.0); C];
            for c in 0..C {
                row[c] = V::load(&*x.add(c));
            }
            for t in 0..T {
                let factor = V::splat(*factors.add(t * a.column));
                for c in 0..C {
                    acc[t][c] = acc[t][c].fma(factor, row[c]);
                }
            }
        }
    }
}

/// Reads a T × 16 C block of the rows of `y`, which are `width` apart.
#[inline(always)]
pub(super) fn load_block<V: Vector, const T: usize, const C: usize>(y: &[f32], width: usize) -> [[V; C]; T] {
    let mut block = [[V::splat(0.0); C]; T];
    for t in 0..T {
        let row = y[t * width..][..C * LANES].as_chunks().0;
        for c in 0..C {
            block[t][c] = V::load(&row[c]);
        }
    }
    block
}

/// Writes what [`load_block`] reads.
#[inline(always)]
pub(super) fn store_block<V: Vector, const T: usize, const C: usize>(y: &mut [f32], width: usize, block: &[[V; C]; T]) {
    for t in 0..T {
        let row = y[t * width..][..C * LANES].as_chunks_mut().0;
        for c in 0..C {
            block[t][c].store(&mut row[c]);
        }
    }
}
