//! The launch on a GPU; the arithmetic is that of `cpu.rs`, bit for bit. Blocks are added up on the host.

use super::{BLOCK, GradNorm};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::check_len;

pub(crate) const MODULE: Module =
    Module { name: "grad_norm", ptx: include_str!("../../../ptx/grad_norm.ptx"), kernels: &[SUM_OF_SQUARES] };

/// A half warp per block of elements.
const SUM_OF_SQUARES: Kernel =
    Kernel { name: "sum_of_squares", threads: 128, parameters: &[Parameter::Pointer, Parameter::Pointer, Parameter::U64] };

impl GradNorm for Cuda {
    fn sum_of_squares(&self, x: &CudaBuffer, len: usize) -> f64 {
        check_len("sum_of_squares", "x", x.len(), len);
        let blocks = len.div_ceil(BLOCK);
        let Some(mut sums) = self.scratch_of::<f64>(blocks) else { return f64::NAN };
        let arguments = [writes(&mut sums), reads(x), Argument::U64(len as u64)];
        self.launch(&SUM_OF_SQUARES, [SUM_OF_SQUARES.blocks_of_half_warps(blocks), 1, 1], &arguments);
        let mut host = vec![0.0; blocks];
        match self.read_block(&mut host, &sums) {
            true => host.iter().fold(0.0, |total, sum| total + sum),
            false => f64::NAN,
        }
    }
}
