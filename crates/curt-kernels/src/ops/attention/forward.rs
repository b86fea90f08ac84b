//! Forward: a tile of T queries of one sequence and key head walks the pages of the sequence.
//!
//! Neighbouring rows and the query heads that share a key head are neighbours in a tile, so a page is loaded once for
//! all of them. Tiles are T consecutive queries, T ≤ 8; what a query computes does not depend on its neighbours.

use super::PAGE;
use super::tiles::{HeadPages, Strided, load_block, products, rank_update, store_block};
use crate::cpu::simd::{LANES, Lanes};
use crate::cpu::vector::{self, Vector, VectorKernel};
use crate::cpu::{SharedMut, SimdPath};
use crate::math;

/// Pages whose scores exist at once.
const BLOCK: usize = 8;

/// Queries of the largest tile.
const QUERIES: usize = 8;

/// Buffers of one task, reused by its tiles.
#[derive(Default)]
pub(super) struct Scratch {
    sums: Vec<f32>,
    values: Vec<f32>,
}

/// Query rows of one sequence and the query heads of one key head.
#[derive(Clone, Copy)]
pub(super) struct ForwardBlock<'a> {
    /// Queries \[rows × heads · head_dim\].
    pub q: &'a [f32],
    /// Outputs, laid out as `q`.
    pub out: SharedMut<'a, f32>,
    /// Log of the sum of exponentials \[rows × heads\].
    pub lse: SharedMut<'a, f32>,
    /// The pages of the sequence.
    pub pages: HeadPages<'a>,
    /// First row of the block.
    pub row: usize,
    /// Rows of the block.
    pub rows: usize,
    /// Position of the first row in its sequence.
    pub position: usize,
}

impl ForwardBlock<'_> {
    /// Computes the block tile by tile.
    pub fn run(self, path: SimdPath, scratch: &mut Scratch) {
        let queries = self.rows * self.pages.shape.group();
        // 16 registers hold fewer sums than 32
        let tile = if path == SimdPath::Avx512 { QUERIES } else { 4 };
        let mut first = 0;
        while first < queries {
            first += match tile.min(queries - first) {
                1 => self.run_tile::<1>(path, first, scratch),
                2 => self.run_tile::<2>(path, first, scratch),
                3 => self.run_tile::<3>(path, first, scratch),
                4..8 => self.run_tile::<4>(path, first, scratch),
                _ => self.run_tile::<QUERIES>(path, first, scratch),
            };
        }
    }

    /// Returns how many queries the tile took.
    fn run_tile<const T: usize>(self, path: SimdPath, first: usize, scratch: &mut Scratch) -> usize {
        vector::run(path, ForwardTile::<T> { block: self, first, scratch });
        T
    }
}

/// T consecutive queries of a block, counted row by row and head by head.
struct ForwardTile<'a, 'b, const T: usize> {
    block: ForwardBlock<'a>,
    first: usize,
    scratch: &'b mut Scratch,
}

/// Up to [`BLOCK`] pages on their way through a tile.
struct PageBlock<'a, const T: usize> {
    count: usize,
    /// Products, then scores, then weights.
    p: [[Lanes; T]; BLOCK],
    /// Factor on what was summed before, per page and query; page b and query t at `b · T + t`.
    alpha: [f32; BLOCK * QUERIES],
    /// Keys that each query sees; rises along the tile.
    visible: [[usize; T]; BLOCK],
    /// Rows of values, `width` apart.
    values: [&'a [f32]; BLOCK],
    width: usize,
}

impl<const T: usize> VectorKernel for ForwardTile<'_, '_, T> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        if T > 4 && !V::WIDE {
            unreachable!("too few registers");
        }
        let ForwardTile { block, first, scratch } = self;
        let shape = block.pages.shape;
        let (group, hd) = (shape.group(), shape.head_dim);
        let width = hd.next_multiple_of(LANES);
        let head = |t: usize| {
            let (row, head) = ((first + t) / group, (first + t) % group);
            (block.row + row) * shape.heads + block.pages.kv_head * group + head
        };

        scratch.sums.clear();
        scratch.sums.resize(width * T, 0.0);
        scratch.values.resize(if width == hd { 0 } else { BLOCK * PAGE * width }, 0.0);
        let mut queries: [&[f32]; T] = [&[]; T];
        for t in 0..T {
            queries[t] = &block.q[head(t) * hd..][..hd];
        }

        let mut position = [0; T];
        for t in 0..T {
            position[t] = block.position + (first + t) / group;
        }
        let (mut max, mut sum) = ([f32::NEG_INFINITY; T], [0.0; T]);
        let mut now = PageBlock {
            count: 0,
            p: [[[0.0; LANES]; T]; BLOCK],
            alpha: [0.0; BLOCK * QUERIES],
            visible: [[0; T]; BLOCK],
            values: [&[]; BLOCK],
            width: hd,
        };
        let end = position[T - 1] / PAGE + 1;
        // a tile with neighbours has its pages in the cache, or makes it worth their while
        let alone = block.rows * group <= T;
        for page in (0..end).step_by(BLOCK) {
            now.count = BLOCK.min(end - page);
            for b in 0..now.count {
                for t in 0..T {
                    now.visible[b][t] = (position[t] + 1).saturating_sub((page + b) * PAGE).min(PAGE);
                }
                now.values[b] = block.pages.values(page + b);
                if alone {
                    block.pages.fetch_values(page + b);
                }
            }
            block_products::<V, T>(&mut now.p, queries, &block.pages, page, now.count);
            softmax::<V, T>(&mut now, &mut max, &mut sum, shape.scale as f32);
            if width == hd {
                weigh_values::<V, T>(&mut scratch.sums, width, &now);
            } else {
                pad_values(&mut scratch.values, &now, hd, width);
                let mut padded = PageBlock { width, ..now };
                for (values, page) in padded.values.iter_mut().zip(scratch.values.chunks(PAGE * width)) {
                    *values = page;
                }
                weigh_values::<V, T>(&mut scratch.sums, width, &padded);
            }
        }

        for t in 0..T {
            // SAFETY: this tile alone owns its queries' outputs.
            let (out, lse) = unsafe { (block.out.range(head(t) * hd, hd), block.lse.range(head(t), 1)) };
            let inverse = 1.0 / sum[t];
            for (y, o) in out.iter_mut().zip(&scratch.sums[t * width..]) {
                *y = o * inverse;
            }
            lse[0] = max[t] + math::ln(sum[t]);
        }
    }
}

/// Unscaled scores of `count` pages from `page` on. Several pages at a time when that takes to fill the registers.
#[inline(always)]
fn block_products<V: Vector, const T: usize>(
    scores: &mut [[Lanes; T]; BLOCK],
    queries: [&[f32]; T],
    pages: &HeadPages<'_>,
    page: usize,
    count: usize,
) {
    let keys = |b: usize| pages.keys(page + b);
    let mut b = 0;
    if V::WIDE && T <= 4 {
        while b + 4 <= count {
            let four = products::<V, T, 4>(queries, [keys(b), keys(b + 1), keys(b + 2), keys(b + 3)]);
            scores[b..b + 4].copy_from_slice(&four);
            b += 4;
        }
    }
    if V::WIDE || T <= 2 {
        while b + 2 <= count {
            scores[b..b + 2].copy_from_slice(&products::<V, T, 2>(queries, [keys(b), keys(b + 1)]));
            b += 2;
        }
    }
    while b < count {
        scores[b..b + 1].copy_from_slice(&products::<V, T, 1>(queries, [keys(b)]));
        b += 1;
    }
}

/// Turns products into weights, page after page; raises `max` and carries `sum` on.
#[inline(always)]
fn softmax<V: Vector, const T: usize>(now: &mut PageBlock<'_, T>, max: &mut [f32; T], sum: &mut [f32; T], scale: f32) {
    let mut raised = [[0.0; T]; BLOCK];
    for b in 0..now.count {
        for t in 0..T {
            let scores = V::load(&now.p[b][t]).mul(V::splat(scale)).first(now.visible[b][t], f32::NEG_INFINITY);
            scores.store(&mut now.p[b][t]);
            let page_max = scores.max();
            raised[b][t] = if page_max > max[t] { page_max } else { max[t] };
            now.alpha[b * T + t] = max[t] - raised[b][t];
            max[t] = raised[b][t];
        }
    }
    let alpha = now.alpha.as_chunks_mut::<LANES>().0;
    for x in &mut alpha[..(now.count * T).div_ceil(LANES)] {
        V::load(x).exp_or_zero().store(x);
    }
    for b in 0..now.count {
        for t in 0..T {
            let p = V::load(&now.p[b][t]).sub(V::splat(raised[b][t])).exp_or_zero();
            p.store(&mut now.p[b][t]);
            sum[t] = sum[t].mul_add(now.alpha[b * T + t], p.sum());
        }
    }
}

/// Copies the visible values of a head whose width is no multiple of 16 to padded rows.
#[inline(always)]
fn pad_values<const T: usize>(padded: &mut [f32], now: &PageBlock<'_, T>, hd: usize, width: usize) {
    for (b, page) in padded.chunks_mut(PAGE * width).enumerate().take(now.count) {
        for j in 0..now.visible[b][T - 1] {
            page[j * width..][..hd].copy_from_slice(&now.values[b][j * hd..][..hd]);
        }
    }
}

/// `sums = sums · alpha + sum_j p_j · v_j`, page after page, j in order.
#[inline(always)]
fn weigh_values<V: Vector, const T: usize>(sums: &mut [f32], width: usize, now: &PageBlock<'_, T>) {
    let mut column = 0;
    if T <= 4 {
        while column + 4 * LANES <= width {
            weigh_columns::<V, T, 4>(sums, width, column, now);
            column += 4 * LANES;
        }
    }
    while column + 2 * LANES <= width {
        weigh_columns::<V, T, 2>(sums, width, column, now);
        column += 2 * LANES;
    }
    if column < width {
        weigh_columns::<V, T, 1>(sums, width, column, now);
    }
}

/// [`weigh_values`] for 16 C columns.
#[inline(always)]
fn weigh_columns<V: Vector, const T: usize, const C: usize>(
    sums: &mut [f32],
    width: usize,
    column: usize,
    now: &PageBlock<'_, T>,
) {
    let mut acc = load_block::<V, T, C>(&sums[column..], width);
    for b in 0..now.count {
        for t in 0..T {
            let alpha = V::splat(now.alpha[b * T + t]);
            for c in 0..C {
                acc[t][c] = acc[t][c].mul(alpha);
            }
        }
        // the first query of the tile sees least
        let (all, some) = (now.visible[b][0], now.visible[b][T - 1]);
        let values = &now.values[b][column..];
        let p = &now.p[b];
        rank_update(&mut acc, Strided { data: p.as_flattened(), row: 1, column: LANES }, values, now.width, all);
        for j in all..some {
            let [row] = load_block::<V, 1, C>(&values[j * now.width..], now.width);
            for t in 0..T {
                if j < now.visible[b][t] {
                    for c in 0..C {
                        acc[t][c] = acc[t][c].fma(V::splat(p[t][j]), row[c]);
                    }
                }
            }
        }
    }
    store_block(&mut sums[column..], width, &acc);
}
