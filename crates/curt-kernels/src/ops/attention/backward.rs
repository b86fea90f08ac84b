//! Backward: one key head of one sequence, blocks of queries over its pages.
//!
//! All sums over queries and keys are taken in rising order, so the result depends on the sequence alone.

use super::PAGE;
use super::tiles::{HeadPages, Strided, load_block, products, rank_update, store_block};
use crate::cpu::simd::{self, LANES, Lanes};
use crate::cpu::vector::{self, Vector, VectorKernel};
use crate::cpu::{SharedMut, SimdPath};

/// Queries that walk the pages together; a multiple of every tile.
const QUERIES: usize = 32;

/// One key head of one whole sequence with all its queries. Buffers are those of the op.
#[derive(Clone, Copy)]
pub(super) struct BackwardHead<'a> {
    pub dq: SharedMut<'a, f32>,
    pub dk: SharedMut<'a, f32>,
    pub dv: SharedMut<'a, f32>,
    pub dout: &'a [f32],
    pub out: &'a [f32],
    pub lse: &'a [f32],
    pub q: &'a [f32],
    /// The pages of the sequence.
    pub pages: HeadPages<'a>,
    /// First row of the sequence.
    pub row: usize,
    /// Rows of the sequence.
    pub rows: usize,
}

impl BackwardHead<'_> {
    /// Computes the three gradients of this head.
    pub fn run(self, path: SimdPath) {
        // 16 registers hold fewer sums than 32
        match path {
            SimdPath::Avx512 => vector::run(path, HeadKernel::<8, 2>(self)),
            SimdPath::Avx2 | SimdPath::Portable => vector::run(path, HeadKernel::<4, 1>(self)),
        }
    }
}

/// The head in tiles of T vectors (and of 16 C columns).
struct HeadKernel<'a, const T: usize, const C: usize>(BackwardHead<'a>);

/// The sequence's keys and values the other way round than in the pages, and their gradients; rows padded to lanes.
struct Keys {
    /// Rows of keys \[tokens × width\].
    rows: Vec<f32>,
    /// Values as the pages hold keys: per page `head_dim` registers of 16 tokens, zero past the end.
    values: Vec<Lanes>,
    dk: Vec<f32>,
    dv: Vec<f32>,
}

/// A block of queries; rows padded to lanes, missing queries zero.
struct Queries {
    q: Vec<f32>,
    dout: Vec<f32>,
    dq: Vec<f32>,
    /// Σ dout · out of each query.
    correction: [f32; QUERIES],
    lse: [f32; QUERIES],
    position: [usize; QUERIES],
}

impl<const T: usize, const C: usize> VectorKernel for HeadKernel<'_, T, C> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        if T > 4 && !V::WIDE {
            unreachable!("too few registers");
        }
        let head = self.0;
        let shape = head.pages.shape;
        let (group, hd, heads, kv_heads) = (shape.group(), shape.head_dim, shape.heads, shape.kv_heads);
        let width = hd.next_multiple_of(LANES);
        let mut keys = Keys::new(&head, width);
        let mut block = Queries::new(width);
        for first in (0..head.rows * group).step_by(QUERIES) {
            let count = QUERIES.min(head.rows * group - first);
            block.load(&head, first, count);
            for page in 0..=block.position[count - 1] / PAGE {
                page_gradients::<V, T, C>(&mut keys, &mut block, &head, page, count.next_multiple_of(T));
            }
            for n in 0..count {
                let (row, h) = (head.row + (first + n) / group, head.pages.kv_head * group + (first + n) % group);
                // SAFETY: this task alone owns the queries of its head.
                let dq = unsafe { head.dq.range((row * heads + h) * hd, hd) };
                dq.copy_from_slice(&block.dq[n * width..][..hd]);
            }
        }
        for row in 0..head.rows {
            let at = ((head.row + row) * kv_heads + head.pages.kv_head) * hd;
            // SAFETY: this task alone owns the keys of its head.
            let (dk, dv) = unsafe { (head.dk.range(at, hd), head.dv.range(at, hd)) };
            dk.copy_from_slice(&keys.dk[row * width..][..hd]);
            dv.copy_from_slice(&keys.dv[row * width..][..hd]);
        }
    }
}

impl Keys {
    #[inline(always)]
    fn new(head: &BackwardHead<'_>, width: usize) -> Self {
        let (pages, hd) = (head.rows.div_ceil(PAGE), head.pages.shape.head_dim);
        let padded = pages * PAGE * width;
        let mut rows = vec![0.0; padded];
        let mut values = vec![[0.0; LANES]; pages * hd];
        for page in 0..pages {
            let (k, v) = (head.pages.keys(page), head.pages.values(page));
            for j in 0..PAGE.min(head.rows - page * PAGE) {
                let row = &mut rows[(page * PAGE + j) * width..][..hd];
                for d in 0..hd {
                    row[d] = k[d][j];
                    values[page * hd + d][j] = v[j * hd + d];
                }
            }
        }
        Self { rows, values, dk: vec![0.0; padded], dv: vec![0.0; padded] }
    }
}

impl Queries {
    fn new(width: usize) -> Self {
        let rows = || vec![0.0; QUERIES * width];
        let (correction, lse, position) = ([0.0; QUERIES], [0.0; QUERIES], [0; QUERIES]);
        Self { q: rows(), dout: rows(), dq: rows(), correction, lse, position }
    }

    /// Fills the block with `count` queries from `first` on, counted row by row and head by head.
    #[inline(always)]
    fn load(&mut self, head: &BackwardHead<'_>, first: usize, count: usize) {
        let shape = head.pages.shape;
        let (group, hd) = (shape.group(), shape.head_dim);
        let width = hd.next_multiple_of(LANES);
        self.dq.fill(0.0);
        for n in 0..QUERIES {
            let (q, dout) = (&mut self.q[n * width..][..hd], &mut self.dout[n * width..][..hd]);
            if n < count {
                let (row, h) = ((first + n) / group, (first + n) % group);
                let at = (head.row + row) * shape.heads + head.pages.kv_head * group + h;
                q.copy_from_slice(&head.q[at * hd..][..hd]);
                dout.copy_from_slice(&head.dout[at * hd..][..hd]);
                let mut sum = [0.0; LANES];
                for (x, y) in dout.chunks(LANES).zip(head.out[at * hd..][..hd].chunks(LANES)) {
                    let (x, y) = (simd::load(x, 0.0), simd::load(y, 0.0));
                    for i in 0..LANES {
                        sum[i] = x[i].mul_add(y[i], sum[i]);
                    }
                }
                self.correction[n] = simd::sum(&sum);
                self.lse[n] = head.lse[at];
                self.position[n] = row;
            } else {
                // a query of zeros: its weights meet only zeros
                q.fill(0.0);
                dout.fill(0.0);
                (self.correction[n], self.lse[n], self.position[n]) = (0.0, 0.0, self.position[count - 1]);
            }
        }
    }
}

/// What one page and the first `count` queries of a block give to each other.
#[inline(always)]
fn page_gradients<V: Vector, const T: usize, const C: usize>(
    keys: &mut Keys,
    block: &mut Queries,
    head: &BackwardHead<'_>,
    page: usize,
    count: usize,
) {
    let hd = head.pages.shape.head_dim;
    let width = hd.next_multiple_of(LANES);
    let scale = head.pages.shape.scale as f32;
    let (k, v) = (head.pages.keys(page), &keys.values[page * hd..][..hd]);
    let key_rows = &keys.rows[page * PAGE * width..][..PAGE * width];
    let visible = PAGE.min(head.rows - page * PAGE);
    let mut p = [[0.0; LANES]; QUERIES];
    let mut ds = [[0.0; LANES]; QUERIES];
    // queries before the page see nothing of it
    let first = (0..count).step_by(T).find(|n| block.position[n + T - 1] >= page * PAGE).unwrap_or(count);
    for n in (first..count).step_by(T) {
        let (mut q, mut dout): ([&[f32]; T], [&[f32]; T]) = ([&[]; T], [&[]; T]);
        for t in 0..T {
            q[t] = &block.q[(n + t) * width..][..hd];
            dout[t] = &block.dout[(n + t) * width..][..hd];
        }
        let [s] = products::<V, T, 1>(q, [k]);
        let [dp] = products::<V, T, 1>(dout, [v]);
        for t in 0..T {
            let n = n + t;
            let seen = (block.position[n] + 1).saturating_sub(page * PAGE).min(PAGE);
            let shifted = V::splat(-block.lse[n]).fma(V::load(&s[t]), V::splat(scale));
            let weights = shifted.first(seen, f32::NEG_INFINITY).exp_or_zero();
            weights.store(&mut p[n]);
            let slope = V::load(&dp[t]).sub(V::splat(block.correction[n]));
            weights.mul(slope).mul(V::splat(scale)).store(&mut ds[n]);
        }
        let weights = Strided { data: ds[n..].as_flattened(), row: 1, column: LANES };
        accumulate::<V, T, C>(&mut block.dq[n * width..], weights, key_rows, width, visible);
    }
    let rows = page * PAGE * width;
    for j in (0..PAGE).step_by(T) {
        let at = rows + j * width;
        let (ds, p) = (&ds[first..count].as_flattened()[j..], &p[first..count].as_flattened()[j..]);
        let column = |data| Strided { data, row: LANES, column: 1 };
        accumulate::<V, T, C>(&mut keys.dk[at..], column(ds), &block.q[first * width..], width, count - first);
        accumulate::<V, T, C>(&mut keys.dv[at..], column(p), &block.dout[first * width..], width, count - first);
    }
}

/// `y[t] += sum_r a(r, t) · x[r]` for T rows of `width` columns.
#[inline(always)]
fn accumulate<V: Vector, const T: usize, const C: usize>(y: &mut [f32], a: Strided<'_>, x: &[f32], width: usize, rows: usize) {
    let mut column = 0;
    while column + C * LANES <= width {
        let mut acc = load_block::<V, T, C>(&y[column..], width);
        rank_update(&mut acc, a, &x[column..], width, rows);
        store_block(&mut y[column..], width, &acc);
        column += C * LANES;
    }
    if column < width {
        let mut acc = load_block::<V, T, 1>(&y[column..], width);
        rank_update(&mut acc, a, &x[column..], width, rows);
        store_block(&mut y[column..], width, &acc);
    }
}
