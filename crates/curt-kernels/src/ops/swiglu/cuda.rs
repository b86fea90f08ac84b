//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.

use super::Swiglu;
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::check_len;

pub(crate) const MODULE: Module =
    Module { name: "swiglu", ptx: include_str!("../../../ptx/swiglu.ptx"), kernels: &[FORWARD, BACKWARD] };

const FORWARD: Kernel =
    Kernel { name: "swiglu_forward", threads: 256, parameters: &[Parameter::Pointer, Parameter::Pointer, Parameter::U32] };

const BACKWARD: Kernel = Kernel {
    name: "swiglu_backward",
    threads: 256,
    parameters: &[Parameter::Pointer, Parameter::Pointer, Parameter::Pointer, Parameter::U32],
};

impl Swiglu for Cuda {
    fn swiglu_forward(&self, out: &mut CudaBuffer, gate_up: &CudaBuffer, rows: usize, width: usize) {
        const OP: &str = "swiglu_forward";
        check_len(OP, "out", out.len(), rows * width);
        check_len(OP, "gate_up", gate_up.len(), rows * 2 * width);
        self.launch(&FORWARD, [rows as u32, 1, 1], &[writes(out), reads(gate_up), Argument::size(OP, width)]);
    }

    fn swiglu_backward(&self, dgate_up: &mut CudaBuffer, dout: &CudaBuffer, gate_up: &CudaBuffer, rows: usize, width: usize) {
        const OP: &str = "swiglu_backward";
        check_len(OP, "dgate_up", dgate_up.len(), rows * 2 * width);
        check_len(OP, "dout", dout.len(), rows * width);
        check_len(OP, "gate_up", gate_up.len(), rows * 2 * width);
        let arguments = [writes(dgate_up), reads(dout), reads(gate_up), Argument::size(OP, width)];
        self.launch(&BACKWARD, [rows as u32, 1, 1], &arguments);
    }
}
