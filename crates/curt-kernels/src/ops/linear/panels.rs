//! A weight re-packed for the forward, and the forward's product.

use std::ops::Range;

use super::tile::{Onto, Sweep};
use crate::cpu::{Buffer, SharedMut, SimdPath};
use crate::{Cpu, DeviceError};

pub(crate) use super::tile::COLUMNS;

/// Depth of a block: 128 × 64 floats of a panel stay in the first-level cache while the rows pass over them.
const DEPTH: usize = 128;

/// Numbers of a weight that the second-level cache is likely to hold anyway, so that fetching ahead only costs.
const NEAR: usize = 1 << 16;

/// A weight \[n × k\] in panels: panel p holds output columns `64p .. 64p + 64` as \[k\]\[64\], zeros past n.
#[derive(Debug)]
pub struct Panels {
    data: Buffer<f32>,
    n: usize,
    k: usize,
}

impl Panels {
    /// Room for a weight of `n × k`.
    pub(super) fn zeros(n: usize, k: usize) -> Result<Self, DeviceError> {
        Ok(Self { data: Buffer::zeros(n.div_ceil(COLUMNS) * COLUMNS * k)?, n, k })
    }

    /// Output features.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Input features.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The number of panels, the last of which may be partly filled.
    pub fn count(&self) -> usize {
        self.n.div_ceil(COLUMNS)
    }

    /// Packs `weight` \[n × k\] row-major.
    pub(super) fn fill(&mut self, cpu: &Cpu<f32>, weight: &[f32]) {
        let (n, k) = (self.n, self.k);
        assert!(weight.len() >= n * k, "pack: weight has {} numbers, {n} x {k} expected", weight.len());
        let data = SharedMut::new(&mut self.data);
        cpu.for_each_task(n.div_ceil(COLUMNS), n * k, |p| {
            // SAFETY: each task writes its own panel.
            let panel = unsafe { data.range(p * COLUMNS * k, COLUMNS * k) };
            for (column, row) in weight[p * COLUMNS * k..n * k].chunks_exact(k.max(1)).take(COLUMNS).enumerate() {
                for (line, &w) in panel.chunks_exact_mut(COLUMNS).zip(row) {
                    line[column] = w;
                }
            }
        });
    }
}

/// `y[r][c − 64·panels.start] = Σ_k x[r][k] · W[c][k]` for the columns c of `panels`: the forward arithmetic, serial.
///
/// Element (r, c) of the output is at `y_offset + r · y_stride + (c − 64 · panels.start)`; columns past n are not written.
/// Each output element is one chain of fused multiply-adds from 0 in order of k: its bits depend on `x[r]` and `W[c]`
/// alone. No bias. Panics when an operand is too short.
pub(crate) fn panel_product(
    path: SimdPath,
    y: SharedMut<f32>,
    y_offset: usize,
    y_stride: usize,
    x: &[f32],
    x_stride: usize,
    rows: usize,
    weight: &Panels,
    panels: Range<usize>,
) {
    let (n, k) = (weight.n, weight.k);
    if rows == 0 || panels.is_empty() {
        return;
    }
    assert!(panels.end <= weight.count(), "panel_product: panel {} of {}", panels.end, weight.count());
    assert!(x.len() >= (rows - 1) * x_stride + k, "panel_product: x has {} numbers", x.len());
    let written = (panels.end * COLUMNS).min(n) - panels.start * COLUMNS;
    assert!(y.len() >= y_offset + (rows - 1) * y_stride + written, "panel_product: y has {} numbers", y.len());
    for p in panels.clone() {
        let mut k0 = 0;
        loop {
            let depth = DEPTH.min(k - k0);
            let sweep = Sweep {
                c: y.pointer(y_offset + (p - panels.start) * COLUMNS),
                c_stride: y_stride,
                columns: COLUMNS.min(n - p * COLUMNS),
                a: x[k0..].as_ptr(),
                a_row: x_stride,
                a_step: 1,
                b: weight.data[(p * k + k0) * COLUMNS..].as_ptr().cast_mut(),
                source: None,
                rows,
                depth,
                onto: if k0 == 0 { Onto::Nothing } else { Onto::Chain },
                // the next block follows this one in memory, the next panel the last block
                ahead: if weight.data.len() > NEAR { DEPTH } else { 0 },
            };
            // SAFETY: bounds asserted above; the caller owns these columns of `y`; `Cpu` checked the path; without a
            // source the panel is only read.
            unsafe { sweep.run(path) }
            k0 += depth;
            if k0 == k {
                break;
            }
        }
    }
}
