//! The fast f32 half.

use super::panels::{COLUMNS, Panels, panel_product};
use super::product::Product;
use super::tile::ROWS;
use super::{Linear, LinearShape};
use crate::cpu::{Buffer, SharedMut};
use crate::{Backend, Cpu, DeviceError};

/// Numbers of `x` that stay in the second-level cache while panels pass by: 1 MiB.
const NEAR: usize = 1 << 18;

/// Rows of `x` per task, which computes them for one panel: as many as stay near, but enough tasks for all threads.
fn task_rows(shape: LinearShape, panels: usize, threads: usize) -> usize {
    let near = (NEAR / shape.k.max(1)).clamp(8 * ROWS, 64 * ROWS);
    let wanted = if threads > 1 { (4 * threads).div_ceil(panels.max(1)) } else { 1 };
    near.min(shape.rows.div_ceil(wanted).max(8 * ROWS)).next_multiple_of(ROWS)
}

impl Linear for Cpu<f32> {
    type Packed = Panels;

    fn packed(&self, n: usize, k: usize) -> Result<Panels, DeviceError> {
        Panels::zeros(n, k)
    }

    fn pack(&self, packed: &mut Panels, weight: &Buffer<f32>) {
        packed.fill(self, weight);
    }

    fn linear_forward(
        &self,
        y: &mut Buffer<f32>,
        x: &Buffer<f32>,
        weight: &Panels,
        bias: Option<&Buffer<f32>>,
        shape: LinearShape,
    ) {
        let LinearShape { rows, n, k } = shape;
        assert!(weight.n() == n && weight.k() == k, "linear_forward: weight is {} x {}, not {n} x {k}", weight.n(), weight.k());
        assert!(y.len() >= rows * n, "linear_forward: y has {} numbers, {rows} x {n} expected", y.len());
        assert!(x.len() >= rows * k, "linear_forward: x has {} numbers, {rows} x {k} expected", x.len());
        assert!(bias.is_none_or(|b| b.len() >= n), "linear_forward: bias is shorter than {n}");
        let panels = weight.count();
        let height = task_rows(shape, panels, self.threads());
        let blocks = rows.div_ceil(height);
        let y = SharedMut::new(y);
        self.for_each_task(blocks * weight.count(), rows * n * k, |task| {
            let (p, block) = (task % panels, task / panels);
            let rows = block * height..rows.min((block + 1) * height);
            let first = p * COLUMNS;
            panel_product(self.path(), y, rows.start * n + first, n, &x[rows.start * k..], k, rows.len(), weight, p..p + 1);
            if let Some(bias) = bias {
                let width = COLUMNS.min(n - first);
                for row in rows {
                    // SAFETY: the task owns these rows of its panel.
                    let line = unsafe { y.range(row * n + first, width) };
                    for (y, b) in line.iter_mut().zip(&bias[first..]) {
                        *y += b;
                    }
                }
            }
        });
    }

    fn linear_backward_input(&self, dx: &mut Buffer<f32>, dy: &Buffer<f32>, weight: &Buffer<f32>, shape: LinearShape) {
        let LinearShape { rows, n, k } = shape;
        assert!(dx.len() >= rows * k, "linear_backward_input: dx has {} numbers, {rows} x {k} expected", dx.len());
        assert!(dy.len() >= rows * n, "linear_backward_input: dy has {} numbers, {rows} x {n} expected", dy.len());
        assert!(weight.len() >= n * k, "linear_backward_input: weight has {} numbers, {n} x {k} expected", weight.len());
        Product { a: dy, a_row: n, a_step: 1, b: weight, b_stride: k, rows, columns: k, depth: n, accumulate: false }
            .run(self, dx, k);
    }

    fn linear_backward_weight(
        &self,
        dweight: &mut Buffer<f32>,
        dbias: Option<&mut Buffer<f32>>,
        dy: &Buffer<f32>,
        x: &Buffer<f32>,
        shape: LinearShape,
    ) {
        let LinearShape { rows, n, k } = shape;
        assert!(dweight.len() >= n * k, "linear_backward_weight: dweight has {} numbers, {n} x {k} expected", dweight.len());
        assert!(dy.len() >= rows * n, "linear_backward_weight: dy has {} numbers, {rows} x {n} expected", dy.len());
        assert!(x.len() >= rows * k, "linear_backward_weight: x has {} numbers, {rows} x {k} expected", x.len());
        Product { a: dy, a_row: 1, a_step: n, b: x, b_stride: k, rows: n, columns: k, depth: rows, accumulate: true }
            .run(self, dweight, k);
        if let Some(dbias) = dbias {
            assert!(dbias.len() >= n, "linear_backward_weight: dbias is shorter than {n}");
            add_column_sums(self, &mut dbias[..n], &dy[..rows * n]);
        }
    }
}

/// Adds to `sums` \[n\] the column sums of `dy` \[rows × n\]: each in order of rows, in its own lane.
fn add_column_sums(cpu: &Cpu<f32>, sums: &mut [f32], dy: &[f32]) {
    let n = sums.len();
    let sums = SharedMut::new(sums);
    cpu.for_each_task(n.div_ceil(COLUMNS), dy.len(), |p| {
        let width = COLUMNS.min(n - p * COLUMNS);
        // SAFETY: each task adds to its own columns.
        let sums = unsafe { sums.range(p * COLUMNS, width) };
        let mut total = [0.0f32; COLUMNS];
        for row in dy.chunks_exact(n) {
            for (total, dy) in total.iter_mut().zip(&row[p * COLUMNS..][..width]) {
                *total += dy;
            }
        }
        for (sum, total) in sums.iter_mut().zip(&total) {
            *sum += total;
        }
    });
}
