//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.

use super::cpu::DWEIGHT_ROWS;
use super::{RmsNorm, RmsNormShape};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::check_len;

use Parameter::{F32, Pointer, U32};

pub(crate) const MODULE: Module = Module {
    name: "rms_norm",
    ptx: include_str!("../../../ptx/rms_norm.ptx"),
    kernels: &[FORWARD, ADD_FORWARD, BACKWARD, ADD_IN_ORDER],
};

/// Rows of a block of the forward: fixed by the kernels. A block of the backward owns [`DWEIGHT_ROWS`].
const FORWARD_ROWS: usize = 16;

const FORWARD: Kernel =
    Kernel { name: "rms_norm_forward", threads: 256, parameters: &[Pointer, Pointer, Pointer, U32, U32, F32] };

const ADD_FORWARD: Kernel = Kernel {
    name: "add_rms_norm_forward",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, F32],
};

const BACKWARD: Kernel = Kernel {
    name: "rms_norm_backward",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, F32],
};

const ADD_IN_ORDER: Kernel = Kernel { name: "add_in_order", threads: 128, parameters: &[Pointer, Pointer, U32, U32] };

impl RmsNorm for Cuda {
    fn rms_norm_forward(&self, y: &mut CudaBuffer, x: &CudaBuffer, weight: &CudaBuffer, shape: RmsNormShape) {
        const OP: &str = "rms_norm_forward";
        let RmsNormShape { rows, width, .. } = shape;
        check_len(OP, "y", y.len(), rows * width);
        check_len(OP, "x", x.len(), rows * width);
        check_len(OP, "weight", weight.len(), width);
        let arguments = [&[writes(y), reads(x), reads(weight)][..], &sizes(OP, shape)].concat();
        self.launch(&FORWARD, [rows.div_ceil(FORWARD_ROWS) as u32, 1, 1], &arguments);
    }

    fn add_rms_norm_forward(
        &self,
        h: &mut CudaBuffer,
        y: &mut CudaBuffer,
        x: &CudaBuffer,
        delta: &CudaBuffer,
        weight: &CudaBuffer,
        shape: RmsNormShape,
    ) {
        const OP: &str = "add_rms_norm_forward";
        let RmsNormShape { rows, width, .. } = shape;
        for (name, len) in [("h", h.len()), ("y", y.len()), ("x", x.len()), ("delta", delta.len())] {
            check_len(OP, name, len, rows * width);
        }
        check_len(OP, "weight", weight.len(), width);
        let arrays = [writes(h), writes(y), reads(x), reads(delta), reads(weight)];
        let arguments = [&arrays[..], &sizes(OP, shape)].concat();
        self.launch(&ADD_FORWARD, [rows.div_ceil(FORWARD_ROWS) as u32, 1, 1], &arguments);
    }

    fn rms_norm_backward(
        &self,
        dx: &mut CudaBuffer,
        dweight: &mut CudaBuffer,
        dresidual: Option<&CudaBuffer>,
        dy: &CudaBuffer,
        x: &CudaBuffer,
        weight: &CudaBuffer,
        shape: RmsNormShape,
    ) {
        const OP: &str = "rms_norm_backward";
        let RmsNormShape { rows, width, .. } = shape;
        for (name, len) in [("dx", dx.len()), ("dy", dy.len()), ("x", x.len())] {
            check_len(OP, name, len, rows * width);
        }
        check_len(OP, "dresidual", dresidual.map_or(usize::MAX, CudaBuffer::len), rows * width);
        check_len(OP, "dweight", dweight.len(), width);
        check_len(OP, "weight", weight.len(), width);
        let blocks = rows.div_ceil(DWEIGHT_ROWS);
        let Some(mut partials) = self.scratch(blocks * width) else { return };
        let dresidual = dresidual.map_or(Argument::NULL, reads);
        let arrays = [writes(dx), writes(&mut partials), dresidual, reads(dy), reads(x), reads(weight)];
        let arguments = [&arrays[..], &sizes(OP, shape)].concat();
        self.launch(&BACKWARD, [blocks as u32, 1, 1], &arguments);
        self.add_in_order(dweight, &partials, 0, blocks, width);
    }
}

fn sizes(op: &str, shape: RmsNormShape) -> [Argument; 3] {
    [Argument::size(op, shape.rows), Argument::size(op, shape.width), Argument::F32(shape.epsilon as f32)]
}

impl Cuda {
    /// Adds to `total` \[width\] the `count` partial sums of that width from `partials[first]` on, as the CPU's `add_in_order`.
    pub(crate) fn add_in_order(&self, total: &mut CudaBuffer, partials: &CudaBuffer, first: usize, count: usize, width: usize) {
        if count == 0 {
            return;
        }
        let partials = Argument::Pointer(partials.pointer(first));
        let sizes = [count, width].map(|n| Argument::size("add_in_order", n));
        let arguments = [writes(total), partials, sizes[0], sizes[1]];
        self.launch(&ADD_IN_ORDER, [ADD_IN_ORDER.blocks_for(width), 1, 1], &arguments);
    }
}

#[cfg(test)]
mod tests {
    use super::{RmsNorm, RmsNormShape};
    use crate::testing::{Numbers, assert_same_numbers, guarded, on_cuda, unguarded};
    use crate::{Backend, Cpu};

    /// Forward, forward with a sum, and backward, each with all its outputs.
    fn all<B: Backend + RmsNorm>(backend: &B, rows: usize, width: usize) -> [Vec<f64>; 5] {
        let mut n = Numbers::new(width as u64);
        let [x, delta, dy] = [(); 3].map(|()| guarded(backend, &n.vector(rows * width)));
        let (weight, mut dweight) = (guarded(backend, &n.vector(width)), guarded(backend, &n.vector(width)));
        let [mut y, mut h, mut y_of_sum, mut dx] = [(); 4].map(|()| guarded(backend, &vec![7.0; rows * width]));
        let shape = RmsNormShape { rows, width, epsilon: 1e-6 };
        backend.rms_norm_forward(&mut y, &x, &weight, shape);
        backend.add_rms_norm_forward(&mut h, &mut y_of_sum, &x, &delta, &weight, shape);
        backend.rms_norm_backward(&mut dx, &mut dweight, Some(&delta), &dy, &x, &weight, shape);
        [&y, &h, &y_of_sum, &dx, &dweight].map(|output| unguarded(backend, "output", output))
    }

    /// A width for each way to hold rows, and one that is too long to be held.
    #[test]
    fn rows_of_all_lengths_have_the_bits_of_the_cpu() {
        let cpu = Cpu::<f32>::new(1).unwrap();
        on_cuda(|cuda| {
            for (rows, width) in [(69, 512), (66, 600), (19, 1500), (5, 3001), (3, 5000), (2, 8192), (18, 8200)] {
                for (got, want) in all(cuda, rows, width).iter().zip(all(&cpu, rows, width)) {
                    assert_same_numbers(&format!("{rows} x {width}"), got, &want);
                }
            }
        });
    }
}
